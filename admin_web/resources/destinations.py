"""Where calls can go: flows, queues and extensions as one list, and their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from admin_web.resource import Options
from core.database import TenantSession
from core.documents import DestinationKind
from core.i18n import LazyText, lazy
from cti.models import Extension, Queue
from ivr.models import Flow

KIND_NAMES: dict[DestinationKind, LazyText] = {
    DestinationKind.FLOW: lazy("IVR flow"),
    DestinationKind.QUEUE: lazy("Queue"),
    DestinationKind.EXTENSION: lazy("Extension"),
}


def names(session: TenantSession) -> Mapping[tuple[DestinationKind, int], str]:
    """Return the name of every destination in the session's scope."""
    found: dict[tuple[DestinationKind, int], str] = {}
    sources: tuple[tuple[DestinationKind, Any], ...] = (
        (DestinationKind.FLOW, select(Flow.id, Flow.name)),
        (DestinationKind.QUEUE, select(Queue.id, Queue.name)),
        (DestinationKind.EXTENSION, select(Extension.id, Extension.number)),
    )
    for kind, query in sources:
        for row_id, name in session.execute(query):
            found[kind, row_id] = f"{KIND_NAMES[kind]}: {name}"
    return found


def options(session: TenantSession) -> Options:
    """Return the destinations as a select's options."""
    return [(f"{kind.value}:{row_id}", name) for (kind, row_id), name in names(session).items()]


def parse(value: str) -> tuple[DestinationKind, int]:
    """Return kind and id of an option's value, which was checked to be one."""
    kind, _, row_id = value.partition(":")
    return DestinationKind(kind), int(row_id)
