"""Events of the switch, as typed values.

An event has up to two hundred headers and we use some forty of them: those are decoded straight into a struct, the
others on demand by :meth:`Event.get`. Header values are what a caller, a phone or a carrier typed: they are data,
never syntax, and a decoded value can never become another header.
"""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from cti.esl.codec import Frame, Kind, ProtocolError


class Event(
    msgspec.Struct,
    kw_only=True,
    gc=False,
    rename={
        "name": "Event-Name",
        "subclass": "Event-Subclass",
        "core_uuid": "Core-UUID",
        "timestamp_us": "Event-Date-Timestamp",
        "sequence": "Event-Sequence",
        "uuid": "Unique-ID",
        "other_uuid": "Other-Leg-Unique-ID",
        "channel_state": "Channel-State",
        "call_state": "Channel-Call-State",
        "answer_state": "Answer-State",
        "direction": "Call-Direction",
        "caller_number": "Caller-Caller-ID-Number",
        "destination_number": "Caller-Destination-Number",
        "context": "Caller-Context",
        "network_addr": "Caller-Network-Addr",
        "hangup_cause": "Hangup-Cause",
        "application": "Application",
        "application_data": "Application-Data",
        "application_response": "Application-Response",
        "application_uuid": "Application-UUID",
        "digit": "DTMF-Digit",
        "job_uuid": "Job-UUID",
        "body": "_body",
        "record_path": "Record-File-Path",
        "playback_status": "Playback-Status",
        "profile": "profile-name",
        "from_user": "from-user",
        "contact": "contact",
        "user": "user",
        "zj_call": "variable_zj_call",
        "zj_tenant": "variable_zj_tenant",
        "zj_leg": "variable_zj_leg",
        "zj_cell": "variable_zj_cell",
        "zj_state": "variable_zj_state",
        "zj_more": "variable_zj_more",
        "zj_done": "variable_zj_done",
        "zj_token": "variable_zj_token",
        "zj_agent": "variable_zj_agent",
        "zj_ext": "variable_zj_ext",
        "raw": ":raw",
        "plain": ":plain",
        "cache": ":cache",
    },
):
    """One event. A header that did not come is an empty string (0 for numbers)."""

    name: str = ""
    subclass: str = ""
    core_uuid: str = ""
    timestamp_us: int = 0
    """The switch's clock when the event was made, microseconds since the epoch, UTC."""
    sequence: int = 0
    uuid: str = ""
    other_uuid: str = ""
    channel_state: str = ""
    call_state: str = ""
    answer_state: str = ""
    direction: str = ""
    caller_number: str = ""
    destination_number: str = ""
    context: str = ""
    network_addr: str = ""
    hangup_cause: str = ""
    application: str = ""
    application_data: str = ""
    application_response: str = ""
    application_uuid: str = ""
    """On CHANNEL_EXECUTE and CHANNEL_EXECUTE_COMPLETE: the ``Event-UUID`` the command was sent with (a step's id)."""
    digit: str = ""
    job_uuid: str = ""
    body: str = ""
    record_path: str = ""
    playback_status: str = ""
    profile: str = ""
    from_user: str = ""
    contact: str = ""
    user: str = ""
    """SIP user on ``sofia::expire``, which has no ``from-user``."""
    zj_call: str = ""
    zj_tenant: str = ""
    zj_leg: str = ""
    zj_cell: str = ""
    zj_state: str = ""
    zj_more: str = ""
    zj_done: str = ""
    zj_token: str = ""
    zj_agent: str = ""
    zj_ext: str = ""
    raw: bytes = b""
    """The event as it came; the source of :meth:`get`."""
    plain: bool = False
    """Whether `raw` is ``text/event-plain``."""
    cache: dict[str, str] | None = None

    @property
    def timestamp_ms(self) -> int:
        """The switch's clock when the event was made, milliseconds since the epoch, UTC."""
        return self.timestamp_us // 1000

    def get(self, header: str, default: str = "") -> str:
        """Return the header called `header` (exact case), or `default`. The first call parses the whole event.

        A header with several values comes as the switch writes such a thing: ``ARRAY::first|:second``.
        """
        if self.cache is None:
            self.cache = _plain_headers(self.raw) if self.plain else _json_headers(self.raw)
        return self.cache.get(header, default)

    def headers(self) -> dict[str, str]:
        """Return all headers, the body as ``_body``."""
        self.get("")
        return dict(self.cache or {})


_FIELDS = {
    field.encode_name: (field.name, field.type)
    for field in msgspec.structs.fields(Event)
    if field.encode_name[0] != ":"
}
_decode_event = msgspec.json.Decoder(Event, strict=False).decode
_decode_any = msgspec.json.Decoder().decode


def decode(frame: Frame) -> Event:
    """Return the event in a frame of kind EVENT_JSON or EVENT_PLAIN, else raise :class:`ProtocolError`."""
    if frame.kind is Kind.EVENT_JSON:
        return decode_json(frame.body)
    if frame.kind is Kind.EVENT_PLAIN:
        return decode_plain(frame.body)
    raise ProtocolError(f"{frame.kind.name} is not an event")


def decode_json(data: bytes) -> Event:
    """Return the event in `data` (a body of ``text/event-json``).

    Bytes that are not UTF-8 (the switch passes on what callers send) are replaced, a header of several values or a
    number that is none is tolerated. Raises :class:`ProtocolError` when `data` is no JSON object.
    """
    try:
        event: Event = _decode_event(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        event = _from_headers(_json_headers(data))
    event.raw = data
    return event


def decode_plain(data: bytes) -> Event:
    """Return the event in `data` (a body of ``text/event-plain``): lines first, each value percent-decoded after."""
    event = _from_headers(_plain_headers(data))
    event.raw = data
    event.plain = True
    return event


def _from_headers(headers: dict[str, str]) -> Event:
    values: dict[str, Any] = {}
    for key, value in headers.items():
        field = _FIELDS.get(key)
        if field is None:
            continue
        name, kind = field
        if kind is str:
            values[name] = value
        else:
            with contextlib.suppress(ValueError):
                values[name] = int(value)
    return Event(**values)


def _json_headers(data: bytes) -> dict[str, str]:
    try:
        parsed = _decode_any(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        try:
            parsed = _decode_any(data.decode("utf-8", "replace"))
        except msgspec.MsgspecError as error:
            raise ProtocolError("an event that is no JSON") from error
    if not isinstance(parsed, dict):
        raise ProtocolError("an event that is no JSON object")
    return {key: _text(value) for key, value in parsed.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "ARRAY::" + "|:".join(_text(item) for item in value)
    return msgspec.json.encode(value).decode()


def _plain_headers(data: bytes) -> dict[str, str]:
    block, _, body = data.partition(b"\n\n")
    headers: dict[str, str] = {}
    for line in block.split(b"\n"):
        name, colon, value = line.partition(b": ")
        if colon:
            decoded = (unquote_to_bytes(value) if b"%" in value else value).decode("utf-8", "replace")
            headers.setdefault(name.decode("utf-8", "replace"), decoded)
    if body:
        headers["_body"] = body.decode("utf-8", "replace")
    return headers
