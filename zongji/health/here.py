"""What the doctor knows how to look at: database, Redis, disk, versions; and this host's web processes."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from admin_web.system_health import Check
from core.i18n import gettext as _
from core.settings import Settings
from zongji.doctor.local import disk
from zongji.doctor.neighbours import examine_database, examine_redis
from zongji.health.named import named, note, numbered, well
from zongji.version import version
from zongji.web_workers import workers

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def database(settings: Settings) -> Iterator[Check]:
    """Yield whether it answers, at which revision, how its clock is."""
    yield from numbered("database", examine_database(settings))


def redis(settings: Settings) -> Iterator[Check]:
    """Yield whether it answers and keeps what it is given, how its clock is."""
    yield from numbered("redis", examine_redis(settings))


def disks(settings: Settings) -> Iterator[Check]:
    """Yield the room of each file system we write to, under the name of the first that is on it."""
    seen: set[int] = set()
    for key, what, folder in (
        ("disk", _("Disk of recordings"), settings.recordings_dir),
        ("disk-store", _("Disk of the file store"), settings.store_dir),
        ("disk-home", _("Disk of the home folder"), settings.home),
    ):
        place = next(path for path in (folder, *folder.parents) if path.exists())
        device = place.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield named(key, disk(what, folder))


def versions() -> Iterator[Check]:
    """Yield what runs."""
    text = _("Zongji %(own)s on Python %(python)s", own=version(), python=platform.python_version())
    yield well("version", _("Version"), text)


def web_processes(settings: Settings) -> Iterator[Check]:
    """Yield how many processes serve pages beside the one that looks, out of how many there should be."""
    name, wanted, running = _("Web processes"), workers(settings), siblings()
    memory = sum(map(memory_bytes, running)) / 1024**2
    how = _(
        "%(count)s of %(wanted)s run, this one since %(time)s, %(memory)s MB in all",
        count=len(running),
        wanted=wanted,
        time=time.strftime("%Y-%m-%d %H:%M", time.localtime(begun_s(os.getpid()))),
        memory=round(memory),
    )
    if len(running) < wanted:
        yield note(
            "web", name, how, _("See what the process web writes: one of them is being started again.")
        )
    else:
        yield well("web", name, how)


def siblings() -> list[int]:
    """Return the processes with our parent and our program's name, ourselves among them (Linux)."""
    try:
        told = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read_text().split()
        own = _command(os.getpid())
        return [pid for pid in map(int, told) if _command(pid) == own] or [os.getpid()]
    except OSError:
        return [os.getpid()]


def memory_bytes(pid: int) -> int:
    """Return the memory a process holds; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def begun_s(pid: int) -> float:
    """Return when a process began, as seconds since the epoch."""
    try:
        return Path(f"/proc/{pid}").stat().st_ctime
    except OSError:
        return time.time()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
