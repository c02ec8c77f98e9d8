"""An agent's own call, phase by phase (CTI-E5, CTI-C2)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import EndedIn, Offer, OfferResult, Phase, from_variables, to_variable
from cti.call.outcome import ended_in, was_missed
from tests.unit.cti.call.driver import CALL_ID, LEG_ID, Driven, FixedWorld, of_type

TO, SHOWN = "+8613900139000", "+861012345678"


def calling() -> Driven:
    """Return a call whose agent's telephone rings."""
    call = Driven(FixedWorld())
    call.call.direction = "out"
    offer = Offer(
        leg_id=LEG_ID,
        agent_id=42,
        extension_id=9,
        queue_id=0,
        endpoint="web",
        token="t1",
        offered_ms=call.now_ms,
    )
    call.give(
        inputs.DialAsked(
            at_ms=call.now_ms,
            offer=offer,
            tenant_id=1,
            language="zh",
            called=TO,
            caller_id=SHOWN,
            trunk_id=4,
            trunk_code="carrier1",
            dialled="13900139000",
            shown="01012345678",
        )
    )
    return call


def dialling() -> Driven:
    """Return a call whose called party is being called."""
    call = calling()
    call.later(2_000).answer()
    return call


def talking() -> Driven:
    """Return a conversation."""
    call = dialling()
    call.later(5_000).give(inputs.CustomerAnswered(at_ms=call.now_ms))
    return call


def test_the_whole_way() -> None:
    call = calling()
    assert of_type(call.asked, fx.CallAgent)
    offered = of_type(call.asked, fx.Publish)[-1]
    assert (offered.type, offered.data["direction"], offered.data["called"]) == ("call.offered", "out", TO)
    assert offered.data["own"] is True
    assert not of_type(call.asked, fx.Dial), "nobody is called before the agent listens"
    (dial,) = of_type(call.later(2_000).answer(), fx.Dial)
    assert (dial.leg_id, call.call.phase) == (LEG_ID, Phase.DIALLING)
    asked = call.later(5_000).give(inputs.CustomerAnswered(at_ms=call.now_ms))
    assert of_type(asked, fx.AgentTalks)
    assert of_type(asked, fx.StartRecording)[0].name == f"1/{CALL_ID}-1.wav"
    assert call.bridged() == [], "the switch bridged by itself"
    asked = call.later(60_000).hang_up()
    assert of_type(asked, fx.AgentFreed) == [fx.AgentFreed(agent_id=42, token="t1")]
    assert of_type(asked, fx.LeaveTrunk)
    assert not of_type(call.asked, fx.NoteUndialled), "the switch writes the record"
    assert (call.call.phase, call.call.ended_in, call.call.timers) == (Phase.ENDED, EndedIn.AGENT, [])


def test_early_media_is_no_conversation() -> None:
    call = dialling()
    assert call.bridged() == []
    assert call.call.phase is Phase.DIALLING


def test_the_state_rides_on_the_agents_leg_until_both_talk() -> None:
    assert calling().call.state_leg == LEG_ID
    assert dialling().call.state_leg == LEG_ID
    assert talking().call.state_leg == CALL_ID


def test_busy_is_heard_and_the_agent_free_again() -> None:
    call = dialling()
    asked = call.hang_up("USER_BUSY")
    (tone,) = of_type(asked, fx.PlayTone)
    assert of_type(asked, fx.Publish)[-1].data["cause"] == "USER_BUSY"
    assert not of_type(asked, fx.AgentFreed), "a queue call would ring into the tone"
    asked = call.give(inputs.StepDone(at_ms=call.now_ms, step_id=tone.step_id))
    assert asked == [fx.KillLeg(leg_id=LEG_ID, cause="NORMAL_CLEARING")]
    asked = call.agent_gone("NORMAL_CLEARING")
    assert of_type(asked, fx.AgentFreed)
    assert (call.call.cause, call.call.ended_in) == ("USER_BUSY", EndedIn.CALLED)
    assert not of_type(asked, fx.NoteUndialled)


def test_a_leg_that_never_was_leaves_a_fact() -> None:
    call = dialling()
    step = call.call.step
    assert step is not None
    call.give(inputs.StepDone(at_ms=call.now_ms, step_id=step.id, ok=True, cause="INVALID_GATEWAY"))
    call.step_done()
    asked = call.agent_gone("NORMAL_CLEARING")
    assert of_type(asked, fx.NoteUndialled)
    assert (call.call.cause, call.call.ended_in) == ("INVALID_GATEWAY", EndedIn.CALLED)


@pytest.mark.parametrize(
    ("cause", "result"), [("NO_ANSWER", OfferResult.NO_ANSWER), ("USER_BUSY", OfferResult.REJECTED)]
)
def test_an_agent_who_does_not_pick_up_missed_nothing(cause: str, result: OfferResult) -> None:
    call = calling()
    asked = call.agent_gone(cause)
    assert of_type(asked, fx.AgentFreed) == [fx.AgentFreed(agent_id=42, token="t1")]
    assert of_type(asked, fx.NoteUndialled)
    assert call.call.offers[0].result is result
    assert not was_missed(call.call)
    assert call.call.ended_in is EndedIn.OFFER


