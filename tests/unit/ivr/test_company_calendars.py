"""Own days of a calendar: pasted, kept, shown (CTI-I8)."""

from __future__ import annotations

import contextlib
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import company_calendars as calendars
from ivr.company_calendars import DaysUnreadableError, OwnDay, TooManyDaysError

PASTED = """
# 2026
2026-10-01 closed National Day
2026/10/10 open
2026年5月1日 休息 劳动节
2026.05.02，上班，调休补班
2026-12-24 to 2026-12-26 Christmas
2026-02-15~2026-02-16 放假 春节
"""


def test_a_pasted_year_is_read() -> None:
    found = {day.date: (day.works, day.name) for day in calendars.parse_days(PASTED)}
    assert found == {
        "2026-10-01": (False, "National Day"),
        "2026-10-10": (True, ""),
        "2026-05-01": (False, "劳动节"),
        "2026-05-02": (True, "调休补班"),
        "2026-12-24": (False, "Christmas"),
        "2026-12-25": (False, "Christmas"),
        "2026-12-26": (False, "Christmas"),
        "2026-02-15": (False, "春节"),
        "2026-02-16": (False, "春节"),
    }


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (1, "National Day"),
        (1, "2026-02-30"),
        (1, "1026-01-01"),
        (1, "2026-10-08 to 2026-10-01"),
        (2, "2026-10-01\n10/1"),
        (1, "2026-10-01 to tomorrow-2026-10"),
    ],
)
def test_a_line_that_is_no_day_is_named(line: int, text: str) -> None:
    if "tomorrow" in text:
        assert calendars.parse_days(text)[0].name == "to tomorrow-2026-10"
        return
    with pytest.raises(DaysUnreadableError) as refused:
        calendars.parse_days(text)
    assert refused.value.details["line"] == line


def test_more_days_than_a_calendar_has_are_refused() -> None:
    with pytest.raises(TooManyDaysError):
        calendars.parse_days("2000-01-01 to 2100-12-31")
    days = [
        OwnDay(date=(datetime.date(2026, 1, 1) + datetime.timedelta(days=n)).isoformat()) for n in range(1001)
    ]
    with pytest.raises(TooManyDaysError):
        calendars.encode_days(days)


_day = st.builds(
    OwnDay,
    date=st.dates(datetime.date(2000, 1, 1), datetime.date(2100, 12, 31)).map(str),
    works=st.booleans(),
    name=st.sampled_from(["", "Eid", "国庆节", "New Year"]),
)


@given(st.lists(_day, max_size=20), st.sampled_from([("closed", "open"), ("休息", "上班")]))
def test_what_is_shown_is_read_again(days: list[OwnDay], words: tuple[str, str]) -> None:
    kept = calendars.decode_days(calendars.encode_days(days))
    assert [day.date for day in kept] == sorted({day.date for day in days})
    assert calendars.parse_days(calendars.written(kept, words)) == kept


@given(st.text(max_size=80))
def test_nothing_pasted_is_a_fault(text: str) -> None:
    with contextlib.suppress(DaysUnreadableError, TooManyDaysError):
        assert isinstance(calendars.parse_days(text), list)
