"""A small page on loopback for a process that serves no other: ``/healthz`` and ``/metrics``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry

from core.metrics import CONTENT_TYPE, exposition


def serve(port: int, registry: CollectorRegistry, problem: Callable[[], str]) -> ThreadingHTTPServer:
    """Serve in a thread of its own until ``shutdown()``; `problem` returns why the process is unwell, or ``""``.

    Raises ``OSError`` when the port cannot be had.
    """

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE, exposition(registry))
            elif self.path == "/healthz":
                why = problem()
                self._answer(503 if why else 200, "text/plain; charset=utf-8", f"{why or 'ok'}\n".encode())
            else:
                self._answer(404, "text/plain; charset=utf-8", b"no such page\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Scrapes are not worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="status-page", daemon=True).start()
    return server
