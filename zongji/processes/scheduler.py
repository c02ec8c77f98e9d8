"""Runs the scheduler: background jobs (imports, exports), and what is done from time to time (APScheduler).

Any number of schedulers may run, on any host that has the file store: a job is claimed by one, and periodic work
bears being done twice.
"""

from __future__ import annotations

import datetime
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy.exc import SQLAlchemyError

from core import redis as redis_clients
from core.database import Database
from core.jobs.worker import Meters, Worker
from core.metrics import make_registry
from core.sessions import Sessions
from core.settings import Settings
from core.store import FileStore
from zongji import jobs
from zongji.jobs import Loop, Periodic
from zongji.processes.start import begin
from zongji.processes.status_page import serve
from zongji.version import version

logger = structlog.get_logger(__name__)

IDLE_S = 0.5
"""Pause between looks for a job: most of the time from a click to the first sign of progress."""
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)
"""Pauses while the database refuses; the last one is repeated."""
UNWELL_AFTER_S = 60.0
STOP_WITHIN_S = 8.0
"""How long jobs under way may take to their next piece when told to stop; then they are left to be taken over."""


class Scheduler:
    """The process's life: workers that look for jobs, and the clockwork beside them."""

    def __init__(self, settings: Settings) -> None:
        self.stop = threading.Event()
        self.database = Database.from_settings(settings)
        self.store = FileStore(settings.store_dir)
        self.redis = redis_clients.from_settings(settings, reply_timeout_s=2.0)
        self.registry = make_registry("scheduler", version())
        sessions = Sessions(self.database, self.redis, idle_timeout_s=settings.idle_timeout_s)
        meters = Meters.make(self.registry)
        self.workers = [
            Worker(
                self.database,
                self.store,
                jobs.kinds(settings, self.redis, sessions),
                lease_s=settings.job_lease_s,
                files_days=settings.job_files_days,
                meters=meters,
            )
            for _ in range(settings.job_workers)
        ]
        self._well_at = dict.fromkeys(range(len(self.workers)), time.monotonic())
        self._busy: set[int] = set()
        self._turns = Turns(self.registry)
        self._clockwork = clockwork(
            jobs.periodic(settings, self.database, self.store, self.redis), self.registry, self._turns
        )
        self._loops = jobs.loops(settings, self.database, self.redis, self.registry)
        self.page = serve(settings.scheduler_metrics_port, self.registry, self.problem)

    def run(self) -> None:
        """Work until told to stop."""
        self._clockwork.start()
        threads = [
            threading.Thread(target=self._work, args=(number,), name=f"worker-{number}", daemon=True)
            for number in range(len(self.workers))
        ]
        threads += [
            threading.Thread(target=self._go_on, args=(loop,), name=loop.name, daemon=True)
            for loop in self._loops
        ]
        for thread in threads:
            thread.start()
        self.stop.wait()
        self._clockwork.shutdown(wait=False)
        deadline = time.monotonic() + STOP_WITHIN_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.page.shutdown()
        self.database.dispose()

    def _go_on(self, loop: Loop) -> None:
        """Run `loop` until the end; what it does not expect is logged, and it begins again."""
        turned = self._turns.expected(loop.name, UNWELL_AFTER_S)
        while not self.stop.is_set():
            try:
                loop.run(self.stop, turned)
            except Exception:
                logger.exception("a loop failed", name=loop.name)
                self.stop.wait(BACKOFF_S[-1])

    def problem(self) -> str:
        """Return why the process is unwell, or ``""``: a worker without a job that gets no answer for long."""
        silent_s = max(
            (time.monotonic() - at for number, at in self._well_at.items() if number not in self._busy),
            default=0.0,
        )
        return (
            f"no look for jobs has ended well for {silent_s:.0f} seconds" if silent_s > UNWELL_AFTER_S else ""
        )

    def _work(self, number: int) -> None:
        failures = 0
        while not self.stop.is_set():
            try:
                self._busy.add(number)
                found = self.workers[number].step()
            except (SQLAlchemyError, OSError) as error:
                pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                logger.warning("jobs wait", why=str(error).splitlines()[0], pause_s=pause_s)
                failures += 1
                self._busy.discard(number)
                self.stop.wait(pause_s)
                continue
            failures = 0
            self._busy.discard(number)
            self._well_at[number] = time.monotonic()
            if not found:
                self.stop.wait(IDLE_S)


class Turns:
    """When each thing that is done again and again last ended well, for the page of the platform's health."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._at = Gauge(
            "zongji_scheduler_turn_timestamp_seconds", "When it last ended well.", ["name"], registry=registry
        )
        self._late = Gauge(
            "zongji_scheduler_turn_late_seconds", "Age of it that is too much.", ["name"], registry=registry
        )

    def expected(self, name: str, late_s: float) -> Callable[[], None]:
        """Expect `name` to end well within `late_s` again and again; return what to call when it did."""
        self._late.labels(name).set(late_s)
        return self._at.labels(name).set_to_current_time


def clockwork(works: Sequence[Periodic], registry: CollectorRegistry, turns: Turns) -> BackgroundScheduler:
    """Return an APScheduler that does `works`, each at once and then at its interval; not started yet.

    A failure is logged and counted, and tried again at the next turn.
    """
    failed = Counter(
        "zongji_periodic_failed_total", "Periodic work that failed.", ["name"], registry=registry
    )
    made = BackgroundScheduler(timezone=datetime.UTC, daemon=True)

    def guarded(work: Periodic, turned: Callable[[], None]) -> None:
        try:
            work.run()
            turned()
        except Exception:
            failed.labels(work.name).inc()
            logger.exception("periodic work failed", name=work.name)

    for work in works:
        failed.labels(work.name)
        made.add_job(
            guarded,
            "interval",
            args=[work, turns.expected(work.name, 2 * work.every_s + UNWELL_AFTER_S)],
            seconds=work.every_s,
            id=work.name,
            next_run_time=datetime.datetime.now(datetime.UTC),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    return made


def main() -> None:
    """Work until told to stop."""
    settings = begin("scheduler")
    try:
        scheduler = Scheduler(settings)
    except OSError as error:
        sys.exit(
            f"TCP port {settings.scheduler_metrics_port} (ZONGJI_SCHEDULER_METRICS_PORT) cannot be opened: {error}"
        )

    def stop(number: int, frame: FrameType | None) -> None:
        scheduler.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    scheduler.run()
