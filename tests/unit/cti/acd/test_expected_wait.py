"""The expected wait, measured on a simulated stream of callers (CTI-Q2)."""

from __future__ import annotations

import heapq
import random
import statistics

import pytest

from cti.acd.expected_wait import KEPT, LEAST, WAITED_MS, expected_wait_s, interval_ms


def stream(seed: int, agents: int, load: float, callers: int = 1500) -> list[tuple[int, int, int]]:
    """Return position on arrival, what was said then and how long it took (seconds) of those who had to wait, for
    talks of three minutes on average and callers so often that agents are busy `load` of their time.
    """
    chance = random.Random(seed)
    talk_s = 180.0
    free_at = [0.0] * agents
    now_s = 0.0
    starts: list[float] = []
    intervals: list[tuple[int, int]] = []
    pending: list[tuple[float, float]] = []
    told = []
    for _ in range(callers):
        now_s += chance.expovariate(load * agents / talk_s)
        while pending and pending[0][0] <= now_s:
            served_s, entered_s = heapq.heappop(pending)
            served_ms, last_ms = int(served_s * 1000), intervals[0][0] if intervals else 0
            length = interval_ms(last_ms, int(entered_s * 1000), served_ms)
            if length is not None:
                intervals.insert(0, (served_ms, length))
                del intervals[KEPT:]
        position = 1 + sum(start > now_s for start in starts)
        start_s = max(now_s, heapq.heappop(free_at))
        heapq.heappush(free_at, start_s + chance.expovariate(1 / talk_s))
        starts = [start for start in starts if start > now_s] + [start_s]
        heapq.heappush(pending, (start_s, now_s))
        said = expected_wait_s(position, intervals, int(now_s * 1000))
        if start_s > now_s and said is not None:
            told.append((position, said, round(start_s - now_s)))
    return told


@pytest.mark.parametrize(("agents", "load"), [(5, 0.95), (20, 0.97), (60, 0.99)])
def test_the_error_stays_in_bounds(agents: int, load: float) -> None:
    """What is said is right on average within a quarter, and nearer than the queue's usual wait would be."""
    told = [each for seed in range(4) for each in stream(seed, agents, load)]
    assert len(told) > 500
    said = statistics.fmean(said for _, said, _ in told)
    took = statistics.fmean(took for _, _, took in told)
    assert abs(said - took) < 0.25 * took
    error = statistics.median(abs(said - took) for _, said, took in told)
    usual = statistics.median(took for _, _, took in told)
    of_usual = statistics.median(abs(usual - took) for _, _, took in told)
    assert error < 0.75 * of_usual, (error, of_usual)
    ahead = [(said, took) for position, said, took in told if position > 5]
    relative = statistics.median(abs(said - took) / took for said, took in ahead)
    assert relative < 0.35, relative


def test_quiet_times_and_idle_agents_say_nothing_of_the_pace() -> None:
    assert interval_ms(0, 10_000, 10_000 + WAITED_MS - 1) is None, "served by somebody idle"
    assert interval_ms(5_000, 10_000, 40_000) == 30_000, "nobody waited before"
    assert interval_ms(35_000, 10_000, 40_000) == 5_000
    assert interval_ms(45_000, 10_000, 40_000) == 0, "a clock set back is no negative time"


def test_nothing_is_said_without_a_pace() -> None:
    now = 10_000_000
    known = [(now - n, 10_000) for n in range(LEAST)]
    assert expected_wait_s(2, known, now) == 20
    assert expected_wait_s(2, known[1:], now) is None
    assert expected_wait_s(0, known, now) is None
    assert expected_wait_s(2, [(at - 3_700_000, length) for at, length in known], now) is None, "an hour old"
    assert expected_wait_s(10_000, known, now) == 3_600, "no more than an hour is said"
