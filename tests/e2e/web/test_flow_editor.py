"""The flow editor (CTI-I2 to I4, I14, I15) as people use it: by mouse, with the real server behind it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from ivr.nodes import NODE_TYPES
from tests.e2e.web import flow_editor as editor
from tests.e2e.web.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

ARROWS = (
    ("playback1", "next", "menu1"),
    ("menu1", "keys.+", "time1"),
    ("menu1", "keys.+", "http1"),
    ("menu1", "keys.+", "survey1"),
    ("menu1", "keys.+", "callback1"),
    ("menu1", "keys.+", "assign1"),
    ("menu1", "keys.+", "sms1"),
    ("menu1", "failure", "hangup1"),
    ("time1", "rules.+", "region1"),
    ("time1", "otherwise", "collect1"),
    ("region1", "rules.+", "consent1"),
    ("region1", "otherwise", "branch1"),
    ("collect1", "next", "hangup1"),
    ("consent1", "yes", "transfer1"),
    ("consent1", "no", "transfer1"),
    ("branch1", "cases.+", "flow1"),
    ("branch1", "otherwise", "voicemail1"),
    ("http1", "next", "hangup1"),
    ("sms1", "next", "hangup1"),
    ("assign1", "next", "hangup1"),
)


def look(page: Page, name: str) -> None:
    """Keep a picture where ZJ_PICTURES says so, for the one who looks at pages."""
    if folder := os.environ.get("ZJ_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_cti_i2_every_node_type_by_mouse_saved_and_published(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    page.set_viewport_size({"width": 1920, "height": 1080})
    address = editor.new_flow(site, page, "every-type")
    for node_type in ("playback", *sorted(set(NODE_TYPES) - {"playback"})):
        editor.add(page, node_type)
    page.get_by_role("button", name="Show everything").click()
    expect(page.locator(".vue-flow__node")).to_have_count(len(NODE_TYPES))
    _variable(page, "order")
    for count, (code, handle, target) in enumerate(ARROWS, 1):
        page.get_by_role("button", name="Tidy up").click()
        page.get_by_role("button", name="Show everything").click()
        editor.drawn(page)
        editor.draw(page, code, handle, target)
        expect(page.locator(".vue-flow__edge")).to_have_count(count)
    _fill(page)
    look(page, "flow-every-type")
    expect(page.locator(".zf-publish .zf-badge")).to_have_count(0, timeout=10_000)
    editor.saved(page)
    page.locator(".zf-publish").click()
    page.locator("#zf-note").fill("the first one")
    page.locator("dialog[open] .btn-primary").click()
    expect(page.locator("#zj-toasts")).to_contain_text("Published as version 1")

    data = editor.boot(page, address)
    assert data["flow"]["published_version"] == 1
    document = data["document"]
    assert {node["type"] for node in document["nodes"]} == set(NODE_TYPES)
    by_code = {node["code"]: node for node in document["nodes"]}
    assert by_code["menu1"]["keys"] == dict(
        zip("123456", ["time1", "http1", "survey1", "callback1", "assign1", "sms1"], strict=True)
    )
    assert by_code["region1"]["rules"] == [{"regions": ["广东"], "target": "consent1"}]
    assert by_code["branch1"]["cases"][0]["variable"] == "caller_number"
    assert by_code["assign1"]["assignments"] == [{"name": "order", "value": "{caller_number}"}]
    assert set(document["layout"]) == set(by_code)
    page.get_by_role("button", name="Versions").click()
    expect(page.locator(".zf-versions tbody tr").first).to_contain_text("the first one")
    context.close()


def _variable(page: Page, name: str) -> None:
    page.get_by_role("tab", name="Flow").click()
    page.get_by_role("button", name="Add variable").click()
    page.locator("[data-field='variables.0.name']").fill(name)


def _fill(page: Page) -> None:
    """Fill in what publishing asks for."""
    for code in ("playback1", "menu1"):
        editor.open_node(page, code)
        editor.say(page, "Hello")
    editor.open_node(page, "region1")
    editor.pick(page, "rules.0.regions", "Guangdong")
    editor.open_node(page, "branch1")
    editor.pick(page, "cases.0.variable", "caller_number")
    page.locator("[data-field='cases.0.value']").fill("138")
    editor.open_node(page, "collect1")
    editor.pick(page, "variable", "order")
    editor.open_node(page, "assign1")
    page.locator(".zf-kind-rows .zf-add").click()
    editor.pick(page, "assignments.0.name", "order")
    page.locator(".zf-kind-text .zf-insert").click()
    page.locator("[role=menuitem][data-value=caller_number]").click()
    editor.open_node(page, "http1")
    page.locator("[data-field='url']").fill("https://crm.example.com/calls/{caller_number}")
    editor.open_node(page, "sms1")
    page.locator("[data-field='text']").fill("您的订单 {order} 已发货")
    expect(page.locator("[data-sms-length]")).to_have_text(
        "9 of 500 characters, parts: 1 (without variables)"
    )
    editor.open_node(page, "callback1")
    editor.pick(page, "queue_id", "Sales")
    editor.open_node(page, "transfer1")
    editor.pick(page, "target_id", "Sales")
    editor.open_node(page, "flow1")
    editor.pick(page, "flow_id", "Welcome")


def test_cti_i14_problems_show_at_node_and_field_and_jump_there(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    editor.new_flow(site, page, "problems")
    editor.add(page, "menu")
    expect(page.locator("[data-node=menu1] .zf-badge-error")).to_have_text("3", timeout=10_000)
    page.locator(".zf-publish").click()
    expect(page.locator("dialog[open] .zf-loose li")).to_have_count(3)
    page.get_by_role("button", name="Show the problems").click()
    page.locator(".zf-problems button", has_text="Choose the node to go on at").click()
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("data-field", "failure")
    expect(focused).to_have_attribute("aria-invalid", "true")
    page.keyboard.type("new hang")
    page.keyboard.press("Enter")
    expect(focused).to_have_value("Hang up")
    expect(page.locator("[data-node=menu1] .zf-badge-error")).to_have_text("2", timeout=10_000)
    context.close()


def test_cti_i3_a_used_variable_stays_and_renaming_it_renames_its_uses(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, page, "variables")
    _variable(page, "order")
    editor.add(page, "collect")
    editor.pick(page, "variable", "order")
    page.get_by_role("tab", name="Flow").click()
    page.get_by_role("button", name="Remove: order").click()
    expect(page.locator(".zf-panel [role=alert]")).to_contain_text("order cannot be deleted: Collect digits")
    page.locator("[data-field='variables.0.name']").fill("number_of_order")
    editor.saved(page)
    data = editor.boot(page, address)["document"]
    assert data["nodes"][0]["variable"] == data["variables"][0]["name"] == "number_of_order"
    context.close()


def test_undo_redo_duplicate_paste_and_dragging(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, page, "undo")
    editor.add(page, "playback")
    page.locator("#zf-node-name").fill("Hello")
    box = page.locator("[data-node=playback1]").bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 130, steps=5)
    page.mouse.up()
    page.keyboard.press("Control+d")
    expect(page.locator(".vue-flow__node")).to_have_count(2)
    page.keyboard.press("Control+c")
    page.keyboard.press("Control+v")
    expect(page.locator(".vue-flow__node")).to_have_count(3)
    editor.saved(page)
    document = editor.boot(page, address)["document"]
    names = [node["name"] for node in document["nodes"]]
    assert names == ["Hello", "Hello 2", "Hello 3"]
    assert document["layout"]["playback1"] != [0, 0]
    page.keyboard.press("Delete")
    expect(page.locator(".vue-flow__node")).to_have_count(2)
    for _ in range(6):
        page.keyboard.press("Control+z")
    expect(page.locator(".vue-flow__node")).to_have_count(0)
    expect(page.locator(".zf-canvas-empty")).to_be_visible()
    for _ in range(6):
        page.keyboard.press("Control+Shift+z")
    expect(page.locator(".vue-flow__node")).to_have_count(2)
    editor.saved(page)
    assert [node["name"] for node in editor.boot(page, address)["document"]["nodes"]] == ["Hello", "Hello 2"]
    context.close()


def test_cti_i15_trying_a_flow_shows_its_way(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    editor.open_editor(page, f"{site.url}/flows/1")
    page.get_by_role("tab", name="Try it").click()
    page.get_by_role("button", name="Start the call").click()
    expect(page.locator(".zf-talk-says").first).to_contain_text("Welcome to the Zongji demo company.")
    page.get_by_role("button", name="Heard to the end").click()
    expect(page.locator("[data-node=menu].zf-under-way")).to_be_visible()
    page.locator(".zf-try").focus()
    page.keyboard.press("1")
    expect(page.locator("[data-node=sales].zf-under-way")).to_be_visible()
    page.keyboard.press("Backspace")
    expect(page.locator("[data-node=menu].zf-under-way")).to_be_visible()
    page.keyboard.press("2")
    page.get_by_label("How the transfer fails").select_option("busy")
    page.get_by_role("button", name="Transfer fails").click()
    expect(page.locator("[data-node=support].zf-under-way")).to_be_visible()
    page.get_by_role("button", name="Caller hangs up").click()
    expect(page.locator(".zf-try-now")).to_have_text("The call is over.")
    expect(page.locator(".zf-under-way")).to_have_count(0)
    context.close()


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_axe_finds_nothing_anywhere_in_the_editor(
    site: Site, browser: Browser, language: str, theme: str
) -> None:
    context, page = site.sign_in(browser, "admin", language, theme)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    editor.open_editor(page, f"{site.url}/flows/1")
    expect(page.locator("[data-node=menu]")).to_be_visible()
    found: dict[str, list[str]] = {}

    def check(where: str) -> None:
        look(page, f"flow-{where}-{language}")
        violations = Axe().run(page).response["violations"]
        if lines := [f"{each['id']}: {node['html'][:160]}" for each in violations for node in each["nodes"]]:
            found[where] = lines

    check("canvas")
    page.keyboard.press("Alt+2")
    page.locator("[data-item=menu]").click()
    check("both")
    for tab in ("flow", "problems", "try"):
        page.locator(f"#zf-tab-{tab}").click()
        check(tab)
    page.locator(".zf-try-bar .btn-primary").click()
    expect(page.locator(".zf-talk")).to_be_visible()
    check("trying")
    for dialog, button in (
        ("publish", ".zf-publish"),
        ("versions", ".zf-bar button:has(use[href$='#history'])"),
    ):
        page.locator(button).click()
        expect(page.locator("dialog[open]")).to_be_visible()
        page.wait_for_timeout(500)
        check(dialog)
        page.keyboard.press("Escape")
    context.close()
    assert found == {}, found
    assert errors == [], "what the browser complained about (content policy, scripts)"


def test_variables_are_offered_in_chinese_and_a_trial_goes_on_while_the_flow_is_mended(
    site: Site, browser: Browser
) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, page, "mended")
    editor.add(page, "menu")
    editor.say(page, "Press 1")
    expect(page.locator("[data-node=menu1] .zf-badge-error")).to_have_text("2", timeout=10_000)
    page.get_by_role("tab", name="Problems").click()
    expect(page.locator(".zf-problems button", has_text="Node on failure")).to_have_count(1)
    page.get_by_role("tab", name="Try it").click()
    page.locator(".zf-try-bar .btn-primary").click()
    expect(page.locator(".zf-talk li")).not_to_have_count(0)
    page.get_by_role("tab", name="Node").click()
    page.locator(".zf-panel [data-field='prompts.0.text']").fill("Press 2")
    page.get_by_role("tab", name="Try it").click()
    expect(page.locator(".zf-talk")).to_contain_text("Press 2")
    page.get_by_role("tab", name="Node").click()
    editor.add(page, "sms")
    editor.saved(page)
    context.close()

    context, page = site.sign_in(browser, "admin", "zh")
    editor.open_editor(page, address)
    editor.open_node(page, "sms1")
    page.locator(".zf-kind-textarea .zf-insert").click()
    page.locator("[role=menuitem][data-value=caller_number]").click()
    expect(page.locator(".zf-panel [data-field='text']")).to_have_value("{caller_number}")
    context.close()
