"""The story of the first call, from a caller to the record, seen in an agent's browser, on both switches.

Each test begins with a signed-in browser and an agent who is ready, and leaves no call behind.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.settings import Settings
from switchsim.control import Control
from tests.e2e.desktop import switch as switches
from tests.e2e.desktop.sound import level_db
from tests.e2e.desktop.stack import COMPANY, NUMBER, PASSWORD, Stack
from tests.support import clock

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

MICROPHONE_HZ = 440
CALLER_HZ = 1000
CALLER = "13800138000"
SHOWN_WITHIN_MS = 250
"""Bar P8: from the event to the browser."""

LISTEN = """async () => {
  const until = Date.now() + 5000;
  const audio = document.getElementById('zj-audio');
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  while (!audio.srcObject && Date.now() < until) await pause(50);
  if (!audio.srcObject) return { hz: 0, db: -200 };
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(audio.srcObject).connect(analyser);
  const levels = new Float32Array(analyser.frequencyBinCount);
  let best = 0;
  do {
    await pause(900);
    analyser.getFloatFrequencyData(levels);
    best = 0;
    levels.forEach((level, index) => { if (level > levels[best]) best = index; });
  } while (levels[best] < -60 && Date.now() < until);
  const heard = { hz: (best * context.sampleRate) / 8192, db: Math.max(-200, levels[best]) };
  await context.close();
  return heard;
}"""
"""The loudest tone the page plays; waits a few seconds for a busy machine to begin."""


def hears(page: Any, hz: int) -> None:
    """Wait until the page plays the tone louder than all else; what rings may still be in its buffers at first."""
    deadline = clock.now_s() + 20
    while True:
        heard = page.evaluate(LISTEN)
        if abs(heard["hz"] - hz) < 15 and heard["db"] > -60:
            return
        assert clock.now_s() < deadline, heard


WATCH = """() => {
  window.zjSeen = {};
  new MutationObserver(() => {
    for (const name of ['zd-ring', 'zd-call']) {
      if (!(name in window.zjSeen) && document.querySelector('.' + name)) window.zjSeen[name] = Date.now();
    }
  }).observe(document.body, { childList: true, subtree: true });
}"""


@pytest.fixture(
    scope="module", params=["switchsim", pytest.param("freeswitch", marks=pytest.mark.freeswitch)]
)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The platform with one switch and with the other."""
    if request.param == "freeswitch" and not os.access(Settings().freeswitch_binary, os.X_OK):
        pytest.skip("FreeSWITCH is not installed")
    started = Stack(tmp_path_factory.mktemp("stack") / "home", request.param)
    yield started
    started.stop()


class Caller:
    """Someone who calls the demo number and presses 1."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._uuid = ""

    def call(self) -> None:
        """Dial."""
        if self._stack.switch == "switchsim":
            with Control(self._stack.control_port) as control:
                self._uuid = control.call(NUMBER, CALLER, keys=[[3, "1"]])
            return
        socket = self._socket()
        self._uuid = socket.api("create_uuid")
        who = f"origination_uuid={self._uuid},origination_caller_id_number={CALLER},zj_leg=probe"
        tone = f"playback(tone_stream://%(120000,0,{CALLER_HZ}))"
        socket.api(f"bgapi originate {{{who},playback_terminators=none}}loopback/{NUMBER}/inbound &{tone}")
        socket.api(f"sched_api +6 none uuid_send_dtmf {self._uuid} 1")
        socket.close()

    def hang_up(self) -> None:
        """Give up, or end the call; no harm when it is over."""
        if self._stack.switch == "switchsim":
            with Control(self._stack.control_port) as control:
                control.hangup(uuid=self._uuid)
            return
        socket = self._socket()
        socket.api(f"uuid_kill {self._uuid}")
        socket.close()

    def _socket(self) -> switches.EventSocket:
        return switches.EventSocket(self._stack.event_socket_password(), self._stack.switch_port)


def complaint(said: Any) -> str:
    """Return what the browser's console says, with the address it is about."""
    return f"{said.text} {said.location['url']}"


