"""SQLite for gevent processes: what may block runs in real threads.

SQLite is C code that gevent cannot interrupt: a statement that waits for a lock or the disk would freeze
every greenlet of the process. Where the standard library is monkey-patched, these subclasses send each call
that may wait to the hub's threads and let the other greenlets run; elsewhere they call straight through.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from core import real_threads

Result = TypeVar("Result")


def _run(connection: Connection, function: Callable[..., Result], *args: Any) -> Result:
    """Return ``function(*args)``, computed in a real thread in gevent processes.

    What a killed greenlet left running is known to its connection, whose roll-back waits for it: else a thread that
    came late to its turn could take the database's lock after the roll-back, and keep it for ever.
    """
    if not real_threads.in_gevent():
        return function(*args)
    connection.work = real_threads.begin(function, *args)
    result: Result = real_threads.result_of(connection.work)
    return result


class Cursor(sqlite3.Cursor):
    """A cursor whose statements and fetches may wait without freezing the process."""

    connection: Connection

    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        """As ``sqlite3``."""
        _run(self.connection, super().execute, sql, parameters)
        return self

    def executemany(self, sql: str, rows: Iterable[Any], /) -> Cursor:
        """As ``sqlite3``."""
        _run(self.connection, super().executemany, sql, rows)
        return self

    def executescript(self, script: str, /) -> Cursor:
        """As ``sqlite3``."""
        _run(self.connection, super().executescript, script)
        return self

    def fetchone(self) -> Any:
        """As ``sqlite3``."""
        return _run(self.connection, super().fetchone)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """As ``sqlite3``."""
        return _run(self.connection, super().fetchmany, self.arraysize if size is None else size)

    def fetchall(self) -> list[Any]:
        """As ``sqlite3``."""
        return _run(self.connection, super().fetchall)


class Connection(sqlite3.Connection):
    """A connection for ``sqlite3.connect(factory=...)``, to be opened with ``isolation_level=None``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.work: Any = None
        """The last call, which may still run when its greenlet was killed."""
        super().__init__(*args, **options)

    def cursor(self, factory: Any = Cursor) -> Any:
        """Return a cursor; ours unless another class is asked for."""
        return super().cursor(factory)

    def commit(self) -> None:
        """As ``sqlite3``."""
        _run(self, super().commit)

    def rollback(self) -> None:
        """As ``sqlite3``; done also when the greenlet is killed meanwhile, or the database's lock would be kept."""
        real_threads.run_to_the_end(super().rollback, after=self.work)

    def close(self) -> None:
        """As ``sqlite3``; waits for a call still running, and leaves no transaction behind: SQLite keeps that of a
        closed connection for as long as any of its statements lives, in a traceback for one.
        """
        real_threads.run_to_the_end(self._roll_back_and_close, after=self.work)

    def _roll_back_and_close(self) -> None:
        try:
            if self.in_transaction:
                super().rollback()
        finally:
            super().close()

    def begin_immediate(self, timeout_s: float) -> None:
        """Start a transaction that holds the database's write lock.

        Tries without waiting inside SQLite and sleeps in between, so that the threads stay free for whoever
        holds the lock. Raises ``sqlite3.OperationalError`` (``SQLITE_BUSY``) when `timeout_s` passed.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = 0.001
        while True:
            try:
                _run(self, self._try_begin_immediate, timeout_s)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.02)

    def _try_begin_immediate(self, timeout_s: float) -> None:
        # sqlite3.Connection.execute makes its cursor with cursor(), ours, which would go to a thread again.
        cursor = super().cursor(sqlite3.Cursor)
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            cursor.execute("BEGIN IMMEDIATE")
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(timeout_s * 1000)}")
            cursor.close()
