"""Capacity: calls at once on a route, in a company, on a trunk, and new calls in a second (CTI-R4, ACC-3).

Everything a leg needs is checked and taken in one script (`Limits.take`) and given back by :meth:`Limits.release`.
Redis keeps, beside the counts, what each cell's legs hold, so that nothing stays taken for ever: the steady audit frees
what legs held that are gone, and what cells held whose controller is gone. Memory has the same; Redis away or emptied
loses no place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from core import keys
from core.clock import now_ms
from core.documents import RouteDoc, TenantDoc, TrunkDoc
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.limits import RATE_WINDOW_MS, Direction, FlowShare, Refused, Wanted, verdict, wanted

log = structlog.get_logger(__name__)

GRACE_MS = 10_000
"""A leg younger than this may not have reached the switch's list yet."""

TAKE = """
-- KEYS: what the cell holds. ARGV: leg, its JSON, forced (0/1), window ms.
-- Returns {} when all was taken (or held already), else {number of the place or rate in order, retry ms}.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return {} end
local asked = cjson.decode(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local window = tonumber(ARGV[4])
if ARGV[3] == '0' then
  for i, place in ipairs(asked.places) do
    if place.allowed >= 0 and redis.call('HEXISTS', place.key, place.member) == 0 then
      local up = redis.call('HLEN', place.key)
      for _, key in ipairs(place.shared) do up = up + redis.call('HLEN', key) end
      if up >= place.allowed then return {i, 0} end
    end
  end
  for i, rate in ipairs(asked.rates) do
    local oldest = tonumber(redis.call('LINDEX', rate.key, rate.allowed - 1) or '0')
    if now - oldest < window then return {#asked.places + i, window - (now - oldest)} end
  end
  for _, rate in ipairs(asked.rates) do
    redis.call('LPUSH', rate.key, string.format('%.0f', now))
    redis.call('LTRIM', rate.key, 0, rate.allowed - 1)
    redis.call('PEXPIRE', rate.key, 2 * window)
  end
end
for _, place in ipairs(asked.places) do redis.call('HINCRBY', place.key, place.member, 1) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {}
"""

RELEASE = """
-- KEYS: what the cell holds. ARGV: legs. Gives back what they hold; how many of them held anything.
local freed = 0
for _, leg in ipairs(ARGV) do
  local held = redis.call('HGET', KEYS[1], leg)
  if held then
    for _, place in ipairs(cjson.decode(held).places) do
      if redis.call('HINCRBY', place.key, place.member, -1) <= 0 then
        redis.call('HDEL', place.key, place.member)
      end
    end
    redis.call('HDEL', KEYS[1], leg)
    freed = freed + 1
  end
end
return freed
"""


