"""The operator's live figures: what is counted, what is told when something changes, and what one look costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import msgspec
import pytest
import redis as redis_py

from admin_web.live_page import Audience, Page
from admin_web.live_platform import PlatformFeed, read_cells, read_companies
from core import keys
from core.clock import now_ms
from core.redis import RedisError

NAMES = {
    7: {"code": "one", "name": "One", "state": "active"},
    8: {"code": "two", "name": "Two", "state": "active"},
}


def _call(
    redis: redis_py.Redis, tenant: int, call_id: str, phase: str, since: int = 0, cell: str = "a"
) -> None:
    state = {"id": call_id, "phase": phase, "cell": cell, "queue_entered_ms": since}
    redis.sadd(keys.calls(tenant), call_id)
    redis.set(keys.call(tenant, call_id), msgspec.json.encode(state))
    redis.zincrby(keys.live_changes(), 1, str(tenant))


def _agent(redis: redis_py.Redis, tenant: int, account: int, state: str) -> None:
    redis.sadd(keys.agents(tenant), account)
    redis.hset(
        keys.agent(tenant, account), "data", msgspec.json.encode({"account_id": account, "state": state})
    )
    redis.zincrby(keys.live_changes(), 1, str(tenant))


def test_calls_waits_and_agents_are_counted_by_company(redis: redis_py.Redis) -> None:
    _call(redis, 7, "x", "waiting", 2000)
    _call(redis, 7, "y", "offering", 1000)
    _call(redis, 7, "z", "talking", 500, cell="b")
    redis.sadd(keys.calls(7), "ran-out")
    for account, state in enumerate(
        ["ready", "talking", "ringing", "wrap_up", "break", "not_ready", "ready"]
    ):
        _agent(redis, 7, account, state)
    found = read_companies(redis, [7, 8])
    counted = {"calls": 3, "waiting": 2, "longest_since_ms": 1000, "ready": 2, "busy": 3, "away": 2}
    assert found[7] == {**counted, "by_cell": {"a": 2, "b": 1}}
    nothing = {"calls": 0, "waiting": 0, "longest_since_ms": 0, "ready": 0, "busy": 0, "away": 0}
    assert found[8] == {**nothing, "by_cell": {}}


def test_a_thousand_companies_take_two_round_trips(redis: redis_py.Redis) -> None:
    before: Any = redis.info("stats")["total_reads_processed"]
    read_companies(redis, range(1000))
    after: Any = redis.info("stats")["total_reads_processed"]
    # A large pipeline may be read in several pieces of 16 KB; one command at a time would be two thousand reads.
    assert after - before < 30


def test_a_cell_that_fell_silent_is_not_connected(redis: redis_py.Redis) -> None:
    redis.sadd(keys.cells(), "a", "b", "c")
    said = {"switch": "switchsim", "core_uuid": "u", "connected": 1, "started_ms": 5}
    redis.hset(keys.cell("a"), mapping={**said, "heartbeat_ms": now_ms()})
    redis.hset(keys.cell("b"), mapping={**said, "heartbeat_ms": now_ms() - 30_000})
    cells = read_cells(redis, [{"by_cell": {"a": 2}}, {"by_cell": {"a": 1}}])
    assert [(cell["name"], cell["connected"], cell["calls"]) for cell in cells] == [
        ("a", True, 3),
        ("b", False, 0),
        ("c", False, 0),
    ]
    assert cells[2]["seen_ms"] == 0


@pytest.fixture
def feed(redis: redis_py.Redis) -> Iterator[PlatformFeed]:
    made = PlatformFeed(redis, lambda: dict(NAMES))
    yield made
    made.close()


def _open(feed: PlatformFeed) -> tuple[Page, Iterator[bytes]]:
    page = Page(1, Audience(names=frozenset()), 1, 1)
    stream = feed.stream(page, lambda page: None)
    assert next(stream) == b": open\n\n"
    return page, stream


def _told(wire: bytes) -> tuple[str, dict[str, Any]]:
    _, event, data = wire.strip().split(b"\n")
    return event.removeprefix(b"event: ").decode(), msgspec.json.decode(data.removeprefix(b"data: "))


def test_a_page_gets_everything_and_then_only_what_changes(feed: PlatformFeed, redis: redis_py.Redis) -> None:
    _, stream = _open(feed)
    with gevent.Timeout(5):
        kind, told = _told(next(stream))
        assert kind == "platform.all"
        assert [company["id"] for company in told["companies"]] == [7, 8]
        _call(redis, 8, "x", "waiting", 1000)
        kind, told = _told(next(stream))
    assert kind == "platform.changed"
    assert [(company["id"], company["calls"], company["waiting"]) for company in told["companies"]] == [
        (8, 1, 1)
    ]


def test_a_page_that_comes_later_has_everything_at_once(feed: PlatformFeed, redis: redis_py.Redis) -> None:
    _, first = _open(feed)
    next(first)
    _, second = _open(feed)
    with gevent.Timeout(0.3):
        assert _told(next(second))[0] == "platform.all"


def test_trouble_is_told_once_and_everything_comes_after_it(
    feed: PlatformFeed, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, stream = _open(feed)
    next(stream)

    def away(*args: Any, **options: Any) -> Any:
        raise RedisError("away")

    with monkeypatch.context() as broken, gevent.Timeout(5):
        broken.setattr(redis, "zrange", away)
        assert _told(next(stream))[0] == "platform.trouble"
        gevent.sleep(0.8)
    with gevent.Timeout(5):
        assert _told(next(stream))[0] == "platform.all"


def test_nobody_looking_costs_nothing(feed: PlatformFeed, redis: redis_py.Redis) -> None:
    page, stream = _open(feed)
    next(stream)
    page.rights_gone()
    assert b"event: rights" in b"".join(stream)
    gevent.sleep(0.7)
    assert feed.pages == []
    before: Any = redis.info("stats")["total_commands_processed"]
    gevent.sleep(0.7)
    after: Any = redis.info("stats")["total_commands_processed"]
    assert after - before <= 1
