"""The end of a shift, printed: what was done, what died, and each check with what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHOWN = 25
"""So many details of a check are printed."""


def counted(title: str, counts: Mapping[str, int], columns: int = 3) -> str:
    """Return counts in columns, by name."""
    cells = [f"{name} {count}" for name, count in sorted(counts.items())]
    width = max((len(cell) for cell in cells), default=0) + 2
    rows = [cells[at : at + columns] for at in range(0, len(cells), columns)]
    return "\n".join([title, *("  " + "".join(cell.ljust(width) for cell in row).rstrip() for row in rows)])


def verdicts(results: Mapping[str, Sequence[str]]) -> str:
    """Return a line a check, and below it what is wrong."""
    lines = []
    for name, wrong in results.items():
        lines.append(f"{'ok   ' if not wrong else 'WRONG'} {name}{f' ({len(wrong)})' if wrong else ''}")
        lines += [f"        {each}" for each in wrong[:SHOWN]]
        if len(wrong) > SHOWN:
            lines.append(f"        and {len(wrong) - SHOWN} more")
    return "\n".join(lines)
