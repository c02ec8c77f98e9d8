"""An agent asks somebody first: the customer hears music, and nobody is lost whatever happens (DSK-3)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.number_masking import masked
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import ConsultState, Offer, Phase, TransferResult, from_variables, to_variable
from tests.unit.cti.call.driver import LEG_ID, Driven, of_type
from tests.unit.cti.call.test_transfer import (
    OTHER_LEG,
    OUTSIDE_LEG,
    TARGETS,
    TO_AGENT,
    TO_NUMBER,
    nobody,
    park,
    ring,
    talking,
    transfer,
)


def ask(call: Driven, *, number: bool = False, leg_id: str = OTHER_LEG, token: str = "t2") -> list[fx.Effect]:
    """Have the agent ask agent 43, or a number."""
    offer = Offer(
        leg_id=leg_id,
        agent_id=43,
        extension_id=10,
        queue_id=0,
        endpoint="sip",
        token=token,
        offered_ms=call.now_ms,
    )
    event = inputs.ConsultAsked(
        at_ms=call.now_ms,
        leg_id=call.call.agent_leg or LEG_ID,
        to=TO_NUMBER if number else TO_AGENT,
        offer=None if number else offer,
    )
    return call.give(event)


def agent_parked(call: Driven) -> list[fx.Effect]:
    """The agent's leg waits alone."""
    return call.give(inputs.AgentParked(at_ms=call.now_ms, leg_id=LEG_ID))


def picked_up(call: Driven, leg_id: str = OTHER_LEG) -> list[fx.Effect]:
    """Who is asked answers."""
    return call.give(inputs.OutsideAnswered(at_ms=call.now_ms, leg_id=leg_id))


def bridge_over(call: Driven, cause: str = "") -> list[fx.Effect]:
    """The agent's bridge to whom they ask ended."""
    assert call.call.consult is not None
    step_id = call.call.consult.step_id
    return call.give(inputs.StepDone(at_ms=call.now_ms, step_id=step_id, cause=cause))


def asking(*, number: bool = False) -> Driven:
    """Return a call whose agent talks with whom they ask."""
    call = talking()
    ask(call, number=number)
    park(call)
    agent_parked(call)
    picked_up(call, OUTSIDE_LEG if number else OTHER_LEG)
    return call


def test_the_customer_is_held_before_anybody_is_called() -> None:
    call = talking()
    asked = ask(call)
    assert of_type(asked, fx.HoldCustomer)
    assert not of_type(asked, fx.Ask)
    assert [each.type for each in of_type(asked, fx.Publish)] == [
        "call.offered",
        "call.held",
        "call.consulting",
    ]
    assert of_type(park(call), fx.PlayMusic)
    assert len(of_type(agent_parked(call), fx.Ask)) == 1
    assert not of_type(agent_parked(call), fx.Ask), "never twice"
    asked = picked_up(call)
    assert of_type(asked, fx.AgentTalks) == [fx.AgentTalks(agent_id=43, token="t2")]
    assert from_variables(to_variable(call.call)) == call.call


def test_handed_over_after_asking() -> None:
    call = asking()
    asked = call.give(inputs.TransferCompleteAsked(at_ms=call.now_ms, leg_id=LEG_ID))
    assert of_type(asked, fx.UnholdCustomer) == [fx.UnholdCustomer(leg_id=OTHER_LEG)]
    assert of_type(asked, fx.AgentFreed)[0].agent_id == 42
    call.bridged(OTHER_LEG)
    (done,) = call.call.transfers
    assert (done.result, done.attended, call.call.agent_id) == (TransferResult.DONE, True, 43)
    assert call.call.phase is Phase.TALKING
    asked = call.agent_gone("NORMAL_CLEARING", OTHER_LEG)
    assert of_type(asked, fx.AgentFreed)[0].token == "t2"


