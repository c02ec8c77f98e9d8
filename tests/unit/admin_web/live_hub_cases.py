"""The fan-out of live events: what a page gets, in which order, what it must not get, and when it starts over."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
import redis as redis_py
from sqlalchemy.exc import OperationalError

from admin_web import live_hub
from admin_web.live_hub import LiveHub
from admin_web.live_page import QUEUE_EVENTS, RESET, RIGHTS, Audience, Chunk, Page, order
from admin_web.live_sessions import SessionWatch
from core import keys
from core.bus import publish_live, supervisors_audience, waiting_audience
from core.number_masking import masked_json
from core.permissions import Permission
from core.redis import connect
from core.sessions import SessionRevokedError
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
                found += [event + b"\n\n" for event in part.split(b"\n\n")[:-1]]
    return found


def _one(position: tuple[int, int], wire: bytes) -> Chunk:
    return Chunk.of([(position, wire)])


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


def test_a_page_that_opens_while_redis_is_away_ends_and_is_not_kept(tmp_path: Path) -> None:
    hub = LiveHub(lambda: connect(f"unix://{tmp_path / 'gone'}"), "test")
    assert list(hub.stream(_page("agent:1"), "1-0")) == []
    assert hub.pages == []
    hub.close()


def test_a_page_that_does_not_read_starts_over_once(hub: LiveHub, redis: redis_py.Redis) -> None:
    page = _page("agent:1")
    stream = hub.stream(page, hub.position(TENANT))
    next(stream)
    for n in range(QUEUE_EVENTS + 1):
        page.offer(_one((9 * 10**12, n), b"event"))
    assert next(stream) == RESET
    page.offer(_one((9 * 10**12, 9999), b"after"))
    assert next(stream) == b"after"


def test_all_that_waits_is_written_at_once(hub: LiveHub, redis: redis_py.Redis) -> None:
    stream = hub.stream(_page("agent:1"), hub.position(TENANT))
    next(stream)
    gevent.sleep(0.05)
    for n in range(5):
        _publish(redis, "agent:1", n)
    gevent.sleep(0.1)  # the reader takes them
    with gevent.Timeout(5):
        assert next(stream).count(b"event: call.over") == 5


def test_a_chunk_gives_only_what_is_new_to_the_page() -> None:
    chunk = Chunk.of([((1, 0), b"a"), ((1, 1), b"b"), ((2, 0), b"c")])
    assert chunk.after((0, 0)) == b"abc"
    assert chunk.after((1, 0)) == b"bc"
    assert chunk.after((2, 0)) == b""


def test_pages_with_the_same_rights_share_one_chunk(hub: LiveHub, redis: redis_py.Redis) -> None:
    pages = [_page("agent:1"), _page("agent:1"), _page("agent:2")]
    streams = [hub.stream(page, hub.position(TENANT)) for page in pages]
    for stream in streams:
        next(stream)
    gevent.sleep(0.05)
    _publish(redis, "agent:1", 1)
    with gevent.Timeout(5):
        first, second = next(streams[0]), next(streams[1])
    assert first is second
    page = pages[2]
    page.over("test")
    assert b"call.over" not in b"".join(streams[2])


def _call(redis: redis_py.Redis, number: str) -> str:
    position: Any = publish_live(redis, TENANT, ["agent:1"], "call.offered", {"caller": number, "n": 1})
    return position.decode()


def test_acc_14_numbers_come_masked_to_pages_without_the_right_missed_or_new(
    hub: LiveHub, redis: redis_py.Redis
) -> None:
    start = hub.position(TENANT)
    _call(redis, "+8613800138000")
    masked = Page(TENANT, Audience(names=frozenset({"agent:1"}), full=False), 1, 1)
    streams = [hub.stream(page, start) for page in (masked, _page("agent:1"))]
    got = [_events(stream, 1) for stream in streams]
    _call(redis, "+8613900139000")
    hidden, shown = (events + _events(stream, 1) for events, stream in zip(got, streams, strict=True))
    assert [event.split(b"data: ")[1] for event in hidden] == [
        b'{"caller":"138****8000","n":1}\n\n',
        b'{"caller":"139****9000","n":1}\n\n',
    ]
    assert [event.split(b"data: ")[1] for event in shown] == [
        b'{"caller":"+8613800138000","n":1}\n\n',
        b'{"caller":"+8613900139000","n":1}\n\n',
    ]


def test_acc_14_a_batch_is_masked_once_for_all_pages_and_not_at_all_for_full_ones(
    hub: LiveHub, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def counted(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return masked_json(data)

    monkeypatch.setattr(live_hub, "masked_json", counted)
    full = hub.stream(_page("agent:1"), hub.position(TENANT))
    next(full)
    gevent.sleep(0.05)
    _call(redis, "+8613800138000")
    _events(full, 1)
    assert count == 0
    after = hub.position(TENANT)
    streams = [
        hub.stream(Page(TENANT, Audience(names=frozenset({name, "agent:1"}), full=False), 1, 1), after)
        for name in ("agent:1", "agent:1", "agent:2", "agent:3")
    ]
    for stream in streams:
        next(stream)
    gevent.sleep(0.05)
    _call(redis, "+8613900139000")
    for stream in streams:
        assert b"139****9000" in _events(stream, 1)[0]
    assert count == 1


def test_a_session_that_is_over_closes_its_page_at_once(hub: LiveHub, redis: redis_py.Redis) -> None:
    page = _page("agent:1")
    stream = hub.stream(page, hub.position(TENANT))
    next(stream)
    page.offer(_one((9, 1), b"waits"))
    page.over("session-revoked")
    assert b"event: over" in next(stream)
    assert list(stream) == []
    assert hub.pages == []


# --- sessions that change under open pages ----------------------------------------------------------------------------


@dataclasses.dataclass
class _Account:
    """What a session's check answers with, as far as it is looked at."""

    permissions: frozenset[Permission]
    queues: frozenset[int] | None = None
    waiting: frozenset[int] = frozenset()

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


