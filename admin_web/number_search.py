"""Finding rows by a telephone number: by any part of it, or, where numbers are masked, by the whole alone."""

from __future__ import annotations

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from core import phone
from core.views import sees_full_numbers


def number_matches(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    """Return the condition that `column` fits what was typed.

    Where the account may not see numbers in full, parts find nothing: digit by digit they would tell the number.
    """
    if sees_full_numbers():
        return column.contains(text, autoescape=True)
    try:
        return column == phone.parse(text).stored
    except phone.InvalidNumberError:
        return column == text
