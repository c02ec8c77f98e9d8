"""Companies, for the operator (ACC-3, first form): list, open, suspend."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_

from admin_web.resource import Action, Column, Field, Filter, Options, Resource, Tag, refuse
from admin_web.resources.saving import publish, store
from core import accounts
from core.database import TenantSession
from core.i18n import LazyText, lazy
from core.models import Role, Tenant, TenantState
from core.permissions import Permission, Principal
from core.views import parts

STATES = {
    TenantState.ACTIVE: (lazy("Active"), "green"),
    TenantState.SUSPENDED: (lazy("Suspended"), "amber"),
    TenantState.CLOSED: (lazy("Closed"), "grey"),
}


def language_options(session: TenantSession) -> Options:
    """Return the languages of the interface."""
    return [("zh", "中文"), ("en", "English")]


def _state(row: Tenant) -> Tag:
    text, colour = STATES[row.state]
    return Tag(text=str(text), colour=colour)


def _load(session: TenantSession, row: Tenant) -> dict[str, Any]:
    return {
        "code": row.code,
        "name": row.name,
        "language": row.language,
        "admin_login": "",
        "admin_password": "",
    }


def _save(session: TenantSession, actor: Principal, row: Tenant | None, values: dict[str, Any]) -> Tenant:
    login, password = values.pop("admin_login", ""), values.pop("admin_password", "")
    if row is not None:
        store(session, actor, "tenants.edit", row, values)
        publish(session, row)
        return row
    if not login:
        raise refuse("admin_login", lazy("This field is needed."))
    if not password:
        raise refuse("admin_password", lazy("This field is needed."))
    row = accounts.open_tenant(session, actor=actor, **values)
    admin = accounts.create_account(
        session,
        login=login,
        name=login,
        role=Role.TENANT_ADMIN,
        password=password,
        actor=actor,
        tenant_id=row.id,
    )
    session.flush()
    publish(session, row, admin)
    return row


def _suspend(session: TenantSession, actor: Principal, row: Tenant) -> LazyText:
    if row.is_operator:
        raise accounts.OwnAccountError()
    suspend = row.state is TenantState.ACTIVE
    accounts.set_tenant_state(session, actor, row, TenantState.SUSPENDED if suspend else TenantState.ACTIVE)
    session.flush()
    publish(session, row)
    session.after_commit(parts().sessions.changed)
    if suspend:
        return lazy("%(name)s is suspended: its people are signed out, its calls are refused.", name=row.name)
    return lazy("%(name)s is active again.", name=row.name)


TENANTS = Resource(
    name="tenants",
    path="/platform/companies",
    title=lazy("Companies"),
    singular=lazy("Company"),
    lead=lazy("Everybody who uses this installation."),
    model=Tenant,
    view=Permission.TENANTS_VIEW,
    edit=Permission.TENANTS_EDIT,
    create=Permission.TENANTS_EDIT,
    all_tenants=True,
    empty=lazy("No company yet. Open one with New."),
    columns=(
        Column(name="code", label=lazy("Code")),
        Column(name="name", label=lazy("Name")),
        Column(name="state", label=lazy("State"), value=lambda row, _: _state(row)),
        Column(name="language", label=lazy("Language")),
        Column(name="created_at", label=lazy("Created"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Code or name"),
            apply=lambda query, text: query.where(
                or_(Tenant.code.contains(text, autoescape=True), Tenant.name.contains(text, autoescape=True))
            ),
        ),
    ),
    actions=(
        Action(
            name="suspend",
            label=lazy("Suspend or resume"),
            icon="ban",
            permission=Permission.TENANTS_EDIT,
            run=_suspend,
            shown=lambda row: not row.is_operator,
            question=lazy("Switch this company? Suspending signs its people out and refuses its calls."),
            danger=True,
        ),
    ),
    load=_load,
    save=_save,
    fields=(
        Field(
            name="code",
            label=lazy("Code"),
            required=True,
            max_length=64,
            creating_only=True,
            hint=lazy("What its people type as their company."),
        ),
        Field(name="name", label=lazy("Name"), required=True, max_length=100),
        Field(
            name="language",
            label=lazy("Language"),
            kind="select",
            required=True,
            options=language_options,
            default="zh",
        ),
        Field(
            name="admin_login", label=lazy("First administrator's account"), max_length=64, creating_only=True
        ),
        Field(
            name="admin_password",
            label=lazy("First administrator's password"),
            kind="password",
            max_length=128,
            creating_only=True,
        ),
    ),
)
