"""Brings the short messages of a cell's calls from its disk into the outbox.

As everything the shipper does: what is on the disk is still to do, so it may be killed anywhere and run again, and
waits as long as the database is away. Files are removed after the commit; brought in again, a message is the row there
is.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from core.database import Database, utc_now
from cti.records.meters import Meters
from cti.records.sms_facts import SmsFact, parse
from cti.records.spool import BAD, HOMELESS, Item, Spool
from sms.outbox import take_from_call


class SmsShipper:
    """Ships one cell's messages. `now` is an argument for tests."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        meters: Meters,
        now: Callable[[], datetime.datetime] = utc_now,
    ) -> None:
        self._spool: Spool[SmsFact] = Spool(folder, ".json", parse)
        self._database = database
        self._meters = meters
        self._now = now

    def step(self) -> int:
        """Bring in what is there, at most a batch; return how many files were dealt with.

        Raises ``OperationalError`` and ``InterfaceError`` when the database is away, and ``OSError`` when a disk
        refuses more than a file; what was not brought in stays.
        """
        items = self._spool.take(self._now().timestamp())
        for item in items:
            self._bring_in(item)
        self._meters.count("messages", [self._spool])
        return len(items)

    def _bring_in(self, item: Item[SmsFact]) -> None:
        try:
            known = take_from_call(self._database, item.value, self._now())
        except (OperationalError, InterfaceError):
            raise  # the database is away
        except (DBAPIError, ValueError, OverflowError) as error:
            self._spool.put_aside(item.path, BAD, f"the database refuses it: {error}")
            return
        if known:
            self._spool.remove(item.path)
        else:
            self._spool.put_aside(item.path, HOMELESS, "no company is known for it")
