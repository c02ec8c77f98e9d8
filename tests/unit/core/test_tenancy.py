"""A session sees and writes its own tenant's rows, however it is asked (ACC-12)."""

from __future__ import annotations

import datetime

import pytest
from sqlalchemy import delete, exists, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import aliased

from core.database import ALL_TENANTS, Database, ScopeError
from core.models import Tenant
from crm.models import Customer
from cti.models import Extension, Queue, QueueMember, Trunk


@pytest.fixture
def customers(database: Database, two_tenants: tuple[int, int]) -> tuple[int, int]:
    """A customer in each of the two tenants; their ids."""
    with database.transaction(ALL_TENANTS) as session:
        rows = [Customer(tenant_id=tenant, name=f"of {tenant}", phone="+861") for tenant in two_tenants]
        session.add_all(rows)
        session.commit()
        return rows[0].id, rows[1].id


def test_queries_of_every_form_are_scoped(
    database: Database, two_tenants: tuple[int, int], customers: tuple[int, int]
):
    one, two = two_tenants
    other = aliased(Customer)
    with database.transaction(one, read_only=True) as session:
        assert session.scalars(select(Customer.id)).all() == [customers[0]]
        assert session.scalar(select(func.count()).select_from(Customer)) == 1
        assert session.scalars(select(other.id)).all() == [customers[0]]
        assert session.scalars(select(Tenant.id)).all() == [one]
        assert session.scalars(select(Tenant.id).where(exists().where(other.tenant_id == two))).all() == []
        assert session.execute(select(Customer.id, Tenant.id).join(Tenant)).all() == [(customers[0], one)]
        subquery = select(Customer).subquery()
        assert session.scalar(select(func.count()).select_from(subquery)) == 1
        assert session.get(Customer, customers[1]) is None
        assert session.get(Tenant, two) is None
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 2


def test_updates_and_deletes_stay_in_the_tenant(
    database: Database, two_tenants: tuple[int, int], customers: tuple[int, int]
):
    with database.transaction(two_tenants[0]) as session:
        session.execute(update(Customer).values(name="changed"))
        session.execute(delete(Customer).where(Customer.id == customers[1]))
        session.commit()
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        names = dict(session.execute(select(Customer.id, Customer.name)).all())
    assert names == {customers[0]: "changed", customers[1]: f"of {two_tenants[1]}"}


def test_without_a_scope_tenant_rows_are_refused(database: Database, customers: tuple[int, int]):
    with database.transaction(None, read_only=True) as session:
        for statement in (
            select(Customer),
            select(Tenant),
            select(Trunk.id).where(exists().where(Customer.id == Trunk.id)),
            select(Customer.__table__),
            select(Trunk.id).join(Customer, Customer.id == Trunk.id),
        ):
            with pytest.raises(ScopeError):
                session.execute(statement)
        assert session.scalars(select(Trunk)).all() == []


def test_statements_whose_reach_cannot_be_seen_are_refused(database: Database, two_tenants: tuple[int, int]):
    one, two = two_tenants
    row = {"name": "x", "phone": "+2"}
    with database.transaction(one) as session:
        for statement, rows in (
            (text("SELECT * FROM crm_customer"), None),
            (select(Customer.__table__), None),
            (update(Customer.__table__).values(name="x"), None),
            (insert(Customer), [row]),
            (insert(Customer), [{**row, "tenant_id": two}]),
            (insert(Customer).values(tenant_id=two, **row), None),
            (insert(Customer).from_select(["name"], select(Customer.name)), None),
            (update(Customer), [{"id": 1, "name": "x"}]),
            (update(Customer).values(tenant_id=two), None),
        ):
            with pytest.raises(ScopeError):
                session.execute(statement, rows) if rows is not None else session.execute(statement)
        with pytest.raises(ScopeError):
            session.bulk_save_objects([Customer(tenant_id=two, **row)])
        session.execute(insert(Customer), [{**row, "tenant_id": one}])


