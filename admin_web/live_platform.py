"""What goes on in every company, for the operator: read from Redis by one greenlet a process while somebody watches.

Writers of live state count each write of a company in one sorted set (:func:`core.keys.live_changes`), so a look costs
one command while nothing happens, and otherwise a reading of the companies that changed. Every few seconds all are
read, for what no count told of (Redis was emptied, states ran out).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import gevent
import msgspec
import redis as redis_py
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from admin_web.live_page import Chunk, Page, wire_of
from core import keys
from core.clock import now_ms
from core.database import ALL_TENANTS, Database
from core.models import Tenant
from core.redis import RedisError

LOOK_S = 0.5
"""Pause between two looks at what changed."""
SWEEP_LOOKS = 20
"""Every so many looks all companies are read, and their names."""
HEARTBEAT_S = 15.0
SLICE = 100
"""Companies read in one go; others' requests are served in between."""
CELL_SILENT_MS = 15_000
"""A cell whose controller said nothing for so long counts as not connected."""

WAITING = frozenset({"waiting", "offering"})
GROUPS = {"ready": "ready", "talking": "busy", "ringing": "busy", "wrap_up": "busy"}
"""Agents' states as the overview counts them; all others are ``away``."""

log = structlog.get_logger(__name__)


class _Call(msgspec.Struct):
    phase: str = "arrived"
    cell: str = ""
    queue_entered_ms: int = 0


class _Agent(msgspec.Struct):
    state: str = ""


_call = msgspec.json.Decoder(_Call)
_agent = msgspec.json.Decoder(_Agent)


def read_names(database: Database) -> dict[int, dict[str, Any]]:
    """Return code, name and state of every company but the operator's, by id."""
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        columns = (Tenant.id, Tenant.code, Tenant.name, Tenant.state)
        rows = session.execute(select(*columns).where(Tenant.is_operator.is_(False)).order_by(Tenant.id))
        return {row.id: {"code": row.code, "name": row.name, "state": row.state.value} for row in rows}


