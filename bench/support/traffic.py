"""What the controller has sent to its switch so far, from its metrics page."""

from __future__ import annotations

import re
import urllib.request

_LINE = re.compile(r'zongji_switch_command(s|_bytes)\{command="([^"]*)"\} ([0-9.e+]+)')

Counts = dict[str, tuple[float, float]]
"""By command: how many, and their bytes."""


def sent(metrics_port: int) -> Counts:
    """Return the counters as they stand (they are brought up to date each second)."""
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as page:
        text = page.read().decode()
    found: dict[str, list[float]] = {}
    for what, command, value in _LINE.findall(text):
        found.setdefault(command, [0.0, 0.0])[what == "_bytes"] = float(value)
    return {command: (number, size) for command, (number, size) in found.items()}


def between(before: Counts, after: Counts) -> Counts:
    """Return what was sent in between."""
    return {
        command: (number - before.get(command, (0, 0))[0], size - before.get(command, (0, 0))[1])
        for command, (number, size) in after.items()
    }


def table(counts: Counts, calls: int) -> str:
    """Return lines that say what was sent a call, most bytes first."""
    lines = [f"  {'sent to the switch, a call':<34}{'commands':>9}{'bytes':>8}"]
    total = (sum(n for n, _ in counts.values()), sum(b for _, b in counts.values()))
    rows = sorted(counts.items(), key=lambda row: -row[1][1])
    for command, (number, size) in [*rows, ("together", total)]:
        if size / calls >= 1:
            lines.append(f"  {command:<34}{number / calls:>9.1f}{size / calls:>8.0f}")
    return "\n".join(lines)