def test_a_row_of_another_tenant_is_not_written(database: Database, two_tenants: tuple[int, int]):
    one, two = two_tenants
    with database.transaction(one) as session:
        session.add(Customer(tenant_id=two, name="x", phone="+2"))
        with pytest.raises(ScopeError):
            session.flush()
    with database.transaction(one) as session:
        session.add(Tenant(code="three", name="Three"))
        with pytest.raises(ScopeError):
            session.flush()
    with database.transaction(one) as session:
        customer = Customer(name="x", phone="+2")
        session.add(customer)
        session.commit()
        assert customer.tenant_id == one
        customer.tenant_id = two
        with pytest.raises(ScopeError):
            session.flush()


def test_the_database_itself_refuses_references_across_tenants(
    database: Database, two_tenants: tuple[int, int]
):
    one, two = two_tenants
    with database.transaction(ALL_TENANTS) as session:
        queue = Queue(tenant_id=one, code="q", name="q")
        extension = Extension(tenant_id=two, number="1")
        session.add_all([queue, extension])
        session.commit()
        session.add(QueueMember(tenant_id=one, queue_id=queue.id, extension_id=extension.id))
        with pytest.raises(IntegrityError):
            session.flush()


def test_the_scope_does_not_change_under_loaded_rows(
    database: Database, two_tenants: tuple[int, int], customers: tuple[int, int]
):
    with database.transaction(two_tenants[0], read_only=True) as session:
        held = session.get(Customer, customers[0])
        assert held is not None
        with pytest.raises(ScopeError):
            session.set_scope(two_tenants[1])
        session.expunge_all()
        session.set_scope(two_tenants[1])
        assert session.get(Customer, customers[0]) is None


def test_a_read_only_session_writes_nothing(database: Database, two_tenants: tuple[int, int]):
    with database.transaction(two_tenants[0], read_only=True) as session:
        session.add(Customer(name="x", phone="+2"))
        with pytest.raises(ScopeError):
            session.flush()
    with database.transaction(two_tenants[0], read_only=True) as session, pytest.raises(ScopeError):
        session.execute(update(Customer).values(name="x"))


def test_what_is_not_committed_is_rolled_back(database: Database, two_tenants: tuple[int, int]):
    called: list[str] = []
    with database.transaction(two_tenants[0]) as session:
        session.add(Customer(name="x", phone="+2"))
        session.flush()
        session.after_commit(lambda: called.append("left"))
    with database.transaction(two_tenants[0]) as session:
        session.after_commit(lambda: called.append("rolled back"))
        session.rollback()
        session.commit()
    with database.transaction(two_tenants[0], read_only=True) as session:
        assert session.scalars(select(Customer)).all() == []
    assert called == []


def test_after_commit_runs_once_and_after_the_commit(database: Database, two_tenants: tuple[int, int]):
    seen: list[int | None] = []

    def look() -> None:
        with database.transaction(two_tenants[0], read_only=True) as other:
            seen.append(other.scalar(select(func.count()).select_from(Customer)))

    def fail() -> None:
        raise RuntimeError("the first callback")

    with database.transaction(two_tenants[0]) as session:
        session.add(Customer(name="x", phone="+2"))
        session.after_commit(fail)
        session.after_commit(look)
        with pytest.raises(RuntimeError, match="the first callback"):
            session.commit()
        session.commit()
    assert seen == [1]


def test_times_are_aware_utc_with_microseconds(database: Database, two_tenants: tuple[int, int]):
    east = datetime.timezone(datetime.timedelta(hours=8))
    instant = datetime.datetime(2026, 3, 1, 7, 30, 0, 123456, tzinfo=east)
    with database.transaction(two_tenants[0]) as session:
        session.add(Customer(name="x", phone="+2", created_at=instant))
        session.commit()
    with database.transaction(two_tenants[0]) as session:
        read = session.scalars(select(Customer)).one().created_at
        assert read == instant
        assert read.utcoffset() == datetime.timedelta(0)
        session.add(Customer(name="y", phone="+3", created_at=datetime.datetime(2026, 3, 1)))  # noqa: DTZ001
        with pytest.raises(StatementError, match="no time zone"):
            session.flush()
