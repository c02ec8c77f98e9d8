"""``zongji run`` as a person starts and stops it: all processes under one roof (R1)."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import clock

ROOT = Path(__file__).resolve().parents[3]
PORTS = ("web_port", "metrics_port", "shipper_metrics_port", "scheduler_metrics_port", "switch_port")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return numbers


def _until(what: str, holds: Callable[[], bool], within_s: float) -> None:
    deadline = clock.now_s() + within_s
    while not holds():
        assert clock.now_s() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.05)


class Running:
    """A ``zongji run`` with no switch of its own."""

    def __init__(self, home: Path) -> None:
        ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        self.web_port = ports["web_port"]
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ZONGJI_")},
            **{f"ZONGJI_{name.upper()}": str(number) for name, number in ports.items()},
            "ZONGJI_HOME": str(home),
            "ZONGJI_SWITCH": "external",
            "LANG": "C",
        }
        self.home = home
        self.log = home.parent / "run.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )

    @staticmethod
    def command() -> list[str]:
        return [sys.executable, "-m", "zongji", "run"]

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def pids(self, name: str) -> list[int]:
        """Processes of this home called `name`, by their environment and command."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environ = (entry / "environ").read_bytes()
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"ZONGJI_HOME={self.home}".encode() in environ.split(b"\0") and name.encode() in words:
                found.append(int(entry.name))
        return found


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path / "home")
    try:
        _until(
            "the greeting",
            lambda: "Zongji is running" in started.said() or started.process.poll() is not None,
            60,
        )
        yield started
    finally:
        if started.process.poll() is None:
            started.process.terminate()
            started.process.wait(30)


def test_it_greets_keeps_everything_running_and_leaves_nothing_behind(running: Running) -> None:
    assert running.process.poll() is None, running.said()
    assert re.search(r"^  demo  agent1  \S+$", running.said(), re.MULTILINE)
    _until("pages", running.answers, 30)

    second = subprocess.run(
        running.command(), cwd=ROOT, env=running.environ, capture_output=True, text=True, timeout=30
    )
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1

    for name in ("web", "shipper", "scheduler"):
        old = running.pids(name)
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        _until(f"{name} again", lambda name=name, old=old: bool(set(running.pids(name)) - set(old)), 15)  # type: ignore[misc]
    _until("pages again", running.answers, 30)

    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(30) == 0, running.said()
    assert [running.pids(name) for name in ("web", "shipper", "scheduler", "cti")] == [[], [], [], []]


def test_the_web_is_back_soon_when_only_its_arbiter_is_killed(running: Running) -> None:
    """What serves pages lets go of the port at once, though pages are open and it has work to do (R1)."""
    _until("pages", running.answers, 30)
    old = running.pids("web")
    arbiter = next(pid for pid in old if _parent(pid) not in old)
    with socket.create_connection(("127.0.0.1", running.web_port)) as held:
        held.sendall(b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        os.kill(arbiter, signal.SIGKILL)
        _until("the port is free", lambda: not set(running.pids("web")) & set(old), 0.5)
    _until("pages again", running.answers, 30)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environ = {
            **os.environ,
            "ZONGJI_HOME": str(tmp_path),
            "ZONGJI_WEB_PORT": str(taken.getsockname()[1]),
            "LANG": "C",
        }
        ended = subprocess.run(
            Running.command(), cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30
        )
    assert ended.returncode == 1
    assert "ZONGJI_WEB_PORT) is taken by another program" in ended.stderr
    assert not (tmp_path / "zongji.db").exists()
