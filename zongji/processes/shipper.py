"""Runs the shipper: records and recordings into database and store, and missing documents back into Redis."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

import structlog

from core import redis as redis_clients
from core.bus import publish_live
from core.database import Database, TenantSession
from core.metrics import make_registry
from core.redis import RedisError
from core.settings import Settings
from core.store import FileStore
from cti import publishing
from cti.publishing import republish_missing
from cti.records.service import Ready
from cti.records.shipper import DatabaseAway, Meters, Shipper, audiences, live_data
from cti.records.takes import ship_takes
from ivr.voices.models import Voice, VoiceState
from sms.shipping import SmsShipper
from zongji.processes.start import begin
from zongji.processes.status_page import serve
from zongji.version import version

logger = structlog.get_logger(__name__)

IDLE_S = 0.25
"""Pause between looks at an empty folder: most of the time from hang-up to record."""
BACKOFF_S = (0.5, 1.0, 2.0, 3.0)
"""Pauses while database or disk refuse; the last one is repeated."""
RECORDINGS_EVERY_S = 1.0
TAKES_EVERY_S = 0.5
REPUBLISH_EVERY_S = 3.0
UNWELL_AFTER_S = 30.0


class _Loop:
    """The process's life: what runs when, and what is tried again."""

    def __init__(self, settings: Settings) -> None:
        self.stop = threading.Event()
        self.database = Database.from_settings(settings)
        self.takes_dir = settings.takes_dir
        self.redis = redis_clients.from_settings(settings, reply_timeout_s=2.0)
        registry = make_registry("shipper", version())
        self.shipper = Shipper(
            cdr_dir=settings.cdr_dir,
            facts_dir=settings.facts_dir,
            states_dir=settings.states_dir,
            recordings_dir=settings.recordings_dir,
            database=self.database,
            store=FileStore(settings.store_dir),
            announce=self._announce,
            meters=Meters.make(registry),
        )
        self.sms = SmsShipper(settings.sms_dir, self.database)
        self.page = serve(settings.shipper_metrics_port, registry, self._problem)
        self.well_at = time.monotonic()
        self._republished = False

    def run(self) -> None:
        """Work until told to stop; a step under way is finished first."""
        failures = 0
        next_recordings = next_republish = next_takes = 0.0
        while not self.stop.is_set():
            now = time.monotonic()
            try:
                done = self.shipper.step() + self.sms.step()
                if now >= next_takes:
                    done += self._ship_takes()
                    next_takes = time.monotonic() + TAKES_EVERY_S
                if now >= next_republish:
                    self._republish()
                    next_republish = time.monotonic() + REPUBLISH_EVERY_S
                # Last, as the store may refuse; at once again after some, as there may be more.
                if now >= next_recordings:
                    shipped = self.shipper.ship_recordings()
                    done += shipped
                    next_recordings = 0.0 if shipped else time.monotonic() + RECORDINGS_EVERY_S
            except (*DatabaseAway, OSError) as error:
                pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                logger.warning("records wait", why=str(error).splitlines()[0], pause_s=pause_s)
                failures += 1
                self.stop.wait(pause_s)
                continue
            failures = 0
            self.well_at = time.monotonic()
            if not done:
                self.stop.wait(IDLE_S)
        self._ship_the_last()
        self.page.shutdown()
        self.database.dispose()

    def _ship_takes(self) -> int:
        """Bring voices that were recorded by telephone into the library. Records never wait for them."""
        store = self.shipper.store
        try:
            return ship_takes(self.takes_dir, self.database, store, self._follow, self.shipper.clock())
        except (*DatabaseAway, OSError) as error:
            logger.warning("voices wait", why=str(error).splitlines()[0])
            return 0

    def _follow(self, session: TenantSession, voice: Voice) -> None:
        """Calls play an approved voice once the session commits; one that waits for its review they do not."""
        change = publishing.publish if voice.state is VoiceState.APPROVED else publishing.withdraw
        change(session, self.redis, voice)

    def _ship_the_last(self) -> None:
        """Write what the switch left when it was stopped just before us."""
        try:
            while self.shipper.step() + self.sms.step():
                pass
        except (*DatabaseAway, OSError) as error:
            logger.warning("records wait for the next start", why=str(error).splitlines()[0])

    def _announce(self, ready: Sequence[Ready]) -> None:
        try:
            with self.redis.pipeline(transaction=False) as pipe:
                for record in ready:
                    publish_live(pipe, record.tenant_id, audiences(record), "record.ready", live_data(record))
                pipe.execute()
        except RedisError as error:
            # Pages load records from the database; only the push is missed.
            logger.warning("records were not announced", count=len(ready), why=str(error))

    def _republish(self) -> None:
        try:
            repaired = republish_missing(self.database, self.redis, thorough=not self._republished)
        except RedisError as error:
            logger.warning("documents were not compared", why=str(error))
            self._republished = False
            return
        self._republished = True
        if repaired.set or repaired.removed:
            logger.info("documents published again", set=repaired.set, removed=repaired.removed)

    def _problem(self) -> str:
        silent_s = time.monotonic() - self.well_at
        return f"no step has ended well for {silent_s:.0f} seconds" if silent_s > UNWELL_AFTER_S else ""


def hold_lock(settings: Settings) -> int:
    """Wait until this is the cell's only shipper; the lock ends with the process."""
    settings.cell_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.cell_dir / "shipper.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.warning("another shipper works on this cell; waiting for its end")
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def main() -> None:
    """Ship until told to stop."""
    settings = begin("shipper")
    hold_lock(settings)
    for folder in (
        settings.cdr_dir,
        settings.facts_dir,
        settings.states_dir,
        settings.sms_dir,
        settings.recordings_dir,
        settings.takes_dir,
    ):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        loop = _Loop(settings)
    except OSError as error:
        sys.exit(
            f"TCP port {settings.shipper_metrics_port} (ZONGJI_SHIPPER_METRICS_PORT) cannot be opened: {error}"
        )

    def stop(number: int, frame: FrameType | None) -> None:
        loop.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    loop.run()