def test_a_number_gets_the_customer_after_asking() -> None:
    call = asking(number=True)
    told = next(each for each in of_type(call.asked, fx.Publish) if each.type == "call.consulting")
    outside = TO_NUMBER.outside
    assert outside is not None
    # A number has the field that is masked for whoever may not see it (ACC-14).
    assert told.data["to"] == {"kind": "number", "id": 0, "name": "", "number": outside.number}
    assert masked(told.data)["to"]["number"] != outside.number
    call.give(inputs.TransferCompleteAsked(at_ms=call.now_ms, leg_id=LEG_ID))
    assert call.call.phase is Phase.FORWARDED
    assert of_type(call.hang_up(), fx.LeavePlaces) == [fx.LeavePlaces(leg_id=OUTSIDE_LEG)]


def test_taken_back_when_the_agents_leg_is_free() -> None:
    call = asking()
    asked = call.give(inputs.ConsultCancelAsked(at_ms=call.now_ms, leg_id=LEG_ID))
    assert of_type(asked, fx.KillLeg) == [fx.KillLeg(leg_id=OTHER_LEG, cause="NORMAL_CLEARING")]
    assert not of_type(asked, fx.UnholdCustomer)
    call.agent_gone("NORMAL_CLEARING", OTHER_LEG)
    assert of_type(bridge_over(call), fx.UnholdCustomer) == [fx.UnholdCustomer(leg_id=LEG_ID)]
    assert (call.call.held, call.call.consult) == (False, None)
    assert [e.token for e in of_type(call.asked, fx.AgentFreed)] == ["t2"]


def test_cancelled_before_anybody_was_called() -> None:
    call = talking()
    ask(call)
    asked = call.give(inputs.ConsultCancelAsked(at_ms=call.now_ms, leg_id=LEG_ID))
    assert of_type(asked, fx.UnholdCustomer)
    assert of_type(asked, fx.AgentFreed)
    assert not of_type(agent_parked(call), fx.Ask)


def test_who_does_not_answer_missed_it_and_the_customer_stays_on_hold() -> None:
    call = talking()
    ask(call)
    park(call)
    agent_parked(call)
    asked = bridge_over(call, "NO_ANSWER")
    assert of_type(asked, fx.AgentFreed)[0].missed
    assert of_type(asked, fx.Publish)[-1].data["cause"] == "NO_ANSWER"
    assert call.call.held
    assert call.call.consult is None
    assert of_type(call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=False)), fx.UnholdCustomer)


def test_the_customers_end_frees_both() -> None:
    call = asking()
    call.hang_up()
    assert sorted(e.token for e in of_type(call.asked, fx.AgentFreed)) == ["t1", "t2"]
    assert {e.leg_id for e in of_type(call.asked, fx.KillLeg)} == {LEG_ID, OTHER_LEG}


def test_a_word_that_is_lost_keeps_nobody_on_hold() -> None:
    call = asking()
    call.give(inputs.ConsultCancelAsked(at_ms=call.now_ms, leg_id=LEG_ID))
    assert of_type(call.later(1_500).timer("consult"), fx.UnholdCustomer)


