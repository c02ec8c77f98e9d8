"""Work that would freeze a gevent process (C code that waits or computes), sent to real threads where gevent
runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")

THREADS = 16
"""Real threads per hub."""

_pools: dict[int, Any] = {}


def in_gevent() -> bool:
    """Whether this process runs on gevent with the standard library patched."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


def run(function: Callable[..., Result], *args: Any) -> Result:
    """Return ``function(*args)``, computed in a real thread in gevent processes and at once in others.

    A greenlet that is killed or timed out while it waits leaves the thread working.
    """
    if not in_gevent():
        return function(*args)
    outcome: tuple[Result, Exception | None] = _pool().apply(_outcome, (function, args))
    result, error = outcome
    if error is not None:
        raise error
    return result


def _outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """Return the result or the error: gevent prints the traceback of whatever a thread raises, expected or not."""
    try:
        return function(*args), None
    except Exception as error:  # noqa: BLE001 - raised in the caller's greenlet
        return None, error


def _pool() -> Any:
    import gevent
    from gevent.threadpool import ThreadPool

    hub = gevent.get_hub()
    pool = _pools.get(id(hub))
    if pool is None or pool.hub is not hub:
        pool = _pools[id(hub)] = ThreadPool(THREADS, hub=hub)
    return pool
