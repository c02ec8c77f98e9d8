"""The whole platform as its users start it (``zongji run``), in a folder and on ports of the test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import redis as redis_py

from tests.support import clock

ROOT = Path(__file__).resolve().parents[3]
FIRST_PORT = 19630
RTP_FIRST = 46400
COMPANY = "demo"
PASSWORD = "zongji-demo"
NUMBER = "4008001000"
"""What callers of the demo tenant dial."""


class Stack:
    """``zongji run`` as a child process."""

    def __init__(
        self,
        home: Path,
        switch: str,
        *,
        first_port: int = FIRST_PORT,
        rtp_first: int = RTP_FIRST,
        **more: str,
    ) -> None:
        """`more` are settings by their names in `core.settings`."""
        self.home = home
        self.switch = switch
        self.switch_port, self.control_port, self.web_port = first_port, first_port + 1, first_port + 2
        ports = {
            "SWITCH_PORT": self.switch_port,
            "SIMULATOR_CONTROL_PORT": self.control_port,
            "WEB_PORT": self.web_port,
            "METRICS_PORT": first_port + 3,
            "SHIPPER_METRICS_PORT": first_port + 8,
            "SCHEDULER_METRICS_PORT": first_port + 9,
            "SIP_AGENT_PORT": first_port + 4,
            "SIP_CARRIER_PORT": first_port + 5,
            "SIP_WS_PORT": first_port + 6,
            "SIP_WSS_PORT": first_port + 7,
            "RTP_PORT_FIRST": rtp_first,
            "RTP_PORT_LAST": rtp_first + 200,
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ZONGJI_")}
        self.environment = {
            **kept,
            **{f"ZONGJI_{name}": str(port) for name, port in ports.items()},
            "ZONGJI_HOME": str(home),
            "ZONGJI_SWITCH": switch,
            # How fast this machine is decides nothing here: no caller is turned away because it is late.
            "ZONGJI_SWITCH_MAX_LAG_MS": "0",
            **{f"ZONGJI_{name.upper()}": value for name, value in more.items()},
        }
        self.url = f"http://127.0.0.1:{self.web_port}"
        self._log = (home.parent / "run.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zongji", "run"],
            cwd=ROOT,
            env=self.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        deadline = clock.now_s() + 150
        while clock.now_s() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                    if answer.status == 200 and self.switch_connected():
                        return
            except (urllib.error.URLError, OSError, redis_py.RedisError):
                pass
            time.sleep(0.2)
        raise RuntimeError(
            "zongji did not start: " + Path(self._log.name).read_text(errors="replace")[-3000:]
        )

    def stop(self) -> None:
        """End everything, politely first."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def redis(self) -> redis_py.Redis:
        """Return a client of the platform's Redis."""
        return redis_py.Redis(unix_socket_path=str(self.home / "redis" / "redis.sock"), socket_timeout=5)

    def switch_connected(self) -> bool:
        """Return whether the controller says that it drives the switch."""
        client = self.redis()
        try:
            return bool(client.hget("zj:cell:cell1", "connected") == b"1")
        finally:
            client.close()

    def event_socket_password(self) -> str:
        """Return the generated password of the event socket."""
        return (self.home / "secrets" / "event-socket").read_text().strip()

    def sip_user(self, extension: str) -> str:
        """Return the SIP phone's user of the extension with this number."""
        client = self.redis()
        try:
            for field, document in client.hgetall("zj:docs").items():
                found = json.loads(document)
                if field.startswith(b"extension:") and found["number"] == extension:
                    return str(found["sip_user"])
        finally:
            client.close()
        raise LookupError(extension)

    def live_events(self, kind: str) -> list[tuple[int, dict[str, Any]]]:
        """Return all live events of a kind: when Redis took them (ms) and what they say."""
        client = self.redis()
        try:
            found: list[tuple[int, dict[str, Any]]] = []
            for key in client.keys("zj:*:live"):
                for entry_id, fields in client.xrange(key):
                    if fields[b"type"].decode() == kind:
                        found.append((int(entry_id.split(b"-")[0]), json.loads(fields[b"data"])))
            return found
        finally:
            client.close()
