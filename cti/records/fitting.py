"""Text from outside as a column takes it."""

from __future__ import annotations


def fit(text: str, length: int) -> str:
    """Return `text` without what a database refuses: control characters, halves of surrogates, too much of it."""
    clean = "".join(char if char >= " " and not "\ud800" <= char <= "\udfff" else " " for char in text)
    return clean.replace("\x7f", " ").strip()[:length]
