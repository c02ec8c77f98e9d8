"""Database, Redis and our own processes: reachable, of the right version and shape, and in time with us."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core import keys, schema
from core import redis as redis_clients
from core.database import Database
from core.i18n import gettext as _
from core.redis import RedisError
from core.settings import Settings
from zongji.doctor.finding import Finding, ok, warning, wrong

SKEW_WRONG_S = 1.0
"""Offers and deadlines compare clocks of hosts; more than this and calls are offered to the wrong people."""
OLDEST_REDIS = (6, 2)
HEARTBEAT_OLD_MS = 15_000


def examine_neighbours(settings: Settings) -> Iterator[Finding]:
    """Yield findings about what this installation talks to."""
    yield from examine_database(settings)
    yield from examine_redis(settings)
    yield from _own_cell(settings)
    for name, port, path in (
        (_("Web interface"), settings.web_port, "/healthz"),
        (_("Controller (cti)"), settings.metrics_port, "/healthz"),
        (_("Shipper"), settings.shipper_metrics_port, "/healthz"),
        (_("Scheduler"), settings.scheduler_metrics_port, "/healthz"),
    ):
        yield examine_page(name, settings.web_host if port == settings.web_port else "127.0.0.1", port, path)


def examine_database(settings: Settings) -> Iterator[Finding]:
    """Yield findings about the database: reachable, of which kind, at which revision, in time with us."""
    what = _("Database")
    address = settings.effective_database_url
    try:
        here, newest = schema.current(address), schema.head()
        database = Database(address)
        try:
            with database.reading_engine.connect() as connection:
                query = "SELECT UNIX_TIMESTAMP(NOW(6))" if not database.is_sqlite else "SELECT NULL"
                before = time.time()
                there = connection.execute(text(query)).scalar()
                between = (before + time.time()) / 2
                kind = f"{connection.dialect.name} {'.'.join(map(str, connection.dialect.server_version_info or ()))}"
        finally:
            database.dispose()
    except (SQLAlchemyError, OSError) as error:
        yield wrong(what, _first_line(error), _("Start the database, or correct ZONGJI_DATABASE_URL."))
        return
    if here != newest:
        yield wrong(
            what,
            _("at revision %(here)s, but this version needs %(newest)s", here=here or "-", newest=newest),
            _("Make a backup, then run `zongji migrate`."),
        )
    else:
        yield ok(what, _("%(kind)s at revision %(here)s", kind=kind, here=here))
    if there is not None:
        yield _clock(_("the database"), float(there) - between)


def examine_redis(settings: Settings) -> Iterator[Finding]:
    """Yield findings about Redis: reachable, new enough, keeping what it is given, in time with us."""
    what = "Redis"
    client = redis_clients.from_settings(settings, reply_timeout_s=3.0)
    try:
        info: Any = client.info()
        before = time.time()
        seconds, microseconds = client.time()
        skew_s = seconds + microseconds / 1e6 - (before + time.time()) / 2
        policy: Any = client.config_get("maxmemory*")
    except RedisError as error:
        yield wrong(
            what, _first_line(error), _("Start Zongji (it brings one along), or correct ZONGJI_REDIS_URL.")
        )
        return
    finally:
        client.close()
    yield from _redis_itself(what, info, policy)
    yield _clock("Redis", skew_s)


def _own_cell(settings: Settings) -> Iterator[Finding]:
    client = redis_clients.from_settings(settings, reply_timeout_s=3.0)
    try:
        cell: Any = client.hgetall(keys.cell(settings.cell))
    except RedisError:
        return  # said above
    finally:
        client.close()
    beat = int(cell.get(b"heartbeat_ms", 0))
    if beat and time.time() * 1000 - beat > HEARTBEAT_OLD_MS:
        yield wrong(
            _("Cell %(name)s", name=settings.cell),
            _("its controller has been silent for %(seconds)s s", seconds=int(time.time() - beat / 1000)),
            _("See what the process cti writes."),
        )


def _redis_itself(what: str, info: dict[str, Any], policy: dict[str, Any]) -> Iterator[Finding]:
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        yield wrong(what, _("version %(version)s is too old", version=version), _("Install 6.2 or newer."))
    elif policy.get("maxmemory-policy", "noeviction") != "noeviction" and policy.get("maxmemory", "0") != "0":
        yield wrong(
            what,
            _("it drops keys when its memory is full (%(policy)s)", policy=policy.get("maxmemory-policy")),
            _("Set maxmemory-policy noeviction."),
        )
    elif not int(info.get("aof_enabled", 0)):
        yield warning(
            what,
            _("version %(version)s, nothing on disk but snapshots", version=version),
            _("Set appendonly yes, so that a restart keeps who waits and who is free."),
        )
    else:
        yield ok(what, _("version %(version)s, with an append-only file", version=version))


def _clock(whose: str, skew_s: float) -> Finding:
    what = _("Clock of %(whose)s", whose=whose)
    if abs(skew_s) > SKEW_WRONG_S:
        return wrong(what, _("off by %(skew).1f s", skew=skew_s), _("Keep time with NTP on every host."))
    return ok(what, _("off by %(skew).3f s", skew=skew_s))


def examine_page(name: str, host: str, port: int, path: str) -> Finding:
    """Return whether a process of ours answers at `path`, and what is not well with it."""
    host = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return ok(name, _("well (%(address)s, %(status)s)", address=address, status=answer.status))
    except urllib.error.HTTPError as error:
        with error:
            return wrong(
                name, _said(error.read(2000)) or f"HTTP {error.code}", _("See what this process writes.")
            )
    except OSError as error:
        return wrong(
            name,
            _("no answer at %(address)s: %(why)s", address=address, why=getattr(error, "reason", error)),
            _("Start Zongji: ./run"),
        )


def _said(body: bytes) -> str:
    try:
        said = json.loads(body)
    except ValueError:
        plain = body.decode("utf-8", "replace").strip()
        return "" if plain.startswith("<") else plain.splitlines()[0][:200] if plain else ""
    if not isinstance(said, dict):
        return ""
    return ", ".join(
        f"{key}: {value}" for key, value in said.items() if value is False or isinstance(value, str)
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
