"""A call's life, phase by phase (CTI-R4, CTI-I7, CTI-Q2, CTI-Q4, CTI-Q6, CTI-C6)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.documents import DestinationKind
from cti.call import effects as fx
from cti.call import in_queue, inputs
from cti.call.machine import TABLE, UnexpectedInputError, advance
from cti.call.model import Call, EndedIn, OfferResult, Phase, from_variables, to_variable
from cti.call.outcome import ended_in, was_missed
from ivr import model as flow_model
from tests.unit.cti.call.driver import FLOW_JSON, LEG_ID, Driven, FixedWorld, of_type, queue_doc


def talking() -> Driven:
    """Return a call in conversation with agent 42."""
    call = Driven(FixedWorld())
    call.arrive()
    call.later(3_000).match()
    call.later(2_000).answer()
    call.bridged()
    return call


def in_menu() -> Driven:
    """Return a call that hears the menu."""
    call = Driven(FixedWorld(flow=flow_model.decode(FLOW_JSON)))
    call.arrive(DestinationKind.FLOW, 3)
    call.step_done()
    return call


def test_a_refused_call_keeps_reason_and_cause_cti_r4() -> None:
    call = Driven(FixedWorld())
    call.give(inputs.Arrived(at_ms=call.now_ms, caller="x", called="1", trunk_address=""))
    asked = call.give(
        inputs.RouteRefused(
            at_ms=call.now_ms, reason="over-limit", cause="USER_BUSY", tenant_id=1, route_id=5
        )
    )
    assert asked == [fx.HangupCustomer(cause="USER_BUSY")]
    call.hang_up("USER_BUSY")
    assert (call.call.phase, call.call.refusal, call.call.ended_in) == (
        Phase.ENDED,
        "over-limit",
        EndedIn.ROUTE,
    )
    assert not of_type(call.asked, fx.LeaveRoute), "a refused call took no place"


def test_the_whole_way_to_an_agent_and_back() -> None:
    call = in_menu()
    assert of_type(call.asked, fx.Answer)
    assert of_type(call.asked, fx.PlayPrompts)
    asked = call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    assert asked[0] == fx.StopPlaying(), "at once"
    asked = call.step_done()
    assert of_type(asked, fx.PlayMusic)
    assert of_type(asked, fx.Enqueue)
    assert call.call.phase is Phase.WAITING
    call.later(4_000).match()
    offered = of_type(call.asked, fx.Publish)[-1]
    assert offered.type == "call.offered"
    assert offered.data["path"] == ["Menu", "Sales"]
    assert (offered.data["own"], offered.data["route"]) == (False, call.call.route_code)
    assert offered.data["waited_ms"] == 4_000
    assert of_type(call.later(1_500).answer(), fx.Bridge) == [fx.Bridge(leg_id=LEG_ID)]
    asked = call.bridged()
    assert of_type(asked, fx.StartRecording)[0].name == f"1/{call.call.id}-1.wav"
    assert of_type(asked, fx.AgentTalks)
    asked = call.later(60_000).agent_gone("NORMAL_CLEARING")
    assert of_type(asked, fx.AgentFreed) == [fx.AgentFreed(agent_id=42, token="t1", wrap_up_s=5)]
    call.hang_up()
    assert call.call.ended_in is EndedIn.AGENT
    assert of_type(call.asked, fx.Finished) == [fx.Finished()]
    assert [s.ended_ms - s.started_ms for s in call.call.segments] == [60_000]


def test_a_missed_offer_goes_back_to_the_same_place_cti_q4() -> None:
    call = Driven(FixedWorld())
    call.arrive()
    entered = call.call.queue_entered_ms
    call.match()
    asked = call.later(20_000).agent_gone("NO_ANSWER")
    assert of_type(asked, fx.AgentFreed)[0].missed
    assert of_type(asked, fx.Enqueue)[0].order == call.order
    assert (call.call.missed, call.call.queue_entered_ms, call.call.phase) == (1, entered, Phase.WAITING)
    assert not of_type(asked, fx.PlayMusic), "the music never stopped"


def test_an_unreachable_agent_did_not_miss_anything() -> None:
    call = Driven(FixedWorld())
    call.arrive()
    call.match()
    freed = of_type(call.agent_gone("USER_NOT_REGISTERED"), fx.AgentFreed)[0]
    assert freed.unreachable
    assert not freed.missed
    assert call.call.missed == 0


def test_the_queue_time_out_never_cuts_a_ringing_offer_cti_q2() -> None:
    call = Driven(FixedWorld(queue=queue_doc(timeout_s=10)))
    call.arrive()
    call.match()
    assert call.later(11_000).timer("queue") == []
    assert call.call.phase is Phase.OFFERING
    asked = call.later(4_000).agent_gone("NO_ANSWER")
    assert of_type(asked, fx.PlaySystem)[0].name == "nobody-available"
    assert call.call.phase is Phase.LEAVING


def test_a_failed_transfer_takes_the_nodes_exit_cti_i7() -> None:
    call = in_menu()
    call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    call.step_done()
    asked = call.later(60_000).timer("queue")
    assert of_type(asked, fx.LeaveQueue)
    assert of_type(asked, fx.HangupCustomer), "the flow's own exit is a polite hang-up"
    assert call.call.ended_detail == "timeout"
    assert [step.exit for step in call.call.path][:2] == ["key:1", "failure:timeout"]


def test_a_full_queue_is_said_and_recorded() -> None:
    call = Driven(FixedWorld(), full=True)
    asked = call.arrive()
    assert of_type(asked, fx.PlaySystem)[0].name == "queue-full"
    assert of_type(call.step_done(), fx.HangupCustomer)
    call.hang_up()
    assert (call.call.ended_in, call.call.ended_detail) == (EndedIn.QUEUE, "full")


def test_hanging_up_while_waiting_leaves_the_queue_cti_q6() -> None:
    call = Driven(FixedWorld())
    call.arrive()
    asked = call.hang_up()
    assert of_type(asked, fx.LeaveQueue)
    assert call.call.ended_in is EndedIn.QUEUE


def test_hanging_up_while_ringing_frees_the_agent_without_a_miss() -> None:
    call = Driven(FixedWorld())
    call.arrive()
    call.match()
    asked = call.hang_up()
    assert of_type(asked, fx.WithdrawOffer)
    assert of_type(asked, fx.Publish)[-1].data["why"] == "caller_gone"
    assert was_missed(call.call)
    assert call.call.offers[0].result is OfferResult.CALLER_GONE


def test_a_match_for_a_caller_who_is_gone_is_withdrawn() -> None:
    call = Driven(FixedWorld())
    call.arrive()
    call.hang_up()
    assert of_type(call.match(), fx.WithdrawOffer)


def test_the_customer_survives_a_lost_agent() -> None:
    call = talking()
    asked = call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID))
    assert of_type(asked, fx.DetachCustomer)
    assert asked.index(of_type(asked, fx.DetachCustomer)[0]) < asked.index(of_type(asked, fx.KillLeg)[0])
    call.agent_gone("DESTINATION_OUT_OF_ORDER")
    asked = call.give(inputs.Parked(at_ms=call.now_ms))
    assert of_type(asked, fx.PlayMusic)
    assert of_type(asked, fx.Enqueue)[0].order == call.order
    assert call.call.phase is Phase.WAITING
    call.match(leg_id="33333333-3333-4333-8333-333333333333", token="t2")
    call.answer("33333333-3333-4333-8333-333333333333")
    call.bridged("33333333-3333-4333-8333-333333333333")
    names = [segment.name for segment in call.call.segments]
    assert len(set(names)) == 2, "a used name would be overwritten"


def test_an_agent_whose_page_goes_between_answer_and_bridge_costs_the_caller_nothing() -> None:
    """The bridge that was sent may come about before the agent's leg ends, and the customer's would end with it."""
    call = Driven(FixedWorld())
    call.arrive()
    call.match()
    call.answer()
    asked = call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID))
    assert asked.index(of_type(asked, fx.DetachCustomer)[0]) < asked.index(of_type(asked, fx.KillLeg)[0])
    assert (call.call.phase, call.call.agent_leg) == (Phase.WAITING, "")
    assert [freed.agent_id for freed in of_type(asked, fx.AgentFreed)] == [call.call.offers[0].agent_id]
    assert of_type(asked, fx.Enqueue)
    assert call.call.offers[0].result is OfferResult.LOST
    assert not of_type(call.agent_gone("DESTINATION_OUT_OF_ORDER"), fx.HangupCustomer)
    call.match(leg_id="33333333-3333-4333-8333-333333333333", token="t2")
    late = call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID))
    assert not of_type(late, fx.DetachCustomer), "another agent rings by now"


def test_a_switch_that_is_late_with_a_bridge_drops_nobody() -> None:
    """What it was told is done in order, some time: bridge, end of the agent's leg; the customer's is to stay."""
    call = Driven(FixedWorld())
    call.arrive()
    call.match()
    call.answer()
    assert of_type(call.asked, fx.Bridge)
    assert not of_type(call.later(3_000).timer("offer"), fx.KillLeg), "late, not lost"
    call.later(10_000).bridged()
    assert call.call.phase is Phase.TALKING

    call = Driven(FixedWorld())
    call.arrive()
    call.match()
    call.answer()
    call.later(3_000).timer("offer")
    given_up = call.later(in_queue.CONNECT_MS).timer("offer")
    kinds = [type(effect) for effect in given_up]
    assert kinds.index(fx.DetachCustomer) < kinds.index(fx.KillLeg)
    assert call.call.phase is Phase.WAITING
    assert (call.call.agent_leg, call.call.missed) == ("", 0), "the agent answered: nothing was missed"
    assert not of_type(given_up, fx.HangupCustomer)


def test_hold_plays_music_until_taken_back() -> None:
    call = talking()
    asked = call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=True))
    assert of_type(asked, fx.HoldCustomer)
    assert of_type(call.give(inputs.Parked(at_ms=call.now_ms)), fx.PlayMusic)
    assert of_type(call.step_done(ok=False), fx.PlayMusic)[0].name == "tone"
    assert call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=True)) == [], "holding twice holds once"
    assert of_type(call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=False)), fx.UnholdCustomer)
    call.bridged()
    assert len(of_type(call.asked, fx.AgentTalks)) == 1, "taking back is no second conversation"


def test_keys_pressed_before_the_answer_count() -> None:
    call = Driven(FixedWorld(flow=flow_model.decode(FLOW_JSON)))
    call.arrive(DestinationKind.FLOW, 3)
    call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    call.step_done()
    assert call.call.phase is Phase.WAITING


def test_a_missing_flow_is_no_silence_cti_i16() -> None:
    call = Driven(FixedWorld())
    asked = call.arrive(DestinationKind.FLOW, 99)
    assert of_type(asked, fx.Answer)
    assert of_type(asked, fx.PlaySystem)
    assert of_type(call.step_done(), fx.HangupCustomer)


def test_a_pair_without_a_row_raises() -> None:
    with pytest.raises(UnexpectedInputError):
        advance(Call(id="x"), inputs.HoldAsked(at_ms=0, hold=True), FixedWorld())


def test_an_answer_told_twice_changes_nothing_and_another_legs_loses() -> None:
    call = talking()
    offers = call.call.offers
    assert call.give(inputs.AgentAnswered(at_ms=1, leg_id=call.call.agent_leg)) == []
    other = "99999999-0000-4000-8000-000000000000"
    assert call.give(inputs.AgentAnswered(at_ms=1, leg_id=other)) == [
        fx.KillLeg(leg_id=other, cause="LOSE_RACE")
    ]
    assert call.call.offers == offers


def test_every_phase_survives_the_callers_end() -> None:
    assert all((phase, inputs.CustomerGone) in TABLE for phase in Phase)


def test_the_state_rides_on_a_channel_variable() -> None:
    call = talking().call
    text = to_variable(call)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert from_variables(text) == call
    assert ended_in(call) is EndedIn.AGENT, "a record of this state says where the hang-up came"


MOVES = st.lists(
    st.sampled_from(
        ["match", "answer", "bridge", "no_answer", "gone", "lost", "park", "hold", "unhold", "key", "step",
         "queue", "offer", "leaving", "reject", "missing", "stop", "time"]
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(MOVES, st.booleans())
def test_whatever_happens_nobody_is_stuck(moves: list[str], through_a_flow: bool) -> None:
    """Any order of events ends in a call that is over, with every claimed agent freed exactly once."""
    call = in_menu() if through_a_flow else Driven(FixedWorld())
    if not through_a_flow:
        call.arrive()
    legs = 0
    for move in moves:
        legs += move == "match" and call.call.phase is Phase.WAITING
        _move(call, move, f"{legs:08d}-0000-4000-8000-000000000000")
        call.later(700)
    call.hang_up()
    assert call.call.phase is Phase.ENDED
    assert call.call.timers == []
    tokens = [e.token for e in call.asked if isinstance(e, (fx.AgentFreed, fx.WithdrawOffer))]
    assert sorted(set(tokens)) == sorted(tokens), "freed twice"
    assert {offer.token for offer in call.call.offers} <= set(tokens), "an agent is stuck"
    assert all(segment.ended_ms for segment in call.call.segments)


def _move(call: Driven, move: str, leg_id: str) -> None:
    at_ms = call.now_ms
    token = f"t{leg_id[:8]}"
    events: dict[str, inputs.Input] = {
        "answer": inputs.AgentAnswered(at_ms=at_ms, leg_id=leg_id),
        "bridge": inputs.Bridged(at_ms=at_ms, leg_id=leg_id),
        "no_answer": inputs.AgentGone(at_ms=at_ms, leg_id=leg_id, cause="NO_ANSWER"),
        "gone": inputs.AgentGone(at_ms=at_ms, leg_id=leg_id, cause="NORMAL_CLEARING"),
        "lost": inputs.AgentLost(at_ms=at_ms, leg_id=leg_id),
        "park": inputs.Parked(at_ms=at_ms),
        "hold": inputs.HoldAsked(at_ms=at_ms, hold=True),
        "unhold": inputs.HoldAsked(at_ms=at_ms, hold=False),
        "key": inputs.KeyPressed(at_ms=at_ms, digit="1"),
        "queue": inputs.TimerDue(at_ms=at_ms, name="queue"),
        "offer": inputs.TimerDue(at_ms=at_ms, name="offer"),
        "leaving": inputs.TimerDue(at_ms=at_ms, name="leaving"),
        "reject": inputs.HangupAsked(at_ms=at_ms, by=42, leg_id=leg_id),
        "missing": inputs.BridgeMissing(at_ms=at_ms),
        "stop": inputs.EndAsked(at_ms=at_ms),
    }
    if move == "match" and call.call.phase is Phase.WAITING:
        call.match(leg_id, token)
    elif move == "step" and call.call.step is not None:
        call.step_done()
    elif move == "time":
        call.later(30_000)
    elif move in events:
        call.give(events[move])
