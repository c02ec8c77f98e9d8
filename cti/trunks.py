"""What a trunk's settings may be and which trunk a call came by (ACC-3). Pure.

The switch takes a gateway's values for more than they are (a space ends a host, a semicolon begins a parameter,
``${…}`` is a variable), so each has its own narrow form. The operator's form refuses others; a document that has one
anyway makes no gateway.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable

from core.documents import TrunkDoc

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CODECS = ("PCMA", "PCMU", "G722", "OPUS")
"""Codecs the switch has modules for; G.711 first, which is what carriers speak."""
TRANSPORTS = ("udp", "tcp", "tls")
MAX_NETWORKS = 30

_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63})*)?")
_USER = re.compile(r"[A-Za-z0-9_.+\-]{1,100}")
_PASSWORD = re.compile(r"[\x21-\x7e]{1,100}")
_PREFIX = re.compile(r"[0-9*#+]{0,16}")


def is_code(text: str) -> bool:
    """Return whether `text` may be a gateway's name."""
    return _CODE.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Return whether `text` is a host name or an address."""
    return _is_address(text) or _HOST.fullmatch(text) is not None


def is_user(text: str) -> bool:
    """Return whether `text` may be a SIP user to register as."""
    return _USER.fullmatch(text) is not None


def is_password(text: str) -> bool:
    """Return whether `text` may be a password: printable ASCII without spaces, not a variable of the switch."""
    return _PASSWORD.fullmatch(text) is not None and "${" not in text and "$$" not in text


def is_prefix(text: str) -> bool:
    """Return whether `text` may stand before called numbers."""
    return _PREFIX.fullmatch(text) is not None


def networks(text: str) -> tuple[str, ...]:
    """Return comma-, space- or line-separated addresses and networks in their normal form, each once.

    Raises :class:`ValueError` with the part that is none, or that is the whole world (``/0``).
    """
    found: list[str] = []
    for part in re.split(r"[\s,，;；]+", text.strip()):
        if not part:
            continue
        try:
            network = ipaddress.ip_network(part, strict=False)
        except ValueError:
            raise ValueError(part) from None
        if network.prefixlen == 0:
            raise ValueError(part)
        found.append(str(network))
    return tuple(dict.fromkeys(found))


def networks_of(trunk: TrunkDoc) -> tuple[str, ...]:
    """Return the networks a trunk's calls come from: those named, and its host when that is an address."""
    own = (str(ipaddress.ip_network(trunk.host)),) if _is_address(trunk.host) else ()
    return tuple(dict.fromkeys((*trunk.networks, *own)))


def trunk_of(trunks: Iterable[TrunkDoc], address: str) -> TrunkDoc | None:
    """Return the enabled trunk calls from `address` come by: the one with the narrowest network, the older of two."""
    best: tuple[int, int] | None = None
    found: TrunkDoc | None = None
    for trunk in trunks:
        if not trunk.enabled:
            continue
        for text in networks_of(trunk):
            network, at = _network(text), _address(address)
            if network is None or at is None or at not in network:
                continue
            rank = (-network.prefixlen, trunk.id)
            if best is None or rank < best:
                best, found = rank, trunk
    return found


def fault_of(trunk: TrunkDoc, password: str) -> str:
    """Return which value of `trunk` the switch must not be told (its field), empty when all are in order."""
    checks = {
        "code": is_code(trunk.code),
        "host": is_host(trunk.host),
        "port": 0 < trunk.port < 65536,
        "transport": trunk.transport in TRANSPORTS,
        "username": not trunk.username or is_user(trunk.username),
        "password": not password or is_password(password),
        "realm": not trunk.realm or is_host(trunk.realm),
        "codecs": all(codec in CODECS for codec in trunk.codecs),
        "expires_s": 0 < trunk.expires_s <= 86_400,
    }
    if trunk.register:
        checks |= {"registration": bool(trunk.username and password)}
    return next((name for name, in_order in checks.items() if not in_order), "")


@functools.lru_cache(maxsize=4096)
def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@functools.lru_cache(maxsize=1024)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    return _address(text) is not None
