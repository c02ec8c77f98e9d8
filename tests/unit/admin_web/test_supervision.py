"""The supervisor's page and its requests: rights by role, thresholds, the log, other companies (SUP-8, SUP-9)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core import bus, keys
from core.models import AuditEntry
from cti.call.model import (
    Call,
    Consult,
    ConsultState,
    Outside,
    Phase,
    TransferKind,
    TransferTarget,
    encode,
)
from cti.models import QueueThreshold
from tests.unit.admin_web.conftest import World

LIMITS = {
    "wait_amber_s": 10,
    "wait_red_s": 30,
    "waiting_amber": 2,
    "waiting_red": 5,
    "level_amber": 80,
    "level_red": 60,
}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Collect the commands that go to the controller, which does them all."""
    commands: list[tuple[str, dict[str, Any]]] = []

    def send(_redis: Any, _cell: str, kind: str, _tenant: int, _actor: int, body: Any) -> dict[str, Any]:
        commands.append((kind, dict(body)))
        return {"ok": True, "call_id": "call-1"}

    monkeypatch.setattr(bus, "send_command", send)
    return commands


def log(world: World, company: str) -> list[AuditEntry]:
    """Return the log's lines about supervision."""
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.module == "supervise")))


def test_an_agent_sees_no_page_and_does_nothing(world: World, sent: list[Any]) -> None:
    client = world.client("one", "agent")
    assert client.get("/supervision").status_code == 403
    assert client.get("/supervision/api/state").status_code == 403
    answer = client.post("/supervision/api/act/stop", json={}, headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert sent == []


def test_what_is_done_is_logged_with_whom_and_which_call(world: World, sent: list[Any]) -> None:
    client = world.client("one", "supervisor")
    whom = world.ids["one"]["accounts"]
    answer = client.post("/supervision/api/act/start", json={"agent_id": whom, "mode": "whisper"})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    ((kind, body),) = sent
    assert (kind, body["agent_id"], body["mode"]) == ("supervise.start", whom, "whisper")
    entry = log(world, "one")[-1]
    assert (entry.action, entry.object_id) == ("whisper", whom)
    assert "call-1" in entry.changes


def test_what_nobody_answered_in_time_is_logged_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_asked: Any) -> Any:
        raise bus.ControllerSilentError()

    monkeypatch.setattr(bus, "send_command", silent)
    whom = world.ids["one"]["accounts"]
    answer = world.client("one", "supervisor").post(
        "/supervision/api/act/start", json={"agent_id": whom, "mode": "barge"}
    )
    assert answer.status_code == 503
    entry = log(world, "one")[-1]
    assert (entry.action, entry.object_id) == ("barge", whom)
    assert "unanswered" in entry.changes


def test_another_companys_agent_and_queue_are_not_found(world: World, sent: list[Any]) -> None:
    client, theirs = world.client("one", "supervisor"), world.ids["two"]
    accept = {"Accept": "application/json"}
    for action, body in (
        ("start", {"agent_id": theirs["accounts"], "mode": "monitor"}),
        ("sign-out", {"agent_id": theirs["accounts"]}),
        ("move", {"call_id": "x", "queue_id": theirs["queues"]}),
    ):
        assert client.post(f"/supervision/api/act/{action}", json=body, headers=accept).status_code == 404
    answer = client.post(f"/supervision/api/thresholds/{theirs['queues']}", json=LIMITS, headers=accept)
    assert answer.status_code == 404
    assert sent == []


def test_thresholds_are_kept_per_queue_and_bounded(world: World) -> None:
    client, queue = world.client("one", "supervisor"), world.ids["one"]["queues"]
    accept = {"Accept": "application/json"}
    for value in (-1, 10_000, "5", True, None):
        body = {**LIMITS, "wait_red_s": value}
        answer = client.post(f"/supervision/api/thresholds/{queue}", json=body, headers=accept)
        assert answer.status_code == 422, value
    for _again in range(2):
        assert (
            client.post(f"/supervision/api/thresholds/{queue}", json=LIMITS, headers=accept).status_code
            == 200
        )
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        (row,) = session.scalars(select(QueueThreshold)).all()
        assert (row.queue_id, row.wait_red_s) == (queue, 30)


def test_the_page_is_told_how_far_asking_somebody_is_and_no_more(world: World) -> None:
    tenant = world.ids["one"]["tenants"]
    outside = Outside(
        number="+8613900139000",
        dialled="13900139000",
        shown="01065551200",
        caller_id="",
        trunk_id=1,
        trunk_code="t",
        leg_id="o",
    )
    to = TransferTarget(kind=TransferKind.NUMBER, outside=outside)
    call = Call(id="c1", tenant_id=tenant, phase=Phase.TALKING, agent_id=7, held=True)
    call.consult = Consult(to=to, leg_id="o", state=ConsultState.CONFERENCE)
    world.parts.redis.set(keys.call(tenant, "c1"), encode(call))
    world.parts.redis.sadd(keys.calls(tenant), "c1")
    state = world.client("one", "supervisor").get("/supervision/api/state").get_json()
    assert [each["consult"] for each in state["calls"]] == ["conference"]
    assert "13900139000" not in str(state)
