"""The log (ACC-10): who did what to what, when and from where. Read only.

A field is called as its form calls it (:func:`use_labels`), else by `core.audit_words`; roles and groups by name.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, or_, select

from admin_web.api.models import ApiCall
from admin_web.number_search import number_matches
from admin_web.requests import timezone
from admin_web.resource import Column, Filter, Options, Resource, refuse
from core import roles
from core.audit_words import ACTION_WORDS, MODULE_WORDS, action_word, field_word, module_word
from core.database import TenantSession
from core.groups.models import UserGroup
from core.i18n import LazyText, gettext, lazy
from core.models import AuditEntry, Role
from core.number_masking import NUMBER_FIELDS, masked_number
from core.permissions import Permission
from core.views import sees_full_numbers, visible_number
from cti.models import CallerRule
from cti.records.models import Callback

NAMED_BY_NUMBER = (CallerRule.__tablename__, Callback.__tablename__, ApiCall.__tablename__)
"""Kinds of objects whose name in the log is a person's telephone number."""

SHOWN = 120
"""Letters of one value on the page."""

HIDDEN: Final = frozenset(
    [
        "tenant_id",
        "password_changed_at",
        "session_epoch",
        "failed_count",
        "locked_until",
        "state_changed_at",
        "totp_confirmed_at",
        "totp_last_step",
        "recovery_hashes",
        "last_sign_in_at",
        "deleted_at",
        "token_hash",
        "created_by",
        "updated_by",
        "author_id",
        "is_operator",
        "built_in",
        "failing_since",
        "old_secret_until",
        "last_used_at",
        "last_used_ip",
        "old_secret_encrypted",
        "revision",
    ]
)
"""Fields that say nothing beside the action's own words."""

_labels: dict[tuple[str, str], LazyText] = {}

_ROLES, _GROUPS = frozenset({"role_id"}), frozenset({"group_id", "parent_id"})


def use_labels(resources: Iterable[Resource]) -> None:
    """Call fields as the forms of `resources` do; once, when the pages are put together."""
    for resource in resources:
        for field in resource.fields:
            _labels.setdefault((resource.model.__tablename__, field.name), field.label)


def label_of(kind: str, field: str) -> str:
    """Return what `field` of an object of `kind` (a table's name) is called."""
    label = _labels.get((kind, field)) or _labels.get((kind, field.removesuffix("_id")))
    return field_word(field) if label is None else str(label)


def names_of(session: TenantSession, rows: Sequence[AuditEntry]) -> dict[tuple[str, int], str]:
    """Return what the roles and groups named in the changes of `rows` are called now, by field and id."""
    wanted: dict[str, set[int]] = {}
    for row in rows:
        for field, pair in json.loads(row.changes or "{}").items():
            if field in _ROLES | _GROUPS:
                wanted.setdefault(field, set()).update(each for each in pair if isinstance(each, int))
    role_ids = {each for field in _ROLES for each in wanted.get(field, ())}
    group_ids = {each for field in _GROUPS for each in wanted.get(field, ())}
    named = {
        ("role_id", role.id): roles.name_of(role)
        for role in session.scalars(select(Role).where(Role.id.in_(role_ids)))
    }
    for group in session.scalars(select(UserGroup).where(UserGroup.id.in_(group_ids))):
        named |= {(field, group.id): group.name for field in _GROUPS}
    return named


def changes_text(row: AuditEntry, names: Mapping[tuple[str, int], str]) -> str:
    """Return what changed as one line: ``field: before → after``, with `names` of what ids stand for."""
    changes = json.loads(row.changes or "{}")
    if not sees_full_numbers():
        changes = {
            field: [_masked(each) for each in pair] if field in NUMBER_FIELDS else pair
            for field, pair in changes.items()
        }
    return "; ".join(
        f"{label_of(row.object_kind, field)}: "
        + " → ".join(
            _short(names.get((field, each), each) if isinstance(each, int) else each) for each in pair
        )
        for field, pair in changes.items()
        if field not in HIDDEN and pair[0] != pair[1]
    )


