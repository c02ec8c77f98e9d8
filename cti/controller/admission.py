"""Whether the cell can take another call now without making every call slow (docs/benchmarks.md, Overload). Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

LAGGING_APART_S: Final = 1.0
"""While the switch is behind, calls are taken so far apart: what holds a switch up that got none is not new calls."""


class Admission:
    """Limits on new calls; 0 switches one off."""

    def __init__(self, *, max_lag_s: float, max_per_s: int) -> None:
        """`max_lag_s`: how far the switch may be behind with commands; `max_per_s`: calls taken in any second."""
        self._max_lag_s = max_lag_s
        self._max_per_s = max_per_s
        self._taken: deque[float] = deque(maxlen=max(1, max_per_s))

    def admits(self, *, lag_s: float, now: float) -> bool:
        """Return whether a call may be taken at second `now` (monotonic), and count it if so."""
        lagging = 0 < self._max_lag_s < lag_s
        if lagging and self._taken and now - self._taken[-1] < LAGGING_APART_S:
            return False
        full = len(self._taken) == self._max_per_s
        if self._max_per_s and full and now - self._taken[0] < 1:
            return False
        self._taken.append(now)
        return True
