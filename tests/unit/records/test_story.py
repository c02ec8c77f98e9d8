"""What a record says (CTI-C1, C3, C6)."""

from __future__ import annotations

from typing import Any

import pytest

from cti.call.model import (
    Call,
    EndedIn,
    OfferResult,
    Phase,
    Transfer,
    TransferKind,
    TransferResult,
    TransferTarget,
)
from cti.records.cdr import LegDirection, parse
from cti.records.facts import EndedFact
from cti.records.parts import parts_of
from cti.records.service import provisional_legs
from cti.records.story import SWITCH_GONE, Story, of_fact, of_leg
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


def untold(bridged_ms: int, **changes: Any) -> Story:
    """Return the story of a caller who left while the agent, who answered after 29.8 s, was being connected."""
    call = answered_call(5, phase=Phase.CONNECTING, talk_started_ms=0, segments=[], **changes)
    variables = {"bridge_uepoch": str(bridged_ms * 1000 + 5)}
    return of_leg(parse(cdr(call, ended_ms=ARRIVED_MS + 33_000, variables=variables)))


def test_a_talk_the_controller_was_not_told_of_any_more_is_on_the_record_by_the_switchs_time() -> None:
    story = untold(ARRIVED_MS + 30_000)
    assert (story.ended_in, story.agent_id, story.extension_id) == (EndedIn.AGENT, 31, 41)
    assert (story.talk_ms, story.talk_s, story.wait_s) == (ARRIVED_MS + 30_000, 3, 20)
    assert (story.missed, story.segments) == (False, ())


@pytest.mark.parametrize("bridged_ms", [0, ARRIVED_MS + 20_000], ids=["never connected", "an earlier talk"])
def test_an_agent_who_answered_and_was_not_connected_has_no_talk(bridged_ms: int) -> None:
    story = untold(bridged_ms)
    assert (story.ended_in, story.talk_ms, story.talk_s) == (EndedIn.OFFER, 0, 0)


def test_a_transfer_that_reached_its_agent_untold_is_done() -> None:
    sent = Transfer(
        to=TransferTarget(kind=TransferKind.AGENT, id=31),
        at_ms=ARRIVED_MS + 24_000,
        from_agent=30,
        talk_ms=ARRIVED_MS + 12_000,
    )
    story = untold(ARRIVED_MS + 30_000, transfers=[sent])
    assert [each.result for each in story.transfers] == [TransferResult.DONE]
    first, last = parts_of(story)
    assert (first.agent_id, last.agent_id, last.talk_s) == (30, 31, 3)
    assert sent.result is TransferResult.PENDING


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


def outbound_call(**changes: object) -> Call:
    """Return a call of agent 31 to the outside, as its leg carries it while the called party rings."""
    dialled = offer("b", 31, ARRIVED_MS, OfferResult.ANSWERED, answered_ms=ARRIVED_MS + 2_000)
    values = {
        "direction": "out",
        "phase": Phase.DIALLING,
        "caller": "+861012345678",
        "caller_id": "+861012345678",
        "called": "+8613900139000",
        "trunk_code": "carrier1",
        "dialled_ms": ARRIVED_MS + 2_000,
        "answered_ms": 0,
        "talk_started_ms": 0,
        "queue_id": 0,
        "queue_entered_ms": 0,
        "missed": 0,
        "path": [],
        "segments": [],
        "offers": [dialled],
    }
    return answered_call(3, **{**values, **changes})


def outbound_leg(call: Call, cause: str, answered_ms: int = 0) -> bytes:
    """Return the switch's record of the called party's leg."""
    about = {"direction": "outbound", "hangup_cause": cause}
    return cdr(call, variables=about, answered_ms=answered_ms, caller="01012345678", dialled="13900139000")


def test_an_outbound_call_lasts_from_the_called_partys_answer_cti_c2() -> None:
    talked = outbound_call(phase=Phase.TALKING, talk_started_ms=ARRIVED_MS + 30_000)
    story = of_leg(parse(outbound_leg(talked, "NORMAL_CLEARING", ARRIVED_MS + 30_000)))
    assert (story.direction, story.called, story.caller_id) == (
        LegDirection.OUT,
        "+8613900139000",
        "+861012345678",
    )
    assert (story.length_s, story.talk_s) == (60, 60)
    assert (story.trunk_address, story.agent_id, story.ended_in) == ("carrier1", 31, EndedIn.AGENT)
    assert not story.missed


@pytest.mark.parametrize(
    ("cause", "ended"), [("USER_BUSY", EndedIn.CALLED), ("ORIGINATOR_CANCEL", EndedIn.AGENT)]
)
def test_an_outbound_call_that_reached_nobody(cause: str, ended: EndedIn) -> None:
    story = of_leg(parse(outbound_leg(outbound_call(), cause)))
    assert (story.cause, story.ended_in, story.length_s, story.agent_id) == (cause, ended, 0, 31)


def test_an_attempt_without_a_leg_is_final_and_has_no_legs() -> None:
    call = outbound_call(ended_ms=ARRIVED_MS + 5_000, cause="INVALID_GATEWAY", ended_in=EndedIn.CALLED)
    fact = EndedFact(fact="ended", call=call, undialled=True)
    story = of_fact(fact)
    assert (story.final, story.cause, story.agent_id) == (True, "INVALID_GATEWAY", 31)
    assert provisional_legs(fact) == []
