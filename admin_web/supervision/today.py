"""Each queue's sums of today, kept for a moment in the process: every open supervisor's page looks once a second, and
each look would add up the day's records anew.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

from flask import current_app
from flask.sansio.app import App

from admin_web.reports.aggregates import report
from admin_web.reports.figures import Subject, Sums
from admin_web.reports.intervals import Interval
from core.clock import from_ms, now_ms
from core.database import TenantSession
from core.permissions import Principal
from cti.records.reach import limits_of

KEPT_S = 5.0
"""How old figures may be; the records themselves come a second after a call."""
_NAME = "zongji-supervision-today"


class _Key(NamedTuple):
    tenant_id: int
    queues: frozenset[int] | None
    begin: datetime.datetime
    """Midnight in the account's zone."""


class _Kept(NamedTuple):
    read_at: float
    sums: dict[int, Sums]


class Today:
    """The figures of one process, by company and queues."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[_Key, _Kept] = {}
        self._reading: dict[_Key, threading.Lock] = {}

    def sums(self, db: TenantSession, principal: Principal) -> dict[int, Sums]:
        """Return the sums since midnight in the account's zone of each queue it supervises, at most :data:`KEPT_S` old:
        the same as in the reports. Of many who ask at once one reads.
        """
        zone = ZoneInfo(principal.timezone)
        now = from_ms(now_ms()).astimezone(zone)
        begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
        key = _Key(principal.tenant_id, principal.queues, begin)
        with self._reading.setdefault(key, threading.Lock()):
            kept = self._kept.get(key)
            if kept is None or self._clock() - kept.read_at >= KEPT_S:
                read_at, end = self._clock(), now + datetime.timedelta(minutes=1)
                rows = report(
                    db, Subject.QUEUE, Interval.TOTAL, begin, end, zone, limits=limits_of(principal)
                )
                kept = _Kept(read_at, {row.key: row.sums for row in rows})
                self._forget()
                self._kept[key] = kept
        return kept.sums

    def _forget(self) -> None:
        now = self._clock()
        for key in [key for key, kept in self._kept.items() if now - kept.read_at >= KEPT_S]:
            del self._kept[key]
            self._reading.pop(key, None)


def set_up(app: App) -> None:
    """Give the application its figures."""
    app.extensions[_NAME] = Today()


def today() -> Today:
    """Return the figures of the process that serves this request."""
    return cast(Today, current_app.extensions[_NAME])
