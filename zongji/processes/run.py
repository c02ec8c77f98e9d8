"""``zongji run``: everything in one go, in the foreground, until Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from functools import partial
from types import FrameType
from typing import IO

from core.settings import Settings, SettingsError
from zongji.processes import ports
from zongji.processes.parent import end_with_parent
from zongji.processes.supervise import PROCFILE, configuration, needed, read_procfile
from zongji.processes.switch import running_freeswitch

READY_WITHIN_S = 60
"""How long the web interface may take before a line says that it is late."""


class AlreadyRunningError(Exception):
    """Another `zongji run` holds this home folder; the text is one sentence."""


def take_lock(settings: Settings) -> int:
    """Return the descriptor of the lock that one run of this home folder holds, inherited by its
    supervisor.
    """
    folder = settings.home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise AlreadyRunningError(
            f"Zongji already runs in {settings.home} (process {holder}). "
            "Stop that one first, or set ZONGJI_HOME and the ports for a second one."
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    os.set_inheritable(handle, True)
    return handle


def check_ports(settings: Settings) -> None:
    """Raise :class:`SettingsError` naming every port somebody else listens on."""
    found = ports.problems(ports.wanted(settings, switch_runs=running_freeswitch(settings) != 0))
    if found:
        raise SettingsError("\n".join(found))


def run(settings: Settings, *, greeting: str, not_yet: str) -> int:
    """Run all processes until told to stop and return the exit status.

    `greeting` is shown when pages can be had, `not_yet` when that takes long.

    Raises :class:`AlreadyRunningError` and :class:`SettingsError`. The lock must be held (:func:`take_lock`).
    """
    check_ports(settings)
    processes = needed(settings, read_procfile(PROCFILE.read_text()))
    for name in ("run", "log"):
        (settings.home / name).mkdir(parents=True, exist_ok=True)
    path = settings.home / "run" / "supervisord.conf"
    path.write_text(configuration(settings, processes, is_root=os.geteuid() == 0))
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-n", "-c", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        close_fds=False,
        # Killed itself, it takes the supervisor with it, and so everything.
        preexec_fn=partial(end_with_parent, signal.SIGTERM),
    )
    _forward_signals(child)
    assert child.stdout is not None
    threading.Thread(target=_greet_when_ready, args=(settings, child, greeting, not_yet), daemon=True).start()
    _copy(child.stdout)
    return _status(child.wait())


def _status(code: int) -> int:
    return 0 if code in {0, -signal.SIGTERM, -signal.SIGINT} else 1


def _forward_signals(child: subprocess.Popen[bytes]) -> None:
    stops = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stops
        stops += 1
        if stops == 1:
            os.write(2, b"\nStopping...\n")
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _copy(source: IO[bytes]) -> None:
    while chunk := os.read(source.fileno(), 65536):
        with contextlib.suppress(OSError):
            os.write(2, chunk)


def _greet_when_ready(
    settings: Settings, child: subprocess.Popen[bytes], greeting: str, not_yet: str
) -> None:
    host = "127.0.0.1" if settings.web_host in {"0.0.0.0", "::"} else settings.web_host  # noqa: S104
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}/healthz"
    patient_until = time.monotonic() + READY_WITHIN_S
    while child.poll() is None:
        if _answers(address):
            os.write(2, greeting.encode())
            return
        if time.monotonic() > patient_until:
            os.write(2, f"{not_yet}\n".encode())
            patient_until = math.inf
        time.sleep(0.3)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own address
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True  # it answers: that it may be unwell is for `zongji doctor` to say
    except OSError:
        return False
