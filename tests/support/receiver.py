"""A webhook receiver: a real HTTP server on loopback that keeps what it got and answers as it is told."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    at: float


class Receiver:
    """The server. `status` is called with each request and says what is answered."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.status: Callable[[Got], int] = lambda got: 200
        self.body = b"thank you"
        self.more_headers: dict[str, str] = {}
        self.drip_s = 0.0
        """Pause after each byte of the answer's body."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(path=self.path, headers=headers, body=body, at=time.monotonic())
                receiver.got.append(got)
                self.send_response(receiver.status(got))
                for name, value in receiver.more_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self._write_body()

            def _write_body(self) -> None:
                try:
                    if not receiver.drip_s:
                        self.wfile.write(receiver.body)
                        return
                    for byte in receiver.body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(receiver.drip_s)
                except OSError:
                    """The caller had enough."""

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Yield a receiver that listens."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
