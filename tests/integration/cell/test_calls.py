"""Calls through a whole cell, on the simulator and on a real FreeSWITCH (CTI-R4, CTI-Q4, CTI-Q6, CTI-C6, R1)."""

from __future__ import annotations

import signal
import time
from urllib.parse import unquote

import msgspec
import pytest

from core import keys
from core.documents import RouteDoc
from cti.call.model import decode, from_variables
from tests.integration.cell.conftest import Stage
from tests.support import clock
from tests.support.cell import NUMBER, TENANT, newest, wait_for
from tests.support.outside import RealOutside
from tests.support.world import loudness

CALLER = "13800138000"


def to_menu(stage: Stage) -> str:
    """Place a call and wait until the menu speaks."""
    caller = stage.outside.call(NUMBER, CALLER)
    call = stage.cell.wait_call("flow")
    wait_for(lambda: any(c.step and c.step.what == "play" for c in stage.cell.calls()), 10, "no prompt")
    assert call.caller == "+8613800138000"
    return caller


def to_talk(stage: Stage, phone: str) -> str:
    """Place a call and have the agent answer it."""
    caller = to_menu(stage)
    stage.outside.press(caller, "1")
    stage.cell.wait_call("offering")
    stage.outside.answer(phone)
    stage.cell.wait_call("talking")
    return caller


def last_record(stage: Stage, kind: str) -> dict[str, str]:
    """Return the variables of the newest record of a kind of leg."""
    wait_for(
        lambda: [r for r in stage.cell.records() if r["variables"].get("zj_leg") == kind], 10, "no record"
    )
    found = [
        record["variables"] for record in stage.cell.records() if record["variables"].get("zj_leg") == kind
    ]
    variables: dict[str, str] = max(found, key=lambda v: v["end_uepoch"])
    return variables


