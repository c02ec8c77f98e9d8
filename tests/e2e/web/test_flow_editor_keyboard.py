"""The flow editor by keyboard alone (CTI-I2, I4, I14), and two people at one draft."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.web import flow_editor as editor
from tests.e2e.web.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def tab_to(page: Page, field: str, key: str = "Tab") -> None:
    """Press Tab until the cursor is in the field."""
    for _ in range(60):
        if page.evaluate("() => document.activeElement?.dataset.field ?? ''") == field:
            return
        page.keyboard.press(key)
    raise AssertionError(f"Tab never came to {field}")


def focus_button(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab until the cursor is on the button with this text."""
    for _ in range(60):
        if name in str(page.evaluate("() => document.activeElement?.textContent ?? ''")).strip():
            return
        page.keyboard.press(key)
    raise AssertionError(f"Tab never came to {name}")


def write_text(page: Page, text: str) -> None:
    """Add a text to the prompt list of the open form and type it."""
    tab_to(page, "name")
    focus_button(page, "Add")
    page.keyboard.press("Enter")
    expect(page.locator("[role=menuitem]:focus")).to_have_attribute("data-value", "text")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_attribute("data-field", "prompts.0.text")
    page.keyboard.type(text)


def in_outline(page: Page, item: str) -> None:
    """Bring the keyboard to a line of the outline: F6 into it, then Home and the arrow down."""
    for _ in range(5):
        if page.evaluate("() => !!document.activeElement?.closest('[data-item]')"):
            break
        page.keyboard.press("F6")
    # Most often it is a line or two below.
    for key, times in (("ArrowDown", 5), ("Home", 1), ("ArrowDown", 60)):
        for _ in range(times):
            if page.evaluate("() => document.activeElement?.dataset.item") == item:
                return
            page.keyboard.press(key)
    raise AssertionError(f"the arrow never came to {item}")


def lead(page: Page, item: str, words: str) -> None:
    """Choose where a way out in the outline leads."""
    in_outline(page, item)
    page.keyboard.press("Enter")
    expect(page.locator("[role=combobox]:focus")).to_have_attribute("aria-expanded", "true")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-item='{item}']")).to_be_focused()


