"""A real FreeSWITCH for the conformance suite: minimal configuration, own ports, own folder, gone afterwards.

The configuration is deliberately not the platform's (`freeswitch_conf`): the suite compares the *switch* with its
stand-in, and must not pass or fail because of what the platform happens to configure.

One process plays every role. Profile ``carrier`` receives calls as from a trunk; ``agents`` is where phones register;
``outside`` is the world: it places the calls that ``carrier`` receives, and its gateway ``1000`` is a registered phone.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.conformance.switch.driver import Connection
from tests.support import clock

PASSWORD = "conformance"
EVENT_SOCKET_PORT = 19201
CARRIER_PORT = 19211
OUTSIDE_PORT = 19212
AGENTS_PORT = 19213
DOMAIN = "conformance.invalid"
FALLBACK_AFTER_S = 3
_VARIABLES = {
    "RECORD_STEREO": "true",
    "hangup_after_bridge": "true",
    "media_hold_timeout": "1800000",
    "media_timeout": "300000",
    "playback_terminators": "none",
    "zj_call": "${uuid}",
    "zj_leg": "customer",
}

_PARKING = '<action application="multiset" data="^^;{}"/>'.format(
    ";".join(f"{name}={value}" for name, value in sorted(_VARIABLES.items()))
)
"""One application sets what the simulator's dialplan sets, in its order."""

_CONFIGURATION = """<?xml version="1.0"?>
<document type="freeswitch/xml">
<section name="configuration">
 <configuration name="switch.conf"><settings>
  <param name="loglevel" value="warning"/><param name="max-sessions" value="200"/>
  <param name="sessions-per-second" value="200"/>
  <param name="rtp-start-port" value="19220"/><param name="rtp-end-port" value="19299"/>
 </settings></configuration>
 <configuration name="modules.conf"><modules>
  <load module="mod_logfile"/><load module="mod_commands"/><load module="mod_dptools"/><load module="mod_sofia"/>
  <load module="mod_loopback"/><load module="mod_event_socket"/><load module="mod_json_cdr"/>
  <load module="mod_sndfile"/>
  <load module="mod_tone_stream"/><load module="mod_local_stream"/><load module="mod_dialplan_xml"/>
 </modules></configuration>
 <configuration name="logfile.conf"><profiles><profile name="default"><settings/>
  <mappings><map name="all" value="warning,err,crit,alert"/></mappings></profile></profiles></configuration>
 <configuration name="event_socket.conf"><settings>
  <param name="listen-ip" value="127.0.0.1"/><param name="listen-port" value="{event_socket}"/>
  <param name="password" value="{password}"/></settings></configuration>
 <configuration name="json_cdr.conf"><settings>
  <param name="log-b-leg" value="true"/><param name="prefix-a-leg" value="false"/>
  <param name="encode-values" value="true"/><param name="log-dir" value="{base}/cdr"/></settings></configuration>
 <configuration name="local_stream.conf"><directory name="moh" path="{base}/sounds">
  <param name="rate" value="8000"/><param name="channels" value="1"/><param name="interval" value="20"/>
  <param name="timer-name" value="soft"/></directory></configuration>
 <configuration name="sofia.conf"><global_settings/><profiles>
  <profile name="carrier"><settings>{common}
   <param name="sip-port" value="{carrier}"/><param name="context" value="inbound"/>
   <param name="auth-calls" value="false"/></settings></profile>
  <profile name="outside"><gateways><gateway name="1000">
    <param name="username" value="1000"/><param name="password" value="secret"/><param name="realm" value="{domain}"/>
    <param name="from-domain" value="{domain}"/><param name="proxy" value="127.0.0.1:{agents}"/>
    <param name="register-proxy" value="127.0.0.1:{agents}"/><param name="expire-seconds" value="600"/>
    <param name="register" value="true"/><param name="retry-seconds" value="1"/></gateway></gateways><settings>{common}
   <param name="sip-port" value="{outside}"/><param name="context" value="outside"/>
   <param name="auth-calls" value="false"/></settings></profile>
  <profile name="agents"><settings>{common}
   <param name="sip-port" value="{agents}"/><param name="context" value="agents"/>
   <param name="auth-calls" value="true"/><param name="force-register-domain" value="{domain}"/>
   <param name="force-register-db-domain" value="{domain}"/></settings></profile>
 </profiles></configuration>
</section>
<section name="dialplan">
 <context name="inbound"><extension name="park"><condition>{parking}
  <action application="sched_transfer" data="+{fallback_after} fallback XML zongji"/>
  <action application="park"/>
 </condition></extension></context>
 <context name="zongji"><extension name="fallback"><condition field="destination_number" expression="^fallback$">
  <action application="set" data="zj_fallback=true"/><action application="pre_answer"/>
  <action application="sleep" data="300"/><action application="playback" data="{base}/sounds/short.wav"/>
  <action application="sleep" data="400"/>
  <action application="hangup" data="NORMAL_TEMPORARY_FAILURE"/></condition></extension></context>
 <context name="outside"><extension name="phone"><condition field="destination_number" expression="^.*$">
  <action application="execute_extension" data="${{global_getvar(phone_does)}} XML behaviours"/>
 </condition></extension></context>
 <context name="behaviours">
  <extension name="answer"><condition field="destination_number" expression="^answer$">
   <action application="ring_ready"/><action application="sleep" data="150"/><action application="answer"/>
   <action application="park"/></condition></extension>
  <extension name="ring"><condition field="destination_number" expression="^ring$">
   <action application="ring_ready"/><action application="park"/></condition></extension>
  <extension name="busy"><condition field="destination_number" expression="^busy$">
   <action application="hangup" data="USER_BUSY"/></condition></extension>
  <extension name="reject"><condition field="destination_number" expression="^reject$">
   <action application="ring_ready"/><action application="sleep" data="300"/>
   <action application="hangup" data="CALL_REJECTED"/></condition></extension>
 </context>
</section>
<section name="directory"><domain name="{domain}"><groups><group name="all"><users>
 <user id="1000"><params><param name="password" value="secret"/></params></user>
</users></group></groups></domain></section>
</document>
"""

