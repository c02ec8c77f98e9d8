"""Work that would freeze a gevent process (C code that waits or computes), sent to real threads where gevent
runs.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

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
    return result_of(begin(function, *args))


def begin(function: Callable[..., Any], *args: Any) -> Any:
    """Have ``function(*args)`` computed in a real thread; return what :func:`result_of` takes. In gevent processes."""
    return _pool().spawn(_outcome, function, args)


def result_of(work: Any) -> Any:
    """Return what became of something begun, or raise what it raised."""
    result, error = work.get()
    if error is not None:
        raise error
    return result


def run_to_the_end(function: Callable[..., Any], *, after: Any = None) -> Any:
    """Return ``function()``, computed as by :func:`run`, and begun once `after` (something begun before) has ended.

    It is done in any case: a greenlet that is killed or timed out while it waits goes on waiting, and only then ends as
    it was told to.
    """
    if not in_gevent():
        return function()
    told: BaseException | None = None
    work = None
    while work is None or not work.ready():
        try:
            if after is not None and not after.ready():
                after.wait()
            elif work is None:
                work = begin(function)
            else:
                work.wait()
        except BaseException as kill:  # noqa: BLE001 - or a time-out; raised below
            told = kill
    if told is not None:
        raise told
    return result_of(work)


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


class LaneFullError(TimeoutError):
    """Every place of a lane is taken: the work was not begun."""


class Lane:
    """At most `places` real threads of its own for work that may hang, such as a network disk: who waits for it gives
    up, and what hangs fills neither the threads of `run` nor more than its own places.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._busy: set[object] = set()
        self._pool: Any = None

    def run(self, timeout_s: float, function: Callable[..., Result], *args: Any) -> Result:
        """Return ``function(*args)``. Raises ``TimeoutError`` after `timeout_s`, `LaneFullError` at once.

        What is given up goes on and keeps its place until it ends.
        """
        if len(self._busy) >= self._places:
            raise LaneFullError("every place is taken")
        work = object()
        self._busy.add(work)

        def held() -> tuple[Any, Exception | None]:
            try:
                return _outcome(function, args)
            finally:
                self._busy.discard(work)

        found = self._in_hub(timeout_s, held) if in_gevent() else _in_thread(timeout_s, held)
        if found is None:
            raise TimeoutError("it takes too long")
        result, error = found
        if error is not None:
            raise error
        return cast(Result, result)

    def _in_hub(self, timeout_s: float, held: Callable[[], Any]) -> Any:
        import gevent
        from gevent.threadpool import ThreadPool

        hub = gevent.get_hub()
        if self._pool is None or self._pool.hub is not hub:
            self._pool = ThreadPool(self._places, hub=hub)
        outcome = self._pool.spawn(held)
        outcome.wait(timeout_s)
        return outcome.value if outcome.ready() else None


def _in_thread(timeout_s: float, held: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(held()), daemon=True, name="lane")
    thread.start()
    thread.join(timeout_s)
    return found[0] if found else None
