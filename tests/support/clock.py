"""The clock of tests that wait or measure: it goes slow while the machine holds its programs back.

A processor shared with other machines, a disk that stalls and test groups running beside each other say nothing about
the platform. The kernel counts that time itself: pressure stall information (kernel documentation,
accounting/psi) for the processor and the disk, and `steal` in /proc/stat for a host that runs somebody else. On a quiet
machine this is `time.monotonic()`; where the kernel tells nothing, everywhere.
"""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

SLOWEST = 0.2
"""Share of real time that always counts, so that what never happens is given up on the busiest machine too."""

_PRESSURE = (Path("/proc/pressure/cpu"), Path("/proc/pressure/io"))
_STAT = Path("/proc/stat")
_TOTAL = re.compile(r"^some .*total=(\d+)", re.MULTILINE)
_STOLEN_FIELD = 8


def held_back_s() -> float:
    """Return for how long, since the machine started, some program could not run though it had work to do."""
    total = 0.0
    for path in _PRESSURE:
        try:
            found = _TOTAL.search(path.read_text())
        except OSError:
            continue
        total += int(found[1]) / 1e6 if found else 0.0
    try:
        stolen = int(_STAT.read_text().split(None, _STOLEN_FIELD + 1)[_STOLEN_FIELD])
    except (OSError, IndexError, ValueError):
        return total
    return total + stolen / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)


def worked_of(passed_s: float, held_s: float) -> float:
    """Return the part of a time in which programs worked, between `SLOWEST` of it and all of it."""
    return min(passed_s, max(passed_s - held_s, passed_s * SLOWEST))


class Clock:
    """Counts the seconds in which the machine let its programs work. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._real_s = time.monotonic()
        self._held_s = held_back_s()
        self._worked_s = 0.0

    def now_s(self) -> float:
        """Return seconds since the clock was made, never going back, never faster than real time."""
        with self._lock:
            real_s, held_s = time.monotonic(), held_back_s()
            passed_s = real_s - self._real_s
            self._worked_s += worked_of(passed_s, held_s - self._held_s)
            self._real_s, self._held_s = real_s, held_s
            return self._worked_s


class Witness:
    """Notes the machine's stalls while something is measured by the time stamps of others. A context manager."""

    STEP_S = 0.01

    def __init__(self) -> None:
        self._seen: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Witness:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self._seen.append((time.time(), held_back_s()))
            if self._over.wait(self.STEP_S):
                return

    def worked_s(self, since_s: float, until_s: float) -> float:
        """Return how much of the time between two moments (Unix time) the machine let its programs work."""
        before = max((held for at, held in self._seen if at <= since_s), default=self._seen[0][1])
        after = min((held for at, held in self._seen if at >= until_s), default=self._seen[-1][1])
        return worked_of(until_s - since_s, after - before)


now_s = Clock().now_s
"""The clock all tests share: take it where `time.monotonic()` would be a deadline or a measured limit."""
