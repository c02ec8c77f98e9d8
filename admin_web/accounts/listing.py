"""The list of accounts: its columns, its filters, and whose rows may be changed, from what a page of rows needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, or_, select

from admin_web.number_search import number_matches
from admin_web.resource import Column, Filter, Options, Tag, id_in, pairs
from core.database import TenantSession
from core.groups.models import UserGroup
from core.groups.service import options as group_tree
from core.groups.service import subtree_ids
from core.i18n import gettext, lazy
from core.models import Account, Role
from core.permissions import GROUP_ADMIN, Principal, covers_queues, giveable, own_of_account, queues_of
from core.roles import name_of
from core.views import current_principal
from cti.models import Queue


def role_options(session: TenantSession) -> Options:
    """Return the roles of the company's accounts."""
    return [(str(role.id), name_of(role)) for role in session.scalars(select(Role).order_by(Role.id))]


def group_options(session: TenantSession) -> Options:
    """Return the groups the signed-in account administers, indented."""
    return group_tree(session, current_principal().group_reach)


def supervision_options(session: TenantSession) -> Options:
    """Return whether every queue is supervised, or some are."""
    return [("all", gettext("All queues")), ("some", gettext("Only the queues below"))]


def queue_options(session: TenantSession) -> Options:
    """Return the queues the signed-in account supervises: it gives no other."""
    rows = session.execute(select(Queue.id, Queue.name).order_by(Queue.name))
    mine = current_principal()
    return [(str(queue_id), name) for queue_id, name in rows if mine.supervises((queue_id,))]


def _states(session: TenantSession) -> Options:
    return [("enabled", gettext("Enabled")), ("disabled", gettext("Disabled"))]


def _types(session: TenantSession) -> Options:
    return [("admin", gettext("Group administrator")), ("user", gettext("User"))]


def extras(session: TenantSession, rows: Sequence[Account]) -> Mapping[str, Any]:
    """Return roles and group names of a page of rows, in two queries."""
    groups = {row.group_id for row in rows if row.group_id is not None}
    return {
        "roles": {role.id: role for role in session.scalars(select(Role))},
        "groups": pairs(session, select(UserGroup.id, UserGroup.name).where(UserGroup.id.in_(groups))),
    }


def changeable(actor: Principal, row: Account, extras: Mapping[str, Any]) -> bool:
    """Return whether `actor` is above the account, as `core.account_rules.require_over` decides."""
    own = own_of_account(row, extras["roles"].get(row.role_id), is_operator=actor.is_operator)
    above = own <= giveable(actor) and covers_queues(actor, own, queues_of(row))
    return above and (not row.is_group_admin or actor.permissions >= GROUP_ADMIN)


def state_tag(row: Account) -> Tag:
    """Return whether the account may sign in."""
    if row.enabled:
        return Tag(text=gettext("Enabled"), colour="green")
    return Tag(text=gettext("Disabled"), colour="red")


def type_tag(row: Account) -> Tag:
    """Return whether the account administers its group."""
    if row.is_group_admin:
        return Tag(text=gettext("Group administrator"), colour="blue")
    return Tag(text=gettext("User"))


def matching(query: Select[Any], text: str) -> Select[Any]:
    """Return `query` narrowed to accounts with `text` in what people know them by."""
    like = [
        column.contains(text, autoescape=True)
        for column in (Account.login, Account.name, Account.employee_number, Account.code)
    ]
    return query.where(or_(number_matches(Account.mobile, text), *like))


def in_group(session: TenantSession, query: Select[Any], text: str) -> Select[Any]:
    """Return `query` narrowed to a group and those below it."""
    groups = subtree_ids(session, id_in(text))
    return query.where(Account.group_id.in_(groups))


def with_role(query: Select[Any], text: str) -> Select[Any]:
    """Return `query` narrowed to a role."""
    return query.where(Account.role_id == id_in(text))


LOGIN = Column(name="login", label=lazy("Account"), kind="short")
NAME = Column(name="name", label=lazy("Full name"), kind="short")
CODE = Column(name="code", label=lazy("Code"), kind="short")
ROLE = Column(
    name="role",
    label=lazy("Role"),
    kind="short",
    value=lambda row, extras: name_of(extras["roles"].get(row.role_id)),
)
GROUP = Column(
    name="group",
    label=lazy("Group"),
    kind="short",
    value=lambda row, extras: extras["groups"].get(row.group_id, ""),
)
MOBILE = Column(name="mobile", label=lazy("Mobile"), kind="phone")

COLUMNS = (
    CODE,
    LOGIN,
    NAME,
    Column(name="employee_number", label=lazy("Employee number")),
    ROLE,
    GROUP,
    MOBILE,
    Column(name="type", label=lazy("Type"), value=lambda row, _: type_tag(row)),
    Column(name="enabled", label=lazy("State"), value=lambda row, _: state_tag(row)),
    Column(
        name="messages",
        label=lazy("Messages used"),
        kind="number",
        value=lambda row, _: f"{row.message_used} / {row.message_quota}",
    ),
    Column(name="last_sign_in_at", label=lazy("Last signed in"), kind="time"),
)

SEARCH = Filter(name="q", label=lazy("Account, name, mobile or number"), apply=matching)
ROLE_FILTER = Filter(name="role", label=lazy("Role"), options=role_options, apply=with_role)
GROUP_FILTER = Filter(name="group", label=lazy("Group and below"), options=group_options, narrow=in_group)
FILTERS = (
    SEARCH,
    ROLE_FILTER,
    GROUP_FILTER,
    Filter(
        name="state",
        label=lazy("State"),
        options=_states,
        apply=lambda query, text: query.where(Account.enabled.is_(text == "enabled")),
    ),
    Filter(
        name="type",
        label=lazy("Type"),
        options=_types,
        apply=lambda query, text: query.where(Account.is_group_admin.is_(text == "admin")),
    ),
)
