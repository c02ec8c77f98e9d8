"""Accounts: made, changed, switched off. Signing in is in `core.sign_in`, sessions are in `core.sessions`."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from core import account_details, account_rules, audit, passwords
from core.account_details import InvalidEmployeeNumberError
from core.account_rules import OwnAccountError
from core.errors import CallerFault, Conflict, NotFound
from core.i18n import LANGUAGES, lazy
from core.models import Account, BuiltInRole, Role, Tenant
from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.permissions import Principal, encode, of_role
from core.tables import utc_now
from core.tenancy import TenantSession

__all__ = [
    "InvalidEmployeeNumberError",
    "OwnAccountError",
    "account_of",
    "built_in_role",
    "change_own_password",
    "create_account",
    "ensure_operator",
    "normalise_login",
    "open_tenant",
    "reset_password",
    "set_enabled",
    "set_password",
]

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class InvalidLoginError(CallerFault):
    """A login or company code has signs that are not allowed."""

    id = "invalid-login"
    status = 422
    sentence = lazy(
        "%(login)s cannot be used: begin with a letter or digit, then letters, digits, dot, dash, _ or @."
    )


class LoginTakenError(Conflict):
    """Another account of the company has the login."""

    id = "login-taken"
    sentence = lazy("The login %(login)s is already used in this company.")


class LoginReservedError(LoginTakenError):
    """A deleted account of the company has the login; it stays reserved."""

    id = "login-reserved"
    sentence = lazy(
        "The login %(login)s is reserved: it belongs to a deleted account, which can be restored."
    )


class CompanyTakenError(Conflict):
    """Another tenant has the code."""

    id = "company-taken"
    sentence = lazy("The company code %(code)s is already used.")


class WrongPasswordError(CallerFault):
    """The present password, asked for before a change, is wrong."""

    id = "wrong-password"
    status = 422
    sentence = lazy("The present password is wrong.")


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
    kept = {BuiltInRole.OPERATOR} if is_operator else set(BuiltInRole) - {BuiltInRole.OPERATOR}
    session.add_all(
        Role(tenant_id=tenant.id, code=each.value.replace("_", "-"), name="", built_in=each)
        for each in BuiltInRole
        if each in kept
    )
    session.flush()
    audit.record(session, actor, "tenants.open", tenant, tenant_id=tenant.id)
    return tenant


def create_account(
    session: TenantSession,
    *,
    login: str,
    name: str,
    role: Role | BuiltInRole | None,
    password: str,
    actor: Principal | None = None,
    employee_number: str = "",
    code: str = "",
    language: str = "",
    tenant_id: int | None = None,
    strong: bool = True,
    apply_role: bool = True,
    group_id: int | None = None,
    supervised_queues: str | None = None,
    must_change_password: bool = False,
    password_hash: str = "",
    **details: Any,
) -> Account:
    """Add an account and return it. The caller commits.

    `tenant_id` is needed when the session's scope is all tenants. `strong` False skips the password rule (the
    demo tenant's published password). `password_hash` is the password's, when it was made before (an import hashes
    while it holds no lock). Without a `code` it gets the next running number. With `apply_role` False
    it begins with a copy of the role's rights. `supervised_queues` is as
    `core.permissions.encode_queues` gives it. `details` are those of `core.account_details`.

    Raises what :func:`core.account_details.cleaned` does, :class:`LoginTakenError`, ``WeakPasswordError``, and,
    when `actor` gives more than they may, the errors of `core.account_rules`.
    """
    owner = tenant_id if tenant_id is not None else session.scope
    assert isinstance(owner, int), "an account needs a tenant"
    login = normalise_login(login)
    given = {"name": name, "employee_number": employee_number, **details}
    if code:
        given["code"] = code
    values = account_details.cleaned(session, owner, given)
    _require_free_login(session, owner, login)
    if strong:
        company = session.scalar(select(Tenant.code).where(Tenant.id == owner)) or ""
        passwords.require_strong(password, login=login, company=company)
    if isinstance(role, BuiltInRole):
        role = built_in_role(session, owner, role)
    if actor is not None and actor.tenant_id == owner:
        account_rules.require_group(session, actor, group_id)
    account = Account(
        tenant_id=owner,
        login=login,
        role_id=None if role is None else role.id,
        apply_role=apply_role,
        permissions="[]" if apply_role else _rights_to_begin_with(session, owner, role),
        group_id=group_id,
        supervised_queues=supervised_queues,
        language=language if language in LANGUAGES else "",
        password_hash=password_hash or passwords.hash_password(password),
        must_change_password=must_change_password,
        enabled=True,
        **{"code": "", **values},
    )
    account.code = account.code or account_details.next_code(session, owner)
    session.add(account)
    audit.record(session, actor, "accounts.create", account, audit.changes_of(account))
    if actor is not None:
        account_rules.require_over(session, actor, account)
    outbox.say_account(session, EventKind.ACCOUNT_CREATED, account)
    return account


def _rights_to_begin_with(session: TenantSession, tenant_id: int, role: Role | None) -> str:
    operator = session.get_one(Tenant, tenant_id).is_operator
    return encode(of_role(role, is_operator=operator))


def _require_free_login(session: TenantSession, tenant_id: int, login: str) -> None:
    taken = session.execute(
        select(Account.deleted_at).where(Account.tenant_id == tenant_id, Account.login == login)
    ).one_or_none()
    if taken is None:
        return
    if taken.deleted_at is not None:
        raise LoginReservedError(login=login)
    raise LoginTakenError(login=login)


def built_in_role(session: TenantSession, tenant_id: int, kind: BuiltInRole) -> Role:
    """Return the tenant's row of a built-in role."""
    return session.scalars(select(Role).where(Role.tenant_id == tenant_id, Role.built_in == kind)).one()


