"""Which part of a call a recorded segment belongs to, as queries say it. Recordings have the whole call's id, its parts
after a transfer ids of their own (`cti.records.parts`, CTI-C6).

It is the part that lists the segment; of one that none lists, because its file was left behind and its beginning
reckoned from the file, the last part that had begun by then, or else the first.
"""

from __future__ import annotations

from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from cti.call.in_transfer import MAX_TRANSFERS
from cti.call.model import EndedIn
from cti.records.models import CallRecord, Recording

Rows = TypeVarTuple("Rows")
LISTED = 100
"""More than a call has parts."""
_FIRST, _LATER = aliased(CallRecord, name="first_part"), aliased(CallRecord, name="later_part")


def with_owner(query: Select[*Rows], *, needed: bool = False) -> Select[*Rows]:
    """Return a query from recordings alone joined to the record of the part that owns each; without one there is no
    record, or where it is `needed` no row.

    A call nobody transferred costs one more look-up by a unique key. Parts are looked for by their ids, for no index
    has the id of the call they are of.
    """
    first = and_(_FIRST.tenant_id == Recording.tenant_id, _FIRST.call_id == Recording.call_id)
    whole = or_(_FIRST.ended_in != EndedIn.TRANSFERRED, _lists(_FIRST.segments))
    owner = case((whole, _FIRST.call_id), else_=func.coalesce(_later(), _FIRST.call_id))
    # The last condition says nothing new: by it MariaDB can go from a queue's few calls to their recordings.
    root = case((CallRecord.source_call_id != "", CallRecord.source_call_id), else_=CallRecord.call_id)
    owned = and_(
        CallRecord.tenant_id == Recording.tenant_id, CallRecord.call_id == owner, Recording.call_id == root
    )
    return query.join(_FIRST, first, isouter=not needed).join(CallRecord, owned, isouter=not needed)


def _later() -> ColumnElement[str]:
    """Return the id of the part after a transfer that lists the segment, or of the last that had begun before it."""
    each = [select(literal(number).label("number")) for number in range(2, MAX_TRANSFERS + 2)]
    numbers = union_all(*each).subquery("numbers")
    number = numbers.c.number
    # One that lists it is before all others: the greatest, not the first in order, for SQLite's inner ``ORDER BY``
    # names no column from outside.
    rank = case(
        (_lists(_LATER.segments), number + LISTED), (_LATER.arrived_at <= Recording.started_at, number)
    )
    found = (
        select(func.max(rank))
        .select_from(numbers)
        .join(
            _LATER,
            and_(_LATER.tenant_id == _FIRST.tenant_id, _LATER.call_id == _part_id(number)),
        )
        .where(_LATER.source_call_id == _FIRST.call_id)
        .correlate(Recording, _FIRST)
        .scalar_subquery()
    )
    return _part_id(found % LISTED)


def _part_id(number: ColumnElement[int]) -> ColumnElement[str]:
    """Return `cti.records.parts.part_id` of a later part as a query says it."""
    return _FIRST.call_id + "-" + cast(number, String)


def _lists(segments: Any) -> ColumnElement[bool]:
    """Return the condition that a part's JSON names the segment's file, ``<tenant>/<call id>-<n>.wav``."""
    return func.instr(segments, literal("-") + cast(Recording.segment, String) + '.wav"') > 0
