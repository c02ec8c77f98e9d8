"""Looks at everything at once: each part in a thread of its own, so that one that hangs holds up none but itself."""

from __future__ import annotations

import contextvars
import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

import redis as redis_py
import structlog
from sqlalchemy.exc import SQLAlchemyError

from admin_web.system_health import Check, sorted_checks
from core.database import Database
from core.i18n import current_language
from core.i18n import gettext as _
from core.redis import RedisError
from core.settings import Settings
from zongji.health import cells, here, pages, work
from zongji.health.named import note, wrong
from zongji.health.since import Since

KEPT_S = 2.0
"""How long an answer serves everybody who asks."""
WITHIN_S = 6.0
"""Longer than any neighbour's own time-out that is meant to be waited for."""

log = structlog.get_logger(__name__)

Part = Callable[[], Iterable[Check]]


class Health:
    """Made once in a composition root. `web` says that the process looking is a web process itself."""

    def __init__(self, settings: Settings, database: Database, redis: redis_py.Redis, *, web: bool) -> None:
        self._since = Since(redis)
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, list[Check]]] = {}
        self._parts: Mapping[str, Part] = {
            "database": lambda: here.database(settings),
            "redis": lambda: here.redis(settings),
            "cells": lambda: cells.controllers(redis),
            "switch": lambda: cells.switch(settings),
            "gateways": lambda: cells.gateways(redis),
            "shipper": lambda: pages.shipper(settings),
            "scheduler": lambda: pages.scheduler(settings),
            "events": lambda: work.events(database),
            "jobs": lambda: work.jobs(database),
            "disk": lambda: here.disks(settings),
            "web": lambda: here.web_processes(settings) if web else pages.web(settings),
            "version": lambda: here.versions(),
        }

    def look(self) -> list[Check]:
        """Return every check, what is wrong first; at most :data:`KEPT_S` old, within :data:`WITHIN_S`."""
        language = current_language()
        with self._lock:
            at, checks = self._kept.get(language, (0.0, []))
            if time.monotonic() - at > KEPT_S:
                checks = sorted_checks(self._since.filled(list(self._gather())))
                self._kept[language] = (time.monotonic(), checks)
        return checks

    def _gather(self) -> Iterator[Check]:
        pool = ThreadPoolExecutor(len(self._parts), thread_name_prefix="health")
        futures: dict[str, Future[list[Check]]] = {
            name: pool.submit(contextvars.copy_context().run, _examined, name, part)
            for name, part in self._parts.items()
        }
        wait(futures.values(), WITHIN_S)
        pool.shutdown(wait=False, cancel_futures=True)
        for name, future in futures.items():
            if future.done():
                yield from future.result()
            else:
                yield wrong(
                    name,
                    part_name(name),
                    _("no answer within %(seconds)s seconds", seconds=int(WITHIN_S)),
                    _("See whether its host is overloaded, and what its process writes."),
                )


def part_name(name: str) -> str:
    """Return what people call a part."""
    return {
        "database": _("Database"),
        "redis": "Redis",
        "cells": _("Controllers"),
        "switch": _("Switch"),
        "gateways": _("Gateways"),
        "shipper": _("Shipper"),
        "scheduler": _("Scheduler"),
        "events": _("Events and webhooks"),
        "jobs": _("Background jobs"),
        "disk": _("Disk"),
        "web": _("Web processes"),
        "version": _("Version"),
    }[name]


def _examined(name: str, part: Part) -> list[Check]:
    """Return what `part` finds; what keeps it from looking is a finding too."""
    try:
        return list(part())
    except SQLAlchemyError:
        return [note(name, part_name(name), _("not known while the database is away"))]
    except RedisError:
        return [note(name, part_name(name), _("not known while Redis is away"))]
    except Exception as error:  # a broken check must not take the others along
        log.exception("check failed", check=name)
        remedy = _("The log has the reason.")
        return [
            dataclasses.replace(
                wrong(name, part_name(name), "", remedy),
                how=_("could not be examined: %(why)s", why=type(error).__name__),
            )
        ]
