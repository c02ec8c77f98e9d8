"""Marks texts of declarations for the catalogue, where a plain string is needed at import."""

from __future__ import annotations


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it, which the catalogue's collector looks for
    """Return `message` as it is; it is translated when the document is made."""
    return message
