"""Readers of what the switch answers to the questions of `cti.esl.commands`.

Answers are JSON where the switch offers it: its XML answers carry text of phones (a Call-ID) unescaped, so a phone
could forge entries in them (``sofia xmlstatus`` writes ``<call-id>`` as it came).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from cti.esl import events
from cti.esl.codec import ProtocolError
from cti.esl.commands import STEP_MARK
from cti.esl.events import Event
from cti.esl.originate import SipContact

_CONTACT = re.compile(r"(?:\[[^\]]*\])?sofia/([A-Za-z0-9_.:-]+)/(sips?:.+)", re.DOTALL)


class AnswerError(ValueError):
    """The switch's answer is not of the form the question has."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A leg as ``show channels`` lists it; all text is the switch's, numbers included."""

    uuid: str
    direction: str = ""
    created_epoch: str = ""
    name: str = ""
    state: str = ""
    callstate: str = ""
    cid_name: str = ""
    cid_num: str = ""
    ip_addr: str = ""
    dest: str = ""
    application: str = ""
    application_data: str = ""
    context: str = ""
    call_uuid: str = ""

    @property
    def bridged(self) -> bool:
        """Whether the leg is of another leg's call (the switch gives both legs of a bridge one `call_uuid`)."""
        return bool(self.call_uuid) and self.call_uuid != self.uuid


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A phone that is registered."""

    user: str
    domain: str
    profile: str
    contact: str
    """The SIP URI to dial, for `originate.SipContact`."""
    expires_s: int
    """When it ends, seconds since the epoch."""
    network_ip: str = ""
    network_port: str = ""

    def target(self) -> SipContact:
        """Return the contact as a dial target (checked when it is used)."""
        return SipContact(profile=self.profile, uri=self.contact)


def dump(text: str) -> Event | None:
    """Return the leg of a ``dump`` as the event it is, or None when there is no such leg."""
    if not text.startswith("{"):
        return None
    try:
        return events.decode_json(text.encode())
    except ProtocolError as error:
        raise AnswerError("a dump that is no JSON") from error


def step_ended(leg: Event, step_id: str) -> bool:
    """Return whether a leg's `dump` says that a step (`commands.execute`) ended; of ``answer`` it says nothing."""
    if leg.get("variable_current_application_data").endswith(f"{STEP_MARK}{step_id}"):
        return bool(leg.get("variable_current_application_response"))
    return leg.zj_done == step_id


def step_runs(leg: Event, step_id: str) -> bool:
    """Return whether a leg's `dump` says that it plays a step (`commands.execute`) now."""
    plays = leg.get("variable_current_application_data").endswith(f"{STEP_MARK}{step_id}")
    return plays and not leg.get("variable_current_application_response")


def exists(text: str) -> bool:
    """Return what ``exists`` said. Raises :class:`AnswerError` for anything but true and false."""
    if text not in {"true", "false"}:
        raise AnswerError(f"neither true nor false: {text[:40]!r}")
    return text == "true"


def variable(text: str) -> str:
    """Return the value ``get_variable`` told, empty when it isn't set."""
    return "" if text in {"_undef_", "-ERR no reply"} else text


def channels(text: str) -> list[Channel]:
    """Return the legs of ``show_channels``. Raises :class:`AnswerError`."""
    try:
        return [msgspec.convert(row, Channel) for row in _rows(text)]
    except msgspec.ValidationError as error:
        raise AnswerError(f"a row of channels we cannot read: {error}") from error


def registrations(text: str, profile: str = "") -> list[Registration]:
    """Return who is registered, at `profile` only if given. Raises :class:`AnswerError`.

    A row whose contact is no ``sofia/<profile>/sip:…`` is left out.
    """
    found = []
    for row in _rows(text):
        match = _CONTACT.fullmatch(str(row.get("url", "")))
        if match is None or (profile and match[1] != profile):
            continue
        expires = str(row.get("expires", ""))
        found.append(
            Registration(
                user=str(row.get("reg_user", "")),
                domain=str(row.get("realm", "")),
                profile=match[1],
                contact=match[2],
                expires_s=int(expires) if expires.isdecimal() else 0,
                network_ip=str(row.get("network_ip", "")),
                network_port=str(row.get("network_port", "")),
            )
        )
    return found


def contacts(text: str) -> list[SipContact]:
    """Return where ``contact`` says a SIP user is; empty when nowhere."""
    parts = re.split(r",(?=\[|sofia/)", text)
    matches = (_CONTACT.fullmatch(part.strip()) for part in parts)
    return [SipContact(profile=match[1], uri=match[2]) for match in matches if match]


def _rows(text: str) -> list[dict[str, Any]]:
    try:
        answer = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise AnswerError("an answer that is no JSON") from error
    rows = answer.get("rows", []) if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnswerError("an answer without rows")
    return rows


def originated(text: str) -> str:
    """Return the uuid of the leg an ``originate`` made, empty when it made none.

    Compare it with the one asked for: a loopback leg whose uuid is taken is dialled all the same, under another.
    """
    return text.removeprefix("+OK ").strip() if text.startswith("+OK ") else ""
