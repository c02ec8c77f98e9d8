"""Publishing: what calls need to know goes from the database to Redis, versioned, after the commit.

A change and the raised version (`core.models.DocumentVersion`) are one transaction. After its commit the
document is read anew and set in Redis, where a script refuses an older version; so the order in which two
processes arrive does not matter. When Redis is away the commit stands: the shipper calls
:func:`republish_missing` every few seconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

import redis as redis_py
import structlog
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import DBAPIError

from core import documents
from core.database import ALL_TENANTS, Database, TenantSession
from core.models import DocumentVersion
from core.redis import RedisError
from cti.documents_of_rows import build, field_of_row
from ivr.models import Flow

CHANGES_MAXLEN: Final = 5000

logger = structlog.get_logger(__name__)

_PUT = """
local set = 0
for i = 1, #ARGV, 3 do
  local have = tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or '-1')
  if tonumber(ARGV[i + 1]) >= have then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', @maxlen, '*', 'field', ARGV[i])
    set = set + 1
  end
end
return set
""".replace("@maxlen", str(CHANGES_MAXLEN))

_REMOVE = """
local removed = 0
for i = 1, #ARGV do
  redis.call('HDEL', KEYS[2], ARGV[i])
  if redis.call('HDEL', KEYS[1], ARGV[i]) == 1 then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', @maxlen, '*', 'field', ARGV[i])
    removed = removed + 1
  end
end
return removed
""".replace("@maxlen", str(CHANGES_MAXLEN))

_KEYS: Final = (documents.HASH, documents.VERSIONS, documents.CHANGES)
_BATCH: Final = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Repaired:
    """What :func:`republish_missing` had to do."""

    set: int
    removed: int


def publish(session: TenantSession, redis: redis_py.Redis, *rows: Any) -> None:
    """Publish the documents `rows` are part of once `session` commits.

    `rows` are tenants, routes, queues, extensions, accounts, flows, or rows that are part of one (members,
    caller rules, endpoints, flow versions). A flow without a published version has no document.
    """
    _after_commit(session, redis, count_change(session, *rows))


def count_change(session: TenantSession, *rows: Any) -> list[str]:
    """Raise the versions of the documents `rows` are part of, without publishing; return their fields.

    For work done before Redis runs (set-up): the shipper publishes what was counted.
    """
    session.flush()
    fields = sorted({field_of_row(row) for row in rows})
    for field in fields:
        _raise_version(session, field)
    return fields


def withdraw(session: TenantSession, redis: redis_py.Redis, *rows: Any) -> None:
    """Remove the documents of `rows`, which are being deleted, once `session` commits."""
    fields = sorted({field_of_row(row) for row in rows})
    for field in fields:
        _raise_version(session, field, deleted=True)
    _after_commit(session, redis, fields)


def republish_missing(database: Database, redis: redis_py.Redis, *, thorough: bool = False) -> Repaired:
    """Make Redis hold exactly the documents the database has; return what was repaired.

    Compares versions only, cheap enough for every few seconds; `thorough` (at start) compares contents too
    and finds rows nobody published. Raises what Redis and the database raise.
    """
    # Redis first: what it holds was committed before, so what the database then lacks is really gone.
    held: Any = redis.hgetall(documents.VERSIONS)
    here = {field.decode(): int(version) for field, version in held.items()}
    bodies: Any = redis.hgetall(documents.HASH) if thorough else {}
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        known = {row.field: row for row in session.scalars(select(DocumentVersion))}
        wanted = {field: row.version for field, row in known.items() if not row.deleted}
        behind = {field: here[field] for field in wanted if here.get(field, 0) > wanted[field]}
        stale = {field for field, version in wanted.items() if here.get(field) != version}
        found = build(session, None if thorough else stale)
    if thorough:
        same = {
            field
            for field, document in found.items()
            if bodies.get(field.encode()) == documents.encode(document)
        }
        stale = set(found) - (same - stale)
        _adopt(database, set(found) - set(known), behind)
    else:
        _adopt(database, set(), behind)
    if behind:
        with database.transaction(ALL_TENANTS, read_only=True) as session:
            found.update(build(session, behind))
    # The script refuses what is older than what Redis holds; a flow's version cannot be raised above it, so
    # clear it.
    _remove(redis, {field for field in behind if field.startswith("flow:")})
    present = set(found) if thorough else set(wanted)
    return Repaired(
        set=_put(redis, {field: found[field] for field in stale if field in found}),
        removed=_remove(
            redis, (set(here) - present) | {field for field in stale if field in here and field not in found}
        ),
    )


def _adopt(database: Database, unknown: set[str], behind: Mapping[str, int]) -> None:
    """Give unpublished rows a version, and raise versions below Redis' (a database restored from a
    backup).
    """
    if not unknown and not behind:
        return
    with database.transaction(ALL_TENANTS) as session:
        for field in sorted(unknown):
            _raise_version(session, field)
        for field, version in sorted(behind.items()):
            if not field.startswith("flow:"):
                _raise_version(session, field, above=version)
        session.commit()


def _raise_version(
    session: TenantSession, field: str, *, deleted: bool = False, above: int | None = None
) -> None:
    """Count one more version of `field`, or more than `above`; the row stays locked until the commit.

    A flow's version is its published one, whatever was counted.
    """
    new: Any = DocumentVersion.version + 1 if above is None else above + 1
    first = 1 if above is None else above + 1
    if field.startswith("flow:") and not deleted:
        flow_id = int(field.removeprefix("flow:"))
        new = first = session.scalar(select(Flow.published_version).where(Flow.id == flow_id)) or 0
        deleted = first == 0
    changed: Any = session.execute(
        update(DocumentVersion)
        .where(DocumentVersion.field == field)
        .values(version=new, deleted=deleted)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount == 0:
        session.add(DocumentVersion(field=field, version=first, deleted=deleted))
        session.flush()


def _after_commit(session: TenantSession, redis: redis_py.Redis, fields: list[str]) -> None:
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    reading = engine.execution_options(writes=False)

    def send() -> None:
        try:
            with TenantSession(reading, scope=ALL_TENANTS, read_only=True) as fresh:
                found = build(fresh, fields)
            _put(redis, found)
            _remove(redis, set(fields) - set(found))
        except (RedisError, DBAPIError) as error:
            logger.warning("documents not published; the shipper will", fields=fields, error=str(error))

    session.after_commit(send)


def _put(redis: redis_py.Redis, found: Mapping[str, documents.AnyDocument]) -> int:
    done = 0
    items = sorted(found.items())
    for start in range(0, len(items), _BATCH):
        arguments: list[Any] = []
        for field, document in items[start : start + _BATCH]:
            arguments += [field, document.version, documents.encode(document)]
        done += int(redis.eval(_PUT, len(_KEYS), *_KEYS, *arguments))
    return done


def _remove(redis: redis_py.Redis, fields: Iterable[str]) -> int:
    names = sorted(fields)
    return int(redis.eval(_REMOVE, len(_KEYS), *_KEYS, *names)) if names else 0
