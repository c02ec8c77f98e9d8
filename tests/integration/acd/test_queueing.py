"""Standing in a queue: order, place, capacity. On both Redis servers."""

from __future__ import annotations

import redis as redis_py
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import keys
from cti.acd.matching import Acd
from tests.integration.acd.stage import (
    QUEUE,
    TENANT,
    agent,
    all_at_once,
    enter,
    idle,
    match,
    released,
    taken,
    waiting,
)  # fmt: skip

ON_BOTH = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@ON_BOTH
@given(priorities=st.lists(st.integers(0, 99), max_size=30))
def test_callers_stand_by_priority_then_by_arrival(each_redis: redis_py.Redis, priorities: list[int]) -> None:
    """CTI-R5, CTI-Q5: also for callers who arrive within one tick of the clock."""
    each_redis.flushall()
    acd = Acd(each_redis)
    orders = [enter(acd, f"c{n}", priority=priority) for n, priority in enumerate(priorities)]
    assert len(set(orders)) == len(orders)
    expected = sorted(range(len(priorities)), key=lambda n: (-priorities[n], n))
    assert waiting(each_redis) == [f"c{n}" for n in expected]
    for n in expected:
        acd.save(agent(11 + n), "")
        found = match(acd)
        assert found is not None
        assert (found.call_id, found.order) == (f"c{n}", orders[n])
    assert match(acd) is None


@ON_BOTH
@given(data=st.data(), priorities=st.lists(st.integers(0, 99), min_size=1, max_size=20))
def test_whoever_goes_back_into_the_queue_has_the_old_place(
    each_redis: redis_py.Redis, data: st.DataObject, priorities: list[int]
) -> None:
    """CTI-Q4: after an offer nobody took, priority and time of entry are unchanged, even in a full queue."""
    each_redis.flushall()
    acd = Acd(each_redis)
    orders = [enter(acd, f"c{n}", priority=priority) for n, priority in enumerate(priorities)]
    line = waiting(each_redis)
    absent = data.draw(st.lists(st.sampled_from(range(len(priorities))), unique=True))
    for n in absent:
        acd.leave_queue(TENANT, QUEUE, f"c{n}")
    for n in data.draw(st.permutations(absent)):
        assert enter(acd, f"c{n}", priority=priorities[n], order=orders[n], limit=0) == orders[n]
    assert waiting(each_redis) == line


def test_entering_twice_keeps_the_first_place(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    first = enter(acd, "a")
    enter(acd, "b")
    assert enter(acd, "a", priority=99) == first
    assert waiting(each_redis) == ["a", "b"]


def test_places_stay_in_order_when_the_clock_of_redis_jumps_back(each_redis: redis_py.Redis) -> None:
    """CTI-Q5: the counter is ahead of the clock; later callers still get later places."""
    acd = Acd(each_redis)
    ahead = 39_000_000_000_000
    each_redis.set(keys.order_counter(TENANT), ahead)
    orders = [enter(acd, f"c{n}", priority=99) for n in range(3)]
    assert orders == [ahead + 1, ahead + 2, ahead + 3]
    lowest = enter(acd, "last", priority=0)
    assert lowest == 99 * 40_000_000_000_000 + ahead + 4
    assert lowest < 2**53
    assert waiting(each_redis) == ["c0", "c1", "c2", "last"]


def test_a_full_queue_refuses_and_loses_nobody(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    assert [enter(acd, f"c{n}", limit=2) > 0 for n in range(3)] == [True, True, False]
    assert waiting(each_redis) == ["c0", "c1"]
    assert enter(acd, "c0", limit=2) > 0, "who stands in it is no newcomer"
    acd.leave_queue(TENANT, QUEUE, "c0")
    acd.leave_queue(TENANT, QUEUE, "c0")
    assert enter(acd, "c2", limit=2) > 0


def test_a_queue_without_waiting_takes_callers_while_agents_are_idle(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    assert enter(acd, "early", limit=0) == -1
    acd.save(agent(), "")
    assert enter(acd, "served", limit=0) > 0
    assert enter(acd, "too-late", limit=0) == -1, "the idle agent is for who came first"
    found = match(acd)
    assert found is not None
    assert found.call_id == "served"
    assert enter(acd, "later", limit=0) == -1
    acd.save(released(taken(agent(), found)), found.token)
    assert enter(acd, "later", limit=0) > 0


def test_a_queue_is_not_overfilled_by_callers_at_once(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    orders: list[int] = []
    all_at_once((lambda n=n: orders.append(enter(acd, f"c{n}", limit=5))) for n in range(20))
    assert len([order for order in orders if order > 0]) == 5
    assert len(waiting(each_redis)) == 5
    assert len({order for order in orders if order > 0}) == 5


def test_who_left_the_queue_is_matched_with_nobody(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    acd.save(agent(), "")
    enter(acd, "gone")
    acd.leave_queue(TENANT, QUEUE, "gone")
    assert match(acd) is None
    assert idle(each_redis) == [11]