_COMMON = """
   <param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/>
   <param name="rtp-timer-name" value="soft"/><param name="dialplan" value="XML"/>
   <param name="inbound-codec-prefs" value="PCMA"/><param name="outbound-codec-prefs" value="PCMA"/>
   <param name="inbound-reg-force-matching-username" value="true"/><param name="manage-presence" value="false"/>"""


def home() -> Path | None:
    """Return the prefix of an installed FreeSWITCH, or None."""
    prefix = Path(os.environ.get("ZONGJI_FREESWITCH_HOME", "/usr/local/freeswitch"))
    return prefix if os.access(prefix / "bin" / "freeswitch", os.X_OK) else None


class RealSwitch:
    """A FreeSWITCH process in `base`; `start` returns once its event socket accepts connections."""

    def __init__(self, base: Path, prefix: Path) -> None:
        self.base = base
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write the configuration, start the program, wait for its event socket. Raises `RuntimeError`."""
        for folder in ("conf", "log", "db", "run", "cdr", "recordings", "storage", "cache"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        (self.base / "conf" / "freeswitch.xml").write_text(
            _CONFIGURATION.format(
                event_socket=EVENT_SOCKET_PORT,
                password=PASSWORD,
                base=self.base,
                common=_COMMON,
                carrier=CARRIER_PORT,
                outside=OUTSIDE_PORT,
                agents=AGENTS_PORT,
                domain=DOMAIN,
                fallback_after=FALLBACK_AFTER_S,
                parking=_PARKING,
            )
        )
        folders = [
            *("-conf", self.base / "conf", "-log", self.base / "log", "-db", self.base / "db"),
            *("-run", self.base / "run", "-recordings", self.base / "recordings"),
            *("-storage", self.base / "storage", "-cache", self.base / "cache"),
            *("-mod", self._prefix / "mod"),
        ]
        self._process = subprocess.Popen(
            [self._prefix / "bin" / "freeswitch", "-nf", "-nc", "-nonat", "-nocal", *folders],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = clock.now_s() + 60
        while clock.now_s() < deadline:
            self.check_alive()
            try:
                Connection(EVENT_SOCKET_PORT, PASSWORD).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        self.stop()
        raise RuntimeError("FreeSWITCH's event socket did not open within 60 seconds")

    def stop(self) -> None:
        """End the program at once (its polite end takes seconds and nothing of it is kept); wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def check_alive(self) -> None:
        """Raise `RuntimeError` with the log's end when the program ended by itself."""
        if self._process is None or self._process.poll() is None:
            return
        log = self.base / "log" / "freeswitch.log"
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else "no log"
        raise RuntimeError(f"FreeSWITCH ended with {self._process.returncode}: {tail}")
