"""Telephone numbers in answers: in full for keys that may see them, else with four digits hidden."""

from __future__ import annotations

from core.views import visible_number


def shown(stored: str) -> str:
    """Return a stored number as the key may see it; empty stays empty."""
    return visible_number(stored)
