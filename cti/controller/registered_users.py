"""Who is registered at this cell's switch, kept in Redis for screens (CTI-E1); calls never read it there."""

from __future__ import annotations

from typing import Any

from core import keys
from core.clock import now_ms
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.registrations import Registrations


class RegisteredUsers:
    """Writes what changed since the last time; everything anew after Redis was emptied, and at the beginning."""

    def __init__(self, registrations: Registrations, redis: RedisGuard, cell: str) -> None:
        self._registrations = registrations
        self._redis = redis
        self._key = keys.registrations(cell)
        self._written: frozenset[str] | None = None

    def forgotten(self) -> None:
        """Take it that Redis has nothing of it any more."""
        self._written = None

    def settle(self) -> None:
        """Make Redis say what the switch said last; when Redis is away, the next time does."""
        if not self._registrations.known:
            return
        users, before = self._registrations.users(), self._written
        if users == before:
            return
        try:
            self._redis.run(lambda client: self._write(client, users, before))
        except RedisAwayError:
            return
        self._written = users

    def _write(self, client: Any, users: frozenset[str], before: frozenset[str] | None) -> None:
        new, gone = users - (before or frozenset()), (before or frozenset()) - users
        pipeline = client.pipeline(transaction=True)
        if before is None:
            pipeline.delete(self._key)
        if gone:
            pipeline.hdel(self._key, *gone)
        if new:
            pipeline.hset(self._key, mapping=dict.fromkeys(new, now_ms()))
        pipeline.execute()
