"""Names of what flow documents refer to, read in a query a kind."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import select

from core.database import TenantSession
from cti.models import Extension, Queue
from ivr import checks, model
from ivr.field_words import Names
from ivr.models import Calendar, Flow
from ivr.nodes.base import ReferenceKind
from ivr.voices.models import Voice

COLUMNS: dict[ReferenceKind, tuple[Any, Any]] = {
    ReferenceKind.QUEUE: (Queue.id, Queue.name),
    ReferenceKind.EXTENSION: (Extension.id, Extension.number),
    ReferenceKind.VOICE: (Voice.id, Voice.name),
    ReferenceKind.FLOW: (Flow.id, Flow.name),
    ReferenceKind.CALENDAR: (Calendar.id, Calendar.name),
}


def names_of(db: TenantSession, *flows: model.Flow) -> Names:
    """Return the names of everything `flows` use, as far as it exists in the company."""
    wanted: dict[ReferenceKind, set[int]] = defaultdict(set)
    for flow in flows:
        for _, reference in checks.references(flow):
            if reference.id:
                wanted[reference.kind].add(reference.id)
    found: dict[tuple[ReferenceKind, int], str] = {}
    for kind, ids in wanted.items():
        column, name = COLUMNS[kind]
        found |= {(kind, row[0]): row[1] for row in db.execute(select(column, name).where(column.in_(ids)))}
    return found
