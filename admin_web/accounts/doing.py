"""What the buttons of the list of accounts do: to one row, or to every ticked one."""

from __future__ import annotations

from typing import Any

from admin_web.accounts.letting_in import LETTING_IN
from admin_web.accounts.listing import group_options, role_options
from admin_web.accounts.rights import RIGHTS
from admin_web.accounts.touching import delete_account, deletion_lines, told
from admin_web.resource import Action, BatchAction, Field, Options
from core import account_changes, account_rules, accounts
from core.database import TenantSession
from core.groups import service as groups
from core.i18n import LazyText, gettext, lazy
from core.models import Account
from core.permissions import Permission, Principal
from core.views import current_principal


def another(row: Account) -> bool:
    """Return whether the row is not the signed-in account's own."""
    return bool(row.id != current_principal().account_id)


def _enable(session: TenantSession, actor: Principal, row: Account, enabled: bool) -> None:
    accounts.set_enabled(session, actor, row, enabled)
    told(session, row)


def _let_in(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    _enable(session, actor, row, True)
    return lazy("%(login)s may sign in.", login=row.login)


def _put_out(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    _enable(session, actor, row, False)
    return lazy("%(login)s is signed out and may not sign in.", login=row.login)


def _make_group_admin(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    account_changes.set_group_admin(session, actor, row, True)
    told(session, row)
    return lazy("%(login)s administers its group and those below.", login=row.login)


def _unmake_group_admin(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    account_changes.set_group_admin(session, actor, row, False)
    told(session, row)
    return lazy("%(login)s administers no group any more.", login=row.login)


def _review(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    account_changes.set_review(session, actor, row, True)
    told(session, row)
    return lazy("Tasks of %(login)s wait for approval.", login=row.login)


def _trust(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    account_changes.set_review(session, actor, row, False)
    told(session, row)
    return lazy("Tasks of %(login)s need no approval.", login=row.login)


def _recharge(session: TenantSession, actor: Principal, row: Account, values: dict[str, Any]) -> LazyText:
    account_rules.require_over(session, actor, row)
    groups.recharge_account(session, actor, row, values["amount"], values["note"])
    told(session, row)
    words = {"login": row.login, "quota": row.message_quota, "used": row.message_used}
    return lazy("%(login)s may send %(quota)s messages, of which %(used)s are used.", **words)


def _recharge_lines(session: TenantSession, actor: Principal, row: Account) -> list[str]:
    words = {"used": row.message_used, "quota": row.message_quota}
    lines = [gettext("Used so far: %(used)s of %(quota)s messages.", **words)]
    if row.group_id is None:
        return [*lines, gettext("It is in no group: the messages come from the company.")]
    group = groups.group_of(session, row.group_id)
    free = groups.available(session, group.id)
    return [*lines, gettext("%(group)s has %(free)s messages left to give.", group=group.name, free=free)]


def _delete(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    delete_account(session, actor, row)
    return lazy("%(login)s is deleted. It can be restored from the deleted accounts.", login=row.login)


def _sign_out(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    account_changes.sign_out_everywhere(session, actor, row)
    told(session, row)
    return lazy("%(login)s is signed out everywhere.", login=row.login)


# Each sets what its button names, and only where it is not set yet: a page that was open while somebody else did it
# does not undo it.
ACTIONS = (
    RIGHTS,
    Action(
        name="enable",
        label=lazy("Enable"),
        icon="ban",
        permission=Permission.ACCOUNTS_EDIT,
        run=_let_in,
        shown=lambda row: another(row) and not row.enabled,
        question=lazy("Let this account sign in again?"),
    ),
    Action(
        name="disable",
        label=lazy("Disable"),
        icon="ban",
        permission=Permission.ACCOUNTS_EDIT,
        run=_put_out,
        shown=lambda row: another(row) and row.enabled and not row.is_group_admin,
        question=lazy(
            "Disable this account? It is signed out at once; its extension, when a live call ends."
        ),
    ),
    Action(
        name="recharge",
        label=lazy("Recharge"),
        icon="plus",
        permission=Permission.ACCOUNTS_EDIT,
        run_with=_recharge,
        about=_recharge_lines,
        more=True,
        fields=(
            Field(
                name="amount",
                label=lazy("Messages"),
                kind="number",
                required=True,
                minimum=-1_000_000_000,
                maximum=1_000_000_000,
                hint=lazy("With a minus in front, unused messages are taken back."),
            ),
            Field(name="note", label=lazy("Note"), max_length=500),
        ),
    ),
    Action(
        name="make-group-admin",
        label=lazy("Make group administrator"),
        icon="crown",
        permission=Permission.ACCOUNTS_EDIT,
        run=_make_group_admin,
        shown=lambda row: another(row) and not row.is_group_admin,
        more=True,
        question=lazy("Let it administer the accounts of its group and those below?"),
    ),
    Action(
        name="unmake-group-admin",
        label=lazy("Unmake group administrator"),
        icon="crown",
        permission=Permission.ACCOUNTS_EDIT,
        run=_unmake_group_admin,
        shown=lambda row: another(row) and row.is_group_admin,
        more=True,
        question=lazy("Take the administration of its group away?"),
    ),
    Action(
        name="review",
        label=lazy("Set to review"),
        icon="shield",
        permission=Permission.ACCOUNTS_EDIT,
        run=_review,
        shown=lambda row: another(row) and not row.tasks_need_review,
        more=True,
    ),
    Action(
        name="trust",
        label=lazy("Set to trust"),
        icon="shield",
        permission=Permission.ACCOUNTS_EDIT,
        run=_trust,
        shown=lambda row: another(row) and row.tasks_need_review,
        more=True,
    ),
    Action(
        name="sign-out",
        label=lazy("Sign out everywhere"),
        icon="logout",
        permission=Permission.ACCOUNTS_EDIT,
        run=_sign_out,
        more=True,
        question=lazy("End every session of this account?"),
    ),
    *LETTING_IN,
    Action(
        name="delete",
        label=lazy("Delete"),
        icon="trash",
        permission=Permission.ACCOUNTS_DELETE,
        run=_delete,
        about=deletion_lines,
        shown=lambda row: another(row) and not row.is_group_admin,
        more=True,
        danger=True,
    ),
)


NONE = "none"
"""Value of "no role" and "no group", which is chosen on purpose, never by leaving a field alone."""


def _or_no_role(session: TenantSession) -> Options:
    return [*role_options(session), (NONE, gettext("No role"))]


def _or_no_group(session: TenantSession) -> Options:
    return [*group_options(session), (NONE, gettext("No group"))]


def _set_role(session: TenantSession, actor: Principal, row: Account, values: dict[str, Any]) -> None:
    account_changes.set_role(session, actor, row, None if values["role"] == NONE else int(values["role"]))
    told(session, row)


def _set_group(session: TenantSession, actor: Principal, row: Account, values: dict[str, Any]) -> None:
    account_changes.set_group(session, actor, row, None if values["group"] == NONE else int(values["group"]))
    told(session, row)


BATCH = (
    BatchAction(
        name="enable",
        label=lazy("Enable"),
        icon="circle-check",
        permission=Permission.ACCOUNTS_EDIT,
        run=lambda session, actor, row, values: _enable(session, actor, row, True),
        about=lazy("These accounts may sign in again."),
    ),
    BatchAction(
        name="disable",
        label=lazy("Disable"),
        icon="ban",
        permission=Permission.ACCOUNTS_EDIT,
        run=lambda session, actor, row, values: _enable(session, actor, row, False),
        about=lazy("They are signed out at once; their extensions, when a live call ends."),
    ),
    BatchAction(
        name="role",
        label=lazy("Set role"),
        icon="key",
        permission=Permission.ACCOUNTS_EDIT,
        run=_set_role,
        about=lazy(
            "Accounts to which the role is applied get the new role's permissions; others keep theirs."
        ),
        fields=(
            Field(
                name="role",
                label=lazy("Role"),
                kind="select",
                required=True,
                options=_or_no_role,
                blank=lazy("Please choose"),
            ),
        ),
    ),
    BatchAction(
        name="group",
        label=lazy("Set group"),
        icon="users-group",
        permission=Permission.ACCOUNTS_EDIT,
        run=_set_group,
        about=lazy("Their messages move with them from group to group."),
        fields=(
            Field(
                name="group",
                label=lazy("Group"),
                kind="select",
                required=True,
                options=_or_no_group,
                blank=lazy("Please choose"),
            ),
        ),
    ),
    BatchAction(
        name="delete",
        label=lazy("Delete"),
        icon="trash",
        permission=Permission.ACCOUNTS_DELETE,
        run=lambda session, actor, row, values: delete_account(session, actor, row),
        about=lazy(
            "They are signed out, lose extensions, queues and API keys, and give unused messages back. They can be "
            "restored from the deleted accounts, without extensions, queues and API keys."
        ),
        danger=True,
    ),
)
