"""Cutting time into the intervals of a report, in a company's zone, also where clocks change. Pure.

A range is split where the zone's distance from UTC changes (:func:`spans`). Inside such a span a local clock is UTC and
a constant, so that the database can group by whole numbers: seconds since the epoch, on the local clock.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Iterator
from zoneinfo import ZoneInfo

DAY_S = 86_400


class Interval(enum.StrEnum):
    """How finely a report tells."""

    TOTAL = "total"
    QUARTER = "quarter"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


LENGTHS_S: dict[Interval, int] = {
    Interval.QUARTER: 900,
    Interval.HOUR: 3600,
    Interval.DAY: DAY_S,
    Interval.MONTH: DAY_S,
}
"""What the database groups by; months are added up from days, a total is not cut."""
LONGEST_DAYS: dict[Interval, int] = {
    Interval.TOTAL: 366,
    Interval.QUARTER: 7,
    Interval.HOUR: 31,
    Interval.DAY: 366,
    Interval.MONTH: 366,
}
"""Days a report covers at most."""


@dataclasses.dataclass(frozen=True)
class Span:
    """A time in which the zone's clock is UTC and `offset_s`; the end is excluded."""

    begin: datetime.datetime
    end: datetime.datetime
    offset_s: int


def spans(begin: datetime.datetime, end: datetime.datetime, zone: ZoneInfo) -> Iterator[Span]:
    """Yield the spans of constant offset between two aware times, in order."""
    start, last = begin.astimezone(datetime.UTC), end.astimezone(datetime.UTC)
    while start < last:
        offset = _offset_s(start, zone)
        stop = _change_after(start, last, offset, zone)
        yield Span(start, stop, offset)
        start = stop


def _offset_s(moment: datetime.datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _change_after(
    start: datetime.datetime, last: datetime.datetime, offset_s: int, zone: ZoneInfo
) -> datetime.datetime:
    """Return when the offset is another one for the first time after `start`, at the latest `last`."""
    same = start
    while same < last:
        other = min(same + datetime.timedelta(days=1), last)
        if _offset_s(other, zone) != offset_s:
            break
        same = other
    else:
        return last
    while other - same > datetime.timedelta(seconds=1):
        middle = same + (other - same) / 2
        middle = middle.replace(microsecond=0)
        if middle <= same:
            break
        if _offset_s(middle, zone) == offset_s:
            same = middle
        else:
            other = middle
    return other.replace(microsecond=0)


def start_of(interval: Interval, local_s: int, offset_s: int, zone: ZoneInfo) -> int:
    """Return the beginning (epoch, seconds) of the interval that has the group `local_s` of the database: whole
    quarters and hours by the clock that went then, so that an hour the clock shows twice is two; whole days and months
    of the calendar. A total is one, 0.
    """
    if interval is Interval.TOTAL:
        return 0
    if interval in (Interval.QUARTER, Interval.HOUR):
        return local_s - offset_s
    day = datetime.datetime.fromtimestamp(local_s, datetime.UTC).replace(tzinfo=zone)
    return int((day.replace(day=1) if interval is Interval.MONTH else day).timestamp())


def label(interval: Interval, start_s: int, zone: ZoneInfo) -> str:
    """Return an interval's beginning as people read it; empty for a total."""
    if interval is Interval.TOTAL:
        return ""
    form = {Interval.MONTH: "%Y-%m", Interval.DAY: "%Y-%m-%d"}.get(interval, "%Y-%m-%d %H:%M")
    local = datetime.datetime.fromtimestamp(start_s, zone)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local.strftime(form) + (local.strftime(" (%z)") if twice and form.endswith("%M") else "")
