"""Reads the switch's record of a leg (mod_json_cdr's file) into a typed value. Pure.

Values of ``variables`` are URL-encoded, which carries any byte; the rest of the file may hold bytes that are no
UTF-8 (a caller's name, say), so undecodable ones are replaced.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from cti.call.model import Call, LegKind, from_variables

_UUID = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]{7,63}\Z")


class NotACdrError(ValueError):
    """The file holds no record of a leg, and reading it again will not help."""


class IncompleteError(ValueError):
    """The file ends too early: it is being written, or its writer died."""


Fact = TypeVar("Fact")


def decode_fact(decoder: msgspec.json.Decoder[Fact], data: bytes) -> Fact:
    """Return what `decoder` makes of a file of ours on the cell's disk.

    Raises :class:`IncompleteError` or :class:`NotACdrError`, as :func:`parse` does for a leg's record.
    """
    _require_whole(data)
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise NotACdrError(str(error)) from None


def _require_whole(data: bytes) -> None:
    if not data.rstrip().endswith(b"}"):
        raise IncompleteError("the file does not end a JSON object")


class LegDirection(enum.StrEnum):
    """As the switch sees the leg."""

    IN = "in"
    OUT = "out"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quality:
    """What the switch received of the far end's audio."""

    mos: float
    """Estimated by the switch, 1 to 4.5."""
    packets: int
    flaws: int
    """Gaps and bursts the switch counted."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LegRecord:
    """A leg that is over. Times are microseconds since the epoch, UTC; 0 means never."""

    leg_uuid: str
    call_id: str
    kind: LegKind | None
    """None: the leg is none of ours, such as the far half of a loopback, or a request that was refused or asked for
    a password: the switch writes a record of that too, without times.
    """
    tenant_id: int
    """0: no controller ever adopted the call."""
    direction: LegDirection
    started_us: int
    answered_us: int
    bridged_us: int
    """When it was connected with another leg last."""
    ended_us: int
    cause: str
    ended_by: str
    from_number: str
    to_number: str
    """As dialled, before any transfer inside the switch."""
    agent_id: int
    extension: str
    sip_call_id: str
    network_address: str
    user_agent: str
    codec: str
    quality: Quality | None
    cell: str
    core_uuid: str
    fell_back: bool
    """The caller heard the announcement for calls without a controller."""
    story: Call | None
    """The call as the controller last wrote it on the customer's leg."""


def parse(data: bytes) -> LegRecord:
    """Return the leg in a file's `data`. Raises :class:`IncompleteError` or :class:`NotACdrError`."""
    _require_whole(data)
    try:
        document = msgspec.json.decode(data.decode("utf-8", "replace"))
    except msgspec.DecodeError as error:
        raise IncompleteError(str(error)) from None
    if not isinstance(document, dict) or not isinstance(document.get("variables"), dict):
        raise NotACdrError("no variables")
    variables = {key: unquote(str(value)) for key, value in document["variables"].items()}
    leg_uuid = variables.get("uuid", "")
    if not _UUID.match(leg_uuid):
        raise NotACdrError("no uuid")
    return _leg(document, variables, leg_uuid)


def _leg(document: Mapping[str, Any], variables: Mapping[str, str], leg_uuid: str) -> LegRecord:
    first = _first_profile(document)
    started = _number(variables.get("start_uepoch"))
    ended = _number(variables.get("end_uepoch"))
    kind = _kind(variables.get("zj_leg", ""))
    if kind is not None and (started <= 0 or ended <= 0):
        raise NotACdrError("no times")
    outbound = variables.get("direction") == "outbound"
    call_id = variables.get("zj_call", "")
    return LegRecord(
        leg_uuid=leg_uuid,
        call_id=call_id if _UUID.match(call_id) else "",
        kind=kind,
        tenant_id=_number(variables.get("zj_tenant")),
        direction=LegDirection.OUT if outbound else LegDirection.IN,
        started_us=started,
        answered_us=_number(variables.get("answer_uepoch")),
        bridged_us=_number(variables.get("bridge_uepoch")),
        ended_us=max(started, ended),
        cause=variables.get("hangup_cause", ""),
        ended_by=variables.get("sip_hangup_disposition", ""),
        from_number=first.get("caller_id_number", ""),
        to_number=first.get("destination_number", ""),
        agent_id=_number(variables.get("zj_agent")),
        extension=variables.get("zj_ext", ""),
        sip_call_id=variables.get("sip_call_id", ""),
        network_address=variables.get("sip_network_ip", "") or first.get("network_addr", ""),
        user_agent=variables.get("sip_user_agent", ""),
        codec=variables.get("read_codec", ""),
        quality=_quality(document),
        cell=variables.get("zj_cell", ""),
        core_uuid=str(document.get("core-uuid", "")),
        fell_back=variables.get("zj_fallback") == "true",
        story=_story(variables.get("zj_state", ""), variables.get("zj_more", "")),
    )


def _first_profile(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the caller profile the leg began with: the last one in the list."""
    flow = document.get("callflow")
    if not isinstance(flow, list) or not flow or not isinstance(flow[-1], dict):
        return {}
    profile = flow[-1].get("caller_profile")
    if not isinstance(profile, dict):
        return {}
    return {key: value for key, value in profile.items() if isinstance(value, str)}


def _kind(text: str) -> LegKind | None:
    try:
        return LegKind(text)
    except ValueError:
        return None


def _story(state: str, more: str) -> Call | None:
    if not state:
        return None
    try:
        return from_variables(state, more)
    except ValueError:
        return None


def _quality(document: Mapping[str, Any]) -> Quality | None:
    stats: Any = document
    for name in ("callStats", "audio", "inbound"):
        stats = stats.get(name) if isinstance(stats, dict) else None
    if not isinstance(stats, dict) or not _number(stats.get("media_packet_count")):
        return None
    return Quality(
        mos=_real(stats.get("mos")),
        packets=_number(stats.get("media_packet_count")),
        flaws=_number(stats.get("flaw_total")),
    )


def _number(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 <= number < 1 << 62 else 0


def _real(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if math.isfinite(number) else 0.0
