"""How long a caller still waits for sounds that are made while the caller listens to nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

PATIENCE_S = 3.0
"""A caller hears nothing longer than this for want of a sound."""


class Patience:
    """What is left of the time, in seconds; belongs to one greenlet."""

    def __init__(self, left_s: float) -> None:
        self.left_s = left_s

    def used(self, seconds: float) -> None:
        """Say that so much was waited."""
        self.left_s = max(0.0, self.left_s - seconds)


_HELD: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextlib.contextmanager
def of_one_caller(seconds: float) -> Iterator[None]:
    """Everything spoken within this block, such as a prompt list, is waited for `seconds` together at most."""
    token = _HELD.set(Patience(seconds))
    try:
        yield
    finally:
        _HELD.reset(token)


def held(seconds: float) -> Patience:
    """Return the patience of the block around, or one of `seconds` where there is no caller."""
    return _HELD.get() or Patience(seconds)
