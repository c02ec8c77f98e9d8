"""How many requests a key may make: a moving window of a minute, counted in Redis for all web processes together.

While Redis is away each process counts by itself, so that a limit is still a limit.
"""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Final

import redis as redis_py
import structlog
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from core.redis import RedisError

WINDOW_S: Final = 60
LOCAL_FOR_S: Final = 5.0
"""After Redis failed it is not asked again for so long: a frozen one would hold back every request."""

log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a key stands after a request was counted."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    """Seconds until the oldest request of the window no longer counts; at least 1."""


class RateLimits:
    """The process's counter; made once."""

    def __init__(self, client: redis_py.Redis) -> None:
        pool = client.connection_pool
        shared: Storage = RedisStorage("redis://", connection_pool=pool, key_prefix="zj:api:rate")
        self._shared = MovingWindowRateLimiter(shared)
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._local_until = 0.0

    def hit(self, key_id: int, per_minute: int) -> Standing:
        """Count a request of the key and return where it stands."""
        if time.monotonic() >= self._local_until:
            try:
                return self._hit(self._shared, key_id, per_minute)
            except RedisError as error:
                log.warning("rate limits are counted by this process alone", error=str(error))
                self._local_until = time.monotonic() + LOCAL_FOR_S
        return self._hit(self._local, key_id, per_minute)

    @staticmethod
    def _hit(limiter: MovingWindowRateLimiter, key_id: int, per_minute: int) -> Standing:
        item = RateLimitItemPerMinute(per_minute)
        allowed = limiter.hit(item, str(key_id))
        stats = limiter.get_window_stats(item, str(key_id))
        reset_s = max(1, min(WINDOW_S, math.ceil(stats.reset_time - time.time())))
        return Standing(allowed=allowed, limit=per_minute, remaining=max(0, stats.remaining), reset_s=reset_s)
