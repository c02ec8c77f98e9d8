"""``zongji doctor``: what is configured, reachable and wrong, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterator

from core.settings import Settings
from zongji.doctor.finding import Finding, Level, report
from zongji.doctor.local import examine_local
from zongji.doctor.neighbours import examine_neighbours
from zongji.doctor.switch import examine_switch

__all__ = ["Finding", "Level", "examine", "report"]


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings, in the order a call depends on them; changes nothing."""
    yield from examine_local(settings)
    yield from examine_neighbours(settings)
    yield from examine_switch(settings)
