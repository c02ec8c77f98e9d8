"""The accounts of a filtered list as rows of text."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Select, func, select

from admin_web.accounts.listing import FILTERS
from core import account_rules
from core.database import Database, TenantSession
from core.groups.models import UserGroup
from core.i18n import LazyText, gettext, lazy
from core.models import Account, Role
from core.permissions import Principal
from core.roles import name_of
from core.views import reading_as, shown_number

BATCH = 1000
HEADINGS: tuple[LazyText, ...] = (
    lazy("Account"),
    lazy("Name"),
    lazy("Code"),
    lazy("Employee number"),
    lazy("Role"),
    lazy("Group"),
    lazy("Mobile"),
    lazy("E-mail"),
    lazy("WeCom"),
    lazy("DingTalk"),
    lazy("WeLink"),
    lazy("Type"),
    lazy("State"),
    lazy("Messages used"),
    lazy("Messages allotted"),
    lazy("Tasks"),
    lazy("Last signed in"),
)


def wanted(session: TenantSession, actor: Principal, filters: Mapping[str, str]) -> Select[Any]:
    """Return the query for the filtered accounts, as far as `actor` reaches, by id."""
    query = account_rules.in_reach(session, actor, select(Account)).where(Account.deleted_at.is_(None))
    with reading_as(actor):
        for each in FILTERS:
            if text := filters.get(each.name, ""):
                query = each.applied(session, query, text)
    return query.order_by(Account.id)


def export_rows(
    database: Database, actor: Principal, filters: Mapping[str, str], tell: Callable[[int, int], None]
) -> Iterator[list[str]]:
    """Yield the rows, a page of the database at a time; `tell` gets how many of how many were read."""
    zone = zoneinfo.ZoneInfo(actor.timezone)
    done, last_id = 0, 0
    with database.transaction(actor.tenant_id, read_only=True) as session:
        query = wanted(session, actor, filters)
        total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        names = {role.id: name_of(role) for role in session.scalars(select(Role))}
        group_names = {row[0]: row[1] for row in session.execute(select(UserGroup.id, UserGroup.name))}
    tell(0, total)
    while True:
        with database.transaction(actor.tenant_id, read_only=True) as session:
            page = session.scalars(query.where(Account.id > last_id).limit(BATCH)).all()
        for account in page:
            with reading_as(actor):
                cells = _cells(account, names, group_names, zone)
            yield cells
        done += len(page)
        tell(min(done, total), total)
        if len(page) < BATCH:
            return
        last_id = page[-1].id


def _cells(
    account: Account, roles: Mapping[int, str], group_names: Mapping[int, str], zone: zoneinfo.ZoneInfo
) -> list[str]:
    signed_in = account.last_sign_in_at
    return [
        account.login,
        account.name,
        account.code,
        account.employee_number,
        roles.get(account.role_id or 0, ""),
        group_names.get(account.group_id or 0, ""),
        shown_number(account.mobile) if account.mobile else "",
        account.email,
        account.wecom_id,
        account.dingtalk_id,
        account.welink_id,
        gettext("Group administrator") if account.is_group_admin else gettext("User"),
        gettext("Enabled") if account.enabled else gettext("Disabled"),
        str(account.message_used),
        str(account.message_quota),
        gettext("Review") if account.tasks_need_review else gettext("Trusted"),
        signed_in.astimezone(zone).strftime("%Y-%m-%d %H:%M") if signed_in else "",
    ]
