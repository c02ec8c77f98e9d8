"""What a call's record says, from the switch's record of the customer's leg or the controller's fact. Pure.

The switch decides the times and the cause (CTI-C6); the controller's last words on the leg (``zj_state``) tell the
way through flows, queues and offers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import msgspec

from core import phone
from cti.call import holds
from cti.call.holds import UNIT_MS, Hold
from cti.call.model import (
    Call,
    Conference,
    EndedIn,
    KeyedNote,
    Offer,
    OfferResult,
    PathStep,
    Segment,
    Transfer,
)
from cti.call.outcome import ended_in, was_missed
from cti.call.untold import with_untold_talk
from cti.records.cdr import LegDirection, LegRecord
from cti.records.facts import EndedFact

SWITCH_GONE = "SWITCH_GONE"
"""Cause of a call whose switch died: none of the switch's own, as it never said one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Story:
    """A call that is over. Times in milliseconds since the epoch; 0 means never."""

    call_id: str
    tenant_id: int
    """0: nobody adopted it; the called number may tell whose it was."""
    final: bool
    direction: LegDirection
    route_id: int
    route_code: str
    trunk_address: str
    caller: str
    called: str
    caller_id: str
    """Number shown to the called party of an outbound call."""
    arrived_ms: int
    answered_ms: int
    talk_ms: int
    talk_ended_ms: int
    """When the talk ended though the caller stayed; 0: with the call, if there was one."""
    ended_ms: int
    queue_entered_ms: int
    ended_in: EndedIn
    ended_node: str
    """Name of the last node, when it ended in a flow."""
    cause: str
    ended_by: str
    """Who said goodbye on the customer's leg, as the switch names it; empty: not known."""
    refusal: str
    agent_id: int
    extension_id: int
    queue_id: int
    missed: bool
    missed_count: int
    offers: tuple[Offer, ...]
    path: tuple[PathStep, ...]
    segments: tuple[Segment, ...]
    notes: tuple[KeyedNote, ...]
    cell: str
    core_uuid: str
    demo: bool
    transfers: tuple[Transfer, ...] = ()
    """Transfers out of its talks, each of which closed a part (`cti.records.parts`)."""
    holds: tuple[Hold, ...] = ()
    more_held_ms: int = 0
    """Length of further holds whose times were not kept."""
    conferences: tuple[Conference, ...] = ()
    source_call_id: str = ""
    """Of a later part: the first one's id."""
    came_by: Transfer | None = None
    """Of a part: the transfer that opened it, and the one that closed it."""
    went_by: Transfer | None = None

    @property
    def length_s(self) -> int:
        """From arrival to the end; of an outbound call from the called party's answer (CTI-C2)."""
        since_ms = self.answered_ms if self.direction is LegDirection.OUT else self.arrived_ms
        return _seconds(since_ms, self.ended_ms)

    @property
    def talk_s(self) -> int:
        """From being connected to the end of that; 0 when nobody was."""
        return _seconds(self.talk_ms, min(self.talk_ended_ms or self.ended_ms, self.ended_ms))

    @property
    def hold_s(self) -> int:
        """How long the customer was on hold, all in all; music before the talk is none of it."""
        return round((sum(each.end_ms - each.begin_ms for each in self.holds) + self.more_held_ms) / 1000)

    @property
    def wait_s(self) -> int:
        """From entering the queue to being connected, or to the end; 0 when it entered none."""
        return _seconds(self.queue_entered_ms, self.talk_ms or self.ended_ms)


def _seconds(since_ms: int, until_ms: int) -> int:
    return round(max(0, until_ms - since_ms) / 1000) if since_ms else 0


