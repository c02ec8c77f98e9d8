"""Callers at the nodes now, and flows tried out of the editor (CTI-I15)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from admin_web.flows.live import LiveCounts, count
from core import keys
from cti.call import model
from cti.call.model import Call, PathStep, Phase
from ivr import model as flow_model
from ivr import service
from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_flows import bye


def put(world: World, call_id: str, company: str = "one", **values: Any) -> None:
    """Put a live call into Redis, as a controller does."""
    tenant = world.ids[company]["tenants"]
    call = Call(**{"id": call_id, "tenant_id": tenant, "phase": Phase.FLOW, "flow_version": 1, **values})
    world.parts.redis.sadd(keys.calls(tenant), call_id)
    world.parts.redis.set(keys.call(tenant, call_id), model.encode(call))


def test_callers_are_counted_by_node_and_version(world: World) -> None:
    flow_id = world.ids["one"]["flows"]
    put(world, "a", flow_id=flow_id, run={"node": "menu"})
    put(world, "b", flow_id=flow_id, run={"node": "menu"}, flow_version=2)
    put(world, "c", flow_id=flow_id, run={"node": "sales"}, phase=Phase.WAITING)
    put(world, "d", flow_id=flow_id, run={"node": "sales"}, phase=Phase.TALKING)
    put(world, "e", flow_id=flow_id + 100, run={"node": "menu"})
    step = PathStep(flow_id=flow_id, version=2, node="hours")
    put(world, "f", flow_id=flow_id, path=[step], flow_version=2)
    put(world, "g", company="two", flow_id=flow_id, run={"node": "menu"})
    world.parts.redis.sadd(keys.calls(world.ids["one"]["tenants"]), "gone")
    answer = world.client("one", "tenant_admin").get(f"/flows/{flow_id}/live").get_json()
    assert answer == {
        "total": 4,
        "nodes": {"menu": 2, "sales": 1, "hours": 1},
        "versions": {"1": 2, "2": 2},
    }


def test_nobody_calls(world: World) -> None:
    flow_id = world.ids["one"]["flows"]
    answer = world.client("one", "tenant_admin").get(f"/flows/{flow_id}/live")
    assert answer.get_json() == {"total": 0, "nodes": {}, "versions": {}}


def test_one_look_serves_all_editors_for_a_moment(world: World) -> None:
    tenant, flow_id = world.ids["one"]["tenants"], world.ids["one"]["flows"]
    looks, redis = LiveCounts(), world.parts.redis
    put(world, "a", flow_id=flow_id, run={"node": "menu"})
    assert looks.of(redis, tenant, flow_id, 100.0).total == 1
    put(world, "b", flow_id=flow_id, run={"node": "menu"})
    assert looks.of(redis, tenant, flow_id, 101.0).total == 1
    assert looks.of(redis, tenant, flow_id, 102.0).total == 2
    assert count(redis, world.ids["two"]["tenants"]) == {}


def test_cti_i15_an_unsaved_document_is_tried(world: World) -> None:
    client, flow_id = world.client("one", "tenant_admin"), world.ids["one"]["flows"]
    document = {**bye(said="Good evening"), "fallback": "gone"}
    body = {"document": document, "language": "en", "now": "2026-10-01T20:00", "caller": "13800138000"}
    answer = client.post(f"/flows/{flow_id}/try", json={**body, "events": []}).get_json()
    assert answer["transcript"][-1]["text"] == "Good evening"
    assert answer["state"]["waiting"] == "prompt"
    assert answer["state"]["variables"]["caller_number"] == "+8613800138000"
    assert (answer["state"]["variables"]["date"], answer["state"]["variables"]["time"]) == (
        "2026-10-01",
        "20:00",
    )
    over = client.post(f"/flows/{flow_id}/try", json={**body, "events": [{"do": "played"}]}).get_json()
    assert over["state"]["waiting"] == "over"
    step = {"node": "bye", "name": "Goodbye", "keys": "", "exit": "hangup", "flow_id": 0}
    assert over["path"] == [step]


def test_a_trial_goes_on_in_another_published_flow_of_the_company_only(world: World) -> None:
    client = world.client("one", "tenant_admin")
    own, ids = world.ids["one"]["flows"], world.ids["one"]
    with world.parts.database.transaction(ids["tenants"]) as session:
        other = service.create_flow(session, "other", "Other", None)
        session.flush()
        there = msgspec.convert(bye(said="There"), flow_model.Flow)
        service.save_draft(session, other.id, there, None)
        service.publish(session, other.id, None)
        session.commit()
        other_id = other.id
    for target, waiting in ((other_id, "prompt"), (world.ids["two"]["flows"], "over")):
        onward = {"type": "flow", "code": "on", "name": "On", "flow_id": target}
        document = {"name": "F", "entry": "on", "nodes": [onward]}
        body = {"document": document, "language": "en", "events": []}
        answer = client.post(f"/flows/{own}/try", json=body).get_json()
        assert answer["state"]["waiting"] == waiting


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"events": [{"do": "timer"}] * 501}, "trial-refused"),
        ({"events": [{"do": "explode"}]}, "flow-unreadable"),
        ({"now": "tomorrow"}, "not-a-time"),
        ({"document": {"nodes": 3}}, "flow-unreadable"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_a_reason(
    world: World, change: dict[str, Any], error: str
) -> None:
    client, flow_id = world.client("one", "tenant_admin"), world.ids["one"]["flows"]
    answer = client.post(f"/flows/{flow_id}/try", json={"document": bye(), **change})
    assert (answer.status_code, answer.get_json()["error"]) == (422, error)
    other = client.post(f"/flows/{world.ids['two']['flows']}/try", json={"document": bye()})
    assert other.status_code == 404
