"""The event socket: connections that authenticate, send commands and take events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
from gevent import socket
from gevent.queue import Full, Queue

from switchsim.commands import run_api
from switchsim.wire import Event, api_response, reply

if TYPE_CHECKING:
    from switchsim.core import Core

MAX_QUEUE = 100_000
"""Frames a connection may have unsent; more are lost, as in the switch."""
MAX_COMMAND_BYTES = 10 * 1024 * 1024
_NAMES = """
    CUSTOM CLONE CHANNEL_CREATE CHANNEL_DESTROY CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_ANSWER CHANNEL_HANGUP
    CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_BRIDGE
    CHANNEL_UNBRIDGE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_UNPARK
    CHANNEL_APPLICATION CHANNEL_ORIGINATE CHANNEL_UUID API LOG STARTUP SHUTDOWN PUBLISH UNPUBLISH TALK NOTALK
    SESSION_CRASH MODULE_LOAD MODULE_UNLOAD DTMF MESSAGE PRESENCE_IN CODEC BACKGROUND_JOB DETECTED_SPEECH
    HEARTBEAT ADD_SCHEDULE DEL_SCHEDULE EXE_SCHEDULE RE_SCHEDULE RELOADXML NOTIFY RECORD_START RECORD_STOP
    PLAYBACK_START PLAYBACK_STOP CALL_UPDATE FAILURE SOCKET_DATA MEDIA_BUG_START MEDIA_BUG_STOP PRIVATE_COMMAND
    TRAP ALL
