"""What goes over the event socket: an event's headers, its two textual forms, and the switch's own URL-encoding."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Mapping

import msgspec

_UNSAFE = frozenset('\r\n #%&+:;<=>?@[\\]^`{|}"')
_table = str.maketrans({char: f"%{ord(char):02X}" for char in _UNSAFE})
_json = msgspec.json.Encoder()

HeaderValue = str | list[str]


def url_encode(text: str) -> str:
    """Encode as FreeSWITCH's ``switch_url_encode`` does: its unsafe set and everything outside printable ASCII."""
    if text.isascii() and text.isprintable():
        return text.translate(_table)
    return "".join(_encode_char(char) for char in text)


def _encode_char(char: str) -> str:
    if " " <= char <= "~":
        return f"%{ord(char):02X}" if char in _UNSAFE else char
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))


def array_text(value: HeaderValue) -> str:
    """Return a header's value as one string; several values become ``ARRAY::a|:b``."""
    return value if isinstance(value, str) else "ARRAY::" + "|:".join(value)


class Event:
    """One event: headers in order and an optional body. Encodings are made once and shared by all listeners."""

    def __init__(self, headers: dict[str, HeaderValue], body: str | None = None) -> None:
        self.headers = headers
        self.body = body

    @property
    def name(self) -> str:
        """The value of ``Event-Name``."""
        return str(self.headers["Event-Name"])

    @property
    def subclass(self) -> str:
        """The value of ``Event-Subclass``, or an empty string."""
        return str(self.headers.get("Event-Subclass", ""))

    def matches(self, header: str, value: str) -> bool:
        """Say whether a filter names this event: the same text whatever its case, or ``/expression/``."""
        own = self.headers.get(header)
        if own is None:
            return False
        text = array_text(own)
        if len(value) > 1 and value[0] == value[-1] == "/":
            return re.search(value[1:-1], text) is not None
        return text.lower() == value.lower()

    @functools.cached_property
    def as_json(self) -> bytes:
        """The whole ``text/event-json`` frame."""
        fields: dict[str, HeaderValue] = dict(self.headers)
        if self.body is not None:
            fields["Content-Length"] = str(len(self.body.encode()))
            fields["_body"] = self.body
        return frame("text/event-json", _json.encode(fields))

    @functools.cached_property
    def as_plain(self) -> bytes:
        """The whole ``text/event-plain`` frame."""
        return frame("text/event-plain", self.plain_text().encode())

    def plain_text(self, *, encode: bool = True) -> str:
        """Return the headers one a line, values URL-encoded, then a blank line and the body if there is one."""
        lines = []
        for name, value in self.headers.items():
            text = array_text(value)
            lines.append(f"{name}: {url_encode(text) if encode else text}\n")
        if self.body is None:
            return "".join(lines) + "\n"
        return "".join(lines) + f"Content-Length: {len(self.body.encode())}\n\n{self.body}"


def frame(content_type: str, body: bytes) -> bytes:
    """Return a frame of the event socket with `body`."""
    return f"Content-Length: {len(body)}\nContent-Type: {content_type}\n\n".encode() + body


def reply(text: str, extra: Mapping[str, str] | None = None) -> bytes:
    """Return a ``command/reply`` frame."""
    more = "".join(f"{name}: {value}\n" for name, value in (extra or {}).items())
    return f"Content-Type: command/reply\nReply-Text: {text}\n{more}\n".encode()


def api_response(body: str) -> bytes:
    """Return an ``api/response`` frame."""
    data = body.encode()
    return f"Content-Type: api/response\nContent-Length: {len(data)}\n\n".encode() + data


def local_stamp(instant_us: int) -> str:
    """Return ``2026-11-21 10:12:06`` in the host's zone, as the switch writes it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(instant_us // 1_000_000))


def gmt_stamp(instant_us: int) -> str:
    """Return ``Sat, 21 Nov 2026 10:12:06 GMT``."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(instant_us // 1_000_000))
