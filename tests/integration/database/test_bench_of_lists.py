"""A bench that is told to end leaves no database server behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import clock


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.mariadb
def test_sigterm_ends_the_server_too(tmp_path: Path) -> None:
    bench = subprocess.Popen(
        [sys.executable, "-m", "bench.lists"], env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    try:
        deadline = clock.now_s() + 90
        server = 0
        while not server and clock.now_s() < deadline and bench.poll() is None:
            server = next((int(file.read_text() or 0) for file in tmp_path.glob("zj-lists-*/pid")), 0)
            time.sleep(0.05)
        assert server, "no server was started"
        bench.send_signal(signal.SIGTERM)
        assert bench.wait(180) == 128 + signal.SIGTERM
    finally:
        bench.kill()
        bench.wait()
    assert not alive(server)
    assert list(tmp_path.iterdir()) == []
