"""Transfers that fail or are refused, and controllers that die; the switch's part is in `test_transfers`."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from cti.call.model import TransferResult
from tests.integration.cell.conftest import Stage, make_stage
from tests.integration.cell.transfers import (
    DIALLED,
    TO,
    ask,
    consult,
    hear_each_other,
    no_agent_is_heard_by,
    open_floor,
    talks_with,
    to_talk,
)
from tests.support.cell import wait_for
from tests.support.outside import RealOutside


@pytest.fixture(scope="module")
def shared_stage() -> Iterator[Stage]:
    """The module's cell, on the simulator alone."""
    yield from make_stage("switchsim")


@pytest.fixture
def floor(stage: Stage) -> Stage:
    """See `open_floor`."""
    return open_floor(stage)


def test_a_refusing_agent_gives_the_customer_back(floor: Stage) -> None:
    first, second = floor.agent(1), floor.agent(2)
    caller = to_talk(floor, first)
    assert ask(floor, "leg.transfer", to={"kind": "agent", "id": 2})["ok"]
    floor.outside.ringing(second)
    floor.outside.put_down(second)
    floor.outside.answer(first)
    talks_with(floor, 1)
    (call,) = floor.cell.calls()
    assert [(t.result, t.back) for t in call.transfers] == [(TransferResult.FAILED, "agent")]
    hear_each_other(floor, caller, first)
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()


def test_refused(floor: Stage) -> None:
    first = floor.agent(1)
    assert ask(floor, "leg.transfer", to={"kind": "queue", "id": 8})["error"] == "no-such-leg"
    caller = to_talk(floor, first)
    for to, error in (
        ({"kind": "agent", "id": 2}, "target-away"),
        ({"kind": "agent", "id": 1}, "no-such-target"),
        ({"kind": "queue", "id": 99}, "no-such-target"),
        ({"kind": "flow", "id": 99}, "no-such-target"),
        ({"kind": "number", "number": "110"}, "number-refused"),
        ({"kind": "other", "id": 1}, "bad-command"),
    ):
        assert ask(floor, "leg.transfer", to=to)["error"] == error
    assert floor.outside.alive(caller)
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()


@pytest.mark.parametrize("killed", [False, True])
def test_to_an_outside_number(floor: Stage, killed: bool) -> None:
    first = floor.agent(1)
    caller = to_talk(floor, first)
    assert ask(floor, "leg.transfer", to={"kind": "number", "number": TO})["ok"]
    called = floor.outside.called(DIALLED)
    floor.cell.wait_agent(1, "ready")
    if killed:
        floor.cell.kill("cti", signal.SIGKILL)
    floor.outside.pick_up(called)
    if killed:
        floor.cell.start("cti")
        floor.cell.wait_connected()
    floor.cell.wait_call("forwarded")
    floor.outside.hears(caller, RealOutside.CALLER_HZ)
    floor.outside.hang_up(called)
    floor.cell.wait_no_calls()
    wait_for(lambda: not floor.outside.alive(caller), 10, "the caller is left alone")
    legs = [r["variables"] for r in floor.cell.records() if r["variables"].get("zj_leg") == "consult"]
    assert int(legs[-1]["answer_uepoch"]) > 0, "what it costs is known"


def test_a_busy_number_gives_the_customer_back(floor: Stage) -> None:
    first = floor.agent(1)
    caller = to_talk(floor, first)
    assert ask(floor, "leg.transfer", to={"kind": "number", "number": TO})["ok"]
    called = floor.outside.called(DIALLED)
    floor.outside.refuse(called, "USER_BUSY")
    floor.outside.answer(first)
    talks_with(floor, 1)
    (call,) = floor.cell.calls()
    assert [(t.reason, t.back) for t in call.transfers] == [("USER_BUSY", "agent")]
    hear_each_other(floor, caller, first)
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()


def test_who_refuses_leaves_the_customer_on_hold(floor: Stage) -> None:
    first, second = floor.agent(1), floor.agent(2)
    caller = to_talk(floor, first)
    consult(floor, {"kind": "agent", "id": 2})
    floor.outside.ringing(second)
    floor.outside.put_down(second)
    wait_for(lambda: all(c.consult is None for c in floor.cell.calls()), 10, "still asked")
    (call,) = floor.cell.calls()
    assert (call.held, call.phase) == (True, "talking")
    no_agent_is_heard_by(floor, caller)
    assert ask(floor, "leg.unhold")["ok"]
    wait_for(lambda: not any(c.held for c in floor.cell.calls()), 5, "still held")
    hear_each_other(floor, caller, first)
    floor.outside.hang_up(caller)
    floor.cell.wait_no_calls()
