"""Texts with places: ``{name}`` stands for a variable's value (CTI-I12, I13)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

MAX_VALUE = 200
"""Characters of a variable's value; longer ones are cut: a run travels on the call's channel."""
MAX_FILLED = 16_000
"""Characters of a text with the values put in, of an address, a header or a body."""
MAX_TEXT = 2000
"""Characters of a text with places as somebody writes it."""
_PLACE = re.compile(r"\{([A-Za-z0-9_]{1,64})\}")


def names(text: str) -> list[str]:
    """Return the variables `text` has places for, in order; braces around anything else are text."""
    return _PLACE.findall(text)


def fill(
    text: str, variables: Mapping[str, str], encode: Callable[[str], str] = str, limit: int = MAX_FILLED
) -> str:
    """Return `text` with each place taken by its variable's value, as `encode` writes it; one without a value
    is left empty. Values are not looked into: a place inside a value stays text. What is beyond `limit`
    characters is cut off and never built: values that name one another would otherwise grow without bound.
    """
    pieces: list[str] = []
    left, end = max(limit, 0), 0
    for place in _PLACE.finditer(text):
        for piece in (text[end : place.start()], encode(variables.get(place[1], ""))):
            pieces.append(piece[:left])
            left -= len(pieces[-1])
        end = place.end()
        if not left:
            break
    pieces.append(text[end : end + left])
    return "".join(pieces)
