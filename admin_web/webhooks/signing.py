"""Signatures of deliveries, by the conventions of Standard Webhooks 1.0 (standardwebhooks.com, HMAC scheme).

A secret is ``whsec_`` and the base64 of 32 random bytes. What is signed is ``<webhook-id>.<webhook-timestamp>.<body>``;
the signature is ``v1,`` and the base64 of the HMAC-SHA-256, and while a secret is being replaced there are two of them,
with a space between.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def message_id(tenant_id: int, key: str) -> str:
    """Return the ``webhook-id`` of the event `key`: the same at every attempt, telling nothing of the event."""
    return "msg_" + hashlib.sha256(f"{tenant_id}:{key}".encode()).hexdigest()[:32]


def signature(secret: str, message: str, timestamp_s: int, body: bytes) -> str:
    """Return one signature. Raises ``ValueError`` for what is no secret."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = f"{message}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def headers(secrets_: Iterable[str], message: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery, signed with each of `secrets_`."""
    return {
        "content-type": "application/json",
        "user-agent": "Zongji-Webhooks/1",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signature(each, message, timestamp_s, body) for each in secrets_),
    }
