"""Bar P7: pages of the call records over many rows against the same pages over few, on a MariaDB of its own.

    python -m bench.lists [--rows 10000000] [--few 10000] [--rounds 60]

The few are all of the month that is shown, so that a page has as many rows over them as over the many of a year.
Prints for each page its rows and the p95 over few and over many records, their ratio, and the index MariaDB takes.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import TextClause, event, insert, text

from admin_web.records import queries
from admin_web.records.filters import ListKind, RecordFilter
from core import schema
from core.database import ALL_TENANTS, Database
from core.models import Tenant
from cti.call.model import EndedIn
from cti.records.models import CallRecord, Direction, RecordState
from cti.records.reach import SomeQueues
from tests.support.mariadb import MariaDbServer

YEAR = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
BEGIN = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2026, 7, 1, tzinfo=datetime.UTC)
CHUNK = 5000
WRITTEN = 20_000
"""Rows that are made one by one; the others are copies, so many a statement: a slow machine ends it in a minute."""
MEMORY = "4G"
"""Of the server: ten million records with their indexes have some five."""
WARM_UP = 5


def rows(
    tenant: int, count: int, since: datetime.datetime, until: datetime.datetime
) -> Iterator[dict[str, Any]]:
    """Yield the records of a span: 100 agents, 20 queues, one missed in 20, one outbound in five."""
    chance = random.Random(count)
    for number in range(count):
        at = since + chance.random() * (until - since)
        missed = number % 20 == 0
        yield {
            "tenant_id": tenant,
            "call_id": f"call-{number}",
            "state": RecordState.FINAL,
            "direction": Direction.OUT if number % 5 == 1 else Direction.IN,
            "caller": f"+86138{chance.randrange(10**6):08}",
            "called": "+861065551200",
            "arrived_at": at,
            "ended_at": at,
            "ended_in": EndedIn.OFFER if missed else EndedIn.AGENT,
            "agent_id": 0 if missed else chance.randrange(1, 101),
            "extension_id": chance.randrange(1, 101),
            "queue_id": chance.randrange(1, 21),
            "route_id": chance.randrange(1, 6),
            "missed": missed,
            "last_agent_id": chance.randrange(1, 101),
            "region": chance.choice(("", "北京", "广东/深圳")),
        }


def fill(database: Database, count: int, *, shown: bool = False) -> int:
    """Add a company with so many records, of the year or of what is `shown` of it, and return its id. Those after the
    first are copies, at other times and from other callers, which the server makes by itself.
    """
    since, until = (BEGIN, END) if shown else (YEAR, YEAR.replace(year=YEAR.year + 1))
    written = count if shown else min(count, WRITTEN)
    with database.transaction(ALL_TENANTS) as session:
        tenant = Tenant(code=f"with{count}", name=str(count))
        session.add(tenant)
        session.flush()
        chunk: list[dict[str, Any]] = []
        for row in rows(tenant.id, written, since, until):
            chunk.append(row)
            if len(chunk) == CHUNK:
                session.execute(insert(CallRecord), chunk)
                chunk = []
        if chunk:
            session.execute(insert(CallRecord), chunk)
        session.commit()
        tenant_id = tenant.id
    for begin in range(written, count, written):
        with database.engine.begin() as connection:
            more = {"tenant": tenant_id, "copy": begin, "year": YEAR.replace(tzinfo=None)}
            connection.execute(COPY, {**more, "rows": min(written, count - begin)})
    return tenant_id


def _copy() -> TextClause:
    changed = {
        "call_id": "CONCAT(call_id, '-', :copy)",
        "caller": "CONCAT('+86138', LPAD(FLOOR(RAND() * 1000000), 8, '0'))",
        "arrived_at": "at",
        "ended_at": "at",
    }
    names = [column.name for column in CallRecord.__table__.columns if column.name != "id"]
    chosen = ", ".join(changed.get(name, name) for name in names)
    return text(
        f"INSERT INTO cti_call_record ({', '.join(names)}) SELECT {chosen} FROM (SELECT r.*, DATE_ADD(:year,"
        " INTERVAL FLOOR(RAND() * 365 * 86400) SECOND) AS at FROM cti_call_record r"
        " WHERE tenant_id = :tenant AND call_id NOT LIKE '%-%-%' LIMIT :rows) AS copied"
    )


COPY = _copy()


def pages() -> dict[str, RecordFilter]:
    """Return the pages looked at."""
    month = RecordFilter(from_at=BEGIN, to_at=END)
    deep = (datetime.datetime(2026, 6, 10, tzinfo=datetime.UTC), 1)
    return {
        "inbound": month,
        "inbound, far back": dataclasses.replace(month, before=deep),
        "outbound": dataclasses.replace(month, kind=ListKind.OUTBOUND),
        "missed": dataclasses.replace(month, kind=ListKind.MISSED),
        "one agent's": dataclasses.replace(month, own_of=7),
        "one queue": dataclasses.replace(month, queue_id=3),
        "one extension": dataclasses.replace(month, extension_id=9),
        "one number": dataclasses.replace(month, number="+8613800000042"),
        "one supervisor's": dataclasses.replace(month, limits=SomeQueues(7, frozenset({3}))),
        "a region": dataclasses.replace(month, region="广东"),
    }


def p95_ms(rounds: int, work: Callable[[], object]) -> float:
    """Return the 95th percentile of `work`'s time."""
    for _ in range(WARM_UP):
        work()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append((time.perf_counter() - begin) * 1000)
    return sorted(times)[int(len(times) * 0.95)]


def explained(database: Database, tenant: int, wanted: RecordFilter) -> str:
    """Return the indexes of the page's query, and what MariaDB does besides reading them."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    with database.transaction(tenant, read_only=True) as session:
        event.listen(database.engine, "before_cursor_execute", note)
        queries.page(session, wanted)
        event.remove(database.engine, "before_cursor_execute", note)
        statement, parameters = next(each for each in reversed(asked) if "cti_call_record" in each[0])
        plan = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings()
        return "; ".join(f"{line['key']}, {line['Extra']}" for line in plan)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    # As an interruption: the server is ended and its folder removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="zj-lists-") as folder:
        server = MariaDbServer(Path(folder), memory=MEMORY)
        try:
            measure(server, given)
        finally:
            server.stop()


def measure(server: MariaDbServer, given: argparse.Namespace) -> None:
    """Fill two databases, look at each page in both, print the ratios."""
    filled = []
    for count in (given.few, given.rows):
        url = server.fresh_database()
        schema.upgrade(url)
        database = Database(url)
        filled.append((database, fill(database, count, shown=count == given.few)))
        with database.engine.begin() as connection:
            connection.execute(text("ANALYZE TABLE cti_call_record")).all()
    print(f"p95 of a page, {given.few:,} and {given.rows:,} records of one company")
    worst = 0.0
    for name, wanted in pages().items():
        times, shown = [], []
        for database, tenant in filled:
            with database.transaction(tenant, read_only=True) as session:
                shown.append(len(queries.page(session, wanted)[0]))
                times.append(p95_ms(given.rounds, lambda s=session, w=wanted: queries.page(s, w)))  # type: ignore[misc]
        few, many = times
        worst = max(worst, many / few)
        size = "/".join(map(str, dict.fromkeys(shown)))
        found = f"{name:20} {size:>5} rows {few:7.1f} ms {many:7.1f} ms  x {many / few:4.1f}"
        print(f"{found}  {explained(*filled[1], wanted)}", flush=True)
    print(f"worst ratio {worst:.1f} (bar P7: 3)")
    for database, _ in filled:
        database.dispose()


if __name__ == "__main__":
    main()
