"""A key's requests are counted in a moving minute, for all processes together; without Redis by each alone."""

from __future__ import annotations

import pytest

from admin_web.api import rate
from admin_web.api.rate import RateLimits
from core.redis import connect
from tests.unit.admin_web.api.support import error_of, program
from tests.unit.admin_web.conftest import World


def test_answers_say_how_much_is_left_and_then_refuse(world: World) -> None:
    ask = program(world, per_minute=3)
    left = [ask.get("/queues").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    answer = ask.get("/queues")
    assert (answer.status_code, error_of(answer)) == (429, "rate-limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit-Limit"] == "3"
    assert answer.headers["RateLimit-Remaining"] == "0"


def test_each_key_has_a_count_of_its_own(world: World) -> None:
    first, second = program(world, per_minute=1), program(world, per_minute=1)
    assert first.get("/queues").status_code == 200
    assert first.get("/queues").status_code == 429
    assert second.get("/queues").status_code == 200


def test_a_refused_request_counts_too(world: World) -> None:
    ask = program(world, per_minute=2)
    assert ask.get("/queues/999999").status_code == 404
    assert ask.get("/queues?x=1").status_code == 422
    assert ask.get("/queues").status_code == 429


def test_two_processes_count_together(world: World) -> None:
    one, two = RateLimits(world.parts.redis), RateLimits(world.parts.redis)
    assert [one.hit(7, 3).allowed, two.hit(7, 3).allowed, one.hit(7, 3).allowed] == [True] * 3
    assert not two.hit(7, 3).allowed


def test_the_minute_moves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = RateLimits(world.parts.redis)
    now = rate.time.time()
    monkeypatch.setattr("time.time", lambda: now)
    assert counter.hit(8, 2).allowed
    monkeypatch.setattr("time.time", lambda: now + 40)
    assert counter.hit(8, 2).allowed
    standing = counter.hit(8, 2)
    assert not standing.allowed
    assert standing.reset_s in {20, 21}
    monkeypatch.setattr("time.time", lambda: now + 61)
    assert counter.hit(8, 2).allowed
    assert not counter.hit(8, 2).allowed


def test_without_redis_a_limit_is_still_a_limit(world: World) -> None:
    gone = connect("unix:///nowhere/redis.sock")
    counter = RateLimits(gone)
    assert [counter.hit(9, 2).allowed for _ in range(3)] == [True, True, False]


def test_after_a_failure_redis_is_not_asked_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = connect("unix:///nowhere/redis.sock")
    counter = RateLimits(gone)
    asked = []
    real = counter._shared.hit
    monkeypatch.setattr(counter._shared, "hit", lambda *rest: asked.append(rest) or real(*rest))
    for _ in range(5):
        counter.hit(9, 100)
    assert len(asked) == 1
    clock = rate.time.monotonic() + rate.LOCAL_FOR_S
    monkeypatch.setattr(rate.time, "monotonic", lambda: clock)
    counter.hit(9, 100)
    assert len(asked) == 2
