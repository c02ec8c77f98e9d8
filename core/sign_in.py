"""Signing in with company, account and password (ACC-1): one answer for every failure, a lock after ten."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Final

from sqlalchemy import select

from core import passwords
from core.database import ALL_TENANTS, Database, TenantSession, utc_now
from core.errors import CallerFault
from core.i18n import lazy
from core.models import Account, AuditEntry, Tenant, TenantState

MAX_FAILURES: Final = 10
LOCK_TIME: Final = datetime.timedelta(minutes=15)


class SignInRefusedError(CallerFault):
    """The three do not fit together, the account is locked or off, or the company suspended: nobody learns
    which.
    """

    id = "sign-in-refused"
    status = 401
    sentence = lazy(
        "Company, account or password is wrong, or the account is locked or disabled. "
        "After ten failures an account is locked for 15 minutes."
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Authenticated:
    """Who proved to be who they are."""

    tenant_id: int
    account_id: int


def authenticate(
    database: Database,
    tenant_code: str,
    login: str,
    password: str,
    ip: str,
    *,
    now: datetime.datetime | None = None,
) -> Authenticated:
    """Return whose the credentials are. Raises :class:`SignInRefusedError` and nothing else for wrong ones.

    An attempt is counted before the password is looked at, in one transaction, so that parallel guesses
    cannot exceed the limit; a right password sets the count back. The hash is computed outside of any
    transaction.
    """
    now = now or utc_now()
    with database.transaction(ALL_TENANTS) as session:
        account = _find(session, tenant_code, login)
        hashed = account.password_hash if account is not None and _take_attempt(account, now) else None
        session.commit()
    if not passwords.verify_password(hashed, password):
        _log_failure(database, account, ip)
        raise SignInRefusedError()
    assert account is not None
    assert hashed is not None
    renewed = passwords.hash_password(password) if passwords.needs_rehash(hashed) else None
    with database.transaction(ALL_TENANTS) as session:
        fresh = session.get(Account, account.id, with_for_update=True)
        if fresh is None or fresh.password_hash != hashed or not fresh.enabled:
            raise SignInRefusedError()
        fresh.failed_count = 0
        fresh.locked_until = None
        fresh.last_sign_in_at = now
        fresh.password_hash = renewed or hashed
        session.add(_entry(fresh, "accepted", ip))
        session.commit()
    return Authenticated(tenant_id=account.tenant_id, account_id=account.id)


def _find(session: TenantSession, tenant_code: str, login: str) -> Account | None:
    """Return the account if it could sign in at all, its row locked."""
    return session.scalar(
        select(Account)
        .join(Tenant, Tenant.id == Account.tenant_id)
        .where(
            Tenant.code == tenant_code.strip().lower()[:64],
            Account.login == login.strip().lower()[:64],
            Tenant.state == TenantState.ACTIVE,
            Account.enabled.is_(True),
        )
        .with_for_update(of=Account)
    )


def _take_attempt(account: Account, now: datetime.datetime) -> bool:
    """Count one attempt; False while the account is locked."""
    if account.locked_until is not None:
        if account.locked_until > now:
            return False
        account.locked_until = None
        account.failed_count = 0
    account.failed_count += 1
    if account.failed_count >= MAX_FAILURES:
        account.locked_until = now + LOCK_TIME
    return True


def _log_failure(database: Database, account: Account | None, ip: str) -> None:
    if account is None:
        return
    with database.transaction(ALL_TENANTS) as session:
        session.add(_entry(account, "refused", ip))
        session.commit()


def _entry(account: Account, action: str, ip: str) -> AuditEntry:
    return AuditEntry(
        tenant_id=account.tenant_id,
        account_id=account.id,
        account_name=account.name,
        ip=ip,
        module="sign-in",
        action=action,
        object_kind="account",
        object_id=account.id,
        object_name=account.login,
    )
