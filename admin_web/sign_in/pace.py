"""How often and how fast the door answers: limits by address, and refusals that all take the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask import current_app, request
from limits import RateLimitItem, RateLimitItemPerMinute

from core.access.networks import client_key
from core.errors import CallerFault
from core.throttle import TooOftenError
from core.views import parts

WINDOW_MIN: Final = 5
ATTEMPTS: Final = RateLimitItemPerMinute(300, WINDOW_MIN)
"""Attempts from one address, right or wrong: a company of some hundred may begin its day behind one."""
FAILURES: Final = RateLimitItemPerMinute(50, WINDOW_MIN)
"""Wrong ones among them."""
RESETS: Final = RateLimitItemPerMinute(10, WINDOW_MIN)
"""Codes for a new password asked for from one address."""

FLOOR_S: Final = 0.8
"""Refusals take at least so long: more than a hash and the writes of either way, so that the time tells nothing."""
FLOOR_CONFIG: Final = "ZONGJI_ANSWER_FLOOR_S"
"""Key of the application's configuration that sets another floor; for tests."""


@contextmanager
def guarded() -> Iterator[None]:
    """Count an attempt of the request's address; what is refused inside counts as a failure and takes its time.

    Raises :class:`TooOftenError` instead of beginning when there were too many.
    """
    who, throttle = client_key(request.remote_addr or ""), parts().throttle
    if not throttle.free(FAILURES, "sign-in-failure", who) or not throttle.take(ATTEMPTS, "sign-in", who):
        raise TooOftenError(minutes=WINDOW_MIN)
    began = time.monotonic()
    try:
        yield
    except CallerFault:
        throttle.take(FAILURES, "sign-in-failure", who)
        wait_from(began)
        raise


def limit(item: RateLimitItem, what: str) -> None:
    """Count one of `what` by the request's address. Raises :class:`TooOftenError`."""
    if not parts().throttle.take(item, what, client_key(request.remote_addr or "")):
        raise TooOftenError(minutes=WINDOW_MIN)


def wait_from(began: float) -> None:
    """Wait until the floor has passed since `began` (monotonic seconds)."""
    floor_s = float(current_app.config.get(FLOOR_CONFIG, FLOOR_S))
    if (left := began + floor_s - time.monotonic()) > 0:
        time.sleep(left)
