"""A stand-in for the switch's side of the event socket, driven by the test: a program of two greenlets a connection.

It authenticates, answers each command by a rule the test may change, remembers what it was told, and sends what the
test says, whole or in pieces. It is no simulator of calls: `switchsim` is.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
import gevent.event
import gevent.server
import gevent.socket
import msgspec

CORE = "4f723251-94a3-4cfb-b810-bb599a88c0a1"


def event(**headers: str) -> bytes:
    """Return an event of these headers (``_`` stands for ``-``) as the switch frames it."""
    body = msgspec.json.encode({name.replace("_", "-"): value for name, value in headers.items()})
    return frame(body, "text/event-json")


def frame(body: bytes, kind: str) -> bytes:
    """Return a frame with a body."""
    return b"Content-Length: %d\nContent-Type: %s\n\n%s" % (len(body), kind.encode(), body)


def reply(text: str) -> bytes:
    """Return a ``command/reply``."""
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def answer(text: str) -> bytes:
    """Return an ``api/response``."""
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(text.encode()), text.encode())


class Peer:
    """One connection a client made."""

    def __init__(self, sock: gevent.socket.socket) -> None:
        self.sock = sock
        self.told: list[str] = []
        self.received = b""

    @property
    def eventful(self) -> bool:
        """Whether it subscribed to events."""
        return any(line.startswith("event ") for line in self.told)

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""
        self.sock.sendall(data)

    def close(self) -> None:
        """Cut the connection."""
        self.sock.close()


class FakeSwitch:
    """Listens on a free port of loopback. `rule` makes the answer to a command, None for silence."""

    def __init__(self, password: str = "secret") -> None:
        self.password = password
        self.greeting: bytes | None = b"Content-Type: auth/request\n\n"
        self.rule: Callable[[str], bytes | None] = self.usual
        self.peers: list[Peer] = []
        self._news = gevent.event.Event()
        self._server = gevent.server.StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port: int = self._server.server_port

    def usual(self, command: str) -> bytes | None:
        """Answer as an idle switch does."""
        if command.startswith("auth "):
            return reply("+OK accepted" if command == f"auth {self.password}" else "-ERR invalid")
        if command == "api global_getvar core_uuid":
            return answer(CORE)
        if command.startswith("bgapi "):
            return reply("+OK Job-UUID: " + command.rpartition("Job-UUID: ")[2])
        return answer("+OK") if command.startswith("api ") else reply("+OK")

    @property
    def events(self) -> Peer:
        """The newest connection that subscribed."""
        return next(peer for peer in reversed(self.peers) if peer.eventful)

    @property
    def commands(self) -> Peer:
        """The newest connection that asked without subscribing."""
        return next(peer for peer in reversed(self.peers) if not peer.eventful and len(peer.told) > 1)

    def until(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Wait until `condition()` is true; looked at whenever a command came, and at each turn of the loop."""
        with gevent.Timeout(timeout_s, AssertionError("the fake switch waited in vain")):
            while not condition():
                self._news.clear()
                self._news.wait(0.005)

    def stop(self) -> None:
        """Cut everything."""
        self._server.stop(timeout=0.1)
        for peer in self.peers:
            peer.close()

    def _serve(self, sock: gevent.socket.socket, _: object) -> None:
        peer = Peer(sock)
        self.peers.append(peer)
        try:
            if self.greeting is not None:
                sock.sendall(self.greeting)
            rest = b""
            while data := sock.recv(65536):
                peer.received += data
                rest = (rest + data).lstrip(b"\n")
                while b"\n\n" in rest:
                    command, _, rest = rest.partition(b"\n\n")
                    self._take(peer, command.decode())
                    rest = rest.lstrip(b"\n")
                self._news.set()
        except OSError:
            return

    def _take(self, peer: Peer, command: str) -> None:
        peer.told.append(command)
        told = self.rule(command)
        if told is not None:
            peer.send(told)
        if command == "exit" or (told or b"").endswith(b"-ERR invalid\n\n"):
            peer.sock.shutdown(gevent.socket.SHUT_WR)
