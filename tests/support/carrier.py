"""A carrier for trunks: a FreeSWITCH a trunk registers at; it takes calls, and calls through the registration."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

from tests.support.cell import free_port, wait_for

FREESWITCH = Path(os.environ.get("ZONGJI_FREESWITCH_HOME", "/usr/local/freeswitch"))
PASSWORD = "carrier-socket"
DOMAIN = "carrier.invalid"
MODULES = (
    "mod_event_socket",
    "mod_commands",
    "mod_dptools",
    "mod_dialplan_xml",
    "mod_sofia",
    "mod_tone_stream",
)

CONFIGURATION = """<document type="freeswitch/xml"><section name="configuration">
<configuration name="modules.conf"><modules>{modules}</modules></configuration>
<configuration name="post_load_modules.conf"><modules/></configuration>
<configuration name="switch.conf"><settings><param name="rtp-start-port" value="{rtp}"/>
<param name="rtp-end-port" value="{rtp_end}"/><param name="core-db-name" value="{folder}/core.db"/>
<param name="loglevel" value="warning"/></settings></configuration>
<configuration name="event_socket.conf"><settings><param name="listen-ip" value="127.0.0.1"/>
<param name="listen-port" value="{port}"/><param name="password" value="{socket_password}"/></settings></configuration>
<configuration name="sofia.conf"><profiles><profile name="carrier"><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/><param name="sip-port" value="{sip}"/>
<param name="context" value="lines"/><param name="dialplan" value="XML"/><param name="auth-calls" value="false"/>
<param name="rtp-timer-name" value="soft"/><param name="inbound-codec-prefs" value="PCMA,PCMU"/>
<param name="outbound-codec-prefs" value="PCMA,PCMU"/><param name="manage-presence" value="false"/>
<param name="challenge-realm" value="{domain}"/><param name="force-register-domain" value="{domain}"/>
<param name="force-register-db-domain" value="{domain}"/><param name="accept-blind-reg" value="false"/>
<param name="user-agent-string" value="Carrier"/>
</settings></profile></profiles></configuration></section>
<section name="directory"><domain name="{domain}"><user id="{user}"><params>
<param name="password" value="{password}"/></params></user></domain></section>
<section name="dialplan"><context name="lines"><extension name="answer"><condition>
<action application="answer"/><action application="playback" data="tone_stream://%(1000,0,440);loops=-1"/>
</condition></extension></context></section></document>"""


class Carrier:
    """The program, with one account."""

    def __init__(self, folder: Path, *, user: str, password: str) -> None:
        self.folder = folder / "carrier"
        self.folder.mkdir()
        self.user = user
        self.port, self.sip = free_port(), free_port()
        self._write(password)
        for name in ("log", "db", "run"):
            (self.folder / name).mkdir()
        where = [word for name in ("log", "db", "run") for word in (f"-{name}", str(self.folder / name))]
        with (self.folder / "console").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    FREESWITCH / "bin" / "freeswitch",
                    "-nf",
                    "-nonat",
                    "-nc",
                    "-conf",
                    str(self.folder),
                    *where,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(lambda: "RUNNING" in self.api("sofia status"), 60, "the carrier does not start")

    def _write(self, password: str) -> None:
        rtp = 30_000 + (self.port % 100) * 100
        text = CONFIGURATION.format(
            modules="".join(f'<load module="{name}"/>' for name in MODULES),
            rtp=rtp,
            rtp_end=rtp + 500,
            folder=self.folder,
            port=self.port,
            socket_password=PASSWORD,
            sip=self.sip,
            domain=DOMAIN,
            user=self.user,
            password=password,
        )
        (self.folder / "freeswitch.xml").write_text(text)

    def set_password(self, password: str) -> None:
        """Give the account another password."""
        self._write(password)
        self.api("reloadxml")

    def registered(self) -> bool:
        """Return whether the account is registered."""
        return f"{self.user}@{DOMAIN}" in self.api("sofia status profile carrier reg")

    def call_registered(self, called: str, caller: str) -> str:
        """Call through the registration, the called number in To; returns the leg."""
        return self._originate(f"sofia/carrier/{self.user}@{DOMAIN}", called, caller)

    def call_address(self, address: str, called: str, caller: str) -> str:
        """Call a number at ``host:port``; returns the leg."""
        return self._originate(f"sofia/carrier/sip:{called}@{address}", called, caller)

    def _originate(self, target: str, called: str, caller: str) -> str:
        leg = str(uuid.uuid4())
        contact = self.api(f"sofia_contact carrier/{self.user}@{DOMAIN}") if "/sip:" not in target else target
        variables = (
            f"origination_uuid={leg},origination_caller_id_number={caller},ignore_early_media=true,"
            f"sip_invite_to_uri=<sip:{called}@{DOMAIN}>"
        )
        self.api(f"bgapi originate {{{variables}}}{contact} &playback(tone_stream://%(1000,0,440);loops=-1)")
        return leg

    def legs(self) -> int:
        """Return how many legs are up."""
        return int(self.api("show channels count").split()[0] or 0)

    def alive(self, leg: str) -> bool:
        """Return whether a leg is up."""
        return self.api(f"uuid_exists {leg}") == "true"

    def api(self, command: str) -> str:
        """Run an api command."""
        done = subprocess.run(
            [
                FREESWITCH / "bin" / "fs_cli",
                *("-H", "127.0.0.1", "-P", str(self.port), "-p", PASSWORD, "-x", command),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
