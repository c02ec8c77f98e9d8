"""Accounts (ACC-4, first form): created, edited, switched on and off, given a new password."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_

from admin_web.resource import Action, Column, Field, Filter, Options, Resource, Tag, refuse
from admin_web.resources.saving import publish, store
from core import accounts
from core.accounts import InvalidEmployeeNumberError
from core.database import TenantSession
from core.i18n import LazyText, gettext, lazy
from core.models import Account, Role
from core.permissions import Permission, Principal
from core.views import parts

ROLES = {
    Role.TENANT_ADMIN: lazy("Administrator"),
    Role.SUPERVISOR: lazy("Supervisor"),
    Role.AGENT: lazy("Agent"),
    Role.OPERATOR: lazy("Operator"),
}


def role_options(session: TenantSession) -> Options:
    """Return the roles of a company's accounts."""
    return [(role.value, str(ROLES[role])) for role in (Role.TENANT_ADMIN, Role.SUPERVISOR, Role.AGENT)]


def _load(session: TenantSession, row: Account) -> dict[str, Any]:
    return {
        "login": row.login,
        "name": row.name,
        "role": row.role.value,
        "employee_number": row.employee_number,
        "password": "",
    }


def _save(session: TenantSession, actor: Principal, row: Account | None, values: dict[str, Any]) -> Account:
    password = values.pop("password", "")
    role = Role(values.pop("role"))
    if row is None:
        if not password:
            raise refuse("password", lazy("This field is needed."))
        login = values.pop("login")
        row = accounts.create_account(
            session, login=login, role=role, password=password, actor=actor, **values
        )
    else:
        _change(session, actor, row, role, password, values)
    session.flush()
    publish(session, row)
    session.after_commit(parts().sessions.changed)
    return row


def _change(
    session: TenantSession, actor: Principal, row: Account, role: Role, password: str, values: dict[str, Any]
) -> None:
    if row.id == actor.account_id and role is not row.role:
        raise refuse("role", lazy("You cannot change your own role."))
    number = values.get("employee_number", "")
    if number and not (number.isascii() and number.isdigit()):
        raise InvalidEmployeeNumberError(field="employee_number", number=number)
    store(session, actor, "accounts.edit", row, {**values, "role": role})
    if password:
        accounts.set_password(session, actor, row, password)


def _switch(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    accounts.set_enabled(session, actor, row, not row.enabled)
    session.flush()
    publish(session, row)
    session.after_commit(parts().sessions.changed)
    if row.enabled:
        return lazy("%(login)s may sign in.", login=row.login)
    return lazy("%(login)s is signed out and may not sign in.", login=row.login)


def _state(row: Account) -> Tag:
    return (
        Tag(text=gettext("Enabled"), colour="green")
        if row.enabled
        else Tag(text=gettext("Disabled"), colour="red")
    )


ACCOUNTS = Resource(
    name="accounts",
    path="/accounts",
    title=lazy("Accounts"),
    singular=lazy("Account"),
    lead=lazy("Who may sign in, and as what."),
    model=Account,
    view=Permission.ACCOUNTS_VIEW,
    edit=Permission.ACCOUNTS_EDIT,
    create=Permission.ACCOUNTS_EDIT,
    empty=lazy("No account yet. Add one with New."),
    columns=(
        Column(name="login", label=lazy("Account")),
        Column(name="name", label=lazy("Name")),
        Column(name="employee_number", label=lazy("Employee number")),
        Column(name="role", label=lazy("Role"), value=lambda row, _: str(ROLES[row.role])),
        Column(name="enabled", label=lazy("State"), value=lambda row, _: _state(row)),
        Column(name="last_sign_in_at", label=lazy("Last signed in"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Account or name"),
            apply=lambda query, text: query.where(
                or_(
                    Account.login.contains(text, autoescape=True),
                    Account.name.contains(text, autoescape=True),
                )
            ),
        ),
        Filter(
            name="role",
            label=lazy("Role"),
            options=role_options,
            apply=lambda query, text: query.where(Account.role == text),
        ),
    ),
    actions=(
        Action(
            name="switch",
            label=lazy("Enable or disable"),
            icon="ban",
            permission=Permission.ACCOUNTS_EDIT,
            run=_switch,
            question=lazy("Switch this account? A disabled one is signed out at once."),
        ),
    ),
    load=_load,
    save=_save,
    fields=(
        Field(name="login", label=lazy("Account"), required=True, max_length=64, creating_only=True),
        Field(name="name", label=lazy("Name"), required=True, max_length=100),
        Field(
            name="role",
            label=lazy("Role"),
            kind="select",
            required=True,
            options=role_options,
            default=Role.AGENT.value,
        ),
        Field(
            name="employee_number",
            label=lazy("Employee number"),
            max_length=20,
            hint=lazy("Digits; announced to callers where a queue says so."),
        ),
        Field(
            name="password",
            label=lazy("New password"),
            kind="password",
            max_length=128,
            hint=lazy("Empty: unchanged. A new one ends the account's sessions."),
        ),
    ),
)