def test_cti_i2_a_flow_is_made_and_published_without_a_mouse(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, page, "keyboard")
    page.keyboard.press("Alt+3")
    page.keyboard.press("F6")
    page.keyboard.press("F6")
    expect(page.locator(".zf-outline-bar button").first).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    expect(page.locator(".zf-tree input")).to_be_focused()
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    expect(page.locator("[data-item=playback1]")).to_be_focused()
    page.keyboard.press("a")
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    expect(page.locator(".zf-tree input")).to_be_focused()
    page.keyboard.type("Choice")
    page.keyboard.press("Enter")

    lead(page, "playback1:next", "choice")
    lead(page, "menu1:failure", "new hang")
    expect(page.locator("[data-item=hangup1]")).to_be_visible()
    in_outline(page, "playback1")
    page.keyboard.press("Enter")
    write_text(page, "Good morning")
    in_outline(page, "menu1")
    page.keyboard.press("Enter")
    write_text(page, "Press one")
    focus_button(page, "Add key")
    page.keyboard.press("Enter")
    expect(page.locator(".zf-key-select")).to_be_focused()
    tab_to(page, "keys.1")
    page.keyboard.type("new transfer")
    page.keyboard.press("Enter")
    in_outline(page, "transfer1")
    page.keyboard.press("Enter")
    tab_to(page, "target_id")
    page.keyboard.type("sales")
    page.keyboard.press("Enter")
    expect(page.locator(".zf-publish .zf-badge")).to_have_count(0, timeout=10_000)

    page.keyboard.press("Control+s")
    editor.saved(page)
    focus_button(page, "Publish", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#zf-note")).to_be_focused()
    page.keyboard.type("by keys")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#zj-toasts")).to_contain_text("Published as version 1")
    document = editor.boot(page, address)["document"]
    by_code = {node["code"]: node for node in document["nodes"]}
    assert by_code["playback1"]["name"] == "Hello"
    assert by_code["playback1"]["next"] == "menu1"
    assert by_code["menu1"]["keys"] == {"1": "transfer1"}
    assert by_code["menu1"]["failure"] == "hangup1"
    assert by_code["menu1"]["prompts"][0]["text"] == "Press one"
    assert by_code["transfer1"]["target_id"] > 0
    context.close()


FILLED: dict[str, tuple[str, str, Any]] = {
    "playback": ("repeat", "2", 2),
    "menu": ("timeout_s", "7", 7),
    "collect": ("pattern", "[1-9]+", "[1-9]+"),
    "consent": ("timeout_s", "8", 8),
    "survey": ("timeout_s", "9", 9),
    "voicemail": ("max_s", "60", 60),
    "time": ("rules.0.start", "0815AM", "08:15"),
    "region": ("rules.0.regions", "beijing", ["北京"]),
    "branch": ("cases.0.value", "gold", "gold"),
    "assign": ("assignments.0.value", "silver", "silver"),
    "callback": ("queue_id", "sales", None),
    "transfer": ("target_id", "sales", None),
    "flow": ("flow_id", "welcome", None),
    "sms": ("text", "Order {caller_number}", "Order {caller_number}"),
    "http": ("url", "https://shop.example/{caller_number}", "https://shop.example/{caller_number}"),
}
"""Of each node type a field, what is typed into it, and what it then holds (None: the id of what was chosen)."""
WAYS = {
    "menu": "failure",
    "time": "otherwise",
    "region": "otherwise",
    "branch": "otherwise",
    "consent": "yes",
}
"""A way out of the types that have no `next`; `voicemail`, `flow` and `hangup` have none."""
ROWS = {"time": "rules", "region": "rules", "branch": "cases", "assign": "assignments"}


def add_by_keys(page: Page, node_type: str) -> None:
    """Add a node out of the outline, with the arrows in its menu."""
    page.keyboard.press("a")
    for _ in range(20):
        if page.evaluate("() => document.activeElement?.dataset.value") == node_type:
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".zf-tree input")).to_be_focused()
    page.keyboard.type(f"A {node_type}")
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-item={node_type}1]")).to_be_focused()


def fill_by_keys(page: Page, node_type: str) -> None:
    """Open the node's form and type into its field; a row is added first where the field is in one."""
    field, text, _ = FILLED[node_type]
    page.keyboard.press("Enter")
    tab_to(page, "name")
    if node_type in ROWS:
        focus_button(page, "Add")
        page.keyboard.press("Enter")
    tab_to(page, field)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)
    if node_type in {"region", "callback", "transfer", "flow"}:
        page.keyboard.press("Enter")


def held(node: dict[str, Any], path: str) -> Any:
    """Return what a field of a node's document holds."""
    value: Any = node
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else value[part]
    return value


def test_a_node_of_every_type_is_added_filled_and_connected_by_keyboard(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, page, "everykey")
    types = {each["type"] for each in editor.boot(page, address)["node_types"]}
    assert types == {*FILLED, "hangup"}
    page.keyboard.press("Alt+3")
    page.keyboard.press("F6")
    page.keyboard.press("F6")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    for _ in range(20):
        if page.evaluate("() => document.activeElement?.dataset.value") == "hangup":
            break
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.keyboard.type("The end")
    page.keyboard.press("Enter")
    expect(page.locator("[data-item=hangup1]")).to_be_focused()
    for node_type in FILLED:
        add_by_keys(page, node_type)
        fill_by_keys(page, node_type)
        if node_type not in {"voicemail", "flow"}:
            way = WAYS.get(node_type, "failure" if node_type == "transfer" else "next")
            lead(page, f"{node_type}1:{way}", "the end")
        in_outline(page, f"{node_type}1")
    page.keyboard.press("Control+s")
    editor.saved(page)
    nodes = {node["type"]: node for node in editor.boot(page, address)["document"]["nodes"]}
    for node_type, (field, _, value) in FILLED.items():
        found = held(nodes[node_type], field)
        assert found == value if value is not None else found > 0, node_type
        way = WAYS.get(node_type, "failure" if node_type == "transfer" else "next")
        assert nodes[node_type].get(way, "hangup1") == "hangup1", node_type
    context.close()


