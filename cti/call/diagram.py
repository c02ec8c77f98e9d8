"""The call's table as a Markdown matrix for docs/calls.md: ``python -m cti.call.diagram docs/calls.md`` rewrites it."""

from __future__ import annotations

import sys
from pathlib import Path

from cti.call import inputs
from cti.call.machine import TABLE, Handler, ignore
from cti.call.model import Phase

BEGIN, END = "<!-- table begins -->", "<!-- table ends -->"


def matrix() -> str:
    """Return phases as columns, inputs as rows; a dot is "means nothing here", a blank "is a bug"."""
    kinds = [
        kind for kind in vars(inputs).values() if isinstance(kind, type) and issubclass(kind, inputs.Input)
    ]
    kinds.remove(inputs.Input)
    lines = [
        "| input | " + " | ".join(phase.value for phase in Phase) + " |",
        "|---|" + "---|" * len(Phase),
    ]
    for kind in kinds:
        cells = [_name(TABLE.get((phase, kind))) for phase in Phase]
        lines.append(f"| {kind.__name__} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def replaced(text: str) -> str:
    """Return the document with the matrix as it is now."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{matrix()}\n{END}{tail}"


def _name(handler: Handler | None) -> str:
    if handler is None:
        return ""
    if handler is ignore:
        return "·"
    return handler.__qualname__.split(".")[0].strip("_").replace("_", " ")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(replaced(path.read_text()))
