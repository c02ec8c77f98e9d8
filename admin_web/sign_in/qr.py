"""The square code (QR) a telephone's camera reads, as SVG inside the page: nothing is fetched for it."""

from __future__ import annotations

import segno
from markupsafe import Markup


def square_code(text: str) -> Markup:
    """Return `text` as an SVG element with its quiet zone, dark on light in either theme."""
    made = segno.make(text, error="m", micro=False)
    drawn = made.svg_inline(
        border=4, omitsize=True, dark="#000", light="#fff", svgclass="zj-square", lineclass=None
    )
    return Markup(drawn)  # noqa: S704 - drawn by the library: paths and numbers, none of the text
