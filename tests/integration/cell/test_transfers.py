"""Transfers through a whole cell, on the simulator and on a real FreeSWITCH (DSK-3, CTI-E5, CTI-C6)."""

from __future__ import annotations

import signal

import pytest

from cti.call.model import TransferResult
from tests.integration.cell.conftest import Stage
from tests.integration.cell.transfers import (
    DIALLED,
    TO,
    ask,
    asked_is,
    consult,
    hear_each_other,
    in_consultation,
    no_agent_is_heard_by,
    open_floor,
    talks_with,
    three_talk,
    to_talk,
)
from tests.support.cell import wait_for
from tests.support.outside import RealOutside


@pytest.fixture
def floor(stage: Stage) -> Stage:
    """See `open_floor`."""
    return open_floor(stage)


@pytest.mark.parametrize("to", ["queue", "agent"])
def test_blind(floor: Stage, to: str) -> None:
    first, second = floor.agent(1), floor.agent(2)
    caller = to_talk(floor, first)
    target = {"kind": "queue", "id": 8} if to == "queue" else {"kind": "agent", "id": 2}
    assert ask(floor, "leg.transfer", to=target)["ok"]
    floor.outside.ringing(second)
    floor.cell.wait_agent(1, "ready")
    floor.outside.answer(second)
    talks_with(floor, 2)
    (call,) = floor.cell.calls()
    assert [t.result for t in call.transfers] == [TransferResult.DONE]
    assert len(call.segments) == 2
    hear_each_other(floor, caller, second)
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()
    floor.cell.wait_agent(2, "ready")
    floor.cell.wait_no_legs()


def test_asked_first_then_handed_over_by_another_controller(floor: Stage) -> None:
    caller, _, second = in_consultation(floor)
    no_agent_is_heard_by(floor, caller)
    floor.outside.hears(second, RealOutside.AGENT_HZ, silent=RealOutside.CALLER_HZ)
    floor.cell.kill("cti", signal.SIGKILL)
    floor.cell.start("cti")
    floor.cell.wait_connected()
    asked_is(floor, "talking")
    assert ask(floor, "leg.transfer_complete")["ok"]
    talks_with(floor, 2)
    floor.cell.wait_agent(1, "ready")
    floor.outside.hears(caller, RealOutside.THIRD_HZ)
    floor.outside.hears(second, RealOutside.CALLER_HZ)
    (call,) = floor.cell.calls()
    assert [(t.result, t.attended) for t in call.transfers] == [(TransferResult.DONE, True)]
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()
    floor.cell.wait_agent(2, "ready")
    floor.cell.wait_no_legs()


def test_asked_first_then_taken_back(floor: Stage) -> None:
    caller, first, _ = in_consultation(floor)
    assert ask(floor, "leg.hold")["error"] == "wrong-state"
    assert ask(floor, "leg.transfer", to={"kind": "queue", "id": 8})["error"] == "wrong-state"
    assert ask(floor, "leg.consult_cancel")["ok"]
    floor.cell.wait_agent(2, "ready")
    wait_for(lambda: not any(c.held or c.consult for c in floor.cell.calls()), 10, "still held")
    hear_each_other(floor, caller, first)
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()
    floor.cell.wait_agent(1, "ready")
    floor.cell.wait_no_legs()


def test_a_number_is_asked_first(floor: Stage) -> None:
    first = floor.agent(1)
    caller = to_talk(floor, first)
    consult(floor, {"kind": "number", "number": TO})
    called = floor.outside.called(DIALLED)
    floor.outside.pick_up(called)
    asked_is(floor, "talking")
    no_agent_is_heard_by(floor, caller)
    assert ask(floor, "leg.transfer_complete")["ok"]
    floor.cell.wait_call("forwarded")
    floor.cell.wait_agent(1, "ready")
    floor.outside.hears(caller, RealOutside.CALLER_HZ)
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()
    wait_for(lambda: not floor.outside.alive(called), 10, "the number is left alone")
    floor.cell.wait_no_legs()


def test_three_talk_and_two_go_on_while_no_controller_lives(floor: Stage) -> None:
    caller, first, second = in_consultation(floor)
    assert ask(floor, "leg.conference")["ok"]
    asked_is(floor, "conference")
    three_talk(floor, caller, first, second)
    floor.cell.kill("cti", signal.SIGKILL)
    three_talk(floor, caller, first, second)
    floor.outside.put_down(first)
    floor.outside.hears(caller, RealOutside.THIRD_HZ, silent=RealOutside.AGENT_HZ)
    floor.outside.hears(second, RealOutside.CALLER_HZ, silent=RealOutside.AGENT_HZ)
    floor.cell.start("cti")
    floor.cell.wait_connected()
    talks_with(floor, 2)
    floor.cell.wait_agent(1, "ready")
    (call,) = floor.cell.calls()
    assert [(t.result, t.attended) for t in call.transfers] == [(TransferResult.DONE, True)]
    (talk,) = call.conferences
    assert talk.ended_ms > talk.at_ms
    assert len(call.segments) == 2
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()
    floor.cell.wait_agent(2, "ready")
    floor.cell.wait_no_legs()


def test_who_joined_leaves_and_the_agent_has_the_customer(floor: Stage) -> None:
    caller, first, second = in_consultation(floor)
    assert ask(floor, "leg.conference")["ok"]
    asked_is(floor, "conference")
    floor.cell.wait_told(floor.cell.wait_call("talking"))
    floor.cell.kill("cti", signal.SIGKILL)
    floor.cell.start("cti")
    floor.cell.wait_connected()
    asked_is(floor, "conference")
    floor.outside.hears(second, RealOutside.CALLER_HZ, RealOutside.AGENT_HZ)
    floor.outside.put_down(second)
    wait_for(lambda: not any(c.consult for c in floor.cell.calls()), 15, "still three")
    floor.cell.wait_agent(2, "ready")
    hear_each_other(floor, caller, first)
    (call,) = floor.cell.calls()
    assert (call.transfers, len(call.segments)) == ([], 1)
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()
    floor.cell.wait_agent(1, "ready")
    floor.cell.wait_no_legs()


def test_a_number_joins_and_keeps_the_customer(floor: Stage) -> None:
    first = floor.agent(1)
    caller = to_talk(floor, first)
    consult(floor, {"kind": "number", "number": TO})
    called = floor.outside.called(DIALLED)
    assert ask(floor, "leg.conference")["error"] == "wrong-state"
    floor.outside.pick_up(called, hz=RealOutside.THIRD_HZ)
    asked_is(floor, "talking")
    assert ask(floor, "leg.conference")["ok"]
    asked_is(floor, "conference")
    three_talk(floor, caller, first, called)
    assert ask(floor, "leg.transfer_complete")["ok"]
    floor.cell.wait_call("forwarded")
    floor.cell.wait_agent(1, "ready")
    floor.outside.hears(caller, RealOutside.THIRD_HZ)
    floor.outside.hears(called, RealOutside.CALLER_HZ, silent=RealOutside.AGENT_HZ)
    floor.outside.hang_up(called)
    floor.cell.wait_no_calls()
    wait_for(lambda: not floor.outside.alive(caller), 10, "the caller is left alone")
    floor.cell.wait_no_legs()