def test_the_agent_gives_up_while_it_rings() -> None:
    call = dialling()
    asked = call.give(inputs.HangupAsked(at_ms=call.now_ms, by=42, leg_id=LEG_ID))
    assert asked == [fx.KillLeg(leg_id=LEG_ID, cause="ORIGINATOR_CANCEL")]
    asked = call.agent_gone("ORIGINATOR_CANCEL")
    assert of_type(asked, fx.HangupCustomer), "none may ring on for nobody"
    asked = call.hang_up("ORIGINATOR_CANCEL")
    assert of_type(asked, fx.Finished)
    assert not of_type(call.asked, fx.NoteUndialled)
    assert call.call.ended_in is EndedIn.AGENT


def test_a_called_party_that_is_never_heard_of_ends_with_the_timers() -> None:
    call = dialling()
    asked = call.later(64_000).timer("ring")
    assert of_type(asked, fx.HangupCustomer)
    call.agent_gone("NO_ANSWER")
    asked = call.later(6_000).timer("failed")
    assert of_type(asked, fx.NoteUndialled)
    assert call.call.ended_in is EndedIn.CALLED


def test_the_outside_is_dialled_once_whatever_is_told_twice() -> None:
    call = dialling()
    call.answer()
    call.answer()
    assert len(of_type(call.asked, fx.Dial)) == 1


def test_a_record_of_a_state_tells_who_ended_the_dial() -> None:
    state = from_variables(to_variable(dialling().call))
    assert ended_in(state, "NO_ANSWER") is EndedIn.CALLED
    assert ended_in(state, "ORIGINATOR_CANCEL") is EndedIn.AGENT


MOVES = st.lists(
    st.sampled_from(
        ["answer", "answered", "bridge", "busy", "agent", "lost", "park", "hold", "unhold", "step", "ring",
         "offer", "failed", "leaving", "reject", "missing", "stop", "time", "switch"]
    ),
    max_size=20,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(MOVES)
def test_whatever_happens_nobody_is_stuck(moves: list[str]) -> None:
    """Any order of events ends with agent and place freed once, and the outside dialled at most once."""
    call = calling()
    for move in moves:
        _move(call, move)
        call.later(700)
    call.agent_gone("NORMAL_CLEARING")
    call.hang_up()
    call.step_done() if call.call.step is not None else None
    call.timer("failed")
    assert call.call.phase is Phase.ENDED
    assert call.call.timers == []
    assert len(of_type(call.asked, fx.AgentFreed)) == 1
    assert len(of_type(call.asked, fx.LeaveTrunk)) == 1
    assert len(of_type(call.asked, fx.Finished)) == 1
    assert len(of_type(call.asked, fx.Dial)) <= 1
    assert all(segment.ended_ms for segment in call.call.segments)


def _move(call: Driven, move: str) -> None:
    at_ms = call.now_ms
    events: dict[str, inputs.Input] = {
        "answer": inputs.AgentAnswered(at_ms=at_ms, leg_id=LEG_ID),
        "answered": inputs.CustomerAnswered(at_ms=at_ms),
        "bridge": inputs.Bridged(at_ms=at_ms, leg_id=LEG_ID),
        "busy": inputs.CustomerGone(at_ms=at_ms, cause="USER_BUSY"),
        "switch": inputs.CustomerGone(at_ms=at_ms, cause="SWITCH_RESTARTED"),
        "agent": inputs.AgentGone(at_ms=at_ms, leg_id=LEG_ID, cause="NORMAL_CLEARING"),
        "lost": inputs.AgentLost(at_ms=at_ms, leg_id=LEG_ID),
        "park": inputs.Parked(at_ms=at_ms),
        "hold": inputs.HoldAsked(at_ms=at_ms, hold=True),
        "unhold": inputs.HoldAsked(at_ms=at_ms, hold=False),
        "reject": inputs.HangupAsked(at_ms=at_ms, by=42, leg_id=LEG_ID),
        "missing": inputs.BridgeMissing(at_ms=at_ms),
        "stop": inputs.EndAsked(at_ms=at_ms),
    }
    if move == "step":
        call.step_done() if call.call.step is not None else None
    elif move == "time":
        call.later(30_000)
    elif move in events:
        call.give(events[move])
    else:
        call.timer(move)


def test_a_hold_before_the_switch_has_bridged_is_a_hold() -> None:
    call = talking()
    call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=True))
    call.give(inputs.Parked(at_ms=call.now_ms))
    effects = call.give(inputs.Bridged(at_ms=call.now_ms, leg_id=LEG_ID))
    assert of_type(effects, fx.HoldCustomer) == [fx.HoldCustomer(leg_id=LEG_ID)]
    assert of_type(call.give(inputs.Parked(at_ms=call.now_ms)), fx.PlayMusic)
    assert call.call.held
    assert call.call.step is not None
    call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=False))
    assert not of_type(call.give(inputs.Bridged(at_ms=call.now_ms, leg_id=LEG_ID)), fx.HoldCustomer)
