"""Callers that are refused, or served first (CTI-R6)."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import false, select

from admin_web.number_search import number_matches
from admin_web.resource import Column, Field, Filter, Options, Resource, Tag, refuse
from admin_web.resources.saving import drop, publish, store
from core import phone
from core.database import TenantSession
from core.i18n import gettext, lazy
from core.models import Tenant
from core.permissions import Permission, Principal
from core.views import shown_number, visible_number
from cti.models import CallerRule, CallerRuleKind

KINDS = {CallerRuleKind.BLOCK: lazy("Refused"), CallerRuleKind.VIP: lazy("Served first (VIP)")}
_PREFIX = re.compile(r"\+?\d{1,20}\*")


def kind_options(session: TenantSession) -> Options:
    """Return the kinds of rules."""
    return [(kind.value, str(text)) for kind, text in KINDS.items()]


def pattern(text: str) -> str:
    """Return a caller, or the beginning of one and ``*``, as stored. Raises ``FieldError``."""
    if _PREFIX.fullmatch(text):
        return text
    try:
        return phone.parse(text).stored
    except phone.InvalidNumberError as error:
        raise refuse("pattern", phone.InvalidNumberError.sentence.filled(**error.details)) from None


def _shown(stored: str) -> str:
    return visible_number(stored) if stored.endswith("*") else shown_number(stored)


def _save(
    session: TenantSession, actor: Principal, row: CallerRule | None, values: dict[str, Any]
) -> CallerRule:
    if "pattern" in values:
        values["pattern"] = pattern(values["pattern"])
    values["kind"] = CallerRuleKind(values["kind"])
    action = "routes.caller-rule-edit" if row is not None else "routes.caller-rule-add"
    row = row or CallerRule()
    store(session, actor, action, row, values)
    publish(session, row)
    return row


def _delete(session: TenantSession, actor: Principal, row: CallerRule) -> None:
    tenant = session.scalars(select(Tenant)).one()
    drop(session, actor, "routes.caller-rule-delete", row, published=False)
    publish(session, tenant)


CALLER_RULES = Resource(
    name="caller_rules",
    path="/caller-rules",
    title=lazy("Caller rules"),
    singular=lazy("Caller rule"),
    lead=lazy("Checked before a call is routed."),
    model=CallerRule,
    view=Permission.ROUTES_EDIT,
    edit=Permission.ROUTES_EDIT,
    create=Permission.ROUTES_EDIT,
    remove=Permission.ROUTES_EDIT,
    empty=lazy("No rule: every caller is treated alike. Add a caller to refuse or to serve first with New."),
    columns=(
        Column(
            name="pattern",
            label=lazy("Caller"),
            value=lambda row, _: _shown(row.pattern),
        ),
        Column(
            name="kind",
            label=lazy("Rule"),
            value=lambda row, _: Tag(
                text=str(KINDS[row.kind]), colour="red" if row.kind is CallerRuleKind.BLOCK else "blue"
            ),
        ),
        Column(
            name="priority",
            label=lazy("Priority"),
            kind="number",
            value=lambda row, _: row.priority if row.kind is CallerRuleKind.VIP else gettext("none"),
        ),
        Column(name="note", label=lazy("Note")),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Caller"),
            apply=lambda query, text: query.where(number_matches(CallerRule.pattern, text)),
        ),
        Filter(
            name="kind",
            label=lazy("Rule"),
            options=kind_options,
            apply=lambda query, text: query.where(
                CallerRule.kind == CallerRuleKind(text) if text in set(CallerRuleKind) else false()
            ),
        ),
    ),
    load=None,
    save=_save,
    delete=_delete,
    fields=(
        Field(
            name="pattern",
            label=lazy("Caller"),
            required=True,
            max_length=32,
            personal_number=True,
            hint=lazy("A number, or the beginning of one followed by *, such as +44*."),
        ),
        Field(name="kind", label=lazy("Rule"), kind="select", required=True, options=kind_options),
        Field(
            name="priority",
            label=lazy("Priority"),
            kind="number",
            maximum=99,
            default=90,
            hint=lazy("For VIPs: their calls get at least this one."),
        ),
        Field(name="note", label=lazy("Note"), kind="textarea", max_length=500),
    ),
)
