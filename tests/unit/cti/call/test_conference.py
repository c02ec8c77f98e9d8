"""Customer, agent and the one who was asked in one talk: whoever leaves, the others talk on (DSK-3)."""

from __future__ import annotations

import pytest

from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import ConsultState, Phase, TransferResult, from_variables, to_variable
from tests.unit.cti.call.driver import LEG_ID, Driven, of_type
from tests.unit.cti.call.test_consult import asking, bridge_over
from tests.unit.cti.call.test_transfer import OTHER_LEG, OUTSIDE_LEG, park


def join(call: Driven) -> list[fx.Effect]:
    """The agent brings the customer in."""
    return call.give(inputs.JoinAsked(at_ms=call.now_ms, leg_id=LEG_ID))


def three(*, number: bool = False) -> Driven:
    """Return a call whose three talk."""
    call = asking(number=number)
    join(call)
    return call


def test_the_customer_joins_the_two() -> None:
    call = asking()
    asked = join(call)
    assert of_type(asked, fx.JoinCustomer) == [fx.JoinCustomer(leg_id=LEG_ID, other=OTHER_LEG)]
    told = {each.type: each for each in of_type(asked, fx.Publish)}
    assert told["call.held"].data["held"] is False
    assert told["call.consulting"].data["state"] == "conference"
    assert told["call.joined"].audience[0] == "agent:43"
    assert (call.call.held, call.call.phase) == (False, Phase.TALKING)
    assert not of_type(asked, fx.StopRecording), "the whole talk is recorded"
    assert from_variables(to_variable(call.call)) == call.call
    assert join(call) == [fx.TooLate()], "once"


def test_nobody_joins_before_the_answer_nor_in_an_ordinary_talk() -> None:
    call = asking()
    assert call.call.consult is not None
    call.call.consult.state = ConsultState.DIALLING
    assert join(call) == [fx.TooLate()]
    call.call.consult = None
    assert join(call) == [fx.TooLate()]


@pytest.mark.parametrize("asked_for", ["complete", "hang up", "lost"])
def test_the_agent_leaves_and_the_two_talk_on(asked_for: str) -> None:
    call = three()
    events: dict[str, inputs.Input] = {
        "complete": inputs.TransferCompleteAsked(at_ms=call.now_ms, leg_id=LEG_ID),
        "hang up": inputs.HangupAsked(at_ms=call.now_ms, by=42, leg_id=LEG_ID),
        "lost": inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID),
    }
    asked = call.give(events[asked_for])
    assert [type(each) for each in asked] == [fx.KillLeg], "the switch does the rest, also without us"
    asked = call.agent_gone("NORMAL_CLEARING", LEG_ID)
    assert of_type(asked, fx.AgentFreed)[0].agent_id == 42
    assert not of_type(asked, fx.UnholdCustomer) + of_type(asked, fx.Bridge)
    assert of_type(asked, fx.EndsWithCustomer) == [fx.EndsWithCustomer(leg_id=OTHER_LEG)]
    call.bridged(OTHER_LEG)
    assert (call.call.phase, call.call.agent_id, call.call.consult) == (Phase.TALKING, 43, None)
    (done,) = call.call.transfers
    assert (done.result, done.attended) == (TransferResult.DONE, True)
    (talk,) = call.call.conferences
    assert talk.ended_ms
    call.agent_gone("NORMAL_CLEARING", OTHER_LEG)
    call.hang_up()
    assert sorted(e.token for e in of_type(call.asked, fx.AgentFreed)) == ["t1", "t2"]


def test_the_switchs_bridge_may_be_told_before_the_agents_end() -> None:
    call = three()
    bridge_over(call)
    call.bridged(OTHER_LEG)
    assert (call.call.phase, call.call.agent_id) == (Phase.TALKING, 43)
    assert not call.agent_gone("NORMAL_CLEARING", LEG_ID)
    assert call.call.timers == []


def test_a_number_talks_on_with_the_customer() -> None:
    call = three(number=True)
    call.agent_gone("NORMAL_CLEARING", LEG_ID)
    assert call.call.phase is Phase.FORWARDED
    assert not call.give(inputs.Bridged(at_ms=call.now_ms, leg_id=OUTSIDE_LEG))
    assert of_type(call.hang_up(), fx.LeavePlaces) == [fx.LeavePlaces(leg_id=OUTSIDE_LEG)]


@pytest.mark.parametrize("order", [("leg", "bridge"), ("bridge", "leg")])
@pytest.mark.parametrize("cancelled", [True, False])
def test_who_was_asked_leaves_and_the_agent_has_the_customer(order: tuple[str, str], cancelled: bool) -> None:
    call = three()
    if cancelled:
        asked = call.give(inputs.ConsultCancelAsked(at_ms=call.now_ms, leg_id=LEG_ID))
        assert of_type(asked, fx.KillLeg) == [fx.KillLeg(leg_id=OTHER_LEG, cause="NORMAL_CLEARING")]
    for each in order:
        if each == "leg":
            call.agent_gone("NORMAL_CLEARING", OTHER_LEG)
        elif call.call.consult is not None:
            bridge_over(call)
    assert of_type(call.asked, fx.Bridge)[-1] == fx.Bridge(leg_id=LEG_ID)
    assert (call.call.consult, call.call.held, call.call.phase) == (None, False, Phase.TALKING)
    assert call.call.transfers == []
    assert [e.token for e in of_type(call.asked, fx.AgentFreed)] == ["t2"]
    call.bridged(LEG_ID)
    call.hang_up()
    assert call.call.timers == []


def test_the_customers_end_ends_it_for_all() -> None:
    call = three()
    call.hang_up()
    assert {e.leg_id for e in of_type(call.asked, fx.KillLeg)} == {LEG_ID, OTHER_LEG}
    assert sorted(e.token for e in of_type(call.asked, fx.AgentFreed)) == ["t1", "t2"]
    assert call.call.conferences[0].ended_ms


def test_a_bridge_whose_end_is_told_alone_brings_the_customer_back() -> None:
    call = three()
    bridge_over(call)
    call.later(1_500).timer("consult")
    assert of_type(call.asked, fx.KillLeg)[-1].leg_id == OTHER_LEG
    call.later(1_500).timer("consult")
    assert of_type(call.asked, fx.Bridge)[-1] == fx.Bridge(leg_id=LEG_ID)


def test_late_words_of_the_park_mean_nothing() -> None:
    call = three()
    assert not park(call)
    assert not call.give(inputs.AgentParked(at_ms=call.now_ms, leg_id=LEG_ID))
    assert not call.give(inputs.BridgeMissing(at_ms=call.now_ms))


def test_the_operators_stop_parks_the_customer_first() -> None:
    call = three()
    asked = call.give(inputs.EndAsked(at_ms=call.now_ms))
    assert of_type(asked, fx.HoldCustomer)
    assert of_type(park(call), fx.PlaySystem)


def test_an_agent_lost_while_the_third_leaves_loses_no_customer() -> None:
    call = three()
    call.agent_gone("NORMAL_CLEARING", OTHER_LEG)
    asked = call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID))
    assert of_type(asked, fx.HoldCustomer)
    assert of_type(park(call), fx.Enqueue)