def of_leg(leg: LegRecord) -> Story:
    """Return the story of a customer's `leg`; without the controller's words it is a call nobody took."""
    call = leg.story or Call(id=leg.call_id or leg.leg_uuid, tenant_id=leg.tenant_id, cell=leg.cell)
    call = with_untold_talk(call, leg.bridged_us // 1000)
    ended_ms = leg.ended_us // 1000
    return _story(
        call,
        final=True,
        call_id=leg.call_id or leg.leg_uuid,
        tenant_id=call.tenant_id or leg.tenant_id,
        direction=leg.direction,
        caller=call.caller or phone.from_switch(leg.from_number).stored,
        called=call.called or phone.from_switch(leg.to_number).stored,
        arrived_ms=(call.outbound and call.arrived_ms) or leg.started_us // 1000,
        answered_ms=leg.answered_us // 1000,
        ended_ms=ended_ms,
        cause=leg.cause,
        ended_by=leg.ended_by,
        ended_in=EndedIn.SWITCH if leg.fell_back and call.ended_in is None else ended_in(call, leg.cause),
        cell=leg.cell or call.cell,
        core_uuid=leg.core_uuid,
    )


def of_fact(fact: EndedFact) -> Story:
    """Return the story of a call the switch writes no record of; provisional unless none can come."""
    call = fact.call
    return _story(
        call,
        final=fact.undialled,
        call_id=call.id,
        tenant_id=call.tenant_id,
        direction=LegDirection.OUT if call.direction == "out" else LegDirection.IN,
        caller=call.caller,
        called=call.called,
        arrived_ms=call.arrived_ms or call.ended_ms,
        answered_ms=call.answered_ms,
        ended_ms=max(call.ended_ms, call.arrived_ms),
        cause=call.cause or SWITCH_GONE,
        ended_by="",
        ended_in=ended_in(call),
        cell=call.cell,
        core_uuid=fact.core_uuid,
    )


def _story(
    call: Call,
    *,
    final: bool,
    call_id: str,
    tenant_id: int,
    direction: LegDirection,
    caller: str,
    called: str,
    arrived_ms: int,
    answered_ms: int,
    ended_ms: int,
    cause: str,
    ended_by: str,
    ended_in: EndedIn,
    cell: str,
    core_uuid: str,
) -> Story:
    # Who dialled is the call's agent, also when they did not pick up their own telephone.
    talker = next((offer for offer in reversed(call.offers) if offer.answered_ms or call.outbound), None)
    return Story(
        call_id=call_id,
        tenant_id=tenant_id,
        final=final,
        direction=direction,
        route_id=call.route_id,
        route_code=call.route_code,
        trunk_address=call.trunk_code or call.trunk_address,
        caller=caller,
        called=called,
        caller_id=call.caller_id,
        arrived_ms=arrived_ms,
        answered_ms=answered_ms,
        talk_ms=min(call.talk_started_ms, ended_ms),
        talk_ended_ms=call.talk_ended_ms,
        ended_ms=ended_ms,
        queue_entered_ms=call.queue_entered_ms,
        ended_in=ended_in,
        ended_node=call.path[-1].name or call.path[-1].node if call.path and ended_in is EndedIn.FLOW else "",
        cause=cause,
        ended_by=ended_by,
        refusal=call.refusal,
        agent_id=call.agent_id if call.talk_started_ms else (talker.agent_id if talker else 0),
        extension_id=call.extension_id if call.talk_started_ms else (talker.extension_id if talker else 0),
        queue_id=call.queue_id,
        missed=was_missed(call),
        missed_count=call.missed,
        offers=tuple(_closed(call.offers, ended_ms, cause)),
        path=tuple(call.path),
        segments=tuple(call.segments),
        notes=tuple(call.notes),
        cell=cell,
        core_uuid=core_uuid,
        demo=call.demo,
        transfers=tuple(call.transfers),
        holds=holds.of(call, ended_ms),
        more_held_ms=call.holds_more * UNIT_MS,
        conferences=tuple(call.conferences),
    )


def _closed(offers: Iterable[Offer], ended_ms: int, cause: str) -> Iterable[Offer]:
    """Yield the offers; one that still rang when the last words were written ended with the caller."""
    for offer in offers:
        if offer.result is OfferResult.RINGING:
            yield msgspec.structs.replace(
                offer,
                result=OfferResult.LOST if cause == SWITCH_GONE else OfferResult.CALLER_GONE,
                ended_ms=ended_ms,
            )
        else:
            yield offer
