"""The shipper's work, one step at a time: records, facts and recordings from the cell's disk into database and store.

It holds nothing in memory that matters: what is on the disk is still to do, what was committed is done. So it may be
killed anywhere, run twice over the same files, and wait as long as the database is away.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from core.bus import ADMIN, agent_audience, supervisors_audience
from core.clock import from_ms
from core.database import Database
from core.store import FileStore
from cti.records import cdr, facts, recordings, states
from cti.records.facts import EndedFact
from cti.records.service import Input, Outcome, Ready, ingest
from cti.records.spool import BAD, HOMELESS, Item, Spool
from cti.records.states import StateFact
from cti.records.wav import NotAWavError

logger = structlog.get_logger(__name__)

SETTLED_S = 2.0
"""A segment of a finished call to which nobody wrote for so long is closed."""
ABANDONED_S = 180.0
"""A segment of a call without a record to which nobody wrote for so long is closed too."""
HOME_WITHIN_S = 60.0
"""A leg whose tenant is not known waits so long for another leg of its call that knows."""

DatabaseAway = (OperationalError, InterfaceError)
"""The database cannot be reached, or refuses for now: everything is kept and tried again."""


@dataclasses.dataclass(frozen=True)
class Meters:
    """What the shipper counts."""

    records: Counter
    bad: Gauge
    waiting: Gauge
    recordings: Counter
    delay: Gauge

    @classmethod
    def make(cls, registry: CollectorRegistry) -> Meters:
        """Return the meters, registered."""
        return cls(
            records=Counter("zongji_records", "Records of legs and facts written.", registry=registry),
            bad=Gauge("zongji_records_put_aside", "Files nobody can read, put aside.", registry=registry),
            waiting=Gauge("zongji_records_waiting", "Files waiting to be written.", registry=registry),
            recordings=Counter("zongji_recordings", "Recorded segments stored.", registry=registry),
            delay=Gauge(
                "zongji_shipper_last_success", "When a step last ended well, epoch.", registry=registry
            ),
        )


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
        self.states: Spool[Input] = Spool(states_dir, ".json", states.parse)
        self.spools = (self.legs, self.facts, self.states)
        self.recordings_dir = recordings_dir
        self.database = database
        self.store = store
        self.announce = announce
        self.meters = meters
        self.clock = clock

    def step(self) -> int:
        """Write what is there, at most a batch of each kind; return how many files were dealt with.

        Raises :data:`DatabaseAway` when the database is away, and ``OSError`` when a disk refuses.
        """
        # Facts after legs: a real record that is there as well makes them needless.
        done = sum(self._ship(spool) for spool in self.spools)
        self.meters.waiting.set(sum(spool.waiting() for spool in self.spools))
        aside = (spool.aside(where) for spool in self.spools for where in (BAD, HOMELESS))
        self.meters.bad.set(sum(aside))
        self.meters.delay.set(self.clock())
        return done

    def _ship(self, spool: Spool[Input]) -> int:
        items = spool.take(self.clock())
        if not items:
            return 0
        try:
            self._write(spool, items)
        except DatabaseAway:
            raise
        except (DBAPIError, ValueError, OverflowError):
            # One of them is at fault: alone, each shows whether it is the one.
            self._one_by_one(spool, items)
        return len(items)

    def _one_by_one(self, spool: Spool[Input], items: Sequence[Item[Input]]) -> None:
        for item in items:
            try:
                self._write(spool, [item])
            except DatabaseAway:
                raise
            except (DBAPIError, ValueError, OverflowError) as error:
                spool.put_aside(item.path, BAD, f"the database refuses it: {error}")

    def _write(self, spool: Spool[Input], items: Sequence[Item[Input]]) -> None:
        outcome = ingest(self.database, [item.value for item in items])
        self._remove(spool, items, outcome)
        self.meters.records.inc(len(items) - len(outcome.homeless) - outcome.foreign)
        if outcome.ready:
            self.announce(outcome.ready)

    def _remove(self, spool: Spool[Input], items: Sequence[Item[Input]], outcome: Outcome) -> None:
        for position, item in enumerate(items):
            if position not in outcome.homeless:
                item.path.unlink(missing_ok=True)
            elif self.clock() - _ended_s(item.value) > HOME_WITHIN_S:
                spool.put_aside(item.path, HOMELESS, "no tenant is known for it")

    def ship_recordings(self) -> int:
        """Store closed segments; return how many files were dealt with. Raises as :meth:`step`."""
        done = 0
        for path in sorted(self.recordings_dir.glob("*/*.wav")):
            file = recordings.recognise(path)
            if file is None:
                continue
            try:
                idle_s = self.clock() - path.stat().st_mtime
                if idle_s < SETTLED_S or (
                    idle_s < ABANDONED_S and not recordings.is_over(self.database, file)
                ):
                    continue
                if recordings.ship(self.database, self.store, file, _now(self.clock)):
                    self.meters.recordings.inc()
                done += 1
            except FileNotFoundError:
                continue
            except (NotAWavError, LookupError) as error:
                self._put_recording_aside(path, str(error))
        return done

    def _put_recording_aside(self, path: Path, why: str) -> None:
        target = path.parent / BAD
        target.mkdir(exist_ok=True)
        (target / f"{path.name}.why").write_text(why + "\n")
        path.replace(target / path.name)
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
