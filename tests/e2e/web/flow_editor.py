"""What the tests of the flow editor do again and again: a new flow, its draft as the server has it, arrows drawn."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.web.conftest import Site


def new_flow(site: Site, page: Page, code: str) -> str:
    """Make an empty flow from the list, which opens it, and return its address."""
    page.goto(f"{site.url}/flows")
    page.get_by_role("button", name="New").click()
    dialog = page.locator("dialog[open]")
    dialog.locator("#f-code").fill(code)
    dialog.locator("#f-name").fill(f"Flow {code}")
    dialog.locator("footer .btn-primary").click()
    expect(page.locator(".zf-bar")).to_be_visible()
    return page.url


def open_editor(page: Page, address: str) -> None:
    """Open a flow's editor."""
    page.goto(address)
    expect(page.locator(".zf-bar")).to_be_visible()


def boot(page: Page, address: str) -> dict[str, Any]:
    """Return what a fresh page of the editor begins with."""
    other = page.context.new_page()
    other.goto(address)
    text = other.locator("[data-flow-editor]").get_attribute("data-boot") or "{}"
    other.close()
    data: dict[str, Any] = json.loads(text)
    return data


def saved(page: Page) -> None:
    """Wait until the draft is saved."""
    expect(page.locator(".zf-save")).to_have_attribute("data-state", "saved", timeout=15_000)


def add(page: Page, node_type: str) -> None:
    """Add a node with the menu above the canvas."""
    page.locator(".zf-bar").get_by_role("button", name="Add node").click()
    page.locator(f"[role=menuitem][data-value={node_type}]").click()
    expect(page.locator("#zf-node-name")).to_be_focused()


def draw(page: Page, code: str, handle: str, target: str) -> None:
    """Draw an arrow with the mouse from a way out of a node to another node."""
    at_rest(page)
    from_x, from_y = _middle(page.locator(f"[data-node={code}] [data-handleid='{handle}']"))
    end = page.locator(f"[data-node={target}] [data-handleid=in]")
    to_x, to_y = _middle(end)
    page.mouse.move(from_x, from_y)
    page.mouse.down()
    page.mouse.move((from_x + to_x) / 2, (from_y + to_y) / 2, steps=4)
    expect(page.locator(".vue-flow__connection-path")).to_be_attached()
    page.mouse.move(to_x - 2, to_y, steps=4)
    page.mouse.move(to_x, to_y)
    # Near the edge the canvas moves along under the pointer: one goes after the box, as a hand does.
    for _ in range(100):
        drawn(page)
        if VALID.search(end.get_attribute("class") or ""):
            break
        to_x, to_y = _middle(end)
        page.mouse.move(to_x, to_y)
    # Where the pointer is let go counts what the canvas has seen of it by then.
    expect(end).to_have_class(VALID)
    page.mouse.up()


def drawn(page: Page) -> None:
    """Wait until what changed has been drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def at_rest(page: Page) -> None:
    """Wait until the boxes stand still: the canvas glides, and what is measured on the way is missed by the mouse."""
    page.evaluate(
        """() => new Promise((done) => {
            const where = () => [...document.querySelectorAll(".vue-flow__node")].map((each) => {
                const box = each.getBoundingClientRect();
                return `${box.x} ${box.y} ${box.width}`;
            }).join();
            let last = where(), since = performance.now();
            const look = (now) => {
                const here = where();
                if (here !== last) [last, since] = [here, now];
                if (now - since > 250) done(); else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        })"""
    )


def open_node(page: Page, code: str) -> None:
    """Open a node's form by a click on its box."""
    page.locator(f"[data-node={code}] .zf-node-icon").click()
    expect(page.locator(".zf-code code")).to_have_text(code)


def pick(page: Page, field: str, words: str) -> None:
    """Choose in a field that finds one of many: the first that has `words`."""
    page.locator(f".zf-panel [data-field='{field}']").click()
    page.keyboard.type(words)
    page.locator("[role=option]:visible", has_text=words).first.click()


def say(page: Page, text: str) -> None:
    """Put a text into the first prompt list of the open form."""
    page.locator(".zf-kind-prompts .zf-add").first.click()
    page.locator("[role=menuitem][data-value=text]").click()
    page.locator(".zf-panel [data-field='prompts.0.text']").fill(text)


VALID = re.compile(r"\bvalid\b")
"""Class of an end at which the arrow that is being drawn may be let go."""


def _middle(locator: Locator) -> tuple[float, float]:
    box = locator.bounding_box()
    assert box is not None, "the element is on the page"
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
