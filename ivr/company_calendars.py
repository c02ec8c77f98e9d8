"""A company's named calendars (CTI-I8): own days as they are kept, pasted, shown and published."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence

import msgspec

from core.errors import InvalidField
from core.i18n import lazy

MAX_DAYS = 1000
"""Own days of one calendar; two years and more of nothing but own days."""
MAX_NAME = 40
FIRST_YEAR, LAST_YEAR = 2000, 2100

_DATE = r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?"
_LINE = re.compile(rf"({_DATE})(?:\s*(?:~|至|到|to)\s*({_DATE}))?[\s,，;；]*(.*)")
_WORKS = frozenset({"work", "works", "working", "on", "open", "上班", "调休", "补班", "工作日", "营业"})
_OFF = frozenset({"off", "holiday", "closed", "休", "休息", "放假", "假日", "节假日", "不营业"})


SAID: dict[str, tuple[str, str]] = {"zh": ("休息", "上班"), "en": ("closed", "open")}
"""What a day off and a working day are called in lists of days, by language; both are read whatever the language."""


class OwnDay(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A day the company decides itself."""

    date: str
    """ISO date."""
    works: bool = False
    name: str = ""
    """What the day is, such as a festival's name."""


class DaysUnreadableError(InvalidField):
    """A pasted line is no day; `line` is its number, `text` its beginning."""

    id = "days-unreadable"
    sentence = lazy(
        "Line %(line)s cannot be read: %(text)s. Write a date, open or closed, and a name, such as"
        " 2026-10-01 closed National Day; or two dates with to between them."
    )


class TooManyDaysError(InvalidField):
    """A calendar with more than `MAX_DAYS` own days."""

    id = "too-many-days"
    sentence = lazy("A calendar has at most %(maximum)s days of its own.")


_days = msgspec.json.Decoder(list[OwnDay])


def decode_days(stored: str) -> list[OwnDay]:
    """Return the own days of a row, by date."""
    return _days.decode(stored)


def encode_days(days: Iterable[OwnDay]) -> str:
    """Return own days as a row keeps them: one a date (the last wins), by date. Raises `TooManyDaysError`."""
    by_date = {day.date: day for day in days}
    if len(by_date) > MAX_DAYS:
        raise TooManyDaysError(field="days", maximum=MAX_DAYS)
    return msgspec.json.encode([by_date[date] for date in sorted(by_date)]).decode()


def as_map(days: Iterable[OwnDay]) -> dict[str, bool]:
    """Return date to whether it is worked, as calls need it."""
    return {day.date: day.works for day in days}


def parse_days(text: str) -> list[OwnDay]:
    """Return the days in pasted lines: a date (or two with ``to``, ``~``, ``至`` between them), whether it is worked
    (off when not said) and a name, in any order after the date. Empty lines and those beginning with ``#`` say nothing.

    Raises `DaysUnreadableError`, `TooManyDaysError`.
    """
    days: list[OwnDay] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        first = _date(match[1]) if match else None
        last = _date(match[2]) if match and match[2] else first
        if match is None or first is None or last is None or last < first:
            raise DaysUnreadableError(field="days", line=number, text=line[:40])
        if len(days) + (last - first).days + 1 > MAX_DAYS:
            raise TooManyDaysError(field="days", maximum=MAX_DAYS)
        works, name = _kind_and_name(match[3])
        days += [
            OwnDay(date=(first + datetime.timedelta(days=offset)).isoformat(), works=works, name=name)
            for offset in range((last - first).days + 1)
        ]
    return days


def written(days: Sequence[OwnDay], words: tuple[str, str]) -> str:
    """Return days as lines `parse_days` reads; `words` say closed and open."""
    return "\n".join(f"{day.date} {words[day.works]} {day.name}".rstrip() for day in days)


def _date(text: str) -> datetime.date | None:
    year, month, day = (int(part) for part in re.findall(r"\d+", text))
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def _kind_and_name(rest: str) -> tuple[bool, str]:
    words = [word for word in re.split(r"[\s,，;；]+", rest) if word]
    kinds = [word for word in words if word.lower() in _WORKS | _OFF]
    works = bool(kinds) and kinds[0].lower() in _WORKS
    name = " ".join(word for word in words if not kinds or word != kinds[0])
    return works, name[:MAX_NAME]
