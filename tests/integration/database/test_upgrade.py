"""A database full of the first release's rows goes up and back: nothing is lost, everybody has their rights (ACC-5)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core import passwords, schema
from core.database import make_engine
from core.models import Account, BuiltInRole, Role
from core.permissions import of_account, of_role
from cti.models import TenantNumber

PASSWORD = "Sommer-2026-Regen"
NOW = datetime.datetime(2026, 11, 1, 8, 0)  # noqa: DTZ001 - as the database stores it
FIRST_RELEASE = "0002"
ROLES = ("tenant_admin", "supervisor", "agent")


def _value(column: sa.Column[Any], row: int) -> Any:
    """Return something the column takes, other for each row."""
    match column.type:
        case sa.Boolean():
            return True
        case sa.Integer() | sa.Numeric():
            return row
        case sa.DateTime():
            return NOW
        case sa.LargeBinary() | sa.BINARY():
            return b"x"
        case _:
            length = getattr(column.type, "length", None) or 20
            return f"{column.name[:6]}{row}"[:length] if "json" not in column.name else "{}"


def _fill(connection: sa.Connection) -> dict[str, int]:
    """Insert two companies with people, and one row of the first company into each other table; return the rows."""
    tables = sa.MetaData()
    tables.reflect(connection)
    tenant, account = tables.tables["tenant"], tables.tables["account"]
    hashed = passwords.hash_password(PASSWORD)

    def add(table: sa.Table, **given: Any) -> None:
        row = (connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0) + 1
        values = {
            column.name: 1 if column.foreign_keys else _value(column, row)
            for column in table.columns
            if not column.nullable and not (column.primary_key and column.name == "id")
        }
        connection.execute(table.insert().values(values | given))

    add(tenant, code="acme", name="Acme", is_operator=False, state="active", language="zh")
    add(tenant, code="operator", name="Operator", is_operator=True, state="active", language="zh")
    for role in ROLES:
        add(account, tenant_id=1, login=role, role=role, password_hash=hashed)
    add(account, tenant_id=2, login="operator", role="operator", password_hash=hashed)
    for table in tables.sorted_tables:
        # Nothing wrote trunks in the first release; the table is made anew.
        if table.name not in {"alembic_version", "tenant", "account", "cti_trunk"}:
            add(table, **({"number": "+861065551201"} if table.name == "cti_inbound_route" else {}))
    return _counts(connection)


def _counts(connection: sa.Connection) -> dict[str, int]:
    names = set(sa.inspect(connection).get_table_names()) - {"alembic_version", "cti_trunk"}
    return {name: connection.execute(sa.text(f"SELECT COUNT(*) FROM {name}")).scalar() or 0 for name in names}


@pytest.fixture
def filled(empty_database_url: str) -> tuple[str, dict[str, int]]:
    """A database of the first release with rows in every table; its address and the number of rows of each."""
    schema.upgrade(empty_database_url, FIRST_RELEASE)
    engine = make_engine(empty_database_url)
    with engine.begin() as connection:
        counts = _fill(connection)
    engine.dispose()
    assert min(counts.values()) >= 1
    return empty_database_url, counts


def test_acc_5_rows_of_the_first_release_are_kept_and_their_accounts_have_their_rights(
    filled: tuple[str, dict[str, int]],
) -> None:
    url, before = filled
    schema.upgrade(url)
    assert schema.check(url) == [], "the upgraded tables are not the models'"
    engine = make_engine(url)
    with Session(engine) as session:
        accounts = session.scalars(sa.select(Account).order_by(Account.id)).all()
        assert [each.login for each in accounts] == [*ROLES, "operator"]
        for each in accounts:
            role = session.get_one(Role, each.role_id)
            assert role.tenant_id == each.tenant_id
            assert role.built_in is BuiltInRole(each.login)
            assert each.apply_role
            operator = each.login == "operator"
            rights = of_account(each, role, is_operator=operator)
            assert rights == of_role(role, is_operator=operator)
            assert rights
            assert passwords.verify_password(each.password_hash, PASSWORD)
            assert not each.must_change_password
        assert len({each.code for each in accounts}) == len(accounts)
        number = session.scalars(sa.select(TenantNumber)).one()
        assert (number.tenant_id, number.number, number.inbound) == (1, "+861065551201", True)
        assert not number.caller_id, "being called on a number gives no right to show it"
    with engine.begin() as connection:
        after = _counts(connection)
    engine.dispose()
    assert {name: after[name] for name in before} == before


def test_going_back_gives_the_rows_as_they_were(filled: tuple[str, dict[str, int]]) -> None:
    url, before = filled
    schema.upgrade(url)
    schema.downgrade(url, FIRST_RELEASE)
    engine = make_engine(url)
    with engine.begin() as connection:
        assert _counts(connection) == before
        roles = connection.execute(sa.text("SELECT login, role FROM account ORDER BY id")).all()
    engine.dispose()
    assert [tuple(each) for each in roles] == [(each, each) for each in (*ROLES, "operator")]
