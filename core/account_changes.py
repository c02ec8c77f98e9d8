"""Changes of an account (ACC-4, ACC-5, ACC-8): details, role, rights, group, trust, deletion, restoring.

Each checks who asks by `core.account_rules`, writes the log and leaves the commit, and telling the processes, to
its caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select, update

from core import account_details, account_rules, audit
from core.account_rules import GroupAdminStandsError, OwnStandingError
from core.errors import CallerFault, Conflict, Forbidden, NotFound
from core.groups import service as groups
from core.i18n import lazy
from core.models import Account, Role, WebSession
from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.permissions import (
    Permission,
    Principal,
    decode,
    encode,
    grantable,
    of_role,
    require_covers,
)
from core.tables import utc_now
from core.tenancy import TenantSession


class RoleNeededError(CallerFault):
    """A role's permissions are applied only where there is a role."""

    id = "role-needed"
    status = 422
    sentence = lazy("Choose a role first.")


class RoleAppliedError(Conflict):
    """While the role's permissions are applied they are not edited one by one (003 §5.1.5)."""

    id = "role-applied"
    sentence = lazy("The role's permissions are applied to this account, so they are edited at the role.")


class GroupNeededError(Conflict):
    """Who administers a group is in one."""

    id = "group-needed"
    sentence = lazy("%(login)s is in no group. Choose one first.")


STANDING = ("role_id", "apply_role", "group_id", "supervised_queues")


def edit_account(
    session: TenantSession, actor: Principal, account: Account, values: Mapping[str, Any]
) -> None:
    """Set details (`core.account_details`) and standing (``role_id``, ``apply_role``, ``group_id``,
    ``supervised_queues`` as `core.permissions.encode_queues` gives them) of `account`.

    Raises the errors of `core.account_details` and `core.account_rules`; ``OwnStandingError`` when one's own
    standing would change, ``RoleNeededError``, ``GroupAdminStandsError`` when an administrator would be in no
    group.
    """
    standing = {name: values.get(name, getattr(account, name)) for name in STANDING}
    details = {name: value for name, value in values.items() if name in account_details.NAMES}
    kept = account_details.cleaned(session, account.tenant_id, details, account_id=account.id)
    account_rules.require_over(session, actor, account)
    _refuse_own(actor, account, {**standing, **kept})
    if "group_id" in values and values["group_id"] != account.group_id:
        set_group(session, actor, account, values["group_id"])
    with account_rules.changing(session, actor, account):
        _set_role(session, account, standing["role_id"], apply_role=bool(standing["apply_role"]))
        account.supervised_queues = standing["supervised_queues"]
        for name, value in kept.items():
            setattr(account, name, value)
        _note(session, actor, "accounts.edit", account)


def set_role(session: TenantSession, actor: Principal, account: Account, role_id: int | None) -> None:
    """Give `account` another role (None: none), applied as before. Errors as :func:`edit_account`."""
    account_rules.require_not_self(actor, account)
    with account_rules.changing(session, actor, account):
        _set_role(session, account, role_id, apply_role=account.apply_role and role_id is not None)
        _note(session, actor, "accounts.edit", account)


def set_group(session: TenantSession, actor: Principal, account: Account, group_id: int | None) -> None:
    """Put `account` into a group; its quota goes with it. Errors as :func:`edit_account`."""
    account_rules.require_not_self(actor, account)
    account_rules.require_over(session, actor, account)
    account_rules.require_group(session, actor, group_id)
    if account.is_group_admin and group_id is None:
        raise GroupAdminStandsError(login=account.login)
    before = account.group_id
    groups.move_account(session, actor, account, group_id)
    if before != group_id:
        audit.record(session, actor, "accounts.edit", account, {"group_id": [before, group_id]})
        outbox.say_account(session, EventKind.ACCOUNT_CHANGED, account, ["group_id"])


def set_rights(
    session: TenantSession, actor: Principal, account: Account, permissions: Iterable[Permission]
) -> None:
    """Let `account` do exactly this (ACC-5). Rights its company cannot have are left out.

    Raises :class:`RoleAppliedError`, ``OwnStandingError``, ``TooMuchGivenError``, ``LastManagerError``.
    """
    account_rules.require_not_self(actor, account)
    if account.apply_role:
        raise RoleAppliedError()
    wanted = frozenset(permissions) & grantable(is_operator=account_rules.is_operators(session, account))
    require_covers(actor, wanted)
    with account_rules.changing(session, actor, account):
        account.permissions = encode(wanted)
        _note(session, actor, "accounts.rights", account)


def set_review(session: TenantSession, actor: Principal, account: Account, needed: bool) -> None:
    """Set whether tasks of `account` wait for approval (审核) or not (信任); nobody trusts themselves (ACC-8)."""
    account_rules.require_not_self(actor, account)
    account_rules.require_over(session, actor, account)
    account.tasks_need_review = needed
    _note(session, actor, "accounts.review", account)


