"""Migrations go both ways, on both engines, and agree with the models (house style 18)."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import inspect

from core import schema
from core.database import make_engine


def test_up_from_empty_and_back(empty_database_url: str) -> None:
    assert schema.current(empty_database_url) is None
    schema.upgrade(empty_database_url)
    assert schema.current(empty_database_url) == schema.head()
    schema.downgrade(empty_database_url, "base")
    engine = make_engine(empty_database_url)
    tables = set(inspect(engine).get_table_names())
    engine.dispose()
    assert tables <= {"alembic_version"}
    schema.upgrade(empty_database_url)
    assert schema.current(empty_database_url) == schema.head()


def test_models_and_migrations_agree(empty_database_url: str) -> None:
    assert schema.check(empty_database_url), "an empty database differs from the models"
    schema.upgrade(empty_database_url)
    assert schema.check(empty_database_url) == []


def test_two_processes_may_migrate_at_once(empty_database_url: str) -> None:
    errors: list[BaseException] = []

    def migrate() -> None:
        try:
            schema.upgrade(empty_database_url)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert schema.current(empty_database_url) == schema.head()


def test_every_tenant_owned_table_has_its_tenant() -> None:
    from core.tables import TENANT_TABLES

    metadata = schema.load_models()
    platform = {"tenant", "cti_trunk", "document_version", "ivr_speech_service"}
    owned = {name for name, table in metadata.tables.items() if "tenant_id" in table.c}
    assert owned == TENANT_TABLES - {"tenant"}
    assert set(metadata.tables) - owned == platform, "a new table is tenant-owned, or named here on purpose"


@pytest.mark.mariadb
def test_times_keep_microseconds_on_mariadb(mariadb_server: object) -> None:
    url = mariadb_server.fresh_database()  # type: ignore[attr-defined]
    schema.upgrade(url)
    engine = make_engine(url)
    columns = {each["name"]: each["type"] for each in inspect(engine).get_columns("account")}
    engine.dispose()
    assert columns["created_at"].fsp == 6
