"""Reading call records: one tenant, at most one month, newest first, by keyset pages."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from admin_web.number_search import number_matches
from admin_web.records.filters import ListKind, RecordFilter, this_month
from core import phone
from core.database import TenantSession
from core.errors import NotFound
from cti.call.in_transfer import MAX_TRANSFERS
from cti.call.model import EndedIn, LegKind, Segment, SegmentKind
from cti.desk.models import WorkDone, WorkKind
from cti.records.models import CallLeg, CallOffer, CallRecord, Direction, Recording
from cti.records.owners import with_owner
from cti.records.parts import part_id
from cti.records.reach import SomeQueues, newest

__all__ = [
    "LONGEST",
    "PAGE_ROWS",
    "WholeCall",
    "count",
    "handled_of",
    "messages",
    "narrowed",
    "of_agent",
    "page",
    "part_of",
    "recorded_calls",
    "recordings_of",
    "this_month",
    "through_flow",
    "whole_call",
]

PAGE_ROWS = 50
LONGEST = datetime.timedelta(days=31)


def page(
    db: TenantSession, wanted: RecordFilter, rows: int = PAGE_ROWS
) -> tuple[list[CallRecord], CallRecord | None]:
    """Return a page of calls, and its last one if more follow."""
    found = list(db.scalars(newest(_asked(wanted), wanted.limits, rows + 1)))
    return found[:rows], found[rows - 1] if len(found) > rows else None


def count(db: TenantSession, wanted: RecordFilter) -> int:
    """Return how many rows the whole result has."""
    query = messages(wanted) if wanted.kind is ListKind.MESSAGES else narrowed(wanted)
    return db.scalar(select(func.count()).select_from(query.subquery())) or 0


def narrowed(wanted: RecordFilter) -> Select[Any]:
    """Return the query for the calls of a list, in no order."""
    query = _asked(wanted)
    return query if wanted.limits is None else query.where(wanted.limits.has())


def _asked(wanted: RecordFilter) -> Select[Any]:
    """Return the query for what was asked for, whatever the queues. A missed call's extension and account are those it
    was offered to last (CTI-C3).
    """
    missed = wanted.kind is ListKind.MISSED
    query = select(CallRecord).where(*_within(CallRecord.arrived_at, CallRecord.id, wanted))
    if missed:
        # Not ``IS TRUE``, for which MariaDB uses no index.
        query = query.where(CallRecord.missed == true())
    else:
        direction = Direction.OUT if wanted.kind is ListKind.OUTBOUND else Direction.IN
        query = query.where(CallRecord.direction == direction)
    if wanted.own_of:
        query = query.where(_own(wanted, missed=missed))
    for column, value in (
        (CallRecord.route_id, wanted.route_id),
        (CallRecord.queue_id, wanted.queue_id),
        (CallRecord.last_extension_id if missed else CallRecord.extension_id, wanted.extension_id),
        (CallRecord.last_agent_id if missed else CallRecord.agent_id, wanted.agent_id),
        (CallRecord.ended_in, wanted.ended_in),
    ):
        if value:
            query = query.where(column == value)
    return query.where(*_about(wanted), *_marks(wanted))


def _within(at: Any, row_id: Any, wanted: RecordFilter) -> list[ColumnElement[bool]]:
    found = [at >= wanted.from_at, at < wanted.to_at]
    if wanted.before is not None:
        # Said twice: MariaDB finds no beginning in an index from a comparison of rows.
        found += [at <= wanted.before[0], tuple_(at, row_id) < wanted.before]
    return found


def _own(wanted: RecordFilter, *, missed: bool) -> ColumnElement[bool]:
    if not missed:
        return CallRecord.agent_id == wanted.own_of
    return exists().where(CallOffer.record_id == CallRecord.id, CallOffer.agent_id == wanted.own_of)


def _about(wanted: RecordFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on numbers, region, length and note."""
    found: list[ColumnElement[bool]] = []
    if wanted.number:
        stored = _stored(wanted.number)
        found.append(or_(CallRecord.caller == stored, CallRecord.called == stored))
    if wanted.caller_id:
        found.append(CallRecord.caller_id == _stored(wanted.caller_id))
    if wanted.trunk:
        found.append(CallRecord.trunk_address == wanted.trunk)
    if wanted.region:
        found.append(_in_region(CallRecord.region, wanted.region))
    if wanted.length_from_s:
        found.append(CallRecord.length_s >= wanted.length_from_s)
    if wanted.length_to_s is not None:
        found.append(CallRecord.length_s <= wanted.length_to_s)
    if wanted.note:
        found.append(CallRecord.note.contains(wanted.note, autoescape=True))
    return found


def _in_region(column: InstrumentedAttribute[str], key: str) -> ColumnElement[bool]:
    """A province has its cities in it."""
    return column == key if "/" in key else or_(column == key, column.startswith(f"{key}/", autoescape=True))


