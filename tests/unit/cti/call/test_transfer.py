"""A customer handed over by an agent: where they go, and that nobody is lost (DSK-3, CTI-C6)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import (
    EndedIn,
    Offer,
    Outside,
    Phase,
    TransferKind,
    TransferResult,
    TransferTarget,
    from_variables,
    to_variable,
)
from cti.call.outcome import ended_in
from ivr import model as flow_model
from tests.unit.cti.call.driver import FLOW_JSON, LEG_ID, Driven, FixedWorld, of_type, queue_doc

OTHER_LEG = "33333333-3333-4333-8333-333333333333"
OUTSIDE_LEG = "44444444-4444-4444-8444-444444444444"
TO_QUEUE = TransferTarget(kind=TransferKind.QUEUE, id=8)
TO_AGENT = TransferTarget(kind=TransferKind.AGENT, id=43, extension_id=10)
TO_FLOW = TransferTarget(kind=TransferKind.FLOW, id=3)
TO_NUMBER = TransferTarget(
    kind=TransferKind.NUMBER,
    outside=Outside(
        leg_id=OUTSIDE_LEG,
        number="+8613900139000",
        caller_id="+861012345678",
        trunk_id=4,
        trunk_code="carrier1",
        dialled="13900139000",
        shown="01012345678",
    ),
)
TARGETS = {"queue": TO_QUEUE, "agent": TO_AGENT, "flow": TO_FLOW, "number": TO_NUMBER}


def talking(*, full: bool = False) -> Driven:
    """Return a call from queue 7 in conversation with agent 42; there is a queue 8 and a flow 3."""
    world = FixedWorld(flow=flow_model.decode(FLOW_JSON))
    world.queues[8] = queue_doc(id=8, code="q8", name="Service")
    call = Driven(world, full=full)
    call.arrive()
    call.later(3_000).match()
    call.later(2_000).answer()
    call.bridged()
    return call


def transfer(call: Driven, to: TransferTarget, leg_id: str = LEG_ID) -> list[fx.Effect]:
    """Have the agent hand the customer over."""
    return call.give(inputs.TransferAsked(at_ms=call.now_ms, leg_id=leg_id, to=to))


def park(call: Driven) -> list[fx.Effect]:
    """The customer's leg left the talk."""
    return call.give(inputs.Parked(at_ms=call.now_ms))


def ring(call: Driven, agent_id: int, leg_id: str = OTHER_LEG, token: str = "t2") -> list[fx.Effect]:
    """An agent is rung directly, as the edge answers OfferExtension."""
    offer = Offer(
        leg_id=leg_id,
        agent_id=agent_id,
        extension_id=10,
        queue_id=0,
        endpoint="sip",
        token=token,
        offered_ms=call.now_ms,
    )
    return call.give(inputs.Matched(at_ms=call.now_ms, offer=offer))


def nobody(call: Driven) -> list[fx.Effect]:
    """Nobody could be rung directly."""
    return call.give(inputs.MatchRefused(at_ms=call.now_ms, reason="unreachable"))


def test_the_agent_is_free_at_once_and_the_customer_is_kept() -> None:
    call = talking()
    asked = transfer(call, TO_QUEUE)
    assert of_type(asked, fx.AgentFreed) == [fx.AgentFreed(agent_id=42, token="t1", wrap_up_s=5)]
    assert of_type(asked, fx.Publish)[-1].data["why"] == "transferred"
    assert asked.index(of_type(asked, fx.DetachCustomer)[0]) < asked.index(of_type(asked, fx.KillLeg)[0])
    assert of_type(asked, fx.StopRecording)
    assert not call.agent_gone("NORMAL_CLEARING"), "that their leg ends is no news"
    assert call.call.phase is Phase.TALKING


def test_to_a_queue_with_the_calls_priority() -> None:
    call = talking()
    call.call.priority = 80
    transfer(call, TO_QUEUE)
    (place,) = of_type(park(call), fx.Enqueue)
    assert (place.queue_id, place.priority, place.order) == (8, 80, 0), "a new place in another queue"
    (done,) = call.call.transfers
    assert (done.result, done.from_agent, done.from_queue) == (TransferResult.DONE, 42, 7)
    asked = call.later(60_000).timer("queue")
    assert of_type(asked, fx.PlaySystem)[0].name == "nobody-available", "the queue's own end, not a way back"


def test_a_held_customer_goes_on_at_once() -> None:
    call = talking()
    call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=True))
    park(call)
    asked = transfer(call, TO_QUEUE)
    assert of_type(asked, fx.StopPlaying), "hold music"
    assert of_type(asked, fx.Enqueue)
    assert not call.call.held


