"""The wall clock in the units the platform speaks: milliseconds since the epoch, UTC."""

from __future__ import annotations

import datetime
import time


def now_ms() -> int:
    """Return the present instant in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def from_ms(instant_ms: int) -> datetime.datetime:
    """Return `instant_ms` as an aware UTC time."""
    return datetime.datetime.fromtimestamp(instant_ms / 1000, datetime.UTC)


def to_ms(instant: datetime.datetime) -> int:
    """Return an aware time in milliseconds since the epoch. Raises ``ValueError`` when it is naive."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone")
    return round(instant.timestamp() * 1000)
