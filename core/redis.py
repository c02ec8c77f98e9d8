"""Clients for Redis: every one has time-outs, so that a frozen server is an error and never a frozen
process.
"""

from __future__ import annotations

from typing import Final

import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.settings import Settings

CONNECT_TIMEOUT_S: Final = 2.0
REPLY_TIMEOUT_S: Final = 5.0

CONNECTIONS: Final = 64
"""A client's connections at most: a server that does one thing after the other is not faster with more."""

RedisError = redis_py.RedisError
"""What any call may raise; connection trouble is ``RedisUnavailable``."""

RedisUnavailable = (redis_py.ConnectionError, redis_py.TimeoutError)
"""The server is away or frozen: temporary, to be tried again."""


def connect(
    url: str, *, reply_timeout_s: float = REPLY_TIMEOUT_S, max_connections: int = CONNECTIONS
) -> redis_py.Redis:
    """Return a client for `url` (``redis://``, ``rediss://`` or ``unix://``); nothing is connected yet.

    Replies are bytes. No command is repeated by the client after a time-out: a script or an XADD may have
    run. Blocking reads must block for less than `reply_timeout_s`. Who finds all `max_connections` in use waits for
    one, as long as for a reply: many users at once are no reason to take the server for away.
    """
    pool = redis_py.BlockingConnectionPool.from_url(
        url,
        timeout=reply_timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=reply_timeout_s,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
        max_connections=max_connections,
        decode_responses=False,
        protocol=2,
    )
    return redis_py.Redis.from_pool(pool)


def from_settings(settings: Settings, *, reply_timeout_s: float = REPLY_TIMEOUT_S) -> redis_py.Redis:
    """Return a client for the Redis the settings name."""
    return connect(settings.effective_redis_url, reply_timeout_s=reply_timeout_s)