class Limits:
    """The places this cell's legs hold. `client` registers the scripts, `redis` guards every use of them."""

    def __init__(self, client: Any, redis: RedisGuard, cell: str) -> None:
        self._redis = redis
        self._cell = cell
        self._take = client.register_script(TAKE)
        self._release = client.register_script(RELEASE)
        self._held: dict[str, Wanted] = {}
        self._taken_ms: dict[str, int] = {}
        self._begun: dict[str, deque[int]] = {}
        self._asking: set[str] = set()
        self._doubted: set[str] = set()
        self._loaded = False

    def take(
        self,
        call_id: str,
        *,
        tenant: TenantDoc,
        trunk: TrunkDoc | None = None,
        route: RouteDoc | None = None,
        direction: Direction = Direction.OUT,
        leg_id: str = "",
        share: FlowShare | None = None,
    ) -> Refused | None:
        """Take all places a leg needs, or none: returns None when it has them, else what was full.

        Call it for every leg to or from a carrier: before the originate of an outbound one (`leg_id` is the uuid
        the leg will have, `trunk` the one it goes by; rates are checked too), at arrival for an inbound one
        (`route` given; the leg is the call). `share` is that of the flow whose transfer makes the leg. Taking
        twice for one leg takes once. After it returned None the
        leg's end, or a failed originate, must lead to :meth:`release`; a leg never seen at the switch is freed
        by the audit. While Redis is away this cell's own legs are what is counted.
        """
        asked = wanted(
            call_id,
            tenant=tenant,
            trunk=trunk,
            route=route,
            direction=direction,
            leg_id=leg_id,
            share=share,
        )
        if asked.leg_id in self._held:
            return None
        before = list(self._held.values())
        # Noted first: an audit at this moment must not take for lost what the script is just writing.
        self._held[asked.leg_id] = asked
        self._asking.add(asked.leg_id)
        try:
            refused = self._redis.run(lambda _: self._ask(asked, forced=False))
        except RedisAwayError:
            refused = verdict(asked, before, self._begun, now_ms())
        finally:
            self._asking.discard(asked.leg_id)
        if refused is None:
            self._note(asked)
        else:
            self._held.pop(asked.leg_id, None)
        return refused

    def hold(
        self,
        call_id: str,
        *,
        tenant: TenantDoc,
        trunk: TrunkDoc | None = None,
        route: RouteDoc | None = None,
        direction: Direction = Direction.OUT,
        leg_id: str = "",
    ) -> None:
        """Count a leg that is up already (one a controller found at the switch), whatever the limits say."""
        asked = wanted(call_id, tenant=tenant, trunk=trunk, route=route, direction=direction, leg_id=leg_id)
        if asked.leg_id in self._held:
            return
        self._note(asked)
        try:
            self._redis.run(lambda _: self._ask(asked, forced=True))
        except RedisAwayError:
            log.info("left_to_the_audit", leg=asked.leg_id)

    def release(self, leg_id: str) -> None:
        """Give back what a leg holds; nothing happens when it holds nothing."""
        self._held.pop(leg_id, None)
        self._taken_ms.pop(leg_id, None)
        try:
            self._redis.run(lambda _: self._release(keys=[keys.held_places(self._cell)], args=[leg_id]))
        except RedisAwayError:
            log.info("left_to_the_audit", leg=leg_id)

    def load(self) -> None:
        """Remember what this cell's legs held before a restart of ours."""
        try:
            entries: Any = self._redis.run(lambda client: client.hgetall(keys.held_places(self._cell)))
        except RedisAwayError:
            return
        for leg_id, data in entries.items():
            found = _readable(data)
            if found is not None:
                self._held.setdefault(leg_id.decode(), found)
        self._loaded = True

    def audit(self, is_alive: Callable[[str], bool]) -> int:
        """Free what dead legs hold, ours and those of dead cells, and write again what Redis lost.

        `is_alive` says whether a leg, or a call, is at the switch or in memory; a leg must be dead at two audits.
        Returns how many were freed.
        """
        if not self._loaded:
            self.load()
        dead = {leg_id for leg_id in self._held if self._is_dead(leg_id, is_alive)}
        certain = dead & self._doubted
        self._doubted = dead - certain
        for leg_id in certain:
            self._held.pop(leg_id, None)
            self._taken_ms.pop(leg_id, None)
        try:
            return self._redis.run(self._agree)
        except RedisAwayError:
            return len(certain)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _is_dead(self, leg_id: str, is_alive: Callable[[str], bool]) -> bool:
        young = now_ms() - self._taken_ms.get(leg_id, 0) < GRACE_MS
        return not young and leg_id not in self._asking and not is_alive(leg_id)

    def _ask(self, asked: Wanted, *, forced: bool) -> Refused | None:
        answer = self._take(
            keys=[keys.held_places(self._cell)],
            args=[asked.leg_id, msgspec.json.encode(asked), int(forced), RATE_WINDOW_MS],
        )
        if not answer:
            return None
        number, retry_ms = int(answer[0]), int(answer[1])
        limits = [*(place.limit for place in asked.places), *(rate.limit for rate in asked.rates)]
        return Refused(limit=limits[number - 1], retry_ms=retry_ms)

    def _note(self, asked: Wanted) -> None:
        at_ms = now_ms()
        self._held[asked.leg_id] = asked
        self._taken_ms[asked.leg_id] = at_ms
        for rate in asked.rates:
            begun = self._begun.get(rate.key)
            if begun is None or begun.maxlen != rate.allowed:
                begun = self._begun[rate.key] = deque(begun or (), maxlen=rate.allowed)
            begun.append(at_ms)

    def _agree(self, client: Any) -> int:
        """Make Redis' list of this cell what memory says, and empty those of cells that are gone."""
        name = keys.held_places(self._cell)
        written = {leg.decode() for leg in client.hkeys(name)}
        lost = [leg_id for leg_id in written if leg_id not in self._held]
        freed = int(self._release(keys=[name], args=lost)) if lost else 0
        for leg_id, asked in list(self._held.items()):
            if leg_id not in written and leg_id not in self._asking:
                self._ask(asked, forced=True)
        for cell in client.smembers(keys.cells()):
            other = cell.decode()
            if other == self._cell or client.exists(keys.cell(other)):
                continue
            left = [leg.decode() for leg in client.hkeys(keys.held_places(other))]
            if left:
                freed += int(self._release(keys=[keys.held_places(other)], args=left))
        return freed


def _readable(data: bytes) -> Wanted | None:
    try:
        return msgspec.json.decode(data, type=Wanted)
    except msgspec.MsgspecError as error:
        log.warning("held_place_unreadable", reason=str(error))
        return None
