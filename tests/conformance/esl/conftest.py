"""A real FreeSWITCH of the smallest kind, for what only the real thing can prove about its event socket."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import gevent.socket
import pytest

from cti.esl.client import SwitchClient
from cti.esl.events import Event
from tests.support import clock

HOME = Path(os.environ.get("ZONGJI_FREESWITCH_HOME", "/usr/local/freeswitch"))
PORT = int(os.environ.get("ZONGJI_TEST_ESL_PORT", "19150"))
SIP_PORT = PORT + 1
PASSWORD = "conformance"
SUBSCRIBED = (
    *(
        "CHANNEL_CREATE",
        "CHANNEL_ANSWER",
        "CHANNEL_PARK",
        "CHANNEL_BRIDGE",
        "CHANNEL_UNBRIDGE",
        "CHANNEL_HANGUP",
    ),
    *(
        "CHANNEL_EXECUTE",
        "CHANNEL_EXECUTE_COMPLETE",
        "CHANNEL_HANGUP_COMPLETE",
        "DTMF",
        "RECORD_START",
        "RECORD_STOP",
    ),
    *("sofia::register", "sofia::unregister"),
)

_MODULES = (
    "event_socket",
    "commands",
    "dptools",
    "dialplan_xml",
    "sndfile",
    "native_file",
    "tone_stream",
    "loopback",
)
_CONFIGURATION = """<?xml version="1.0"?>
<document type="freeswitch/xml">
  <section name="configuration">
    <configuration name="modules.conf"><modules>{modules}<load module="mod_sofia"/></modules></configuration>
    <configuration name="switch.conf"><settings>
      <param name="rtp-start-port" value="19160"/><param name="rtp-end-port" value="19198"/>
      <param name="sessions-per-second" value="200"/><param name="event-heartbeat-interval" value="1"/>
    </settings></configuration>
    <configuration name="event_socket.conf"><settings>
      <param name="listen-ip" value="127.0.0.1"/><param name="listen-port" value="{port}"/>
      <param name="password" value="{password}"/>
    </settings></configuration>
    <configuration name="sofia.conf"><profiles><profile name="agents"><settings>
      <param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/>
      <param name="sip-port" value="{sip_port}"/><param name="context" value="park"/>
      <param name="rtp-timer-name" value="soft"/><param name="auth-calls" value="false"/>
      <param name="accept-blind-reg" value="true"/><param name="force-register-domain" value="test.invalid"/>
    </settings></profile></profiles></configuration>
  </section>
  <section name="dialplan">
    <context name="park"><extension name="park"><condition><action application="answer"/>
      <action application="park"/></condition></extension></context>
    <context name="ring"><extension name="ring"><condition><action application="ring_ready"/>
      <action application="sleep" data="60000"/></condition></extension></context>
    <context name="zongji"><extension name="fallback"><condition field="destination_number" expression="^fallback$">
      <action application="set" data="zj_fell_back=yes"/><action application="park"/></condition></extension></context>
  </section>
  <section name="directory"/>
</document>
"""


def render(folder: Path, port: int = PORT, sip_port: int = SIP_PORT) -> None:
    """Write the configuration below `folder`."""
    modules = "".join(f'<load module="mod_{name}"/>' for name in _MODULES)
    text = _CONFIGURATION.format(modules=modules, port=port, sip_port=sip_port, password=PASSWORD)
    for name in ("conf", "log", "run", "db", "tmp", "recordings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "freeswitch.xml").write_text(text)


def start(folder: Path, port: int = PORT) -> subprocess.Popen[bytes]:
    """Start the switch on `folder`'s configuration and wait until its event socket greets."""
    arguments = [
        str(HOME / "bin" / "freeswitch"),
        "-nf",
        "-nc",
        "-nonat",
        "-nocal",
        "-conf",
        str(folder / "conf"),
    ]
    for option, name in (("-log", "log"), ("-run", "run"), ("-db", "db"), ("-temp", "tmp")):
        arguments += [option, str(folder / name)]
    output = (folder / "log" / "output").open("wb")
    process = subprocess.Popen(
        [*arguments, "-recordings", str(folder / "recordings"), "-mod", str(HOME / "mod")],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    output.close()
    deadline = clock.now_s() + 40
    while clock.now_s() < deadline and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            gevent.socket.create_connection(("127.0.0.1", port), timeout=2) as probe,
        ):
            if probe.recv(100).startswith(b"Content-Type: auth/request"):
                return process
        gevent.sleep(0.1)
    stop(process)
    raise RuntimeError(f"FreeSWITCH did not start: {(folder / 'log' / 'output').read_text()[-2000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the switch."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


@pytest.fixture(scope="session")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a running switch."""
    if not os.access(HOME / "bin" / "freeswitch", os.X_OK):
        pytest.skip(f"no FreeSWITCH under {HOME}")
    folder = tmp_path_factory.mktemp("switch")
    render(folder)
    process = start(folder)
    yield folder
    stop(process)


class Line:
    """A connected client with what it heard, and ways to wait for more."""

    def __init__(self, **options: object) -> None:
        self.port, self.password = PORT, PASSWORD
        self.events: list[Event] = []
        self.ups: list[str] = []
        self.downs: list[str] = []
        self._news = gevent.event.Event()
        self.client = SwitchClient(
            "127.0.0.1",
            PORT,
            PASSWORD,
            events=SUBSCRIBED,
            on_event=self._heard,
            on_up=lambda core: (self.ups.append(core), self._news.set()),
            on_down=lambda reason: (self.downs.append(reason), self._news.set()),
            **options,
        )

    def _heard(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    def until(self, condition, timeout_s: float = 10.0):
        """Wait for news until `condition()` is true and return its value."""
        deadline = clock.now_s() + timeout_s
        while not (value := condition()):
            assert clock.now_s() < deadline, f"not within {timeout_s} s; heard {self.summary()}"
            self._news.clear()
            self._news.wait(0.2)
        return value

    def heard(self, name: str, uuid: str = "", **fields: str) -> Event:
        """Wait for an event of this name, leg and fields and return it."""

        def found() -> Event | None:
            return next(
                (
                    event
                    for event in self.events
                    if name in (event.name, event.subclass)
                    and (not uuid or event.uuid == uuid)
                    and all(getattr(event, field) == value for field, value in fields.items())
                ),
                None,
            )

        return self.until(found)

    def summary(self) -> list[str]:
        """What was heard, in short."""
        return [f"{event.name}/{event.uuid[:4]}/{event.application}" for event in self.events]


@pytest.fixture
def make_line(switch: Path) -> Iterator[Callable[..., Line]]:
    """Make clients of one's own options; they are stopped at the end."""
    lines: list[Line] = []

    def make(**options: object) -> Line:
        one = Line(**options)
        lines.append(one)
        one.client.start()
        one.until(lambda: one.ups)
        return one

    yield make
    for one in lines:
        one.client.stop()
        one.until(lambda one=one: one.downs)


@pytest.fixture
def line(make_line: Callable[..., Line]) -> Line:
    """A client connected to the real switch."""
    return make_line()
