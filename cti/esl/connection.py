"""One connection to the event socket: connecting, authenticating, commands with their replies, events out.

The reader is the connection's own greenlet and never waits for anybody but the socket; writing is another's, so that
nobody who sends waits for the peer. A reply belongs to the oldest command without one (the switch answers in order),
also when its sender stopped waiting.
"""

from __future__ import annotations

import collections
import enum
import time
from collections.abc import Callable

import gevent
import gevent.event
import gevent.socket
import msgspec
import structlog

from cti.esl import commands
from cti.esl.codec import Decoder, Frame, Kind, ProtocolError

log = structlog.get_logger(__name__)

_READ_BYTES = 64 * 1024
_BUSY_BYTES = 16 * 1024
"""A read of this many means that more waits: others get a turn first, or reading would starve the handing on."""

_MAX_UNSENT_BYTES = 16 * 1024 * 1024
_EVENTS = frozenset({Kind.EVENT_JSON, Kind.EVENT_PLAIN})


class SwitchError(Exception):
    """Something between us and the switch."""


class NotConnected(SwitchError):
    """There is no connection; nothing was sent."""


class ConnectionLost(SwitchError):
    """The connection broke; whether the command was carried out is unknown."""


class ReplyTimeout(SwitchError):
    """No reply in time; whether the command was carried out is unknown."""


class AuthenticationFailed(SwitchError):
    """The switch refused the password, or our address."""


class CommandRefused(SwitchError):
    """The switch answered a command that must succeed with an error."""


class Status(enum.Enum):
    """How a command ended."""

    OK = "ok"
    ERROR = "error"
    """The switch refused it or failed; `Reply.text` says why."""
    NOT_SENT = "not-sent"
    """It never left this process."""
    UNKNOWN = "unknown"
    """The connection broke before the reply: it may have been carried out."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The switch's answer to a command. `text` has no line end; for ``api`` it is the whole output."""

    status: Status
    text: str = ""

    @property
    def ok(self) -> bool:
        """Whether the switch carried the command out."""
        return self.status is Status.OK

    @property
    def error(self) -> str:
        """The reason without ``-ERR``, such as a hang-up cause; empty when all is well."""
        return "" if self.ok else self.text.removeprefix("-ERR").strip()

    def expect(self) -> Reply:
        """Return self, or raise :class:`CommandRefused`."""
        if not self.ok:
            raise CommandRefused(f"the switch refused a command: {self.text[:200]}")
        return self

    @classmethod
    def of_text(cls, text: str) -> Reply:
        """Return the reply an answer's `text` stands for: ``-ERR`` and ``-USAGE`` are failures."""
        stripped = text.rstrip("\r\n")
        failed = stripped.startswith(("-ERR", "-USAGE", "INVALID COMMAND!"))
        return cls(status=Status.ERROR if failed else Status.OK, text=stripped)


OnReply = Callable[[Reply], None]


class _Slot:
    """Collects the replies to one wire of one or more commands."""

    __slots__ = ("at", "left", "on_reply", "reply")

    def __init__(self, commands_sent: int, on_reply: OnReply | None) -> None:
        self.at = time.monotonic()
        self.left = commands_sent
        self.on_reply = on_reply
        self.reply: Reply | None = None

    def take(self, reply: Reply) -> None:
        """Take one reply: of several the first failure counts, else the first."""
        if self.reply is None or (self.reply.ok and not reply.ok):
            self.reply = reply
        self.left -= 1