def ensure_operator(session: TenantSession) -> str | None:
    """Make the operator's tenant (``operator``) and account (``operator``) when no operator exists.

    Returns the new account's generated password, to be shown once, or None when there is one already. The
    session's scope is all tenants; the caller commits.
    """
    if session.scalar(select(Tenant.id).where(Tenant.is_operator.is_(True)).limit(1)) is not None:
        return None
    tenant = open_tenant(session, code="operator", name="运营 Operator", is_operator=True)
    password = passwords.generate_password()
    create_account(
        session,
        login="operator",
        name="运营",
        role=BuiltInRole.OPERATOR,
        password=password,
        tenant_id=tenant.id,
        must_change_password=True,
    )
    return password


def account_of(session: TenantSession, account_id: int) -> Account:
    """Return the account in the session's scope. Raises ``NotFound``, for a deleted one too."""
    account = session.get(Account, account_id)
    if account is None or account.deleted_at is not None:
        raise NotFound(kind="account", id=account_id)
    return account


def change_own_password(session: TenantSession, actor: Principal, present: str, new: str) -> None:
    """Replace the password of `actor`, who proves to know the present one; every session of theirs ends."""
    account = account_of(session, actor.account_id)
    if not passwords.verify_password(account.password_hash, present):
        raise WrongPasswordError()
    set_password(session, actor, account, new)


def set_password(
    session: TenantSession,
    actor: Principal | None,
    account: Account,
    password: str,
    *,
    password_hash: str = "",
) -> None:
    """Give `account` a new password; every session of it ends at the commit. `password_hash` as in
    :func:`create_account`.
    """
    tenant = session.get(Tenant, account.tenant_id)
    passwords.require_strong(password, login=account.login, company=tenant.code if tenant else "")
    account.password_hash = password_hash or passwords.hash_password(password)
    account.password_changed_at = utc_now()
    account.must_change_password = False
    account.failed_count = 0
    account.locked_until = None
    account.session_epoch += 1
    audit.record(session, actor, "accounts.password", account)


def reset_password(
    session: TenantSession, actor: Principal, account: Account, password: str, *, password_hash: str = ""
) -> None:
    """Give somebody else's `account` a new password, to be replaced at the next sign-in; its sessions end.

    Raises ``OwnStandingError`` (one's own is changed by who knows the present one), ``NotFound`` and
    ``TooMuchGivenError`` for an account `actor` is not above, ``WeakPasswordError``.
    """
    account_rules.require_not_self(actor, account)
    account_rules.require_over(session, actor, account)
    set_password(session, actor, account, password, password_hash=password_hash)
    account.must_change_password = True


def set_enabled(session: TenantSession, actor: Principal | None, account: Account, enabled: bool) -> None:
    """Switch `account` on or off; off ends every session of it at the commit (ACC-5).

    Raises ``OwnAccountError``, ``GroupAdminStandsError``, ``LastManagerError`` and those of an account `actor` is
    not above.
    """
    if actor is not None and actor.account_id == account.id and not enabled:
        raise account_rules.OwnAccountError()
    if account.enabled == enabled:
        return
    if account.is_group_admin and not enabled:
        raise account_rules.GroupAdminStandsError(login=account.login)
    with account_rules.changing(session, actor, account):
        account.enabled = enabled
        if not enabled:
            account.session_epoch += 1
        audit.record(session, actor, "accounts.enable" if enabled else "accounts.disable", account)
        kind = EventKind.ACCOUNT_ENABLED if enabled else EventKind.ACCOUNT_DISABLED
        outbox.say_account(session, kind, account)