class DeskPage:
    """An agent's browser."""

    def __init__(self, context: Any, stack: Stack, login: str) -> None:
        self.context = context
        self.stack = stack
        self.problems: list[str] = []
        self.page = self.open_page()
        self.page.goto(stack.url)
        for field, text in (("company", COMPANY), ("login", login), ("password", PASSWORD)):
            self.page.fill(f"input[name={field}]", text)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("#zj-main")
        self.page.goto(f"{stack.url}/desk")
        self.page.wait_for_selector(".zd-strip .btn-primary, .zd-strip .zd-state")

    def open_page(self) -> Any:
        """Open an empty tab whose errors are noted."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "console",
            lambda said: self.problems.append(complaint(said)) if said.type in {"error", "warning"} else None,
        )
        return page

    def second_tab(self) -> Any:
        """Open the desk again in the same browser."""
        page = self.open_page()
        page.goto(f"{self.stack.url}/desk")
        page.wait_for_selector(".zd-strip .zd-state")
        return page

    def sign_in(self) -> None:
        """Sign in on the extension with the browser's phone and become ready."""
        if self.page.query_selector(".zd-strip .zd-state"):
            self.sign_out()
        self.page.click(".zd-strip .btn-primary")
        self.page.click(".zd-panel form .btn-primary")
        self.page.wait_for_selector(".zd-extension.zd-ok")
        self.choose("ready")
        self.wait_for_state("ready")

    def sign_out(self) -> None:
        """Sign out of the extension."""
        self.page.click(".zd-strip .zd-state")
        self.page.click(".zd-panel .zd-leave")
        self.page.wait_for_selector(".zd-strip .btn-primary")

    def choose(self, state: str) -> None:
        """Choose a state in the picker."""
        self.page.click(".zd-strip .zd-state")
        self.page.click(f".zd-panel .zd-choice[data-state={state}]")

    def wait_for_state(self, state: str) -> None:
        """Wait until the strip shows a state's word (Chinese)."""
        words = {"ready": "工作-可回接", "talking": "通话中", "not_responding": "未应答", "ringing": "振铃"}
        self.page.wait_for_selector(f".zd-state-word:text-is('{words[state]}')")

    def answer(self) -> None:
        """Answer what rings."""
        self.page.click(".zd-ring .btn-success")
        self.page.wait_for_selector(".zd-call")


@pytest.fixture
def desk(browser: Any, stack: Stack) -> Iterator[DeskPage]:
    """A signed-in browser, ready for calls."""
    # Without motion: a colour measured in the middle of a transition is neither of its ends.
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, permissions=["microphone"], reduced_motion="reduce"
    )
    context.add_cookies([{"name": "zj_language", "value": "zh", "url": stack.url}])
    opened = DeskPage(context, stack, "agent1")
    opened.sign_in()
    yield opened
    opened.page.wait_for_selector(".zd-ring, .zd-call", state="detached", timeout=60_000)
    opened.sign_out()
    context.close()


@pytest.fixture
def caller(stack: Stack) -> Iterator[Caller]:
    """A caller who has hung up when the test is over."""
    made = Caller(stack)
    yield made
    made.hang_up()


def _rings_and_is_answered(desk: DeskPage, caller: Caller) -> None:
    page = desk.page
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    card = page.inner_text(".zd-ring")
    assert "陈静" in card
    assert "138 0013 8000" in card
    assert "销售" in card
    assert re.search(r"剩余 \d+ 秒", card)
    assert (
        page.title().startswith("☎")
        or "☎"
        in page.wait_for_function("() => document.title.startsWith('☎') && document.title").json_value()
    )
    desk.answer()
    desk.wait_for_state("talking")


