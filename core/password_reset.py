"""A forgotten password (ACC-2): a code to the registered mobile, then a new password.

Asking answers the same whether company, login and mobile fit together or not: the page gets a random value for the
browser's cookie in any case, and only the sender knows. A code works in the browser that asked for it alone.
"""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import threading
from collections.abc import Callable
from typing import Final

import structlog
from limits import RateLimitItemPerDay, RateLimitItemPerHour
from sqlalchemy import select

from core import access, accounts, audit, passwords, phone
from core.access.models import ResetCode
from core.crypto import token_hash
from core.database import ALL_TENANTS, Database, utc_now
from core.errors import CallerFault
from core.i18n import lazy
from core.messages import MessageSender
from core.models import Account, Tenant, TenantState
from core.sessions import Sessions, end_sessions
from core.throttle import Throttle

CODE_TIME: Final = datetime.timedelta(minutes=10)
MAX_ATTEMPTS: Final = 5
"""Tries of one code."""
PER_ACCOUNT_HOUR: Final = RateLimitItemPerHour(3)
PER_ACCOUNT_DAY: Final = RateLimitItemPerDay(6)
"""Codes sent to one account; asking more often answers the same and sends nothing."""

log = structlog.get_logger(__name__)


class ResetRefusedError(CallerFault):
    """The code is wrong, used, too old, or was tried too often; or there never was one: nobody learns which."""

    id = "reset-refused"
    status = 422
    sentence = lazy(
        "This code is not right, or no longer: it is good for 10 minutes, five tries, and in the browser that "
        "asked for it."
    )


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


@dataclasses.dataclass(frozen=True, kw_only=True)
class PasswordReset:
    """The process's service; made once in the composition root. `run` carries out work the answer does not wait for."""

    database: Database
    sessions: Sessions
    throttle: Throttle
    sender: MessageSender
    run: Callable[[Callable[[], None]], None] = _in_background

    def ask(
        self, company: str, login: str, mobile: str, ip: str, *, now: datetime.datetime | None = None
    ) -> str:
        """Send a code if the three fit together, and return the value to be kept by the browser in any case."""
        browser = secrets.token_urlsafe(32)
        company, login = company.strip().lower()[:64], login.strip().lower()[:64]
        self.run(lambda: self._send(company, login, mobile, ip, browser, now or utc_now()))
        return browser

    def finish(
        self, browser: str, code: str, password: str, ip: str, *, now: datetime.datetime | None = None
    ) -> None:
        """Replace the password of whom the code was sent to; all their sessions end.

        Raises :class:`ResetRefusedError`, ``WeakPasswordError`` (the code stays good).
        """
        now = now or utc_now()
        passwords.require_strong(password)
        with self.database.transaction(ALL_TENANTS) as session:
            row = session.scalar(
                select(ResetCode).where(ResetCode.browser_hash == token_hash(browser)).with_for_update()
            )
            usable = (
                row is not None
                and row.used_at is None
                and now < row.expires_at
                and row.attempts < MAX_ATTEMPTS
            )
            if row is None or not usable:
                raise ResetRefusedError(field="code")
            row.attempts += 1
            if not secrets.compare_digest(row.code_hash, _code_hash(browser, code)):
                session.commit()
                raise ResetRefusedError(field="code")
            account = session.get_one(Account, row.account_id, with_for_update=True)
            # A code replaces the password that was forgotten, not one chosen since, by another code or otherwise.
            overtaken = account.password_changed_at >= row.created_at
            if overtaken or account.deleted_at is not None or not account.enabled:
                raise ResetRefusedError(field="code")
            accounts.set_password(session, None, account, password)
            end_sessions(session, account)
            row.used_at = now
            line = audit.record(session, None, "sign-in.password-reset", account, {}, ip=ip)
            line.account_id, line.account_name = account.id, account.name
            session.after_commit(self.sessions.changed)
            session.commit()

    def _send(
        self,
        company: str,
        login: str,
        mobile: str,
        ip: str,
        browser: str,
        now: datetime.datetime,
    ) -> None:
        account = self._account_of(company, login, mobile, ip)
        # Only who knows the mobile uses the account's codes up: a stranger must not keep its owner from having one.
        often = account is not None and not (
            self.throttle.take(PER_ACCOUNT_HOUR, "reset-hour", company, login)
            and self.throttle.take(PER_ACCOUNT_DAY, "reset-day", company, login)
        )
        if account is None or often:
            log.info("no code for a new password was sent", known=account is not None, too_often=often)
            return
        code = f"{secrets.randbelow(1_000_000):06}"
        with self.database.transaction(ALL_TENANTS) as session:
            session.add(
                ResetCode(
                    tenant_id=account.tenant_id,
                    account_id=account.id,
                    browser_hash=token_hash(browser),
                    code_hash=_code_hash(browser, code),
                    created_at=now,
                    expires_at=now + CODE_TIME,
                )
            )
            audit.record(session, None, "sign-in.reset-code-sent", account, {}, ip=ip)
            session.commit()
        try:
            self.sender.send_code(
                account.tenant_id,
                account.mobile,
                code,
                valid_min=int(CODE_TIME.total_seconds() // 60),
            )
        except Exception:
            log.exception("a code for a new password could not be sent", tenant=account.tenant_id)

    def _account_of(self, company: str, login: str, mobile: str, ip: str) -> Account | None:
        """Return the account the three belong to, if it can sign in, and from here."""
        with self.database.transaction(ALL_TENANTS, read_only=True) as session:
            account = session.scalar(
                select(Account)
                .join(Tenant, Tenant.id == Account.tenant_id)
                .where(
                    Tenant.code == company,
                    Account.login == login,
                    Tenant.state == TenantState.ACTIVE,
                    Account.enabled.is_(True),
                    Account.deleted_at.is_(None),
                )
            )
            if account is None or not account.mobile:
                return None
            if not access.allowed(access.networks_of(session, account.tenant_id), ip):
                return None
        try:
            return account if phone.parse(mobile).stored == account.mobile else None
        except phone.InvalidNumberError:
            return None


def _code_hash(browser: str, code: str) -> str:
    return token_hash(f"{browser}:{''.join(code.split())[:32]}")
