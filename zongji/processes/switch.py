"""Runs the switch: FreeSWITCH with our configuration, or the simulator.

FreeSWITCH is a child of this process and outlives it when it is killed, calls included. A FreeSWITCH of this home that
still runs is taken over, not started a second time. Asked to stop, its calls are hung up and their records awaited
first: on a signal alone, FreeSWITCH unloads the module that writes them while the last legs are still ending.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import structlog

from core.settings import Settings, SettingsError, SwitchKind
from freeswitch_conf.gateways import GATEWAYS_FILE
from freeswitch_conf.layout import command, layout
from freeswitch_conf.profiles import CARRIERS
from freeswitch_conf.render import write
from zongji.processes.start import begin
from zongji.switch_probe import ProbeError, SwitchProbe
from zongji.switch_sounds import switch_sounds

logger = structlog.get_logger(__name__)

HANG_UP_WITHIN_S = 5.0
"""How long a stop waits for the calls' ends to be recorded."""


def running_freeswitch(settings: Settings) -> int:
    """Return the process id of this home's FreeSWITCH, 0 when none runs."""
    try:
        pid = int((settings.home / "switch" / "run" / "freeswitch.pid").read_text().strip() or 0)
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return 0
    ours = os.fsencode(settings.home / "switch" / "run")
    return pid if b"-run" in words and ours in words else 0


def main() -> None:
    """Run the switch, or stand by the one that runs already, until it ends or is to be stopped."""
    settings = begin("switch")
    if settings.effective_switch is SwitchKind.SWITCHSIM:
        _become_simulator(settings)
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    pid = running_freeswitch(settings)
    if pid:
        logger.warning("a FreeSWITCH of this home is still running: it is kept, with its calls", pid=pid)
        _stand_by(settings, pid, stop)
        return
    try:
        words = command(settings, write(settings, switch_sounds(settings)))
    except SettingsError as error:
        sys.exit(str(error))
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    while child.poll() is None and not stop.wait(0.1):
        pass
    if child.poll() is None:
        hang_up_all(settings)
        child.terminate()
    sys.exit(max(0, child.wait()))


def _become_simulator(settings: Settings) -> None:
    sounds = switch_sounds(settings)
    words = [sys.executable, "-m", "switchsim", "--port", str(settings.switch_port)]
    words += ["--control-port", str(settings.simulator_control_port), "--domain", settings.sip_domain]
    words += ["--cdr-dir", str(settings.cdr_dir), "--recordings-dir", str(settings.recordings_dir)]
    words += ["--set", f"zj_cell={settings.cell}"]
    words += ["--carrier-profile", CARRIERS, "--gateways-file", str(layout(settings).conf / GATEWAYS_FILE)]
    for name in sounds.music:
        words += ["--music", name]
    for path in sounds.fallback:
        words += ["--fallback-sound", str(path)]
    for folder in (settings.cdr_dir, settings.recordings_dir):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ["SWITCHSIM_PASSWORD"] = settings.effective_switch_password
    os.execv(sys.executable, words)  # noqa: S606


def _stand_by(settings: Settings, pid: int, stop: threading.Event) -> None:
    while running_freeswitch(settings) == pid:
        if stop.wait(0.2):
            hang_up_all(settings)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            break
    while running_freeswitch(settings) == pid:
        time.sleep(0.1)


def hang_up_all(settings: Settings) -> None:
    """End every call, and wait until each has its record or :data:`HANG_UP_WITHIN_S` passed."""
    deadline = time.monotonic() + HANG_UP_WITHIN_S
    try:
        with SwitchProbe("127.0.0.1", settings.switch_port, settings.effective_switch_password) as probe:
            probe.ask("fsctl pause")
            probe.ask("hupall SYSTEM_SHUTDOWN")
            while (left := sessions(probe.ask("status"))) and time.monotonic() < deadline:
                time.sleep(0.05)
    except ProbeError as error:
        logger.warning("calls could not be hung up before the stop", why=str(error))
        return
    if left:
        logger.warning("legs had not ended in time", count=left)


def sessions(status: str) -> int:
    """Return how many legs are up by the switch's own ``status``; 0 when it does not say."""
    match = re.search(r"^(\d+) session\(s\) - peak", status, re.MULTILINE)
    return int(match[1]) if match else 0