def test_a_call_from_menu_to_record(desk: DeskPage, caller: Caller, tmp_path: Path) -> None:
    page, stack = desk.page, desk.stack
    page.evaluate(WATCH)
    with clock.Witness() as witness:
        _rings_and_is_answered(desk, caller)
    seen = page.evaluate("zjSeen")
    offered_ms, _ = stack.live_events("call.offered")[-1]
    _, talking = stack.live_events("call.talking")[-1]
    for began_ms, shown_ms in ((offered_ms, seen["zd-ring"]), (talking["started_ms"], seen["zd-call"])):
        assert witness.worked_s(began_ms / 1000, shown_ms / 1000) * 1000 <= SHOWN_WITHIN_MS
    assert page.inner_text(".zd-card .zd-light") == "录音中"
    if stack.switch == "freeswitch":
        hears(page, CALLER_HZ)

    page.wait_for_timeout(2500)
    page.click(".zd-call .btn-danger")
    page.wait_for_selector(".zd-call", state="detached")
    desk.wait_for_state("ready")
    page.wait_for_selector(".zd-item-main:text-is('陈静')", timeout=15_000)
    if stack.switch == "freeswitch":
        heard_each_other(stack.home)
    assert desk.problems == []


def heard_each_other(home: Path) -> None:
    """In the newest recording each is on their own side."""
    segments = sorted(home.rglob("*.wav"), key=lambda path: path.stat().st_mtime)
    recording = [path for path in segments if "store" in path.parts or "recordings" in path.parts][-1]
    assert level_db(recording, 0, CALLER_HZ) > -45
    assert level_db(recording, 1, MICROPHONE_HZ) > -45
    assert level_db(recording, 1, CALLER_HZ) < -45


def test_hold_mute_and_keys_follow_the_pushed_state(desk: DeskPage, caller: Caller) -> None:
    page = desk.page
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    page.keyboard.press("Alt+a")
    page.wait_for_selector(".zd-call")
    page.keyboard.press("Alt+h")
    page.wait_for_selector(".zd-call .zd-held")
    page.wait_for_timeout(2200)
    page.keyboard.press("Alt+h")
    page.wait_for_selector(".zd-call .zd-held", state="detached")
    times = page.locator(".zd-times .zd-time").all_inner_texts()
    assert times[1] >= "0:02"

    page.keyboard.press("Alt+m")
    page.wait_for_selector(".zd-call button[aria-pressed=true]")
    page.keyboard.press("Alt+m")
    page.wait_for_selector(".zd-call button[aria-pressed=true]", state="detached")

    page.keyboard.press("Alt+k")
    page.wait_for_selector(".zd-keypad")
    page.keyboard.type("56#")
    page.wait_for_selector(".zd-keys:text-is('56#')")
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+x")
    page.wait_for_selector(".zd-call", state="detached")
    assert desk.problems == []


def test_a_call_goes_on_through_every_page(desk: DeskPage, caller: Caller) -> None:
    page = desk.page
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    desk.answer()
    page.click("#zj-menu a[href*=customers]")
    page.wait_for_function("() => !document.getElementById('zj-desk')")
    assert page.is_visible(".zd-call")
    page.go_back()
    page.wait_for_selector(".zd-page .zd-times")
    assert page.is_visible(".zd-call")
    caller.hang_up()
    page.wait_for_selector(".zd-call", state="detached")
    desk.wait_for_state("ready")
    assert desk.problems == []


def test_a_caller_who_gives_up_stops_the_ringing(desk: DeskPage, caller: Caller) -> None:
    page = desk.page
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    began_s = clock.now_s()
    caller.hang_up()
    page.wait_for_selector(".zd-ring", state="detached")
    assert clock.now_s() - began_s < 3
    desk.wait_for_state("ready")
    page.wait_for_selector(".zd-tasks .zd-kind-missed", timeout=15_000)
    assert "☎" not in page.title()


