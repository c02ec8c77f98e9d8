"""What a record says (CTI-C1, C3, C6)."""

from __future__ import annotations

import pytest

from cti.call.model import Call, EndedIn, OfferResult, Phase
from cti.records.cdr import parse
from cti.records.facts import EndedFact
from cti.records.story import SWITCH_GONE, of_fact, of_leg
from tests.support.records import ARRIVED_MS, answered_call, cdr, offer


def test_times_come_from_the_switch_and_the_way_from_the_controller() -> None:
    story = of_leg(parse(cdr(answered_call(5))))
    assert (story.length_s, story.wait_s, story.talk_s) == (90, 20, 60)
    assert (story.ended_in, story.agent_id, story.queue_id) == (EndedIn.AGENT, 31, 7)
    assert story.final
    assert not story.missed
    assert [o.result for o in story.offers] == [OfferResult.NO_ANSWER, OfferResult.ANSWERED]


@pytest.mark.parametrize(
    ("phase", "ended"),
    [
        (Phase.ARRIVED, EndedIn.ROUTE),
        (Phase.FLOW, EndedIn.FLOW),
        (Phase.WAITING, EndedIn.QUEUE),
        (Phase.OFFERING, EndedIn.OFFER),
        (Phase.TALKING, EndedIn.AGENT),
    ],
)
def test_a_hangup_the_controller_never_saw_ended_where_the_call_was(phase: Phase, ended: EndedIn) -> None:
    assert of_leg(parse(cdr(answered_call(5, phase=phase)))).ended_in is ended


def test_a_caller_who_leaves_while_it_rings_ends_the_offer_and_is_missed() -> None:
    ringing = offer("leg-ringing", 30, ARRIVED_MS + 12_000, OfferResult.RINGING)
    call = answered_call(5, phase=Phase.OFFERING, offers=[ringing], talk_started_ms=0, agent_id=30)
    story = of_leg(parse(cdr(call)))
    assert story.missed
    assert (story.offers[0].result, story.offers[0].ended_ms) == (
        OfferResult.CALLER_GONE,
        ARRIVED_MS + 90_000,
    )
    assert (story.talk_s, story.wait_s, story.agent_id) == (0, 80, 0)


def test_a_call_no_controller_took_is_a_record_too() -> None:
    story = of_leg(parse(cdr(None, variables={"zj_fallback": "true"}, answered_ms=0)))
    assert (story.ended_in, story.tenant_id, story.talk_s, story.wait_s) == (EndedIn.SWITCH, 0, 0, 0)
    assert (story.caller, story.called, story.answered_ms) == ("+8613800138000", "+864008001000", 0)


def test_the_last_node_is_named_when_the_flow_was_the_end() -> None:
    assert of_leg(parse(cdr(answered_call(5, phase=Phase.FLOW)))).ended_node == "主菜单"


def test_a_fact_is_provisional_with_the_switchs_end_as_cause() -> None:
    call = answered_call(5, ended_ms=ARRIVED_MS + 45_000, ended_in=EndedIn.SWITCH)
    story = of_fact(EndedFact(fact="ended", call=call, core_uuid="c"))
    assert not story.final
    assert (story.cause, story.ended_in, story.length_s, story.talk_s) == (
        SWITCH_GONE,
        EndedIn.SWITCH,
        45,
        15,
    )


def test_clocks_that_disagree_never_give_negative_times() -> None:
    call = Call(
        id="x", tenant_id=5, arrived_ms=2000, ended_ms=1000, talk_started_ms=3000, queue_entered_ms=5000
    )
    story = of_fact(EndedFact(fact="ended", call=call, core_uuid="c"))
    assert (story.length_s, story.talk_s, story.wait_s) == (0, 0, 0)
