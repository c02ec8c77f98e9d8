"""A month of a calendar as weeks of days. Pure."""

from __future__ import annotations

import calendar
import dataclasses
import datetime
from collections.abc import Sequence

from ivr.calendar import Calendar, is_working_day
from ivr.company_calendars import FIRST_YEAR, LAST_YEAR, OwnDay, as_map


@dataclasses.dataclass(frozen=True, kw_only=True)
class Day:
    """One day."""

    date: datetime.date
    works: bool
    own: bool
    """Decided by the company itself."""
    name: str
    inside: bool
    """In the month, not beside it."""


def month_of(text: str, today: datetime.date) -> datetime.date:
    """Return the first of the month ``YYYY-MM`` says, or of the present one."""
    try:
        first = datetime.datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a day, no instant
    except ValueError:
        first = today
    if not FIRST_YEAR <= first.year <= LAST_YEAR:
        first = today
    return first.replace(day=1)


def beside(first: datetime.date, months: int) -> str:
    """Return the month that many after `first`, as ``YYYY-MM``."""
    count = first.year * 12 + first.month - 1 + months
    return f"{count // 12:04}-{count % 12 + 1:02}"


def weeks(first: datetime.date, china: bool, own: Sequence[OwnDay]) -> list[list[Day]]:
    """Return the weeks, Monday first, that the month beginning at `first` touches."""
    value = Calendar(china=china, days=as_map(own))
    names = {day.date: day.name for day in own}
    month = calendar.Calendar(firstweekday=0).monthdatescalendar(first.year, first.month)
    return [
        [
            Day(
                date=date,
                works=is_working_day(date, value),
                own=date.isoformat() in names,
                name=names.get(date.isoformat(), ""),
                inside=date.month == first.month,
            )
            for date in week
        ]
        for week in month
    ]


def turned(own: Sequence[OwnDay], date: datetime.date, china: bool) -> list[OwnDay]:
    """Return own days after a click on `date`: a day decided here is as the calendar has it again, another becomes the
    opposite of what it is.
    """
    text = date.isoformat()
    kept = [day for day in own if day.date != text]
    if len(kept) < len(own):
        return kept
    works = is_working_day(date, Calendar(china=china, days={}))
    return [*kept, OwnDay(date=text, works=not works)]
