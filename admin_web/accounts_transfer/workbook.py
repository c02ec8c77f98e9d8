"""Workbooks: written row by row in constant memory, no text ever a formula, an address or a number."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from xlsxwriter import Workbook

WIDEST = 32767
"""Characters a cell holds at most (Excel's limit)."""


def write_workbook(title: str, headings: Sequence[str], rows: Iterable[Sequence[str | int | float]]) -> Path:
    """Write a sheet into a temporary file and return its path, the caller's to remove.

    Text that looks like a formula, a number or an address stays text; numbers are cells to reckon with.
    """
    handle, name = tempfile.mkstemp(suffix=".xlsx", prefix="zongji-")
    os.close(handle)
    path = Path(name)
    try:
        with Workbook(name, {"constant_memory": True}) as workbook:
            sheet = workbook.add_worksheet(title[:31])
            text = workbook.add_format({"num_format": "@"})
            bold = workbook.add_format({"num_format": "@", "bold": True})
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, max(0, len(headings) - 1), 18, text)
            for column, heading in enumerate(headings):
                sheet.write_string(0, column, heading, bold)
            for number, row in enumerate(rows, 1):
                for column, value in enumerate(row):
                    if not isinstance(value, str):
                        sheet.write_number(number, column, value)
                    elif value:
                        sheet.write_string(number, column, value[:WIDEST], text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def chunks_then_removed(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes and remove it."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                yield chunk
    finally:
        path.unlink(missing_ok=True)
