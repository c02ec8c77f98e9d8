"""What flows use from outside, kept as rows (`ivr.models.FlowUse`): "who uses this queue?" is one look-up.

Only a flow's draft and its published version count as users: nothing leads to older versions any more, and who
restores one is told what is gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import delete, or_, select

from core.database import TenantSession
from ivr import checks
from ivr.model import Flow as Document
from ivr.models import Flow, FlowUse, FlowVersion, FlowVersionState
from ivr.nodes.base import ReferenceKind


def note(session: TenantSession, flow_id: int, version: int, document: Document) -> None:
    """Write down what `document`, a version of the flow, uses."""
    wanted = {
        (reference.kind.value, reference.id) for _, reference in checks.references(document) if reference.id
    }
    rows = session.scalars(select(FlowUse).where(FlowUse.flow_id == flow_id, FlowUse.version == version))
    have = {(row.kind, row.used_id): row for row in rows}
    for key in have.keys() - wanted:
        session.delete(have[key])
    session.add_all(
        FlowUse(flow_id=flow_id, version=version, kind=kind, used_id=used_id)
        for kind, used_id in sorted(wanted - have.keys())
    )
    session.flush()


def forget(session: TenantSession, flow_id: int, version: int) -> None:
    """Forget what a version that is being thrown away uses."""
    session.execute(delete(FlowUse).where(FlowUse.flow_id == flow_id, FlowUse.version == version))


def flows_using(session: TenantSession, kind: ReferenceKind, ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the names of the flows whose draft or published version uses each of `ids`, the ones nobody uses left
    out; a flow's use of itself does not count.
    """
    query = (
        select(FlowUse.used_id, Flow.name)
        .join(Flow, Flow.id == FlowUse.flow_id)
        .join(
            FlowVersion,
            (FlowVersion.flow_id == FlowUse.flow_id) & (FlowVersion.version == FlowUse.version),
        )
        .where(
            FlowUse.kind == kind.value,
            FlowUse.used_id.in_(list(ids)),
            or_(FlowUse.kind != ReferenceKind.FLOW.value, FlowUse.flow_id != FlowUse.used_id),
            or_(FlowVersion.state == FlowVersionState.DRAFT, FlowVersion.version == Flow.published_version),
        )
        .distinct()
        .order_by(Flow.name)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for used_id, name in session.execute(query):
        found[used_id].append(name)
    return dict(found)
