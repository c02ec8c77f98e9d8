"""API keys (ACC-13): made, switched, deleted. The key itself is returned once and never stored."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import string
from collections.abc import Collection
from typing import Final

from sqlalchemy import func, select

from admin_web.api import scopes
from admin_web.api.models import ApiKey
from admin_web.api.scopes import MEANINGS, ApiScope
from core import audit
from core.crypto import token_hash
from core.database import TenantSession, utc_now
from core.errors import CallerFault, Conflict, NotFound
from core.i18n import lazy
from core.models import Account
from core.permissions import Permission, Principal, require_covers

MAX_KEYS: Final = 100
"""Keys of one company."""

PER_MINUTE: Final = (1, 6000)
"""Least and most requests a minute a key can be given."""

LIFETIMES: Final = (30, 90, 365, 730)
"""Days a key can be given; 0 is without an end."""

_LETTERS = string.ascii_letters + string.digits


class KeyNameError(CallerFault):
    """A key has a name, to know what it is for."""

    id = "invalid-key-name"
    status = 422
    sentence = lazy("Enter a name of at most 100 characters.")


class NoScopeError(CallerFault):
    """A key for nothing, or for something its maker may not do."""

    id = "invalid-scopes"
    status = 422
    sentence = lazy("Choose at least one scope of the list.")


class InvalidRateError(CallerFault):
    """The limit is out of range."""

    id = "invalid-rate"
    status = 422
    sentence = lazy("A whole number from %(low)s to %(high)s.")


class InvalidLifetimeError(CallerFault):
    """The lifetime is none of the list."""

    id = "invalid-lifetime"
    status = 422
    sentence = lazy("Choose one of the list.")


class TooManyKeysError(Conflict):
    """The company has as many keys as it may."""

    id = "too-many-keys"
    sentence = lazy("A company has at most %(maximum)s keys; delete one that is not needed.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeKey:
    """A new key: the row, and the key to be shown once."""

    row: ApiKey
    token: str


def make(
    session: TenantSession,
    actor: Principal,
    *,
    name: str,
    wanted: Collection[ApiScope],
    days: int,
    per_minute: int,
) -> MadeKey:
    """Make a key of `actor`. `days` until it expires; 0: never. The caller commits.

    Raises :class:`KeyNameError`, :class:`NoScopeError`, :class:`InvalidLifetimeError`, :class:`InvalidRateError`,
    :class:`TooManyKeysError`.
    """
    name = name.strip()
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise KeyNameError(field="name")
    if not wanted or not set(wanted) <= set(scopes.grantable(actor.permissions)):
        raise NoScopeError(field="scopes")
    if days and days not in LIFETIMES:
        raise InvalidLifetimeError(field="days")
    if not PER_MINUTE[0] <= per_minute <= PER_MINUTE[1]:
        raise InvalidRateError(field="per_minute", low=PER_MINUTE[0], high=PER_MINUTE[1])
    if (session.scalar(select(func.count()).select_from(ApiKey)) or 0) >= MAX_KEYS:
        raise TooManyKeysError(maximum=MAX_KEYS)
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(8))
    token = f"zj_{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        name=name,
        prefix=f"zj_{prefix}",
        token_hash=token_hash(token),
        scopes=scopes.encode(wanted),
        per_minute=per_minute,
        account_id=actor.account_id,
        expires_at=utc_now() + datetime.timedelta(days=days) if days else None,
    )
    session.add(row)
    audit.record(session, actor, "api.create", row)
    return MadeKey(row=row, token=token)


def key_of(session: TenantSession, key_id: int) -> ApiKey:
    """Return the key in the session's scope. Raises ``NotFound``."""
    row = session.scalar(select(ApiKey).where(ApiKey.id == key_id))
    if row is None:
        raise NotFound(kind="api-key", id=key_id)
    return row


def set_enabled(session: TenantSession, actor: Principal, row: ApiKey, enabled: bool) -> None:
    """Switch a key on or off; it counts with the next request. The caller commits.

    Whoever switches on a key has the rights it stands on: raises ``TooMuchGivenError``.
    """
    if row.enabled == enabled:
        return
    if enabled:
        require_covers(actor, _needed(scopes.decode(row.scopes), actor))
    row.enabled = enabled
    audit.record(session, actor, "api.enable" if enabled else "api.disable", row)


def _needed(given: Collection[ApiScope], actor: Principal) -> list[Permission]:
    """Return, of each scope, a right `actor` lacks, if `actor` has none of those that are enough for it."""
    return [MEANINGS[each].needed[0] for each in given if not any(map(actor.may, MEANINGS[each].needed))]


def delete(session: TenantSession, actor: Principal, row: ApiKey) -> None:
    """Delete a key with the answers kept for it. The caller commits."""
    audit.record(session, actor, "api.delete", row, {})
    session.delete(row)
    session.flush()


def makers(session: TenantSession, rows: Collection[ApiKey]) -> dict[int, Account]:
    """Return the accounts that made `rows`, by id."""
    wanted = {row.account_id for row in rows}
    return {account.id: account for account in session.scalars(select(Account).where(Account.id.in_(wanted)))}
