"""Who asks: key, maker and company are read for every request, so that whatever changes counts at once."""

from __future__ import annotations

import dataclasses
import datetime
import re
from typing import Final

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from admin_web.api import scopes
from admin_web.api.errors import (
    AddressRefusedError,
    CompanyInactiveError,
    KeyDisabledError,
    KeyExpiredError,
    KeyInvalidError,
    KeyMakerError,
    KeyRefusedError,
)
from admin_web.api.models import ApiKey
from admin_web.api.scopes import ApiScope
from core import access
from core.crypto import token_hash
from core.database import ALL_TENANTS, Database, utc_now
from core.models import Account, Role, Tenant, TenantState
from core.permissions import Principal, of_account, queues_of, reach_of

TOUCH_EVERY: Final = datetime.timedelta(seconds=60)
"""Use of a key is written down at most this often."""

_TOKEN = re.compile(r"zj_[0-9A-Za-z]{8}_[0-9A-Za-z_-]{43}")

log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Caller:
    """A program with a valid key."""

    key_id: int
    per_minute: int
    scopes: frozenset[ApiScope]
    principal: Principal
    """With the rights key and maker have in common."""
    maker: Principal
    """The same account with all its rights."""


def token_of(header: str | None) -> str:
    """Return the key in an ``Authorization`` header. Raises :class:`KeyRefusedError`."""
    kind, _, token = (header or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise KeyRefusedError()
    if not _TOKEN.fullmatch(token.strip()):
        raise KeyInvalidError()
    return token.strip()


def authenticate(database: Database, token: str, address: str) -> Caller:
    """Return who has the key `token`. Raises a kind of :class:`KeyRefusedError`, :class:`AddressRefusedError`."""
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        row = session.execute(
            select(ApiKey, Account, Tenant, Role)
            .join(Account, Account.id == ApiKey.account_id)
            .join(Tenant, Tenant.id == ApiKey.tenant_id)
            .outerjoin(Role, Role.id == Account.role_id)
            .where(ApiKey.token_hash == token_hash(token))
        ).one_or_none()
        if row is None:
            raise KeyInvalidError()
        key, account, tenant, role = row
        now = utc_now()
        _check(key, account, tenant, now)
        if not access.allowed(access.networks_of(session, tenant.id), address):
            raise AddressRefusedError(address=address)
    given = scopes.decode(key.scopes)
    held = of_account(account, role, is_operator=tenant.is_operator)
    maker = Principal(
        account_id=account.id,
        tenant_id=tenant.id,
        tenant_code=tenant.code,
        tenant_name=tenant.name,
        login=account.login,
        name=f"{account.name} (API: {key.name})"[:100],
        role_name="" if role is None else role.name,
        built_in_role=None if role is None else role.built_in,
        permissions=held,
        language=account.language or tenant.language,
        timezone=tenant.timezone,
        session_id=0,
        is_operator=tenant.is_operator,
        ip=address,
        queues=queues_of(account),
        group_reach=reach_of(account, role, is_operator=tenant.is_operator),
    )
    _touch(database, key, address, now)
    narrowed = dataclasses.replace(maker, permissions=scopes.rights(given, held))
    return Caller(key_id=key.id, per_minute=key.per_minute, scopes=given, principal=narrowed, maker=maker)


def _check(key: ApiKey, account: Account, tenant: Tenant, now: datetime.datetime) -> None:
    if tenant.state is not TenantState.ACTIVE:
        raise CompanyInactiveError()
    if not key.enabled:
        raise KeyDisabledError()
    if key.expires_at is not None and key.expires_at <= now:
        raise KeyExpiredError()
    if not account.enabled or account.deleted_at is not None:
        raise KeyMakerError()


def _touch(database: Database, key: ApiKey, address: str, now: datetime.datetime) -> None:
    """Write down when and from where the key was used; a busy database is no reason to refuse the request."""
    seen = key.last_used_at
    if seen is not None and now - seen < TOUCH_EVERY and key.last_used_ip == address[:45]:
        return
    try:
        with database.transaction(ALL_TENANTS) as session:
            session.execute(
                update(ApiKey)
                .where(ApiKey.id == key.id)
                .values(last_used_at=now, last_used_ip=address[:45], updated_at=ApiKey.updated_at)
            )
            session.commit()
    except OperationalError as error:
        log.warning("use of an API key not written down", key=key.id, error=str(error.orig))
