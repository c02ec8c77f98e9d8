"""Hands waiting short messages over to whatever carries them; runs in the scheduler, beside others of its kind.

A message is handed over at most once, unless the service promises that a second time does nothing
(:attr:`core.messages.TextSender.repeats_safely`). Before it is handed over the row says so, with an instant until which
the attempt is somebody's; how it ended is written afterwards. Whoever dies in between leaves a row whose time is up:
nobody knows then whether the message was taken, so it becomes *unknown* and is shown as that. To send it again might
send it twice; the person who reads the list can tell what is worse. A service that was certainly not reached is tried
again.
"""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from core.database import ALL_TENANTS, Database, TenantSession
from core.messages import Handover, ServiceAwayError, TextRefusedError, TextSender
from core.models import Tenant, TenantState
from core.tables import utc_now
from sms.models import SmsMessage, SmsState
from sms.outbox import SUSPENDED

logger = structlog.get_logger(__name__)

LEASE = datetime.timedelta(seconds=120)
"""An attempt that has not been written down for so long is nobody's any more; far longer than one takes."""
BACKOFF_S = (5.0, 30.0, 120.0, 600.0, 1800.0)
"""Pauses after the first, second … time the service was away; about 43 minutes in all."""
IDLE_S = 0.5
DATABASE_BACKOFF_S = (0.5, 1.0, 2.0, 5.0)
BATCH = 50

NOT_CONNECTED = "not-connected"
AWAY = "service-away"
LOST = "lost"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """An attempt that is ours."""

    id: int
    tenant_id: int
    attempt: int
    key: str
    mobile: str
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """How an attempt ended."""

    state: SmsState
    reason: str = ""
    pause_s: float = 0.0
    """With ``WAITING``: until the next attempt."""


