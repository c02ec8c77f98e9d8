"""Composition of background work: which kinds of jobs there are, and what is done from time to time."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import redis as redis_py
import structlog
from prometheus_client import CollectorRegistry

from admin_web.accounts_transfer import jobs as accounts_transfer
from admin_web.records import jobs as records
from admin_web.reports import jobs as reports
from admin_web.supervision.watch_review import WatchReview
from admin_web.webhooks.deliverer import Deliverer, Meters, prune
from core.crypto import Vault
from core.database import Database, utc_now
from core.jobs import service
from core.jobs.worker import Work
from core.messages import LogSender
from core.outbound_http import Outbound
from core.outbox.live import LiveReader
from core.sessions import Sessions
from core.settings import Settings
from core.store import FileStore
from cti.desk import chat
from sms.sending import Sending
from zongji.health import Health

logger = structlog.get_logger(__name__)

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
HEALTH_S = 30.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Periodic:
    """Something done every `every_s` seconds. Several schedulers may do it at once: it must bear that."""

    name: str
    every_s: float
    run: Callable[[], object]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loop:
    """Something done all the time, in a thread of its own. Several schedulers do it at once: it must bear that."""

    name: str
    run: Callable[[threading.Event, Callable[[], None]], None]
    """Returns soon after the event is set; calls the other argument whenever a turn ended well."""


def loops(
    settings: Settings, database: Database, redis: redis_py.Redis, registry: CollectorRegistry
) -> Sequence[Loop]:
    """Return what is done all the time: live events into the outbox, the outbox to webhooks, short messages onwards."""
    sessions = Sessions(database, redis, idle_timeout_s=settings.idle_timeout_s)
    deliverer = Deliverer(
        database, Vault.from_settings(settings), Outbound.from_settings(settings), Meters.make(registry)
    )
    return [
        Loop(name="live-events", run=LiveReader(database, redis).run),
        Loop(name="webhooks", run=deliverer.run),
        Loop(name="supervisors", run=WatchReview(database, redis, sessions).run),
        Loop(name="short-messages", run=Sending(database, LogSender(), registry).run),
    ]


def kinds(settings: Settings, redis: redis_py.Redis, sessions: Sessions) -> Mapping[str, Work]:
    """Return what does each kind of job."""
    neighbours = accounts_transfer.Neighbours(
        settings=settings, redis=redis, sessions_changed=sessions.changed
    )
    return {**accounts_transfer.kinds(neighbours), **records.kinds(), **reports.kinds()}


def periodic(
    settings: Settings, database: Database, store: FileStore, redis: redis_py.Redis
) -> Sequence[Periodic]:
    """Return what is done from time to time."""
    health = Health(settings, database, redis, web=False)

    def remove_old() -> None:
        count = service.remove_old_files(database, store)
        # What no row names: uploads nobody went on with, files of workers that died before they could say so.
        kept_s = settings.job_files_days * DAY_S + DAY_S
        for prefix in ("uploads", "jobs"):
            count += store.remove_below(prefix, kept_s, time.time())
        if count:
            logger.info("old files removed", count=count)

    def remove_events() -> None:
        if count := prune(database, utc_now()):
            logger.info("old events removed", count=count)

    def remove_chats() -> None:
        if count := chat.prune(database, utc_now()):
            logger.info("old chats removed", count=count)

    return [
        Periodic(name="old-files", every_s=HOUR_S, run=remove_old),
        Periodic(name="old-events", every_s=HOUR_S, run=remove_events),
        Periodic(name="old-chats", every_s=HOUR_S, run=remove_chats),
        # So that it is known since when something is wrong, and logged, although nobody looks.
        Periodic(name="health", every_s=HEALTH_S, run=health.look),
    ]
