"""Fan-out of live events inside one web process: one reader of Redis, any number of open pages.

A page subscribes with the stream position of its snapshot (or the last event it saw). What happened since is
read from the stream, then the page gets what the reader brings. Positions no longer kept, and pages that read too
slowly, get one `reset` event: load a fresh snapshot. An event is encoded once, whoever gets it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import redis
import structlog
from gevent.queue import Empty, Full, Queue

from core import keys

log = structlog.get_logger(__name__)

QUEUE_EVENTS = 256
"""Events waiting for one slow page; more means it starts over."""
HEARTBEAT_S = 15.0
"""A comment is sent after this silence, so that proxies and browsers know the stream lives."""
BLOCK_MS = 5000
"""How long one read of Redis waits; the wake stream ends it early."""
RETRY_S = 0.5
"""Pause after Redis failed."""

RESET = b"event: reset\ndata: {}\n\n"
HEARTBEAT = b": alive\n\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Audience:
    """What a page may see: audiences by name, and whole kinds of audience (``queue:`` for every queue)."""

    names: frozenset[str]
    prefixes: tuple[str, ...] = ()

    def sees(self, audiences: str) -> bool:
        """Return whether an event for `audiences` (comma-separated) is for this page."""
        return any(name in self.names or name.startswith(self.prefixes) for name in audiences.split(","))


class Page:
    """One open page: its rights, its session and what waits to be written to it."""

    def __init__(self, tenant_id: int, audience: Audience, session_id: int, account_id: int) -> None:
        self.tenant_id = tenant_id
        self.audience = audience
        self.session_id = session_id
        self.account_id = account_id
        self.queue: Queue[tuple[str, bytes] | None] = Queue(maxsize=QUEUE_EVENTS)
        self.token = ""
        """The session's cookie, to see whether it still lives."""
        self.overflowed = False
        self.closed = False
        self.ending = b""

    def offer(self, position: str, wire: bytes) -> None:
        """Put an event; a full queue turns into one `reset`."""
        try:
            self.queue.put_nowait((position, wire))
        except Full:
            self.overflowed = True

    def over(self, why: str) -> None:
        """End the stream at once, whatever still waits; the page is told that its session is over."""
        self.closed = True
        self.ending = b'event: over\ndata: {"why": "%b"}\n\n' % why.encode()
        with contextlib.suppress(Full):
            self.queue.put_nowait(None)


def order(position: str) -> tuple[int, int]:
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


