"""A tiny event-socket client for the conformance suite: plain sockets, one connection for events, one for commands.

Independent of the platform's client on purpose, so that the suite proves the switch and not the client.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.parse
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.support import clock

Event = dict[str, str]


class Frame(NamedTuple):
    """One message of the event socket: decoded headers and its body."""

    headers: dict[str, str]
    body: bytes


class Connection:
    """One authenticated connection. Raises `OSError` when the peer closes and `TimeoutError` when it is silent."""

    def __init__(self, port: int, password: str, timeout_s: float = 10) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._socket.settimeout(timeout_s)
        self._buffer = b""
        self._frames: list[Frame] = []
        self._wait_frame("auth/request")
        self.reply = self.command(f"auth {password}")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, text: str) -> None:
        """Send `text` as one message (the blank line is added)."""
        self._socket.sendall(text.encode() + b"\n\n")

    def command(self, text: str) -> str:
        """Send `text` and return the ``Reply-Text`` of its reply."""
        self.send(text)
        return self._wait_frame("command/reply").headers.get("Reply-Text", "")

    def api(self, text: str) -> str:
        """Run an API command and return its body."""
        self.send(f"api {text}")
        return self._wait_frame("api/response").body.decode()

    def read_frame(self, timeout_s: float) -> Frame | None:
        """Return the next frame, or None when none comes within `timeout_s`."""
        if self._frames:
            return self._frames.pop(0)
        deadline = time.monotonic() + timeout_s
        while (frame := self._cut()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise ConnectionError("the switch closed the connection")
            self._buffer += data
        return frame

    def _wait_frame(self, kind: str) -> Frame:
        held: list[Frame] = []
        try:
            while (frame := self.read_frame(10)) is not None:
                if frame.headers.get("Content-Type") == kind:
                    return frame
                held.append(frame)
        finally:
            self._frames = held + self._frames
        raise TimeoutError(f"no {kind} frame")

    def _cut(self) -> Frame | None:
        head, blank, rest = self._buffer.partition(b"\n\n")
        if not blank:
            return None
        headers = {}
        for line in head.decode().split("\n"):
            name, _, value = line.partition(": ")
            if name:
                headers[name] = urllib.parse.unquote(value)
        length = int(headers.get("Content-Length", "0"))
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        return Frame(headers, rest[:length])


class Driver:
    """Events collected in order on one connection, commands sent on another."""

    def __init__(self, port: int, password: str, events: str = "all", filters: Sequence[str] = ()) -> None:
        self.commands = Connection(port, password)
        self._stream = Connection(port, password)
        for each in filters:
            self._stream.command(f"filter {each}")
        self._stream.command(f"event json {events}")
        self.events: list[Event] = []

    def close(self) -> None:
        """Close both connections."""
        self.commands.close()
        self._stream.close()

    def api(self, text: str) -> str:
        """Run an API command and return its body."""
        return self.commands.api(text)

    def execute(self, uuid: str, app: str, arg: str = "", *, step: str = "", lock: bool = True) -> str:
        """Send an application to a channel; return the reply text."""
        lines = [f"sendmsg {uuid}", "call-command: execute", f"execute-app-name: {app}"]
        if arg:
            lines.append(f"execute-app-arg: {arg}")
        if lock:
            lines.append("event-lock: true")
        if step:
            lines.append(f"Event-UUID: {step}")
        return self.commands.command("\n".join(lines))

    def pump(self, timeout_s: float) -> bool:
        """Take one event if one comes within `timeout_s`."""
        frame = self._stream.read_frame(timeout_s)
        if frame is None:
            return False
        if frame.headers.get("Content-Type") == "text/event-json":
            self.events.append(json.loads(frame.body))
        return True

    def wait(self, matches: Callable[[Event], bool], timeout_s: float = 6, after: int = 0) -> Event:
        """Return the first event from index `after` on that matches, reading more as needed."""
        deadline = clock.now_s() + timeout_s
        seen = after
        while True:
            while seen < len(self.events):
                if matches(self.events[seen]):
                    return self.events[seen]
                seen += 1
            left = deadline - clock.now_s()
            if left <= 0:
                names = [(e.get("Event-Name"), e.get("Unique-ID", "")[:8]) for e in self.events[after:]]
                raise AssertionError(f"the awaited event did not come; seen: {names}")
            self.pump(min(left, 0.2))

    def wait_for(
        self, name: str, uuid: str = "", timeout_s: float = 6, after: int = 0, **headers: str
    ) -> Event:
        """Return the first event called `name` on channel `uuid` with the given headers (``_`` for ``-``)."""
        wanted = {key.replace("_", "-"): value for key, value in headers.items()}

        def matches(event: Event) -> bool:
            return (
                event.get("Event-Name") == name
                and (not uuid or event.get("Unique-ID") == uuid)
                and all(event.get(key) == value for key, value in wanted.items())
            )

        return self.wait(matches, timeout_s, after)

    def watch(self, seconds: float) -> None:
        """Read what comes for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.pump(left)

    def settle(self, quiet_s: float = 0.3) -> None:
        """Read until nothing has come for `quiet_s`."""
        while self.pump(quiet_s):
            pass
