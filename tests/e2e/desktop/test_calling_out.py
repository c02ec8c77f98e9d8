"""An agent and the outside, in a browser: calls by hand and by a program (CTI-E5, ACC-13) on both switches; a landline
for a phone and a three-way talk (DSK-2 to DSK-4) on the simulator.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.settings import Settings
from tests.e2e.desktop.line import Outside, ask, make_outside, open_line
from tests.e2e.desktop.sound import level_db
from tests.e2e.desktop.stack import Stack
from tests.e2e.desktop.test_first_call import LISTEN, Caller, DeskPage
from tests.support import clock

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

MICROPHONE_HZ = 880
OUTSIDE_HZ = 440
TO, WRITTEN = "13900139000", "139-0013-9000"
MASKED = "139****9000"
"""As the key's maker may see it (ACC-14)."""
FIELD = ".zd-dial input"
LANDLINE = "13900139001"
RINGS_MS = 60_000
"""For a caller to be through the menu on a machine that is late."""
on_the_simulator = pytest.mark.parametrize("line", ["switchsim"], indirect=True)


class Line:
    """The platform, the outside it calls, and a program's key."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.outside: Outside = make_outside(stack)
        self.token = open_line(stack, self.outside.address)


@pytest.fixture(
    scope="module", params=["switchsim", pytest.param("freeswitch", marks=pytest.mark.freeswitch)]
)
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The platform with one switch and with the other."""
    if request.param == "freeswitch" and not os.access(Settings().freeswitch_binary, os.X_OK):
        pytest.skip("FreeSWITCH is not installed")
    stack = Stack(tmp_path_factory.mktemp("stack") / "home", request.param)
    try:
        made = Line(stack)
        yield made
        made.outside.stop()
    finally:
        stack.stop()


@pytest.fixture
def desk(browser: Any, line: Line) -> Iterator[DeskPage]:
    """A signed-in browser, ready."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, permissions=["microphone"], reduced_motion="reduce"
    )
    context.add_cookies([{"name": "zj_language", "value": "zh", "url": line.stack.url}])
    opened = DeskPage(context, line.stack, "agent1")
    opened.sign_in()
    yield opened
    opened.page.wait_for_selector(".zd-ring, .zd-call", state="detached", timeout=60_000)
    opened.sign_out()
    context.close()


def hears_the_other_side(line: Line, desk: DeskPage) -> None:
    """On the real switch sound passes; the simulator has none."""
    if line.stack.switch == "freeswitch":
        heard = desk.page.evaluate(LISTEN)
        assert abs(heard["hz"] - OUTSIDE_HZ) < 15
        assert heard["db"] > -60


def test_a_number_typed_on_the_desk_is_called(line: Line, desk: DeskPage) -> None:
    page = desk.page
    page.fill(FIELD, WRITTEN)
    page.keyboard.press("Enter")
    called = line.outside.called(TO)
    page.wait_for_selector(".zd-call")
    desk.wait_for_state("talking")
    assert "139 0013 9000" in page.inner_text(".zd-call")
    assert page.query_selector(FIELD) is None, "nobody dials beside a call"
    hears_the_other_side(line, desk)
    page.wait_for_timeout(1500)
    line.outside.hang_up(called)
    page.wait_for_selector(".zd-call", state="detached")
    desk.wait_for_state("ready")
    assert page.input_value(FIELD) == "", "the number was called"
    if line.stack.switch == "freeswitch":
        recording = max(line.stack.home.rglob("*.wav"), key=lambda path: path.stat().st_mtime)
        assert level_db(recording, 0, OUTSIDE_HZ) > -45, "left is the customer"
        assert level_db(recording, 1, MICROPHONE_HZ) > -45, "right is the agent"
    assert desk.problems == []


def test_what_is_refused_is_said_beside_the_field(line: Line, desk: DeskPage) -> None:
    page = desk.page
    page.fill(FIELD, "110")
    page.click(".zd-dial button")
    page.wait_for_selector(".zd-dial-said.text-danger")
    assert page.inner_text(".zd-dial-said").strip()
    assert page.input_value(FIELD) == "110", "to be corrected"
    assert page.get_attribute(FIELD, "aria-invalid") == "true"
    page.fill(FIELD, "1")
    page.wait_for_selector(".zd-dial-said.text-danger", state="detached")
    page.fill(FIELD, "")
    assert page.is_disabled(".zd-dial button")
    page.click(".zd-dial-pad > button")
    for key in "110":
        page.click(f".zd-dial-pad .zd-keygrid button:text-is('{key}')")
    assert page.input_value(FIELD) == "110"
    page.click(".zd-dial-pad .zd-keygrid button:last-child")
    assert page.input_value(FIELD) == "11"
    page.fill(FIELD, "")
    page.keyboard.press("Escape")


def test_the_field_waits_for_a_working_state(line: Line, desk: DeskPage) -> None:
    page = desk.page
    desk.choose("away")
    page.wait_for_selector(f"{FIELD}:disabled")
    assert "工作状态" in page.inner_text(".zd-dial-said")
    desk.choose("not_ready")
    page.wait_for_selector(f"{FIELD}:enabled")
    desk.choose("ready")
    desk.wait_for_state("ready")


def test_a_program_calls_for_an_agent(line: Line, desk: DeskPage) -> None:
    """Click-to-call from end to end: request, agent's browser, switch, trunk, the record."""
    page = desk.page
    status, accepted = ask(
        line.stack,
        line.token,
        "POST",
        "/calls",
        {"agent": "agent1", "to": WRITTEN, "reference": "order 4711"},
    )
    assert (status, accepted["to"], accepted["reference"]) == (202, MASKED, "order 4711"), accepted
    called = line.outside.called(TO)
    desk.wait_for_state("talking")
    hears_the_other_side(line, desk)
    _, state = ask(line.stack, line.token, "GET", f"/calls/{accepted['id']}")
    assert (state["phase"], state["direction"], state["called"]) == ("talking", "out", MASKED)
    status, _ = ask(line.stack, line.token, "POST", f"/calls/{accepted['id']}/hangup")
    assert status == 202
    page.wait_for_selector(".zd-call", state="detached")
    desk.wait_for_state("ready")
    assert not line.outside.up(called)
    deadline = clock.now_s() + 20
    while True:
        _, over = ask(line.stack, line.token, "GET", f"/calls/{accepted['id']}")
        if over["phase"] == "ended" and over["talk_at"]:
            break
        assert clock.now_s() < deadline, over
        time.sleep(0.3)
    assert (over["called"], over["cause"], over["reference"]) == (MASKED, "NORMAL_CLEARING", "order 4711")
    assert over["ended_in"] == "agent"
    status, refused = ask(line.stack, line.token, "POST", "/calls", {"agent": "agent1", "to": "110"})
    assert status == 422, refused


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_at_the_field(line: Line, desk: DeskPage, language: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = desk.page
    desk.context.add_cookies([{"name": "zj_language", "value": language, "url": line.stack.url}])
    page.reload()
    page.wait_for_selector(".zd-extension.zd-ok")
    page.fill(FIELD, "110")
    page.keyboard.press("Enter")
    page.wait_for_selector(".zd-dial-said.text-danger")
    found = Axe().run(page).response["violations"]
    if folder := os.environ.get("ZJ_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/dial-{line.stack.switch}-{language}.png")
    assert [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]] == []