class LiveHub:
    """The reader and the pages of this process. `connect` returns a Redis client with bytes answers."""

    def __init__(self, connect: Callable[[], redis.Redis], process_name: str) -> None:
        self._redis = connect()
        self._wake_key = f"zj:web:{process_name}:wake"
        self._pages: dict[int, set[Page]] = {}
        self._positions: dict[int, str] = {}
        self._reader: gevent.Greenlet | None = None

    def close(self) -> None:
        """End the reader and its connection; for tests and the end of a process."""
        if self._reader is not None:
            self._reader.kill()
        self._redis.close()

    @property
    def pages(self) -> list[Page]:
        """All open pages."""
        return [page for group in self._pages.values() for page in group]

    def position(self, tenant_id: int) -> str:
        """Return the position of the tenant's newest event (``0-0`` when there is none)."""
        newest: Any = self._redis.xrevrange(keys.live(tenant_id), count=1)
        return newest[0][0].decode() if newest else "0-0"

    def stream(self, page: Page, after: str) -> Iterator[bytes]:
        """Yield the page's events after position `after`, with heartbeats, until it closes."""
        last = order(after)
        self._join(page)
        try:
            missed, complete = self._missed(page.tenant_id, after)
            if not complete:
                yield RESET
                missed = []
            yield b": open\n\n"
            for position, kind, audiences, data in missed:
                if page.audience.sees(audiences):
                    yield wire_of(position, kind, data)
                last = max(last, order(position))
            yield from self._follow(page, last)
        finally:
            self._leave(page)

    def _follow(self, page: Page, last: tuple[int, int]) -> Iterator[bytes]:
        while not page.closed:
            try:
                item = page.queue.get(timeout=HEARTBEAT_S)
            except Empty:
                yield HEARTBEAT
                continue
            if item is None or page.closed:
                break
            if page.overflowed:
                page.overflowed = False
                while not page.queue.empty():
                    page.queue.get_nowait()
                yield RESET
                continue
            position, wire = item
            if not position or order(position) > last:
                yield wire
        yield page.ending

    def _missed(self, tenant_id: int, after: str) -> tuple[list[tuple[str, str, str, bytes]], bool]:
        """Return what the stream holds after `after`, and whether nothing in between was lost."""
        key = keys.live(tenant_id)
        oldest: Any = self._redis.xrange(key, count=1)
        newest = self.position(tenant_id)
        if order(after) > order(newest):
            return [], False  # the stream was emptied
        trimmed = bool(oldest) and order(after) < order(oldest[0][0].decode())
        if trimmed and int(self._redis.xlen(key)) >= keys.LIVE_MAXLEN:
            return [], False
        if trimmed and order(after) != (0, 0):
            return [], False
        entries: Any = self._redis.xrange(key, min=f"({after}")
        return [_parts(entry) for entry in entries], True

    def _join(self, page: Page) -> None:
        group = self._pages.setdefault(page.tenant_id, set())
        group.add(page)
        if page.tenant_id not in self._positions:
            self._positions[page.tenant_id] = self.position(page.tenant_id)
            self._redis.xadd(self._wake_key, {"tenant": page.tenant_id}, maxlen=10)
            self._redis.expire(self._wake_key, 3600)
        if self._reader is None or self._reader.dead:
            self._reader = gevent.spawn(self._read_for_ever)

    def _leave(self, page: Page) -> None:
        group = self._pages.get(page.tenant_id, set())
        group.discard(page)
        if not group:
            self._pages.pop(page.tenant_id, None)
            self._positions.pop(page.tenant_id, None)

    def _read_for_ever(self) -> None:
        wake = "$"
        failed = False
        while self._pages:
            try:
                if failed:
                    self._reset_where_lost()
                    failed = False
                wake = self._read_once(wake)
            except redis.RedisError as error:
                failed = True
                log.warning("live-reader-waits", error=str(error))
                gevent.sleep(RETRY_S)

    def _read_once(self, wake: str) -> str:
        positions: dict[Any, Any] = {keys.live(tenant): at for tenant, at in self._positions.items()}
        positions[self._wake_key] = wake
        answer: Any = self._redis.xread(positions, count=500, block=BLOCK_MS) or ()
        tenants = {keys.live(tenant).encode(): tenant for tenant in self._positions}
        for key, entries in answer:
            if key == self._wake_key.encode():
                wake = entries[-1][0].decode()
                continue
            tenant_id = tenants.get(key)
            if tenant_id is not None:
                self._positions[tenant_id] = entries[-1][0].decode()
                self._fan_out(tenant_id, entries)
        if wake == "$":
            newest: Any = self._redis.xrevrange(self._wake_key, count=1)
            wake = newest[0][0].decode() if newest else "0-0"
        return wake

    def _fan_out(self, tenant_id: int, entries: list[Any]) -> None:
        pages = list(self._pages.get(tenant_id, ()))
        for entry in entries:
            position, kind, audiences, data = _parts(entry)
            wire = wire_of(position, kind, data)
            for page in pages:
                if page.audience.sees(audiences):
                    page.offer(position, wire)

    def _reset_where_lost(self) -> None:
        """After Redis was away: pages of a tenant whose stream does not go back far enough start over."""
        for tenant_id, after in list(self._positions.items()):
            _, complete = self._missed(tenant_id, after)
            if not complete:
                self._positions[tenant_id] = self.position(tenant_id)
                for page in self._pages.get(tenant_id, ()):
                    page.offer("", RESET)


def _parts(entry: Any) -> tuple[str, str, str, bytes]:
    position, fields = entry
    kind, audiences = fields.get(b"type", b""), fields.get(b"aud", b"")
    return position.decode(), kind.decode(), audiences.decode(), fields.get(b"data", b"{}")
