"""Roles (ACC-6): built-in ones to look at and copy, the company's own to edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for
from sqlalchemy import func, select

from admin_web.accounts.rights import permissions_field
from admin_web.accounts.touching import sessions_told
from admin_web.resource import Action, Column, Field, Filter, Resource, Tag, pairs
from core import roles
from core.database import TenantSession
from core.i18n import LazyText, gettext, lazy
from core.models import Account, Role, Tenant
from core.permissions import Permission, Principal, giveable, of_role
from core.roles import name_of


def _extras(session: TenantSession, rows: Sequence[Role]) -> Mapping[str, Any]:
    counts = (
        select(Account.role_id, func.count())
        .where(Account.role_id.in_([row.id for row in rows]), Account.deleted_at.is_(None))
        .group_by(Account.role_id)
    )
    return {"accounts": pairs(session, counts)}


def _given(session: TenantSession, row: Role) -> list[str]:
    operator = session.get_one(Tenant, row.tenant_id).is_operator
    return [each.value for each in of_role(row, is_operator=operator)]


def _load(session: TenantSession, row: Role) -> dict[str, Any]:
    return {"code": row.code, "name": name_of(row), "permissions": _given(session, row)}


def _copied(session: TenantSession, row: Role) -> dict[str, Any]:
    name = gettext("%(name)s (copy)", name=name_of(row))[:100]
    return {"code": "", "name": name, "permissions": _given(session, row)}


def _save(session: TenantSession, actor: Principal, row: Role | None, values: dict[str, Any]) -> Role:
    values["permissions"] = [Permission(each) for each in values["permissions"]]
    saved = roles.save_role(session, actor, row, **values)
    sessions_told(session)
    return saved


def _delete(session: TenantSession, actor: Principal, row: Role) -> LazyText:
    name = row.name
    roles.delete_role(session, actor, row)
    return lazy("The role %(name)s is deleted.", name=name)


def _changeable(actor: Principal, row: Role, extras: Mapping[str, Any]) -> bool:
    return row.built_in is None and of_role(row, is_operator=actor.is_operator) <= giveable(actor)


def _kind(row: Role) -> Tag:
    if row.built_in is not None:
        return Tag(text=gettext("Built-in"), colour="blue")
    return Tag(text=gettext("Own"))


def _after(row: Role) -> str:
    return url_for("resources.roles_new", after=row.id)


ROLES = Resource(
    name="roles",
    path="/roles",
    title=lazy("Roles"),
    singular=lazy("Role"),
    lead=lazy(
        "What kinds of accounts may do. A changed role holds at once for everybody who has it applied."
    ),
    model=Role,
    view=Permission.ROLES_VIEW,
    edit=Permission.ROLES_EDIT,
    create=Permission.ROLES_EDIT,
    empty=lazy("No role yet. Add one with New."),
    changeable=_changeable,
    columns=(
        Column(name="code", label=lazy("Code")),
        Column(name="name", label=lazy("Role"), value=lambda row, _: name_of(row)),
        Column(name="kind", label=lazy("Type"), value=lambda row, _: _kind(row)),
        Column(
            name="accounts",
            label=lazy("Number of accounts"),
            kind="number",
            value=lambda row, extras: extras["accounts"].get(row.id, 0),
        ),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Role"),
            apply=lambda query, text: query.where(
                Role.name.contains(text, autoescape=True) | Role.code.contains(text, autoescape=True)
            ),
        ),
    ),
    actions=(
        Action(
            name="copy",
            label=lazy("Copy"),
            icon="copy",
            permission=Permission.ROLES_EDIT,
            opens=_after,
            always=True,
        ),
        Action(
            name="delete",
            label=lazy("Delete"),
            icon="trash",
            permission=Permission.ROLES_EDIT,
            run=_delete,
            question=lazy("Delete this role?"),
            danger=True,
        ),
    ),
    extras=_extras,
    load=_load,
    save=_save,
    copied=_copied,
    wide=True,
    fields=(
        Field(
            name="code",
            label=lazy("Code"),
            max_length=32,
            hint=lazy("Left empty, the next number is given."),
        ),
        Field(name="name", label=lazy("Role name"), required=True, max_length=100),
        permissions_field(lazy("Greyed ones you do not have yourself, so you cannot give them.")),
    ),
)
