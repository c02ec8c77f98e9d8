"""Runs `live_hub_cases` in a process patched by gevent, as web processes are: the reader waits in Redis there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = "from gevent import monkey; monkey.patch_all(); import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"


def test_the_fan_out_under_gevent() -> None:
    cases = Path(__file__).with_name("live_hub_cases.py")
    command = [sys.executable, "-c", RUN, str(cases), "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 passed" in done.stdout, done.stdout
