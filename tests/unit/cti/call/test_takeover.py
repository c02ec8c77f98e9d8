"""A supervisor's hand on a call (SUP-6, SUP-9): taking over and moving, rows of the call's table; and who may when."""

from __future__ import annotations

import pytest

from cti import supervision
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Offer, OfferResult, Phase
from cti.supervision import Mode, Refused, Watch
from tests.unit.cti.call import test_machine
from tests.unit.cti.call.driver import LEG_ID, Driven, FixedWorld, of_type, queue_doc

SUPERVISOR_LEG = "33333333-3333-4333-8333-333333333333"


def taken_over(call: Driven, from_leg: str = LEG_ID) -> list[fx.Effect]:
    """The supervisor's leg is there and wants the customer."""
    offer = Offer(
        leg_id=SUPERVISOR_LEG,
        agent_id=9,
        extension_id=99,
        queue_id=7,
        endpoint="sip",
        token=SUPERVISOR_LEG,
        offered_ms=call.now_ms,
        result=OfferResult.ANSWERED,
        answered_ms=call.now_ms,
    )
    return call.give(inputs.TakenOver(at_ms=call.now_ms, offer=offer, from_leg=from_leg))


@pytest.mark.parametrize("held", [False, True])
def test_the_customer_is_connected_before_the_agents_leg_is_ended(held: bool) -> None:
    call = test_machine.talking()
    if held:
        call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=True))
        call.give(inputs.Parked(at_ms=call.now_ms))
    asked = taken_over(call)
    connect = of_type(asked, fx.UnholdCustomer if held else fx.Bridge)[0]
    kill = of_type(asked, fx.KillLeg)[0]
    assert (connect.leg_id, kill.leg_id) == (SUPERVISOR_LEG, LEG_ID)
    assert asked.index(connect) < asked.index(kill)
    assert [freed.agent_id for freed in of_type(asked, fx.AgentFreed)] == [call.call.offers[0].agent_id]
    if isinstance(connect, fx.Bridge):
        assert connect.keep, (
            "the end of the agent's leg is not the customer's, should the supervisor's be gone"
        )
    begun = call.bridged(SUPERVISOR_LEG)
    assert len(of_type(begun, fx.EndsWithTalk)) == 1, "the talk's end is the customer's again"
    assert (call.call.phase, call.call.agent_id, call.call.held) == (Phase.TALKING, 9, False)
    assert of_type(begun, fx.AgentTalks)[0].agent_id == 9
    assert len(of_type(begun, fx.StartRecording)) == 1
    call.agent_gone("NORMAL_CLEARING")
    assert call.call.phase is Phase.TALKING, "the end of the leg that was taken over means nothing"


def test_a_supervisor_who_is_lost_in_that_moment_leaves_the_customer_waiting_at_the_old_place() -> None:
    call = test_machine.talking()
    order = call.call.queue_order
    taken_over(call)
    call.agent_gone("NORMAL_TEMPORARY_FAILURE", SUPERVISOR_LEG)
    assert (call.call.phase, call.call.queue_order) == (Phase.WAITING, order)


def test_after_a_long_talk_too_the_customer_waits_though_the_queues_time_is_long_over() -> None:
    call = test_machine.talking()
    call.later(3_600_000)
    taken_over(call)
    asked = call.agent_gone("NORMAL_TEMPORARY_FAILURE", SUPERVISOR_LEG)
    assert call.call.phase is Phase.WAITING
    assert of_type(asked, fx.Enqueue)
    assert call.call.queue_entered_ms == call.now_ms, "the wait begins anew"


def test_a_takeover_that_comes_too_late_lets_the_supervisor_go_and_nobody_else() -> None:
    for call in (test_machine.talking(), Driven(FixedWorld())):
        if call.call.phase is not Phase.TALKING:
            call.arrive()
        before = call.call.phase
        asked = taken_over(call, from_leg="another")
        assert [type(effect) for effect in asked] == [fx.WithdrawOffer]
        assert call.call.phase is before


