"""The permissions of one account, ticked one by one unless its role's are applied (ACC-5), and the tree roles share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from admin_web.accounts.touching import told
from admin_web.resource import Action, Field, Options
from core import account_changes
from core.database import TenantSession
from core.i18n import LazyText, lazy
from core.models import Account, Role, Tenant
from core.permissions import (
    ACTIONS,
    MODULES,
    Permission,
    Principal,
    giveable,
    grantable,
    own_of_account,
    tree,
)
from core.views import current_principal


def permission_options(session: TenantSession) -> Options:
    """Return what accounts of the signed-in account's company can be given at all, by module."""
    given = grantable(is_operator=current_principal().is_operator)
    members = tree(each for each in Permission if each in given)
    return [(each.value, str(ACTIONS[each.action])) for group in members.values() for each in group]


def module_of(value: str) -> str:
    """Return the heading of a permission."""
    return str(MODULES[Permission(value).module])


def not_given(value: str) -> bool:
    """Return whether the signed-in account cannot give the permission, for lack of it."""
    return Permission(value) not in giveable(current_principal())


def permissions_field(hint: LazyText | None = None) -> Field:
    """Return the tree as a field named ``permissions``."""
    return Field(
        name="permissions",
        label=lazy("Permissions"),
        kind="tree",
        options=permission_options,
        group_of=module_of,
        fixed=not_given,
        default=[],
        hint=hint,
    )


def _load(session: TenantSession, row: Account) -> dict[str, Any]:
    role = session.scalar(select(Role).where(Role.id == row.role_id))
    operator = session.get_one(Tenant, row.tenant_id).is_operator
    return {"permissions": [each.value for each in own_of_account(row, role, is_operator=operator)]}


def _locked(row: Account) -> LazyText | None:
    if row.id == current_principal().account_id:
        return lazy("These are your own permissions. Somebody else has to change them.")
    if row.apply_role and row.role_id is not None:
        return lazy(
            "The role's permissions are applied to this account. Untick that in the account's form to edit them "
            "here, or edit the role."
        )
    if row.apply_role:
        return lazy("This account has no role yet, so it has no permissions. Choose one in its form.")
    return None


def _save(session: TenantSession, actor: Principal, row: Account, values: dict[str, Any]) -> LazyText:
    account_changes.set_rights(session, actor, row, [Permission(each) for each in values["permissions"]])
    told(session, row)
    return lazy("The permissions of %(login)s are changed; they hold at once.", login=row.login)


RIGHTS = Action(
    name="permissions",
    label=lazy("Permissions"),
    icon="key",
    permission=Permission.ACCOUNTS_EDIT,
    look=Permission.ACCOUNTS_VIEW,
    run_with=_save,
    load=_load,
    locked=_locked,
    wide=True,
    always=True,
    fields=(permissions_field(),),
)
"""Shown to who sees accounts, changed by who may edit them."""
