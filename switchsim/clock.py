"""The simulator's time: real, or running `speed` times faster, for every wait and every stamp alike."""

from __future__ import annotations

import time

import gevent
from gevent.event import Event as Signal


class Clock:
    """Time since the epoch in microseconds, advancing `speed` times as fast as the host's."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("the speed must be above zero")
        self.speed = speed
        self._epoch_us = time.time_ns() // 1000
        self._started = time.monotonic()

    def now_us(self) -> int:
        """Return the simulated instant, microseconds since the epoch."""
        return self._epoch_us + int((time.monotonic() - self._started) * self.speed * 1e6)

    def uptime_us(self) -> int:
        """Return the simulated microseconds since the simulator started."""
        return self.now_us() - self._epoch_us

    def sleep(self, seconds: float) -> None:
        """Let `seconds` of simulated time pass."""
        gevent.sleep(max(0.0, seconds) / self.speed)

    def wait(self, signal: Signal, seconds: float | None) -> bool:
        """Wait for `signal` for at most `seconds` of simulated time (None: for ever); say whether it was set."""
        return bool(signal.wait(None if seconds is None else max(0.0, seconds) / self.speed))

    def spawn_later(self, seconds: float, call: object, *args: object) -> gevent.Greenlet:
        """Call `call(*args)` after `seconds` of simulated time; the greenlet can be killed before."""
        return gevent.spawn_later(max(0.0, seconds) / self.speed, call, *args)
