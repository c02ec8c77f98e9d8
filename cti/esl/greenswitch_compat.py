"""``InboundESL`` for programs written for greenswitch: its names and its ways, on our own framing.

What a caller sees is greenswitch 0.0.19's interface: `connect`, `send` (a string without line ends after it; returns
an event with `headers` and `data`), `register_handle`, `unregister_handle`, `process_events`, `stop`, use as a context
manager, handlers called with an event, ``*`` for what has none, ``DISCONNECT`` and ``log``. What is different is what
was wrong: see docs/event-socket.md. The platform itself uses `cti.esl.client`.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
import gevent.socket
import greenswitch
import structlog
from greenswitch.esl import ESLEvent as GreenswitchEvent
from greenswitch.esl import NotConnectedError

from cti.esl import events
from cti.esl.codec import Decoder, Frame, Kind, ProtocolError

__all__ = ["ESLEvent", "InboundESL", "NotConnectedError"]

log = structlog.get_logger(__name__)

MAX_BACKLOG = 100_000
"""Events waiting for handlers at which the connection is given up."""

_REPLIES = frozenset({Kind.REPLY, Kind.API_RESPONSE})
_EVENTS = frozenset({Kind.EVENT_JSON, Kind.EVENT_PLAIN})
_IGNORED = frozenset({Kind.AUTH_REQUEST, Kind.REJECTION})


class ESLEvent(GreenswitchEvent):
    """An event or reply: `headers`, and `data` where there is a body."""

    def __init__(self, headers: dict[str, str], data: str = "") -> None:
        self.headers = headers
        self.data = data

    @classmethod
    def of_frame(cls, frame: Frame) -> ESLEvent:
        """Return a frame as greenswitch shows it. Raises :class:`ProtocolError` for an event that is none."""
        headers = frame.headers()
        if frame.kind in _EVENTS:
            inner = events.decode(frame).headers()
            body = inner.get("_body", "")
            return cls({**headers, **inner}, body)
        if frame.kind is Kind.REPLY:
            return cls(headers, headers.get("Reply-Text", ""))
        return cls(headers, frame.body.decode("utf-8", "replace"))


class InboundESL(greenswitch.InboundESL):
    """A connection to the switch's event socket with greenswitch's interface.

    `timeout` (seconds) bounds connecting as a whole and each reply.
    """

    def __init__(
        self, host: str, port: int, password: str, timeout: float = 5, *, max_backlog: int = MAX_BACKLOG
    ) -> None:
        super().__init__(host, port, password, timeout)
        self._max_backlog = max_backlog
        self._reset()

    def _reset(self) -> None:
        self._run = True
        self.connected = False
        self._waiting: collections.deque[gevent.event.AsyncResult] = collections.deque()
        self._backlog: collections.deque[ESLEvent] = collections.deque()
        self._arrived = gevent.event.Event()
        self._greeting: gevent.event.AsyncResult = gevent.event.AsyncResult()
        self._unsent: list[bytes] = []
        self._to_send = gevent.event.Event()

    @property
    def backlog(self) -> int:
        """Events received and not handled yet."""
        return len(self._backlog)

    def connect(self) -> None:
        """Connect and authenticate; may be called again after the connection ended.

        Raises :class:`NotConnectedError` when there is no event socket or it does not answer within the time-out,
        and ``ValueError`` when the password is refused.
        """
        if self.connected:
            raise NotConnectedError("Already connected.")
        self._reset()
        deadline = time.monotonic() + self.timeout
        try:
            self.sock = gevent.socket.create_connection((self.host, self.port), timeout=self.timeout)
        except OSError as error:
            raise NotConnectedError(f"No connection to {self.host}:{self.port}: {error}") from error
        self.sock.settimeout(None)
        self.connected = True
        self.start_event_handlers()
        try:
            greeting = self._greeting.get(timeout=max(0.001, deadline - time.monotonic()))
        except gevent.Timeout:
            greeting = None
        if greeting is not Kind.AUTH_REQUEST:
            self._lose()
            raise NotConnectedError("Server closed connection, check FreeSWITCH config.")
        self.authenticate()

    def authenticate(self) -> None:
        """Send the password. Raises ``ValueError`` when it is refused."""
        response = self.send(f"auth {self.password}")
        if response.headers.get("Reply-Text") != "+OK accepted":
            self._lose()
            raise ValueError("Invalid password.")

    def start_event_handlers(self) -> None:
        """Start the greenlets that read, write and hand on."""
        self._receive_events_greenlet = gevent.spawn(self.receive_events)
        self._process_events_greenlet = gevent.spawn(self.process_events)
        self._send_greenlet = gevent.spawn(self._send_queued, self.sock)

    def send(self, data: str, timeout: float | None = None) -> ESLEvent:
        """Send one command, wait for its reply and return it.

        Lines of `data` are the command and its headers, as ever; an empty line would begin a second command and
        raises ``ValueError``. Raises :class:`NotConnectedError` when there is no connection, it ends first, or the
        reply takes longer than the time-out.
        """
        if not self.connected:
            raise NotConnectedError("Not connected.")
        text = data.rstrip("\n")
        if not text or "\n\n" in text or "\r" in text or "\0" in text:
            raise ValueError("A command must not be empty or have an empty line, CR or NUL in it.")
        reply: gevent.event.AsyncResult = gevent.event.AsyncResult()
        self._waiting.append(reply)
        self._unsent.append(text.encode() + b"\n\n")
        self._to_send.set()
        limit = self.timeout if timeout is None else timeout
        try:
            answer: ESLEvent = reply.get(timeout=limit)
        except gevent.Timeout:
            raise NotConnectedError(f"No reply within {limit} seconds.") from None
        return answer

    def _send_queued(self, sock: gevent.socket.socket) -> None:
        try:
            while True:
                self._to_send.wait()
                self._to_send.clear()
                data = b"".join(self._unsent)
                self._unsent.clear()
                sock.sendall(data)
        except OSError:
            if sock is self.sock:
                self._lose()

    def receive_events(self) -> None:
        """Read frames until the connection ends; the reader's greenlet runs it."""
        decoder, sock = Decoder(), self.sock
        try:
            while self._run and sock is self.sock:
                data = sock.recv(64 * 1024)
                if not data:
                    break
                for frame in decoder.feed(data):
                    self._handle_frame(frame)
                gevent.sleep(0)
        except (OSError, ProtocolError) as error:
            log.warning("switch_connection_broke", reason=str(error))
        finally:
            if sock is self.sock:
                self._lose()

    def _handle_frame(self, frame: Frame) -> None:
        if frame.kind in _REPLIES:
            if not self._waiting:
                raise ProtocolError("a reply to no command")
            self._waiting.popleft().set(ESLEvent.of_frame(frame))
            return
        if frame.kind in _IGNORED:
            if not self._greeting.ready():
                self._greeting.set(frame.kind)
            return
        try:
            event = ESLEvent.of_frame(frame)
        except ProtocolError as error:
            log.warning("switch_event_undecodable", reason=str(error))
            return
        self.handle_event(event)

    def handle_event(self, event: ESLEvent) -> None:
        """Queue an event for the handlers."""
        if len(self._backlog) >= self._max_backlog:
            raise ProtocolError(f"the handlers left over {self._max_backlog} events waiting")
        self._backlog.append(event)
        self._arrived.set()

    def process_events(self) -> None:
        """Call the handlers for each event, in order, until the connection ended and all are handled."""
        backlog, arrived = self._backlog, self._arrived
        while True:
            while backlog:
                event = backlog.popleft()
                handlers = self._handlers_of(event)
                before = getattr(self, "before_handle", None)
                after = getattr(self, "after_handle", None)
                for handler in [before, *handlers, after] if handlers else ():
                    if handler is not None:
                        self._safe_exec_handler(handler, event)
            if not self._run:
                return
            arrived.wait()
            arrived.clear()

    def _handlers_of(self, event: ESLEvent) -> list[Callable[[Any], None]]:
        headers = event.headers
        kind = headers.get("Content-Type")
        name = headers.get("Event-Name", "")
        if name == "CUSTOM":
            name = headers.get("Event-Subclass", "")
        if kind == "text/disconnect-notice":
            name = "DISCONNECT"
        elif kind == "log/data":
            name = "log"
        return list(self.event_handlers.get(name) or self.event_handlers.get("*") or ())

    def _safe_exec_handler(self, handler: Callable[[Any], None], event: ESLEvent) -> None:
        try:
            handler(event)
        except Exception:  # a handler's bug must not end the handing on
            log.exception("switch_handler_failed", handler=getattr(handler, "__qualname__", repr(handler)))

    def stop(self) -> None:
        """End the connection. Returns at once also from within a handler, and leaves nothing waiting."""
        if self.connected:
            try:
                self.send("exit", timeout=min(1.0, self.timeout))
            except NotConnectedError:
                log.debug("switch_left_without_goodbye")
        self._lose()
        processing = self._process_events_greenlet
        if processing is not None and processing is not gevent.getcurrent():
            processing.join(timeout=self.timeout)

    def _lose(self) -> None:
        """Note that the connection is over: waiting senders are told, greenlets end."""
        self.connected = False
        self._run = False
        self._arrived.set()
        if not self._greeting.ready():
            self._greeting.set(None)
        if sock := getattr(self, "sock", None):
            sock.close()
        waiting, self._waiting = self._waiting, collections.deque()
        for reply in waiting:
            reply.set_exception(NotConnectedError("The connection ended before the reply."))
        for greenlet in (self._receive_events_greenlet, getattr(self, "_send_greenlet", None)):
            if greenlet is not None and greenlet is not gevent.getcurrent():
                greenlet.kill(block=False)