def set_group_admin(session: TenantSession, actor: Principal, account: Account, admin: bool) -> None:
    """Make `account` administrator of its group and those below, or take that away (ACC-8).

    Raises :class:`GroupNeededError`, ``OwnStandingError`` and those of an account `actor` is not above.
    """
    account_rules.require_not_self(actor, account)
    if admin and account.group_id is None:
        raise GroupNeededError(login=account.login)
    with account_rules.changing(session, actor, account):
        account.is_group_admin = admin
        _note(session, actor, "accounts.group-admin", account)


def sign_out_everywhere(session: TenantSession, actor: Principal, account: Account) -> None:
    """End every session of `account` at the commit."""
    if account.id != actor.account_id:
        account_rules.require_over(session, actor, account)
    account.session_epoch += 1
    session.execute(
        update(WebSession)
        .where(WebSession.account_id == account.id, WebSession.ended_at.is_(None))
        .values(ended_at=utc_now(), ended_why="revoked")
        .execution_options(synchronize_session=False)
    )
    audit.record(session, actor, "accounts.sign-out", account, {})


def delete_account(session: TenantSession, actor: Principal, account: Account) -> None:
    """Mark `account` as deleted: out at the commit, login reserved, unused messages back to its group.

    What hangs on it outside `core` (extension, API keys) is the caller's. Raises ``OwnStandingError``,
    ``GroupAdminStandsError``, ``LastManagerError`` and those of an account `actor` is not above.
    """
    account_rules.require_not_self(actor, account)
    if account.is_group_admin:
        raise GroupAdminStandsError(login=account.login)
    with account_rules.changing(session, actor, account):
        account.deleted_at = utc_now()
        account.session_epoch += 1
        groups.release_account(session, actor, account)
        audit.record(session, actor, "accounts.delete", account, {})
        outbox.say_account(session, EventKind.ACCOUNT_DELETED, account)


def restore_account(session: TenantSession, actor: Principal, account: Account, *, quota: int = 0) -> None:
    """Bring a deleted `account` back with its login, password and state. `quota` unused messages come out of its
    group again, as far as it has them.

    Raises ``NotFound`` for one that is not deleted or out of reach, ``TooMuchGivenError`` when it would come back
    with more rights than `actor` has.
    """
    if account.deleted_at is None:
        raise NotFound(kind="account", id=account.id)
    account_rules.require_over(session, actor, account)
    if quota > 0:
        _give_back(session, actor, account, quota)
    account.deleted_at = None
    account.failed_count = 0
    account.locked_until = None
    audit.record(session, actor, "accounts.restore", account, {})
    account_rules.require_over(session, actor, account)
    outbox.say_account(session, EventKind.ACCOUNT_RESTORED, account)


def _give_back(session: TenantSession, actor: Principal, account: Account, quota: int) -> None:
    """Recharge what was released, as far as the group has it and `actor` may give it."""
    free = quota if account.group_id is None else groups.available(session, account.group_id)
    if not (given := min(quota, max(0, free))):
        return
    try:
        groups.recharge_account(session, actor, account, given, str(lazy("Account restored")))
    except Forbidden:
        return  # an account without a group is recharged by the company's administrator


def accounts_with_role(session: TenantSession, role_id: int, limit: int = 5) -> list[str]:
    """Return the logins of some accounts, deleted ones aside, that have the role."""
    query = select(Account.login).where(Account.role_id == role_id, Account.deleted_at.is_(None))
    return list(session.scalars(query.order_by(Account.login).limit(limit)))


def _set_role(session: TenantSession, account: Account, role_id: int | None, *, apply_role: bool) -> None:
    role = None if role_id is None else session.get(Role, role_id)
    if role_id is not None and role is None:
        raise NotFound(kind="role", id=role_id)
    if apply_role and role is None:
        raise RoleNeededError(field="apply_role")
    operator = account_rules.is_operators(session, account)
    before = account_rules.role_of(session, account)
    account.role_id = role_id
    first = before is None and role is not None and not decode(account.permissions)
    if not apply_role and (account.apply_role or first):
        account.permissions = encode(of_role(role, is_operator=operator))
    account.apply_role = apply_role


def _refuse_own(actor: Principal, account: Account, values: Mapping[str, Any]) -> None:
    if actor.account_id != account.id:
        return
    fields = {"role_id": "role", "apply_role": "apply_role", "group_id": "group"}
    fields |= {"tasks_need_review": "tasks_need_review", "supervised_queues": "supervises"}
    for name, field in fields.items():
        if name in values and values[name] != getattr(account, name):
            raise OwnStandingError(field=field)


def _note(session: TenantSession, actor: Principal, action: str, account: Account) -> None:
    changes = audit.changes_of(account)
    if changes:
        audit.record(session, actor, action, account, changes)
        outbox.say_account(session, EventKind.ACCOUNT_CHANGED, account, changes)
