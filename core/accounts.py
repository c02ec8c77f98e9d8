"""Accounts: made, changed, switched off. Signing in is in `core.sign_in`, sessions are in `core.sessions`."""

from __future__ import annotations

import re

from sqlalchemy import select

from core import audit, passwords
from core.errors import CallerFault, Conflict, NotFound
from core.i18n import LANGUAGES, lazy
from core.models import Account, Role, Tenant, TenantState
from core.permissions import Principal
from core.tables import utc_now
from core.tenancy import TenantSession

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_EMPLOYEE_NUMBER = re.compile(r"\d{0,20}")


class InvalidLoginError(CallerFault):
    """A login or company code has signs that are not allowed."""

    id = "invalid-login"
    status = 422
    sentence = lazy(
        "%(login)s cannot be used: begin with a letter or digit, then letters, digits, dot, dash, _ or @."
    )


class InvalidEmployeeNumberError(CallerFault):
    """An employee number is announced to callers, so it is digits."""

    id = "invalid-employee-number"
    status = 422
    sentence = lazy("The employee number %(number)s must be at most 20 digits.")


class LoginTakenError(Conflict):
    """Another account of the company has the login."""

    id = "login-taken"
    sentence = lazy("The login %(login)s is already used in this company.")


class CompanyTakenError(Conflict):
    """Another tenant has the code."""

    id = "company-taken"
    sentence = lazy("The company code %(code)s is already used.")


class WrongPasswordError(CallerFault):
    """The present password, asked for before a change, is wrong."""

    id = "wrong-password"
    status = 422
    sentence = lazy("The present password is wrong.")


class OwnAccountError(CallerFault):
    """One cannot switch oneself off."""

    id = "own-account"
    status = 409
    sentence = lazy("You cannot disable the account you are signed in with.")


def normalise_login(text: str) -> str:
    """Return a login or company code as stored. Raises :class:`InvalidLoginError`."""
    login = text.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise InvalidLoginError(login=text.strip()[:64])
    return login


def open_tenant(
    session: TenantSession,
    *,
    code: str,
    name: str,
    actor: Principal | None = None,
    is_operator: bool = False,
    language: str = "zh",
    timezone: str = "Asia/Shanghai",
) -> Tenant:
    """Add a tenant and return it; the session's scope is all tenants. The caller commits."""
    code = normalise_login(code)
    if session.scalar(select(Tenant.id).where(Tenant.code == code)) is not None:
        raise CompanyTakenError(code=code)
    tenant = Tenant(
        code=code, name=name.strip(), is_operator=is_operator, language=language, timezone=timezone
    )
    session.add(tenant)
    session.flush()
    audit.record(session, actor, "tenants.open", tenant, tenant_id=tenant.id)
    return tenant


def create_account(
    session: TenantSession,
    *,
    login: str,
    name: str,
    role: Role,
    password: str,
    actor: Principal | None = None,
    employee_number: str = "",
    language: str = "",
    tenant_id: int | None = None,
    strong: bool = True,
) -> Account:
    """Add an account and return it. The caller commits.

    `tenant_id` is needed when the session's scope is all tenants. `strong` False skips the password rule (the
    demo tenant's published password).
    """
    owner = tenant_id if tenant_id is not None else session.scope
    assert isinstance(owner, int), "an account needs a tenant"
    login = normalise_login(login)
    if not _EMPLOYEE_NUMBER.fullmatch(employee_number):
        raise InvalidEmployeeNumberError(number=employee_number)
    if (
        session.scalar(select(Account.id).where(Account.tenant_id == owner, Account.login == login))
        is not None
    ):
        raise LoginTakenError(login=login)
    if strong:
        company = session.scalar(select(Tenant.code).where(Tenant.id == owner)) or ""
        passwords.require_strong(password, login=login, company=company)
    account = Account(
        tenant_id=owner,
        login=login,
        name=name.strip(),
        role=role,
        employee_number=employee_number,
        language=language if language in LANGUAGES else "",
        password_hash=passwords.hash_password(password),
    )
    session.add(account)
    audit.record(session, actor, "accounts.create", account, audit.changes_of(account))
    return account


def ensure_operator(session: TenantSession) -> str | None:
    """Make the operator's tenant (``operator``) and account (``operator``) when no operator exists.

    Returns the new account's generated password, to be shown once, or None when there is one already. The
    session's scope is all tenants; the caller commits.
    """
    if session.scalar(select(Account.id).where(Account.role == Role.OPERATOR).limit(1)) is not None:
        return None
    tenant = open_tenant(session, code="operator", name="运营 Operator", is_operator=True)
    password = passwords.generate_password()
    create_account(
        session, login="operator", name="运营", role=Role.OPERATOR, password=password, tenant_id=tenant.id
    )
    return password


def account_of(session: TenantSession, account_id: int) -> Account:
    """Return the account in the session's scope. Raises ``NotFound``."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound(kind="account", id=account_id)
    return account


def change_own_password(session: TenantSession, actor: Principal, present: str, new: str) -> None:
    """Replace the password of `actor`, who proves to know the present one; every session of theirs ends."""
    account = account_of(session, actor.account_id)
    if not passwords.verify_password(account.password_hash, present):
        raise WrongPasswordError()
    set_password(session, actor, account, new)


def set_password(session: TenantSession, actor: Principal | None, account: Account, password: str) -> None:
    """Give `account` a new password; every session of it ends at the commit."""
    tenant = session.get(Tenant, account.tenant_id)
    passwords.require_strong(password, login=account.login, company=tenant.code if tenant else "")
    account.password_hash = passwords.hash_password(password)
    account.password_changed_at = utc_now()
    account.failed_count = 0
    account.locked_until = None
    account.session_epoch += 1
    audit.record(session, actor, "accounts.password", account)


def set_enabled(session: TenantSession, actor: Principal | None, account: Account, enabled: bool) -> None:
    """Switch `account` on or off; off ends every session of it at the commit (ACC-5)."""
    if actor is not None and actor.account_id == account.id and not enabled:
        raise OwnAccountError()
    if account.enabled == enabled:
        return
    account.enabled = enabled
    if not enabled:
        account.session_epoch += 1
    audit.record(session, actor, "accounts.enable" if enabled else "accounts.disable", account)


def set_tenant_state(
    session: TenantSession, actor: Principal | None, tenant: Tenant, state: TenantState
) -> None:
    """Open, suspend or close a tenant (ACC-3); its accounts are out at the commit unless it is active."""
    if tenant.state == state:
        return
    tenant.state = state
    audit.record(session, actor, "tenants.state", tenant, tenant_id=tenant.id)
