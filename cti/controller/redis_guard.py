"""Redis for the controller: never waits long, and says plainly when Redis is away.

A frozen or dead Redis costs each caller of :meth:`RedisGuard.run` at most one time-out; after the first failure every
further use fails at once until a probe answers again. Calls go on meanwhile; what they changed is republished.

Users take turns: when hundreds ask in one moment (an audit of all waiting calls), the last ones wait for the others,
and that is no sign of a server that is away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import gevent
import structlog
from gevent.lock import BoundedSemaphore

from core.redis import RedisError, RedisUnavailable

log = structlog.get_logger(__name__)
T = TypeVar("T")

PROBE_S = 0.25
TURNS: Final = 32
"""Uses at a time, fewer than the client has connections."""


class RedisAwayError(Exception):
    """Redis could not be asked; nothing is known of what it did with the request."""


class RedisGuard:
    """One Redis client with a circuit breaker. `on_back` is called in a new greenlet when Redis answers again."""

    def __init__(self, client: Any, on_back: Callable[[], None]) -> None:
        self.client = client
        self.up = True
        self._turns = BoundedSemaphore(TURNS)
        self._on_back = on_back

    def run(self, action: Callable[[Any], T]) -> T:
        """Return what `action` returns. Raises :class:`RedisAwayError` when Redis is away."""
        self._require_up()
        with self._turns:
            self._require_up()  # it may have been lost while others had their turn
            return self._run(action)

    def _require_up(self) -> None:
        if not self.up:
            raise RedisAwayError("redis is away")

    def _run(self, action: Callable[[Any], T]) -> T:
        try:
            return action(self.client)
        except RedisUnavailable as error:
            self._lost(str(error))
            raise RedisAwayError(str(error)) from error
        except RedisError as error:
            # Out of memory, a full disk, read-only: Redis answers, but does nothing for us.
            log.error("redis_refused", reason=str(error))
            raise RedisAwayError(str(error)) from error

    def _lost(self, reason: str) -> None:
        if self.up:
            self.up = False
            log.warning("redis_lost", reason=reason)
            gevent.spawn(self._probe)

    def _probe(self) -> None:
        while True:
            gevent.sleep(PROBE_S)
            try:
                self.client.ping()
            except RedisUnavailable:
                continue
            self.up = True
            log.info("redis_back")
            self._on_back()
            return