class _Sessions:
    """Sessions whose answers a test sets by token."""

    def __init__(self) -> None:
        self.answers: dict[str, _Account | Exception] = {}

    def verify(self, token: str, *, ip: str = "", activity: bool = True) -> _Account:
        answer = self.answers[token]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _audience_of(account: Any) -> Audience:
    supervises = account.may(Permission.SUPERVISE_VIEW)
    if supervises and account.queues is not None:
        return Audience(names=frozenset({"agent:1", *map(supervisors_audience, account.queues)}))
    waiting = map(waiting_audience, account.waiting)
    return Audience(names=frozenset({"agent:1", "admin"} if supervises else {"agent:1", *waiting}))


SUPERVISOR = frozenset({Permission.SUPERVISE_VIEW, Permission.RECORDS_VIEW})


@pytest.fixture
def watched(redis_server: RedisServer, redis: redis_py.Redis) -> Iterator[tuple[LiveHub, _Sessions]]:
    sessions = _Sessions()
    hub = LiveHub(
        lambda: connect(redis_server.url, reply_timeout_s=15),
        "test",
        on_join=lambda page: watch.joined(page),
        on_sessions=lambda: watch.wake(),
    )
    watch = SessionWatch(sessions, lambda: hub.pages, _audience_of, hub.change_rights)  # type: ignore[arg-type]
    yield hub, sessions
    for page in hub.pages:
        page.over("test")
    watch.close()
    hub.close()


def _watched_page(token: str, needs: Permission | None = None) -> Page:
    audience = _audience_of(_Account(SUPERVISOR))
    return Page(TENANT, audience, 1, 1, token=token, permissions=SUPERVISOR, needs=needs)


def _opened(hub: LiveHub, page: Page) -> Iterator[bytes]:
    stream = hub.stream(page, hub.position(TENANT))
    assert next(stream) == b": open\n\n"
    gevent.sleep(0.05)  # the reader now listens
    return stream


def _changed(redis: redis_py.Redis) -> None:
    redis.xadd(keys.sessions_changed(), {"changed": 1})


def test_an_ended_session_closes_its_page_within_a_blink(
    watched: tuple[LiveHub, _Sessions], redis: redis_py.Redis
) -> None:
    hub, sessions = watched
    sessions.answers = {"a": _Account(SUPERVISOR), "b": _Account(SUPERVISOR)}
    ended, other = _opened(hub, _watched_page("a")), _opened(hub, _watched_page("b"))
    sessions.answers["a"] = SessionRevokedError()
    _changed(redis)
    with gevent.Timeout(0.5):
        assert list(ended) == [b'event: over\ndata: {"why": "session-revoked"}\n\n']
    _publish(redis, "agent:1", 1)
    assert b"call.over" in _events(other, 1)[0]


