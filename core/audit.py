"""The log (ACC-10): who did what to which object, written in the transaction that does it."""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from core.models import AuditEntry
from core.permissions import Principal

HIDDEN = "•••"
"""Stands for a secret: the log says that it changed, not what to."""

_SECRET = re.compile(r"password|secret|token|a1_hash")
_NOISE = frozenset({"created_at", "updated_at", "updated_by"})
MAX_VALUE_LENGTH = 500
"""Longer values are cut in the log."""


def record(
    session: Session,
    actor: Principal | None,
    action: str,
    subject: Any = None,
    changes: Mapping[str, list[Any]] | None = None,
    *,
    tenant_id: int | None = None,
    ip: str = "",
) -> AuditEntry:
    """Add a line to the log of the tenant concerned and return it; it is kept if the transaction is
    committed.

    `action` is ``<module>.<action>``; `subject` is a row (flushed here, to have its id) or None; `changes` is
    what :func:`changes_of` gave before the flush, and is taken from `subject` when left out. `actor` None is
    the platform.
    """
    if changes is None:
        changes = changes_of(subject) if subject is not None else {}
    session.flush()
    module, _, verb = action.partition(".")
    entry = AuditEntry(
        tenant_id=tenant_id or getattr(subject, "tenant_id", None) or (actor.tenant_id if actor else None),
        account_id=actor.account_id if actor else None,
        account_name=actor.name if actor else "",
        ip=ip or (actor.ip if actor else ""),
        module=module,
        action=verb,
        object_kind=getattr(subject, "__tablename__", ""),
        object_id=getattr(subject, "id", None),
        object_name=_name_of(subject)[:200],
        changes=msgspec.json.encode(_readable(changes)).decode(),
    )
    session.add(entry)
    return entry


def changes_of(row: Any) -> dict[str, list[Any]]:
    """Return what the pending change of `row` does: field to ``[before, after]``. Call it before a flush."""
    state = inspect(row)
    changes: dict[str, list[Any]] = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if attribute.key in _NOISE or not history.has_changes():
            continue
        before = history.deleted[0] if history.deleted else None
        after = history.added[0] if history.added else None
        if before != after:
            changes[attribute.key] = [before, after]
    return changes


def _readable(changes: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {
        field: [HIDDEN if _SECRET.search(field) and value is not None else _plain(value) for value in pair]
        for field, pair in changes.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, str) and len(value) > MAX_VALUE_LENGTH:
        return value[:MAX_VALUE_LENGTH] + "…"
    return value


def _name_of(subject: Any) -> str:
    for attribute in ("name", "title", "login", "code", "number", "user", "pattern"):
        value = getattr(subject, attribute, None)
        if value:
            return str(value)
    return ""
