"""Signing in with company, account and password (ACC-1): one answer for every failure, a lock after ten.

Ways in that are refused are alike to the one who tries: the sentence is one, an unknown account counts towards a limit
as a known one does, and the page answers no sooner than after a fixed time (`admin_web.sign_in`).
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Final

from limits import RateLimitItemPerMinute
from sqlalchemy import select

from core import access, attempts, audit, passwords
from core.accounts import WrongPasswordError
from core.attempts import LOCK_TIME, MAX_FAILURES, Attempt
from core.database import ALL_TENANTS, Database, TenantSession, utc_now
from core.errors import CallerFault
from core.i18n import lazy
from core.models import Account, AuditEntry, Tenant, TenantState
from core.permissions import Principal
from core.throttle import Throttle

__all__ = ["LOCK_TIME", "MAX_FAILURES", "Authenticated", "SignInRefusedError", "authenticate", "unlock"]

UNKNOWN_LIMIT: Final = RateLimitItemPerMinute(MAX_FAILURES, int(LOCK_TIME.total_seconds() // 60))
"""Attempts on a pair of company and login that does not exist, as often as on one that does."""


class SignInRefusedError(CallerFault):
    """The three do not fit together, the account is locked or off, the company suspended, or the address not one of
    its own: nobody learns which.
    """

    id = "sign-in-refused"
    status = 401
    sentence = lazy(
        "Company, account or password is wrong, the account is locked or disabled, or it may not be used from "
        "here. After ten failures an account is locked for 15 minutes."
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Authenticated:
    """Who proved to be who they are."""

    tenant_id: int
    account_id: int
    epoch: int
    """The account's epoch when the password was right, for the session that begins."""
    second_factor: bool = False
    """Whether a code is needed besides (`core.second_factor`)."""


def authenticate(
    database: Database,
    tenant_code: str,
    login: str,
    password: str,
    ip: str,
    *,
    throttle: Throttle | None = None,
    now: datetime.datetime | None = None,
) -> Authenticated:
    """Return whose the credentials are. Raises :class:`SignInRefusedError` and nothing else for wrong ones.

    An attempt is counted before the password is looked at, in one transaction, so that parallel guesses
    cannot exceed the limit; a right password sets the count back, or gives the attempt back where a code is
    asked for besides. The hash is computed outside of any transaction, and not at all once the limit is reached.
    """
    now = now or utc_now()
    tenant_code, login = tenant_code.strip().lower()[:64], login.strip().lower()[:64]
    with database.transaction(ALL_TENANTS) as session:
        account = _find(session, tenant_code, login)
        hashed = None if account is None else _open_door(session, account, ip, now)
        session.commit()
    if account is None:
        _refuse_unknown(database, throttle, tenant_code, login, password, ip)
    assert account is not None
    if hashed is None or not passwords.verify_password(hashed, password):
        log_of_account(database, account, "refused", ip)
        raise SignInRefusedError()
    renewed = passwords.hash_password(password) if passwords.needs_rehash(hashed) else None
    with database.transaction(ALL_TENANTS) as session:
        fresh = session.get(Account, account.id, with_for_update=True)
        if fresh is None or fresh.password_hash != hashed or not fresh.enabled or fresh.deleted_at:
            raise SignInRefusedError()
        fresh.password_hash = renewed or hashed
        needs_code, epoch = fresh.totp_confirmed_at is not None, fresh.session_epoch
        if needs_code:
            attempts.give_back(fresh)
        else:
            accept(session, fresh, ip, now)
        session.commit()
    return Authenticated(
        tenant_id=account.tenant_id, account_id=account.id, epoch=epoch, second_factor=needs_code
    )


def accept(session: TenantSession, account: Account, ip: str, now: datetime.datetime) -> None:
    """Write down that `account` proved everything asked for; the caller holds its row and commits."""
    attempts.forget(account)
    account.last_sign_in_at = now
    session.add(entry(account, "accepted", ip))


