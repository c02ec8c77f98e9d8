"""Writes records: legs and calls, each once, whatever is delivered again or late.

One transaction takes a batch; the caller removes the files after the commit. What was written before is left alone,
except that the switch's word supersedes what was only provisional.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, or_, select

from core import phone
from core.clock import from_ms
from core.database import ALL_TENANTS, Database, TenantSession
from core.models import Account, Tenant
from cti.call.model import Call, EndedIn, LegKind, Offer, OfferResult
from cti.models import Extension, InboundRoute, Queue
from cti.records import story as stories
from cti.records.cdr import LegRecord
from cti.records.facts import EndedFact
from cti.records.models import CallLeg, CallOffer, CallRecord, Direction, RecordState
from cti.records.story import Story

Input = LegRecord | EndedFact


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ready:
    """A record that was made, or made final, by a batch: what the live event says."""

    tenant_id: int
    record_id: int
    call_id: str
    agent_id: int
    state: RecordState


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a batch."""

    ready: tuple[Ready, ...]
    homeless: tuple[int, ...]
    """Positions of inputs no tenant could be found for; nothing was written for them."""
    foreign: int
    """Legs that are none of ours (the far half of a loopback), left out."""


def ingest(database: Database, batch: Sequence[Input]) -> Outcome:
    """Write `batch` in one transaction and commit. Raises what the database raises; then nothing was written."""
    with database.transaction(ALL_TENANTS) as session:
        writer = _Writer(session)
        homeless: list[int] = []
        foreign = 0
        for position, item in enumerate(batch):
            if isinstance(item, LegRecord) and item.kind is None:
                foreign += 1
            elif not writer.write(item):
                homeless.append(position)
        session.flush()
        ready = tuple(
            Ready(
                tenant_id=record.tenant_id,
                record_id=record.id,
                call_id=record.call_id,
                agent_id=record.agent_id,
                state=record.state,
            )
            for record in writer.changed
        )
        session.commit()
    return Outcome(ready=ready, homeless=tuple(homeless), foreign=foreign)


