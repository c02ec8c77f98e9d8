"""Sends what is due, many at once: some places for each endpoint, so that a slow one holds up nobody but itself.

Runs beside others of its kind, in threads of the scheduler. What it does is on record before it is done, so it may be
killed anywhere.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from admin_web.webhooks import deliveries, health
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from core.crypto import Vault
from core.database import ALL_TENANTS, Database
from core.outbound_http import Outbound
from core.outbox.models import OutboxEvent
from core.outbox.service import KEPT
from core.tables import utc_now

logger = structlog.get_logger(__name__)

AT_ONCE = 16
"""Deliveries under way in one process."""
PER_ENDPOINT = 4
"""Of them to one endpoint; one whose deliveries fail gets a single one, as it may take its whole time."""
FAILING_AT_ONCE = AT_ONCE // 2
"""Of them to endpoints that fail: the other half is for those that answer."""
IDLE_S = 0.5
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)
MEASURE_EVERY_S = 15.0
STOP_WITHIN_S = 4.0
"""How long attempts under way may take when the process is told to stop; the rest is sent again."""
_PRUNE_ROWS = 500


@dataclasses.dataclass(frozen=True)
class Meters:
    """What is counted."""

    attempts: Counter
    waiting: Gauge
    late: Gauge
    failed: Gauge
    events: Gauge

    @classmethod
    def make(cls, registry: CollectorRegistry) -> Meters:
        """Return the meters, registered."""
        return cls(
            Counter("zongji_webhook_attempts_total", "Attempts ended.", ["how"], registry=registry),
            Gauge("zongji_webhook_pending", "Deliveries not made yet.", registry=registry),
            Gauge(
                "zongji_webhook_late_seconds", "How long the longest due delivery waits.", registry=registry
            ),
            Gauge("zongji_webhook_failed", "Deliveries given up, of the last week.", registry=registry),
            Gauge("zongji_outbox_waiting", "Events not handed over yet.", registry=registry),
        )


class Deliverer:
    """Hands events over to endpoints. `now` and `chance` are arguments for tests."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        outbound: Outbound,
        meters: Meters,
        *,
        now: Callable[[], datetime.datetime] = utc_now,
        chance: random.Random | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._outbound = outbound
        self._meters = meters
        self._now = now
        self._chance = chance or random.SystemRandom()
        self._lock = threading.Condition()
        self._busy: Tally[int] = Tally()
        self._ended = 0
        """Attempts of this process that ended."""
        self._ended_before = 0
        """Of them, those whose places the last step knew to be free."""
        self._failing: set[int] = set()

    def run(self, stop: threading.Event, turned: Callable[[], None] = lambda: None) -> None:
        """Deliver until `stop`, telling `turned` of each turn that ended well; attempts under way get a little time."""
        failures, measured_at = 0, 0.0
        while not stop.is_set():
            try:
                done = self.step()
                if time.monotonic() - measured_at > MEASURE_EVERY_S:
                    self.measure()
                    measured_at = time.monotonic()
            except SQLAlchemyError as error:
                pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                logger.warning("webhooks wait", why=str(error).splitlines()[0], pause_s=pause_s)
                failures += 1
                stop.wait(pause_s)
                continue
            failures = 0
            turned()
            if not done and not self._await_end():
                stop.wait(IDLE_S)
        self.settle(STOP_WITHIN_S)

    def step(self) -> int:
        """Hand over waiting events and begin what is due; return how much was done. Raises ``SQLAlchemyError``."""
        done = deliveries.fan_out(self._database, self._now())
        self._failing = self._failing_endpoints()
        free, room, failing_room = self._room()
        if not free:
            return done
        for delivery_id, endpoint_id in deliveries.due(self._database, self._now(), room, PER_ENDPOINT):
            if not free:
                break
            if endpoint_id in self._failing:
                if failing_room <= 0:
                    continue
                failing_room -= 1
            claimed = deliveries.claim(self._database, self._vault, delivery_id, self._now())
            if claimed is None:
                continue
            free -= 1
            self._begin(claimed)
            done += 1
        return done

    def settle(self, within_s: float) -> bool:
        """Wait until nothing is under way; return whether that came true."""
        with self._lock:
            return self._lock.wait_for(lambda: self._busy.total() == 0, within_s)

    def _await_end(self) -> bool:
        """Wait, at most :data:`IDLE_S`, until an attempt ends that the last step took for under way; one that ended
        since counts. Return whether there was one: without, False at once.
        """
        with self._lock:
            if not self._busy.total() and self._ended == self._ended_before:
                return False
            self._lock.wait_for(lambda: self._ended != self._ended_before, IDLE_S)
            return True

    def measure(self) -> None:
        """Bring the gauges up to date."""
        pending = WebhookDelivery.state == DeliveryState.PENDING
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            count, first = session.execute(
                select(func.count(), func.min(WebhookDelivery.next_at)).where(pending)
            ).one()
            failed = session.scalar(select(func.count()).where(WebhookDelivery.state == DeliveryState.FAILED))
            events = session.scalar(select(func.count()).where(OutboxEvent.done_at.is_(None)))
        self._meters.waiting.set(count)
        self._meters.late.set(max(0.0, (self._now() - first).total_seconds()) if first else 0)
        self._meters.failed.set(failed or 0)
        self._meters.events.set(events or 0)

    def _failing_endpoints(self) -> set[int]:
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            return set(
                session.scalars(select(WebhookEndpoint.id).where(WebhookEndpoint.failing_since.is_not(None)))
            )

    def _room(self) -> tuple[int, dict[int, int], int]:
        """Return free places in all, of endpoints that have not :data:`PER_ENDPOINT`, and of failing ones."""
        with self._lock:
            self._ended_before = self._ended
            free = AT_ONCE - self._busy.total()
            room = {endpoint: PER_ENDPOINT - count for endpoint, count in self._busy.items()}
            failing_busy = sum(count for endpoint, count in self._busy.items() if endpoint in self._failing)
            left = FAILING_AT_ONCE - failing_busy
            for endpoint in self._failing:
                room[endpoint] = 1 - self._busy[endpoint] if left > 0 else 0
            return free, room, left

    def _begin(self, claimed: deliveries.Claim) -> None:
        with self._lock:
            self._busy[claimed.endpoint_id] += 1
        thread = threading.Thread(
            target=self._carry_out, args=(claimed,), name=f"webhook-{claimed.delivery_id}", daemon=True
        )
        thread.start()

    def _carry_out(self, claimed: deliveries.Claim) -> None:
        try:
            how = self.attempt(claimed)
            self._meters.attempts.labels(how).inc()
        except SQLAlchemyError as error:
            # It counts as lost and is sent again under the same id.
            logger.warning("a delivery was not written down", why=str(error).splitlines()[0])
        except Exception:
            logger.exception("a delivery failed", delivery=claimed.delivery_id)
        finally:
            with self._lock:
                self._busy[claimed.endpoint_id] -= 1
                self._busy += Tally()  # forgets those without any
                self._ended += 1
                self._lock.notify_all()

    def attempt(self, claimed: deliveries.Claim) -> str:
        """Send a claimed attempt, write down how it ended, and return that in a word."""
        result = deliveries.send(self._outbound, claimed, self._now())
        now = self._now()
        if not deliveries.finish(self._database, claimed, result, now, self._chance):
            return "late"
        why = health.note(self._database, claimed, result, now)
        if why:
            logger.warning(
                "webhook switched off", tenant=claimed.tenant_id, endpoint=claimed.endpoint_id, why=why
            )
        return "delivered" if result.ok else "failed"


def prune(database: Database, now: datetime.datetime) -> int:
    """Remove events everybody had a week ago, with their deliveries; return how many events."""
    old = (
        select(OutboxEvent.id)
        .where(OutboxEvent.done_at < now - KEPT)
        .order_by(OutboxEvent.done_at)
        .limit(_PRUNE_ROWS)
    )
    removed = 0
    while True:
        with database.transaction(ALL_TENANTS) as session:
            ids = list(session.scalars(old))
            if not ids:
                return removed
            for model, column in ((WebhookDelivery, WebhookDelivery.event_id), (OutboxEvent, OutboxEvent.id)):
                session.execute(
                    delete(model).where(column.in_(ids)).execution_options(synchronize_session=False)
                )
            session.commit()
        removed += len(ids)
