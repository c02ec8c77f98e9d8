"""Names people give to things: one line, and nothing that cannot be seen or turns the text around it."""

from __future__ import annotations

import re
from typing import Final

from core.errors import InvalidField
from core.i18n import lazy

_REFUSED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, ends of lines, spaces without width, and marks that change the direction of what follows (Unicode
Standard Annex 9, 2): with them one name looks like another's, and a list of names is read backwards. Joiners stay: some
scripts need them.
"""


class HiddenSignsError(InvalidField):
    """A name has signs nobody sees."""

    id = "hidden-signs"
    sentence = lazy(
        "A name has no line breaks, control characters or marks that change the direction of text."
    )


def require_plain(field: str, text: str) -> None:
    """Raise :class:`HiddenSignsError` for a name in `field` that is not plain."""
    if _REFUSED.search(text):
        raise HiddenSignsError(field=field)