def test_a_removed_right_stops_events_at_once_and_the_page_starts_over(
    watched: tuple[LiveHub, _Sessions], redis: redis_py.Redis
) -> None:
    hub, sessions = watched
    sessions.answers = {"a": _Account(SUPERVISOR)}
    stream = _opened(hub, _watched_page("a"))
    sessions.answers["a"] = _Account(frozenset({Permission.RECORDS_VIEW}))
    _changed(redis)
    with gevent.Timeout(0.5):
        assert next(stream) == RIGHTS + RESET
    _publish(redis, "admin", 1)
    _publish(redis, "agent:1", 2)
    assert _events(stream, 1)[0].endswith(b'{"n":2}\n\n')


def test_a_queue_that_is_taken_away_stops_its_events_at_once(
    watched: tuple[LiveHub, _Sessions], redis: redis_py.Redis
) -> None:
    hub, sessions = watched
    sessions.answers = {"a": _Account(SUPERVISOR)}
    stream = _opened(hub, _watched_page("a"))
    sessions.answers["a"] = _Account(SUPERVISOR, queues=frozenset({7}))
    _changed(redis)
    with gevent.Timeout(5):
        assert next(stream) == RIGHTS + RESET
    _publish(redis, f"admin,queue:8,{supervisors_audience(8)}", 1)
    _publish(redis, f"admin,queue:7,{supervisors_audience(7)}", 2)
    assert _events(stream, 1)[0].endswith(b'{"n":2}\n\n')


def test_an_agents_queues_change_what_is_told_without_a_fresh_start(
    watched: tuple[LiveHub, _Sessions], redis: redis_py.Redis
) -> None:
    hub, sessions = watched
    sessions.answers = {"a": _Account(frozenset(), waiting=frozenset({7}))}
    page = Page(TENANT, _audience_of(_Account(frozenset())), 1, 1, token="a")
    stream = _opened(hub, page)
    assert page.audience.names == {"agent:1", "waiting:7"}
    _publish(redis, "admin,queue:8,waiting:8", 1)
    _publish(redis, "admin,queue:7,waiting:7", 2)
    assert _events(stream, 1)[0].endswith(b'{"n":2}\n\n')
    sessions.answers["a"] = _Account(frozenset(), waiting=frozenset({8}))
    _changed(redis)
    with gevent.Timeout(10):
        while page.audience.names != {"agent:1", "waiting:8"}:
            gevent.sleep(0.02)
    _publish(redis, "admin,queue:7,waiting:7", 3)
    _publish(redis, "admin,queue:8,waiting:8", 4)
    assert _events(stream, 1)[0].endswith(b'{"n":4}\n\n')


def test_rights_that_change_no_event_only_renew_the_menu(
    watched: tuple[LiveHub, _Sessions], redis: redis_py.Redis
) -> None:
    hub, sessions = watched
    sessions.answers = {"a": _Account(SUPERVISOR)}
    stream = _opened(hub, _watched_page("a"))
    sessions.answers["a"] = _Account(frozenset({Permission.SUPERVISE_VIEW}))
    _changed(redis)
    with gevent.Timeout(0.5):
        assert next(stream) == RIGHTS


def test_a_page_whose_right_is_gone_ends_without_signing_out(
    watched: tuple[LiveHub, _Sessions], redis: redis_py.Redis
) -> None:
    hub, sessions = watched
    sessions.answers = {"a": _Account(SUPERVISOR)}
    stream = _opened(hub, _watched_page("a", needs=Permission.RECORDS_VIEW))
    sessions.answers["a"] = _Account(frozenset({Permission.SUPERVISE_VIEW}))
    _changed(redis)
    with gevent.Timeout(0.5):
        assert list(stream) == [RIGHTS]


def test_a_session_that_ended_while_its_page_was_opening_is_noticed(
    watched: tuple[LiveHub, _Sessions], redis: redis_py.Redis
) -> None:
    hub, sessions = watched
    sessions.answers = {"a": SessionRevokedError()}
    assert b"event: over" in b"".join(hub.stream(_watched_page("a"), hub.position(TENANT)))


def test_a_database_that_is_away_ends_no_page(
    watched: tuple[LiveHub, _Sessions], redis: redis_py.Redis
) -> None:
    hub, sessions = watched
    sessions.answers = {"a": _Account(SUPERVISOR)}
    stream = _opened(hub, _watched_page("a"))
    sessions.answers["a"] = OperationalError("SELECT", {}, Exception("away"))
    _changed(redis)
    gevent.sleep(0.1)
    _publish(redis, "agent:1", 1)
    assert b"call.over" in _events(stream, 1)[0]
