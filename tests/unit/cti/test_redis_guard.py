"""The controller's way to Redis: users take turns, and a server that is away costs nobody more than one time-out."""

from __future__ import annotations

import gevent
import pytest
from redis import TimeoutError as RedisTimeoutError

from cti.controller import redis_guard
from cti.controller.redis_guard import TURNS, RedisAwayError, RedisGuard

USERS = 10 * TURNS


class Server:
    """Says how many use it at a time; away for good once it was frozen."""

    def __init__(self) -> None:
        self.using = self.most = self.asked = 0
        self.frozen = False

    def use(self) -> int:
        self.asked += 1
        self.using += 1
        self.most = max(self.most, self.using)
        gevent.sleep(0.001)
        self.using -= 1
        if self.frozen:
            raise RedisTimeoutError("no reply")
        return self.asked

    def ping(self) -> None:
        self.use()


def test_hundreds_at_once_take_turns() -> None:
    server = Server()
    guard = RedisGuard(server, lambda: None)
    users = [gevent.spawn(guard.run, lambda client: client.use()) for _ in range(USERS)]
    gevent.joinall(users, timeout=30, raise_error=True)
    assert [user.successful() for user in users] == [True] * USERS
    assert (server.asked, server.most) == (USERS, TURNS)
    assert guard.up


def test_who_waits_for_a_turn_learns_at_once_that_it_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_guard, "PROBE_S", 60)
    server = Server()
    server.frozen = True
    guard = RedisGuard(server, lambda: None)
    failed = []

    def use() -> None:
        try:
            guard.run(lambda client: client.use())
        except RedisAwayError:
            failed.append(server.asked)

    gevent.joinall([gevent.spawn(use) for _ in range(USERS)], timeout=30, raise_error=True)
    assert len(failed) == USERS
    assert server.asked == TURNS, "nobody asked after the first time-out"
    assert not guard.up


def test_a_use_within_a_use_needs_no_second_server() -> None:
    guard = RedisGuard(Server(), lambda: None)
    assert guard.run(lambda _: guard.run(lambda client: client.use())) == 1
