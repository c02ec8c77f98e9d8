"""The fan-out of live events: what a page gets, in which order, what it must not get, and when it starts over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest
import redis as redis_py

from admin_web.live_hub import QUEUE_EVENTS, RESET, Audience, LiveHub, Page, order
from core import keys
from core.bus import publish_live
from core.redis import connect
from tests.support.redis import RedisServer

TENANT = 7


@pytest.fixture
def hub(redis_server: RedisServer, redis: redis_py.Redis) -> Iterator[LiveHub]:
    made = LiveHub(lambda: connect(redis_server.url, reply_timeout_s=15), "test")
    yield made
    for page in made.pages:
        page.over("test")
    made.close()


def _page(*names: str, prefixes: tuple[str, ...] = (), tenant: int = TENANT) -> Page:
    return Page(tenant, Audience(names=frozenset(names), prefixes=prefixes), 1, 1)


def _events(stream: Iterator[bytes], count: int) -> list[bytes]:
    """Return the next `count` events, comments left out."""
    found: list[bytes] = []
    with gevent.Timeout(5):
        while len(found) < count:
            part = next(stream)
            if not part.startswith(b":"):
                found.append(part)
    return found


def _publish(redis: redis_py.Redis, audience: str, number: int, tenant: int = TENANT) -> str:
    position: Any = publish_live(redis, tenant, [audience], "call.over", {"n": number})
    return position.decode()


def test_an_audience_is_a_name_or_a_kind() -> None:
    audience = Audience(names=frozenset({"agent:1"}), prefixes=("queue:",))
    assert audience.sees("agent:2,agent:1")
    assert audience.sees("queue:9")
    assert not audience.sees("agent:11")
    assert not audience.sees("admin")


@pytest.mark.parametrize("text", ["", "x", "1-", "-1", "1-x", "٣-1", "1-1-1"])
def test_what_is_no_position_is_refused(text: str) -> None:
    if text == "1-":
        assert order(text) == (1, 0)
        return
    with pytest.raises(ValueError, match="position"):
        order(text)


def test_a_page_gets_what_it_missed_and_then_what_comes_each_once_in_order(
    hub: LiveHub, redis: redis_py.Redis
) -> None:
    start = hub.position(TENANT)
    positions = [_publish(redis, "agent:1", n) for n in range(3)]
    stream = hub.stream(_page("agent:1"), start)
    got = _events(stream, 3)
    positions += [_publish(redis, "agent:1", n) for n in range(3, 6)]
    got += _events(stream, 3)
    assert [event.split(b"\n")[0].decode() for event in got] == [f"id: {each}" for each in positions]
    assert got[5].split(b"\n")[1:3] == [b"event: call.over", b'data: {"n":5}']


def test_others_events_and_other_tenants_events_do_not_come(hub: LiveHub, redis: redis_py.Redis) -> None:
    stream = hub.stream(_page("agent:1"), hub.position(TENANT))
    assert next(stream).startswith(b":")
    _publish(redis, "agent:2", 1)
    _publish(redis, "agent:1", 2, tenant=TENANT + 1)
    _publish(redis, "agent:1", 3)
    assert _events(stream, 1)[0].endswith(b'{"n":3}\n\n')


def test_a_second_tenants_first_page_does_not_wait_for_the_reader(
    hub: LiveHub, redis: redis_py.Redis
) -> None:
    first = hub.stream(_page("agent:1"), hub.position(TENANT))
    next(first)
    gevent.sleep(0.05)  # the reader now blocks in Redis without the second tenant
    second = hub.stream(_page("agent:1", tenant=8), hub.position(8))
    next(second)
    with gevent.Timeout(1):
        _publish(redis, "agent:1", 1, tenant=8)
        assert _events(second, 1)[0].endswith(b'{"n":1}\n\n')


def test_a_position_no_longer_kept_means_a_fresh_snapshot(hub: LiveHub, redis: redis_py.Redis) -> None:
    old = _publish(redis, "agent:1", 0)
    _publish(redis, "agent:1", 1)
    redis.xtrim(keys.live(TENANT), maxlen=1, approximate=False)
    assert _events(hub.stream(_page("agent:1"), old), 1) == [RESET]


def test_an_emptied_stream_means_a_fresh_snapshot(hub: LiveHub, redis: redis_py.Redis) -> None:
    position = _publish(redis, "agent:1", 0)
    redis.flushall()
    assert _events(hub.stream(_page("agent:1"), position), 1) == [RESET]


def test_a_page_that_does_not_read_starts_over_once(hub: LiveHub, redis: redis_py.Redis) -> None:
    page = _page("agent:1")
    stream = hub.stream(page, hub.position(TENANT))
    next(stream)
    for n in range(QUEUE_EVENTS + 20):
        page.offer(f"{9 * 10**12}-{n}", b"event")
    assert next(stream) == RESET
    page.offer(f"{9 * 10**12}-9999", b"after")
    assert next(stream) == b"after"


def test_a_session_that_is_over_closes_its_page_at_once(hub: LiveHub, redis: redis_py.Redis) -> None:
    page = _page("agent:1")
    stream = hub.stream(page, hub.position(TENANT))
    next(stream)
    page.offer("9-1", b"waits")
    page.over("session-revoked")
    assert b"event: over" in next(stream)
    assert list(stream) == []
    assert hub.pages == []
