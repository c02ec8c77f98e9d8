"""The operator ends a company's calls, phase by phase (ACC-3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import EndedIn, Phase
from tests.unit.cti.call import test_dial, test_machine
from tests.unit.cti.call.driver import LEG_ID, Driven, FixedWorld, of_type


def waiting() -> Driven:
    """Return a call in the queue."""
    call = Driven(FixedWorld())
    call.arrive()
    return call


def ringing() -> Driven:
    """Return a call for which an agent is being rung."""
    call = waiting()
    call.match()
    return call


def stop(call: Driven) -> list[fx.Effect]:
    """End the company's calls."""
    return call.give(inputs.EndAsked(at_ms=call.now_ms))


def farewell(call: Driven, asked: list[fx.Effect]) -> None:
    """The customer hears a word, then the end."""
    assert of_type(asked, fx.PlaySystem)[0].name == "unavailable"
    assert call.call.phase is Phase.LEAVING
    assert of_type(call.step_done(), fx.HangupCustomer)
    call.hang_up()
    assert (call.call.phase, call.call.ended_detail) == (Phase.ENDED, "company-stopped")
    assert call.call.timers == []


@pytest.mark.parametrize(
    ("begin", "where"),
    [
        (test_machine.in_menu, EndedIn.FLOW),
        (waiting, EndedIn.QUEUE),
        (ringing, EndedIn.OFFER),
    ],
    ids=["menu", "waiting", "ringing"],
)
def test_who_hears_us_is_told_and_let_go(begin: Callable[[], Driven], where: EndedIn) -> None:
    call = begin()
    farewell(call, stop(call))
    assert call.call.ended_in is where


def test_an_agent_who_was_being_rung_is_free_and_missed_nothing() -> None:
    call = ringing()
    assert of_type(stop(call), fx.WithdrawOffer) == [fx.WithdrawOffer(leg_id=LEG_ID, agent_id=42, token="t1")]
    call.agent_gone("ORIGINATOR_CANCEL")
    assert not of_type(call.asked, fx.AgentFreed), "the withdrawal freed the agent"


@pytest.mark.parametrize("begin", [test_machine.talking, test_dial.talking], ids=["in", "out"])
def test_a_talk_is_parted_and_the_customer_told(begin: Callable[[], Driven]) -> None:
    call = begin()
    asked = stop(call)
    assert of_type(asked, fx.StopRecording)
    assert len(of_type(asked, fx.AgentFreed)) == 1
    detach, kill = of_type(asked, fx.DetachCustomer)[0], of_type(asked, fx.KillLeg)[0]
    assert asked.index(detach) < asked.index(kill), "else the customer's leg ends with the agent's"
    call.agent_gone("MANAGER_REQUEST")
    farewell(call, call.give(inputs.Parked(at_ms=call.now_ms)))
    assert call.call.ended_in is EndedIn.AGENT
    assert len(of_type(call.asked, fx.AgentFreed)) == 1


def test_a_customer_on_hold_is_told_at_once() -> None:
    call = test_machine.talking()
    call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=True))
    call.give(inputs.Parked(at_ms=call.now_ms))
    farewell(call, stop(call))


def test_a_customer_whose_agent_was_just_lost_is_told_too() -> None:
    call = test_machine.talking()
    call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID))
    assert stop(call) == []
    farewell(call, call.give(inputs.Parked(at_ms=call.now_ms)))


def test_between_answer_and_bridge_the_end_of_the_customer_ends_both() -> None:
    call = ringing()
    call.answer()
    assert stop(call) == [fx.HangupCustomer(cause="MANAGER_REQUEST")]


@pytest.mark.parametrize("begin", [test_dial.calling, test_dial.dialling], ids=["calling", "dialling"])
def test_a_dial_ends_with_the_agents_leg(begin: Callable[[], Driven]) -> None:
    call = begin()
    asked = stop(call)
    assert asked[-1] == fx.KillLeg(leg_id=LEG_ID, cause="MANAGER_REQUEST")
    named = [fx.HangupCustomer(cause="MANAGER_REQUEST")]
    assert asked[:-1] == (named if call.call.phase is Phase.DIALLING else []), (
        "the record says whose doing it was"
    )
    call.agent_gone("MANAGER_REQUEST")
    if call.call.phase is not Phase.ENDED:
        call.hang_up("ORIGINATOR_CANCEL")
    assert (call.call.phase, call.call.ended_detail) == (Phase.ENDED, "company-stopped")


def test_told_twice_is_told_once() -> None:
    for begin in (test_machine.in_menu, waiting, ringing, test_machine.talking, test_dial.talking):
        call = begin()
        stop(call)
        assert stop(call) == []