class Connection:
    """One authenticated connection. Made once, opened once, closed once."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        on_event: Callable[[list[Frame]], None] | None,
        on_lost: Callable[[str], None],
    ) -> None:
        """`on_event` gets the event frames of each read, oldest first; None drops them.

        `on_lost` gets the reason, once, from any greenlet.
        """
        self._address = address
        self._on_event = on_event
        self._on_lost = on_lost
        self._socket: gevent.socket.socket | None = None
        self._slots: collections.deque[_Slot] = collections.deque()
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._to_send = gevent.event.Event()
        self._greeting: gevent.event.AsyncResult = gevent.event.AsyncResult()
        self._greenlets: list[gevent.Greenlet] = []
        self._closed_for = ""
        self.heard_at = 0.0
        """Monotonic time of the last byte from the switch, seconds."""
        self.asked_at = 0.0
        """Monotonic time of the last question whether it lives, seconds."""

    def open(self, password: str, timeout_s: float) -> None:
        """Connect and authenticate within `timeout_s`. Raises a :class:`SwitchError`."""
        deadline = time.monotonic() + timeout_s
        where = f"{self._address[0]}:{self._address[1]}"
        try:
            self._socket = gevent.socket.create_connection(self._address, timeout=timeout_s)
        except OSError as error:
            raise NotConnected(f"no event socket at {where}: {error}") from error
        self._socket.settimeout(None)
        self._socket.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        self.heard_at = time.monotonic()
        self._greenlets = [gevent.spawn(self._read), gevent.spawn(self._write)]
        try:
            greeting = self._greeting.get(timeout=max(0.001, deadline - time.monotonic()))
        except gevent.Timeout:
            self.close(f"{where} took the connection but did not greet as an event socket does")
            raise NotConnected(self._closed_for) from None
        if greeting is Kind.REJECTION:
            raise AuthenticationFailed(f"the event socket at {where} does not admit our address (its ACL)")
        if greeting is not Kind.AUTH_REQUEST:
            raise NotConnected(f"{where} is no event socket: {self._closed_for}")
        reply = self.request(commands.hello(password), max(0.001, deadline - time.monotonic()))
        if not reply.ok:
            raise AuthenticationFailed(f"the event socket at {where} refused the password")

    def request(self, wire: bytes, timeout_s: float) -> Reply:
        """Send commands and wait. Raises NotConnected, ConnectionLost or ReplyTimeout."""
        answer: gevent.event.AsyncResult = gevent.event.AsyncResult()
        self.post(wire, answer.set)
        try:
            reply: Reply = answer.get(timeout=timeout_s)
        except gevent.Timeout:
            raise ReplyTimeout(f"the switch did not reply within {timeout_s:g} s") from None
        if reply.status is Status.NOT_SENT:
            raise NotConnected(reply.text)
        if reply.status is Status.UNKNOWN:
            raise ConnectionLost(reply.text)
        return reply

    def post(self, wire: bytes, on_reply: OnReply | None) -> None:
        """Queue commands for sending; `on_reply` gets the reply, in the reader's greenlet."""
        number = commands.count(wire)
        if not number or not wire.endswith(b"\n"):
            raise ValueError("not a whole command")
        if self._closed_for or self._unsent_bytes > _MAX_UNSENT_BYTES:
            why = self._closed_for or "the switch does not take commands as fast as they come"
            _tell(on_reply, Reply(status=Status.NOT_SENT, text=why))
            return
        self._slots.append(_Slot(number, on_reply))
        self._unsent.append(wire)
        self._unsent_bytes += len(wire)
        self._to_send.set()

    @property
    def lag_s(self) -> float:
        """How long the oldest command without a reply has waited, seconds; 0 when none waits."""
        return time.monotonic() - self._slots[0].at if self._slots else 0.0

    def nudge(self) -> bool:
        """Send an empty line, which the switch ignores; false once the connection is closed."""
        if not self._closed_for and not self._unsent:
            self._unsent.append(b"\n")
            self._unsent_bytes += 1
            self._to_send.set()
        return not self._closed_for

    def close(self, reason: str) -> None:
        """Close; commands without a reply get one of status UNKNOWN. Later calls do nothing."""
        if self._closed_for:
            return
        self._closed_for = reason or "closed"
        if self._socket is not None:
            self._socket.close()
        current = gevent.getcurrent()
        gevent.killall([greenlet for greenlet in self._greenlets if greenlet is not current], block=False)
        if not self._greeting.ready():
            self._greeting.set(None)
        slots, self._slots = self._slots, collections.deque()
        for slot in slots:
            _tell(slot.on_reply, Reply(status=Status.UNKNOWN, text=self._closed_for))
        self._on_lost(self._closed_for)

    def _read(self) -> None:
        decoder = Decoder()
        assert self._socket is not None
        receive = self._socket.recv
        try:
            while True:
                data = receive(_READ_BYTES)
                if not data:
                    decoder.close()
                    self.close("the switch closed the connection")
                    return
                self.heard_at = time.monotonic()
                self._sort(decoder.feed(data))
                if len(data) >= _BUSY_BYTES:
                    gevent.sleep(0)
        except (OSError, ProtocolError) as error:
            self.close(f"the connection to the switch broke: {error}")

    def _sort(self, frames: list[Frame]) -> None:
        """Hand on the frames of one read: events together, replies to their commands."""
        eventful = [frame for frame in frames if frame.kind in _EVENTS]
        if eventful and self._on_event is not None:
            self._on_event(eventful)
        if len(eventful) == len(frames):
            return
        for frame in frames:
            kind = frame.kind
            if kind is Kind.REPLY:
                self._answer(Reply.of_text(frame.header("Reply-Text")))
            elif kind is Kind.API_RESPONSE:
                self._answer(Reply.of_text(frame.body.decode("utf-8", "replace")))
            elif kind in (Kind.AUTH_REQUEST, Kind.REJECTION) and not self._greeting.ready():
                self._greeting.set(kind)
            elif kind is Kind.DISCONNECT:
                self.close("the switch said good-bye")

    def _answer(self, reply: Reply) -> None:
        if not self._slots:
            raise ProtocolError("a reply to no command")
        slot = self._slots[0]
        slot.take(reply)
        if not slot.left:
            self._slots.popleft()
            _tell(slot.on_reply, slot.reply or reply)

    def _write(self) -> None:
        assert self._socket is not None
        try:
            while True:
                self._to_send.wait()
                self._to_send.clear()
                data = b"".join(self._unsent)
                self._unsent.clear()
                self._unsent_bytes = 0
                self._socket.sendall(data)
        except OSError as error:
            self.close(f"the connection to the switch broke: {error}")


def _tell(on_reply: OnReply | None, reply: Reply) -> None:
    """Call back; what escapes is the callback's bug, logged, and must not end the reader."""
    if on_reply is None:
        return
    try:
        on_reply(reply)
    except Exception:  # any bug of a handler must leave the connection alone
        log.exception(
            "switch_reply_handler_failed", handler=getattr(on_reply, "__qualname__", repr(on_reply))
        )
