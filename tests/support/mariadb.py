"""A private MariaDB for tests (marker ``mariadb``): data in a temporary folder, reached by a socket only."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import make_url

from core import schema
from tests.support import processes

ROOM_BYTES = 4 << 30
"""What the databases of a run have room in, many times over."""


class MariaDbServer:
    """A running server; :meth:`fresh_database` gives addresses of empty databases, :meth:`migrated_database` of those
    with our tables.
    """

    def __init__(self, folder: Path, *, memory: str = "64M") -> None:
        """`memory` is what it keeps of tables and indexes in memory, as MariaDB writes sizes."""
        self.socket = folder / "s"
        self._folder = folder
        self._memory = memory
        self._numbers = itertools.count(1)
        self._tables = b""
        self.process: subprocess.Popen[bytes] | None = None
        subprocess.run(
            ["mariadb-install-db", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal",
             "--skip-test-db", *self._user()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        command = [
            program, "--no-defaults", f"--datadir={self._folder / 'data'}", f"--socket={self.socket}",
            # Of its own: a server that starts removes the temporary tables it finds, another one's too.
            f"--tmpdir={self._folder}", "--skip-networking", f"--pid-file={self._folder / 'pid'}",
            f"--innodb-buffer-pool-size={self._memory}", "--innodb-flush-log-at-trx-commit=0", *self._user(),
        ]  # fmt: skip
        self.process = processes.start(command, self._folder / "log", self._answers, timeout_s=60)

    def stop(self) -> None:
        """End it."""
        assert self.process is not None
        processes.stop(self.process)

    def fresh_database(self) -> str:
        """Create an empty database and return its address."""
        name = f"zongji_{next(self._numbers)}"
        with (
            pymysql.connect(unix_socket=str(self.socket), user="root") as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
        return f"mysql://root@localhost/{name}?unix_socket={self.socket}"

    def migrated_database(self) -> str:
        """Create a database with our tables and return its address. The migrations run once for all of them."""
        address = self.fresh_database()
        if self._tables:
            self._client("mariadb", address, self._tables)
        else:
            schema.upgrade(address)
            self._tables = self._client("mariadb-dump", address)
        return address

    def _client(self, program: str, address: str, given: bytes = b"") -> bytes:
        name = make_url(address).database or ""
        command = [program, "--no-defaults", f"--socket={self.socket}", "--user=root", name]
        return subprocess.run(command, input=given, check=True, capture_output=True, timeout=60).stdout

    def _answers(self) -> bool:
        # A socket of our own: pymysql leaves one behind when it is refused, which is a warning, an error here.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            try:
                probe.connect(str(self.socket))
                return bool(probe.recv(1))
            except OSError:
                return False

    @staticmethod
    def _user() -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    """A server for the run; skips where MariaDB is not installed."""
    if shutil.which("mariadb-install-db") is None:
        pytest.skip("MariaDB is not installed")
    with tempfile.TemporaryDirectory(prefix="zj-maria-", dir=_quick_folder()) as folder:
        server = MariaDbServer(Path(folder))
        try:
            yield server
        finally:
            server.stop()


def _quick_folder() -> str | None:
    """Return a folder in memory, where making sixty tables for each test waits for no disk; None when it is small."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES
    return str(memory) if roomy else None
