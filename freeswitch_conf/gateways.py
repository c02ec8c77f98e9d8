"""The trunks in the switch's configuration: gateways of the carriers' profile and the networks calls come from.

They stand in files of their own beside ``freeswitch.xml``, which includes them, because the controller rewrites them
whenever a trunk changes (ACC-3); the switch reads the last ones at its start, controller or not. Parameter names are
mod_sofia's.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path

from core.documents import TrunkDoc
from core.switch_xml import Element, document, element
from freeswitch_conf.layout import Layout

GATEWAYS_FILE = "gateways.xml"
NETWORKS_FILE = "carrier-networks.xml"

RETRY_S = 30
"""Seconds until a failed registration is tried again."""
PING_S = 20
"""Seconds between OPTIONS to the carrier; two unanswered ones in a row mean that it is down."""


def include(name: str) -> Element:
    """Return what has the switch read `name` (beside ``freeswitch.xml``) in this place."""
    return Element("X-PRE-PROCESS", {"cmd": "include", "data": name})


def gateway(trunk: TrunkDoc, password: str) -> str:
    """Return a trunk's gateway. Raises `core.switch_xml.UnsafeXmlError`."""
    host = _bracketed(trunk.host)
    params = {
        "proxy": f"{host}:{trunk.port}",
        "realm": trunk.realm or host,
        "from-domain": trunk.realm or host,
        "register": "true" if trunk.register else "false",
        "register-transport": trunk.transport,
        "expire-seconds": str(trunk.expires_s),
        "retry-seconds": str(RETRY_S),
        # The called number is in To; the request's own address is ours, as registered.
        "extension": "auto_to_user",
        # The number shown is the caller's, not the name the trunk registers as.
        "caller-id-in-from": "true",
        "ping": str(PING_S),
        "ping-max": "2",
        "ping-min": "1",
    }
    if trunk.username:
        params |= {"username": trunk.username, "password": password}
    codecs = element(
        "variable", name="absolute_codec_string", value=",".join(trunk.codecs), direction="outbound"
    )
    return document(
        element(
            "gateway",
            *(element("param", name=name, value=value) for name, value in params.items()),
            *([element("variables", codecs)] if trunk.codecs else []),
            name=trunk.code,
        )
    )


def networks(allowed: Iterable[str]) -> str:
    """Return the entries of the access list for `allowed` networks."""
    return "".join(document(element("node", type_="allow", cidr=network)) for network in allowed)


def ensure(folder: Path) -> None:
    """Make the included files, empty, where there are none yet."""
    for name in (GATEWAYS_FILE, NETWORKS_FILE):
        if not (folder / name).exists():
            write(folder, name, "")


def write(folder: Path, name: str, text: str) -> None:
    """Write one of the files, whole or not at all, readable by this user only: it holds passwords."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f"{name}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / name)


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


class GatewayFiles:
    """The files in one switch's configuration folder, for its controller."""

    def __init__(self, where: Layout) -> None:
        self._folder = where.conf

    def gateway(self, trunk: TrunkDoc, password: str) -> str:
        """See :func:`gateway`."""
        return gateway(trunk, password)

    def write(self, gateways: Iterable[str], allowed: Iterable[str]) -> None:
        """Write all gateways (as :meth:`gateway` made them) and the networks allowed besides the settings'."""
        write(self._folder, GATEWAYS_FILE, "".join(gateways))
        write(self._folder, NETWORKS_FILE, networks(allowed))
