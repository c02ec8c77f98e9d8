"""Since when a check is in its state: noted in Redis whenever somebody looks, the scheduler every half minute."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import redis as redis_py
import structlog

from admin_web.system_health import Check, State
from core import keys
from core.clock import now_ms
from core.redis import RedisError

KEPT_S = 7 * 86_400
"""What nobody looks at for so long is forgotten."""

log = structlog.get_logger(__name__)


class Since:
    """The beginnings of states; while Redis is away, those this process saw itself."""

    def __init__(self, redis: redis_py.Redis) -> None:
        self._redis = redis
        self._seen: dict[str, tuple[str, int]] = {}

    def filled(self, checks: Sequence[Check]) -> list[Check]:
        """Return `checks`, those without a beginning of their own with the one noted, and note what changed."""
        known = self._seen | self._told()
        now, changed = now_ms(), {}
        found = []
        for check in checks:
            state, since_ms = known.get(check.key, ("", 0))
            if state != check.state.value:
                if state and check.state is not State.NOTE:
                    tell = log.warning if check.state is State.WRONG else log.info
                    tell("health", check=check.key, state=check.state.value, how=check.how)
                state, since_ms = check.state.value, now
                changed[check.key] = f"{state}:{since_ms}"
            self._seen[check.key] = (state, since_ms)
            found.append(dataclasses.replace(check, since_ms=check.since_ms or since_ms))
        self._note(changed)
        return found

    def _told(self) -> dict[str, tuple[str, int]]:
        try:
            stored: Any = self._redis.hgetall(keys.health())
        except RedisError:
            return {}
        told = {}
        for name, value in stored.items():
            state, _, since = value.decode().partition(":")
            told[name.decode()] = (state, int(since or 0))
        return told

    def _note(self, changed: dict[str, str]) -> None:
        if not changed:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(keys.health(), mapping=changed)  # type: ignore[arg-type]
                pipe.expire(keys.health(), KEPT_S)
                pipe.execute()
        except RedisError:
            pass  # noted when it is back; until then this process knows
