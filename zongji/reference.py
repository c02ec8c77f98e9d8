"""The settings' reference page and sample file, made from the settings themselves."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from pathlib import Path

from core.settings import PREFIX, Settings


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield (variable, default, sentence) of every setting."""
    for field in dataclasses.fields(Settings):
        yield PREFIX + field.name.upper(), _shown(field.default), field.metadata["sentence"]


def _shown(value: object) -> str:
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.as_posix() if isinstance(value, Path) else str(value)


def markdown() -> str:
    """Return the reference as a Markdown table."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for variable, default, sentence in rows():
        shown = f"`{default}`" if default else "(empty)"
        lines.append(f"| `{variable}` | {shown} | {sentence.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def sample() -> str:
    """Return a file of environment variables, everything commented out."""
    return "\n".join(f"# {sentence}\n#{variable}={default}\n" for variable, default, sentence in rows())


def write_into(page: str) -> str:
    """Return the manual's `page` with its table of settings replaced by the present one."""
    begin, end = "<!-- settings: made by `make settings` -->\n", "<!-- end of settings -->\n"
    head, rest = page.split(begin)
    return head + begin + markdown() + end + rest.split(end)[1]


if __name__ == "__main__":
    PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
    PAGE.write_text(write_into(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
