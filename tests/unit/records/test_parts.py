"""A transferred call's records: each part once, and together the call (CTI-C6)."""

from __future__ import annotations

import itertools
import random

from cti.call.model import (
    EndedIn,
    Offer,
    OfferResult,
    Segment,
    Transfer,
    TransferKind,
    TransferResult,
    TransferTarget,
)
from cti.records.facts import EndedFact
from cti.records.parts import parts_of
from cti.records.story import Story, of_fact
from tests.support.records import ARRIVED_MS, answered_call, offer

T = ARRIVED_MS


def transferred(*transfers: Transfer, more_offers: tuple[Offer, ...] = (), **changes: object) -> Story:
    """Return the story of `answered_call`, which talks with agent 31 from its 30th second, ended after 300 s."""
    call = answered_call(1)
    values = {
        "transfers": list(transfers),
        "offers": [*call.offers, *more_offers],
        "ended_ms": T + 300_000,
        "ended_in": EndedIn.AGENT,
        "segments": [
            Segment(name="1/call-1.wav", started_ms=T + 30_000, agent_id=31),
            Segment(name="1/call-2.wav", started_ms=T + 110_000, agent_id=32),
        ],
        **changes,
    }
    return of_fact(EndedFact(fact="ended", call=answered_call(1, **values)))


def to_agent(at_ms: int, result: TransferResult = TransferResult.DONE) -> Transfer:
    """Return a blind transfer by agent 31 to agent 32."""
    return Transfer(
        to=TransferTarget(kind=TransferKind.AGENT, id=32, extension_id=42),
        at_ms=at_ms,
        from_agent=31,
        from_extension=41,
        from_queue=7,
        from_entered_ms=T + 10_000,
        talk_ms=T + 30_000,
        result=result,
        ended_ms=at_ms + 10_000,
    )


ANSWERED = offer("leg-c", 32, T + 101_000, OfferResult.ANSWERED, answered_ms=T + 109_000)


def test_a_call_nobody_transferred_is_one_record() -> None:
    story = transferred()
    assert parts_of(story) == [story]


def test_a_transfer_closes_a_record_and_opens_one_that_names_its_source_cti_c6() -> None:
    story = transferred(
        to_agent(T + 100_000), more_offers=(ANSWERED,), talk_started_ms=T + 110_000, agent_id=32, queue_id=0
    )
    first, second = parts_of(story)
    assert (first.call_id, first.source_call_id) == (story.call_id, "")
    assert (second.call_id, second.source_call_id) == (f"{story.call_id}-2", story.call_id)
    assert (first.ended_in, first.agent_id, first.queue_id) == (EndedIn.TRANSFERRED, 31, 7)
    assert (second.ended_in, second.agent_id, second.queue_id) == (EndedIn.AGENT, 32, 0)
    assert (first.wait_s, first.talk_s, first.length_s) == (20, 70, 100)
    assert (second.wait_s, second.talk_s, second.length_s) == (0, 190, 200)
    assert [len(part.offers) for part in (first, second)] == [2, 1]
    assert [part.segments[0].name for part in (first, second)] == ["1/call-1.wav", "1/call-2.wav"]
    assert first.path
    assert not second.path
    assert not first.missed
    assert not second.missed
    assert second.came_by == first.went_by == story.transfers[0]


def test_a_transfer_nobody_answered_is_a_missed_call_of_its_second_part() -> None:
    rang = offer("leg-c", 32, T + 101_000, OfferResult.CALLER_GONE, ended_ms=T + 120_000)
    gone = to_agent(T + 100_000, TransferResult.CALLER_GONE)
    story = transferred(gone, more_offers=(rang,), ended_in=EndedIn.OFFER)
    first, second = parts_of(story)
    assert not first.missed
    assert (second.missed, second.agent_id, second.talk_s) == (True, 0, 0)


def test_parts_are_the_call_whatever_was_transferred_when() -> None:
    chance = random.Random(7)
    for _ in range(200):
        times = sorted(chance.sample(range(T + 31_000, T + 299_000), chance.randrange(1, 6)))
        offers = tuple(
            offer(f"leg-{number}", 32, at + 10, OfferResult.ANSWERED, answered_ms=at + 20)
            for number, at in enumerate(times)
        )
        story = transferred(*(to_agent(at) for at in times), more_offers=offers)
        parts = parts_of(story)
        assert len({part.call_id for part in parts}) == len(parts) == len(times) + 1
        assert parts[0].arrived_ms == story.arrived_ms
        assert parts[-1].ended_ms == story.ended_ms
        for before, after in itertools.pairwise(parts):
            assert before.ended_ms == after.arrived_ms
            assert before.ended_in is EndedIn.TRANSFERRED
        assert sum(len(part.offers) for part in parts) == len(story.offers)
        assert sum(len(part.path) for part in parts) == len(story.path)
        assert sum(len(part.segments) for part in parts) == len(story.segments)
        assert sum(part.ended_ms - part.arrived_ms for part in parts) == story.ended_ms - story.arrived_ms


def test_holds_belong_to_the_part_in_which_they_began() -> None:
    """Of a customer who was on hold with the first agent, until the transfer, and with the second."""
    story = transferred(
        to_agent(T + 100_000),
        more_offers=(ANSWERED,),
        talk_started_ms=T + 110_000,
        agent_id=32,
        holds=[400, 100, 450, 50, 1000, 20],
        holds_more=10,
    )
    first, second = parts_of(story)
    assert [(each.begin_ms - T, each.end_ms - T) for each in first.holds] == [
        (40_000, 50_000),
        (95_000, 100_000),
    ]
    assert [(each.begin_ms - T, each.end_ms - T) for each in second.holds] == [(200_000, 202_000)]
    assert (first.hold_s, second.hold_s, story.hold_s) == (15, 3, 18)
