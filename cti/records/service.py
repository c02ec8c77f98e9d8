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
from cti.call.model import Call, EndedIn, LegKind, Offer, OfferResult, Transfer, TransferKind
from cti.models import Extension, InboundRoute, Queue
from cti.records import recordings, three_way
from cti.records import story as stories
from cti.records.cdr import LegDirection, LegRecord
from cti.records.facts import EndedFact
from cti.records.fitting import fit
from cti.records.models import CallLeg, CallOffer, CallRecord, Direction, RecordState
from cti.records.notes import write_notes
from cti.records.parts import parts_of
from cti.records.state_facts import StateFact
from cti.records.states import write_state
from cti.records.story import Story
from cti.records.telling import tell_records
from ivr.models import Flow
from ivr.region import region_of

Input = LegRecord | EndedFact | StateFact


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ready:
    """A record that was made, or made final, by a batch: what the live event says."""

    tenant_id: int
    record_id: int
    call_id: str
    agent_id: int
    """Who talked; 0: nobody."""
    offered_to: tuple[int, ...]
    """Agents it was offered to, in order, each once."""
    state: RecordState
    queue_id: int = 0
    """Whose call it was; 0: no queue's."""


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
        tell_records(session, writer.changed, writer.corrected)
        ready = tuple(
            Ready(
                tenant_id=record.tenant_id,
                record_id=record.id,
                call_id=record.call_id,
                agent_id=record.agent_id,
                offered_to=writer.offered_to[record.id],
                state=record.state,
                queue_id=record.queue_id,
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
        self.corrected: list[CallRecord] = []
        """Those of them that were provisional before."""
        self.offered_to: dict[int, tuple[int, ...]] = {}
        """Agents by the changed record's id."""
        self._names: dict[tuple[type[Any], int], str] = {}

    def write(self, item: Input) -> bool:
        """Write a leg or a fact; return whether a tenant was found for it."""
        if isinstance(item, StateFact):
            return write_state(self.session, item)
        if isinstance(item, EndedFact):
            if self.session.get(Tenant, item.call.tenant_id) is None:
                return False
            self._write_parts(stories.of_fact(item))
            for leg in provisional_legs(item):
                self._write_leg(leg, item.call.tenant_id, provisional=True)
            return True
        story = stories.of_leg(item) if item.kind is LegKind.CUSTOMER else None
        tenant_id = self._tenant_of(item, story)
        if not tenant_id:
            return False
        self._write_leg(item, tenant_id, provisional=False)
        if story is not None:
            self._write_parts(dataclasses.replace(story, tenant_id=tenant_id))
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

    def _write_parts(self, story: Story) -> None:
        for part in parts_of(story):
            self._write_story(part)

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
            self.corrected.append(record)
            self.session.execute(delete(CallOffer).where(CallOffer.record_id == record.id))
        self.session.flush()
        for position, offer in enumerate(_unique(story.offers), start=1):
            self.session.add(self._offer(record, position, offer))
        write_notes(self.session, record, story)
        recordings.complete(
            self.session,
            story.tenant_id,
            story.source_call_id or story.call_id,
            story.segments,
            by=record.state,
        )
        self.changed.append(record)
        self.offered_to[record.id] = tuple(dict.fromkeys(offer.agent_id for offer in story.offers))

    def _record_values(self, story: Story) -> dict[str, Any]:
        agent_name = self._name(Account, story.agent_id)
        queue_name = self._name(Queue, story.queue_id)
        detail = {
            EndedIn.FLOW: story.ended_node,
            EndedIn.QUEUE: queue_name,
            EndedIn.OFFER: queue_name,
            EndedIn.AGENT: agent_name,
            EndedIn.TRANSFERRED: self._target(story.went_by or story.came_by),
        }.get(story.ended_in, "")
        last = story.offers[-1] if story.offers else None
        queue = self.session.get(Queue, story.queue_id) if story.queue_id else None
        other = story.called if story.direction is LegDirection.OUT else story.caller
        region = region_of(other)
        return {
            "state": RecordState.FINAL if story.final else RecordState.PROVISIONAL,
            "direction": Direction(story.direction.value),
            "route_id": story.route_id,
            "route_code": fit(story.route_code, 64),
            "trunk_address": fit(story.trunk_address, 64),
            "caller": fit(story.caller, 32),
            "called": fit(story.called, 32),
            "caller_id": fit(story.caller_id, 32),
            "source_call_id": story.source_call_id,
            "note": fit(self._note(story), 500),
            "region": region.key if region else "",
            "arrived_at": from_ms(story.arrived_ms),
            "answered_at": _instant(story.answered_ms),
            "talk_at": _instant(story.talk_ms),
            "queue_entered_at": _instant(story.queue_entered_ms),
            "ended_at": from_ms(story.ended_ms),
            "length_s": story.length_s,
            "wait_s": story.wait_s,
            "service_level_s": queue.service_level_s if queue else 0,
            "talk_s": story.talk_s,
            "holds": msgspec.json.encode(story.holds).decode(),
            "hold_s": story.hold_s,
            "conferences": three_way.encoded(
                story.conferences, story.ended_ms, lambda account: self._name(Account, account)
            ),
            "ended_in": story.ended_in,
            "ended_detail": fit(detail, 200),
            "cause": fit(story.cause, 64),
            "ended_by": fit(story.ended_by, 64),
            "refusal": fit(story.refusal, 64),
            "agent_id": story.agent_id,
            "agent_name": agent_name,
            "extension_id": story.extension_id,
            "extension": self._name(Extension, story.extension_id),
            "last_agent_id": last.agent_id if last else 0,
            "last_agent_name": self._name(Account, last.agent_id) if last else "",
            "last_extension_id": last.extension_id if last else 0,
            "last_extension": self._name(Extension, last.extension_id) if last else "",
            "queue_id": story.queue_id,
            "queue_name": queue_name,
            "missed": story.missed,
            "missed_count": story.missed_count,
            "path": msgspec.json.encode(story.path).decode(),
            "segments": msgspec.json.encode(story.segments).decode(),
            "cell": fit(story.cell, 64),
            "core_uuid": fit(story.core_uuid, 64),
            "demo": story.demo,
        }

    def _note(self, story: Story) -> str:
        """Return where a part came from and went, in signs that need no language (CTI-C1): ``← Anna``, ``→ Sales``."""
        came, went = story.came_by, story.went_by
        source = (
            self._name(Account, came.from_agent) or self._name(Extension, came.from_extension) if came else ""
        )
        target = self._target(went) if went else ""
        return " ".join(f"{sign} {name}" for sign, name in (("←", source), ("→", target)) if name)

    def _target(self, transfer: Transfer | None) -> str:
        """Return the name of whom a transfer was to; numbers masked, as names are shown to everybody."""
        if transfer is None:
            return ""
        to = transfer.to
        if to.kind is TransferKind.NUMBER:
            return phone.mask(to.outside.number) if to.outside else ""
        models: dict[TransferKind, type[Any]] = {
            TransferKind.AGENT: Account,
            TransferKind.QUEUE: Queue,
            TransferKind.FLOW: Flow,
        }
        return self._name(models[to.kind], to.id)

    def _offer(self, record: CallRecord, position: int, offer: Offer) -> CallOffer:
        return CallOffer(
            tenant_id=record.tenant_id,
            record_id=record.id,
            position=position,
            leg_uuid=fit(offer.leg_id, 64),
            agent_id=offer.agent_id,
            agent_name=self._name(Account, offer.agent_id),
            extension_id=offer.extension_id,
            queue_id=offer.queue_id,
            endpoint=fit(offer.endpoint, 64),
            offered_at=from_ms(offer.offered_ms),
            answered_at=_instant(offer.answered_ms),
            ended_at=_instant(offer.ended_ms),
            result=offer.result,
            cause=fit(offer.cause, 64),
            why="" if offer.why is None else offer.why.as_text(),
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
    if fact.undialled or (call.outbound and not call.dialled_ms):
        return []
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
        bridged_us=0,
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
        "cause": fit(leg.cause, 64),
        "ended_by": fit(leg.ended_by, 64),
        "from_number": fit(phone.from_switch(leg.from_number).stored, 32),
        "to_number": fit(phone.from_switch(leg.to_number).stored, 32) if leg.to_number else "",
        "agent_id": leg.agent_id,
        "extension": fit(leg.extension, 20),
        "sip_call_id": fit(leg.sip_call_id, 200),
        "network_address": fit(leg.network_address, 64),
        "user_agent": fit(leg.user_agent, 200),
        "codec": fit(leg.codec, 32),
        "quality": msgspec.json.encode(dataclasses.asdict(leg.quality)).decode() if leg.quality else "{}",
        "core_uuid": fit(leg.core_uuid, 64),
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
