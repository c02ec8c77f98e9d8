"""Fan-out of live events inside one web process: one reader of Redis, any number of open pages.

A page subscribes with the stream position of its snapshot (or the last event it saw). What happened since is
read from the stream, then the page gets what the reader brings. Positions no longer kept, and pages that read too
slowly, get one `reset` event: load a fresh snapshot. An event is encoded once, and a batch is put together once for
all pages with the same rights. The reader also hears when sessions changed anywhere
(:func:`core.keys.sessions_changed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gevent
import redis
import structlog

from admin_web.live_page import RESET, Audience, Chunk, Page, Position, order, wire_of
from core import keys
from core.number_masking import masked_json

log = structlog.get_logger(__name__)

HEARTBEAT_S = 15.0
"""A comment is sent after this silence, so that proxies and browsers know the stream lives."""
BLOCK_MS = 5000
"""How long one read of Redis waits; the wake stream ends it early."""
RETRY_S = 0.5
"""Pause after Redis failed."""
BATCH_EVENTS = 500
"""Most events of a tenant taken from Redis at once."""


class LiveHub:
    """The reader and the pages of this process. `connect` returns a Redis client with bytes answers.

    `on_join` is called for each page once it gets events, `on_sessions` when sessions changed or may have
    (Redis was away); neither may block long: the first is in the page's way, the second in the reader's.
    """

    def __init__(
        self,
        connect: Callable[[], redis.Redis],
        process_name: str,
        *,
        on_join: Callable[[Page], None] = lambda page: None,
        on_sessions: Callable[[], None] = lambda: None,
    ) -> None:
        self._redis = connect()
        self._wake_key = f"zj:web:{process_name}:wake"
        self._on_join = on_join
        self._on_sessions = on_sessions
        self._pages: dict[int, dict[Audience, set[Page]]] = {}
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
        return [page for groups in self._pages.values() for group in groups.values() for page in group]

    def position(self, tenant_id: int) -> str:
        """Return the position of the tenant's newest event (``0-0`` when there is none)."""
        return self._newest(keys.live(tenant_id))

    def stream(self, page: Page, after: str) -> Iterator[bytes]:
        """Yield the page's events after position `after`, with heartbeats, until it closes. While Redis is away there
        are none: the page comes again, and says where it was.
        """
        page.last = order(after)
        try:
            try:
                self._join(page)
                self._on_join(page)
                missed, complete = self._missed(page.tenant_id, after)
            except redis.RedisError as error:
                log.warning("live-stream-not-opened", error=str(error))
                return
            if not complete:
                yield RESET
                missed = []
            yield b": open\n\n"
            if missed:
                seen = [
                    wire_of(at, kind, data if page.audience.full else masked_json(data))
                    for at, kind, aud, data in missed
                    if page.audience.sees(aud)
                ]
                page.last = max(page.last, order(missed[-1][0]))
                if seen and not page.closed:
                    yield b"".join(seen)
            while True:
                wire = page.take(HEARTBEAT_S)
                yield wire
                if page.closed and wire == page.ending:
                    return
        finally:
            self._leave(page)

    def change_rights(self, page: Page, change: Callable[[], None]) -> None:
        """Carry out `change`, which may give `page` another audience, so that no event is offered by the old one."""
        before = page.audience
        change()
        groups = self._pages.get(page.tenant_id, {})
        if page.audience != before and page in groups.get(before, ()):
            self._out_of_group(groups, before, page)
            groups.setdefault(page.audience, set()).add(page)

    def _newest(self, key: str) -> str:
        newest: Any = self._redis.xrevrange(key, count=1)
        return newest[0][0].decode() if newest else "0-0"

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
        self._pages.setdefault(page.tenant_id, {}).setdefault(page.audience, set()).add(page)
        if page.tenant_id not in self._positions:
            self._positions[page.tenant_id] = self.position(page.tenant_id)
            self._redis.xadd(self._wake_key, {"tenant": page.tenant_id}, maxlen=10)
            self._redis.expire(self._wake_key, 3600)
        if self._reader is None or self._reader.dead:
            self._reader = gevent.spawn(self._read_for_ever)

    def _leave(self, page: Page) -> None:
        groups = self._pages.get(page.tenant_id, {})
        self._out_of_group(groups, page.audience, page)
        if not groups:
            self._pages.pop(page.tenant_id, None)
            self._positions.pop(page.tenant_id, None)

    @staticmethod
    def _out_of_group(groups: dict[Audience, set[Page]], audience: Audience, page: Page) -> None:
        group = groups.get(audience, set())
        group.discard(page)
        if not group:
            groups.pop(audience, None)

    # --- the reader -------------------------------------------------------------------------------------------------

    def _read_for_ever(self) -> None:
        heard: dict[str, str] = {}
        failed = False
        while self._pages:
            try:
                if failed or not heard:
                    # What was said before we listened is not heard: so everybody is looked at.
                    heard = {key: self._newest(key) for key in (self._wake_key, keys.sessions_changed())}
                    self._on_sessions()
                if failed:
                    self._reset_where_lost()
                    failed = False
                self._read_once(heard)
            except redis.RedisError as error:
                failed = True
                log.warning("live-reader-waits", error=str(error))
                gevent.sleep(RETRY_S)

    def _read_once(self, heard: dict[str, str]) -> None:
        """Read what came, for at most :data:`BLOCK_MS`; `heard` are the positions of what is for this process."""
        tenants = {keys.live(tenant): tenant for tenant in self._positions}
        positions: dict[Any, Any] = {key: self._positions[tenant] for key, tenant in tenants.items()}
        positions.update(heard)
        answer: Any = self._redis.xread(positions, count=BATCH_EVENTS, block=BLOCK_MS) or ()
        for name, entries in answer:
            key, newest = name.decode(), entries[-1][0].decode()
            if key in heard:
                heard[key] = newest
                if key == keys.sessions_changed():
                    self._on_sessions()
            elif tenants[key] in self._positions:
                self._positions[tenants[key]] = newest
                self._fan_out(tenants[key], entries)

    def _fan_out(self, tenant_id: int, entries: Iterable[Any]) -> None:
        # While pages are written to, more gathers in Redis: the busier, the more each write carries. A pause in favour
        # of gathering was tried: it cost more than it saved, on quiet and on busy processors.
        groups = self._pages.get(tenant_id, {})
        parts = [_parts(entry) for entry in entries]
        # Once a batch, and with numbers masked only while a page that gets them so is open.
        encoded = {full: _encoded(parts, full=full) for full in {audience.full for audience in groups}}
        for audience, group in groups.items():
            seen = [event for names, event in encoded[audience.full] if audience.sees_one_of(names)]
            if seen:
                chunk = Chunk.of(seen)
                for page in group:
                    page.offer(chunk)

    def _reset_where_lost(self) -> None:
        """After Redis was away: pages of a tenant whose stream does not go back far enough start over."""
        for tenant_id, after in list(self._positions.items()):
            _, complete = self._missed(tenant_id, after)
            if not complete:
                self._positions[tenant_id] = self.position(tenant_id)
                for group in self._pages.get(tenant_id, {}).values():
                    for page in group:
                        page.start_over()


def _encoded(
    parts: Iterable[tuple[str, str, str, bytes]], *, full: bool
) -> list[tuple[list[str], tuple[Position, bytes]]]:
    """Return the events with their audiences, as they are written."""
    return [
        (
            audiences.split(","),
            (order(position), wire_of(position, kind, data if full else masked_json(data))),
        )
        for position, kind, audiences, data in parts
    ]


def _parts(entry: Any) -> tuple[str, str, str, bytes]:
    position, fields = entry
    kind, audiences = fields.get(b"type", b""), fields.get(b"aud", b"")
    return position.decode(), kind.decode(), audiences.decode(), fields.get(b"data", b"{}")
