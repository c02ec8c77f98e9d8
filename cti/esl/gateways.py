"""Gateways of a SIP profile: the commands about them, and the switch's answers. Part of the one place that makes syntax
(`cti.esl.commands`).
"""

from __future__ import annotations

import re

import msgspec

from cti.esl import quoting
from cti.esl.events import Event

_GATEWAY = re.compile(r"<gateway>(.*?)</gateway>", re.DOTALL)
_FIELD = re.compile(r"<(name|profile|state|status)>([^<]*)</\1>")

STATE_EVENT = "sofia::gateway_state"
"""Subclass of the event of a gateway that registered, failed or stopped answering."""


class GatewayState(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway at the switch. `state` and `ping` are the switch's words (``REGED``, ``FAIL_WAIT``, ``NOREG``…;
    ``UP``, ``DOWN``).
    """

    name: str
    state: str
    ping: str = ""
    profile: str = ""
    status: int = 0
    """SIP status of the last answer, where an event told it."""
    phrase: str = ""


def reload_configuration() -> bytes:
    """Have the switch read its configuration's files again."""
    return b"api reloadxml\n\n"


def reload_networks() -> bytes:
    """Have the switch apply the access lists it read."""
    return b"api reloadacl\n\n"


def rescan(profile: str) -> bytes:
    """Have a profile take the gateways it has not yet; those it has stay as they are."""
    return f"api sofia profile {quoting.name(profile)} rescan\n\n".encode()


def kill_gateway(profile: str, name: str) -> bytes:
    """End a gateway: it unregisters, its calls stay up."""
    return f"api sofia profile {quoting.name(profile)} killgw {quoting.name(name)}\n\n".encode()


def register_gateway(profile: str, name: str) -> bytes:
    """Have a gateway register now, whatever it waits for."""
    return f"api sofia profile {quoting.name(profile)} register {quoting.name(name)}\n\n".encode()


def list_gateways() -> bytes:
    """Ask for the state of every gateway; :func:`states` reads the answer."""
    return b"api sofia xmlstatus gateway\n\n"


def states(text: str, profile: str) -> dict[str, GatewayState]:
    """Return the gateways of `profile` by name. Names and states are ours and the switch's, nobody else's text."""
    found = {}
    for block in _GATEWAY.findall(text):
        fields = dict(_FIELD.findall(block))
        if fields.get("profile") == profile and fields.get("name"):
            found[fields["name"]] = GatewayState(
                name=fields["name"],
                state=fields.get("state", ""),
                ping=fields.get("status", ""),
                profile=profile,
            )
    return found


def state_of_event(event: Event) -> GatewayState:
    """Return what a :data:`STATE_EVENT` tells."""
    status = event.get("Status") or ""
    return GatewayState(
        name=event.get("Gateway") or "",
        state=event.get("State") or "",
        ping=event.get("Ping-Status") or "",
        status=int(status) if status.isdigit() else 0,
        phrase=(event.get("Phrase") or "")[:120],
    )
