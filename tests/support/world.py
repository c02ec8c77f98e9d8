"""The world outside a cell, played by a second FreeSWITCH: the carrier that sends calls and the agents' SIP phones.

Every phone and caller plays a tone and records what it hears, so that who hears whom is measured by frequency.
The switch's directory is answered by a small web server here, with the documents the platform itself makes.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

import numpy as np

from core.settings import Settings
from cti.directory import DirectoryUser, a1_hash, not_found_document, user_document
from tests.support.cell import free_port, wait_for

FREESWITCH = Path(os.environ.get("ZONGJI_FREESWITCH_HOME", "/usr/local/freeswitch"))
PASSWORD = "world-of-phones"
MODULES = (
    *("mod_event_socket", "mod_commands", "mod_dptools", "mod_dialplan_xml", "mod_sofia", "mod_hash"),
    *("mod_sndfile", "mod_native_file", "mod_tone_stream"),
)

CONFIGURATION = """<document type="freeswitch/xml"><section name="configuration">
<configuration name="modules.conf"><modules>{modules}</modules></configuration>
<configuration name="post_load_modules.conf"><modules/></configuration>
<configuration name="switch.conf"><settings><param name="rtp-start-port" value="{rtp}"/>
<param name="rtp-end-port" value="{rtp_end}"/><param name="core-db-name" value="{folder}/core.db"/>
<param name="loglevel" value="warning"/><param name="max-sessions" value="2000"/>
<param name="sessions-per-second" value="500"/></settings></configuration>
<configuration name="event_socket.conf"><settings><param name="listen-ip" value="127.0.0.1"/>
<param name="listen-port" value="{port}"/><param name="password" value="{password}"/></settings></configuration>
<configuration name="sofia.conf"><profiles><profile name="world"><gateways>{gateways}</gateways><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/><param name="sip-port" value="{sip}"/>
<param name="context" value="phones"/><param name="dialplan" value="XML"/><param name="auth-calls" value="false"/>
<param name="rtp-timer-name" value="soft"/><param name="codec-prefs" value="PCMU,PCMA"/>
<param name="inbound-codec-prefs" value="PCMU,PCMA"/><param name="outbound-codec-prefs" value="PCMU,PCMA"/>
<param name="rfc2833-pt" value="101"/><param name="manage-presence" value="false"/>
</settings></profile></profiles></configuration></section>
<section name="dialplan"><context name="phones">
<extension name="answer"><condition field="destination_number" expression="^answer-(\\d+)$">
<action application="answer"/>
<action application="playback" data="tone_stream://%(1000,0,$1);loops=-1"/></condition></extension>
<extension name="early"><condition field="destination_number" expression="^early-(\\d+)$">
<action application="pre_answer"/>
<action application="playback" data="tone_stream://%(1000,0,$1);loops=-1"/></condition></extension>
<extension name="ring"><condition>
<action application="ring_ready"/><action application="park"/></condition></extension></context></section></document>"""


class Place(Protocol):
    """What the world knows of the platform it is outside of: a folder for its own files, and the settings."""

    @property
    def folder(self) -> Path:
        """Where it makes a folder of its own."""

    @property
    def settings(self) -> Settings:
        """Whose ports it calls."""


class World:
    """A second FreeSWITCH with one SIP profile."""

    def __init__(
        self, cell: Place, users: tuple[str, ...], *, passwords: Mapping[str, str] | None = None
    ) -> None:
        """`passwords` are those of the phones where the platform's own web answers the switch's look-ups; without
        them the directory is served here, at the web's port.
        """
        self.cell = cell
        self.folder = cell.folder / "world"
        self.folder.mkdir()
        self.port, self.sip = free_port(), free_port()
        self.passwords = {user: f"pw-{user}" for user in users} if passwords is None else dict(passwords)
        self._picked_up: set[str] = set()
        self._directory = self._serve_directory() if passwords is None else None
        self._process = self._start()

    # --- directory --------------------------------------------------------------------------------------------------

    def _serve_directory(self) -> http.server.ThreadingHTTPServer:
        domain, passwords = self.cell.settings.sip_domain, self.passwords

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
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.cell.settings.web_port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    # --- the program ------------------------------------------------------------------------------------------------

    def _start(self) -> subprocess.Popen[bytes]:
        settings = self.cell.settings
        gateways = "".join(
            f'<gateway name="{user}"><param name="username" value="{user}"/><param name="password" value="{password}"/>'
            f'<param name="realm" value="{settings.sip_domain}"/>'
            f'<param name="from-domain" value="{settings.sip_domain}"/>'
            f'<param name="proxy" value="127.0.0.1:{settings.sip_agent_port}"/><param name="register" value="true"/>'
            f'<param name="expire-seconds" value="600"/><param name="retry-seconds" value="2"/></gateway>'
            for user, password in self.passwords.items()
        )
        rtp = 40_000 + (self.port % 100) * 200
        text = CONFIGURATION.format(
            modules="".join(f'<load module="{name}"/>' for name in MODULES),
            rtp=rtp,
            rtp_end=rtp + 2000,
            folder=self.folder,
            port=self.port,
            password=PASSWORD,
            sip=self.sip,
            gateways=gateways,
        )
        (self.folder / "freeswitch.xml").write_text(text)
        for name in ("log", "db", "run"):
            (self.folder / name).mkdir()
        where = [word for name in ("log", "db", "run") for word in (f"-{name}", str(self.folder / name))]
        log = (self.folder / "console").open("wb")
        process = subprocess.Popen(
            [FREESWITCH / "bin" / "freeswitch", "-nf", "-nonat", "-nc", "-conf", str(self.folder), *where],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        wait_for(lambda: "UP" in self.api("status", check=False), 60, "the second FreeSWITCH does not start")
        wait_for(lambda: "world" in self.api("sofia status", check=False), 60, "no SIP profile")
        return process

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        if self._directory is not None:
            self._directory.shutdown()
            self._directory.server_close()

    def api(self, command: str, *, check: bool = True) -> str:
        """Run an api command."""
        program = FREESWITCH / "bin" / "fs_cli"
        done = subprocess.run(
            [program, "-H", "127.0.0.1", "-P", str(self.port), "-p", PASSWORD, "-x", command],
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    # --- phones and callers -----------------------------------------------------------------------------------------

    def register(self, user: str) -> None:
        """Register a phone at the cell."""
        self.api(f"sofia profile world register {user}")
        wait_for(lambda: "REGED" in self.api(f"sofia status gateway {user}"), 15, f"{user} does not register")

    def unregister(self, user: str) -> None:
        """Unregister a phone."""
        self.api(f"sofia profile world unregister {user}")

    def legs(self) -> list[dict[str, str]]:
        """Return the legs of the world's side."""
        rows: list[dict[str, str]] = json.loads(self.api("show channels as json")).get("rows", [])
        return rows

    def ringing(self, user: str) -> str:
        """Wait until a phone rings and return its leg."""

        def found() -> str:
            return next(
                (
                    row["uuid"]
                    for row in self.legs()
                    if row["direction"] == "inbound"
                    and row["dest"] == user
                    and row["callstate"] in ("RINGING", "EARLY")
                    and row["uuid"] not in self._picked_up
                    and self.alive(row["uuid"])
                ),
                "",
            )

        return wait_for(found, 15, f"{user} does not ring")

    def answer(self, user: str, hz: int) -> str:
        """Pick up the ringing phone; it plays its tone and records what it hears."""
        leg = self.ringing(user)
        self._picked_up.add(leg)
        self.api(f"uuid_transfer {leg} answer-{hz} XML phones")
        return leg

    def pick_up(self, leg: str, hz: int) -> None:
        """Answer a leg that rings."""
        self._picked_up.add(leg)
        self.api(f"uuid_transfer {leg} answer-{hz} XML phones")

    def announce(self, leg: str, hz: int) -> None:
        """Send early media on a leg that rings."""
        self.api(f"uuid_transfer {leg} early-{hz} XML phones")

    def call(
        self, number: str, caller: str, hz: int, *, keys: str = "rfc2833", header: tuple[str, str] = ("", "")
    ) -> str:
        """Call the cell as the carrier; the caller plays its tone once answered. `keys` are sent as ``rfc2833`` or by
        SIP ``info``; `header` is one of the invitation's own, such as ``X-Any``, with its value.
        """
        leg = str(uuid.uuid4())
        target = f"sofia/world/{number}@127.0.0.1:{self.cell.settings.sip_carrier_port}"
        variables = f"origination_uuid={leg},origination_caller_id_number={caller},ignore_early_media=true"
        variables += f",dtmf_type={keys},api_hangup_hook='hash insert/ended/{leg}/yes'"
        variables += f",sip_h_{header[0]}={header[1]}" if header[0] else ""
        self.api(f"bgapi originate {{{variables}}}{target} answer-{hz} XML phones")
        return leg

    def ended(self, leg: str) -> bool:
        """Return whether a call of ours is over; one that is refused at once may be so before it is seen alive."""
        return self.api(f"hash select/ended/{leg}") == "yes"

    def listen(self, leg: str, seconds: float) -> Path:
        """Record what a leg hears for some seconds."""
        path = self.folder / f"{leg}-{time.monotonic_ns()}.wav"
        self.api(f"uuid_setvar {leg} RECORD_READ_ONLY true")
        self.api(f"uuid_record {leg} start {path}")
        time.sleep(seconds)
        self.api(f"uuid_record {leg} stop {path}")
        return path

    def press(self, leg: str, keys: str) -> None:
        """Press keys, in the way the call was made with."""
        self.api(f"uuid_send_dtmf {leg} {keys}")

    def hang_up(self, leg: str, cause: str = "NORMAL_CLEARING") -> None:
        """End a leg from its own side, and wait until it has: what is listed may be gone already, or going."""
        self.api(f"uuid_kill {leg} {cause}")
        wait_for(lambda: not self.alive(leg), 10, "a leg of the outside does not end")

    def alive(self, leg: str) -> bool:
        """Return whether a leg is up at the world's side."""
        return self.api(f"uuid_exists {leg}") == "true"


def loudness(path: Path, hz: int, channel: int = 0) -> float:
    """Return the level of a tone in a 16-bit WAV file, in dB below full scale."""
    import wave

    with wave.open(str(path)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, channels)
    signal = samples[:, channel].astype(np.float64) / 32768
    if not len(signal):
        return -120.0
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal)))) / (len(signal) / 4)
    around = spectrum[int((hz - 15) * len(signal) / rate) : int((hz + 15) * len(signal) / rate) + 1]
    return float(20 * np.log10(max(around.max(initial=0.0), 1e-6)))
