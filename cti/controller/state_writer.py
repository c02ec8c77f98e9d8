"""Writes what screens and other processes read (call states, live events) without any call waiting for Redis.

Call states are coalesced: only the newest of a call is written. Live events keep their order; when Redis is away they
are dropped, and pages that lost events load a fresh snapshot because the stream's position is gone or has a gap.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import gevent
import gevent.event
import msgspec
import structlog

from core import keys
from cti.call.model import Call, encode
from cti.controller.redis_guard import RedisAwayError, RedisGuard

log = structlog.get_logger(__name__)

MAX_EVENTS = 20_000
CALL_TTL_S = 86_400
ENDED_TTL_S = 60
"""How long after its end a call's state can be read, while the shipper writes the record."""


class StateWriter:
    """One greenlet that carries changes to Redis in pipelines."""

    def __init__(self, redis: RedisGuard) -> None:
        self._redis = redis
        self._states: dict[str, tuple[int, bytes, bool]] = {}
        self._events: deque[tuple[int, str, str, bytes]] = deque(maxlen=MAX_EVENTS)
        self._wake = gevent.event.Event()
        self._greenlet: gevent.Greenlet | None = None
        self.dropped = 0

    def start(self) -> None:
        """Start writing."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Write what is left and stop."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._flush()

    def state(self, call: Call) -> None:
        """Have the call's state written."""
        self._states[call.id] = (call.tenant_id, encode(call), True)
        self._wake.set()

    def forget(self, call: Call) -> None:
        """Have the call's state removed: it is over."""
        self._states[call.id] = (call.tenant_id, encode(call), False)
        self._wake.set()

    def wake(self) -> None:
        """Write what could not be written before (Redis is back)."""
        self._wake.set()

    def event(self, tenant_id: int, audience: tuple[str, ...], kind: str, data: dict[str, Any]) -> None:
        """Have a live event appended to the tenant's stream."""
        self._events.append((tenant_id, ",".join(audience), kind, msgspec.json.encode(data)))
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            try:
                self._flush()
            except Exception:
                log.exception("state_writer_failed")

    def _flush(self) -> None:
        states, self._states = self._states, {}
        events = list(self._events)
        self._events.clear()
        if not states and not events:
            return
        try:
            self._redis.run(lambda client: self._write(client, states, events))
        except RedisAwayError:
            self.dropped += len(events)
            for call_id, state in states.items():
                self._states.setdefault(call_id, state)

    @staticmethod
    def _write(client: Any, states: dict[str, tuple[int, bytes, bool]], events: list[Any]) -> None:
        pipeline = client.pipeline(transaction=False)
        # States first: a page that reads the stream's position and then the state misses nothing.
        for call_id, (tenant_id, state, up) in states.items():
            if up:
                pipeline.set(keys.call(tenant_id, call_id), state, ex=CALL_TTL_S)
                pipeline.sadd(keys.calls(tenant_id), call_id)
            else:
                pipeline.set(keys.ended_call(tenant_id, call_id), state, ex=ENDED_TTL_S)
                pipeline.delete(keys.call(tenant_id, call_id))
                pipeline.srem(keys.calls(tenant_id), call_id)
        for tenant_id, audience, kind, data in events:
            fields = {"aud": audience, "type": kind, "data": data}
            pipeline.xadd(keys.live(tenant_id), fields, maxlen=keys.LIVE_MAXLEN, approximate=True)
        # Who watches all tenants reads those whose count changed.
        for tenant_id in {state[0] for state in states.values()} | {event[0] for event in events}:
            pipeline.zincrby(keys.live_changes(), 1, str(tenant_id))
        pipeline.execute()