def test_who_loses_the_agent_they_were_handed_to_waits_in_the_queue_they_came_from() -> None:
    """A closed laptop: there is no queue the talk was from, but one in which the customer had stood."""
    call = talking()
    order = call.call.queue_order
    transfer(call, TO_AGENT)
    park(call)
    ring(call, 43)
    call.later(2_000).answer(OTHER_LEG)
    call.bridged(OTHER_LEG)
    assert call.call.queue_id == 0
    call.later(60_000).give(inputs.AgentLost(at_ms=call.now_ms, leg_id=OTHER_LEG))
    asked = park(call)
    assert [(place.queue_id, place.order) for place in of_type(asked, fx.Enqueue)] == [(7, order)]
    assert (call.call.phase, call.call.queue_id) == (Phase.WAITING, 7)


def test_of_a_queue_that_is_gone_nobody_waits_in() -> None:
    call = talking()
    transfer(call, TO_AGENT)
    park(call)
    ring(call, 43)
    call.later(2_000).answer(OTHER_LEG)
    call.bridged(OTHER_LEG)
    del call.world.queues[7]
    call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=OTHER_LEG))
    assert of_type(park(call), fx.PlaySystem)[0].name == "unavailable"


def test_to_an_agent_and_no_one_else() -> None:
    call = talking()
    transfer(call, TO_AGENT)
    assert of_type(park(call), fx.OfferExtension) == [fx.OfferExtension(extension_id=10, agent_id=43)]
    ring(call, 43)
    call.later(4_000).answer(OTHER_LEG)
    asked = call.bridged(OTHER_LEG)
    assert of_type(asked, fx.AgentTalks) == [fx.AgentTalks(agent_id=43, token="t2")]
    assert of_type(asked, fx.StartRecording)[0].name.endswith("-2.wav")
    assert call.call.transfers[0].result is TransferResult.DONE


def test_an_unrecorded_queues_customer_is_not_recorded_after_a_transfer() -> None:
    call = talking()
    call.world.queues[7] = queue_doc(record=False)
    transfer(call, TO_AGENT)
    park(call)
    ring(call, 43)
    call.answer(OTHER_LEG)
    assert not of_type(call.bridged(OTHER_LEG), fx.StartRecording)


def test_an_agent_who_does_not_answer_sends_the_customer_back() -> None:
    call = talking()
    transfer(call, TO_AGENT)
    park(call)
    ring(call, 43)
    asked = call.later(20_000).agent_gone("NO_ANSWER", OTHER_LEG)
    assert of_type(asked, fx.AgentFreed)[0].missed
    assert of_type(asked, fx.OfferExtension) == [fx.OfferExtension(extension_id=9, agent_id=42)]
    ring(call, 42, LEG_ID, "t3")
    call.answer()
    call.bridged()
    (back,) = call.call.transfers
    assert (back.result, back.reason, back.back) == (TransferResult.FAILED, "no_answer", "agent")
    assert back.ended_ms == call.now_ms


def test_without_their_agent_they_wait_at_their_old_place() -> None:
    call = talking()
    transfer(call, TO_AGENT)
    park(call)
    nobody(call)
    (place,) = of_type(nobody(call), fx.Enqueue)
    assert (place.queue_id, place.order) == (7, call.order)
    assert call.call.transfers[0].back == "queue"
    assert call.call.phase is Phase.WAITING


def test_without_a_queue_they_hear_an_apology() -> None:
    call = talking()
    call.call.queue_id = 0
    transfer(call, TO_AGENT)
    park(call)
    nobody(call)
    asked = nobody(call)
    assert of_type(asked, fx.PlaySystem)
    call.step_done()
    call.hang_up()
    assert call.call.ended_in is EndedIn.TRANSFERRED
    assert call.call.transfers[0].back == "end"


def test_a_full_queue_sends_them_back() -> None:
    call = talking()
    call._full = True
    transfer(call, TO_QUEUE)
    assert of_type(park(call), fx.OfferExtension) == [fx.OfferExtension(extension_id=9, agent_id=42)]
    assert call.call.transfers[0].reason == "full"


def test_to_a_flow() -> None:
    call = talking()
    transfer(call, TO_FLOW)
    asked = park(call)
    assert of_type(asked, fx.PlayPrompts)
    assert not of_type(asked, fx.Answer)
    assert (call.call.phase, call.call.flow_version) == (Phase.FLOW, 1)


def test_to_a_number_and_its_end() -> None:
    call = talking()
    transfer(call, TO_NUMBER)
    (forward,) = of_type(park(call), fx.Forward)
    assert forward.outside == TO_NUMBER.outside
    assert call.call.phase is Phase.FORWARDING
    call.later(5_000).give(inputs.OutsideAnswered(at_ms=call.now_ms, leg_id=OUTSIDE_LEG))
    assert call.call.phase is Phase.FORWARDED
    assert ended_in(from_variables(to_variable(call.call))) is EndedIn.TRANSFERRED
    asked = call.agent_gone("NORMAL_CLEARING", OUTSIDE_LEG)
    assert of_type(asked, fx.LeavePlaces) == [fx.LeavePlaces(leg_id=OUTSIDE_LEG)]
    assert of_type(call.timer("leaving"), fx.HangupCustomer)
    call.hang_up()
    assert call.call.ended_in is EndedIn.TRANSFERRED


