"""Deleted accounts (ACC-8): searched, and restored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from admin_web.accounts.listing import (
    CODE,
    GROUP,
    GROUP_FILTER,
    LOGIN,
    MOBILE,
    NAME,
    ROLE,
    SEARCH,
    changeable,
    extras,
    state_tag,
)
from admin_web.accounts.touching import released, restore_account
from admin_web.resource import Action, Column, Resource
from core import account_rules
from core.database import TenantSession
from core.groups import service as groups
from core.i18n import LazyText, gettext, lazy
from core.models import Account, AuditEntry
from core.permissions import Permission, Principal


def _extras(session: TenantSession, rows: Sequence[Account]) -> Mapping[str, Any]:
    deleted = (
        select(AuditEntry.object_id, AuditEntry.account_name)
        .where(
            AuditEntry.object_kind == "account",
            AuditEntry.object_id.in_([row.id for row in rows]),
            AuditEntry.module == "accounts",
            AuditEntry.action == "delete",
        )
        .order_by(AuditEntry.id)
    )
    return {**extras(session, rows), "deleted_by": {row[0]: row[1] for row in session.execute(deleted)}}


def _restore(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    restore_account(session, actor, row)
    if row.role_id is None:
        return lazy("%(login)s is restored, without a role. Choose one in its form.", login=row.login)
    return lazy("%(login)s is restored.", login=row.login)


def _lines(session: TenantSession, actor: Principal, row: Account) -> list[str]:
    state = gettext("It may sign in again with its old password.")
    lines = [state if row.enabled else gettext("It stays disabled.")]
    if wanted := released(session, row):
        free = wanted if row.group_id is None else max(0, groups.available(session, row.group_id))
        words = {"count": min(wanted, free), "wanted": wanted}
        lines.append(gettext("It gets %(count)s of its %(wanted)s unused messages back.", **words))
    if row.role_id is None:
        lines.append(gettext("It had no role, or its role is gone."))
    lines.append(gettext("Extension, queues and API keys are not restored."))
    return lines


DELETED_ACCOUNTS = Resource(
    name="deleted_accounts",
    path="/deleted-accounts",
    title=lazy("Deleted accounts"),
    singular=lazy("Deleted account"),
    lead=lazy(
        "Their logins stay reserved. Restoring brings an account back as it was, without its extension."
    ),
    model=Account,
    view=Permission.ACCOUNTS_DELETE,
    empty=lazy("No account was deleted."),
    query=lambda query: query.where(Account.deleted_at.is_not(None)),
    reach=account_rules.in_reach,
    changeable=changeable,
    columns=(
        CODE,
        LOGIN,
        NAME,
        ROLE,
        GROUP,
        MOBILE,
        Column(name="enabled", label=lazy("State"), value=lambda row, _: state_tag(row)),
        Column(name="deleted_at", label=lazy("Deleted"), kind="time"),
        Column(
            name="deleted_by",
            label=lazy("Deleted by"),
            value=lambda row, extras: extras["deleted_by"].get(row.id, ""),
        ),
    ),
    filters=(SEARCH, GROUP_FILTER),
    extras=_extras,
    actions=(
        Action(
            name="restore",
            label=lazy("Restore"),
            icon="history",
            permission=Permission.ACCOUNTS_DELETE,
            run=_restore,
            about=_lines,
        ),
    ),
)