def object_text(row: AuditEntry) -> str:
    """Return what the object is called; where that is a person's number, as far as the account may see it."""
    return visible_number(row.object_name) if row.object_kind in NAMED_BY_NUMBER else row.object_name


def _about(text: str) -> ColumnElement[bool]:
    """Return the condition that an entry's object is called like `text`."""
    by_number = AuditEntry.object_kind.in_(NAMED_BY_NUMBER)
    return or_(
        and_(by_number.is_(False), AuditEntry.object_name.contains(text, autoescape=True)),
        and_(by_number, number_matches(AuditEntry.object_name, text)),
    )


def _masked(value: object) -> object:
    return masked_number(value) if isinstance(value, str) else value


def _short(value: object) -> str:
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    text = "—" if value in (None, "") else str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def module_options(session: TenantSession) -> Options:
    """Return the modules this company's log can have."""
    return [(name, str(text)) for name, text in MODULE_WORDS.items()]


def action_options(session: TenantSession) -> Options:
    """Return the actions, by their words."""
    return sorted(((name, str(text)) for name, text in ACTION_WORDS.items()), key=lambda pair: pair[1])


def _day(field: str, text: str) -> datetime.datetime:
    """Return the beginning of a day of the reader's zone. Raises ``FieldError``."""
    try:
        day = datetime.date.fromisoformat(text)
        return datetime.datetime.combine(day, datetime.time(), ZoneInfo(timezone()))
    except (ValueError, OverflowError):
        raise refuse(field, lazy("Enter a day as 2026-01-31.")) from None


def _since(session: TenantSession, query: Select[AuditEntry], text: str) -> Select[AuditEntry]:
    return query.where(AuditEntry.at >= _day("since", text))


def _until(session: TenantSession, query: Select[AuditEntry], text: str) -> Select[AuditEntry]:
    """Narrow to what happened up to the end of the day."""
    start = _day("until", text)
    return query.where(AuditEntry.at < start + datetime.timedelta(days=1))


AUDIT = Resource(
    name="audit",
    path="/log",
    title=lazy("Log"),
    lead=lazy("Who did what. It is never changed."),
    model=AuditEntry,
    view=Permission.AUDIT_VIEW,
    empty=lazy("Nothing has happened yet."),
    extras=lambda session, rows: {"names": names_of(session, rows)},
    columns=(
        Column(name="at", label=lazy("Time"), kind="time"),
        Column(
            name="account_name",
            label=lazy("Account"),
            kind="short",
            value=lambda row, _: row.account_name or gettext("The platform"),
        ),
        Column(name="ip", label=lazy("Address"), kind="short"),
        Column(
            name="module", label=lazy("Module"), kind="short", value=lambda row, _: module_word(row.module)
        ),
        Column(
            name="action", label=lazy("Action"), kind="short", value=lambda row, _: action_word(row.action)
        ),
        Column(name="object", label=lazy("Object"), value=lambda row, _: object_text(row)),
        Column(
            name="changes",
            label=lazy("What changed"),
            value=lambda row, extras: changes_text(row, extras["names"]),
        ),
    ),
    filters=(
        Filter(
            name="account",
            label=lazy("Account"),
            apply=lambda query, text: query.where(AuditEntry.account_name.contains(text, autoescape=True)),
        ),
        Filter(name="since", label=lazy("From"), kind="date", narrow=_since),
        Filter(name="until", label=lazy("To"), kind="date", narrow=_until),
        Filter(
            name="module",
            label=lazy("Module"),
            options=module_options,
            apply=lambda query, text: query.where(AuditEntry.module == text),
        ),
        Filter(
            name="action",
            label=lazy("Action"),
            options=action_options,
            apply=lambda query, text: query.where(AuditEntry.action == text),
        ),
        Filter(
            name="object",
            label=lazy("Object"),
            apply=lambda query, text: query.where(_about(text)),
        ),
        Filter(
            name="ip",
            label=lazy("Address"),
            apply=lambda query, text: query.where(AuditEntry.ip.startswith(text, autoescape=True)),
        ),
    ),
)