def read_companies(redis: redis_py.Redis, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Return the figures of companies: ``calls``, ``waiting``, ``longest_since_ms``, ``ready``, ``busy``, ``away`` and
    ``by_cell`` (calls of each cell). Two round trips for all of them.
    """
    asked = list(ids)
    with redis.pipeline(transaction=False) as pipe:
        for tenant in asked:
            pipe.smembers(keys.calls(tenant))
            pipe.smembers(keys.agents(tenant))
        members = pipe.execute()
        for tenant, calls, agents in zip(asked, members[::2], members[1::2], strict=True):
            for call_id in calls:
                pipe.get(keys.call(tenant, call_id.decode()))
            for account_id in agents:
                pipe.hget(keys.agent(tenant, int(account_id)), "data")
        found = iter(pipe.execute())
    figures = {}
    for tenant, calls, agents in zip(asked, members[::2], members[1::2], strict=True):
        states = [data for data in (next(found) for _ in calls) if data]
        people = [data for data in (next(found) for _ in agents) if data]
        figures[tenant] = _figures(states, people)
    return figures


def _figures(calls: Collection[bytes], agents: Collection[bytes]) -> dict[str, Any]:
    counted: dict[str, Any] = {"calls": len(calls), "waiting": 0, "longest_since_ms": 0, "by_cell": {}}
    counted |= {"ready": 0, "busy": 0, "away": 0}
    for call in map(_call.decode, calls):
        counted["by_cell"][call.cell] = counted["by_cell"].get(call.cell, 0) + 1
        if call.phase in WAITING:
            since = counted["longest_since_ms"] or call.queue_entered_ms
            counted["waiting"] += 1
            counted["longest_since_ms"] = min(since, call.queue_entered_ms)
    for agent in map(_agent.decode, agents):
        counted[GROUPS.get(agent.state, "away")] += 1
    return counted


def read_cells(redis: redis_py.Redis, companies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every cell: ``name``, ``switch`` (kind), ``core_uuid``, ``connected``, ``started_ms`` of its controller,
    ``seen_ms`` (last heartbeat, 0: silent for over a minute) and ``calls``.
    """
    names = sorted(name.decode() for name in redis.smembers(keys.cells()))  # type: ignore[union-attr]
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(keys.cell(name), "switch", "core_uuid", "connected", "heartbeat_ms", "started_ms")
        told = pipe.execute()
    calls: dict[str, int] = {}
    for company in companies:
        for name, count in company["by_cell"].items():
            calls[name] = calls.get(name, 0) + count
    cells = []
    for name, (switch, core_uuid, connected, seen, started) in zip(names, told, strict=True):
        seen_ms = int(seen or 0)
        cells.append(
            {
                "name": name,
                "switch": (switch or b"").decode(),
                "core_uuid": (core_uuid or b"").decode(),
                "connected": connected == b"1" and now_ms() - seen_ms < CELL_SILENT_MS,
                "started_ms": int(started or 0),
                "seen_ms": seen_ms,
                "calls": calls.get(name, 0),
            }
        )
    return cells


class PlatformFeed:
    """Everything that goes on, kept up to date while a page is open. Made once in the composition root."""

    def __init__(self, redis: redis_py.Redis, names: Callable[[], dict[int, dict[str, Any]]]) -> None:
        self._redis = redis
        self._read_names = names
        self._names: dict[int, dict[str, Any]] = {}
        self._figures: dict[int, dict[str, Any]] = {}
        self._cells: list[dict[str, Any]] = []
        self._counts: dict[int, float] = {}
        self._pages: set[Page] = set()
        self._reader: gevent.Greenlet | None = None
        self._sent = 0
        self._known = False
        """Whether what is kept is of now."""

    @property
    def pages(self) -> list[Page]:
        """All open pages."""
        return list(self._pages)

    def close(self) -> None:
        """End the reader; for tests and the end of a process."""
        if self._reader is not None:
            self._reader.kill()

    def snapshot(self) -> dict[str, Any]:
        """Return ``companies``, ``cells`` and ``now_ms``, read anew unless it is kept anyway.

        Raises what Redis and the database raise.
        """
        if not self._known:
            self._sweep()
        return self._told(self._names)

    def stream(self, page: Page, on_join: Callable[[Page], None]) -> Iterator[bytes]:
        """Yield all there is (``platform.all``), then what changes (``platform.changed``), until the page closes."""
        self._pages.add(page)
        try:
            on_join(page)
            yield b": open\n\n"
            if self._known:
                page.offer(self._event("platform.all", self._told(self._names)))
            if self._reader is None or self._reader.dead:
                self._reader = gevent.spawn(self._read_for_ever)
            while True:
                wire = page.take(HEARTBEAT_S)
                yield wire
                if page.closed and wire == page.ending:
                    return
        finally:
            self._pages.discard(page)

    def _read_for_ever(self) -> None:
        looks = 0
        while self._pages:
            try:
                if looks % SWEEP_LOOKS == 0 or not self._known:
                    whole = not self._known
                    before = self._state()
                    self._sweep()
                    if whole:
                        self._tell_all()
                    else:
                        self._tell_difference(before)
                else:
                    before = self._state()
                    self._look()
                    self._tell_difference(before)
            except (RedisError, SQLAlchemyError) as error:
                log.warning("platform-live-waits", error=str(error))
                if self._known or looks == 0:
                    self._offer("platform.trouble", {})
                self._known = False
            looks += 1
            gevent.sleep(LOOK_S)
        self._known = False

    def _sweep(self) -> None:
        self._counts = self._read_counts()
        self._names = self._read_names()
        ids = list(self._names)
        figures: dict[int, dict[str, Any]] = {}
        for start in range(0, len(ids), SLICE):
            figures |= read_companies(self._redis, ids[start : start + SLICE])
            gevent.sleep(0)
        self._figures = figures
        self._cells = read_cells(self._redis, figures.values())
        self._known = bool(self._pages)

    def _look(self) -> None:
        counts = self._read_counts()
        changed = [
            id_ for id_, count in counts.items() if self._counts.get(id_) != count and id_ in self._names
        ]
        self._counts = counts
        if changed:
            self._figures = self._figures | read_companies(self._redis, changed)
        self._cells = read_cells(self._redis, self._figures.values())

    def _read_counts(self) -> dict[int, float]:
        counted: Any = self._redis.zrange(keys.live_changes(), 0, -1, withscores=True)
        return {int(tenant): score for tenant, score in counted}

    def _state(self) -> tuple[dict[int, Any], dict[int, Any], list[Any]]:
        return dict(self._names), dict(self._figures), self._cells

    def _told(self, ids: Iterable[int]) -> dict[str, Any]:
        companies = [
            {"id": id_, **self._names[id_], **{k: v for k, v in self._figures[id_].items() if k != "by_cell"}}
            for id_ in ids
            if id_ in self._figures
        ]
        return {"now_ms": now_ms(), "companies": companies, "cells": self._cells}

    def _tell_all(self) -> None:
        self._offer("platform.all", self._told(self._names))

    def _tell_difference(self, before: tuple[dict[int, Any], dict[int, Any], list[Any]]) -> None:
        names, figures, cells = before
        if names.keys() - self._names.keys():
            self._tell_all()
            return
        changed = [
            id_
            for id_ in self._names
            if names.get(id_) != self._names[id_] or figures.get(id_) != self._figures.get(id_)
        ]
        if changed or cells != self._cells:
            self._offer("platform.changed", self._told(changed))

    def _offer(self, kind: str, data: dict[str, Any]) -> None:
        chunk = self._event(kind, data)
        for page in self._pages:
            page.offer(chunk)

    def _event(self, kind: str, data: dict[str, Any]) -> Chunk:
        self._sent += 1
        return Chunk.of([((self._sent, 0), wire_of(str(self._sent), kind, msgspec.json.encode(data)))])
