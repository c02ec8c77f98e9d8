"""The database: one engine for a process, sessions with a scope, transactions that roll back unless told
otherwise.

SQLite (write-ahead log, foreign keys enforced, writing transactions that take the lock at their start) and
MariaDB by pymysql. Code that uses it: ``with database.transaction(tenant_id) as session: ...;
session.commit()``. Table classes are made from what this module re-exports of `core.tables` and
`core.tenancy`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from core import sqlite_threads
from core.settings import Settings
from core.tables import (
    Base,
    BigId,
    BigIdType,
    Code,
    Id,
    LongText,
    Money,
    Name,
    Note,
    Phone,
    TenantOwned,
    TenantRoot,
    Timestamps,
    UtcDateTime,
    reference,
    utc_now,
)
from core.tenancy import ALL_TENANTS, AllTenants, Scope, ScopeError, TenantSession

__all__ = [
    "ALL_TENANTS",
    "AllTenants",
    "Base",
    "BigId",
    "BigIdType",
    "Code",
    "Database",
    "Id",
    "LongText",
    "Money",
    "Name",
    "Note",
    "Phone",
    "Scope",
    "ScopeError",
    "TenantOwned",
    "TenantRoot",
    "TenantSession",
    "Timestamps",
    "UtcDateTime",
    "make_engine",
    "normalise_url",
    "reference",
    "utc_now",
]

BUSY_TIMEOUT_S = 5.0
"""How long a transaction waits for another's lock before it fails."""
COST_MODEL_SINCE = 11
"""Major version of MariaDB whose costs have no such cap any more."""


def normalise_url(address: str) -> URL:
    """Return the database address with the driver we use: pymysql for ``mysql`` and ``mariadb``."""
    url = make_url(address)
    if url.get_backend_name() in {"mysql", "mariadb"}:
        url = url.set(drivername="mysql+pymysql")
        if "charset" not in url.query:
            url = url.update_query_dict({"charset": "utf8mb4"})
    return url


def make_engine(address: str, *, pool_size: int = 10, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """Return an engine for the database at `address`. Nothing is connected yet."""
    url = normalise_url(address)
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, pool_size, busy_timeout_s)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": 5,
            "read_timeout": 60,
            "write_timeout": 60,
            "init_command": "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
            f" innodb_lock_wait_timeout = {max(1, int(busy_timeout_s))}",
        },
    )
    event.listen(engine, "connect", _reckon_with_every_row)
    return engine


def _reckon_with_every_row(connection: Any, record: Any) -> None:
    """Have MariaDB before 11 not cap what it thinks reading by an index's first column alone costs.

    With the cap a list of an old month is read from the company's newest row backwards, by the index of company and
    time, although the index in use otherwise begins at the month (MariaDB Server documentation,
    `optimizer_adjust_secondary_key_costs`: 10.6.17 to 10.11; a number before it was a set of names).
    """
    if int(connection.get_server_info().removeprefix("5.5.5-").partition(".")[0]) >= COST_MODEL_SINCE:
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW VARIABLES LIKE 'optimizer_adjust_secondary_key_costs'")
        for _, value in cursor.fetchall():
            named = 2 if value.isdigit() else ",".join(filter(None, (value, "disable_max_seek")))
            cursor.execute("SET SESSION optimizer_adjust_secondary_key_costs = %s", (named,))


def _sqlite_engine(url: URL, pool_size: int, busy_timeout_s: float) -> Engine:
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": pool_size}
    if url.database in {None, "", ":memory:"}:
        options = {"poolclass": StaticPool}
    engine = create_engine(
        url,
        connect_args={
            "factory": sqlite_threads.Connection,
            "check_same_thread": False,
            "isolation_level": None,  # we begin ourselves; see _begin
            "timeout": busy_timeout_s,
        },
        **options,
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite_threads.Connection, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw = cast(sqlite_threads.Connection, connection.connection.dbapi_connection)
        if connection.get_execution_options().get("writes", True):
            try:
                raw.begin_immediate(busy_timeout_s)
            except sqlite3.OperationalError as error:
                # What is raised in this hook is not wrapped by SQLAlchemy, and callers catch SQLAlchemy's.
                raise OperationalError("BEGIN IMMEDIATE", None, error) from error
        else:
            raw.cursor().execute("BEGIN")

    return engine


class Database:
    """The process's database: built once in the composition root from the settings, handed to who needs
    it.
    """

    def __init__(self, address: str, *, pool_size: int = 10, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.engine = make_engine(address, pool_size=pool_size, busy_timeout_s=busy_timeout_s)
        self.reading_engine = self.engine.execution_options(writes=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> Database:
        """Return the database the settings name; makes the home folder for SQLite."""
        if not settings.database_url:
            settings.home.mkdir(parents=True, exist_ok=True)
        return cls(settings.effective_database_url)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded default."""
        return self.engine.dialect.name == "sqlite"

    def session(self, scope: Scope | None, *, read_only: bool = False) -> TenantSession:
        """Return a session for `scope`; the caller closes it. Prefer :meth:`transaction`."""
        return TenantSession(
            self.reading_engine if read_only else self.engine,
            scope=scope,
            read_only=read_only,
            expire_on_commit=False,
        )

    @contextmanager
    def transaction(self, scope: Scope | None, *, read_only: bool = False) -> Iterator[TenantSession]:
        """Yield a session that rolls back at the end unless ``session.commit()`` was called.

        Without `read_only` the first statement takes SQLite's write lock: keep it short, and do not open a
        second one inside it (it would wait for the first). What must follow a commit goes to
        ``session.after_commit``.
        """
        session = self.session(scope, read_only=read_only)
        try:
            yield session
        finally:
            session.close()

    def dispose(self) -> None:
        """Close all pooled connections (at the end, and after a fork)."""
        self.engine.dispose()
