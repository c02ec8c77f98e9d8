"""Reads the live events of companies that have some of their kinds told to others, and writes them to the outbox.

The position is kept in Redis beside the stream: what was read is written before the position moves, and written again
under its key after a crash, which does nothing. So each event is written at least once as far as the stream is kept,
and several readers do no harm.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import redis as redis_py
import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from core import keys
from core.clock import from_ms
from core.database import ALL_TENANTS, Database
from core.outbox import service
from core.outbox.kinds import LIVE, EventKind
from core.outbox.models import OutboxInterest
from core.redis import RedisError

logger = structlog.get_logger(__name__)

BLOCK_MS = 1000
BATCH = 200
INTERESTED_EVERY_S = 3.0
"""How often is looked who wants live events; a new wish is heard back to its beginning."""
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)

_COMMON = ("call_id", "leg_id", "account_id", "direction", "queue", "caller", "called")


class LiveReader:
    """One reader for all companies."""

    def __init__(self, database: Database, redis: redis_py.Redis, *, block_ms: int = BLOCK_MS) -> None:
        self._database = database
        self._redis = redis
        self._block_ms = block_ms
        self._since: dict[int, datetime.datetime] = {}
        self._looked_at = -INTERESTED_EVERY_S

    def run(self, stop: threading.Event, turned: Callable[[], None] = lambda: None) -> None:
        """Read until `stop`; `turned` is told of each turn that ended well."""
        failures = 0
        while not stop.is_set():
            try:
                self.step()
                turned()
                failures = 0
                if not self._since:
                    stop.wait(INTERESTED_EVERY_S)
            except (SQLAlchemyError, RedisError, OSError) as error:
                pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                logger.warning("live events wait", why=str(error).splitlines()[0], pause_s=pause_s)
                failures += 1
                stop.wait(pause_s)

    def step(self) -> int:
        """Read what came, waiting for it a little, and write what is wanted; return how many events were written.

        Raises ``SQLAlchemyError`` and ``RedisError``; nothing is lost then.
        """
        if time.monotonic() - self._looked_at >= INTERESTED_EVERY_S:
            self._since = self._interested()
            self._looked_at = time.monotonic()
        if not self._since:
            return 0
        tenants = {keys.live(tenant_id).encode(): tenant_id for tenant_id in self._since}
        answer: Any = self._redis.xread(self._positions(), count=BATCH, block=self._block_ms)
        written = 0
        for name, entries in answer or ():
            tenant_id = tenants[name]
            written += self._write(tenant_id, entries)
            self._redis.set(keys.outbox_position(tenant_id), entries[-1][0])
        return written

    def _interested(self) -> dict[int, datetime.datetime]:
        query = (
            select(OutboxInterest.tenant_id, func.min(OutboxInterest.since))
            .where(OutboxInterest.kind.in_([kind.value for kind in LIVE]))
            .group_by(OutboxInterest.tenant_id)
        )
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def _positions(self) -> dict[Any, Any]:
        """Return where each stream is read on: after the last position, and not before the company's wish."""
        tenants = list(self._since)
        kept: Any = self._redis.mget([keys.outbox_position(tenant_id) for tenant_id in tenants])
        found: dict[Any, Any] = {}
        for tenant_id, position in zip(tenants, kept, strict=True):
            begun_ms = int(self._since[tenant_id].timestamp() * 1000)
            at = position.decode() if position else "0-0"
            found[keys.live(tenant_id)] = at if int(at.partition("-")[0]) >= begun_ms else f"{begun_ms}-0"
        return found

    def _write(self, tenant_id: int, entries: Iterable[Any]) -> int:
        events = [
            (from_ms(int(position.partition(b"-")[0])), made)
            for position, fields in entries
            if (made := event_of(fields.get(b"type", b"").decode(), fields.get(b"data", b"{}"))) is not None
        ]
        if not events:
            return 0
        with self._database.transaction(tenant_id) as session:
            count = sum(
                service.say(session, kind, body, key[:100], at=at) for at, (kind, key, body) in events
            )
            session.commit()
        return count


def event_of(kind: str, wire: bytes) -> tuple[EventKind, str, dict[str, Any]] | None:
    """Return kind, key and body of the event a live event is told as; None for one that is not told."""
    if kind not in ("agent.state", "call.offered", "call.talking"):
        return None
    data: Mapping[str, Any] = msgspec.json.decode(wire)
    if kind == "agent.state":
        body = {
            **_of(data, ("account_id", "name", "extension", "endpoint", "state", "reason", "next_state")),
            "since": from_ms(int(data.get("since_ms", 0))),
        }
        # One state is pushed to pages several times (registered, next state …): told once.
        key = f"agent.state:{data.get('account_id')}:{data.get('since_ms')}:{data.get('state')}"
        return EventKind.AGENT_STATE, key, body
    body = _of(data, _COMMON)
    if kind == "call.offered":
        body |= _of(data, ("queue_id", "waited_ms", "missed"))
        return EventKind.CALL_OFFERED, f"call.offered:{data.get('leg_id')}", body
    body["talk_at"] = from_ms(int(data.get("started_ms", 0)))
    return EventKind.CALL_ANSWERED, f"call.answered:{data.get('leg_id')}", body


def _of(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}