class Sending:
    """Hands over what is due. `now` is an argument for tests."""

    def __init__(
        self,
        database: Database,
        sender: TextSender,
        registry: CollectorRegistry,
        *,
        now: Callable[[], datetime.datetime] = utc_now,
    ) -> None:
        self._database = database
        self._sender = sender
        self._now = now
        self._ended = Counter("zongji_sms_total", "Attempts at short messages.", ["state"], registry=registry)

    def run(self, stop: threading.Event, turned: Callable[[], None] = lambda: None) -> None:
        """Hand over until `stop`, telling `turned` of each turn that ended well; an attempt under way is finished."""
        failures = 0
        while not stop.is_set():
            try:
                done = self.step(stop)
            except SQLAlchemyError as error:
                pause_s = DATABASE_BACKOFF_S[min(failures, len(DATABASE_BACKOFF_S) - 1)]
                logger.warning("short messages wait", why=str(error).splitlines()[0], pause_s=pause_s)
                failures += 1
                stop.wait(pause_s)
                continue
            failures = 0
            turned()
            if not done:
                stop.wait(IDLE_S)

    def step(self, stop: threading.Event | None = None) -> int:
        """Settle what nobody will end any more and hand over what is due, at most a batch; return how much was done.

        Raises ``SQLAlchemyError``.
        """
        done = self._settle_lost()
        for message_id in self._due():
            if stop is not None and stop.is_set():
                break
            claim = self._claim(message_id)
            if claim is not None:
                self._finish(claim, self._hand_over(claim))
                done += 1
        return done

    def _settle_lost(self) -> int:
        """Deal with attempts whose time is up."""
        now = self._now()
        safe = self._sender.repeats_safely
        values: dict[str, Any] = (
            {"state": SmsState.WAITING, "next_at": now}
            if safe
            else {"state": SmsState.UNKNOWN, "reason": LOST, "next_at": None, "ended_at": now}
        )
        lost = (SmsMessage.state == SmsState.HANDING_OVER, SmsMessage.next_at <= now)
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            ids = list(session.scalars(select(SmsMessage.id).where(*lost).limit(BATCH)))
        if not ids:
            return 0
        with self._database.transaction(ALL_TENANTS) as session:
            count = _changed(
                session, update(SmsMessage).where(SmsMessage.id.in_(ids), *lost).values(**values)
            )
            session.commit()
        if count and not safe:
            logger.warning("short messages whose fate nobody knows", count=count)
            self._ended.labels(SmsState.UNKNOWN.value).inc(count)
        return count

    def _due(self) -> list[int]:
        query = (
            select(SmsMessage.id)
            .where(SmsMessage.state == SmsState.WAITING, SmsMessage.next_at <= self._now())
            .order_by(SmsMessage.next_at, SmsMessage.id)
            .limit(BATCH)
        )
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            return list(session.scalars(query))

    def _claim(self, message_id: int) -> Claim | None:
        """Take the next attempt of a due message; None when another was quicker, or its company is suspended."""
        now = self._now()
        due = (
            SmsMessage.id == message_id,
            SmsMessage.state == SmsState.WAITING,
            SmsMessage.next_at <= now,
        )
        with self._database.transaction(ALL_TENANTS) as session:
            row = session.get(SmsMessage, message_id)
            if row is None:
                return None
            tenant = session.get_one(Tenant, row.tenant_id)
            if tenant.state is not TenantState.ACTIVE:
                refused = {"state": SmsState.REFUSED, "reason": SUSPENDED, "next_at": None, "ended_at": now}
                _changed(session, update(SmsMessage).where(*due).values(**refused))
                session.commit()
                return None
            taken = _changed(
                session,
                update(SmsMessage)
                .where(*due, SmsMessage.attempts == row.attempts)
                .values(state=SmsState.HANDING_OVER, attempts=row.attempts + 1, next_at=now + LEASE),
            )
            claim = Claim(
                id=row.id,
                tenant_id=row.tenant_id,
                attempt=row.attempts + 1,
                key=f"{row.tenant_id}:{row.key}",
                mobile=row.mobile,
                text=row.text,
            )
            session.commit()
        return claim if taken else None

    def _hand_over(self, claim: Claim) -> End:
        try:
            taken = self._sender.send_text(claim.tenant_id, claim.mobile, claim.text, key=claim.key)
        except TextRefusedError as error:
            return End(state=SmsState.FAILED, reason=str(error)[:64])
        except ServiceAwayError:
            if claim.attempt > len(BACKOFF_S):
                return End(state=SmsState.FAILED, reason=AWAY)
            return End(state=SmsState.WAITING, reason=AWAY, pause_s=BACKOFF_S[claim.attempt - 1])
        except Exception:
            logger.exception("a short message may have been sent or not", message=claim.id)
            if self._sender.repeats_safely and claim.attempt <= len(BACKOFF_S):
                return End(state=SmsState.WAITING, reason=AWAY, pause_s=BACKOFF_S[claim.attempt - 1])
            return End(state=SmsState.UNKNOWN, reason=LOST)
        if taken is Handover.NOT_CONNECTED:
            return End(state=SmsState.NOT_SENT, reason=NOT_CONNECTED)
        return End(state=SmsState.HANDED_OVER)

    def _finish(self, claim: Claim, end: End) -> None:
        """Write how an attempt ended, also when its time was up meanwhile: then too it is what is known of it."""
        now = self._now()
        waits = end.state is SmsState.WAITING
        ours = or_(
            SmsMessage.state == SmsState.HANDING_OVER,
            (SmsMessage.state == SmsState.UNKNOWN) & (SmsMessage.reason == LOST),
        )
        with self._database.transaction(ALL_TENANTS) as session:
            _changed(
                session,
                update(SmsMessage)
                .where(SmsMessage.id == claim.id, SmsMessage.attempts == claim.attempt, ours)
                .values(
                    state=end.state,
                    reason=end.reason,
                    next_at=now + datetime.timedelta(seconds=end.pause_s) if waits else None,
                    ended_at=None if waits else now,
                ),
            )
            session.commit()
        self._ended.labels(end.state.value).inc()


def _changed(session: TenantSession, statement: Any) -> int:
    done = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(done, CursorResult)
    return done.rowcount