class _Writer:
    """One batch's work, with the names it looked up."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session
        self.changed: list[CallRecord] = []
        self._names: dict[tuple[type[Any], int], str] = {}

    def write(self, item: Input) -> bool:
        """Write a leg or a fact; return whether a tenant was found for it."""
        if isinstance(item, EndedFact):
            if self.session.get(Tenant, item.call.tenant_id) is None:
                return False
            self._write_story(stories.of_fact(item))
            for leg in provisional_legs(item):
                self._write_leg(leg, item.call.tenant_id, provisional=True)
            return True
        story = stories.of_leg(item) if item.kind is LegKind.CUSTOMER else None
        tenant_id = self._tenant_of(item, story)
        if not tenant_id:
            return False
        self._write_leg(item, tenant_id, provisional=False)
        if story is not None:
            self._write_story(dataclasses.replace(story, tenant_id=tenant_id))
        return True

    def _tenant_of(self, leg: LegRecord, story: Story | None) -> int:
        """Return whose the leg is: as it says, by its call's other legs, by the number called, or the operator's."""
        said = story.tenant_id if story else leg.tenant_id
        if said and self.session.get(Tenant, said) is not None:
            return said
        by_call = self.session.scalar(
            select(CallLeg.tenant_id).where(CallLeg.call_id == leg.call_id).limit(1)
        )
        if by_call:
            return by_call
        if story is None:
            return 0
        by_route = self.session.scalar(
            select(InboundRoute.tenant_id).where(
                or_(
                    InboundRoute.number.in_([story.called, leg.to_number]),
                    InboundRoute.trunk_address == leg.network_address,
                )
            )
        )
        operator = select(Tenant.id).where(Tenant.is_operator.is_(True)).limit(1)
        return by_route or self.session.scalar(operator) or 0

    def _write_leg(self, leg: LegRecord, tenant_id: int, *, provisional: bool) -> None:
        row = self.session.scalar(select(CallLeg).where(CallLeg.leg_uuid == leg.leg_uuid))
        if row is not None and not row.provisional:
            return
        values = _leg_values(leg, provisional=provisional)
        if row is None:
            self.session.add(CallLeg(tenant_id=tenant_id, **values))
        else:
            _assign(row, values)
        self.session.flush()

    def _write_story(self, story: Story) -> None:
        record = self.session.scalar(
            select(CallRecord).where(
                CallRecord.tenant_id == story.tenant_id, CallRecord.call_id == story.call_id
            )
        )
        if record is not None and (record.state is RecordState.FINAL or not story.final):
            return
        values = self._record_values(story)
        if record is None:
            record = CallRecord(tenant_id=story.tenant_id, call_id=story.call_id, **values)
            self.session.add(record)
        else:
            _assign(record, values)
            self.session.execute(delete(CallOffer).where(CallOffer.record_id == record.id))
        self.session.flush()
        for position, offer in enumerate(_unique(story.offers), start=1):
            self.session.add(self._offer(record, position, offer))
        self.changed.append(record)

    def _record_values(self, story: Story) -> dict[str, Any]:
        agent_name = self._name(Account, story.agent_id)
        queue_name = self._name(Queue, story.queue_id)
        detail = {
            EndedIn.FLOW: story.ended_node,
            EndedIn.QUEUE: queue_name,
            EndedIn.OFFER: queue_name,
            EndedIn.AGENT: agent_name,
        }.get(story.ended_in, "")
        return {
            "state": RecordState.FINAL if story.final else RecordState.PROVISIONAL,
            "direction": Direction(story.direction.value),
            "route_id": story.route_id,
            "route_code": _fit(story.route_code, 64),
            "trunk_address": _fit(story.trunk_address, 64),
            "caller": _fit(story.caller, 32),
            "called": _fit(story.called, 32),
            "arrived_at": from_ms(story.arrived_ms),
            "answered_at": _instant(story.answered_ms),
            "talk_at": _instant(story.talk_ms),
            "ended_at": from_ms(story.ended_ms),
            "length_s": story.length_s,
            "wait_s": story.wait_s,
            "talk_s": story.talk_s,
            "ended_in": story.ended_in,
            "ended_detail": _fit(detail, 200),
            "cause": _fit(story.cause, 64),
            "refusal": _fit(story.refusal, 64),
            "agent_id": story.agent_id,
            "agent_name": agent_name,
            "extension_id": story.extension_id,
            "extension": self._name(Extension, story.extension_id),
            "queue_id": story.queue_id,
            "queue_name": queue_name,
            "missed": story.missed,
            "missed_count": story.missed_count,
            "path": msgspec.json.encode(story.path).decode(),
            "segments": msgspec.json.encode(story.segments).decode(),
            "cell": _fit(story.cell, 64),
            "core_uuid": _fit(story.core_uuid, 64),
            "demo": story.demo,
        }

    def _offer(self, record: CallRecord, position: int, offer: Offer) -> CallOffer:
        return CallOffer(
            tenant_id=record.tenant_id,
            record_id=record.id,
            position=position,
            leg_uuid=_fit(offer.leg_id, 64),
            agent_id=offer.agent_id,
            agent_name=self._name(Account, offer.agent_id),
            extension_id=offer.extension_id,
            queue_id=offer.queue_id,
            endpoint=_fit(offer.endpoint, 64),
            offered_at=from_ms(offer.offered_ms),
            answered_at=_instant(offer.answered_ms),
            ended_at=_instant(offer.ended_ms),
            result=offer.result,
            cause=_fit(offer.cause, 64),
        )

    def _name(self, kind: type[Any], row_id: int) -> str:
        """Return an account's, queue's or extension's name now; empty when there is none of that id."""
        if not row_id:
            return ""
        key = (kind, row_id)
        if key not in self._names:
            row = self.session.get(kind, row_id)
            name = "" if row is None else row.number if kind is Extension else row.name
            self._names[key] = name
        return self._names[key]


