"""Finding rows by a telephone number: by any part of it, or, where numbers are masked, by the whole alone."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

from core import phone
from core.views import sees_full_numbers


def number_matches(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    """Return the condition that `column` fits what was typed: a number as people write it, or a part of it.

    Where the account may not see numbers in full, parts find nothing: digit by digit they would tell the number.
    """
    try:
        whole = column == phone.parse(text).stored
    except phone.InvalidNumberError:
        whole = column == text
    return or_(whole, column.contains(text, autoescape=True)) if sees_full_numbers() else whole
