"""Keeps a process that cannot start from spinning: the supervisor restarts at once and for ever."""

from __future__ import annotations

import os
import time

from core.settings import Settings

RESTART_PAUSE_S = 2.0
"""A process started again within this time of its last start waits as long first; a killed one starts at
once.
"""


def pace(settings: Settings, name: str) -> None:
    """Wait when `name` was last started less than :data:`RESTART_PAUSE_S` ago, then note this start."""
    folder = settings.home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / f"{name}.started"
    try:
        age_s = time.time() - mark.stat().st_mtime
    except FileNotFoundError:
        age_s = RESTART_PAUSE_S
    if 0 <= age_s < RESTART_PAUSE_S:
        time.sleep(RESTART_PAUSE_S)
    mark.touch()
    os.utime(mark)
