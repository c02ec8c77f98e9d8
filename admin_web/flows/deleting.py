"""Deleting a flow, unless somebody leads callers to it (CTI-I1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Executable, select, union

from core import audit
from core.database import TenantSession
from core.documents import DestinationKind
from core.errors import Conflict
from core.i18n import gettext, lazy
from core.permissions import Principal
from core.views import parts
from cti import publishing
from cti.models import InboundRoute, Queue
from ivr import usage
from ivr.models import Flow
from ivr.nodes.base import ReferenceKind

TO_FLOW = "flow:"
"""Beginning of a queue's way out that leads into a flow."""


class FlowUsedError(Conflict):
    """Routes or other flows lead to the flow; `users` names them."""

    id = "flow-used"
    sentence = lazy("This flow cannot be deleted: %(users)s lead to it.")


def users_of(db: TenantSession, flow_ids: Iterable[int]) -> dict[int, list[str]]:
    """Return who leads callers to each flow, in words: routes, other flows' published versions and
    drafts, queues.
    """
    ids = list(flow_ids)
    found: dict[int, list[str]] = defaultdict(list)
    if not ids:
        return found
    routes = (
        select(InboundRoute.destination_id, InboundRoute.code)
        .where(InboundRoute.destination == DestinationKind.FLOW, InboundRoute.destination_id.in_(ids))
        .order_by(InboundRoute.code)
    )
    for flow_id, code in db.execute(routes):
        found[flow_id].append(gettext("route %(code)s", code=code))
    for flow_id, names in usage.flows_using(db, ReferenceKind.FLOW, ids).items():
        found[flow_id] += [gettext("flow %(name)s", name=name) for name in names]
    for flow_id, name in db.execute(_queues(ids)):
        found[int(flow_id.removeprefix(TO_FLOW))].append(gettext("queue %(name)s", name=name))
    return found


def _queues(ids: list[int]) -> Executable:
    """Return ways out of queues into the flows, and the queues' names."""
    ways = [f"{TO_FLOW}{flow_id}" for flow_id in ids]
    columns = (Queue.overflow_full, Queue.overflow_timeout, Queue.overflow_nobody)
    return union(*(select(column, Queue.name).where(column.in_(ways)) for column in columns))


def delete_flow(db: TenantSession, actor: Principal, flow: Flow) -> None:
    """Delete `flow` with all its versions; calls that are in it finish. Raises :class:`FlowUsedError`."""
    users = users_of(db, [flow.id])[flow.id]
    if users:
        raise FlowUsedError(users=", ".join(users))
    audit.record(db, actor, "flows.delete", flow, {})
    publishing.withdraw(db, parts().redis, flow)
    db.delete(flow)
    db.flush()
