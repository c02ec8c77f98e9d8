"""Two people who deal with one missed call at the same instant: the first stays, the other is told of nothing amiss."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from sqlalchemy import event, select

from agent_desktop import work
from core.database import Database, TenantSession
from core.models import Account, AuditEntry
from core.permissions import Permission, Principal
from cti.call.model import EndedIn
from cti.desk import marks
from cti.desk.models import WorkDone, WorkKind
from cti.records.models import CallRecord, RecordState
from tests.support.database import open_two_tenants
from tests.support.mariadb import MariaDbServer

NOW = datetime.datetime(2026, 11, 22, 4, 0, tzinfo=datetime.UTC)


def person(database: Database, tenant: int, name: str) -> Principal:
    with database.transaction(tenant) as session:
        account = Account(login=name.lower(), name=name, code=name, password_hash="x")
        session.add(account)
        session.commit()
    return Principal(
        account_id=account.id,
        tenant_id=tenant,
        tenant_code="one",
        tenant_name="One",
        login=name.lower(),
        name=name,
        role_name="",
        built_in_role=None,
        permissions=frozenset({Permission.RECORDS_VIEW}),
        language="en",
        timezone="Asia/Shanghai",
        session_id=0,
    )


def missed_call(database: Database, tenant: int) -> int:
    with database.transaction(tenant) as session:
        row = CallRecord(
            call_id="lost",
            state=RecordState.FINAL,
            caller="+8613800138000",
            arrived_at=NOW,
            ended_at=NOW,
            ended_in=EndedIn.OFFER,
            missed=True,
        )
        session.add(row)
        session.commit()
        return row.id


# SQLite lets one at a time look and write: there is no instant in between.
@pytest.mark.mariadb
def test_dsk_7_who_marks_at_the_same_instant_sees_who_was_first(mariadb_server: MariaDbServer) -> None:
    database = Database(mariadb_server.migrated_database())
    tenant, _ = open_two_tenants(database)
    call = missed_call(database, tenant)
    anna, bert = (person(database, tenant, name) for name in ("Anna", "Bert"))

    def quicker(*_: Any) -> None:
        with database.transaction(tenant) as session:
            work.mark(session, anna, "missed", call, done=True, remark="called him")
            session.commit()

    with database.transaction(tenant) as late:
        event.listen(late, "before_flush", quicker, once=True)  # Bert's has looked, and found no mark.
        work.mark(late, bert, "missed", call, done=True, remark="me too")
        late.commit()
    with database.transaction(tenant, read_only=True) as session:
        (mark,) = session.scalars(select(WorkDone))
        assert (mark.account_name, mark.remark) == ("Anna", "called him")
        assert [entry.account_id for entry in session.scalars(select(AuditEntry))] == [anna.account_id]
    database.dispose()


@pytest.mark.mariadb
def test_a_mark_is_taken_back_once(mariadb_server: MariaDbServer) -> None:
    database = Database(mariadb_server.migrated_database())
    tenant, _ = open_two_tenants(database)
    call = missed_call(database, tenant)
    anna = person(database, tenant, "Anna")

    def marked(session: TenantSession) -> WorkDone:
        found, _ = marks.mark(session, anna, WorkKind.MISSED, call, "")
        return found

    with database.transaction(tenant) as session:
        marked(session)
        session.commit()
    with database.transaction(tenant) as one:
        seen = marked(one)
        with database.transaction(tenant) as other:
            assert marks.unmark(other, marked(other))
            other.commit()
        assert not marks.unmark(one, seen)
        one.commit()
    database.dispose()
