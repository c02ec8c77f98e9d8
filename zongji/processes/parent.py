"""Processes that must not outlive the one that started them."""

from __future__ import annotations

import contextlib
import ctypes

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: int) -> None:
    """Have the kernel send this process the signal `number` when its parent is gone, however that ended (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
