"""A request with an Idempotency-Key is carried out once (docs/api.md).

Taking the key is one unique insert, committed by itself. The answer is stored in the transaction of the effect: after a
crash either both are there (and the answer is given again) or neither is, and the key can be taken over once
:data:`TAKE_OVER_AFTER` has passed. Whoever was merely slow finds at its end that it no longer owns the key and rolls
its effect back. `created_at` of the row is the proof of ownership.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import re
from typing import Any, Final

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from admin_web.api.errors import IdempotencyKeyError, IdempotencyMismatchError, UnderWayError
from admin_web.api.models import IdempotentAnswer
from core.database import Database, TenantSession, utc_now

KEPT_FOR: Final = datetime.timedelta(days=1)
TAKE_OVER_AFTER: Final = datetime.timedelta(seconds=60)
"""A request that is under way for so long is taken for dead; longer than any request may take."""

RETRY_AFTER_S: Final = 2
_CLEANED_AT_ONCE: Final = 100
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it is stored."""

    status: int
    headers: dict[str, str]
    body: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to carry out the request: ends with :func:`finish` or :func:`release`."""

    row_id: int
    tenant_id: int
    api_key_id: int
    key: str
    since: datetime.datetime


def request_hash(method: str, path: str, body: bytes) -> str:
    """Return what tells one request from another: SHA-256 of method, path and body, hexadecimal."""
    return hashlib.sha256(b"\n".join([method.encode(), path.encode(), body])).hexdigest()


def take(database: Database, tenant_id: int, api_key_id: int, key: str, fingerprint: str) -> Claim | Kept:
    """Take `key` for a request, or return the answer it got before.

    Raises :class:`IdempotencyKeyError`, :class:`IdempotencyMismatchError`, :class:`UnderWayError`.
    """
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyError()
    now = utc_now()
    row = IdempotentAnswer(api_key_id=api_key_id, key=key, request_hash=fingerprint, created_at=now)
    with database.transaction(tenant_id) as session:
        _forget_old(session, now)
        session.add(row)
        try:
            session.commit()
        except IntegrityError:
            session.rollback()
        else:
            return Claim(row_id=row.id, tenant_id=tenant_id, api_key_id=api_key_id, key=key, since=now)
        return _again(session, tenant_id, api_key_id, key, fingerprint, now)


def _again(
    session: TenantSession,
    tenant_id: int,
    api_key_id: int,
    key: str,
    fingerprint: str,
    now: datetime.datetime,
) -> Claim | Kept:
    found = session.scalar(
        select(IdempotentAnswer).where(IdempotentAnswer.api_key_id == api_key_id, IdempotentAnswer.key == key)
    )
    if found is None:  # released in between
        raise UnderWayError(retry_after_s=RETRY_AFTER_S)
    age = now - found.created_at
    if age < KEPT_FOR:
        if found.request_hash != fingerprint:
            raise IdempotencyMismatchError()
        if found.status:
            return msgspec.json.decode(found.body, type=Kept)
        if age < TAKE_OVER_AFTER:
            raise UnderWayError(retry_after_s=RETRY_AFTER_S)
    taken: Any = session.execute(
        update(IdempotentAnswer)
        .where(IdempotentAnswer.id == found.id, IdempotentAnswer.created_at == found.created_at)
        .values(created_at=now, request_hash=fingerprint, status=0, body="")
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:
        raise UnderWayError(retry_after_s=RETRY_AFTER_S)
    session.commit()
    return Claim(row_id=found.id, tenant_id=tenant_id, api_key_id=api_key_id, key=key, since=now)


def finish(session: TenantSession, claim: Claim, kept: Kept) -> None:
    """Store the answer in the transaction of the effect; the caller commits.

    Raises :class:`UnderWayError` when another request took the key over: then nothing may be committed.
    """
    stored: Any = session.execute(
        update(IdempotentAnswer)
        .where(
            IdempotentAnswer.id == claim.row_id,
            IdempotentAnswer.created_at == claim.since,
            IdempotentAnswer.status == 0,
        )
        .values(status=kept.status, body=msgspec.json.encode(kept).decode())
        .execution_options(synchronize_session=False)
    )
    if stored.rowcount != 1:
        raise UnderWayError(retry_after_s=RETRY_AFTER_S)


def release(database: Database, claim: Claim) -> None:
    """Give the key back: the request was refused and did nothing, so it may be repeated."""
    with database.transaction(claim.tenant_id) as session:
        session.execute(
            delete(IdempotentAnswer)
            .where(
                IdempotentAnswer.id == claim.row_id,
                IdempotentAnswer.created_at == claim.since,
                IdempotentAnswer.status == 0,
            )
            .execution_options(synchronize_session=False)
        )
        session.commit()


def _forget_old(session: TenantSession, now: datetime.datetime) -> None:
    old = session.scalars(
        select(IdempotentAnswer.id)
        .where(IdempotentAnswer.created_at < now - KEPT_FOR)
        .limit(_CLEANED_AT_ONCE)
    ).all()
    if old:
        session.execute(
            delete(IdempotentAnswer)
            .where(IdempotentAnswer.id.in_(old))
            .execution_options(synchronize_session=False)
        )
