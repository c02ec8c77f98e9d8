"""The simulated switch as a server: event socket and control interface, started and stopped as one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import gevent
from gevent import socket
from gevent.server import StreamServer

from switchsim import control_server
from switchsim.clock import Clock
from switchsim.commands import heartbeat_headers
from switchsim.core import Core, Options
from switchsim.eventsocket import Connection

_LOOPBACK = "127.0.0.1"
_STOP_S = 5
"""Real seconds hung-up calls get to end."""


class Simulator:
    """A simulated switch. Port 0 takes a free one; the properties tell which."""

    def __init__(
        self,
        *,
        password: str,
        port: int = 0,
        control_port: int = 0,
        speed: float = 1.0,
        options: Options | None = None,
    ) -> None:
        self._password = password
        self._speed = speed
        self._options = options or Options()
        self._wanted = (port, control_port)
        self.core = Core(self._options, Clock(speed))
        self._servers: list[StreamServer] = []
        self._sockets: set[socket.socket] = set()

    @property
    def port(self) -> int:
        """TCP port of the event socket."""
        return int(self._servers[0].server_port)

    @property
    def control_port(self) -> int:
        """TCP port of the control interface."""
        return int(self._servers[1].server_port)

    def start(self) -> None:
        """Listen and run. Raises `OSError` when a port is taken."""
        self.core = Core(self._options, Clock(self._speed))
        port, control_port = self._wanted
        self._servers = [
            StreamServer((_LOOPBACK, port), self._serve_events),
            StreamServer((_LOOPBACK, control_port), self._serve_control),
        ]
        for server in self._servers:
            server.start()
        self.core.spawn(self.core.table.run)
        self.core.spawn(self._beat)

    def stop(self) -> None:
        """Stop as the switch does when asked to: calls are hung up, their records written, listeners told."""
        core = self.core
        core.fire("SHUTDOWN", extra={"Event-Info": "System Shutting Down"})
        for session in list(core.sessions.values()):
            session.hang_up("SYSTEM_SHUTDOWN")
        with gevent.Timeout(_STOP_S, False):
            gevent.joinall(
                [session.thread for session in list(core.sessions.values()) if session.thread is not None]
            )
        gevent.sleep(0.05)
        self.kill()

    def kill(self) -> None:
        """End at once, as a killed process would: calls are gone without an event or a record."""
        for server in self._servers:
            server.stop(timeout=0)
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.core.stop()

    def serve_forever(self) -> None:
        """Run until killed or stopped from another greenlet."""
        self._servers[0].serve_forever()

    def _beat(self) -> None:
        while True:
            self.core.clock.sleep(self._options.heartbeat_s)
            self.core.fire("HEARTBEAT", extra=heartbeat_headers(self.core))

    def _serve_events(self, sock: socket.socket, _address: object) -> None:
        with self._kept(sock):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Connection(self.core, sock, self._password).serve()

    def _serve_control(self, sock: socket.socket, _address: object) -> None:
        with self._kept(sock):
            control_server.serve(self.core, sock)

    @contextlib.contextmanager
    def _kept(self, sock: socket.socket) -> Iterator[None]:
        self._sockets.add(sock)
        try:
            yield
        finally:
            self._sockets.discard(sock)
