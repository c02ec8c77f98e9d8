"""Who leads callers to a queue or an extension: routes, flows, queues' ways out. What is led to is not deleted."""

from __future__ import annotations

from sqlalchemy import or_, select

from core.database import TenantSession
from core.documents import DestinationKind
from core.i18n import gettext
from cti.models import InboundRoute, Queue
from ivr import usage
from ivr.nodes.base import ReferenceKind

OVERFLOWS = ("overflow_full", "overflow_timeout", "overflow_nobody")
"""Columns of a queue that name a way out, such as ``flow:3``."""


def leading_to(session: TenantSession, kind: DestinationKind, row_id: int) -> list[str]:
    """Return who leads callers there, in words: routes by code, flows (published or in a draft), queues by name."""
    routes = select(InboundRoute.code).where(
        InboundRoute.destination == kind, InboundRoute.destination_id == row_id
    )
    flows = usage.flows_using(session, ReferenceKind(kind.value), [row_id]).get(row_id, ())
    way = f"{kind.value}:{row_id}"
    queues = select(Queue.name).where(or_(*(getattr(Queue, name) == way for name in OVERFLOWS)))
    return [
        *(
            gettext("route %(code)s", code=code)
            for code in session.scalars(routes.order_by(InboundRoute.code))
        ),
        *(gettext("flow %(name)s", name=name) for name in flows),
        *(gettext("queue %(name)s", name=name) for name in session.scalars(queues.order_by(Queue.name))),
    ]