def test_a_declined_call_makes_the_agent_act(desk: DeskPage, caller: Caller) -> None:
    page = desk.page
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    page.click(".zd-ring .zd-ring-buttons .btn:last-child")
    desk.wait_for_state("not_responding")
    page.wait_for_selector(".zd-ring", state="detached")
    caller.hang_up()
    page.wait_for_timeout(500)
    desk.choose("ready")
    desk.wait_for_state("ready")


def test_a_second_tab_shows_the_call_and_leaves_the_phone_where_it_is(desk: DeskPage, caller: Caller) -> None:
    other = desk.second_tab()
    other.wait_for_selector(".zd-alert-quiet")
    caller.call()
    desk.page.wait_for_selector(".zd-ring .btn-success", timeout=40_000)
    other.wait_for_selector(".zd-ring")
    assert not other.is_visible(".zd-ring .btn-success")
    desk.answer()
    other.wait_for_selector(".zd-call")
    other.click(".zd-alert-quiet .btn")
    other.wait_for_selector(".zj-toast:has-text('另一个标签页正在通话')")
    other.click(".zd-call .btn-danger")
    desk.page.wait_for_selector(".zd-call", state="detached")

    other.click(".zd-alert-quiet .btn")
    desk.page.wait_for_selector(".zd-alert-quiet")
    other.wait_for_selector(".zd-alert-quiet", state="detached")
    desk.page.click(".zd-alert-quiet .btn")
    other.wait_for_selector(".zd-alert-quiet")
    other.close()
    desk.page.wait_for_selector(".zd-extension.zd-ok")


@pytest.mark.parametrize("held", [False, True], ids=["talking", "held"])
def test_a_reload_in_the_middle_of_a_call_comes_back_to_the_caller(
    desk: DeskPage, caller: Caller, held: bool
) -> None:
    page = desk.page
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    desk.answer()
    page.wait_for_timeout(1500)
    if held:
        page.keyboard.press("Alt+h")
        page.wait_for_selector(".zd-call .zd-held")
        page.wait_for_timeout(1500)
    page.reload()
    page.wait_for_selector(".zd-extension.zd-ok")
    began_s = clock.now_s()
    page.wait_for_selector(".zd-call, .zd-ring")
    assert clock.now_s() - began_s < 8
    if desk.stack.switch == "freeswitch":
        desk.answer()
        hears(page, CALLER_HZ)
        page.wait_for_timeout(2500)
    page.wait_for_selector(".zd-call")
    page.click(".zd-call .btn-danger")
    page.wait_for_selector(".zd-call", state="detached")
    if desk.stack.switch == "freeswitch":
        desk.wait_for_state("ready")
        heard_each_other(desk.stack.home)  # no music over the talk, of the hold or of the queue


def test_a_browser_closed_while_it_rings_gets_the_call_again_when_it_is_back(
    desk: DeskPage, caller: Caller
) -> None:
    caller.call()
    desk.page.wait_for_selector(".zd-ring", timeout=40_000)
    desk.page.close()
    desk.page = desk.open_page()
    desk.page.goto(f"{desk.stack.url}/desk")
    desk.page.wait_for_selector(".zd-extension.zd-ok")
    if desk.page.query_selector(".zd-state.zd-red"):
        desk.choose("ready")
    # The offer the closed page had may be shown for a moment yet; an answer to it means nothing, and it rings again.
    for _ in range(3):
        desk.page.wait_for_selector(".zd-ring .btn-success, .zd-call", timeout=15_000)
        if desk.page.is_visible(".zd-ring .btn-success"):
            desk.page.click(".zd-ring .btn-success")
        with contextlib.suppress(sync_api.TimeoutError):
            desk.page.wait_for_selector(".zd-call", timeout=6000)
            break
    desk.page.click(".zd-call .btn-danger")
    desk.page.wait_for_selector(".zd-call", state="detached")
    desk.wait_for_state("ready")


