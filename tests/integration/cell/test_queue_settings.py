"""A queue's announcements, ways out, employee number, callbacks and rules on both switches (CTI-Q2, Q3, Q4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from core import documents as docs
from core.documents import DispatchRule, Overflow, OverflowKind
from cti.acd.dispatch import Terms, asked_level
from cti.call.model import Call
from tests.integration.cell.conftest import Stage
from tests.support.cell import NUMBER, TENANT, newest, wait_for
from tests.support.outside import RealOutside

CALLER = "13800138000"


@pytest.fixture(autouse=True)
def straight_to_the_queue(stage: Stage) -> Iterator[None]:
    """Calls go to the queue without a menu; afterwards everything is as it was."""
    route, queue = stage.cell.published("route", 5), stage.cell.published("queue", 7)
    straight = {"destination": docs.DestinationKind.QUEUE, "destination_id": 7, "version": newest()}
    stage.cell.publish_now(msgspec.structs.replace(route, **straight))
    yield
    again = [msgspec.structs.replace(each, version=newest()) for each in (route, queue)]
    stage.cell.publish_now(*again)


def queue(stage: Stage, **settings: Any) -> docs.QueueDoc:
    """Publish queue 7 with other settings."""
    values = {"id": 7, "tenant_id": TENANT, "code": "sales", "name": "Sales", "ring_timeout_s": 20}
    made = docs.QueueDoc(**{**values, "extension_ids": (1, 2, 3), "version": newest(), **settings})
    stage.cell.publish_now(made)
    return made


def step(stage: Stage) -> str:
    """Return what the only call is told now."""
    calls = stage.cell.calls()
    return calls[0].step.what if calls and calls[0].step else ""


def test_who_waits_is_announced_to_and_goes_on_where_the_queue_says(stage: Stage) -> None:
    stage.cell.publish_now(
        docs.QueueDoc(
            id=8, tenant_id=TENANT, version=newest(), code="second", name="Second", extension_ids=(2,)
        )
    )
    queue(
        stage,
        announce_every_s=1,
        announcement="请稍候",
        announce_position=True,
        timeout_s=6,
        overflow_timeout=Overflow(kind=OverflowKind.QUEUE, id=8),
    )
    stage.outside.call(NUMBER, CALLER)
    stage.cell.wait_call("waiting")
    wait_for(lambda: step(stage) == "announcement", 5, "nothing was said")
    wait_for(lambda: step(stage) == "music", 10, "no music after it")
    wait_for(lambda: stage.cell.calls()[0].queue_id == 8, 10, "the queue keeps the caller")
    wait_for(lambda: step(stage) == "music", 5, "no music in the second queue")
    phone = stage.agent(2)
    stage.outside.answer(phone)
    call = stage.cell.wait_call("talking")
    assert (call.queue_id, call.overflows, call.agent_id) == (8, 1, 2)
    told = [each.data for each in stage.cell.read_events() if each.type == "queue.waiting"]
    assert [(call["caller"], call["position"]) for each in told for call in each["calls"]][:1] == [
        ("+8613800138000", 1)
    ]
    stage.outside.put_down(phone)
    stage.cell.wait_no_calls()


def test_the_employee_number_is_heard_before_the_agent(stage: Stage) -> None:
    account = stage.cell.published("account", 1)
    stage.cell.publish_now(msgspec.structs.replace(account, employee_number="8001", version=newest()))
    queue(
        stage,
        announce_agent=True,
        rule=DispatchRule.SKILLS,
        skill_level=7,
        skill_step_s=1,
        levels={1: 6, 2: 3},
    )
    stage.agent(2)
    phone = stage.agent(1)
    stage.outside.call(NUMBER, CALLER)
    stage.outside.answer(phone)
    greeted: list[Call] = wait_for(
        lambda: [
            c for c in stage.cell.calls() if c.phase == "connecting" and c.step and c.step.what == "greeting"
        ],
        10,
        "no greeting",
    )
    why = greeted[0].offers[-1].why
    assert why is not None
    assert (why.rule, why.candidates, why.value) == ("skills", 2, 6)
    entered_ms, offered_ms = greeted[0].queue_entered_ms, greeted[0].offers[-1].offered_ms
    assert offered_ms - entered_ms >= 1000, "nobody has what the caller asked for at first"
    assert why.asked == asked_level(Terms(level=7, step_ms=1000), entered_ms, offered_ms)
    stage.cell.wait_call("talking")
    stage.outside.put_down(phone)
    stage.cell.wait_no_calls()


def test_a_key_asks_for_a_call_back_and_ends_the_wait(stage: Stage) -> None:
    queue(stage, callback_key="1")
    caller = stage.outside.call(NUMBER, CALLER)
    stage.cell.wait_call("waiting")
    wait_for(lambda: step(stage) == "music", 5, "no music")
    stage.outside.press(caller, "1")
    call = stage.cell.wait_call("leaving")
    assert [(note.kind.value, note.value, note.queue_id) for note in call.notes] == [
        ("callback", "+8613800138000", 7)
    ]
    stage.cell.wait_no_calls()


def test_nobody_signed_in_is_a_way_out_and_misses_make_away(stage: Stage) -> None:
    queue(stage, overflow_nobody=Overflow(kind=OverflowKind.FLOW, id=3), missed_limit=1)
    caller = stage.outside.call(NUMBER, CALLER)
    stage.cell.wait_call("flow")
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    phone = stage.agent(1)
    caller = stage.outside.call(NUMBER, CALLER)
    stage.outside.ringing(phone)
    stage.outside.put_down(phone)
    stage.cell.wait_agent(1, "away")
    stage.cell.wait_call("waiting")
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()


def test_all_ring_and_the_phone_that_was_too_late_has_missed_nothing(stage: Stage) -> None:
    """The rest of this rule is proved on the simulator (`test_ring_all`)."""
    queue(stage, rule=DispatchRule.RING_ALL)
    phones = [stage.agent(n) for n in (1, 2)]
    caller = stage.outside.call(NUMBER, CALLER)
    for phone in phones:
        stage.outside.ringing(phone)
    stage.outside.answer(phones[1])
    call = stage.cell.wait_call("talking")
    assert {offer.agent_id: offer.result.value for offer in call.offers} == {1: "elsewhere", 2: "answered"}
    late = stage.cell.wait_agent(1, "ready")
    assert late["missed_in_a_row"] == 0

    def record() -> dict[str, str] | None:
        found = (each["variables"] for each in stage.cell.records())
        return next((each for each in found if each.get("uuid") == call.offers[0].leg_id), None)

    ended = wait_for(record, 15, "the phone that was too late still rings")
    assert ended is not None
    assert ended["hangup_cause"] == "LOSE_RACE"
    if isinstance(stage.outside, RealOutside):
        assert ended["call_completed_elsewhere"] == "true", "the phone would show a missed call"
    stage.outside.hears(caller, RealOutside.AGENT_HZ)
    stage.outside.put_down(phones[1])
    stage.cell.wait_no_calls()
