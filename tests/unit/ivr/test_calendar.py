"""China's holidays and make-up working days, and calendars of one's own (CTI-I8)."""

from __future__ import annotations

import datetime

import pytest

from ivr.calendar import Calendar, is_working_day


def works(day: str, **calendar: object) -> bool:
    return is_working_day(datetime.date.fromisoformat(day), Calendar(**calendar))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "last", "made_up"),
    [
        # The State Council's notice for 2026 (国办发明电〔2025〕7号).
        ("2026-01-01", "2026-01-03", ["2026-01-04"]),
        ("2026-02-15", "2026-02-23", ["2026-02-14", "2026-02-28"]),
        ("2026-04-04", "2026-04-06", []),
        ("2026-05-01", "2026-05-05", ["2026-05-09"]),
        ("2026-06-19", "2026-06-21", []),
        ("2026-09-25", "2026-09-27", ["2026-09-20"]),
        ("2026-10-01", "2026-10-07", ["2026-10-10"]),
        ("2025-10-01", "2025-10-08", ["2025-09-28", "2025-10-11"]),
    ],
)
def test_china(first: str, last: str, made_up: list[str]) -> None:
    day, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    while day <= end:
        assert not works(day.isoformat()), day
        day += datetime.timedelta(days=1)
    assert all(works(day) for day in made_up)


def test_other_days_are_by_the_weekday() -> None:
    assert works("2026-11-20")
    assert not works("2026-11-21")
    assert works("2026-10-01", china=False)
    assert not works("2026-10-10", china=False)


def test_a_calendars_own_days_go_first() -> None:
    days = {"2026-10-01": True, "2026-11-20": False, "2026-10-10": False}
    assert [works(day, days=days) for day in days] == [True, False, False]
    assert works("2026-11-23", days=days)


def test_a_year_without_a_notice_has_the_laws_fixed_holidays_and_its_weekdays() -> None:
    assert not works("2060-10-01")
    assert not works("2060-05-02")
    assert works("2060-10-04")
    assert works("1999-03-01")
    assert not works("2060-10-09")
    assert works("0001-01-02")
