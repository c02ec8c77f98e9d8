"""Announcements (ACC-9) as people see them: written in one browser, at the top of another's at once, read, gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.web.conftest import Site

pytestmark = pytest.mark.browser


def look(page: Page, name: str) -> None:
    """Keep a picture where ZJ_PICTURES says so, for the one who looks at pages."""
    if folder := os.environ.get("ZJ_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_acc_9_written_here_read_there(site: Site, browser: Browser, language: str) -> None:
    context, admin = site.sign_in(browser, "admin", language)
    others, agent = site.sign_in(browser, "agent1", language)
    agent.goto(f"{site.url}/customers")
    admin.goto(f"{site.url}/announcements")
    expect(admin.locator(".zj-empty")).to_be_visible()
    admin.click("#zj-list .zj-toolbar button")
    title = f"元旦放假安排 New Year ({language})"
    admin.fill("#f-title", title)
    admin.fill("#f-body", "1 月 1 日放假一天。\nThe hotline is closed on 1 January.")
    admin.uncheck("input[name=everybody]")
    admin.click("#f-targets-ts-control")
    admin.keyboard.type("agent1")
    admin.click(".ts-dropdown .option:has-text('agent1')")
    admin.focus("#f-title")
    look(admin, f"announcement-form-{language}")
    violations = Axe().run(admin).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations] == []
    admin.click("dialog .btn-primary")
    expect(admin.locator("#zj-list td").first).to_have_text(title)
    news = agent.locator(".zj-announcement")
    expect(news).to_contain_text(title, timeout=8_000)
    news.locator("summary").click()
    look(agent, f"announcement-news-{language}")
    assert Axe().run(agent).response["violations"] == []
    news.locator("button").click()
    expect(news).to_have_count(0)
    admin.reload()
    expect(admin.locator("#zj-list tbody tr").first).to_contain_text("1 / 1")
    look(admin, f"announcement-list-{language}")
    admin.once("dialog", lambda dialog: dialog.accept())
    admin.locator("#zj-list .btn-ghost-danger").first.click()
    expect(admin.locator(".zj-empty")).to_be_visible()
    others.close()
    context.close()