MOVES = st.lists(
    st.sampled_from(
        ["ask", "ask number", "agent parked", "picked up", "asked gone", "over", "consult", "cancel", "complete",
         "join", "join", "switch connects",
         "to queue", "to agent", "to number", "park", "ring", "nobody", "answer", "bridge", "gone", "lost", "hold",
         "unhold", "step", "reject", "reject asked", "lost asked", "stop", "missing", "outside", "time"]
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(MOVES)
def test_whatever_happens_nobody_is_lost(moves: list[str]) -> None:
    """Any order of events: all who were claimed are freed once, the outside is called once, its place given back."""
    call = talking()
    claimed = {"t1"}
    for count, move in enumerate(moves):
        claimed |= _move(call, move, count)
        call.later(700)
    call.hang_up()
    assert call.call.phase is Phase.ENDED
    assert (call.call.timers, call.call.consult, call.call.transfer) == ([], None, None)
    freed = [e.token for e in call.asked if isinstance(e, (fx.AgentFreed, fx.WithdrawOffer))]
    assert sorted(freed) == sorted(claimed), "stuck, or freed twice"
    asked = [effect.consult.step_id for effect in of_type(call.asked, fx.Ask)]
    assert len(set(asked)) == len(asked), "called twice"
    used = {e.outside.leg_id for e in of_type(call.asked, fx.Forward)}
    used |= {e.consult.leg_id for e in of_type(call.asked, fx.Ask) if e.consult.offer is None}
    assert used <= {effect.leg_id for effect in of_type(call.asked, fx.LeavePlaces)}


def _move(call: Driven, move: str, count: int) -> set[str]:
    """Make a move; returns the tokens it claimed."""
    at_ms, agent_leg = call.now_ms, call.call.agent_leg or LEG_ID
    consult = call.call.consult
    asked = consult.leg_id if consult is not None else OTHER_LEG
    leg_id, token = f"{count:08d}-0000-4000-8000-000000000000", f"u{count}"
    if move == "ask":
        ask(call, leg_id=leg_id, token=token)
        return {token}
    if move == "ring" and call.call.phase is Phase.WAITING:
        ring(call, 43, leg_id, token)
        return {token}
    if move == "ask number":
        ask(call, number=True)
    elif move.startswith("to ") and len(call.call.transfers) < 15:
        transfer(call, TARGETS[move[3:]], agent_leg)
    elif move == "over" and consult is not None and consult.state is not ConsultState.PARTING:
        bridge_over(call, "USER_BUSY")
    elif move == "nobody" and call.call.phase is Phase.WAITING:
        nobody(call)
    elif move == "step" and call.call.step is not None:
        call.step_done()
    elif move == "consult":
        call.timer("consult")
    elif move == "time":
        call.later(50_000)
    else:
        _simple(call, move, at_ms, agent_leg, asked)
    return set()


def _simple(call: Driven, move: str, at_ms: int, agent_leg: str, asked: str) -> None:
    last = call.call.offers[-1].leg_id
    events: dict[str, inputs.Input] = {
        "agent parked": inputs.AgentParked(at_ms=at_ms, leg_id=agent_leg),
        "picked up": inputs.OutsideAnswered(at_ms=at_ms, leg_id=asked),
        "asked gone": inputs.AgentGone(at_ms=at_ms, leg_id=asked, cause="NORMAL_CLEARING"),
        "cancel": inputs.ConsultCancelAsked(at_ms=at_ms, leg_id=agent_leg),
        "join": inputs.JoinAsked(at_ms=at_ms, leg_id=agent_leg),
        "switch connects": inputs.Bridged(at_ms=at_ms, leg_id=asked),
        "complete": inputs.TransferCompleteAsked(at_ms=at_ms, leg_id=agent_leg),
        "park": inputs.Parked(at_ms=at_ms),
        "answer": inputs.AgentAnswered(at_ms=at_ms, leg_id=last),
        "bridge": inputs.Bridged(at_ms=at_ms, leg_id=last),
        "gone": inputs.AgentGone(at_ms=at_ms, leg_id=agent_leg, cause="NORMAL_CLEARING"),
        "lost": inputs.AgentLost(at_ms=at_ms, leg_id=agent_leg),
        "lost asked": inputs.AgentLost(at_ms=at_ms, leg_id=asked),
        "hold": inputs.HoldAsked(at_ms=at_ms, hold=True),
        "unhold": inputs.HoldAsked(at_ms=at_ms, hold=False),
        "reject": inputs.HangupAsked(at_ms=at_ms, by=42, leg_id=agent_leg),
        "reject asked": inputs.HangupAsked(at_ms=at_ms, by=43, leg_id=asked),
        "stop": inputs.EndAsked(at_ms=at_ms),
        "missing": inputs.BridgeMissing(at_ms=at_ms),
        "outside": inputs.OutsideAnswered(at_ms=at_ms, leg_id=OUTSIDE_LEG),
    }
    if move in events:
        call.give(events[move])
