"""Runs the shipper: records and recordings into database and store, and missing documents back into Redis."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
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
from cti.records.meters import Meters
from cti.records.service import Ready
from cti.records.shipper import DatabaseAway, Shipper, audiences, live_data
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


@dataclasses.dataclass
class _Work:
    """What is done again and again; `do` returns how many files it dealt with."""

    do: Callable[[], int]
    every_s: float = 0.0
    goes_on: bool = False
    """After some, there may be more: at once again."""
    due_s: float = 0.0


class _Loop:
    """The process's life: what runs when, and what is tried again."""

    def __init__(self, settings: Settings) -> None:
        self.stop = threading.Event()
        self.database = Database.from_settings(settings)
        self.takes_dir = settings.takes_dir
        self.redis = redis_clients.from_settings(settings, reply_timeout_s=2.0)
        registry = make_registry("shipper", version())
        meters = Meters.make(registry)
        self.shipper = Shipper(
            cdr_dir=settings.cdr_dir,
            facts_dir=settings.facts_dir,
            states_dir=settings.states_dir,
            recordings_dir=settings.recordings_dir,
            database=self.database,
            store=FileStore(settings.store_dir),
            announce=self._announce,
            meters=meters,
        )
        self.sms = SmsShipper(settings.sms_dir, self.database, meters)
        self.page = serve(settings.shipper_metrics_port, registry, self._problem)
        self.works = self._works()
        self.well_at = time.monotonic()
        self._republished = False

    def run(self) -> None:
        """Work until told to stop; a step under way is finished first."""
        failures = 0
        while not self.stop.is_set():
            done, refused = self._turn()
            if refused is None:
                failures = 0
                self.well_at = time.monotonic()
                if not done:
                    self.stop.wait(IDLE_S)
                continue
            pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
            logger.warning("records wait", why=str(refused).splitlines()[0], pause_s=pause_s)
            failures += 1
            # What is not refused goes on as fast as ever, while there is something.
            self.stop.wait(IDLE_S if done else pause_s)
        self._ship_the_last()
        self.page.shutdown()
        self.database.dispose()

    def _turn(self) -> tuple[int, Exception | None]:
        """Do what is due; return how many files were dealt with, and what refused. A folder keeps no other waiting."""
        done = 0
        refused: Exception | None = None
        for work in self.works:
            if time.monotonic() < work.due_s:
                continue
            try:
                some = work.do()
            except DatabaseAway as error:
                return done, error
            except OSError as error:
                refused, some = refused or error, 0
            work.due_s = 0.0 if some and work.goes_on else time.monotonic() + work.every_s
            done += some
        return done, refused

    def _works(self) -> tuple[_Work, ...]:
        return (
            _Work(self.shipper.step),
            _Work(self.sms.step),
            _Work(self._ship_takes, TAKES_EVERY_S),
            _Work(self._republish, REPUBLISH_EVERY_S),
            _Work(
                self.shipper.ship_recordings, RECORDINGS_EVERY_S, goes_on=True
            ),  # last: the store may be slow
        )

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
        for step in (self.shipper.step, self.sms.step):
            try:
                while step():
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

    def _republish(self) -> int:
        try:
            repaired = republish_missing(self.database, self.redis, thorough=not self._republished)
        except RedisError as error:
            logger.warning("documents were not compared", why=str(error))
            self._republished = False
            return 0
        self._republished = True
        if repaired.set or repaired.removed:
            logger.info("documents published again", set=repaired.set, removed=repaired.removed)
        return 0

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
