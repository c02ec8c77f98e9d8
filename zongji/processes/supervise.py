"""Renders the supervisor's configuration from the Procfile.

The supervisor (supervisord) restarts whatever ends, at once and for ever; `zongji.processes.pace` keeps a
process that cannot start from spinning.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.settings import Settings, SettingsError, SwitchKind
from zongji.processes.redis import SOCKET_PATH_BYTES

PROCFILE = Path(__file__).resolve().parents[2] / "Procfile"

STOP_WAIT_S: Mapping[str, int] = {
    "switch": 15,
    "cti": 10,
    "web": 6,
    "shipper": 10,
    "scheduler": 10,
    "redis": 10,
}
"""Seconds a process has to end when asked, before it is killed."""


@dataclasses.dataclass(frozen=True)
class Process:
    """A line of the Procfile."""

    name: str
    command: tuple[str, ...]


def read_procfile(text: str) -> list[Process]:
    """Return the processes in `text`. Raises ``ValueError`` for a line that is none."""
    processes = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.match(r"([A-Za-z0-9_-]+):\s*(\S.*)\Z", line)
        if match is None:
            raise ValueError(f"{line!r} is no line of a Procfile")
        processes.append(Process(match[1], tuple(shlex.split(match[2]))))
    return processes


def needed(settings: Settings, processes: Iterable[Process]) -> list[Process]:
    """Return the processes this installation runs itself: no Redis or switch where another one is named."""
    absent = set()
    if settings.redis_url:
        absent.add("redis")
    if settings.effective_switch is SwitchKind.EXTERNAL:
        absent |= {"switch"}
    return [process for process in processes if process.name not in absent]


def configuration(settings: Settings, processes: Iterable[Process], *, is_root: bool) -> str:
    """Return supervisord's configuration. Raises :class:`SettingsError` when the home folder cannot be
    named.
    """
    run = settings.home / "run"
    control = run / "supervisor.sock"
    # supervisord adds its process id to the socket's name while it binds.
    if len(os.fsencode(control)) + 12 > SOCKET_PATH_BYTES:
        raise SettingsError(f"ZONGJI_HOME is too long a path: {control} cannot be a socket.")
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={_value(settings.home / 'log' / 'supervisord.log')}",
        "logfile_maxbytes=5MB",
        "logfile_backups=2",
        "loglevel=info",
        f"pidfile={_value(run / 'supervisord.pid')}",
        "identifier=zongji",
        *(["user=root"] if is_root else []),
        "",
        "[unix_http_server]",
        f"file={_value(control)}",
        "chmod=0700",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        f"serverurl=unix://{_value(control)}",
        "",
        "[eventlistener:console]",
        f"command={_command((sys.executable, '-m', 'zongji.processes.console'))}",
        "events=PROCESS_LOG,PROCESS_STATE_EXITED,PROCESS_STATE_FATAL",
        "buffer_size=5000",
        "priority=1",
        "stdout_logfile=NONE",
        "stderr_logfile=/dev/fd/1",
        "stderr_logfile_maxbytes=0",
        "",
    ]
    # They stop in the opposite order: the shipper after the switch, whose last records it takes.
    for position, process in enumerate(processes):
        lines += _program(process, 10 * (position + 1))
    return "\n".join(lines)


def _program(process: Process, priority: int) -> list[str]:
    words = (sys.executable, *process.command[1:]) if process.command[0] == "python" else process.command
    return [
        f"[program:{process.name}]",
        f"command={_command(words)}",
        f"directory={_value(PROCFILE.parent)}",
        f"priority={priority}",
        "autorestart=true",
        # Any start counts as one, so there is no number of failures after which it is given up.
        "startsecs=0",
        "stopsignal=TERM",
        f"stopwaitsecs={STOP_WAIT_S.get(process.name, 10)}",
        "killasgroup=true",
        "redirect_stderr=true",
        "stdout_logfile=NONE",
        "stdout_events_enabled=true",
        'environment=PYTHONUNBUFFERED="1"',
        "",
    ]


def _command(words: Iterable[str]) -> str:
    return _value(shlex.join(words))


def _value(text: object) -> str:
    """Return `text` as a value of the file: ``%`` stands for expansions, ``;`` after a blank begins a
    comment.
    """
    value = str(text)
    if re.search(r"[\x00-\x1f]|\s;", value):
        raise SettingsError(f"{value!r} cannot stand in the supervisor's configuration.")
    return value.replace("%", "%%")
