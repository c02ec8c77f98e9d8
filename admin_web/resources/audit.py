"""The log (ACC-10): read only."""

from __future__ import annotations

import json

from admin_web.resource import Column, Filter, Resource
from core.i18n import lazy
from core.models import AuditEntry
from core.permissions import Permission


def changes_text(row: AuditEntry) -> str:
    """Return what changed as one line: ``field: before → after``."""
    changes = json.loads(row.changes or "{}")
    return "; ".join(
        f"{field}: {_short(pair[0])} → {_short(pair[1])}"
        for field, pair in changes.items()
        if field != "tenant_id" and pair[0] != pair[1]
    )


def _short(value: object) -> str:
    text = "—" if value in (None, "") else str(value)
    return text if len(text) <= 60 else text[:60] + "…"


AUDIT = Resource(
    name="audit",
    path="/log",
    title=lazy("Log"),
    lead=lazy("Who did what. It is never changed."),
    model=AuditEntry,
    view=Permission.AUDIT_VIEW,
    empty=lazy("Nothing has happened yet."),
    columns=(
        Column(name="at", label=lazy("Time"), kind="time"),
        Column(
            name="account_name",
            label=lazy("Account"),
            value=lambda row, _: row.account_name or str(lazy("The platform")),
        ),
        Column(name="ip", label=lazy("Address")),
        Column(name="action", label=lazy("Action"), value=lambda row, _: f"{row.module}.{row.action}"),
        Column(name="object", label=lazy("Object"), value=lambda row, _: row.object_name),
        Column(name="changes", label=lazy("What changed"), value=lambda row, _: changes_text(row)),
    ),
    filters=(
        Filter(
            name="account",
            label=lazy("Account"),
            apply=lambda query, text: query.where(AuditEntry.account_name.contains(text, autoescape=True)),
        ),
        Filter(
            name="module",
            label=lazy("Module"),
            apply=lambda query, text: query.where(AuditEntry.module == text),
        ),
        Filter(
            name="object",
            label=lazy("Object"),
            apply=lambda query, text: query.where(AuditEntry.object_name.contains(text, autoescape=True)),
        ),
    ),
)
