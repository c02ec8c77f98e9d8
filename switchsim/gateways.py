"""Gateways of the carriers' profile: read from a file as FreeSWITCH writes it, registered, listed, ended.

A gateway that registers meets a registrar whose answer is set by the control interface; without, it says 200.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from switchsim.core import Core

ANSWER_S = 0.02
"""How long a registrar takes."""


@dataclasses.dataclass(kw_only=True)
class Gateway:
    """One gateway; `state` and `ping` are the switch's words."""

    name: str
    registers: bool = False
    username: str = ""
    proxy: str = ""
    state: str = "NOREG"
    ping: str = "UP"


class Gateways:
    """What gateways there are. Also those named at the start or by the control interface, which need no file."""

    def __init__(self, core: Core, names: Iterable[str], file: Path | None) -> None:
        self._core = core
        self._file = file
        self._all = {name: Gateway(name=name) for name in names}
        self._answers: dict[str, tuple[int, str]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def update(self, names: Iterable[str]) -> None:
        """Have gateways exist besides those there are."""
        for name in names:
            self._all.setdefault(name, Gateway(name=name))

    def set_registrar(self, name: str, status: int, phrase: str) -> None:
        """Set what the carrier says to a gateway's next registrations."""
        self._answers[name] = (status, phrase)

    def rescan(self) -> bool:
        """Take the gateways of the file that are not there yet; those that are stay. False: it cannot be read."""
        try:
            text = self._file.read_text() if self._file is not None else ""
        except FileNotFoundError:
            return True
        try:
            root = ElementTree.fromstring(f"<gateways>{text}</gateways>")  # noqa: S314 - our own file
        except ElementTree.ParseError:
            return False
        for node in root.iter("gateway"):
            name = node.attrib.get("name", "")
            if name in self._all:
                continue
            params = {each.attrib["name"]: each.attrib["value"] for each in node.iter("param")}
            made = Gateway(
                name=name,
                registers=params.get("register") == "true",
                username=params.get("username", ""),
                proxy=params.get("proxy", ""),
            )
            self._all[name] = made
            if made.registers:
                made.state, made.ping = "UNREGED", "DOWN"
                self._core.spawn_later(ANSWER_S, self._register, made)
        return True

    def kill(self, name: str) -> bool:
        """End a gateway; its calls stay up."""
        return self._all.pop(name, None) is not None

    def register(self, name: str) -> bool:
        """Have a gateway register now."""
        made = self._all.get(name)
        if made is None:
            return False
        if made.registers:
            self._core.spawn_later(ANSWER_S, self._register, made)
        return True

    def _register(self, made: Gateway) -> None:
        if self._all.get(made.name) is not made:
            return
        status, phrase = self._answers.get(made.name, (200, "OK"))
        made.state, made.ping = ("REGED", "UP") if status == 200 else ("FAIL_WAIT", "DOWN")
        about = {
            "Gateway": made.name,
            "State": made.state,
            "Ping-Status": made.ping,
            "Phrase": phrase,
            "Status": str(status),
        }
        self._core.fire("CUSTOM", extra=about, subclass="sofia::gateway_state")

    def as_xml(self, only: str = "") -> str:
        """Return what ``sofia xmlstatus gateway`` says of one or all."""
        blocks = [
            f"  <gateway>\n    <name>{each.name}</name>\n    <profile>{self._core.options.carrier_profile}</profile>\n"
            f"    <username>{each.username}</username>\n    <proxy>sip:{each.proxy}</proxy>\n"
            f"    <state>{each.state}</state>\n    <status>{each.ping}</status>\n  </gateway>\n"
            for each in self._all.values()
            if only in ("", each.name)
        ]
        if only:
            return blocks[0] if blocks else "Invalid Gateway!\n"
        return '<?xml version="1.0" encoding="ISO-8859-1"?>\n<gateways>\n' + "".join(blocks) + "</gateways>\n"
