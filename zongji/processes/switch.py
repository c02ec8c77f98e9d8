"""Runs the switch: FreeSWITCH with our configuration, or the simulator.

FreeSWITCH outlives whoever started it when that one is killed, and its calls with it. So a FreeSWITCH of
this home that is still running is taken over: this process waits for its end and passes signals on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import structlog

from core.settings import Settings, SettingsError, SwitchKind
from freeswitch_conf.layout import command
from freeswitch_conf.render import write
from zongji.processes.start import begin
from zongji.switch_sounds import switch_sounds

logger = structlog.get_logger(__name__)


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
    """Become the switch, or stand by the one that runs already."""
    settings = begin("switch")
    if settings.effective_switch is SwitchKind.SWITCHSIM:
        _become_simulator(settings)
    pid = running_freeswitch(settings)
    if pid:
        logger.warning("a FreeSWITCH of this home is still running: it is kept, with its calls", pid=pid)
        _stand_by(settings, pid)
        return
    try:
        where = write(settings, switch_sounds(settings))
    except SettingsError as error:
        sys.exit(str(error))
    words = command(settings, where)
    os.execv(words[0], words)  # noqa: S606


def _become_simulator(settings: Settings) -> None:
    sounds = switch_sounds(settings)
    words = [sys.executable, "-m", "switchsim", "--port", str(settings.switch_port)]
    words += ["--control-port", str(settings.simulator_control_port), "--domain", settings.sip_domain]
    words += ["--cdr-dir", str(settings.cdr_dir), "--recordings-dir", str(settings.recordings_dir)]
    words += ["--set", f"zj_cell={settings.cell}"]
    for name in sounds.music:
        words += ["--music", name]
    for path in sounds.fallback:
        words += ["--fallback-sound", str(path)]
    for folder in (settings.cdr_dir, settings.recordings_dir):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ["SWITCHSIM_PASSWORD"] = settings.effective_switch_password
    os.execv(sys.executable, words)  # noqa: S606


def _stand_by(settings: Settings, pid: int) -> None:
    def pass_on(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    while running_freeswitch(settings) == pid:
        time.sleep(0.2)
