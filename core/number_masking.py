"""Telephone numbers of persons in what an account is shown: in full with the right, else masked (ACC-14).

Without :attr:`core.permissions.Permission.NUMBERS_FULL` the four digits before the last four are hidden. It is done
where an answer is made, never in the browser: a number that is not to be seen does not leave the server.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from core import phone

NUMBER_FIELDS: Final = frozenset(
    {
        "caller",
        "called",
        "caller_id",
        "number",
        "phone",
        "mobile",
        "bound_number",
        "from_number",
        "to_number",
        "pattern",
    }
)
"""Names of fields, in events, snapshots, deliveries and the log, that hold telephone numbers. An extension's
``number`` is too short to be masked.
"""


_NUMBER_IN_TEXT = re.compile(r"\d(?:[ -]?\d){6,}")


def masked(value: Any) -> Any:
    """Return `value`, made of what JSON has, with every field of :data:`NUMBER_FIELDS` at any depth masked.

    A withheld number stays as it is stored: it tells nothing, and programs know it by that word.
    """
    if isinstance(value, dict):
        return {
            name: masked_number(each) if name in NUMBER_FIELDS and isinstance(each, str) else masked(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [masked(each) for each in value]
    return value


def masked_number(stored: str) -> str:
    """Return a stored number masked; empty and withheld ones stay. A beginning of numbers keeps its ``*``."""
    if not stored or stored == phone.WITHHELD:
        return stored
    beginning = stored.removesuffix("*")
    return phone.mask(beginning) + stored[len(beginning) :]


def masked_text(text: str) -> str:
    """Return a text people read with what may be a telephone number in it masked: seven digits and more in a row, also
    with single blanks or hyphens between them.
    """
    return _NUMBER_IN_TEXT.sub(lambda found: _masked_digits(found[0]), text)


def _masked_digits(number: str) -> str:
    places = [at for at, sign in enumerate(number) if sign.isdigit()]
    hidden = set(places[3:-4])  # there may be two numbers in a row
    return "".join("*" if at in hidden else sign for at, sign in enumerate(number))


def masked_keys(keys: str) -> str:
    """Return what a caller typed; of seven digits and more, which are likely a number, the first key alone and ``…``.

    Telephone numbers are masked about their last four digits; keys may hold several numbers in a row, so that the
    end of one would leave the others to be read.
    """
    digits = sum(each.isdigit() for each in keys)
    return keys if digits < phone.MASKED_FROM else f"{keys[0]}…"


def masked_json(data: bytes) -> bytes:
    """Return a JSON text with its numbers masked (:func:`masked`). Raises ``msgspec.DecodeError`` for no JSON."""
    return msgspec.json.encode(masked(msgspec.json.decode(data)))
