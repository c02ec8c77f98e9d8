"""Asks a switch's event socket a few questions, plainly and without gevent: for `zongji doctor`."""

from __future__ import annotations

import socket

from cti.esl.codec import Decoder, Frame, Kind
from cti.esl.commands import hello

TIMEOUT_S = 3.0


class ProbeError(Exception):
    """The switch cannot be asked; `kind` says why."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        """``unreachable``, ``refused`` (the password) or ``garbled``."""


class SwitchProbe:
    """One connection, for questions one after the other."""

    def __init__(self, host: str, port: int, password: str) -> None:
        self._frames: list[Frame] = []
        self._decoder = Decoder()
        try:
            self._socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        except OSError as error:
            raise ProbeError("unreachable", str(error)) from None
        try:
            if self._next().kind is not Kind.AUTH_REQUEST:
                raise ProbeError("garbled", "it does not ask for a password")
            self._socket.sendall(hello(password))
            if not self._next().header("Reply-Text").startswith("+OK"):
                raise ProbeError("refused", "the password is wrong")
        except BaseException:
            self.close()
            raise

    def ask(self, question: str) -> str:
        """Return the answer of an ``api`` command of ours (no typed value may be in it). Raises :class:`ProbeError`."""
        self._send(f"api {question}\n\n".encode("ascii"))
        while True:
            frame = self._next()
            if frame.kind is Kind.API_RESPONSE:
                return frame.body.decode("utf-8", "replace")

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def __enter__(self) -> SwitchProbe:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ProbeError("unreachable", str(error)) from None

    def _next(self) -> Frame:
        while not self._frames:
            try:
                data = self._socket.recv(65536)
            except OSError as error:
                raise ProbeError("unreachable", str(error)) from None
            if not data:
                raise ProbeError("unreachable", "the switch closed the connection")
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)
