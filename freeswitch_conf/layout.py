"""Where the switch's files are, what is said and played without a controller, and how its program is
started.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import socket
from collections.abc import Mapping
from pathlib import Path

from core.settings import Settings, SettingsError

# Characters that mean something to the switch where file names are read: variables, file lists, options.
_UNUSABLE_IN_PATH = re.compile(r"[\x00-\x1f\x7f${}\\'\"`,;|!&<>?*]|://")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """Folders of the switch below ``<home>/switch``."""

    root: Path

    @property
    def conf(self) -> Path:
        """Folder with ``freeswitch.xml``, the whole configuration."""
        return self.root / "conf"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Everything that must exist before the switch starts."""
        return tuple(
            self.root / name for name in ("conf", "log", "db", "run", "tmp", "certs", "cache", "storage")
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sounds:
    """What the switch itself plays, from the build of `sounds`."""

    fallback: tuple[Path, ...] = ()
    """Files of the announcement for callers no controller cares for, one a language, played in this order."""
    music: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    """Folders of waiting music by name; ``default`` is the one queues use when they name no other."""


def layout(settings: Settings) -> Layout:
    """Return the switch's folders. Raises :class:`SettingsError` when the switch could not name them."""
    safe_path(settings.home, "ZONGJI_HOME")
    return Layout(root=settings.home / "switch")


def safe_path(path: Path, what: str) -> str:
    """Return `path` as text the switch takes for one file. Raises :class:`SettingsError` naming `what`."""
    text = str(path)
    if _UNUSABLE_IN_PATH.search(text):
        raise SettingsError(
            f"{what} is {text!r}; FreeSWITCH cannot use a path with quotes, $, {{}}, commas or the like."
        )
    return text


def carrier_networks(settings: Settings) -> tuple[str, ...]:
    """Return the networks calls are accepted from, checked. Raises :class:`SettingsError`."""
    networks = []
    for text in filter(None, (part.strip() for part in settings.carrier_addresses.split(","))):
        try:
            networks.append(str(ipaddress.ip_network(text, strict=False)))
        except ValueError:
            raise SettingsError(
                f"ZONGJI_CARRIER_ADDRESSES: {text!r} is no network such as 203.0.113.0/24."
            ) from None
    return tuple(networks)


def bind_address(settings: Settings) -> str:
    """Return the address SIP and media listen on, as the switch wants it. Raises :class:`SettingsError`."""
    host = settings.sip_bind_host
    if host == "0.0.0.0":  # noqa: S104 - asked for by the operator
        return _own_address()
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise SettingsError(
            f"ZONGJI_SIP_BIND_HOST must be an address, not {host!r}; 0.0.0.0 takes the host's own."
        ) from None


def _own_address() -> str:
    """Return the address this host reaches the world from: 0.0.0.0 cannot stand in SIP messages."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address (RFC 5737); nothing is sent
        except OSError:
            raise SettingsError(
                "ZONGJI_SIP_BIND_HOST is 0.0.0.0, but this host has no route to name an address by."
            ) from None
        return str(probe.getsockname()[0])


def command(settings: Settings, where: Layout) -> list[str]:
    """Return the switch's command line: in the foreground, no console, nothing read or written outside the
    home.

    No word about priority: FreeSWITCH then takes real-time priority where it may (as its own service unit has it), else
    less niceness, else none. Its event socket reads a command a byte a system call and yields the processor after
    each (`docs/benchmarks.md`): at normal priority beside two busy programs one command took seconds.
    """
    root = where.root
    return [
        str(settings.freeswitch_binary),
        *("-nf", "-nc", "-nonat"),
        *(
            "-conf",
            str(where.conf),
            "-log",
            str(root / "log"),
            "-db",
            str(root / "db"),
            "-run",
            str(root / "run"),
        ),
        *("-temp", str(root / "tmp"), "-certs", str(root / "certs"), "-cache", str(root / "cache")),
        *("-storage", str(root / "storage"), "-recordings", str(settings.recordings_dir)),
        *("-sounds", str(settings.prompts_dir), "-scripts", str(root / "tmp"), "-grammar", str(root / "tmp")),
        *("-htdocs", str(root / "tmp"), "-mod", str(settings.freeswitch_home / "mod")),
    ]
