"""Limits on how often something may be tried, counted in Redis for all web processes together.

While Redis is away each process counts by itself, so that a limit is still a limit.
"""

from __future__ import annotations

import time
from typing import Final

import redis as redis_py
import structlog
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from core.crypto import token_hash
from core.errors import TemporaryFault
from core.i18n import lazy
from core.redis import RedisError

LOCAL_FOR_S: Final = 5.0
"""After Redis failed it is not asked again for so long: a frozen one would hold back every request."""

log = structlog.get_logger(__name__)


class TooOftenError(TemporaryFault):
    """An address tried too often, whatever it tried."""

    id = "too-often"
    status = 429
    sentence = lazy("There were too many attempts from your address. Try again in %(minutes)s minutes.")
    retry_after_s = 300


class Throttle:
    """The process's counters; made once in the composition root."""

    def __init__(self, client: redis_py.Redis) -> None:
        pool = client.connection_pool
        shared: Storage = RedisStorage("redis://", connection_pool=pool, key_prefix="zj:throttle")
        self._shared = MovingWindowRateLimiter(shared)
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._local_until = 0.0

    def take(self, limit: RateLimitItem, what: str, *who: str) -> bool:
        """Count one attempt at `what` by `who`, in one step; False when there were `limit` already."""
        return self._ask("hit", limit, what, who)

    def free(self, limit: RateLimitItem, what: str, *who: str) -> bool:
        """Return whether an attempt would be allowed, without counting one."""
        return self._ask("test", limit, what, who)

    def _ask(self, method: str, limit: RateLimitItem, what: str, who: tuple[str, ...]) -> bool:
        # What people typed is hashed: it may be of any length and is nobody's business in Redis.
        names = (what, token_hash("\x00".join(who)))
        if time.monotonic() >= self._local_until:
            try:
                return bool(getattr(self._shared, method)(limit, *names))
            except RedisError as error:
                log.warning("attempts are counted by this process alone", error=str(error))
                self._local_until = time.monotonic() + LOCAL_FOR_S
        return bool(getattr(self._local, method)(limit, *names))
