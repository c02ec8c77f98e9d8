"""Databases for tests: empty or migrated, on SQLite and on MariaDB."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import schema
from core.database import ALL_TENANTS, Database
from core.models import Tenant

BOTH = ["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)]


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database, once for each engine."""
    if request.param == "mariadb":
        return str(request.getfixturevalue("mariadb_server").fresh_database())
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(params=BOTH)
def migrated_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a migrated database without rows, once for each engine."""
    if request.param == "mariadb":
        return str(request.getfixturevalue("mariadb_server").migrated_database())
    shutil.copyfile(request.getfixturevalue("migrated_sqlite"), tmp_path / "test.db")
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def each_database(migrated_database_url: str) -> Iterator[Database]:
    """A migrated database without rows, once for each engine."""
    database = Database(migrated_database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without rows, to be copied."""
    path = tmp_path_factory.mktemp("schema") / "migrated.db"
    schema.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def database(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database without rows."""
    path = tmp_path / "zongji.db"
    shutil.copyfile(migrated_sqlite, path)
    made = Database(f"sqlite:///{path}")
    yield made
    made.dispose()


def open_two_tenants(database: Database) -> tuple[int, int]:
    """Add the tenants ``one`` and ``two`` and return their ids."""
    with database.transaction(ALL_TENANTS) as session:
        tenants = [Tenant(code=code, name=code.title()) for code in ("one", "two")]
        session.add_all(tenants)
        session.commit()
        return tenants[0].id, tenants[1].id


@pytest.fixture
def two_tenants(database: Database) -> tuple[int, int]:
    """Ids of two tenants of `database`."""
    return open_two_tenants(database)
