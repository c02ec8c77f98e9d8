"""The table in docs/calls.md is the table in the code."""

from __future__ import annotations

from pathlib import Path

from cti.call.diagram import replaced

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "calls.md"


def test_the_documented_table_is_up_to_date() -> None:
    text = DOCUMENT.read_text()
    assert replaced(text) == text, "run: python -m cti.call.diagram docs/calls.md"
