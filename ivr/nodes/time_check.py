"""Time check (CTI-I8): go on by the time of day, the weekday and the calendar, at the company's own clock."""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ivr.calendar import CHINA, Calendar, is_working_day
from ivr.nodes.base import Exit, Moment, Node, NoState, Reference, ReferenceKind, Signal, Stay, Turn
from ivr.nodes.form import Choice, Field, Group, Kind
from ivr.nodes.rules import MAX_RULES, check_number, exits_of, way_on
from ivr.problems import N_, Problem, Severity
from ivr.surroundings import Surroundings

if TYPE_CHECKING:
    from ivr.model import Flow

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)", re.ASCII)
_DAY_MINUTES = 24 * 60


class Days(enum.StrEnum):
    """Which days of a calendar a rule is about."""

    ANY = "any"
    WORKING = "working"
    OFF = "off"


class TimeRule(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time on some days. Over midnight, the day is that of the start; ``start == end`` is 24 hours."""

    start: str = "09:00"
    """``HH:MM`` at the company's clock."""
    end: str = "18:00"
    """First minute that is no longer in the span; ``24:00`` is midnight."""
    weekdays: list[int] = msgspec.field(default_factory=lambda: [1, 2, 3, 4, 5, 6, 7])
    """1 is Monday."""
    days: Days = Days.ANY
    calendar: str = ""
    """Id of the calendar that says which days are worked: ``cn``, or a company's own."""
    target: str = ""


class TimeCheck(Node, frozen=True, kw_only=True, tag="time"):
    """The first rule the moment is in leads on."""

    rules: list[TimeRule] = []
    otherwise: str = ""

    label = N_("Time check")
    description = N_("Goes on by the time of day, the weekday and holidays.")
    icon = "clock"
    group = Group.DECIDE
    form = (
        Field(
            name="rules",
            kind=Kind.ROWS,
            label=N_("Rules, the first that fits counts"),
            highest=MAX_RULES,
            of=(
                Field(name="start", kind=Kind.TIME_OF_DAY, label=N_("From"), required=True),
                Field(
                    name="end",
                    kind=Kind.TIME_OF_DAY,
                    label=N_("To"),
                    required=True,
                    help=N_(
                        "Earlier than the start: over midnight, on the day of the start. The same: 24 hours."
                    ),
                ),
                Field(name="weekdays", kind=Kind.WEEKDAYS, label=N_("Weekdays"), required=True),
                Field(
                    name="days",
                    kind=Kind.CHOICE,
                    label=N_("Days"),
                    choices=(
                        Choice(value="any", label=N_("All days")),
                        Choice(value="working", label=N_("Working days of the calendar")),
                        Choice(value="off", label=N_("Days off of the calendar")),
                    ),
                ),
                Field(
                    name="calendar",
                    kind=Kind.CALENDAR,
                    label=N_("Calendar"),
                    help=N_("Make-up working days and holidays go before the weekday."),
                ),
                Field(name="target", kind=Kind.NODE, label=N_("Next node"), required=True),
            ),
        ),
        Field(name="otherwise", kind=Kind.NODE, label=N_("Node at other times"), required=True),
    )

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        if moment.signal is not Signal.ENTERED:
            return Turn(outcome=Stay())
        now = moment.surroundings.local_time(moment.now_ms)
        fits = (_fits(rule, now, moment.surroundings) for rule in self.rules)
        return Turn(outcome=way_on(self.rules, fits, self.otherwise))

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return exits_of(self.rules, self.otherwise)

    def references(self) -> tuple[Reference, ...]:
        """See `Node.references`."""
        return tuple(
            Reference(kind=ReferenceKind.CALENDAR, id=int(rule.calendar), field=f"rules.{i}.calendar")
            for i, rule in enumerate(self.rules)
            if _is_own(rule.calendar)
        )

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        yield from check_number(self.code, len(self.rules))
        for index, rule in enumerate(self.rules):
            for field, message in _wrong(rule):
                yield Problem(
                    id=f"bad-{field}", message=message, node=self.code, field=f"rules.{index}.{field}"
                )
            if rule.days is Days.ANY and rule.calendar:
                message = N_(
                    "The calendar changes nothing while all days count; choose its working days or its days off."
                )
                yield Problem(
                    id="calendar-unused",
                    message=message,
                    node=self.code,
                    field=f"rules.{index}.days",
                    severity=Severity.WARNING,
                )


def _wrong(rule: TimeRule) -> Iterator[tuple[str, str]]:
    """Yield the fields of `rule` that are wrong, with what is."""
    if minutes(rule.start) in {None, _DAY_MINUTES}:
        yield "start", N_("Enter a time such as 09:00.")
    if minutes(rule.end) is None:
        yield "end", N_("Enter a time such as 09:00.")
    if not rule.weekdays or not set(rule.weekdays) <= set(range(1, 8)):
        yield "weekdays", N_("Choose at least one weekday.")
    if rule.days is not Days.ANY and not rule.calendar:
        yield "calendar", N_("Choose the calendar that says which days are worked.")
    elif rule.calendar not in {"", CHINA} and not _is_own(rule.calendar):
        yield "calendar", N_("What was chosen here does not exist any more, or may not be used.")


def _is_own(calendar: str) -> bool:
    return calendar.isascii() and calendar.isdigit() and len(calendar) <= 18


def minutes(time_of_day: str) -> int | None:
    """Return ``HH:MM`` as minutes since midnight, or None."""
    found = _TIME.fullmatch(time_of_day)
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:]) if found else None


def _fits(rule: TimeRule, now: datetime.datetime, surroundings: Surroundings) -> bool:
    start, end = minutes(rule.start), minutes(rule.end)
    if start is None or end is None:
        return False
    minute = now.hour * 60 + now.minute
    day = now.date()
    if start < end:
        return start <= minute < end and _is_day(rule, day, surroundings)
    if minute >= start:
        return _is_day(rule, day, surroundings)
    return minute < end and _is_day(rule, day - datetime.timedelta(days=1), surroundings)


def _is_day(rule: TimeRule, day: datetime.date, surroundings: Surroundings) -> bool:
    if day.isoweekday() not in rule.weekdays:
        return False
    if rule.days is Days.ANY:
        return True
    if rule.calendar == CHINA:
        calendar = Calendar(china=True)
    else:
        calendar = surroundings.calendars.get(rule.calendar, Calendar(china=False))
    return is_working_day(day, calendar) is (rule.days is Days.WORKING)
