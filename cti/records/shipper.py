"""The shipper's work, one step at a time: records, facts and recordings from the cell's disk into database and store.

It holds nothing in memory that matters: what is on the disk is still to do, what was committed is done. So it may be
killed anywhere, run twice over the same files, and wait as long as the database is away.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from core.bus import ADMIN, agent_audience, supervisors_audience
from core.clock import from_ms
from core.database import Database
from core.store import FileStore
from cti.records import cdr, facts, recordings, state_facts
from cti.records.facts import EndedFact
from cti.records.meters import Meters
from cti.records.recordings import SegmentFile, UnreadableError
from cti.records.service import Input, Outcome, Ready, ingest
from cti.records.spool import BAD, BATCH, HOMELESS, Item, Spool
from cti.records.state_facts import StateFact
from cti.records.wav import NotAWavError

logger = structlog.get_logger(__name__)

SETTLED_S = 2.0
"""A segment of a finished call to which nobody wrote for so long is closed."""
ABANDONED_S = 180.0
"""A call without a record of which nobody recorded anything for so long is over too: its segments are closed."""
HOME_WITHIN_S = 60.0
"""A leg whose tenant is not known waits so long for another leg of its call that knows."""
HOME_AGAIN_S = 1.0
"""How often it is asked for, when nothing else comes in meanwhile."""
RECORDINGS_BATCH = 20
RECORDINGS_TURN_S = 5.0
"""After so long no further segment is begun in one turn: records wait meanwhile, and so does the end of the process."""
LOOK_AT_ONCE = 200
"""Segments whose call's record is looked for with one query."""
UNREADABLE_FOR_S = 60.0
"""A segment the disk refused is left alone for so long."""

DatabaseAway = (OperationalError, InterfaceError)
"""The database cannot be reached, or refuses for now: everything is kept and tried again."""