def provisional_legs(fact: EndedFact) -> list[LegRecord]:
    """Return the legs that were up when the switch died, as far as the controller knew them."""
    call = fact.call
    legs = [_provisional_leg(fact, call.id, LegKind.CUSTOMER, call.arrived_ms, call.answered_ms)]
    legs += [
        _provisional_leg(
            fact, offer.leg_id, LegKind.AGENT, offer.offered_ms, offer.answered_ms, offer.agent_id
        )
        for offer in _unique(call.offers)
        if offer.result is OfferResult.ANSWERED and offer.leg_id == call.agent_leg and not offer.ended_ms
    ]
    return legs


def _provisional_leg(
    fact: EndedFact, leg_uuid: str, kind: LegKind, started_ms: int, answered_ms: int, agent_id: int = 0
) -> LegRecord:
    from cti.records.cdr import LegDirection

    call: Call = fact.call
    customer = kind is LegKind.CUSTOMER
    return LegRecord(
        leg_uuid=leg_uuid,
        call_id=call.id,
        kind=kind,
        tenant_id=call.tenant_id,
        direction=LegDirection.IN if customer and call.direction == "in" else LegDirection.OUT,
        started_us=(started_ms or call.ended_ms) * 1000,
        answered_us=answered_ms * 1000,
        ended_us=call.ended_ms * 1000,
        cause=call.cause or stories.SWITCH_GONE,
        ended_by="",
        from_number=call.caller,
        to_number=call.called if customer else "",
        agent_id=agent_id,
        extension="",
        sip_call_id="",
        network_address=call.trunk_address if customer else "",
        user_agent="",
        codec="",
        quality=None,
        cell=call.cell,
        core_uuid=fact.core_uuid,
        fell_back=False,
        story=None,
    )


def _leg_values(leg: LegRecord, *, provisional: bool) -> dict[str, Any]:
    assert leg.kind is not None
    return {
        "leg_uuid": leg.leg_uuid,
        "call_id": leg.call_id or leg.leg_uuid,
        "kind": leg.kind,
        "direction": Direction(leg.direction.value),
        "provisional": provisional,
        "started_at": _from_us(leg.started_us),
        "answered_at": _from_us(leg.answered_us) if leg.answered_us else None,
        "ended_at": _from_us(leg.ended_us),
        "cause": _fit(leg.cause, 64),
        "ended_by": _fit(leg.ended_by, 64),
        "from_number": _fit(phone.from_switch(leg.from_number).stored, 32),
        "to_number": _fit(phone.from_switch(leg.to_number).stored, 32) if leg.to_number else "",
        "agent_id": leg.agent_id,
        "extension": _fit(leg.extension, 20),
        "sip_call_id": _fit(leg.sip_call_id, 200),
        "network_address": _fit(leg.network_address, 64),
        "user_agent": _fit(leg.user_agent, 200),
        "codec": _fit(leg.codec, 32),
        "quality": msgspec.json.encode(dataclasses.asdict(leg.quality)).decode() if leg.quality else "{}",
        "core_uuid": _fit(leg.core_uuid, 64),
    }


def _assign(row: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _unique(offers: Iterable[Offer]) -> list[Offer]:
    """Return the offers, the last one of each leg."""
    return list({offer.leg_id: offer for offer in offers}.values())


def _instant(instant_ms: int) -> datetime.datetime | None:
    return from_ms(instant_ms) if instant_ms else None


def _from_us(instant_us: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(microseconds=instant_us)


def _fit(text: str, length: int) -> str:
    """Return `text` without what a database refuses: control characters, halves of surrogates, too much of it."""
    clean = "".join(char if char >= " " and not "\ud800" <= char <= "\udfff" else " " for char in text)
    return clean.replace("\x7f", " ").strip()[:length]
