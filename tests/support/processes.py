"""Server programs as children of a test run: started, waited for, stopped by their own id."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support import clock


class ServerDidNotStart(Exception):
    """The program ended or did not answer in time; the text holds the end of its output."""


def start(
    command: Sequence[str], log: Path, ready: Callable[[], bool], timeout_s: float = 30
) -> subprocess.Popen[bytes]:
    """Start `command`, its output in `log`, and return once `ready()`; raises :class:`ServerDidNotStart`."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    deadline = clock.now_s() + timeout_s
    try:
        while clock.now_s() < deadline:
            if process.poll() is not None:
                break
            if ready():
                return process
            time.sleep(0.02)
    except BaseException:  # whoever waits was told to end
        stop(process)
        raise
    stop(process)
    raise ServerDidNotStart(f"{command[0]}: {log.read_text(errors='replace')[-2000:]}")


def stop(process: subprocess.Popen[bytes], timeout_s: float = 20) -> None:
    """End the program, politely first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
