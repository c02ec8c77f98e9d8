"""Whose a recorded segment is, as MariaDB and SQLite say it, and what saying so costs MariaDB (CTI-C6)."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from admin_web.left_messages import queries as left
from admin_web.records import queries
from core.database import ALL_TENANTS, Database
from core.models import Tenant
from cti.call.in_transfer import MAX_TRANSFERS
from cti.call.model import EndedIn, SegmentKind
from cti.records.models import CallRecord, Direction, Recording, RecordState
from cti.records.owners import with_owner
from cti.records.parts import part_id
from cti.records.reach import SomeQueues
from tests.support.mariadb import MariaDbServer

BEGIN = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
SALES, SUPPORT, QUIET = 1, 2, 3
CALLS, TRANSFERRED_OF = 6000, 30
"""Of so many calls one was transferred: from Sales to Support, which all messages are Support's by."""


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def database(request: pytest.FixtureRequest, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'records.db')}"
    else:
        url = request.getfixturevalue("mariadb_server").migrated_database()
    made = Database(url)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def full(mariadb_server: MariaDbServer) -> Iterator[tuple[Database, int]]:
    """A company with many messages on MariaDB."""
    made = Database(mariadb_server.migrated_database())
    tenant = company(made)
    records: list[dict[str, Any]] = []
    sounds: list[dict[str, Any]] = []
    for number in range(CALLS):
        call_id, at = f"call-{number:05}x", BEGIN + datetime.timedelta(minutes=number)
        moved = number % TRANSFERRED_OF == 0
        records.append(record(tenant, call_id, at, queue_id=SALES, transferred=moved))
        if moved:
            then = at + datetime.timedelta(seconds=20)
            records.append(
                record(tenant, part_id(call_id, 2), then, queue_id=SUPPORT, source_call_id=call_id)
            )
        begin = at + datetime.timedelta(seconds=40)
        sounds.append(segment(tenant, call_id, 2, begin, kind=SegmentKind.VOICEMAIL))
    write(made, records, sounds)
    with made.engine.begin() as connection:
        connection.execute(text("ANALYZE TABLE cti_call_record, cti_recording")).all()
    yield made, tenant
    made.dispose()


def company(database: Database) -> int:
    with database.transaction(ALL_TENANTS) as session:
        tenant = Tenant(code="c", name="c")
        session.add(tenant)
        session.commit()
        return tenant.id


def record(tenant: int, call_id: str, at: datetime.datetime, **values: Any) -> dict[str, Any]:
    ended_in = EndedIn.TRANSFERRED if values.pop("transferred", False) else EndedIn.VOICEMAIL
    return {
        "tenant_id": tenant, "call_id": call_id, "source_call_id": "", "state": RecordState.FINAL,
        "direction": Direction.IN, "arrived_at": at, "ended_at": at, "ended_in": ended_in, "segments": "[]",
        "queue_id": 0, **values,
    }  # fmt: skip


def segment(tenant: int, call_id: str, number: int, at: datetime.datetime, **values: Any) -> dict[str, Any]:
    return {
        "tenant_id": tenant, "call_id": call_id, "segment": number, "kind": SegmentKind.TALK, "started_at": at,
        "length_ms": 1, "key": "k", "bytes": 1, "sha256": "", "channels": 1, "created_at": at, **values,
    }  # fmt: skip


def write(database: Database, records: list[dict[str, Any]], sounds: list[dict[str, Any]]) -> None:
    with database.transaction(ALL_TENANTS) as session:
        session.execute(insert(CallRecord), records)
        session.execute(insert(Recording), sounds)
        session.commit()


def test_each_segment_has_one_part_cti_c6(database: Database) -> None:
    tenant, most = company(database), MAX_TRANSFERS + 1
    records, sounds = [], []
    for number in range(1, most + 1):
        at = BEGIN + datetime.timedelta(minutes=number)
        more: dict[str, Any] = {"transferred": number < most, "source_call_id": "many" if number > 1 else ""}
        names = f'[{{"name":"{tenant}/many-{number}.wav","started_ms":1}}]'
        records.append(record(tenant, part_id("many", number), at, segments=names, **more))
        sounds.append(segment(tenant, "many", number, BEGIN))
    minute = datetime.timedelta(minutes=1)
    for number, at in enumerate((BEGIN - minute, BEGIN + minute, BEGIN + 3 * minute), start=1):
        sounds.append(segment(tenant, "guessed", number, at))
    records += [
        record(tenant, "guessed", BEGIN, transferred=True),
        record(tenant, "guessed-2", BEGIN + 2 * minute, source_call_id="guessed"),
        record(tenant, "guessed-3", BEGIN, source_call_id="of-another"),
        record(tenant, "plain", BEGIN),
        record(tenant, "plain-2", BEGIN, source_call_id=""),
    ]
    sounds += [segment(tenant, "plain", 1, BEGIN + minute), segment(tenant, "early", 1, BEGIN)]
    write(database, records, sounds)
    wanted = with_owner(
        select(Recording.call_id, Recording.segment, CallRecord.call_id).select_from(Recording)
    )
    with database.transaction(tenant, read_only=True) as session:
        found = {(call_id, number): part for call_id, number, part in session.execute(wanted)}
        needed = with_owner(select(Recording).select_from(Recording), needed=True)
        assert len(session.scalars(needed).all()) == len(sounds) - 1, "without a record there is no row"
        one = session.scalars(select(CallRecord).where(CallRecord.call_id == part_id("many", 7))).one()
        whole = queries.whole_call(session, one.call_id)
    assert found == {
        **{("many", number): part_id("many", number) for number in range(1, most + 1)},
        ("guessed", 1): "guessed",
        ("guessed", 2): "guessed",
        ("guessed", 3): "guessed-2",
        ("plain", 1): "plain",
        ("early", 1): None,
    }
    assert [each.segment for each in whole.recordings] == [7]
    assert [each.call_id for each in whole.parts] == [
        part_id("many", number) for number in range(1, most + 1)
    ]


@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("limits", "found", "most_read"),
    [
        (None, left.PAGE_MESSAGES, 6 * (left.PAGE_MESSAGES + 1)),
        (SomeQueues(9, frozenset({SALES})), left.PAGE_MESSAGES, 8 * (left.PAGE_MESSAGES + 1)),
        (SomeQueues(9, frozenset({QUIET})), 0, 20),
    ],
)
def test_a_page_of_messages_reads_little_more_than_its_rows(
    full: tuple[Database, int], limits: SomeQueues | None, found: int, most_read: int
) -> None:
    database, tenant = full
    with database.transaction(tenant, read_only=True) as session:
        connection = session.connection()
        connection.exec_driver_sql("FLUSH STATUS")
        rows, _ = left.messages(session, left.Wanted(limits=limits))
        counts = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read_%%'").all()
    assert len(rows) == found
    assert sum(int(count) for _, count in counts) <= most_read, counts


@pytest.mark.mariadb
def test_the_parts_of_a_call_are_found_without_reading_the_companys_calls(full: tuple[Database, int]) -> None:
    database, tenant = full
    with database.transaction(tenant, read_only=True) as session:
        connection = session.connection()
        connection.exec_driver_sql("FLUSH STATUS")
        call = queries.whole_call(session, f"call-{0:05}x-2", limits=SomeQueues(9, frozenset({SUPPORT})))
        counts = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read_%%'").all()
        total = session.scalar(select(func.count()).select_from(CallRecord)) or 0
    assert [each.segment for each in call.recordings] == [2]
    assert sum(int(count) for _, count in counts) < total / 20, counts
