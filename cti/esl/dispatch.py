"""Handing on what the switch says: one greenlet, in order, whatever the handlers do.

Reading never waits for a handler: frames are queued here. Beginnings and ends of connections stand in the same
queue, so a handler sees "up", that connection's events, "down" in this order and never two at once.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
import msgspec
import structlog

from cti.esl import events
from cti.esl.codec import Frame, ProtocolError
from cti.esl.connection import SwitchError
from cti.esl.events import Event

log = structlog.get_logger(__name__)

_TURN = 100
"""Events handed on before other greenlets get a turn."""


class Up(msgspec.Struct, frozen=True):
    """A pair of connections is up."""

    core_uuid: str


class Down(msgspec.Struct, frozen=True):
    """Pair number `session` is lost (`was_up`: its Up came before)."""

    session: int
    reason: str
    was_up: bool


class Statistics(msgspec.Struct, kw_only=True):
    """Counters since the client was made, for the metrics page."""

    connections: int = 0
    """Times both connections came up."""
    losses: int = 0
    """Times they were lost afterwards."""
    events: int = 0
    """Events handed on."""
    undecodable: int = 0
    """Events that were no JSON object."""
    dropped: int = 0
    """Events thrown away because the handler left too many waiting; the connection is given up with them."""
    handler_errors: int = 0
    """Exceptions that escaped from a callback."""
    failed_jobs: int = 0
    """Background jobs that did not end well, or of which nothing was heard."""
    max_backlog: int = 0
    """Most events that ever waited."""


def guarded(statistics: Statistics, callback: Callable[..., None] | None, *args: Any) -> None:
    """Call a callback; an exception that escapes is its bug, logged and counted, and ends nothing of ours."""
    if callback is None:
        return
    try:
        callback(*args)
    except SwitchError as error:
        statistics.handler_errors += 1
        log.warning("switch_handler_lost_the_switch", handler=_name(callback), reason=str(error))
    except Exception:  # any bug of a handler must leave the connection alone
        statistics.handler_errors += 1
        log.exception("switch_handler_failed", handler=_name(callback))


def _name(callback: Callable[..., None]) -> str:
    return getattr(callback, "__qualname__", None) or repr(callback)


class Dispatcher:
    """The queue and the greenlet that empties it."""

    def __init__(
        self,
        *,
        wanted: frozenset[str],
        statistics: Statistics,
        max_backlog: int,
        on_event: Callable[[Event], None],
        on_up: Callable[[str], None] | None,
        on_down: Callable[[str], None] | None,
        on_job: Callable[[Event], None],
        on_over: Callable[[Down], None],
    ) -> None:
        """`wanted` names what `on_event` gets; `on_job` gets each BACKGROUND_JOB, `on_over` each :class:`Down`."""
        self._wanted = wanted
        self._statistics = statistics
        self._max_backlog = max_backlog
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._on_job = on_job
        self._on_over = on_over
        self._queue: collections.deque[Frame | Up | Down] = collections.deque()
        self._arrived = gevent.event.Event()
        self._stopping = False

    def __len__(self) -> int:
        return len(self._queue)

    def start(self) -> None:
        """Start handing on."""
        self._stopping = False
        gevent.spawn(self._serve)

    def stop(self) -> None:
        """End when the queue is empty."""
        self._stopping = True
        self._arrived.set()

    def tell(self, what: Up | Down) -> None:
        """Queue the beginning or end of a connection."""
        self._queue.append(what)
        self._arrived.set()

    def take(self, frames: list[Frame]) -> None:
        """Queue event frames. Raises :class:`ProtocolError` when too many wait, and throws all of them away."""
        queue = self._queue
        queue.extend(frames)
        waiting = len(queue)
        if waiting > self._statistics.max_backlog:
            self._statistics.max_backlog = waiting
        if waiting > self._max_backlog:
            kept = [item for item in queue if not isinstance(item, Frame)]
            self._statistics.dropped += waiting - len(kept)
            queue.clear()
            queue.extend(kept)
            raise ProtocolError(f"the handler left over {self._max_backlog} events waiting")
        self._arrived.set()

    def _serve(self) -> None:
        queue = self._queue
        while queue or not self._stopping:
            self._arrived.wait()
            self._arrived.clear()
            turn = 0
            while queue:
                item = queue.popleft()
                if isinstance(item, Frame):
                    self._hand_on(item)
                else:
                    self._announce(item)
                turn += 1
                if turn % _TURN == 0:
                    gevent.sleep(0)

    def _announce(self, item: Up | Down) -> None:
        if isinstance(item, Up):
            guarded(self._statistics, self._on_up, item.core_uuid)
            return
        self._on_over(item)
        if item.was_up:
            guarded(self._statistics, self._on_down, item.reason)

    def _hand_on(self, frame: Frame) -> None:
        self._statistics.events += 1
        try:
            event = events.decode(frame)
        except ProtocolError as error:
            self._statistics.undecodable += 1
            log.warning("switch_event_undecodable", reason=str(error), size_bytes=len(frame.body))
            return
        if event.name == "BACKGROUND_JOB":
            self._on_job(event)
        if event.name in self._wanted or event.subclass in self._wanted:
            guarded(self._statistics, self._on_event, event)
