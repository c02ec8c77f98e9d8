"""Bar P7 without a clock: how many rows MariaDB reads for a page of an old month, which must not grow with how many
calls came since. `bench/lists.py` measures the time.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, insert, select, text

from admin_web.records import queries
from bench import lists
from core.database import ALL_TENANTS, Database
from cti.records.models import CallRecord
from tests.support.mariadb import MariaDbServer

pytestmark = pytest.mark.mariadb

FEW, DOUBLED = 2_500, 5
"""80,000 calls in all: with half of them MariaDB takes the right index by chance."""
MOST_READ = 5 * (queries.PAGE_ROWS + 1)
"""Of three calls one is of the region looked for; the others are dropped by at most one condition in five."""


@pytest.fixture(scope="module")
def year(mariadb_server: MariaDbServer) -> Iterator[tuple[Database, int]]:
    """A year of calls, and their company; the pages looked at are of June."""
    database = Database(mariadb_server.migrated_database())
    tenant = lists.fill(database, FEW)
    table = CallRecord.__table__
    kept = [column.name for column in table.columns if column.name not in ("id", "call_id")]
    for turn in range(DOUBLED):
        again = select(func.concat(table.c.call_id, f"-{turn}"), *(table.c[name] for name in kept))
        with database.transaction(ALL_TENANTS) as session:
            session.connection().execute(insert(CallRecord).from_select(["call_id", *kept], again))
            session.commit()
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE TABLE cti_call_record")).all()
    yield database, tenant
    database.dispose()


@pytest.mark.parametrize("name", lists.pages())
def test_p7_a_page_of_an_old_month_reads_little_more_than_its_rows(
    year: tuple[Database, int], name: str
) -> None:
    database, tenant = year
    with database.transaction(tenant, read_only=True) as session:
        connection = session.connection()
        connection.exec_driver_sql("FLUSH STATUS")
        wanted = lists.pages()[name]
        rows, _ = queries.page(session, wanted)
        counts = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read_%%'").all()
    assert rows or name == "one number"
    # A supervisor's page is put together in memory from one of each of their queues and of what else they see.
    pages = 1 if wanted.limits is None else len(wanted.limits.arms())
    assert sum(int(count) for _, count in counts) <= MOST_READ * pages, counts
