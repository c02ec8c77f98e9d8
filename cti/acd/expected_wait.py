"""How long a caller will probably wait: a place in the queue times the pace at which the queue serves. Pure.

The pace is the mean of the last intervals at which somebody who waited was taken, of the last hour. An interval begins
with the one before, or with the arrival of who was taken when nobody waited until then, so that quiet times do not
count.
"""

from __future__ import annotations

from collections.abc import Sequence

KEPT = 30
"""Intervals that are remembered."""
WINDOW_MS = 3_600_000
LEAST = 3
"""Below so many intervals nothing is said: a caller is better told nothing than something made up."""
WAITED_MS = 1_000
"""Who waited less was served by somebody idle, and tells nothing of the pace."""
LONGEST_S = 3_600


def interval_ms(last_ms: int, entered_ms: int, now_ms: int) -> int | None:
    """Return what serving a caller who entered at `entered_ms` says of the pace; None when it says nothing. `last_ms`
    is when the one before was served, 0 for none.
    """
    if now_ms - entered_ms < WAITED_MS:
        return None
    return max(0, now_ms - max(last_ms, entered_ms))


def expected_wait_s(position: int, intervals: Sequence[tuple[int, int]], now_ms: int) -> int | None:
    """Return the seconds a caller at `position` (1 is first) will probably wait from now on, None when that is not
    known. `intervals` are the moment of each and its length, newest first, both in milliseconds.
    """
    recent = [length for at_ms, length in intervals[:KEPT] if now_ms - at_ms <= WINDOW_MS]
    if len(recent) < LEAST or position < 1:
        return None
    return min(LONGEST_S, round(position * sum(recent) / len(recent) / 1000))
