"""However many supervisors look, the day's records are added up once in five seconds (SUP-9)."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

from sqlalchemy import event

from admin_web.supervision.today import KEPT_S, Today
from core.database import utc_now
from tests.unit.admin_web.api.support import principal_of
from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_records import add


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _sums_read(world: World) -> list[str]:
    """Return where statements that add records up are noted from now on."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "FROM cti_call_record" in statement and "sum(" in statement.lower():
            found.append(statement)

    event.listen(world.parts.database.engine, "before_cursor_execute", note)
    return found


def test_a_thousand_looks_add_up_a_few_times(world: World) -> None:
    tenant, sales = world.ids["one"]["tenants"], world.ids["one"]["queues"]
    add(world, "c-1", queue_id=sales, arrived_at=utc_now())
    clock = _Clock()
    today, everybody = Today(clock), principal_of(world, "one", "supervisor")
    limited = dataclasses.replace(everybody, account_id=0, queues=frozenset({sales}))
    read = _sums_read(world)
    for look in range(1000):
        clock.now += KEPT_S / 500
        with world.parts.database.transaction(tenant, read_only=True) as session:
            sums = today.sums(session, limited if look % 2 else everybody)
        assert sums[sales].offered == 1
    assert 4 <= len(read) <= 6, "ten seconds, two choices of queues"


def test_what_is_kept_is_the_companys_the_queues_and_of_the_moment(world: World) -> None:
    sales = world.ids["one"]["queues"]
    clock = _Clock()
    today, mine = Today(clock), principal_of(world, "one", "supervisor")
    theirs = principal_of(world, "two", "supervisor")
    none = dataclasses.replace(mine, queues=frozenset({sales + 99}))
    add(world, "c-1", queue_id=sales, arrived_at=utc_now())

    def offered(principal: Any) -> int:
        with world.parts.database.transaction(principal.tenant_id, read_only=True) as session:
            return sum(each.offered for each in today.sums(session, principal).values())

    assert (offered(mine), offered(theirs), offered(none)) == (1, 0, 0)
    add(world, "c-2", queue_id=sales, arrived_at=utc_now())
    assert offered(mine) == 1
    clock.now += KEPT_S
    assert (offered(mine), offered(theirs), offered(none)) == (2, 0, 0)


def test_of_many_who_ask_at_once_one_reads(world: World) -> None:
    today, mine = Today(), principal_of(world, "one", "supervisor")
    together, read = threading.Barrier(8), _sums_read(world)

    def look() -> None:
        together.wait(20)
        with world.parts.database.transaction(mine.tenant_id, read_only=True) as session:
            today.sums(session, mine)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(read) == 1


def test_pages_get_them(world: World) -> None:
    read, client = _sums_read(world), world.client("one", "supervisor")
    for _ in range(5):
        answer = client.get("/supervision/api/state", headers={"Accept": "application/json"})
        assert answer.status_code == 200
    assert 1 <= len(read) <= 2
