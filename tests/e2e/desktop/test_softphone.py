"""The browser's phone alone, in Chromium, against a real FreeSWITCH: registration, sound both ways, keys, ends."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.settings import Settings
from tests.e2e.desktop import switch as switches
from tests.e2e.desktop.sound import level_db
from tests.support import clock

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.freeswitch, pytest.mark.browser]

ROOT = Path(__file__).resolve().parents[3]
MICROPHONE_HZ = 440
BROWSER_ARGUMENTS = ("--autoplay-policy=no-user-gesture-required",)
"""Nobody clicks on the page that is the phone alone."""
CALLER_HZ = 1000
HEARD_DB = -45.0


def eventually(check: Callable[[], Any], timeout_s: float = 10, what: str = "") -> Any:
    """Return the first true answer of `check`; fails after `timeout_s`."""
    deadline = clock.now_s() + timeout_s
    while True:
        found = check()
        if found:
            return found
        if clock.now_s() > deadline:
            pytest.fail(f"{what or check} did not come true within {timeout_s} s")
        time.sleep(0.05)


@pytest.fixture(scope="module")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Builds the phone for a page of its own and serves it."""
    folder = tmp_path_factory.mktemp("harness")
    entry = Path(__file__).parent / "harness" / "phone.ts"
    config = folder / "vite.config.mjs"
    config.write_text(
        "export default { configFile: false, publicDir: false, logLevel: 'warn', build: { target: 'es2022', "
        f"outDir: {str(folder / 'dist')!r}, emptyOutDir: true, rollupOptions: {{ input: {str(entry)!r}, "
        "output: { entryFileNames: 'phone.js' } } } };"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("npm_config_")}
    subprocess.run(
        ["node", "node_modules/vite/bin/vite.js", "build", "--config", str(config)],
        cwd=ROOT,
        check=True,
        timeout=120,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    shutil.copy(entry.parent / "index.html", folder / "dist")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(folder / "dist"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def real_switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[switches.RealSwitch]:
    """A FreeSWITCH of our own."""
    if not os.access(Settings().freeswitch_binary, os.X_OK):
        pytest.skip("FreeSWITCH is not installed")
    started = switches.RealSwitch(tmp_path_factory.mktemp("switch"))
    yield started
    started.stop()


class PhonePage:
    """The page with the phone, registered through a connection that can be cut."""

    def __init__(self, page: Any, switch: switches.RealSwitch, proxy: switches.CuttableProxy) -> None:
        self.page = page
        self.switch = switch
        self.proxy = proxy

    def do(self, expression: str, argument: Any = None) -> Any:
        """Evaluate something on the page's phone."""
        return self.page.evaluate(f"(argument) => zjPhone.{expression}", argument)

    def start(self) -> str:
        """Start the phone; return its problem, empty when there is none."""
        account = {
            "user": switches.USER,
            "password": switches.PASSWORD,
            "domain": switches.DOMAIN,
            "url": f"ws://127.0.0.1:{self.proxy.port}",
        }
        return str(self.do("start(argument)", account))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return what the phone said of one kind, oldest first."""
        return [event for event in self.do("events") if event["kind"] == kind]

    def registration(self) -> str:
        """Return the last registration state."""
        said = self.events("registration")
        return str(said[-1]["registration"]) if said else ""

    def ring(self) -> tuple[str, str]:
        """Have the switch call; return leg id and the phone's key once it rings."""
        leg_id = str(uuid.uuid4())
        self.switch.call(leg_id, CALLER_HZ)
        found = eventually(
            lambda: [event for event in self.events("incoming") if event["leg"]["legId"] == leg_id],
            what="ringing",
        )
        return leg_id, found[0]["leg"]["key"]

    def answer(self) -> tuple[str, str]:
        """Ring and answer; return leg id and key once the switch says it is answered."""
        leg_id, key = self.ring()
        self.do("answer(argument)", key)
        eventually(lambda: self.switch.answered(leg_id), what="answered")
        return leg_id, key

    def ended(self, key: str) -> bool:
        """Return whether the phone let go of the session."""
        return any(event["key"] == key for event in self.events("ended"))


@pytest.fixture
def phone(browser: Any, page_server: str, real_switch: switches.RealSwitch) -> Iterator[PhonePage]:
    """A fresh page with a registered phone."""
    proxy = switches.CuttableProxy(switches.WS_PORT)
    context = browser.new_context(permissions=["microphone"])
    page = context.new_page()
    page.goto(page_server)
    page.wait_for_function("() => window.zjPhone")
    opened = PhonePage(page, real_switch, proxy)
    assert opened.start() == ""
    eventually(lambda: opened.registration() == "registered", what="registered")
    yield opened
    with contextlib.suppress(sync_api.Error):
        opened.do("stop()")
    context.close()
    proxy.close()
    eventually(lambda: real_switch.contact() == "", what="unregistered")


def heard_hz(phone: PhonePage) -> float:
    """Return the frequency the browser hears, 0 while it is silent."""
    heard = phone.do("heard()")
    return float(heard["hz"]) if heard["db"] > -60 else 0.0


def test_registers_and_unregisters(phone: PhonePage) -> None:
    assert "transport=ws" in phone.switch.contact()
    phone.do("stop()")
    eventually(lambda: phone.switch.contact() == "", what="unregistered")
    assert phone.registration() == "off"


def test_a_call_names_its_leg_and_sounds_both_ways(phone: PhonePage, tmp_path: Path) -> None:
    leg_id, _ = phone.answer()
    incoming = phone.events("incoming")[0]["leg"]
    assert incoming["caller"] == "+8613800138000"
    assert incoming["autoAnswer"] is False

    recording = tmp_path / "leg.wav"
    phone.switch.socket.api(f"uuid_record {leg_id} start {recording}")
    eventually(lambda: abs(heard_hz(phone) - CALLER_HZ) < 15, what="the browser hears the caller's tone")
    time.sleep(2)
    phone.switch.socket.api(f"uuid_record {leg_id} stop {recording}")
    assert level_db(recording, 0, MICROPHONE_HZ) > HEARD_DB
    assert level_db(recording, 0, CALLER_HZ) < HEARD_DB


def test_mute_closes_the_microphone_and_opens_it_again(phone: PhonePage, tmp_path: Path) -> None:
    leg_id, key = phone.answer()
    levels = []
    for step, muted in enumerate((True, False)):
        phone.do("mute(argument.key, argument.muted)", {"key": key, "muted": muted})
        time.sleep(0.5)
        recording = tmp_path / f"{step}.wav"
        phone.switch.socket.api(f"uuid_record {leg_id} start {recording}")
        time.sleep(1.6)
        phone.switch.socket.api(f"uuid_record {leg_id} stop {recording}")
        levels.append(level_db(recording, 0, MICROPHONE_HZ))
    assert levels[0] < -70
    assert levels[1] > HEARD_DB


def test_keys_arrive_in_order_however_fast_they_are_typed(phone: PhonePage) -> None:
    _, key = phone.answer()
    phone.switch.socket.keys = ""
    for digit in "1234*#0":
        phone.do("digits(argument.key, argument.digit)", {"key": key, "digit": digit})
    assert phone.switch.socket.wait_for_keys("1234*#0") == "1234*#0"


def test_hanging_up_here_ends_the_switchs_leg(phone: PhonePage) -> None:
    leg_id, key = phone.answer()
    phone.do("hangup(argument)", key)
    eventually(lambda: not phone.switch.is_up(leg_id), what="the leg ended")
    assert phone.ended(key)
    assert phone.do("sessions()") == []


def test_the_switch_hanging_up_ends_the_session(phone: PhonePage) -> None:
    leg_id, key = phone.answer()
    phone.switch.socket.api(f"uuid_kill {leg_id}")
    eventually(lambda: phone.ended(key), what="the session ended")


def test_a_caller_who_gives_up_ends_the_ringing(phone: PhonePage) -> None:
    leg_id, key = phone.ring()
    phone.switch.socket.api(f"uuid_kill {leg_id} ORIGINATOR_CANCEL")
    eventually(lambda: phone.ended(key), what="the ringing ended")


def test_declining_ends_the_offer(phone: PhonePage) -> None:
    leg_id, key = phone.ring()
    phone.do("hangup(argument)", key)
    eventually(lambda: not phone.switch.is_up(leg_id), what="the leg ended")


def test_a_cut_socket_leaves_the_call_up_and_the_phone_registers_again(phone: PhonePage) -> None:
    leg_id, key = phone.answer()
    eventually(lambda: abs(heard_hz(phone) - CALLER_HZ) < 15, what="sound before the cut")
    phone.proxy.cut()
    eventually(lambda: phone.registration() == "waiting", what="the phone says that it waits")
    assert phone.events("registration")[-1]["problem"] == "switch-unreachable"
    time.sleep(2)
    assert abs(heard_hz(phone) - CALLER_HZ) < 15
    assert not phone.ended(key)

    phone.proxy.mend()
    eventually(lambda: phone.registration() == "registered", timeout_s=20, what="registered again")
    assert phone.switch.is_up(leg_id)
    assert abs(heard_hz(phone) - CALLER_HZ) < 15


def test_a_pushed_end_lets_go_of_a_session_whose_goodbye_was_lost(phone: PhonePage) -> None:
    leg_id, key = phone.answer()
    phone.proxy.cut()
    phone.switch.socket.api(f"uuid_kill {leg_id}")
    time.sleep(1)
    assert not phone.ended(key)
    phone.do("release(argument)", key)
    assert phone.ended(key)
    phone.proxy.mend()
    eventually(lambda: phone.registration() == "registered", timeout_s=20, what="registered again")
    phone.answer()


def test_a_refused_password_is_said_and_tried_again(phone: PhonePage) -> None:
    phone.do("stop()")
    account = {
        "user": switches.USER,
        "password": "wrong",
        "domain": switches.DOMAIN,
        "url": f"ws://127.0.0.1:{phone.proxy.port}",
    }
    assert phone.do("start(argument)", account) == ""
    eventually(
        lambda: [e for e in phone.events("registration") if e["problem"] == "registration-refused"],
        what="the refusal is said",
    )
    assert phone.events("registration")[-1]["retryAtMs"] > 0


def test_a_refused_microphone_is_said_before_anything_registers(
    browser: Any, page_server: str, real_switch: switches.RealSwitch
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(page_server)
    page.wait_for_function("() => window.zjPhone")
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia ="
        " () => Promise.reject(new DOMException('no', 'NotAllowedError')); }"
    )
    proxy = switches.CuttableProxy(switches.WS_PORT)
    phone = PhonePage(page, real_switch, proxy)
    assert phone.start() == "microphone-denied"
    assert phone.registration() == ""
    assert real_switch.contact() == ""
    context.close()
    proxy.close()
