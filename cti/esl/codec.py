"""The event socket's framing: bytes in, whole frames out, no input or output of its own.

A frame is a block of ``Name: value`` lines ended by an empty line and, when the block has a ``Content-Length``,
that many bytes of body. Bytes stay bytes here: lengths count bytes, and nothing is decoded before it is cut out,
so a character split over two reads or a percent-encoded newline cannot change where a frame ends.
"""

from __future__ import annotations

import enum

import msgspec

MAX_HEAD_BYTES = 64 * 1024
"""Longest header block taken; the switch's own are below 1 KiB."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Longest body taken; ``show channels as json`` with ten thousand channels is about 10 MiB."""


class ProtocolError(Exception):
    """The peer sent what no switch sends. The decoder is of no use afterwards; close the connection."""


class Kind(enum.Enum):
    """What a frame is, by its ``Content-Type``."""

    AUTH_REQUEST = b"auth/request"
    REPLY = b"command/reply"
    API_RESPONSE = b"api/response"
    EVENT_JSON = b"text/event-json"
    EVENT_PLAIN = b"text/event-plain"
    EVENT_XML = b"text/event-xml"
    LOG = b"log/data"
    DISCONNECT = b"text/disconnect-notice"
    REJECTION = b"text/rude-rejection"
    OTHER = b""


_KINDS = {kind.value: kind for kind in Kind if kind.value}
_EVENT_HEAD = b"Content-Length: "
_EVENT_TAIL = b"\nContent-Type: text/event-json"


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame: `head` is the header block without the empty line, `body` is empty when there is none."""

    kind: Kind
    head: bytes
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the first header called `name` (any case), or an empty string. Invalid UTF-8 is replaced."""
        wanted = name.lower().encode()
        for line in self.head.split(b"\n"):
            key, colon, value = line.partition(b":")
            if colon and key.strip().lower() == wanted:
                return value.strip().decode("utf-8", "replace")
        return ""

    def headers(self) -> dict[str, str]:
        """Return all headers; of a repeated one the first."""
        found: dict[str, str] = {}
        for line in self.head.split(b"\n"):
            key, colon, value = line.partition(b":")
            if colon:
                found.setdefault(
                    key.strip().decode("utf-8", "replace"), value.strip().decode("utf-8", "replace")
                )
        return found


class Decoder:
    """Cuts a stream of bytes into frames.

    >>> Decoder().feed(b"Content-Type: auth/request" + 2 * chr(10).encode())[0].kind
    <Kind.AUTH_REQUEST: b'auth/request'>
    """

    def __init__(self, *, max_head_bytes: int = MAX_HEAD_BYTES, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_head = max_head_bytes
        self._max_body = max_body_bytes
        self._pieces: list[bytes] = []
        self._have = 0
        self._need = 1
        self._scanned = 0
        self._closed = False

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return self._have

    def feed(self, data: bytes) -> list[Frame]:
        """Take `data` and return the frames it completes, oldest first.

        Raises :class:`ProtocolError` for a header block or body over its bound, a length that is no number or
        is given twice differently, and for data after :meth:`close`.
        """
        if self._closed:
            raise ProtocolError("data after the end of the stream")
        self._pieces.append(data)
        self._have += len(data)
        if self._have < self._need:
            return []
        buffer = data if len(self._pieces) == 1 else b"".join(self._pieces)
        frames, position = self._cut(buffer)
        rest = buffer[position:] if position else buffer
        self._pieces = [rest] if rest else []
        self._have = len(rest)
        return frames

    def close(self) -> None:
        """Note the end of the stream. Raises :class:`ProtocolError` when it ends within a frame."""
        self._closed = True
        if self._have:
            raise ProtocolError(f"the stream ended within a frame ({self._have} bytes of it had come)")

    def _cut(self, buffer: bytes) -> tuple[list[Frame], int]:
        """Return the whole frames in `buffer` and where the first incomplete one starts."""
        frames: list[Frame] = []
        position = 0
        size = len(buffer)
        scanned, self._scanned = self._scanned, 0
        while position < size:
            if buffer[position] == 10:  # an empty line between frames
                position += 1
                continue
            end = buffer.find(b"\n\n", position + scanned)
            if end - position > self._max_head or (end < 0 and size - position > self._max_head):
                raise ProtocolError(f"a header block of over {self._max_head} bytes")
            if end < 0:
                self._scanned = max(0, size - position - 1)
                self._need = size - position + 1
                return frames, position
            scanned = 0
            head = buffer[position:end]
            kind, length = self._examine(head)
            stop = end + 2 + length
            if stop > size:
                self._need = stop - position
                return frames, position
            frames.append(Frame(kind, head, buffer[end + 2 : stop] if length else b""))
            position = stop
        self._need = 1
        return frames, position

    def _examine(self, head: bytes) -> tuple[Kind, int]:
        if head.startswith(_EVENT_HEAD) and head.endswith(_EVENT_TAIL):
            digits = head[len(_EVENT_HEAD) : -len(_EVENT_TAIL)]
            if digits.isdigit():
                return Kind.EVENT_JSON, self._bounded(digits)
        kind = Kind.OTHER
        length: int | None = None
        for line in head.split(b"\n"):
            name, _, value = line.partition(b":")
            name = name.strip().lower()
            value = value.strip()
            if name == b"content-type":
                kind = _KINDS.get(value.lower(), Kind.OTHER)
            elif name == b"content-length":
                if not value.isdigit():
                    raise ProtocolError("a Content-Length that is no number")
                stated = self._bounded(value)
                if length not in (None, stated):
                    raise ProtocolError("two different Content-Lengths")
                length = stated
        return kind, length or 0

    def _bounded(self, digits: bytes) -> int:
        if len(digits) > 12 or (length := int(digits)) > self._max_body:
            raise ProtocolError(f"a body of over {self._max_body} bytes")
        return length
