"""Click-to-call and live states, against a stand-in of the controller that answers on the bus."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.database import ALL_TENANTS
from core.models import AuditEntry
from cti.acd.agents import AgentState
from cti.call.model import Phase
from cti.refusals import DIAL_REFUSALS
from tests.unit.admin_web.api.support import error_of, fields_of, program
from tests.unit.admin_web.api.world import CALL, CALLER, add_record, answer_commands, put_call, sign_in_agent
from tests.unit.admin_web.conftest import World


def test_a_call_is_one_command_in_the_agents_name(world: World) -> None:
    ask, ids = program(world), world.ids["one"]
    body = {"agent": "agent", "to": "138-0013-8000", "reference": "order 4711"}
    with answer_commands(world) as controller:
        answer = ask.post("/calls", json=body)
    assert answer.status_code == 202, answer.get_data(as_text=True)
    (command,) = controller.commands
    assert (command.kind, command.tenant) == ("dial", ids["tenants"])
    assert command.body == {"account_id": ids["accounts"], "to": CALLER, "key": command.body["key"]}
    accepted = answer.get_json()
    assert accepted == {
        "id": "call-1",
        "account_id": ids["accounts"],
        "to": CALLER,
        "reference": "order 4711",
    }
    assert answer.headers["Location"] == "/api/v1/calls/call-1"
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.module == "calls")).one()
    assert entry.action == "dial"


@pytest.mark.parametrize("reason", sorted(DIAL_REFUSALS))
def test_each_refusal_of_the_controller_is_a_problem_of_its_own(world: World, reason: str) -> None:
    ask = program(world)
    rule = lambda command: {"ok": False, "error": reason, "detail": {"state": "break"}}  # noqa: E731
    with answer_commands(world, rule):
        answer = ask.post("/calls", json={"agent": "agent", "to": CALLER})
    assert error_of(answer) == reason
    assert answer.status_code == DIAL_REFUSALS[reason].status
    assert answer.get_json()["detail"]["state"] == "break"


def test_an_unknown_refusal_says_its_id(world: World) -> None:
    with answer_commands(world, lambda command: {"ok": False, "error": "odd"}):
        answer = program(world).post("/calls", json={"agent": "agent", "to": CALLER})
    assert (answer.status_code, error_of(answer)) == (502, "command-failed")
    assert answer.get_json()["detail"] == {"reason": "odd"}


def test_without_a_controller_it_says_when_to_try_again(world: World) -> None:
    answer = program(world).post("/calls", json={"agent": "agent", "to": CALLER})
    assert (answer.status_code, error_of(answer)) == (503, "controller-silent")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"agent": "nobody", "to": CALLER}, "agent"),
        ({"agent": True, "to": CALLER}, "agent"),
        ({"agent": "agent", "to": "letters"}, "to"),
        ({"agent": "agent", "to": "sip:a@b"}, "to"),
        ({"agent": "agent", "to": "13800138000\r\nX: y"}, "to"),
        ({"agent": "agent", "to": CALLER, "reference": "x" * 101}, "reference"),
        ({"agent": "agent", "to": CALLER, "reference": "a\x00b"}, "reference"),
    ],
)
def test_what_cannot_be_dialled_reaches_no_controller(world: World, body: dict[str, Any], field: str) -> None:
    with answer_commands(world) as controller:
        answer = program(world).post("/calls", json=body)
    assert answer.status_code == 422
    assert fields_of(answer) == {field: "invalid"}
    assert controller.commands == []


def test_an_agents_key_calls_for_the_agent_alone(world: World) -> None:
    ask = program(world, login="agent")
    with answer_commands(world) as controller:
        assert ask.post("/calls", json={"agent": "agent", "to": CALLER}).status_code == 202
        answer = ask.post("/calls", json={"agent": "supervisor", "to": CALLER})
    assert (answer.status_code, error_of(answer)) == (403, "forbidden")
    assert len(controller.commands) == 1


def test_a_call_can_be_followed_to_its_end(world: World) -> None:
    ask = program(world)
    with answer_commands(world, lambda command: {"ok": True, "call_id": CALL}):
        ask.post("/calls", json={"agent": "agent", "to": CALLER, "reference": "order 4711"})
    put_call(world.parts.redis, world, phase=Phase.TALKING, talk_started_ms=1_795_256_235_056)
    up = ask.get(f"/calls/{CALL}").get_json()
    assert (up["phase"], up["direction"], up["called"]) == ("talking", "out", CALLER)
    assert (up["reference"], up["account_id"]) == ("order 4711", world.ids["one"]["accounts"])
    assert up["talk_at"] == "2026-11-21T10:17:15.056000Z"
    world.parts.redis.flushall()
    between = ask.get(f"/calls/{CALL}").get_json()
    assert (between["phase"], between["ended_at"]) == ("ended", None)
    add_record(world, CALL)
    over = ask.get(f"/calls/{CALL}").get_json()
    assert (over["phase"], over["ended_in"], over["cause"]) == ("ended", "agent", "NORMAL_CLEARING")
    assert ask.get(f"/call-records/{CALL}").get_json()["reference"] == "order 4711"


def test_hanging_up_is_a_command_for_the_agents_leg(world: World) -> None:
    ask = program(world)
    put_call(world.parts.redis, world)
    with answer_commands(world) as controller:
        answer = ask.post(f"/calls/{CALL}/hangup")
    assert answer.status_code == 202
    (command,) = controller.commands
    assert command.kind == "leg.hangup"
    assert command.body == {"account_id": world.ids["one"]["accounts"], "leg_id": "leg-1"}


def test_a_call_that_is_over_cannot_be_hung_up(world: World) -> None:
    add_record(world)
    with answer_commands(world) as controller:
        answer = program(world).post(f"/calls/{CALL}/hangup")
    assert (answer.status_code, error_of(answer)) == (409, "call-over")
    assert controller.commands == []


def test_somebody_elses_call_does_not_exist_for_an_agents_key(world: World) -> None:
    add_record(world, agent_id=world.ids["one"]["accounts"] - 1)
    ask = program(world, login="agent")
    assert error_of(ask.get(f"/calls/{CALL}")) == "not-found"
    assert error_of(ask.post(f"/calls/{CALL}/hangup")) == "not-found"


def test_live_states_are_those_in_redis(world: World) -> None:
    ids = world.ids["one"]
    sign_in_agent(world, state=AgentState.BREAK, reason="lunch")
    put_call(world.parts.redis, world, phase=Phase.WAITING, direction="in", caller=CALLER, queue_id=ids["queues"],
             queue_entered_ms=1, offers=[])  # fmt: skip
    ask = program(world)
    (agent,) = ask.get("/live/agents").get_json()["items"]
    assert (agent["account_id"], agent["state"], agent["reason"]) == (ids["accounts"], "break", "lunch")
    (queue,) = ask.get("/live/queues").get_json()["items"]
    assert (queue["queue_id"], queue["waiting"], queue["agents_ready"]) == (ids["queues"], 1, 0)
    assert queue["longest_wait_s"] > 1_000_000
    (call,) = ask.get("/live/calls").get_json()["items"]
    assert (call["id"], call["phase"], call["caller"]) == (CALL, "waiting", CALLER)


def test_live_states_of_another_company_are_not_seen(world: World) -> None:
    sign_in_agent(world, company="two")
    put_call(world.parts.redis, world, company="two")
    ask = program(world)
    assert ask.get("/live/agents").get_json()["items"] == []
    assert ask.get("/live/calls").get_json()["items"] == []
    assert ask.get("/live/queues").get_json()["items"][0]["waiting"] == 0


def test_without_redis_live_states_are_away_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.redis import connect

    ask = program(world)
    monkeypatch.setattr(world.parts, "redis", connect("unix:///nowhere/redis.sock"))
    answer = ask.get("/live/calls")
    assert (answer.status_code, error_of(answer)) == (503, "redis-away")