"""
EVENT_NAMES = frozenset(_NAMES.split())
_FORMATS = ("plain", "json", "xml")


class Connection:
    """One client. Reading runs in the greenlet that accepted it, writing in one of its own."""

    def __init__(self, core: Core, sock: socket.socket, password: str) -> None:
        self._core = core
        self._socket = sock
        self._password = password
        self._authenticated = False
        self._names: set[str] = set()
        self._subclasses: set[str] = set()
        self._filters: list[tuple[str, str]] = []
        self._json = False
        self._queue: Queue[bytes | None] = Queue(MAX_QUEUE)
        self._writer = gevent.spawn(self._write)

    def serve(self) -> None:
        """Speak until the client leaves. Ends quietly when the connection breaks."""
        self._send(b"Content-Type: auth/request\n\n")
        reader = self._socket.makefile("rb")
        try:
            while (message := _read(reader)) is not None:
                if not self._handle(*message):
                    break
        except OSError:
            pass
        finally:
            self._core.listeners.pop(self, None)
            self._queue.put(None)
            self._writer.join(timeout=2)
            self._writer.kill(block=False)
            reader.close()
            self._socket.close()

    # --- events -------------------------------------------------------------------------------------------------

    def wants(self, name: str, subclass: str) -> bool:
        """Say whether this client subscribed to such events."""
        if "ALL" in self._names:
            return True
        return name in self._names and (name != "CUSTOM" or not subclass or subclass in self._subclasses)

    def deliver(self, event: Event) -> None:
        """Queue an event if the filters let it through; never waits."""
        if self._filters and not self._passes(event):
            return
        self._send(event.as_json if self._json else event.as_plain)

    def _passes(self, event: Event) -> bool:
        passed = False
        for header, value in self._filters:
            positive = not value.startswith("-")
            if event.matches(header, value.lstrip("+- ")):
                if not positive:
                    return False
                passed = True
        return passed

    def _send(self, data: bytes) -> None:
        try:
            self._queue.put_nowait(data)
        except Full:
            return

    def _write(self) -> None:
        while (data := self._queue.get()) is not None:
            chunks = [data]
            while not self._queue.empty() and len(chunks) < 200:
                following = self._queue.get_nowait()
                if following is None:
                    self._queue.put_nowait(None)
                    break
                chunks.append(following)
            try:
                self._socket.sendall(b"".join(chunks))
            except OSError:
                return

    # --- commands -----------------------------------------------------------------------------------------------

    def _handle(self, command: str, headers: dict[str, str]) -> bool:
        """Carry out one command; False ends the connection."""
        verb, _blank, rest = command.partition(" ")
        if verb in ("exit", "..."):
            self._send(reply("+OK bye"))
            return self._part()
        if not self._authenticated:
            return self._authenticate(verb, rest) or self._part()
        handler = getattr(self, f"_do_{verb.lower()}", None)
        if handler is None or (verb in ("api", "bgapi") and " " not in command):
            self._send(reply("-ERR command not found"))
        else:
            handler(rest, headers)
        return True

    def _part(self) -> bool:
        """Say that this was the end."""
        text = b"Disconnected, goodbye.\n"
        self._send(b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%s" % (len(text), text))
        return False

    def _authenticate(self, verb: str, rest: str) -> bool:
        if verb == "auth" and rest == self._password:
            self._authenticated = True
            self._send(reply("+OK accepted"))
            return True
        self._send(reply("-ERR invalid" if verb == "auth" else "-ERR command not found"))
        return verb != "auth"

    def _do_api(self, rest: str, _headers: dict[str, str]) -> None:
        name, _blank, argument = rest.partition(" ")
        self._send(api_response(run_api(self._core, name, argument) or "-ERR no reply\n"))

    def _do_bgapi(self, rest: str, headers: dict[str, str]) -> None:
        job = headers.get("job-uuid") or self._core.new_uuid()
        self._send(reply(f"+OK Job-UUID: {job}", {"Job-UUID": job}))
        self._core.spawn(_background, self._core, rest, job)

    def _do_sendmsg(self, rest: str, headers: dict[str, str]) -> None:
        uuid = rest.strip() or headers.get("session-id", "")
        session = self._core.sessions.get(uuid)
        if session is None:
            self._send(reply(f"-ERR invalid session id [{uuid}]"))
        else:
            session.send(headers)
            self._send(reply("+OK"))

    def _do_sendevent(self, rest: str, headers: dict[str, str]) -> None:
        """An event for one leg is that leg's alone; others are told to whoever listens."""
        event_id = self._core.new_uuid()
        session = self._core.sessions.get(headers.get("unique-id", ""))
        if session is None:
            self._core.fire(rest.strip() or "CUSTOM", extra={"Event-UUID": event_id})
        elif command := headers.get("eavesdrop-command"):
            session.tell(command)
        self._send(reply(f"+OK {event_id}"))

    def _do_event(self, rest: str, _headers: dict[str, str]) -> None:
        words = rest.split()
        if words and words[0].lower() in _FORMATS:
            self._json = words.pop(0).lower() == "json"
        known = False
        custom = False
        for word in words:
            if custom:
                self._subclasses.add(word)
            elif word.upper() in EVENT_NAMES:
                known = True
                self._names.add(word.upper())
                custom = word.upper() == "CUSTOM"
        if not known:
            self._send(reply("-ERR no keywords supplied"))
            return
        self._core.listeners[self] = (self.wants, self.deliver)
        self._send(reply(f"+OK event listener enabled {'json' if self._json else 'plain'}"))

    def _do_nixevent(self, rest: str, _headers: dict[str, str]) -> None:
        words = rest.split()
        if "CUSTOM" in words:
            self._subclasses.difference_update(words[words.index("CUSTOM") + 1 :])
            words = words[: words.index("CUSTOM")]
        if "ALL" in self._names and words:
            self._names = set(EVENT_NAMES) - {"ALL"}
        self._names.difference_update(words)
        self._send(reply("+OK events nixed"))

    def _do_noevents(self, _rest: str, _headers: dict[str, str]) -> None:
        listening = self._core.listeners.pop(self, None) is not None
        self._names.clear()
        self._subclasses.clear()
        self._send(
            reply("+OK no longer listening for events" if listening else "-ERR not listening for events")
        )

    def _do_filter(self, rest: str, _headers: dict[str, str]) -> None:
        header, _blank, value = rest.strip().partition(" ")
        if header == "delete" and value:
            header, _blank, value = value.partition(" ")
            if header == "all":
                self._filters.clear()
            else:
                self._filters = [f for f in self._filters if f[0] != header or (value and f[1] != value)]
            self._send(reply(f"+OK filter deleted. [{header}][{value}]"))
            return
        if header == "add":
            header, _blank, value = value.partition(" ")
        if not value:
            self._send(reply("-ERR invalid syntax" if header else "-ERR command not found"))
            return
        self._filters.append((header, value))
        self._send(reply(f"+OK filter added. [{header}]=[{value}]"))

    def _do_log(self, rest: str, _headers: dict[str, str]) -> None:
        self._send(reply(f"+OK log level {rest} [7]"))

    def _do_nolog(self, _rest: str, _headers: dict[str, str]) -> None:
        self._send(reply("+OK no longer logging"))

    def _do_linger(self, _rest: str, _headers: dict[str, str]) -> None:
        self._send(reply("-ERR not controlling a session"))

    _do_nolinger = _do_linger


def _background(core: Core, rest: str, job: str) -> None:
    name, _blank, argument = rest.partition(" ")
    answer = run_api(core, name, argument)
    about = {"Job-UUID": job, "Job-Command": name}
    if argument:
        about["Job-Command-Arg"] = argument
    core.fire("BACKGROUND_JOB", extra=about, body=answer)


def _read(reader: socket.SocketIO) -> tuple[str, dict[str, str]] | None:
    """Read one command: its line and its headers, names in lower case. None: the client is gone or talks rubbish."""
    lines: list[str] = []
    size = 0
    while True:
        line = reader.readline(MAX_COMMAND_BYTES)
        size += len(line)
        if not line.endswith(b"\n") or size > MAX_COMMAND_BYTES:
            return None
        text = line.rstrip(b"\r\n").decode("utf-8", "replace")
        if text:
            lines.append(text)
        elif lines:
            break
    headers: dict[str, str] = {}
    for text in lines[1:]:
        name, colon, value = text.partition(":")
        if colon:
            headers[name.lower()] = value.lstrip(" ")
    length = headers.get("content-length", "")
    if length.isdigit() and 0 < int(length) <= MAX_COMMAND_BYTES:
        headers["_body"] = reader.read(int(length)).decode("utf-8", "replace")
        if headers.get("content-type", "").lower() == "text/plain":
            headers.setdefault("execute-app-arg", headers["_body"])
    return lines[0], headers