def _marks(wanted: RecordFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on what belongs to a call: its recording, the mark that it was dealt with."""
    found: list[ColumnElement[bool]] = []
    if wanted.recorded is not None:
        of_call = exists().where(Recording.tenant_id == CallRecord.tenant_id, Recording.call_id == root_id())
        # Of a transferred call each part has its own segments, and its recordings are the whole call's.
        whole = and_(CallRecord.source_call_id == "", CallRecord.ended_in != EndedIn.TRANSFERRED)
        recorded = and_(of_call, or_(whole, CallRecord.segments != "[]"))
        found.append(recorded if wanted.recorded else ~recorded)
    if wanted.handled is not None:
        handled = exists().where(
            WorkDone.tenant_id == CallRecord.tenant_id,
            WorkDone.kind == WorkKind.MISSED,
            WorkDone.object_id == CallRecord.id,
        )
        found.append(handled if wanted.handled else ~handled)
    return found


def messages(wanted: RecordFilter) -> Select[Recording, CallRecord]:
    """Return the query for the messages of a list with the records of the parts they were left in (CTI-C4), in no
    order.
    """
    query = with_owner(select(Recording, CallRecord).select_from(Recording)).where(
        Recording.kind == SegmentKind.VOICEMAIL, *_within(Recording.started_at, Recording.id, wanted)
    )
    if wanted.number:
        columns = (CallRecord.caller, CallRecord.called)
        query = query.where(or_(*(number_matches(column, wanted.number) for column in columns)))
    if wanted.route_id:
        query = query.where(CallRecord.route_id == wanted.route_id)
    if wanted.flow_id:
        query = query.where(through_flow(wanted.flow_id))
    if wanted.region:
        query = query.where(_in_region(CallRecord.region, wanted.region))
    if wanted.length_from_s:
        query = query.where(Recording.length_ms >= wanted.length_from_s * 1000)
    if wanted.length_to_s is not None:
        query = query.where(Recording.length_ms <= wanted.length_to_s * 1000)
    if wanted.limits is not None:
        query = query.where(wanted.limits.has())
    if wanted.heard is not None:
        heard = Recording.heard_at.is_not(None)
        query = query.where(heard if wanted.heard else ~heard)
    return query


def through_flow(flow_id: int) -> ColumnElement[bool]:
    """Return the condition that a call went through the flow; only for lists that are few rows without it."""
    return CallRecord.path.contains(f'"flow_id":{flow_id},', autoescape=True)  # as `msgspec` writes a step


def _stored(text: str) -> str:
    try:
        return phone.parse(text).stored
    except phone.InvalidNumberError:
        return text


def recorded_calls(db: TenantSession, rows: Sequence[CallRecord]) -> dict[str, list[int]]:
    """Return the numbers of the recorded segments of the calls that have some, by the call's id."""
    ids = {root_of(row) for row in rows}
    if not ids:
        return {}
    query = select(Recording.call_id, Recording.segment).where(Recording.call_id.in_(ids))
    found: dict[str, set[int]] = {}
    for call_id, segment in db.execute(query):
        found.setdefault(call_id, set()).add(segment)
    of_rows = {
        row.call_id: sorted(found.get(root_of(row), set()) & segments_of(row))
        if is_part(row)
        else sorted(found.get(row.call_id, ()))
        for row in rows
    }
    return {call_id: segments for call_id, segments in of_rows.items() if segments}


def root_id() -> ColumnElement[str]:
    """Return :func:`root_of` as a query says it."""
    return case((CallRecord.source_call_id != "", CallRecord.source_call_id), else_=CallRecord.call_id)


def root_of(record: CallRecord) -> str:
    """Return the id of the whole call, which legs and recordings have: parts after a transfer have their own."""
    return record.source_call_id or record.call_id


def is_part(record: CallRecord) -> bool:
    """Return whether the record is a part of a call that was transferred."""
    return bool(record.source_call_id) or record.ended_in is EndedIn.TRANSFERRED


def segments_of(record: CallRecord) -> set[int]:
    """Return the numbers of the segments recorded in a part."""
    names = [each.name for each in msgspec.json.decode(record.segments or "[]", type=list[Segment])]
    numbers = [name.removesuffix(".wav").rpartition("-")[2] for name in names]
    return {int(number) for number in numbers if number.isdigit()}


def handled_of(db: TenantSession, rows: Sequence[CallRecord]) -> dict[int, WorkDone]:
    """Return who dealt with which of the missed calls, by the record's id."""
    ids = [row.id for row in rows]
    if not ids:
        return {}
    query = select(WorkDone).where(WorkDone.kind == WorkKind.MISSED, WorkDone.object_id.in_(ids))
    return {each.object_id: each for each in db.scalars(query)}


def of_agent(record: CallRecord, offers: list[CallOffer], agent_id: int) -> bool:
    """Return whether the call was this agent's: talked to, or offered."""
    return record.agent_id == agent_id or any(offer.agent_id == agent_id for offer in offers)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WholeCall:
    """A record with everything that belongs to it."""

    record: CallRecord
    legs: list[CallLeg]
    offers: list[CallOffer]
    recordings: list[Recording]
    parts: list[CallRecord] = dataclasses.field(default_factory=list)
    """The parts of a call that was transferred, this one among them (CTI-C6), as far as the reader sees them."""


def whole_call(
    db: TenantSession, call_id: str, *, own_of: int = 0, limits: SomeQueues | None = None
) -> WholeCall:
    """Return the call; with `own_of`, only if it was that account's, with `limits` only within. Raises ``NotFound``.

    Who was only offered it does not hear the colleague who talked; who sees one part of it alone sees no legs of the
    others.
    """
    wanted = select(CallRecord).where(CallRecord.call_id == call_id)
    record = db.scalar(wanted if limits is None else wanted.where(limits.has()))
    if record is None:
        raise NotFound(kind="call", id=call_id)
    offers = list(
        db.scalars(select(CallOffer).where(CallOffer.record_id == record.id).order_by(CallOffer.position))
    )
    if own_of and not of_agent(record, offers, own_of):
        raise NotFound(kind="call", id=call_id)
    root = root_of(record)
    legs = select(CallLeg).where(CallLeg.call_id == root).order_by(CallLeg.started_at)
    recorded = select(Recording).select_from(Recording).where(Recording.call_id == root)
    if is_part(record):
        recorded = with_owner(recorded, needed=True).where(CallRecord.id == record.id)
    recordings = list(db.scalars(recorded.order_by(Recording.segment)))
    if own_of and record.agent_id != own_of:
        recordings = [each for each in recordings if _may_hear(each, own_of)]
    if is_part(record) and (own_of or limits is not None):
        part = {each.leg_uuid for each in offers}
        legs = legs.where(or_(CallLeg.kind == LegKind.CUSTOMER, CallLeg.leg_uuid.in_(part)))
    return WholeCall(
        record=record,
        legs=list(db.scalars(legs)),
        offers=offers,
        recordings=recordings,
        parts=_parts(db, record, own_of, limits),
    )


def recordings_of(
    db: TenantSession, call_id: str, *, own_of: int = 0, limits: SomeQueues | None = None
) -> list[Recording]:
    """Return the segments of a call in order: by the whole call's id those of all parts the reader sees, by a later
    part's id that part's. Limits and errors are those of :func:`whole_call`.
    """
    query = with_owner(select(Recording, CallRecord).select_from(Recording), needed=True)
    query = query.where(Recording.call_id == call_id).order_by(Recording.segment)
    rows = list(db.execute(query if limits is None else query.where(limits.has())))
    if own_of:
        asked = select(CallOffer.record_id).where(
            CallOffer.record_id.in_({record.id for _, record in rows}), CallOffer.agent_id == own_of
        )
        offered = set(db.scalars(asked))
        rows = [
            row
            for row in rows
            if row[1].agent_id == own_of or (row[1].id in offered and _may_hear(row[0], own_of))
        ]
    if rows:
        return [recording for recording, _ in rows]
    return whole_call(db, call_id, own_of=own_of, limits=limits).recordings


def _may_hear(recording: Recording, agent_id: int) -> bool:
    """Return whether who was only offered a call hears the segment: not what a colleague talked."""
    return recording.agent_id == agent_id or recording.kind is SegmentKind.VOICEMAIL


def part_of(db: TenantSession, call_id: str, segment: int) -> str:
    """Return the id of the part that owns a recorded segment of the whole call `call_id`; `call_id` itself when there
    is no such segment, as under a later part's id.
    """
    part = with_owner(select(CallRecord.call_id).select_from(Recording), needed=True)
    return db.scalar(part.where(Recording.call_id == call_id, Recording.segment == segment)) or call_id


def _parts(db: TenantSession, record: CallRecord, own_of: int, limits: SomeQueues | None) -> list[CallRecord]:
    """Return the parts of a transferred call in order, as far as they are `own_of`'s or within `limits`; none of a call
    nobody transferred.
    """
    if not is_part(record):
        return []
    root = root_of(record)
    # By their ids: there is no index of the calls that parts are of.
    ids = [part_id(root, number) for number in range(1, MAX_TRANSFERS + 2)]
    of_call = or_(CallRecord.call_id == root, CallRecord.source_call_id == root)
    query = select(CallRecord).where(CallRecord.call_id.in_(ids), of_call)
    if limits is not None:
        query = query.where(limits.has())
    if own_of:
        query = query.where(or_(CallRecord.agent_id == own_of, CallRecord.id == record.id))
    return list(db.scalars(query.order_by(CallRecord.arrived_at, CallRecord.id)))