def test_a_waiting_call_is_moved_to_the_front_and_to_another_queue() -> None:
    world = FixedWorld()
    world.queues[8] = queue_doc(id=8, code="other", max_waiting=0)
    call = Driven(world)
    call.arrive()
    asked = call.give(inputs.MoveAsked(at_ms=call.now_ms, queue_id=7, order=5))
    assert [effect.queue_id for effect in of_type(asked, fx.LeaveQueue)] == [7]
    assert of_type(asked, fx.Enqueue)[0].order == 5
    asked = call.give(inputs.MoveAsked(at_ms=call.now_ms, queue_id=8))
    assert [effect.queue_id for effect in of_type(asked, fx.LeaveQueue)] == [7]
    entered = of_type(asked, fx.Enqueue)[0]
    assert (entered.queue_id, entered.order, call.call.queue_id) == (8, 0, 8)
    assert entered.max_waiting > 1000, "who was let in is not turned away by a full queue"
    world.queues[9] = queue_doc(id=9, tenant_id=2, code="theirs")
    assert call.give(inputs.MoveAsked(at_ms=call.now_ms, queue_id=9)) == [fx.TooLate()]


# --- who may when ------------------------------------------------------------------------------------------------


def agent(**values: object) -> Agent:
    """Return somebody who is signed in with a phone."""
    fixed: dict[str, object] = {
        "tenant_id": 1,
        "account_id": 1,
        "name": "Ann",
        "extension_id": 1,
        "extension": "801",
        "endpoint": "web",
        "user": "w801",
        "registered": True,
    }
    return Agent(**{**fixed, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("supervisor", "error"),
    [
        (None, "not-signed-in"),
        (agent(tenant_id=2), "not-signed-in"),
        (agent(registered=False), "supervisor-not-ready"),
        (agent(token="t", state=AgentState.TALKING), "supervisor-not-ready"),
        (agent(state=AgentState.WRAP_UP), "supervisor-not-ready"),
    ],
)
def test_a_supervisor_needs_a_phone_that_is_free_sup_8(supervisor: Agent | None, error: str) -> None:
    with pytest.raises(Refused) as caught:
        supervision.require_supervisor(supervisor, 1)
    assert caught.value.error == error


def test_another_companys_agent_and_call_are_none() -> None:
    for refused in (
        lambda: supervision.require_agent(agent(tenant_id=2), 1),
        lambda: supervision.require_waiting(Driven(FixedWorld()).call, 2),
    ):
        with pytest.raises(Refused) as caught:
            refused()
        assert caught.value.error.startswith("no-such-")


def test_only_a_talk_can_be_joined() -> None:
    call = test_machine.talking().call
    talking = agent(state=AgentState.TALKING, leg_id=LEG_ID, token="t1")
    assert supervision.require_talk(talking, call) is call
    for who, what in (
        (agent(), call),
        (talking, None),
        (agent(state=AgentState.RINGING, leg_id=LEG_ID), call),
    ):
        with pytest.raises(Refused, match="no-talk"):
            supervision.require_talk(who, what)


def test_one_supervisor_at_a_time_by_name() -> None:
    watch = Watch(
        tenant_id=1,
        supervisor_id=5,
        extension_id=5,
        endpoint="sip",
        agent_id=1,
        agent_leg=LEG_ID,
        call_id="c",
        leg_id=SUPERVISOR_LEG,
        mode=Mode.MONITOR,
    )
    supervision.require_unwatched([watch], agent(), 5)
    with pytest.raises(Refused) as caught:
        supervision.require_unwatched([watch], agent(), 6)
    assert (caught.value.error, caught.value.detail) == ("already-watched", {"by": "5"})


def test_who_supervises_is_reserved_and_returns_to_what_they_did() -> None:
    resting = agent(state=AgentState.BREAK, reason="3")
    reserved = rules.reserved(resting, token="leg", call_id="c", now_ms=10)
    assert (reserved.state, reserved.leg_id) == (AgentState.RESERVED, "leg")
    assert not rules.available(reserved)
    assert not rules.can_be_rung(reserved)
    freed = rules.freed(reserved, now_ms=20)
    assert freed is not None
    assert (freed.state, freed.reason, freed.token) == (AgentState.BREAK, "3", "")
