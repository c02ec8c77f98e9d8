"""Pages in a real browser: accessible in both languages and themes, one shell for all of them, forms in drawers."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.web.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PAGES = (
    "/demo",
    "/records/inbound",
    "/records/missed",
    "/routes",
    "/flows",
    "/flows/1",
    "/queues",
    "/extensions",
    "/caller-rules",
    "/customers",
    "/accounts",
    "/log",
)


def _problems(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in violations for node in each["nodes"]]


@pytest.mark.parametrize(
    ("language", "theme"), [("zh", "light"), ("en", "dark"), ("en", "light"), ("zh", "dark")]
)
def test_axe_finds_nothing(site: Site, browser: Browser, language: str, theme: str) -> None:
    context, page = site.sign_in(browser, "admin", language, theme)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    found = {}
    for address in PAGES:
        page.goto(site.url + address)
        page.wait_for_load_state("load")
        page.wait_for_timeout(300)
        if problems := _problems(page):
            found[address] = problems
    page.goto(site.url + "/queues")
    page.locator(".zj-row-actions button").first.click()
    page.wait_for_selector("dialog[open]")
    page.wait_for_timeout(300)
    if problems := _problems(page):
        found["/queues drawer"] = problems
    page.goto("about:blank")  # the page before would go and sign in by itself
    context.clear_cookies()
    page.goto(site.url + "/sign-in")
    if problems := _problems(page):
        found["/sign-in"] = problems
    context.close()
    assert found == {}, "\n".join(sorted({line for lines in found.values() for line in lines}))
    assert errors == [], "what the browser complained about (content policy, scripts)"


def test_the_shell_stays_while_pages_come_and_go(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    page.goto(site.url + "/routes")
    page.evaluate("window.shellMark = 1; document.getElementById('zj-alerts').dataset.mark = 'kept'")
    page.click('#zj-menu a[href="/queues"]')
    expect(page.locator("#zj-main h1")).to_have_text("Queues")
    expect(page).to_have_title("Queues · Zongji")
    expect(page.locator('#zj-menu a[aria-current="page"]')).to_have_text("Queues")
    page.click('#zj-menu a[href="/flows"]')
    expect(page.locator("#zj-main h1")).to_have_text("IVR flows")
    page.go_back()
    expect(page.locator("#zj-main h1")).to_have_text("Queues")
    assert page.evaluate("window.shellMark") == 1
    expect(page.locator("#zj-alerts")).to_have_attribute("data-mark", "kept")
    page.reload()
    expect(page.locator("#zj-main h1")).to_have_text("Queues")
    context.close()


def test_a_drawer_says_what_is_wrong_saves_and_refreshes_the_list(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    page.goto(site.url + "/customers")
    page.get_by_role("button", name="New").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Name").fill("Neue Kundin")
    dialog.get_by_label("Number").fill("12")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("dialog[open] .zj-error")).to_contain_text("is not a telephone number")
    page.locator("dialog[open]").get_by_label("Number").fill("139 1111 2222")
    page.locator("dialog[open]").get_by_role("button", name="Save").click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#zj-toasts")).to_contain_text("Saved: Neue Kundin")
    expect(page.locator("#zj-list")).to_contain_text("13911112222")
    context.close()