@pytest.mark.only_on("switchsim")
def test_the_same_buttons_drive_a_sip_phone(desk: DeskPage, caller: Caller) -> None:
    """DSK-4, on the simulator: its SIP phones can be registered by hand; the real switch's are the cell's tests."""
    page = desk.page
    desk.sign_out()
    with Control(desk.stack.control_port) as control:
        control.register(desk.stack.sip_user("8001"), domain="zongji.invalid", profile="agents")
    page.click(".zd-strip .btn-primary")
    page.check(".zd-panel input[value=sip]")
    page.click(".zd-panel form .btn-primary")
    page.wait_for_selector(".zd-extension.zd-ok")
    desk.choose("ready")
    desk.wait_for_state("ready")
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    assert "请拿起话机" in page.inner_text(".zd-ring")
    desk.answer()
    page.keyboard.press("Alt+h")
    page.wait_for_selector(".zd-call .zd-held")
    page.keyboard.press("Alt+h")
    page.wait_for_selector(".zd-call .zd-held", state="detached")
    page.keyboard.press("Alt+k")
    page.keyboard.type("7")
    page.wait_for_selector(".zd-keys:text-is('7')")
    page.keyboard.press("Escape")
    page.click(".zd-call .btn-danger")
    page.wait_for_selector(".zd-call", state="detached")
    assert desk.problems == []


@pytest.mark.only_on("switchsim")
def test_dsk_9_a_wrap_up_form_survives_a_second_tab_and_a_reload(desk: DeskPage, caller: Caller) -> None:
    page = desk.page
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    desk.answer()
    page.wait_for_selector("#zd-wrap-note")
    page.keyboard.press("1")
    page.wait_for_selector(".zd-dispositions [aria-pressed=true]")
    page.fill("#zd-wrap-note", "报价")
    page.wait_for_selector(".zd-saving:text-is('草稿已保存')")
    other = desk.second_tab()
    other.wait_for_function("() => document.getElementById('zd-wrap-note')?.value === '报价'")
    other.fill("#zd-wrap-note", "报价，明天")
    page.wait_for_function("() => document.getElementById('zd-wrap-note').value === '报价，明天'")
    other.close()
    page.reload()
    page.wait_for_function("() => document.getElementById('zd-wrap-note')?.value === '报价，明天'")
    page.wait_for_selector(".zd-dispositions [aria-pressed=true]")
    page.wait_for_selector(".zd-call")
    page.click(".zd-call .btn-danger")
    page.wait_for_selector(".zd-call", state="detached")
    page.click(".zd-quick .zd-chip >> nth=0")
    page.click(".zd-form-end .btn-primary")
    page.wait_for_function("() => document.getElementById('zd-wrap-note')?.value !== '报价，明天'")
    page.wait_for_selector(".zd-tasks .zd-kind-reminder")
    assert "报价，明天" in page.inner_text(".zd-tasks")
    assert desk.problems == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(desk: DeskPage, caller: Caller, language: str, theme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = desk.page
    cookies = {"zj_language": language, "zj_theme": theme}
    desk.context.add_cookies([{"name": k, "value": v, "url": desk.stack.url} for k, v in cookies.items()])
    page.reload()
    page.wait_for_selector(".zd-extension.zd-ok")
    axe = Axe()
    found = axe.run(page).response["violations"]
    page.click(".zd-strip .zd-state")
    found += axe.run(page).response["violations"]
    page.keyboard.press("Escape")
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=40_000)
    found += axe.run(page).response["violations"]
    desk.answer()
    page.keyboard.press("Alt+k")
    page.wait_for_selector(".zd-keypad")
    found += axe.run(page).response["violations"]
    page.keyboard.press("Alt+x")
    page.wait_for_selector(".zd-call", state="detached")
    said = {f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]}
    assert "\n".join(sorted(said)) == ""
