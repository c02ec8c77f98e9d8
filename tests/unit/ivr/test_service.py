"""Drafts and published versions (CTI-I1, I14)."""

from __future__ import annotations

import json

import pytest

from core.database import Database
from ivr import model, service
from ivr.model import Flow
from ivr.models import FlowVersion, FlowVersionState
from ivr.nodes.base import ReferenceKind
from tests.unit.ivr.flows import shop


def test_a_flow_is_drafted_published_and_drafted_again(
    database: Database, two_tenants: tuple[int, int]
) -> None:
    tenant = two_tenants[0]
    with database.transaction(tenant) as session:
        flow = service.create_flow(session, "main", "Main", None)
        assert service.load_draft(session, flow.id) == Flow(name="Main")
        service.save_draft(session, flow.id, shop(), None)
        published = service.publish(session, flow.id, None)
        assert (published.id, published.tenant_id, published.version) == (flow.id, tenant, 1)
        assert published.name == flow.name == "shop"
        assert model.decode(bytes(published.body)) == shop()
        with pytest.raises(service.NothingToPublish):
            service.publish(session, flow.id, None)
        assert service.load_draft(session, flow.id) == shop()
        changed = shop(timeout_s=9)
        assert service.save_draft(session, flow.id, changed, None).version == 2
        assert service.save_draft(session, flow.id, changed, None).version == 2
        session.commit()
    with database.transaction(tenant, read_only=True) as session:
        versions = [(v.version, v.state, model.decode(v.body)) for v in session.query(FlowVersion)]
        assert versions == [(1, FlowVersionState.PUBLISHED, shop()), (2, FlowVersionState.DRAFT, changed)]
        assert service.load_draft(session, flow.id) == changed


def test_an_incomplete_draft_is_kept_but_not_published(
    database: Database, two_tenants: tuple[int, int]
) -> None:
    with database.transaction(two_tenants[0]) as session:
        flow = service.create_flow(session, "main", "Main", None)
        with pytest.raises(service.FlowNotReady) as refused:
            service.publish(session, flow.id, None)
        assert [problem.id for problem in refused.value.problems] == ["no-entry"]
        details = refused.value.as_dict("en")
        assert json.loads(json.dumps(details["detail"]))["problems"][0]["field"] == "entry"
        assert "1 things" in refused.value.text("en")
        assert flow.published_version == 0


def test_a_queue_that_is_gone_keeps_a_flow_from_being_published(
    database: Database, two_tenants: tuple[int, int]
) -> None:
    with database.transaction(two_tenants[0]) as session:
        flow = service.create_flow(session, "main", "Main", None)
        service.save_draft(session, flow.id, shop(), None)
        with pytest.raises(service.FlowNotReady):
            service.publish(session, flow.id, None, known={ReferenceKind.QUEUE: {8}})
        assert service.publish(session, flow.id, None, known={ReferenceKind.QUEUE: {7}}).version == 1


def test_another_tenants_flow_does_not_exist(database: Database, two_tenants: tuple[int, int]) -> None:
    with database.transaction(two_tenants[0]) as session:
        flow = service.create_flow(session, "main", "Main", None)
        with pytest.raises(service.FlowCodeTaken):
            service.create_flow(session, "main", "Again", None)
        session.commit()
    with database.transaction(two_tenants[1]) as session:
        for use in (service.load_draft, lambda s, i: service.publish(s, i, None)):
            with pytest.raises(service.FlowUnknown):
                use(session, flow.id)
        service.create_flow(session, "main", "Mine", None)


def test_what_is_no_flow_is_refused(database: Database) -> None:
    with pytest.raises(service.FlowUnreadable, match="not a flow"):
        service.read_document(b'{"nodes": 3}')
    assert service.read_document(model.encode(shop())) == shop()
