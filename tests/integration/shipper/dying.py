"""A shipper that kills itself at a point: ``python -m tests.integration.shipper.dying <folder> <url> <point>``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from core import store
from core.database import Database, TenantSession
from cti.records import recordings, shipper, wav
from cti.records.meters import Meters

POINTS = ("before-commit", "after-commit", "between-unlinks", "after-copy", "before-row", "after-row")


def die(*args: Any, **options: Any) -> Any:
    """End as SIGKILL ends: nothing is flushed, nothing cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(function: Callable[..., Any], times: int = 1) -> Callable[..., Any]:
    """Return `function`, after whose call number `times` the process dies."""
    left = times

    def wrapped(*args: Any, **options: Any) -> Any:
        nonlocal left
        result = function(*args, **options)
        left -= 1
        if not left:
            die()
        return result

    return wrapped


def arm(point: str) -> None:
    """Make the process die at `point`."""
    if point == "before-commit":
        TenantSession.commit = die  # type: ignore[method-assign]
    elif point == "after-commit":
        shipper.ingest = die_after(shipper.ingest)  # type: ignore[attr-defined]
    elif point == "between-unlinks":
        Path.unlink = die_after(Path.unlink)  # type: ignore[method-assign]
    elif point == "after-copy":
        store.FileStore.put = die_after(store.FileStore.put)  # type: ignore[method-assign]
    elif point == "before-row":
        wav.peaks = die  # type: ignore[assignment]
    elif point == "after-row":
        commit = TenantSession.commit
        # Records first (one commit), then the recording's.
        TenantSession.commit = die_after(commit, times=2)  # type: ignore[method-assign]
    assert point in POINTS
    assert recordings.wav is wav


def main() -> None:
    """Ship once, dying on the way."""
    folder, url, point = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    arm(point)
    work = shipper.Shipper(
        cdr_dir=folder / "cell" / "cdr",
        facts_dir=folder / "cell" / "facts",
        states_dir=folder / "cell" / "states",
        recordings_dir=folder / "cell" / "recordings",
        database=Database(url),
        store=store.FileStore(folder / "store"),
        announce=lambda ready: None,
        meters=Meters.make(CollectorRegistry()),
    )
    work.step()
    work.ship_recordings()


if __name__ == "__main__":
    main()