class Shipper:
    """Ships one cell's files. `announce` is told of each record after its commit and may not raise."""

    def __init__(
        self,
        *,
        cdr_dir: Path,
        facts_dir: Path,
        states_dir: Path,
        recordings_dir: Path,
        database: Database,
        store: FileStore,
        announce: Callable[[Sequence[Ready]], None],
        meters: Meters,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.legs: Spool[Input] = Spool(cdr_dir, ".cdr.json", cdr.parse)
        self.facts: Spool[Input] = Spool(facts_dir, ".json", facts.parse)
        self.states: Spool[Input] = Spool(states_dir, ".json", state_facts.parse)
        self.spools = (self.legs, self.facts, self.states)
        self.recordings_dir = recordings_dir
        self.database = database
        self.store = store
        self.announce = announce
        self.meters = meters
        self.clock = clock
        # What follows only spares work: forgotten, everything is simply tried again.
        self._homeless: dict[Spool[Input], dict[str, float]] = {spool: {} for spool in self.spools}
        """Names of files that wait for a tenant, with when they were last tried."""
        self._left: set[str] | None = None
        """Legs and facts that were there when the last step ended."""
        self._caught_up = False
        """Whether the last step wrote all legs and facts that were there when it began."""
        self._unreadable: dict[Path, float] = {}
        """Segments the disk refused, with when they are tried again."""

    def step(self) -> int:
        """Write what is there, at most a batch of each kind; return how many files were dealt with.

        Those that go on waiting for a tenant are not counted, and keep no newer one waiting; no more does a file the
        disk refuses.

        Raises :data:`DatabaseAway` when the database is away, and ``OSError`` when a disk refuses more than a file:
        a folder, say, after the others had their turn.
        """
        self._caught_up = False
        done = 0
        refused: OSError | None = None
        # Facts after legs: a real record that is there as well makes them needless.
        for spool in self.spools:
            try:
                done += self._ship(spool)
            except OSError as error:
                refused = refused or error
        if refused is not None:
            raise refused
        self._note_what_is_left()
        self.meters.count("records", self.spools)
        self.meters.delay.set(self.clock())
        return done

    def _note_what_is_left(self) -> None:
        homeless = {name for spool in (self.legs, self.facts) for name in self._homeless[spool]}
        refused = self.legs.refused() | self.facts.refused()
        left = (self.legs.names() | self.facts.names()) - homeless - refused
        self._caught_up = not left if self._left is None else left.isdisjoint(self._left)
        self._left = left

    def _ship(self, spool: Spool[Input]) -> int:
        homeless = self._homeless[spool]
        done = self._ship_some(spool, spool.take(self.clock(), wanted=lambda name: name not in homeless))
        return done + self._ship_homeless(spool, at_once=bool(done))

    def _ship_homeless(self, spool: Spool[Input], *, at_once: bool) -> int:
        """Try again, at most a batch, those that were tried longest ago."""
        now_s = self.clock()
        homeless = self._homeless[spool]
        by_age = sorted(homeless, key=lambda name: homeless[name])
        due = {name for name in by_age[:BATCH] if at_once or abs(now_s - homeless[name]) >= HOME_AGAIN_S}
        if not due:
            return 0
        for name in due:
            del homeless[name]
        return self._ship_some(spool, spool.take(now_s, wanted=lambda name: name in due))

    def _ship_some(self, spool: Spool[Input], items: Sequence[Item[Input]]) -> int:
        """Return how many of `items` are dealt with."""
        if not items:
            return 0
        try:
            waiting = self._write(spool, items)
        except DatabaseAway:
            raise
        except (DBAPIError, ValueError, OverflowError):
            # One of them is at fault: alone, each shows whether it is the one.
            waiting = self._one_by_one(spool, items)
        return len(items) - waiting

    def _one_by_one(self, spool: Spool[Input], items: Sequence[Item[Input]]) -> int:
        waiting = 0
        for item in items:
            try:
                waiting += self._write(spool, [item])
            except DatabaseAway:
                raise
            except (DBAPIError, ValueError, OverflowError) as error:
                spool.put_aside(item.path, BAD, f"the database refuses it: {error}")
        return waiting

    def _write(self, spool: Spool[Input], items: Sequence[Item[Input]]) -> int:
        """Write `items` and remove their files; return how many go on waiting, for a tenant or for the disk."""
        outcome = ingest(self.database, [item.value for item in items])
        waiting = self._remove(spool, items, outcome)
        self.meters.records.inc(len(items) - len(outcome.homeless) - outcome.foreign)
        if outcome.ready:
            self.announce(outcome.ready)
        return waiting

    def _remove(self, spool: Spool[Input], items: Sequence[Item[Input]], outcome: Outcome) -> int:
        waiting = 0
        now_s = self.clock()
        for position, item in enumerate(items):
            if position not in outcome.homeless:
                waiting += not spool.remove(item.path)
            elif now_s - _ended_s(item.value) > HOME_WITHIN_S:
                spool.put_aside(item.path, HOMELESS, "no tenant is known for it")
            else:
                self._homeless[spool][item.path.name] = now_s
                waiting += 1
        return waiting

    def ship_recordings(self, limit: int = RECORDINGS_BATCH, turn_s: float = RECORDINGS_TURN_S) -> int:
        """Store closed segments, at most `limit` and none begun after `turn_s`; return how many were dealt with.

        Segments of calls without a record wait until the legs and facts that are there are written, so that after
        a time without the database records come first. A file the disk refuses is left for later. Raises as
        :meth:`step`.
        """
        done = 0
        until = time.monotonic() + turn_s
        for file in self._closed_segments():
            done += self._ship_recording(file)
            if done >= limit or time.monotonic() >= until:
                break
        return done

    def _closed_segments(self) -> Iterator[SegmentFile]:
        now_s = self.clock()
        files = recordings.listed(self.recordings_dir)
        there = {file.path for file in files}
        self._unreadable = {path: at for path, at in self._unreadable.items() if path in there}
        last_written: dict[tuple[int, str], float] = {}
        for file in files:
            call = (file.tenant_id, file.call_id)
            last_written[call] = max(last_written.get(call, 0.0), file.written_s)
        settled = [
            file
            for file in files
            if now_s - file.written_s >= SETTLED_S and now_s >= self._unreadable.get(file.path, 0.0)
        ]
        nothing_older = self._caught_up or not (self.legs.waiting() or self.facts.waiting())
        for first in range(0, len(settled), LOOK_AT_ONCE):
            some = settled[first : first + LOOK_AT_ONCE]
            over = recordings.with_record(self.database, some)
            for file in some:
                call = (file.tenant_id, file.call_id)
                if call in over or (nothing_older and now_s - last_written[call] >= ABANDONED_S):
                    yield file

    def _ship_recording(self, file: SegmentFile) -> int:
        """Return 1 when it was dealt with, 0 when it stays."""
        try:
            try:
                if recordings.ship(self.database, self.store, file, _now(self.clock)):
                    self.meters.recordings.inc()
            except (NotAWavError, LookupError) as error:
                self._put_recording_aside(file.path, str(error))
        except UnreadableError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return 0
            self._unreadable[file.path] = self.clock() + UNREADABLE_FOR_S
            logger.error("a recording waits", file=file.path.name, why=str(error), retry_s=UNREADABLE_FOR_S)
            return 0
        return 1

    def _put_recording_aside(self, path: Path, why: str) -> None:
        target = path.parent / BAD
        try:
            target.mkdir(exist_ok=True)
            (target / f"{path.name}.why").write_text(why + "\n")
            path.replace(target / path.name)
        except OSError as error:
            raise UnreadableError(str(error)) from error
        logger.error("a recording was put aside", file=path.name, why=why)


def _ended_s(value: Input) -> float:
    if isinstance(value, StateFact):
        return value.ended_ms / 1000
    return value.call.ended_ms / 1000 if isinstance(value, EndedFact) else value.ended_us / 1e6


def _now(clock: Callable[[], float]) -> datetime.datetime:
    return from_ms(int(clock() * 1000))


def audiences(ready: Ready) -> list[str]:
    """Return who hears of a record: who may see all or its queue, and who talked, or else whom nobody answered for."""
    people = (ready.agent_id,) if ready.agent_id else ready.offered_to
    queue = [supervisors_audience(ready.queue_id)] if ready.queue_id else []
    return [ADMIN, *map(agent_audience, people), *queue]


def live_data(ready: Ready) -> dict[str, Any]:
    """Return the data of the live event ``record.ready``."""
    return {
        "record_id": ready.record_id,
        "call_id": ready.call_id,
        "account_id": ready.agent_id,
        "state": ready.state.value,
    }
