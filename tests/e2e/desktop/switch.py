"""A real FreeSWITCH with the platform's own configuration, for the softphone alone: no controller, no web.

The test speaks to it over its event socket with a client of its own; a directory server answers its look-ups.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

from core.settings import Settings
from cti.directory import CONTENT_TYPE, DirectoryUser, a1_hash, not_found_document, user_document
from freeswitch_conf.layout import Sounds, command
from freeswitch_conf.render import write
from tests.support import clock

EVENT_SOCKET_PORT = 19600
AGENT_PORT = 19601
CARRIER_PORT = 19602
WS_PORT = 19603
DIRECTORY_PORT = 19604
RTP_FIRST = 46000
DOMAIN = "softphone.invalid"
USER = "web-1001"
PASSWORD = "for-this-test-only"


class Directory:
    """Answers the switch's look-ups of the one user."""

    def __init__(self) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                form = urllib.parse.parse_qs(self.rfile.read(length).decode())
                known = form.get("user") == [USER]
                hashed = a1_hash(USER, DOMAIN, PASSWORD)
                user = DirectoryUser(user=USER, domain=DOMAIN, a1_hash=hashed)
                body = (user_document(user) if known else not_found_document()).encode()
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", DIRECTORY_PORT), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class EventSocket:
    """One connection to the switch: commands with their answers, and the keys it reports in between."""

    def __init__(self, password: str, port: int = EVENT_SOCKET_PORT) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self._socket.makefile("rb")
        self.keys = ""
        self._frame()
        self._ask(f"auth {password}")
        self._ask("event plain DTMF")

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def api(self, line: str) -> str:
        """Return the answer to an ``api`` command."""
        return self._ask(f"api {line}", "api/response")

    def wait_for_keys(self, wanted: str, timeout_s: float = 20) -> str:
        """Read until `wanted` keys were reported, and return what was."""
        deadline = clock.now_s() + timeout_s
        while self.keys != wanted and clock.now_s() < deadline:
            self.api("status")
            time.sleep(0.1)
        return self.keys

    def _ask(self, line: str, kind: str = "command/reply") -> str:
        self._socket.sendall(f"{line}\n\n".encode())
        while True:
            headers, body = self._frame()
            if headers.get("Content-Type") == kind:
                return body.strip() or headers.get("Reply-Text", "")

    def _frame(self) -> tuple[dict[str, str], str]:
        headers = {}
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name] = value
        body = self._file.read(int(headers.get("Content-Length", "0"))).decode()
        if headers.get("Content-Type") == "text/event-plain":
            event = dict(row.partition(": ")[::2] for row in body.splitlines())
            self.keys += urllib.parse.unquote(event.get("DTMF-Digit", ""))
        return headers, body


class RealSwitch:
    """FreeSWITCH as a child process."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(
            home=folder,
            switch_port=EVENT_SOCKET_PORT,
            sip_domain=DOMAIN,
            sip_agent_port=AGENT_PORT,
            sip_carrier_port=CARRIER_PORT,
            sip_ws_port=WS_PORT,
            rtp_port_first=RTP_FIRST,
            rtp_port_last=RTP_FIRST + 200,
            web_port=DIRECTORY_PORT,
            log_level="info",
        )
        where = write(self.settings, Sounds())
        self.directory = Directory()
        self._process = subprocess.Popen(
            command(self.settings, where), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.socket = self._connect()

    def stop(self) -> None:
        """End the switch at once; no call of a test outlives it."""
        self.socket.close()
        os.kill(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.directory.stop()

    def _connect(self) -> EventSocket:
        deadline = clock.now_s() + 60
        while True:
            try:
                found = EventSocket(self.settings.effective_switch_password)
                if "UP" in found.api("status"):
                    return found
                found.close()
            except OSError:
                pass
            if clock.now_s() > deadline or self._process.poll() is not None:
                raise RuntimeError("the switch did not start")
            time.sleep(0.2)

    def contact(self) -> str:
        """Return where the phone is registered, as a dial string; empty when it is not."""
        answer = self.socket.api(f"sofia_contact agents/{USER}@{DOMAIN}")
        return "" if answer.startswith("error") else answer

    def call(self, leg_id: str, hears_hz: int) -> None:
        """Ring the phone; who answers hears a tone."""
        variables = ",".join(
            [
                f"origination_uuid={leg_id}",
                f"sip_h_X-Zongji-Leg={leg_id}",
                "origination_caller_id_number=+8613800138000",
                "RECORD_STEREO=true",
                "playback_terminators=none",
            ]
        )
        tone = f"playback(tone_stream://%(60000,0,{hears_hz}))"
        self.socket.api(f"bgapi originate {{{variables}}}{self.contact()} &{tone}")

    def is_up(self, leg_id: str) -> bool:
        """Return whether the leg lives."""
        return self.socket.api(f"uuid_exists {leg_id}") == "true"

    def answered(self, leg_id: str) -> bool:
        """Return whether the leg was answered."""
        return "Answer-State: answered" in self.socket.api(f"uuid_dump {leg_id}")


class CuttableProxy:
    """Between browser and switch: a TCP connection that can be cut, and refused until mended."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.broken = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut what is open and refuse what comes."""
        self.broken = True
        with self._lock:
            for each in self._open:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def mend(self) -> None:
        """Let connections through again."""
        self.broken = False

    def close(self) -> None:
        """End for good."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.broken:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._target_port))
            with self._lock:
                self._open |= {client, server}
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open -= {source, sink}
            for each in (source, sink):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