def test_a_caller_reaches_an_agent(stage: Stage) -> None:
    phone = stage.agent(1)
    caller = to_talk(stage, phone)
    (call_id,) = (call.id for call in stage.cell.calls())
    types = [event.type for event in stage.cell.read_events()]
    assert types.index("call.offered") < types.index("call.talking")
    stage.outside.hears(caller, RealOutside.AGENT_HZ)
    stage.outside.hears(phone, RealOutside.CALLER_HZ)
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    stage.cell.wait_agent(1, "ready")
    story = decode(stage.cell.redis.get(keys.ended_call(TENANT, call_id)))
    assert (story.agent_id, story.phase) == (1, "ended"), "what pages ask before the record is written"
    record = last_record(stage, "customer")
    assert record["hangup_cause"] == "NORMAL_CLEARING"
    talk_ms = from_variables(unquote(record["zj_state"]), unquote(record["zj_more"])).talk_started_ms
    assert abs(int(record["bridge_uepoch"]) // 1000 - talk_ms) < 100, "untold talks begin with it (untold.py)"
    recordings = list(stage.cell.settings.recordings_dir.rglob("*.wav"))
    assert recordings, "the part with the agent is recorded"
    if isinstance(stage.outside, RealOutside):
        newest = max(recordings, key=lambda path: path.stat().st_mtime)
        assert loudness(newest, RealOutside.CALLER_HZ, 0) > -45, "left is the customer"
        assert loudness(newest, RealOutside.AGENT_HZ, 1) > -45, "right is the agent"


def test_a_menu_key_interrupts_within_a_quarter_of_a_second(stage: Stage) -> None:
    caller = to_menu(stage)
    began = clock.now_s()
    stage.outside.press(caller, "1")
    stage.cell.wait_call("waiting")
    assert clock.now_s() - began < 1.0, "press, switch, controller, Redis and a look from outside"
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()


def test_an_agent_who_does_not_answer_loses_the_offer_not_the_caller(stage: Stage) -> None:
    first = stage.agent(1)
    caller = to_menu(stage)
    stage.outside.press(caller, "1")
    stage.outside.ringing(first)
    order = stage.cell.wait_call("offering").queue_order
    stage.outside.put_down(first)
    stage.cell.wait_agent(1, "not_responding")
    call = stage.cell.wait_call("waiting")
    assert (call.missed, call.queue_order) == (1, order)
    second = stage.agent(2)
    stage.outside.answer(second)
    assert stage.cell.wait_call("talking").agent_id == 2
    stage.outside.put_down(second)
    stage.cell.wait_no_calls()
    stage.cell.set_state(1, "ready")
    stage.cell.wait_agent(1, "ready")


def test_the_caller_gives_up_while_it_rings(stage: Stage) -> None:
    phone = stage.agent(1)
    caller = to_menu(stage)
    stage.outside.press(caller, "1")
    stage.outside.ringing(phone)
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    stage.cell.wait_agent(1, "ready")
    over = [event for event in stage.cell.read_events() if event.type == "call.over"]
    assert over[-1].data["why"] == "caller_gone"


def test_two_calls_and_one_agent(stage: Stage) -> None:
    phone = stage.agent(1)
    callers = [stage.outside.call(NUMBER, f"1380013800{n}") for n in (1, 2)]
    wait_for(lambda: len([c for c in stage.cell.calls() if c.phase == "flow"]) == 2, 15, "two calls")
    time.sleep(1.0)
    for caller in callers:
        stage.outside.press(caller, "1")
    stage.outside.answer(phone)
    stage.cell.wait_call("talking")
    assert sorted(call.phase for call in stage.cell.calls()) == ["talking", "waiting"]
    stage.outside.put_down(phone)
    stage.outside.answer(phone)
    wait_for(lambda: [c.phase for c in stage.cell.calls()] == ["talking"], 10, "the second call talks alone")
    stage.outside.put_down(phone)
    stage.cell.wait_no_calls()


def test_an_agent_holds_and_takes_back(stage: Stage) -> None:
    phone = stage.agent(1)
    caller = to_talk(stage, phone)
    assert stage.cell.command("leg.hold", 1, account_id=1)["ok"]
    wait_for(lambda: any(c.held and c.step for c in stage.cell.calls()), 5, "no music")
    stage.outside.hears(caller, silent=RealOutside.AGENT_HZ)
    stage.outside.hears(phone, silent=RealOutside.CALLER_HZ)
    assert stage.outside.alive(caller)
    assert stage.cell.command("leg.unhold", 1, account_id=1)["ok"]
    wait_for(lambda: not any(c.held for c in stage.cell.calls()), 5, "still held")
    stage.outside.hears(caller, RealOutside.AGENT_HZ)
    stage.outside.put_down(phone)
    stage.cell.wait_no_calls()


def test_a_call_over_the_limit_is_refused_and_recorded_cti_r4(stage: Stage) -> None:
    route = RouteDoc(
        id=6, tenant_id=TENANT, version=1, code="small", number="4008002000", concurrency=1, destination_id=3
    )
    stage.cell.publish_now(route)
    first = stage.outside.call("4008002000", CALLER)
    stage.cell.wait_call("flow")
    before = len(stage.cell.records())
    stage.outside.call("4008002000", CALLER)
    wait_for(lambda: len(stage.cell.records()) > before, 10, "a refused call leaves a record")
    assert last_record(stage, "customer")["hangup_cause"] == "USER_BUSY"
    stage.outside.hang_up(first)
    stage.cell.wait_no_calls()
    assert stage.cell.redis.hlen(keys.route_calls(TENANT, 6)) == 0


def test_an_unknown_number_is_refused(stage: Stage) -> None:
    before = len(stage.cell.records())
    stage.outside.call("4008009999", CALLER)
    wait_for(lambda: len(stage.cell.records()) > before, 10, "no record")
    assert last_record(stage, "customer")["hangup_cause"] == "UNALLOCATED_NUMBER"


@pytest.mark.parametrize("phase", ["menu", "waiting", "ringing", "talking"])
def test_killing_the_controller_drops_no_call_r1(stage: Stage, phase: str) -> None:
    phone = stage.agent(1)
    if phase == "waiting":
        stage.cell.set_state(1, "away")
    caller = to_talk(stage, phone) if phase == "talking" else to_menu(stage)
    if phase in ("waiting", "ringing"):
        stage.outside.press(caller, "1")
        stage.cell.wait_call("waiting" if phase == "waiting" else "offering")
    if phase == "ringing":
        stage.outside.ringing(phone)
    stage.cell.restart("cti")
    stage.cell.wait_connected()
    assert stage.outside.alive(caller)
    if phase == "menu":
        stage.outside.press(caller, "1")
    if phase == "waiting":
        stage.cell.set_state(1, "ready")
    if phase != "talking":
        stage.outside.answer(phone)
    call = stage.cell.wait_call("talking")
    assert call.agent_id == 1
    stage.cell.wait_agent(1, "talking")
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    stage.cell.wait_agent(1, "ready")
    assert last_record(stage, "customer")["hangup_cause"] == "NORMAL_CLEARING"


@pytest.mark.parametrize("phase", ["menu", "waiting", "talking"])
def test_an_emptied_redis_is_rebuilt(stage: Stage, phase: str) -> None:
    phone = stage.agent(1)
    if phase == "waiting":
        stage.cell.set_state(1, "away")
    caller = to_talk(stage, phone) if phase == "talking" else to_menu(stage)
    if phase == "waiting":
        stage.outside.press(caller, "1")
        stage.cell.wait_call("waiting")
    stage.cell.redis.flushall()
    stage.cell.wait_agent(
        1, "talking" if phase == "talking" else "away" if phase == "waiting" else "ready", 5
    )
    assert wait_for(stage.cell.calls, 5)[0].id
    if phase == "menu":
        stage.outside.press(caller, "1")
    if phase == "waiting":
        stage.cell.set_state(1, "ready")
    if phase != "talking":
        stage.outside.answer(phone)
        stage.cell.wait_call("talking")
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    stage.cell.wait_agent(1, "ready")


def test_a_frozen_redis_holds_nobody_up(stage: Stage) -> None:
    phone = stage.agent(1)
    caller = to_talk(stage, phone)
    server = stage.cell.redis_server.process
    assert server is not None
    server.send_signal(signal.SIGSTOP)
    try:
        other = stage.outside.call(NUMBER, "13900139000")
        time.sleep(2.5)
        assert stage.outside.alive(caller)
        assert stage.outside.alive(other)
        stage.outside.press(other, "1")
        time.sleep(1.0)
        assert stage.outside.alive(other)
    finally:
        server.send_signal(signal.SIGCONT)
    stage.cell.wait_call("waiting")
    stage.outside.put_down(phone)
    stage.outside.answer(phone)
    stage.cell.wait_call("talking")
    stage.outside.put_down(phone)
    stage.cell.wait_no_calls(20)


def test_a_frozen_controller_goes_on_afterwards(stage: Stage) -> None:
    phone = stage.agent(1)
    caller = to_menu(stage)
    stage.cell.kill("cti", signal.SIGSTOP)
    time.sleep(3.0)
    stage.outside.press(caller, "1")
    time.sleep(0.5)
    stage.cell.kill("cti", signal.SIGCONT)
    stage.outside.answer(phone)
    stage.cell.wait_call("talking")
    stage.outside.put_down(phone)
    stage.cell.wait_no_calls()


def test_dsk_9_wrap_up_is_made_longer_once_and_ended_early(stage: Stage) -> None:
    queue = stage.cell.published("queue", 7)
    stage.cell.publish_now(msgspec.structs.replace(queue, wrap_up_s=30, version=newest()))
    phone = stage.agent(1)
    to_talk(stage, phone)
    early = stage.cell.command("agent.wrap_up", 1, account_id=1, do="end")
    assert (early["ok"], early["error"]) == (False, "wrong-state")
    stage.outside.put_down(phone)
    began = stage.cell.wait_agent(1, "wrap_up")
    longer = stage.cell.command("agent.wrap_up", 1, account_id=1, do="extend")
    assert longer["until_ms"] == began["since_ms"] + 60_000
    again = stage.cell.command("agent.wrap_up", 1, account_id=1, do="extend")
    assert (again["ok"], again["error"]) == (False, "wrong-state")
    assert stage.cell.command("agent.wrap_up", 1, account_id=1, do="end")["state"] == "ready"
    told = [
        e.data for e in stage.cell.read_events() if e.type == "agent.state" and e.data["state"] == "wrap_up"
    ]
    assert [(each["until_ms"] - each["since_ms"], each["extended"]) for each in told] == [
        (30_000, False),
        (60_000, True),
    ]
    stage.cell.publish_now(msgspec.structs.replace(queue, version=newest()))
