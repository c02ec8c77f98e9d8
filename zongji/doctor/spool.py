"""What waits for the shipper on this host's disk, and what it put aside."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

from core.settings import Settings

LOOKED_AT = 20_000
"""Files whose age is asked for, at most: a heap of them takes no longer to look at."""


@dataclasses.dataclass(frozen=True)
class Spool:
    """Files of one cell that are no rows yet."""

    waiting: int
    oldest_s: float
    """Age of the oldest of them; 0: none waits."""
    aside: int
    """Files nobody can read."""


def read_spool(settings: Settings) -> Spool:
    """Return what is there. Files that vanish meanwhile were shipped."""
    waiting, oldest = 0, 0.0
    for folder, ending in (
        (settings.cdr_dir, ".cdr.json"),
        (settings.facts_dir, ".json"),
        (settings.states_dir, ".json"),
        (settings.sms_dir, ".json"),
    ):
        count, age_s = _waiting(folder, ending)
        waiting, oldest = waiting + count, max(oldest, age_s)
    places = [
        folder / name
        for folder in (settings.cdr_dir, settings.facts_dir, settings.states_dir, settings.sms_dir)
        for name in ("bad", "homeless")
    ]
    places += settings.recordings_dir.glob("*/bad")
    aside = sum(1 for place in places if place.is_dir() for path in place.iterdir() if path.suffix != ".why")
    return Spool(waiting, oldest, aside)


def _waiting(folder: Path, ending: str) -> tuple[int, float]:
    if not folder.is_dir():
        return 0, 0.0
    count, first = 0, time.time()
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith(ending):
                continue
            count += 1
            if count <= LOOKED_AT:
                try:
                    first = min(first, entry.stat().st_mtime)
                except FileNotFoundError:
                    count -= 1
    return count, max(0.0, time.time() - first) if count else 0.0
