"""One line per tier at the end of a run: what ran, and what could not and why (``./test``)."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

_MARKED = {
    "freeswitch": "real FreeSWITCH",
    "browser": "browser",
    "mariadb": "MariaDB",
    "redis": "Debian's Redis",
    "ffmpeg": "FFmpeg",
}
_FOLDERS = ("unit", "conformance", "integration", "e2e")
_ROOT = Path(__file__).resolve().parents[1]

_counts: dict[str, Counter[str]] = {}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note each test's tier on it, so that reports from other processes bring it along."""
    item.user_properties.append(("tier", _tier_of(item)))


def _tier_of(item: pytest.Item) -> str:
    """Return what the test needs, else the folder it is in."""
    for marker, name in _MARKED.items():
        if item.get_closest_marker(marker):
            return name
    parts = item.path.relative_to(_ROOT).parts if item.path.is_relative_to(_ROOT) else ("",)
    return parts[0] if parts[0] in _FOLDERS else "other"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count each test's end once; an error around a passed test counts as a failure too."""
    if report.when == "call" or report.outcome != "passed":
        tier = dict(report.user_properties).get("tier", "other")
        _counts.setdefault(str(tier), Counter())[report.outcome] += 1


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show the tiers."""
    terminalreporter.section("tiers")
    for name in sorted(_counts):
        counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(_counts[name].items()))
        terminalreporter.write_line(f"{name}: ran: {counts}")
    for entry in os.environ.get("ZJ_TIERS_LEFT_OUT", "").splitlines():
        marker, _, why = entry.partition("=")
        terminalreporter.write_line(f"{_MARKED[marker]}: could not run: {why}")
