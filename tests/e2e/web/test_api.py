"""The pages of the programming interface in a real browser: a key made and used once, the documentation."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.web.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def _problems(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in violations for node in each["nodes"]]


def _keep(page: Page, name: str) -> None:
    """Keep a picture where ``ZJ_TEST_PICTURES`` says, for people who want to look."""
    folder = os.environ.get("ZJ_TEST_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_a_key_is_made_shown_once_and_works(site: Site, browser: Browser, language: str, theme: str) -> None:
    context, page = site.sign_in(browser, "admin", language, theme)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(site.url + "/api-keys")
    page.locator(".zj-toolbar .btn-primary").click()
    page.wait_for_selector("dialog[open]")
    assert _problems(page) == []
    page.fill("#f-name", f"ERP {language}")
    page.check("input[name=scopes][value='queues:read']")
    _keep(page, f"api-form-{language}")
    page.locator("dialog footer .btn-primary").click()
    field = page.locator("#f-key")
    expect(field).to_be_visible()
    token = field.input_value()
    said = page.locator("[data-copy] span")
    before = said.inner_text()
    page.locator("[data-copy]").click()
    expect(said).not_to_have_text(before)
    assert page.evaluate("navigator.clipboard.readText()") == token
    _keep(page, f"api-made-{language}")
    assert _problems(page) == []
    request = urllib.request.Request(
        f"{site.url}/api/v1/queues", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["items"]
    page.locator("dialog footer .btn-primary").click()
    page.reload()
    expect(page.locator("#zj-list")).to_contain_text(f"ERP {language}")
    expect(page.locator("#zj-list")).to_contain_text("127.0.0.1")
    assert token not in page.content()
    _keep(page, f"api-keys-{language}")
    assert _problems(page) == []
    context.close()
    assert errors == []


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark"), ("en", "light")])
def test_the_documentation_can_be_read(site: Site, browser: Browser, language: str, theme: str) -> None:
    context, page = site.sign_in(browser, "admin", language, theme)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(site.url + "/api/docs")
    page.wait_for_timeout(300)
    assert _problems(page) == []
    _keep(page, f"api-docs-{language}-{theme}")
    page.locator(".zj-docs-list a[href='#placeCall']").click()
    expect(page.locator("#placeCall")).to_be_in_viewport()
    _keep(page, f"api-docs-call-{language}-{theme}")
    page.locator("a[href='#error-no-trunk']").first.click()
    expect(page.locator("#error-no-trunk")).to_be_in_viewport()
    context.close()
    assert errors == []
