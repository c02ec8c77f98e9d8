"""Secrets at rest and SIP digests."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import PermanentFault
from core.i18n import lazy
from core.settings import Settings

_SIP_ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))
"""Letters and digits that are not taken for one another when typed into a phone."""


class UnreadableSecretError(PermanentFault):
    """A stored secret was sealed under another installation's key, or is damaged."""

    id = "unreadable-secret"
    sentence = lazy(
        "A stored secret cannot be read: the installation's key was changed or lost. Have a new secret made."
    )


class Vault:
    """Seals texts for the database (Fernet: AES-128-CBC with HMAC-SHA-256) under the installation's key."""

    def __init__(self, secret: str) -> None:
        key = HKDF(hashes.SHA256(), 32, salt=None, info=b"zongji vault v1").derive(secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    @classmethod
    def from_settings(cls, settings: Settings) -> Vault:
        """Return the installation's vault; its key is made once in the home folder."""
        return cls(settings.secret("encryption"))

    def seal(self, text: str) -> str:
        """Return `text` encrypted, as ASCII: about 4/3 of its bytes and 100 more."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """Return the sealed text. Raises :class:`UnreadableSecretError`."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UnreadableSecretError() from error


def sip_password() -> str:
    """Return a new SIP password: 20 unmistakable letters and digits, about 116 bits."""
    return "".join(secrets.choice(_SIP_ALPHABET) for _ in range(20))


def a1_hash(user: str, domain: str, password: str) -> str:
    """Return HA1 of digest authentication, hexadecimal (RFC 2617 §3.2.2.2; phones know nothing better than
    MD5).
    """
    return hashlib.md5(f"{user}:{domain}:{password}".encode(), usedforsecurity=False).hexdigest()


def token_hash(token: str) -> str:
    """Return what is stored of a random token: its SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
