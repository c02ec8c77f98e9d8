"""What a flow can know of the world around a call besides its variables. Pure values."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Mapping

import msgspec

from ivr.calendar import Calendar


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant's clock and calendars, as the controller holds them at the moment of an event."""

    timezone: str = "Asia/Shanghai"
    """IANA name."""
    calendars: Mapping[str, Calendar] = {}
    """The tenant's own calendars by their id as a string; ``ivr.calendar.CHINA`` is there without being
    listed.
    """

    def local_time(self, now_ms: int) -> datetime.datetime:
        """Return the moment at the company's clock; in a zone that does not exist, at Beijing's."""
        try:
            zone: datetime.tzinfo = zoneinfo.ZoneInfo(self.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            zone = _BEIJING
        return (_EPOCH + datetime.timedelta(milliseconds=now_ms)).astimezone(zone)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_BEIJING = datetime.timezone(datetime.timedelta(hours=8))
