"""Places are checked and taken in one step, given back, and freed when the dead held them. On both Redis servers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest
import redis as redis_py

from core import keys
from core.documents import RouteDoc, TenantDoc, TrunkDoc
from cti.controller import limits as module
from cti.controller.limits import Limits
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.limits import Direction, Limit, Refused

TENANT = TenantDoc(id=1, tenant_id=1, version=1, code="t", name="T", active=True)


def route(concurrency: int, route_id: int = 5) -> RouteDoc:
    return RouteDoc(id=route_id, tenant_id=1, version=1, code="r", concurrency=concurrency)


def trunk(concurrency: int = 0, rate: int = 0) -> TrunkDoc:
    return TrunkDoc(id=7, tenant_id=0, version=1, code="c", concurrency=concurrency, calls_per_second=rate)


def made(client: redis_py.Redis, cell: str = "a") -> Limits:
    limits = Limits(client, RedisGuard(client, lambda: None), cell)
    limits.load()
    return limits


def arrive(limits: Limits, call: str, on: RouteDoc) -> Refused | None:
    return limits.take(call, tenant=TENANT, route=on, trunk=trunk(), direction=Direction.IN)


def at_once(actions: Iterable[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_a_route_takes_as_many_calls_as_it_may_and_no_more(each_redis: redis_py.Redis, limit: int) -> None:
    """CTI-R4: checked and taken in one step, whichever cell tries at the same moment."""
    cells = [made(each_redis, cell) for cell in "abcd"]
    won: list[tuple[Limits, str]] = []

    def come(n: int) -> None:
        if arrive(cells[n % 4], f"c{n}", route(limit)) is None:
            won.append((cells[n % 4], f"c{n}"))

    at_once((lambda n=n: come(n)) for n in range(24))
    assert len(won) == limit
    assert {each.decode() for each in each_redis.hkeys(keys.route_calls(1, 5))} == {call for _, call in won}
    for cell, call in won:
        assert arrive(cell, call, route(limit)) is None, "taking twice takes once"
        cell.release(call)
        cell.release(call)
        assert arrive(cells[0], "next", route(limit)) is None
        cells[0].release("next")
    assert each_redis.hlen(keys.tenant_calls(1)) == each_redis.hlen(keys.route_calls(1, 5)) == 0


def test_a_lowered_limit_keeps_the_calls_that_are_up_and_takes_none(each_redis: redis_py.Redis) -> None:
    """CTI-R4."""
    limits = made(each_redis)
    assert all(arrive(limits, f"c{n}", route(3)) is None for n in range(3))
    assert arrive(limits, "new", route(2)) == Refused(limit=Limit.ROUTE)
    assert arrive(limits, "c0", route(2)) is None
    assert arrive(limits, "new", route(2, route_id=6)) is None, "another route has its own places"


def test_who_is_refused_one_place_gets_none(each_redis: redis_py.Redis) -> None:
    limits = made(each_redis)
    arrive(limits, "c0", route(1))
    assert arrive(limits, "c1", route(1)) == Refused(limit=Limit.ROUTE)
    assert each_redis.hlen(keys.trunk_calls(7, "in")) == 1
    assert each_redis.hlen(keys.tenant_calls(1)) == 1


def test_a_trunks_places_are_for_calls_in_and_out_and_its_rate_for_calls_out(
    each_redis: redis_py.Redis,
) -> None:
    """ACC-3."""
    limits = made(each_redis)
    taken = [limits.take(f"o{n}", tenant=TENANT, trunk=trunk(4, rate=3)) for n in range(4)]
    assert taken[:3] == [None] * 3
    refused = taken[3]
    assert refused is not None
    assert refused.limit is Limit.TRUNK_RATE
    assert 0 < refused.retry_ms <= 1000
    come = [limits.take(f"i{n}", tenant=TENANT, trunk=trunk(4, 3), direction=Direction.IN) for n in range(2)]
    assert come == [None, Refused(limit=Limit.TRUNK)]


def test_a_call_with_two_legs_leaves_its_company_with_the_last_of_them(each_redis: redis_py.Redis) -> None:
    limits = made(each_redis)
    limits.take("call", tenant=TENANT, trunk=trunk(), direction=Direction.IN)
    limits.take("call", leg_id="forwarded", tenant=TENANT, trunk=trunk())
    assert each_redis.hlen(keys.tenant_calls(1)) == 1
    limits.release("call")
    assert each_redis.hlen(keys.tenant_calls(1)) == 1
    limits.release("forwarded")
    assert each_redis.hlen(keys.tenant_calls(1)) == 0


def test_the_audit_frees_what_dead_legs_hold_and_leaves_the_living(
    each_redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = made(each_redis)
    for name in ("dead", "alive"):
        arrive(limits, name, route(9))
    assert [limits.audit(lambda leg: False) for _ in range(3)] == [0, 0, 0], "too young to be missed"
    monkeypatch.setattr(module, "GRACE_MS", -1)
    assert limits.audit(lambda leg: leg == "alive") == 0, "missed once is not dead"
    assert limits.audit(lambda leg: leg == "alive") == 1
    assert each_redis.hkeys(keys.route_calls(1, 5)) == [b"alive"]


def test_after_a_restart_of_ours_what_was_held_is_known_and_freed(each_redis: redis_py.Redis) -> None:
    arrive(made(each_redis), "left", route(1))
    again = made(each_redis)
    assert arrive(again, "left", route(1)) is None
    assert [again.audit(lambda leg: False) for _ in range(2)] == [0, 1]
    assert arrive(again, "new", route(1)) is None


def test_redis_emptied_gets_everything_back(each_redis: redis_py.Redis) -> None:
    limits = made(each_redis)
    arrive(limits, "up", route(1))
    each_redis.flushall()
    limits.audit(lambda leg: True)
    assert arrive(made(each_redis, "other"), "new", route(1)) == Refused(limit=Limit.ROUTE)


def test_what_a_cell_held_that_is_gone_is_freed_by_another(each_redis: redis_py.Redis) -> None:
    arrive(made(each_redis, "gone"), "x", route(1))
    each_redis.sadd(keys.cells(), "gone", "b")
    each_redis.hset(keys.cell("gone"), "pid", "1")
    survivor = made(each_redis, "b")
    assert survivor.audit(lambda leg: True) == 0, "its heartbeat is there"
    each_redis.delete(keys.cell("gone"))
    assert survivor.audit(lambda leg: True) == 1
    assert each_redis.hlen(keys.route_calls(1, 5)) == 0


def test_a_release_that_redis_missed_is_made_up_for(
    each_redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis away: this cell counts its own legs, and Redis learns the rest afterwards."""
    guard = RedisGuard(each_redis, lambda: None)
    limits = Limits(each_redis, guard, "a")
    limits.load()
    arrive(limits, "one", route(2))

    with monkeypatch.context() as patched:
        patched.setattr(guard, "run", _raising)
        limits.release("one")
        assert arrive(limits, "two", route(2)) is None
        assert arrive(limits, "three", route(2)) is None
        assert arrive(limits, "four", route(2)) == Refused(limit=Limit.ROUTE)
    limits.audit(lambda leg: True)
    assert set(each_redis.hkeys(keys.route_calls(1, 5))) == {b"two", b"three"}


def _raising(action: object) -> object:
    raise RedisAwayError("away")
