"""Callers and agents' phones, played by sipp: light, so that the switch's core is the one that is full.

A caller presses its key 200 ms after the answer, while the prompt plays; a phone answers at once and hangs up after
:data:`TALK_MS`. Neither sends speech: what is measured is the handling of calls, and media would cost both sides of
the comparison the same.
"""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from core.settings import Settings
from cti.directory import CONTENT_TYPE, DirectoryUser, a1_hash, not_found_document, user_document
from tests.support.cell import NUMBER, free_port

PRESS_AFTER_MS = 200
TALK_MS = 500
KEYS = Path("/usr/share/sip-tester")
"""Where sipp's package has its recorded RFC 2833 keys."""
SCENARIOS = Path(__file__).parent / "sipp"
HOST = "127.0.0.1"


@contextmanager
def directory(settings: Settings, passwords: dict[str, str]) -> Iterator[None]:
    """Answer the switch's look-ups of SIP users, where `web` would."""
    domain = settings.sip_domain

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            user = form.get("user", [""])[0]
            body = not_found_document()
            if user in passwords:
                hashed = a1_hash(user, domain, passwords[user])
                body = user_document(DirectoryUser(user=user, domain=domain, a1_hash=hashed))
            data = body.encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer((settings.web_host, settings.web_port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class Phones:
    """The agents' phones: one sipp, one address, a SIP user each."""

    def __init__(self, settings: Settings, folder: Path, users: Sequence[str]) -> None:
        self._settings = settings
        self._folder = folder
        self._users = users
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def contacts(self) -> list[str]:
        """Where the switch reaches each phone."""
        return [f"sip:{user}@{HOST}:{self._port}" for user in self._users]

    def register(self) -> None:
        """Register all phones at the agents' profile, as phones do. Raises when one is refused."""
        passwords = {user: f"pw-{user}" for user in self._users}
        lines = [f"{u};[authentication username={u} password={p}]" for u, p in passwords.items()]
        (self._folder / "users.csv").write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n")
        domain = self._settings.sip_domain
        with directory(self._settings, passwords):
            words = _sipp("register", self._folder, self._port, self._settings.sip_agent_port)
            words += ["-inf", str(self._folder / "users.csv"), "-key", "domain", domain]
            words += ["-m", str(len(self._users)), "-r", "40", "-l", "10"]
            subprocess.run(words, check=True, cwd=self._folder, stdout=subprocess.DEVNULL, timeout=60)

    def start(self) -> None:
        """Answer calls from now on."""
        words = [*_sipp("agent", self._folder, self._port), "-mp", str(free_port())]
        self._process = _start(words, self._folder)

    def stop(self) -> None:
        """Put the phones away."""
        if self._process is not None:
            _end(self._process)


class Callers:
    """A closed loop of `lines` callers: who is let go calls again."""

    def __init__(self, settings: Settings, folder: Path, lines: int) -> None:
        words = _sipp("caller", folder, free_port(), settings.sip_carrier_port)
        words += ["-s", NUMBER, "-mp", str(free_port()), "-l", str(lines), "-r", str(lines), "-rp", "1000"]
        self._process = _start(words, folder)

    @property
    def alive(self) -> bool:
        """Whether they still call."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Call no more."""
        _end(self._process)


def _sipp(scenario: str, folder: Path, port: int, target: int = 0) -> list[str]:
    """Return the words that start sipp with one of our scenarios."""
    text = (SCENARIOS / f"{scenario}.xml").read_text()
    text = text.replace("PRESS_AFTER_MS", str(PRESS_AFTER_MS)).replace("TALK_MS", str(TALK_MS))
    path = folder / f"{scenario}.xml"
    path.write_text(text.replace("KEY_FILE", str(KEYS / "dtmf_2833_1.pcap")))
    words = ["sipp", "-sf", str(path), "-i", HOST, "-p", str(port), "-nostdin", "-trace_err"]
    return [*words, f"{HOST}:{target}"] if target else words


def _start(words: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
