"""One call, one record or several: each transfer closes a record with "transferred" and opens the next (CTI-C6). Pure.

The first part keeps the call's id; the others are that id with a number, and name the first as their source. Parts
touch each other and together are the call, so lengths add up and nothing is counted twice. Offers, nodes, holds,
recorded segments and keyed notes belong to the part in whose time they began.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

from cti.call.model import EndedIn, OfferResult, Transfer, TransferKind
from cti.records.story import Story

TRANSFERRED = "TRANSFERRED"
"""Cause of a part that a transfer ended: none of the switch's, whose leg goes on."""
BACK_TO_QUEUE = "queue"

Piece = TypeVar("Piece")


def part_id(call_id: str, number: int) -> str:
    """Return the id of a call's part; 1 is the first."""
    return call_id if number == 1 else f"{call_id}-{number}"[:64]


def parts_of(story: Story) -> list[Story]:
    """Return the call's parts in order; a call nobody transferred is one."""
    transfers = [each for each in story.transfers if story.arrived_ms < each.at_ms < story.ended_ms]
    if not transfers:
        return [story]
    begins = [story.arrived_ms, *(each.at_ms for each in transfers)]
    ends = [*(each.at_ms for each in transfers), story.ended_ms]
    found = []
    for number, (begin_ms, end_ms) in enumerate(zip(begins, ends, strict=True), 1):
        before = transfers[number - 2] if number > 1 else None
        part = _own_things(story, number, begin_ms, end_ms, last=number == len(begins))
        if number <= len(transfers):
            part = _closed(part, transfers[number - 1], begin_ms)
        else:
            part = _last(part, transfers[-1], begin_ms)
        found.append(dataclasses.replace(part, transfers=(), came_by=before))
    return found


def _own_things(story: Story, number: int, begin_ms: int, end_ms: int, *, last: bool) -> Story:
    """Return the part with what began in its time."""

    def own(pieces: Sequence[Piece], at_ms: Callable[[Piece], int]) -> tuple[Piece, ...]:
        return tuple(
            each
            for each in pieces
            if (number == 1 or at_ms(each) >= begin_ms) and (last or at_ms(each) < end_ms)
        )

    first = number == 1
    return dataclasses.replace(
        story,
        call_id=part_id(story.call_id, number),
        source_call_id="" if first else story.call_id,
        arrived_ms=begin_ms,
        answered_ms=story.answered_ms if first else begin_ms,
        ended_ms=end_ms,
        refusal=story.refusal if last else "",
        offers=own(story.offers, lambda each: each.offered_ms),
        path=own(story.path, lambda each: each.at_ms),
        segments=own(story.segments, lambda each: each.started_ms),
        notes=own(story.notes, lambda each: each.at_ms),
        holds=own(story.holds, lambda each: each.begin_ms),
        more_held_ms=story.more_held_ms if last else 0,
        conferences=own(story.conferences, lambda each: each.at_ms),
    )


def _closed(part: Story, transfer: Transfer, begin_ms: int) -> Story:
    """Return a part that ended with a talk and `transfer`."""
    entered_ms = transfer.from_entered_ms if transfer.from_queue else 0
    return dataclasses.replace(
        part,
        talk_ms=max(transfer.talk_ms, begin_ms),
        talk_ended_ms=part.ended_ms,
        ended_in=EndedIn.TRANSFERRED,
        ended_node="",
        cause=TRANSFERRED,
        ended_by="",
        agent_id=transfer.from_agent,
        extension_id=transfer.from_extension,
        queue_id=transfer.from_queue,
        queue_entered_ms=max(entered_ms, begin_ms) if entered_ms else 0,
        missed=False,
        missed_count=_failures(part),
        went_by=transfer,
    )


def _last(part: Story, transfer: Transfer, begin_ms: int) -> Story:
    """Return the part in which the call ended: with whom the transfer reached, if anybody."""
    talked = part.talk_ms >= begin_ms and any(offer.answered_ms for offer in part.offers)
    answerer = next((offer for offer in reversed(part.offers) if offer.answered_ms), None)
    to_queue = transfer.to.kind is TransferKind.QUEUE or transfer.back == BACK_TO_QUEUE
    in_queue = to_queue or part.queue_entered_ms >= begin_ms
    return dataclasses.replace(
        part,
        talk_ms=part.talk_ms if talked else 0,
        talk_ended_ms=part.talk_ended_ms if part.talk_ended_ms >= begin_ms else 0,
        agent_id=answerer.agent_id if answerer else 0,
        extension_id=answerer.extension_id if answerer else 0,
        queue_id=part.queue_id if in_queue else 0,
        queue_entered_ms=max(part.queue_entered_ms, begin_ms) if in_queue else 0,
        missed=bool(part.offers) and not talked,
        missed_count=_failures(part),
    )


def _failures(part: Story) -> int:
    return sum(offer.result in (OfferResult.NO_ANSWER, OfferResult.REJECTED) for offer in part.offers)
