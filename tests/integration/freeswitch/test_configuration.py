"""The rendered configuration on a real FreeSWITCH: it starts clean, parks, falls back, refuses, registers."""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs

import pytest

from core.settings import Settings, load
from cti.directory import DirectoryUser, a1_hash, not_found_document, user_document
from cti.records.cdr import IncompleteError, LegRecord, parse
from freeswitch_conf.layout import Sounds, command
from freeswitch_conf.render import DIRECTORY_PATH, write
from sounds.tones import tones
from tests.integration.freeswitch.sip import Phone
from tests.support import clock, processes
from zongji.processes.switch import hang_up_all
from zongji.switch_probe import ProbeError, SwitchProbe

pytestmark = pytest.mark.freeswitch

PASSWORD = "correct horse"
Found = TypeVar("Found")


def _free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclasses.dataclass
class Directory:
    """Stands for the web interface: knows one user, and may be away."""

    port: int
    domain: str
    asked: list[str] = dataclasses.field(default_factory=list)
    server: HTTPServer | None = None

    def start(self) -> None:
        directory = self

        class Page(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                user = form.get("user", [""])[0]
                directory.asked.append(user)
                known = self.path == DIRECTORY_PATH and user == "u8001"
                entry = DirectoryUser(
                    user=user, domain=directory.domain, a1_hash=a1_hash(user, directory.domain, PASSWORD)
                )
                body = (user_document(entry) if known else not_found_document()).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", self.port), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@dataclasses.dataclass
class Switch:
    """A FreeSWITCH that runs on our configuration."""

    settings: Settings
    directory: Directory
    process: subprocess.Popen[bytes]

    def ask(self, question: str) -> str:
        with SwitchProbe(
            "127.0.0.1", self.settings.switch_port, self.settings.effective_switch_password
        ) as probe:
            return probe.ask(question)

    def log(self) -> str:
        return (self.settings.home / "switch" / "log" / "freeswitch.log").read_text(errors="replace")

    def take_legs(self) -> list[LegRecord]:
        """Return the records of our legs, and remove them all."""
        legs = []
        for path in self.settings.cdr_dir.glob("*.cdr.json"):
            try:
                legs.append(parse(path.read_bytes()))
            except IncompleteError:
                continue
            path.unlink()
        return [leg for leg in legs if leg.kind is not None]

    def until(self, what: str, found: Callable[[], Found], within_s: float = 10) -> Found:
        deadline = clock.now_s() + within_s
        while not (value := found()):
            assert clock.now_s() < deadline, f"not within {within_s} s: {what}"
            time.sleep(0.05)
        return value


@pytest.fixture(scope="module")
def switch() -> Iterator[Switch]:
    """A FreeSWITCH with a short announcement."""
    with tempfile.TemporaryDirectory(prefix="zj-fs-") as folder:
        udp = socket.SOCK_DGRAM
        environ = {
            "ZONGJI_HOME": f"{folder}/home 号",
            "ZONGJI_SWITCH_PORT": str(_free_port()),
            "ZONGJI_WEB_PORT": str(_free_port()),
            "ZONGJI_SIP_AGENT_PORT": str(_free_port(udp)),
            "ZONGJI_SIP_CARRIER_PORT": str(_free_port(udp)),
            "ZONGJI_SIP_WS_PORT": str(_free_port()),
            "ZONGJI_RTP_PORT_FIRST": "41000",
            "ZONGJI_RTP_PORT_LAST": "41200",
        }
        settings = load(environ)
        if not settings.freeswitch_binary.exists():
            pytest.skip(f"there is no FreeSWITCH at {settings.freeswitch_binary}")
        yield from _run(settings, Path(folder))


def _run(settings: Settings, folder: Path) -> Iterator[Switch]:
    from ivr.tts.audio import wav_bytes

    signal = folder / "signal.wav"
    signal.write_bytes(wav_bytes(next(iter(tones().values()))))
    directory = Directory(port=settings.web_port, domain=settings.sip_domain)
    where = write(settings, Sounds(fallback=(signal, signal), music={"default": folder}))
    directory.start()

    def ready() -> bool:
        try:
            with SwitchProbe("127.0.0.1", settings.switch_port, settings.effective_switch_password) as probe:
                return probe.ask("sofia status").count("RUNNING") == 2
        except ProbeError:
            return False

    process = processes.start(command(settings, where), folder / "out", ready, timeout_s=60)
    try:
        yield Switch(settings=settings, directory=directory, process=process)
    finally:
        processes.stop(process)
        directory.stop()


def test_it_starts_without_an_error(switch: Switch) -> None:
    assert not re.findall(r"\[(?:ERR|CRIT|ALERT)\].*", switch.log())
    for module in ("mod_sofia", "mod_json_cdr", "mod_xml_curl", "mod_local_stream", "mod_opus"):
        assert switch.ask(f"module_exists {module}").strip() == "true"
    assert switch.ask("module_exists mod_xml_rpc").strip() == "false"


def test_the_event_socket_wants_the_password(switch: Switch) -> None:
    with pytest.raises(ProbeError) as refused:
        SwitchProbe("127.0.0.1", switch.settings.switch_port, "ClueCon")
    assert refused.value.kind == "refused"


def test_a_carriers_call_is_parked_and_falls_back_unanswered(switch: Switch) -> None:
    with Phone(switch.settings.sip_carrier_port) as phone:
        phone.invite("4008001000")
        switch.until("the call is parked", lambda: "park" in switch.ask("show channels"))
        assert phone.status(within_s=6) == 0, "the fallback came too early"
        assert phone.status(within_s=6) == 183
        status, answer = phone.answer(above=183, within_s=15)
        assert status == 503, answer
        phone.send("ACK", f"sip:4008001000@127.0.0.1:{switch.settings.sip_carrier_port}", "13800138000")
    (leg,) = switch.until("its record", switch.take_legs)
    assert (leg.fell_back, leg.cause, leg.answered_us) == (True, "NORMAL_TEMPORARY_FAILURE", 0)
    assert (leg.from_number, leg.to_number, leg.call_id) == ("13800138000", "4008001000", leg.leg_uuid)


def test_a_call_from_elsewhere_is_refused(switch: Switch) -> None:
    with Phone(switch.settings.sip_carrier_port, host="127.0.0.2") as phone:
        phone.invite("4008001000")
        assert phone.status() == 403


def test_nobody_registers_where_carriers_call(switch: Switch) -> None:
    with Phone(switch.settings.sip_carrier_port) as phone:
        assert phone.register("u8001", switch.settings.sip_domain, PASSWORD) in {403, 405}


def test_an_agents_call_without_a_password_is_challenged(switch: Switch) -> None:
    with Phone(switch.settings.sip_agent_port) as phone:
        phone.invite("4008001000", caller="u8001")
        assert phone.status() == 407


def test_a_phone_registers_also_while_the_directory_is_away(switch: Switch) -> None:
    domain = switch.settings.sip_domain
    for password, expected in ((PASSWORD, 200), ("wrong", 403)):
        with Phone(switch.settings.sip_agent_port) as phone:
            assert phone.register("u8001", domain, password) == expected
    with Phone(switch.settings.sip_agent_port) as phone:
        assert phone.register("nobody", domain, PASSWORD) == 403
    switch.directory.stop()
    try:
        with Phone(switch.settings.sip_agent_port) as phone:
            began = clock.now_s()
            assert phone.register("u8001", domain, PASSWORD) == 200
            assert clock.now_s() - began < 1
    finally:
        switch.directory.start()

    def registered() -> bool:
        rows = json.loads(switch.ask("show registrations as json")).get("rows", [])
        return [(row["reg_user"], row["realm"]) for row in rows] == [("u8001", domain)]

    switch.until("the switch lists the phone, once", registered)


@pytest.mark.parametrize("caller", ["${uuid_kill(x)}", "a'b;c|d", "$${home_dir}", "x%0Ay"])
def test_a_hostile_caller_is_only_a_value(switch: Switch, caller: str) -> None:
    # The list of channels lags the truth: the call before must be off it, too.
    switch.until("nobody calls", lambda: "0 total" in switch.ask("show channels"))
    with Phone(switch.settings.sip_carrier_port) as phone:
        phone.send(
            "INVITE",
            f"sip:4008001000@127.0.0.1:{switch.settings.sip_carrier_port}",
            "1380",
            extra=f'Alert-Info: {caller}\r\nX-Name: "{caller}"\r\nSubject: {caller}\r\n',
            body="v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n",
        )
        switch.until("the call is parked", lambda: "park" in switch.ask("show channels"))
    switch.ask("hupall NORMAL_CLEARING")
    (leg,) = switch.until("its record", switch.take_legs)
    assert leg.from_number == "1380"


def test_a_stop_leaves_the_record_of_every_call(switch: Switch) -> None:
    switch.until("nobody calls", lambda: "0 total" in switch.ask("show channels"))
    phones = [Phone(switch.settings.sip_carrier_port) for _ in range(10)]
    for phone in phones:
        phone.invite("4008001000")
    switch.until("ten parked calls", lambda: switch.ask("show channels").count(",park,") == 10)
    hang_up_all(switch.settings)
    switch.process.terminate()
    assert switch.process.wait(20) == 0
    assert [leg.cause for leg in switch.take_legs()] == ["SYSTEM_SHUTDOWN"] * 10
    for phone in phones:
        phone.socket.close()