def test_the_outline_renames_reorders_changes_types_and_deletes(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, page, "outline")
    page.keyboard.press("Alt+3")
    for node_type in ("playback", "menu", "hangup"):
        editor.add(page, node_type)
    in_outline(page, "hangup1")
    page.keyboard.press("F2")
    page.keyboard.type("The end")
    page.keyboard.press("Enter")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".zf-tree > li b").first).to_have_text("The end")
    lead(page, "playback1:next", "the end")
    page.keyboard.press("g")
    expect(page.locator("[data-item=hangup1]")).to_be_focused()
    in_outline(page, "menu1")
    page.keyboard.press("t")
    expect(page.locator("select:focus")).to_have_attribute("data-field", "type")
    page.keyboard.type("Coll")
    expect(page.locator(".zf-kind-integer")).not_to_have_count(0)
    in_outline(page, "playback1:next")
    page.keyboard.press("Delete")
    expect(page.locator("[data-item='playback1:next']")).to_contain_text("nowhere yet")
    in_outline(page, "hangup1")
    page.keyboard.press("Delete")
    expect(page.locator("[data-item=hangup1]")).to_have_count(0)
    editor.saved(page)
    document = editor.boot(page, address)["document"]
    assert [(node["code"], node["type"]) for node in document["nodes"]] == [
        ("playback1", "playback"),
        ("menu1", "collect"),
    ]
    page.keyboard.press("Control+z")
    expect(page.locator("[data-item=hangup1]")).to_have_count(1)
    context.close()


def test_cti_i4_prompts_change_places_by_keyboard_and_by_mouse(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, page, "prompts")
    editor.add(page, "playback")
    for number, text in enumerate(("one", "two", "three")):
        page.locator(".zf-kind-prompts .zf-add").click()
        page.locator("[role=menuitem][data-value=text]").click()
        page.locator(f"[data-field='prompts.{number}.text']").fill(text)
    page.locator("[data-field='prompts.2.text']").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("[data-field='prompts.1.text']")).to_be_focused()
    expect(page.locator("[data-field='prompts.1.text']")).to_have_value("three")
    page.locator(".zf-grip").nth(0).drag_to(page.locator("[data-field='prompts.2.text']"))
    expect(page.locator("[data-field='prompts.2.text']")).to_have_value("one")
    page.locator(".zf-prompt .zf-kind").nth(0).select_option("sound")
    page.locator("[data-field='prompts.0.name']").click()
    page.locator("[role=option]:visible").nth(2).click()
    editor.saved(page)
    prompts = editor.boot(page, address)["document"]["nodes"][0]["prompts"]
    assert [each["kind"] for each in prompts] == ["sound", "text", "text"]
    assert prompts[0]["name"]
    assert [each["text"] for each in prompts[1:]] == ["two", "one"]
    context.close()


def test_two_people_at_one_draft_are_told_and_choose(site: Site, browser: Browser) -> None:
    context, mine = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, mine, "conflict")
    editor.add(mine, "playback")
    editor.saved(mine)
    theirs = context.new_page()
    editor.open_editor(theirs, address)
    theirs.locator("#zf-node-name").fill("Theirs")
    editor.saved(theirs)
    mine.locator("#zf-node-name").fill("Mine")
    dialog = mine.locator("dialog[open]")
    expect(dialog).to_contain_text("Somebody else saved this draft", timeout=15_000)
    dialog.get_by_role("button", name="Take theirs").click()
    expect(mine.locator("#zf-node-name")).to_have_value("Theirs")
    editor.saved(mine)
    mine.keyboard.press("Control+z")
    expect(mine.locator("#zf-node-name")).to_have_value("Mine")
    editor.saved(mine)
    assert editor.boot(mine, address)["document"]["nodes"][0]["name"] == "Mine"
    theirs.locator("#zf-node-name").fill("Theirs again")
    theirs.locator("dialog[open]").get_by_role("button", name="Keep mine").click()
    editor.saved(theirs)
    assert editor.boot(mine, address)["document"]["nodes"][0]["name"] == "Theirs again"
    context.close()


