"""What one open page of the push connection is: its rights, its session, and what waits to be written to it.

Events for pages with the same rights are put together once and shared (:class:`Chunk`); a page that is written to
takes everything that waits for it at once, so that a busy tenant costs a page one write a batch, not one an event.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from gevent.event import Event

from core.permissions import Permission

QUEUE_EVENTS = 256
"""Events waiting for one slow page; more means it starts over."""

RESET = b"event: reset\ndata: {}\n\n"
RIGHTS = b"event: rights\ndata: {}\n\n"
HEARTBEAT = b": alive\n\n"

Position = tuple[int, int]
"""A stream position as something that compares."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Audience:
    """What a page may see: audiences by name, and whole kinds of audience (``queue:`` for every queue)."""

    names: frozenset[str]
    prefixes: tuple[str, ...] = ()
    full: bool = True
    """Whether telephone numbers are shown in full; else masked (ACC-14)."""

    @property
    def rights(self) -> tuple[frozenset[str], tuple[str, ...], bool]:
        """What follows from the account's rights: all but the queues whose length its agent is told."""
        return (
            frozenset(name for name in self.names if not name.startswith("waiting:")),
            self.prefixes,
            self.full,
        )

    def sees(self, audiences: str) -> bool:
        """Return whether an event for `audiences` (comma-separated) is for this page."""
        return self.sees_one_of(audiences.split(","))

    def sees_one_of(self, audiences: Sequence[str]) -> bool:
        """Return whether an event for one of `audiences` is for this page."""
        return not self.names.isdisjoint(audiences) or (
            bool(self.prefixes) and any(name.startswith(self.prefixes) for name in audiences)
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Chunk:
    """Events in their order, encoded, shared by every page that sees exactly these."""

    events: Sequence[tuple[Position, bytes]]
    wire: bytes

    @classmethod
    def of(cls, events: Sequence[tuple[Position, bytes]]) -> Chunk:
        """Return the chunk of `events` (at least one)."""
        return cls(events, b"".join(wire for _, wire in events))

    def after(self, position: Position) -> bytes:
        """Return what comes after `position`."""
        if self.events[0][0] > position:
            return self.wire
        return b"".join(wire for at, wire in self.events if at > position)


class Page:
    """One open page. Written to by one greenlet, offered to by another of the same thread."""

    def __init__(
        self,
        tenant_id: int,
        audience: Audience,
        session_id: int,
        account_id: int,
        *,
        token: str = "",
        ip: str = "",
        permissions: frozenset[Permission] = frozenset(),
        needs: Permission | None = None,
    ) -> None:
        self.tenant_id = tenant_id
        self.audience = audience
        self.session_id = session_id
        self.account_id = account_id
        self.token = token
        """The session's cookie, to see whether it still lives."""
        self.ip = ip
        self.permissions = permissions
        """What the page's account might when this was looked at last."""
        self.needs = needs
        """Without this right the stream ends; None: any account may have it."""
        self.last: Position = (0, 0)
        """Offered events up to here were written already."""
        self.closed = False
        self._waiting: list[Chunk | bytes] = []
        self.ending = b""
        """The last thing written to a closed page."""
        self._events = 0
        self._ready = Event()

    def offer(self, chunk: Chunk) -> None:
        """Have events written; too many that wait turn into one `reset`."""
        self._events += len(chunk.events)
        if self._events > QUEUE_EVENTS:
            self.start_over()
            return
        self._waiting.append(chunk)
        self._ready.set()

    def start_over(self) -> None:
        """Have the page load a fresh snapshot, in place of whatever waits."""
        self._waiting = [RESET]
        self._events = 0
        self._ready.set()

    def over(self, why: str) -> None:
        """End the stream at once, whatever still waits; the page is told that its session is over."""
        self._end(b'event: over\ndata: {"why": "%b"}\n\n' % why.encode())

    def rights_gone(self) -> None:
        """End the stream at once: the account lives, but may not see this any more."""
        self._end(RIGHTS)

    def rights_changed(self, permissions: frozenset[Permission], audience: Audience) -> None:
        """Take the account's new rights; the page renews its menu and, when it sees other events now, starts over."""
        self.permissions = permissions
        if audience != self.audience:
            self.audience = audience
            self.start_over()
        self._waiting.insert(0, RIGHTS)  # first: on `reset` a page leaves this stream, and reads no further
        self._ready.set()

    def queues_changed(self, audience: Audience) -> None:
        """Take the queues of an agent who signed in, or whose queues are others now: what is told of them comes with
        their next change.
        """
        self.audience = audience

    def _end(self, ending: bytes) -> None:
        if not self.closed:
            self.closed = True
            self.ending = ending
            self._ready.set()

    def take(self, silence_s: float) -> bytes:
        """Wait and return all there is to write: a heartbeat after `silence_s`, the ending once closed."""
        while not self.closed:
            if not self._waiting:
                self._ready.clear()
                if not self._ready.wait(silence_s):
                    return HEARTBEAT
                continue
            waiting, self._waiting, self._events = self._waiting, [], 0
            pieces = [part if isinstance(part, bytes) else part.after(self.last) for part in waiting]
            if wire := pieces[0] if len(pieces) == 1 else b"".join(pieces):
                return wire
        return self.ending


def order(position: str) -> Position:
    """Return a stream position as something that compares. Raises ``ValueError`` for anything else."""
    time_ms, _, sequence = position.partition("-")
    if not (
        time_ms.isascii()
        and time_ms.isdigit()
        and (not sequence or (sequence.isascii() and sequence.isdigit()))
    ):
        raise ValueError(f"{position!r} is no stream position")
    return int(time_ms), int(sequence or 0)


def wire_of(position: str, kind: str, data: bytes) -> bytes:
    """Return one event as server-sent events want it; `data` is JSON without line ends."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (position.encode(), kind.encode(), data.replace(b"\n", b" "))
