"""Runs the live cases in a process patched by gevent, as web processes are: the readers wait in Redis there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUN = "from gevent import monkey; monkey.patch_all(); import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.mark.parametrize(("name", "count"), [("live_hub_cases", 29), ("live_platform_cases", 7)])
def test_under_gevent(name: str, count: int) -> None:
    cases = Path(__file__).with_name(f"{name}.py")
    command = [sys.executable, "-c", RUN, str(cases), "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} passed" in done.stdout, done.stdout
