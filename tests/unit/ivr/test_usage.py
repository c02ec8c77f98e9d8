"""Who uses what is written down with each draft (CTI-I1, I3, V1): one look-up answers it."""

from __future__ import annotations

from typing import Any

import msgspec

from core.database import Database
from ivr import model, service, usage
from ivr.nodes.base import ReferenceKind


def leading(flow_id: int, **fields: Any) -> model.Flow:
    nodes = [
        {"type": "flow", "code": "a", "name": "A", "flow_id": flow_id},
        {"type": "transfer", "code": "b", "name": "B", "to": "queue", "target_id": 7},
        {"type": "playback", "code": "c", "name": "C", "prompts": [{"kind": "voice", "voice_id": 7}] * 2},
    ]
    return msgspec.convert({"name": "Leads", "entry": "a", "nodes": nodes, **fields}, model.Flow)


def test_drafts_and_published_versions_count_and_older_ones_do_not(
    database: Database, two_tenants: tuple[int, int]
) -> None:
    with database.transaction(two_tenants[0]) as session:
        target = service.create_flow(session, "target", "Target", None)
        flow = service.create_flow(session, "leads", "Leads", None, leading(target.id))

        def used(kind: ReferenceKind, used_id: int) -> list[str]:
            return usage.flows_using(session, kind, [used_id, 999]).get(used_id, [])

        assert used(ReferenceKind.FLOW, target.id) == ["Leads"]
        assert used(ReferenceKind.QUEUE, 7) == used(ReferenceKind.VOICE, 7) == ["Leads"]
        assert used(ReferenceKind.EXTENSION, 7) == []
        simple = msgspec.convert(
            {"name": "Leads", "entry": "x", "nodes": [{"type": "hangup", "code": "x", "name": "X"}]},
            model.Flow,
        )
        service.save_draft(session, flow.id, simple, None)
        assert used(ReferenceKind.QUEUE, 7) == []
        service.save_draft(session, flow.id, leading(flow.id), None)
        assert used(ReferenceKind.FLOW, flow.id) == [], "a flow that leads to itself is no user of itself"
        draft = service.load_draft(session, flow.id)
        flow.published_version = 1
        service.open_flow(session, flow.id).draft.publish(flow, None)  # type: ignore[union-attr]
        service.save_draft(session, flow.id, simple, None)
        assert used(ReferenceKind.QUEUE, 7) == ["Leads"], "callers hear the published version"
        service.publish(session, flow.id, None)
        assert used(ReferenceKind.QUEUE, 7) == [], "the version before is history"
        assert service.restore(session, flow.id, 1, None).version == 3
        assert service.load_draft(session, flow.id) == draft
        assert used(ReferenceKind.QUEUE, 7) == ["Leads"]
        service.discard_draft(session, flow.id, None)
        assert used(ReferenceKind.QUEUE, 7) == []
        session.commit()
    with database.transaction(two_tenants[1]) as session:
        assert usage.flows_using(session, ReferenceKind.FLOW, [target.id]) == {}