@pytest.fixture
def caller(line: Line) -> Iterator[Caller]:
    """A caller who has hung up when the test is over."""
    made = Caller(line.stack)
    yield made
    made.hang_up()


def use_phone(page: Any, name: str) -> None:
    """Choose the phone that rings, in the panel of states."""
    page.click(".zd-strip .zd-state")
    page.click(f".zd-panel .zd-chip:text-is('{name}')")
    page.wait_for_selector(".zd-panel", state="detached")
    page.click(".zd-strip .zd-state")
    page.wait_for_selector(f".zd-panel .zd-chip[aria-pressed=true]:text-is('{name}')")
    page.keyboard.press("Escape")


@on_the_simulator
def test_an_agent_takes_a_call_on_a_landline(line: Line, desk: DeskPage, caller: Caller) -> None:
    page = desk.page
    page.click(".zd-strip .zd-state")
    page.click(".zd-panel .zd-choice:has-text('我的分机')")
    page.fill("#zd-bound", LANDLINE)
    page.click("dialog[open] form .btn-primary")
    page.wait_for_selector("dialog[open] [role=status]:text-is('已保存。')")
    page.keyboard.press("Escape")
    use_phone(page, "话机（固话/手机）")
    desk.wait_for_state("ready")

    caller.call()
    page.wait_for_selector(".zd-ring", timeout=RINGS_MS)
    assert "请摘机" in page.inner_text(".zd-ring")
    assert page.query_selector(".zd-ring .btn-success") is None, "a landline is picked up by hand"
    landline = line.outside.called(LANDLINE)
    desk.wait_for_state("talking")
    page.click(".zd-card .zd-buttons [aria-label='保持']")
    page.wait_for_selector(".zd-card .zd-flag:text-is('保持中')")
    page.click(".zd-card .zd-buttons [aria-label='保持']")
    page.wait_for_selector(".zd-card .zd-flag", state="detached")
    page.click(".zd-call .btn-danger")
    page.wait_for_selector(".zd-call", state="detached")
    desk.wait_for_state("ready")
    assert not line.outside.up(landline)
    use_phone(page, "模拟话机")
    assert desk.problems == []


@on_the_simulator
def test_a_three_way_talk_begins_in_the_strip_and_goes_on_without_the_agent(
    line: Line, desk: DeskPage, caller: Caller
) -> None:
    page = desk.page
    caller.call()
    page.wait_for_selector(".zd-ring", timeout=RINGS_MS)
    desk.answer()
    desk.wait_for_state("talking")
    page.click(".zd-strip [aria-label='转接']")
    page.fill(".zd-strip .zd-transfer input", WRITTEN)
    page.click(".zd-strip .zd-transfer-row button:text-is('先咨询')")
    asked = line.outside.called(TO)
    page.wait_for_selector(".zd-card .zd-consult p:has-text('通话，客户在听音乐')")
    page.click(".zd-strip [aria-label='转接']")
    page.click(".zd-strip .zd-consult button:has-text('三方通话')")
    page.wait_for_selector(".zd-strip .zd-consult p:has-text('和客户三方通话')")
    page.click(".zd-strip .zd-consult button:has-text('退出通话')")
    page.wait_for_selector(".zd-call", state="detached")
    desk.wait_for_state("ready")
    assert line.outside.up(asked), "the two go on"
    line.outside.hang_up(asked)
    assert desk.problems == []
