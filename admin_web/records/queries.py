"""Reading call records: one tenant, at most one month, newest first, by keyset pages."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select, tuple_

from core import phone
from core.database import TenantSession
from core.errors import InvalidField, NotFound
from core.i18n import lazy
from cti.call.model import EndedIn
from cti.records.models import CallLeg, CallOffer, CallRecord, Direction, Recording

PAGE_ROWS = 50
LONGEST = datetime.timedelta(days=31)
FORM = "%Y-%m-%d %H:%M"


class TimeRangeError(InvalidField):
    """The time range is missing or does not lie within one calendar month (CTI-C5)."""

    id = "time-range"
    sentence = lazy("Choose a time range within one calendar month.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordFilter:
    """What a list of records shows. Times are aware; `to_at` is excluded."""

    from_at: datetime.datetime
    to_at: datetime.datetime
    number: str = ""
    route_id: int = 0
    queue_id: int = 0
    agent_id: int = 0
    ended_in: str = ""
    missed: bool = False
    before: tuple[datetime.datetime, int] | None = None


def this_month(now: datetime.datetime, zone: str) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the beginning of the month `now` lies in, in `zone`, and the end of today there."""
    local = now.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    end = (midnight.replace(tzinfo=None) + datetime.timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
    return midnight.replace(day=1), end


def parse_range(from_text: str, to_text: str, zone: str) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the typed range in `zone`; the minute named as its end belongs to it. Raises :class:`TimeRangeError`."""
    try:
        begin = datetime.datetime.strptime(from_text.strip(), FORM).replace(tzinfo=ZoneInfo(zone))
        last = datetime.datetime.strptime(to_text.strip(), FORM).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise TimeRangeError(field="to") from None
    if last < begin or (begin.year, begin.month) != (last.year, last.month):
        raise TimeRangeError(field="to")
    return begin, last + datetime.timedelta(minutes=1)


def page(db: TenantSession, wanted: RecordFilter) -> tuple[list[CallRecord], CallRecord | None]:
    """Return a page of inbound records, and its last row if more follow."""
    query = (
        _narrowed(wanted).order_by(CallRecord.arrived_at.desc(), CallRecord.id.desc()).limit(PAGE_ROWS + 1)
    )
    rows = list(db.scalars(query))
    return rows[:PAGE_ROWS], rows[PAGE_ROWS - 1] if len(rows) > PAGE_ROWS else None


def _narrowed(wanted: RecordFilter) -> Select[Any]:
    query = select(CallRecord).where(
        CallRecord.direction == Direction.IN,
        CallRecord.arrived_at >= wanted.from_at,
        CallRecord.arrived_at < wanted.to_at,
    )
    if wanted.number:
        number = _stored(wanted.number)
        query = query.where(or_(CallRecord.caller == number, CallRecord.called == number))
    for column, value in (
        (CallRecord.route_id, wanted.route_id),
        (CallRecord.queue_id, wanted.queue_id),
        (CallRecord.agent_id, wanted.agent_id),
    ):
        if value:
            query = query.where(column == value)
    if wanted.ended_in in {each.value for each in EndedIn}:
        query = query.where(CallRecord.ended_in == EndedIn(wanted.ended_in))
    if wanted.missed:
        query = query.where(CallRecord.missed.is_(True))
    if wanted.before is not None:
        query = query.where(tuple_(CallRecord.arrived_at, CallRecord.id) < wanted.before)
    return query


def _stored(text: str) -> str:
    try:
        return phone.parse(text).stored
    except phone.InvalidNumberError:
        return text


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


def whole_call(db: TenantSession, call_id: str, *, own_of: int = 0) -> WholeCall:
    """Return the call; with `own_of`, only if it was that account's. Raises ``NotFound``."""
    record = db.scalar(select(CallRecord).where(CallRecord.call_id == call_id))
    if record is None:
        raise NotFound(kind="call", id=call_id)
    offers = list(
        db.scalars(select(CallOffer).where(CallOffer.record_id == record.id).order_by(CallOffer.position))
    )
    if own_of and not of_agent(record, offers, own_of):
        raise NotFound(kind="call", id=call_id)
    legs = select(CallLeg).where(CallLeg.call_id == call_id).order_by(CallLeg.started_at)
    recordings = select(Recording).where(Recording.call_id == call_id).order_by(Recording.segment)
    return WholeCall(
        record=record, legs=list(db.scalars(legs)), offers=offers, recordings=list(db.scalars(recordings))
    )