def test_a_draft_nobody_here_has_seen_is_not_published_thrown_away_or_gone_back_from(
    site: Site, browser: Browser
) -> None:
    context, mine = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, mine, "unseen")
    editor.add(mine, "hangup")
    mine.locator("#zf-node-name").fill("First")
    expect(mine.locator(".zf-publish .zf-badge")).to_have_count(0, timeout=10_000)
    mine.locator(".zf-publish").click()
    mine.locator("dialog[open] .btn-primary").click()
    expect(mine.locator("#zj-toasts")).to_contain_text("Published as version 1")
    theirs = context.new_page()
    editor.open_editor(theirs, address)
    dialog, told = mine.locator("dialog[open]"), "Somebody else saved this draft"
    for ways, name in (("Discard draft", "One"), ("Restore version 1", "Two"), ("publish", "Three")):
        theirs.locator("#zf-node-name").fill(name)
        editor.saved(theirs)
        if ways == "publish":
            mine.locator(".zf-publish").click()
            dialog.locator(".btn-primary").click()
        else:
            mine.get_by_role("button", name="Versions").click()
            dialog.get_by_role("button", name=ways).click()
        expect(dialog).to_have_count(1)
        expect(dialog).to_contain_text(told)
        assert editor.boot(theirs, address)["document"]["nodes"][0]["name"] == name
        if ways != "publish":
            dialog.get_by_role("button", name="Take theirs").click()
            expect(mine.locator("#zf-node-name")).to_have_value(name)
    dialog.get_by_role("button", name="Keep mine").click()
    expect(dialog).to_have_count(0)
    editor.saved(mine)
    data = editor.boot(mine, address)
    assert (data["document"]["nodes"][0]["name"], data["flow"]["published_version"]) == ("Two", 1)
    context.close()


def test_offline_is_said_and_saved_when_the_connection_is_back(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    address = editor.new_flow(site, page, "offline")
    editor.add(page, "playback")
    editor.saved(page)
    context.set_offline(True)
    page.locator("#zf-node-name").fill("Written offline")
    expect(page.locator(".zf-save")).to_have_attribute("data-state", "offline", timeout=10_000)
    context.set_offline(False)
    editor.saved(page)
    assert editor.boot(page, address)["document"]["nodes"][0]["name"] == "Written offline"
    page.locator("#zf-node-name").fill("Written on leaving")
    page.locator('#zj-menu a[href="/queues"]').click()
    expect(page.locator("#zj-main h1")).to_have_text("Queues")
    assert editor.boot(page, address)["document"]["nodes"][0]["name"] == "Written on leaving"
    context.close()


def test_versions_are_looked_at_compared_and_restored(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    editor.new_flow(site, page, "versions")
    editor.add(page, "hangup")
    for name in ("First", "Second"):
        page.locator("#zf-node-name").fill(name)
        expect(page.locator(".zf-publish .zf-badge")).to_have_count(0, timeout=10_000)
        page.locator(".zf-publish").click()
        page.locator("dialog[open] .btn-primary").click()
        expect(page.locator("#zj-toasts")).to_contain_text(
            f"Published as version {1 if name == 'First' else 2}"
        )
    page.get_by_role("button", name="Versions").click()
    drawer = page.locator("dialog[open]")
    changed = drawer.locator(".zf-differences li").last
    expect(changed.locator("del")).to_have_text("First")
    expect(changed.locator("ins")).to_have_text("Second")
    drawer.get_by_role("button", name="Look at version 1").click()
    expect(page.locator(".zf-looking")).to_contain_text("version 1")
    expect(page.locator("#zf-node-name")).to_have_value("First")
    expect(page.locator("#zf-node-name")).to_be_disabled()
    page.get_by_role("button", name="Back to the draft").click()
    expect(page.locator("#zf-node-name")).to_have_value("Second")
    page.get_by_role("button", name="Versions").click()
    drawer.get_by_role("button", name="Restore version 1").click()
    expect(page.locator("#zf-node-name")).to_have_value("First")
    editor.saved(page)
    page.get_by_role("button", name="Versions").click()
    drawer.get_by_role("button", name="Discard draft").click()
    expect(page.locator("#zf-node-name")).to_have_value("Second")
    context.close()