def check_password(
    database: Database, account_id: int, password: str, ip: str, *, now: datetime.datetime | None = None
) -> None:
    """Check the password of somebody who is signed in, before a change that needs it. Wrong ones count towards the
    lock, so that an unattended browser is no place to guess in. Raises ``WrongPasswordError``, when locked too.
    """
    now = now or utc_now()
    with database.transaction(ALL_TENANTS) as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        hashed = take_attempt(session, account, ip, now) and account.password_hash
        session.commit()
    if not hashed or not passwords.verify_password(hashed, password):
        log_of_account(database, account, "refused", ip)
        raise WrongPasswordError()
    with database.transaction(ALL_TENANTS) as session:
        attempts.give_back(session.get_one(Account, account_id, with_for_update=True))
        session.commit()


def take_attempt(session: TenantSession, account: Account, ip: str, now: datetime.datetime) -> bool:
    """Count an attempt on `account`, whose row the session holds, and log the lock when it is the last; False while
    the account is locked.
    """
    taken = attempts.take(account, now)
    if taken is Attempt.TAKEN_LAST:
        session.add(entry(account, "locked", ip))
    return taken is not Attempt.LOCKED


def unlock(session: TenantSession, actor: Principal | None, account: Account) -> None:
    """Let `account` try again at once after too many failures. The caller commits."""
    attempts.forget(account)
    audit.record(session, actor, "sign-in.unlock", account, {})


def log_of_account(database: Database, account: Account, action: str, ip: str) -> None:
    """Add a line to the log of the account's company, in a transaction of its own."""
    with database.transaction(ALL_TENANTS) as session:
        session.add(entry(account, action, ip))
        session.commit()


def entry(account: Account, action: str, ip: str) -> AuditEntry:
    """Return a line of the log about `account`'s signing in."""
    return AuditEntry(
        tenant_id=account.tenant_id,
        account_id=account.id,
        account_name=account.name,
        ip=ip[:45],
        module="sign-in",
        action=action,
        object_kind="account",
        object_id=account.id,
        object_name=account.login,
    )


def _find(session: TenantSession, tenant_code: str, login: str) -> Account | None:
    """Return the account if it could sign in at all, its row held, and no other: a join would hold the company's row
    too, and lines of the log, which refer to both, would meet it in the other order.
    """
    account_id = session.scalar(
        select(Account.id)
        .join(Tenant, Tenant.id == Account.tenant_id)
        .where(Tenant.code == tenant_code, Account.login == login, Tenant.state == TenantState.ACTIVE)
    )
    account = None if account_id is None else session.get(Account, account_id, with_for_update=True)
    return account if account is not None and account.enabled and account.deleted_at is None else None


def _open_door(session: TenantSession, account: Account, ip: str, now: datetime.datetime) -> str | None:
    """Return the hash to compare with; None while the account is locked, and for an address that is not one of its
    company's, from where nobody can even lock it.
    """
    if not access.allowed(access.networks_of(session, account.tenant_id), ip):
        session.add(entry(account, "wrong-address", ip))
        return None
    return account.password_hash if take_attempt(session, account, ip, now) else None


def _refuse_unknown(
    database: Database, throttle: Throttle | None, tenant_code: str, login: str, password: str, ip: str
) -> None:
    """Refuse what does not exist, with the work a wrong password on a known account costs: a hash as often as there,
    and a line in the company's log where there is such a company.
    """
    if throttle is None or throttle.take(UNKNOWN_LIMIT, "unknown-account", tenant_code, login):
        passwords.verify_password(None, password)
    with database.transaction(ALL_TENANTS) as session:
        tenant = session.scalar(select(Tenant).where(Tenant.code == tenant_code))
        if tenant is not None:
            session.add(
                AuditEntry(
                    tenant_id=tenant.id, ip=ip[:45], module="sign-in", action="refused", object_name=login
                )
            )
            session.commit()
    raise SignInRefusedError()
