"""Published documents in the controller's memory, with a last good copy on the cell's disk (decision 5).

The copy on disk is read first, so that a controller starts without Redis and without the database; Redis then brings
what changed. Nothing here waits for the database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import gevent
import msgspec
import structlog

from core import documents as docs
from cti.acd.agents import Place
from cti.acd.dispatch import place_in
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from ivr import model as flow_model
from ivr.calendar import Calendar
from ivr.messages import TargetKind
from ivr.surroundings import Surroundings

log = structlog.get_logger(__name__)
D = TypeVar("D", bound=docs.Document)

BLOCK_MS = 1000
DEFAULT_TIMEZONE = "Asia/Shanghai"
RESCAN_S = 30.0
KEEP_VERSIONS_S = 2 * 86_400.0
"""How long a flow version that was replaced stays for the calls that are in it."""


class Documents:
    """The World of calls (`cti.call.world.World`) and what routing looks at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._all: dict[str, docs.AnyDocument] = {}
        self._missing: set[str] = set()
        self.on_change: Callable[[], None] = lambda: None
        self._flows: dict[tuple[int, int], flow_model.Flow] = {}
        self._surroundings: dict[int, Surroundings] = {}
        """Made when asked for; forgotten with every document that comes or goes."""
        self._copy_failing = False

    # --- look-ups -----------------------------------------------------------------------------------------------

    @property
    def known(self) -> bool:
        """Whether anything is known at all: before the first publication nothing may be concluded from absence."""
        return bool(self._all)

    def get(self, kind: type[D], document_id: int) -> D | None:
        """Return one document."""
        found = self._all.get(f"{docs.kind_of(kind)}:{document_id}")
        return found if isinstance(found, kind) else None

    def all(self, kind: type[D]) -> Iterator[D]:
        """Yield all documents of a kind."""
        prefix = f"{docs.kind_of(kind)}:"
        for field, document in list(self._all.items()):
            if field.startswith(prefix) and isinstance(document, kind):
                yield document

    def queue(self, queue_id: int) -> docs.QueueDoc | None:
        """Return a queue's settings."""
        return self.get(docs.QueueDoc, queue_id)

    def extension(self, extension_id: int) -> docs.ExtensionDoc | None:
        """Return an extension."""
        return self.get(docs.ExtensionDoc, extension_id)

    def account(self, account_id: int) -> docs.AccountDoc | None:
        """Return an account."""
        return self.get(docs.AccountDoc, account_id)

    def surroundings(self, tenant_id: int) -> Surroundings:
        """Return a tenant's clock and calendars."""
        known = self._surroundings.get(tenant_id)
        if known is None:
            tenant = self.get(docs.TenantDoc, tenant_id)
            calendars = {
                str(document.id): Calendar(china=document.china, days=document.days)
                for document in self.all(docs.CalendarDoc)
                if document.tenant_id == tenant_id
            }
            clock = {"timezone": tenant.timezone} if tenant is not None else {}
            known = self._surroundings[tenant_id] = Surroundings(calendars=calendars, **clock)
        return known

    def flow_version(self, tenant_id: int, flow_id: int) -> int:
        """Return the newest published version of a flow of the tenant, 0 when there is none."""
        document = self.get(docs.FlowDoc, flow_id)
        return document.version if document is not None and document.tenant_id == tenant_id else 0

    def flow(self, flow_id: int, version: int) -> flow_model.Flow | None:
        """Return a flow version; versions that calls still use stay after a newer one came."""
        known = self._flows.get((flow_id, version))
        if known is not None:
            return known
        document = self.get(docs.FlowDoc, flow_id)
        newest = document is not None and version in (0, document.version)
        body = (
            bytes(document.body) if document is not None and newest else self._kept_version(flow_id, version)
        )
        if body is None:
            return None
        number = document.version if document is not None and newest else version
        try:
            flow = flow_model.decode(body)
        except flow_model.FlowUnreadableError as error:
            log.error("flow_unreadable", flow=flow_id, version=number, reason=str(error))
            return None
        self._flows[(flow_id, number)] = flow
        return flow

    def resolve(self, tenant_id: int, value: str) -> tuple[TargetKind, int]:
        """Return what a transfer's value names: an extension by number, else a queue by code."""
        for extension in self.all(docs.ExtensionDoc):
            if extension.tenant_id == tenant_id and extension.number == value:
                return TargetKind.EXTENSION, extension.id
        for queue in self.all(docs.QueueDoc):
            if queue.tenant_id == tenant_id and queue.code == value:
                return TargetKind.QUEUE, queue.id
        return TargetKind.VALUE, 0

    def places_of_extension(self, extension_id: int) -> tuple[Place, ...]:
        """Return how whoever is signed in on an extension stands in its queues, in the order of
        :meth:`queues_of_extension`.
        """
        queues = sorted(
            (q for q in self.all(docs.QueueDoc) if extension_id in q.extension_ids), key=lambda q: q.id
        )
        return tuple(place_in(queue, extension_id) for queue in queues)

    def timezone(self, tenant_id: int) -> str:
        """Return a tenant's time zone."""
        tenant = self.get(docs.TenantDoc, tenant_id)
        return tenant.timezone if tenant is not None else DEFAULT_TIMEZONE

    def queues_of_extension(self, extension_id: int) -> tuple[int, ...]:
        """Return the ids of the queues an extension is a member of, in order."""
        return tuple(sorted(q.id for q in self.all(docs.QueueDoc) if extension_id in q.extension_ids))

    # --- keeping up ---------------------------------------------------------------------------------------------

    def load_copy(self) -> None:
        """Read the last good copy from the disk; a missing or broken one leaves nothing."""
        try:
            entries = msgspec.json.decode(self._path.read_bytes(), type=dict[str, docs.AnyDocument])
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:  # msgspec's are, and so is that of a text cut within a letter
            log.warning("documents_copy_unreadable", reason=str(error))
            return
        self._all = entries
        self._surroundings.clear()

    def load(self, redis: RedisGuard) -> bool:
        """Read all documents from Redis. An empty hash (FLUSHALL) changes nothing. Returns whether Redis answered."""
        try:
            raw = redis.run(lambda client: client.hgetall(docs.HASH))
        except RedisAwayError:
            return False
        entries = {field.decode(): document for field, data in raw.items() if (document := _decode(data))}
        if entries:
            for field, document in entries.items():
                self._put(field, document)
            # A document that is gone twice in a row was deleted; once may be a hash that is being filled again.
            missing = self._all.keys() - entries.keys()
            for field in missing & self._missing:
                self._drop(field)
            self._missing = set(missing)
            self._save_copy()
        return True

    def follow(self, redis: RedisGuard, blocking: Any) -> None:
        """Keep up with changes for ever. Run in a greenlet of its own; `blocking` is a client for blocking reads."""
        position = ""
        rescan_at = 0.0
        while True:
            try:
                # A place to go on from, known before all is read: what comes meanwhile is news to the next read.
                position = position or self._newest(blocking)
                if redis.up and gevent.get_hub().loop.now() >= rescan_at:
                    self.load(redis)
                    rescan_at = gevent.get_hub().loop.now() + RESCAN_S
                position = self._read(blocking, redis, position)
            except Exception as error:  # noqa: BLE001 (a follower must outlive any answer of Redis)
                log.warning("documents_follow_failed", reason=str(error))
                rescan_at = 0.0
                gevent.sleep(0.5)

    @staticmethod
    def _newest(blocking: Any) -> str:
        newest = blocking.xrevrange(docs.CHANGES, count=1)
        return newest[0][0].decode() if newest else "0-0"

    def _read(self, blocking: Any, redis: RedisGuard, position: str) -> str:
        answer = blocking.xread({docs.CHANGES: position}, block=BLOCK_MS, count=500)
        changed = False
        for _, entries in answer or []:
            for entry_id, fields in entries:
                position = entry_id.decode()
                field = fields[b"field"].decode()
                self._take(field, self._fetch(redis, field))
                changed = True
        if changed:
            self._save_copy()
            self.on_change()
        return position

    @staticmethod
    def _fetch(redis: RedisGuard, field: str) -> bytes | None:
        data: bytes | None = redis.run(lambda client: client.hget(docs.HASH, field))
        return data

    def _take(self, field: str, data: bytes | None) -> None:
        if data is None:
            self._drop(field)
        elif (document := _decode(data)) is not None:
            self._put(field, document)

    def _put(self, field: str, document: docs.AnyDocument) -> None:
        held = self._all.get(field)
        if held is not None and held.version > document.version:
            return
        if isinstance(held, docs.FlowDoc) and held.version < document.version:
            self._keep_version(held)
        self._all[field] = document
        self._surroundings.clear()

    def _drop(self, field: str) -> None:
        """A document was withdrawn; of a flow the version in use stays for the calls that are in it."""
        held = self._all.pop(field, None)
        if isinstance(held, docs.FlowDoc):
            self._keep_version(held)
        self._surroundings.clear()

    def _keep_version(self, document: docs.FlowDoc) -> None:
        """Calls finish on the version they started on, also after a restart of ours: it stays on the cell's disk.

        A disk that refuses costs them that, after a restart; the newer version is published all the same.
        """
        folder = self._path.parent / "flows"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            cutoff = time.time() - KEEP_VERSIONS_S
            for old in folder.iterdir():
                if old.stat().st_mtime < cutoff:
                    old.unlink(missing_ok=True)
            _write_whole(folder / f"{document.id}-{document.version}.json", bytes(document.body))
        except OSError as error:
            log.error("flow_version_not_kept", flow=document.id, version=document.version, reason=str(error))

    def _kept_version(self, flow_id: int, version: int) -> bytes | None:
        try:
            return (self._path.parent / "flows" / f"{flow_id}-{version}.json").read_bytes()
        except OSError:
            return None

    def _save_copy(self) -> None:
        """Keep the copy on disk; refused, the last good one stays and the next scan tries again."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(self._path, msgspec.json.encode(self._all))
        except OSError as error:
            if not self._copy_failing:
                self._copy_failing = True
                log.error("documents_copy_not_written", reason=str(error))
            return
        if self._copy_failing:
            self._copy_failing = False
            log.info("documents_copy_written_again")


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; what was there before stays when the disk refuses."""
    temporary = path.with_suffix(".new")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _decode(data: bytes) -> docs.AnyDocument | None:
    try:
        return docs.decode(data)
    except msgspec.MsgspecError as error:
        log.error("document_unreadable", reason=str(error))
        return None