def test_a_busy_number_sends_them_back_and_its_place_is_free() -> None:
    call = talking()
    transfer(call, TO_NUMBER)
    park(call)
    step = call.call.step
    assert step is not None
    asked = call.give(inputs.StepDone(at_ms=call.now_ms, step_id=step.id, cause="USER_BUSY"))
    assert of_type(asked, fx.LeavePlaces)
    assert of_type(asked, fx.OfferExtension) == [fx.OfferExtension(extension_id=9, agent_id=42)]
    assert call.call.transfers[0].reason == "USER_BUSY"


@pytest.mark.parametrize("moment", ["ended", "other leg"])
def test_a_late_button_gives_the_numbers_place_back(moment: str) -> None:
    call = talking()
    if moment == "ended":
        call.hang_up()
    asked = transfer(call, TO_NUMBER, LEG_ID if moment == "ended" else OTHER_LEG)
    assert asked == [fx.TooLate(), fx.LeavePlaces(leg_id=OUTSIDE_LEG)]


MOVES = st.lists(
    st.sampled_from(
        ["to queue", "to agent", "to flow", "to number", "park", "ring", "nobody", "answer", "bridge", "no_answer",
         "gone", "lost", "hold", "unhold", "step", "queue", "offer", "leaving", "ring timer", "outside",
         "outside gone", "busy", "stop", "missing", "time"]
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(MOVES)
def test_whatever_happens_nobody_is_lost(moves: list[str]) -> None:
    """Any order of events: the call ends, agents are freed once, an outside number's place is given back."""
    call = talking()
    for count, move in enumerate(moves):
        _move(call, move, count)
        call.later(700)
    call.hang_up()
    assert call.call.phase is Phase.ENDED
    assert call.call.timers == []
    assert call.call.transfer is None
    tokens = [e.token for e in call.asked if isinstance(e, (fx.AgentFreed, fx.WithdrawOffer))]
    assert sorted(set(tokens)) == sorted(tokens), "freed twice"
    assert {offer.token for offer in call.call.offers} <= set(tokens), "an agent is stuck"
    dialled = {effect.outside.leg_id for effect in of_type(call.asked, fx.Forward)}
    assert dialled <= {effect.leg_id for effect in of_type(call.asked, fx.LeavePlaces)}
    assert all(segment.ended_ms for segment in call.call.segments)


def _move(call: Driven, move: str, count: int) -> None:
    at_ms, leg_id = call.now_ms, call.call.offers[-1].leg_id
    if move.startswith("to ") and len(call.call.transfers) < 15:
        transfer(call, TARGETS[move[3:]], call.call.agent_leg or LEG_ID)
    elif move == "ring" and call.call.phase is Phase.WAITING:
        ring(call, 43, f"{count:08d}-0000-4000-8000-000000000000", f"u{count}")
    elif move == "nobody" and call.call.phase is Phase.WAITING:
        nobody(call)
    elif move == "step" and call.call.step is not None:
        call.step_done()
    elif move == "busy" and call.call.step is not None and call.call.phase is Phase.FORWARDING:
        call.give(inputs.StepDone(at_ms=at_ms, step_id=call.call.step.id, cause="USER_BUSY"))
    elif move == "time":
        call.later(50_000)
    elif move in ("queue", "offer", "leaving", "ring timer"):
        call.timer(move.removesuffix(" timer"))
    events: dict[str, inputs.Input] = {
        "park": inputs.Parked(at_ms=at_ms),
        "answer": inputs.AgentAnswered(at_ms=at_ms, leg_id=leg_id),
        "bridge": inputs.Bridged(at_ms=at_ms, leg_id=leg_id),
        "no_answer": inputs.AgentGone(at_ms=at_ms, leg_id=leg_id, cause="NO_ANSWER"),
        "gone": inputs.AgentGone(at_ms=at_ms, leg_id=leg_id, cause="NORMAL_CLEARING"),
        "lost": inputs.AgentLost(at_ms=at_ms, leg_id=leg_id),
        "hold": inputs.HoldAsked(at_ms=at_ms, hold=True),
        "unhold": inputs.HoldAsked(at_ms=at_ms, hold=False),
        "outside": inputs.OutsideAnswered(at_ms=at_ms, leg_id=OUTSIDE_LEG),
        "outside gone": inputs.AgentGone(at_ms=at_ms, leg_id=OUTSIDE_LEG, cause="NORMAL_CLEARING"),
        "stop": inputs.EndAsked(at_ms=at_ms),
        "missing": inputs.BridgeMissing(at_ms=at_ms),
    }
    if move in events:
        call.give(events[move])
