"""Which days are worked (CTI-I8): a calendar's own days first, then China's, else the weekday. Pure.

China's days off and make-up working days (调休) are announced by the State Council each November for the year
after; they come as data with the package `chinesecalendar`, and an updated package is all a new year takes.
Before that, a year has the holidays the law fixes by date (全国年节及纪念日放假办法) and its weekdays.
"""

from __future__ import annotations

import datetime

import chinese_calendar
import msgspec

CHINA = "cn"
"""Id of the built-in calendar: China's public holidays and make-up working days."""
_FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
MAX_DAYS = 2000
"""Days a calendar may list: more than five years of each day."""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """A named calendar."""

    china: bool = True
    """Whether China's public holidays and make-up working days count on days not in `days`."""
    days: dict[str, bool] = {}
    """ISO date to whether it is a working day."""


def is_working_day(day: datetime.date, calendar: Calendar) -> bool:
    """Return whether `day` is worked."""
    own = calendar.days.get(day.isoformat())
    if own is not None:
        return own
    weekday = day.isoweekday() <= 5
    if not calendar.china:
        return weekday
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:  # a year it has no data for
        return weekday and (day.month, day.day) not in _FIXED_HOLIDAYS
