"""Accounts, roles and deleted accounts in a real browser: accessible, ticked, asked, refused (ACC-4, ACC-5, ACC-6)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.web.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SHOTS = os.environ.get("ZJ_SHOTS", "")
"""Folder for screenshots, for who wants to look."""


def _problems(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in violations for node in each["nodes"]]


def _look(page: Page, name: str) -> list[str]:
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")
    return [f"{name}: {line}" for line in _problems(page)]


def _row(page: Page, login: str):
    return page.locator("#zj-list tbody tr").filter(has=page.locator(f'td:text-is("{login}")'))


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_axe_finds_nothing_on_accounts_and_roles(
    site: Site, browser: Browser, language: str, theme: str
) -> None:
    context, page = site.sign_in(browser, "admin", language, theme)
    name = f"{language}-{theme}"
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    found: list[str] = []
    for address in ("accounts", "roles", "deleted-accounts"):
        page.goto(f"{site.url}/{address}")
        found += _look(page, f"{name}-{address}")
    page.goto(f"{site.url}/accounts")
    row = page.locator("#zj-list tbody tr").first
    row.locator(".zj-tick input").check()
    found += _look(page, f"{name}-ticked")
    row.locator("button[popovertarget]").click()
    found += _look(page, f"{name}-more")
    more = page.locator("[data-more]:popover-open button")
    more.last.click()
    page.wait_for_selector("dialog[open]")
    found += _look(page, f"{name}-delete")
    page.keyboard.press("Escape")
    row.locator("button[popovertarget]").click()
    more.first.click()
    page.wait_for_selector("dialog[open]")
    found += _look(page, f"{name}-recharge")
    page.keyboard.press("Escape")
    for number, what in ((0, "form"), (1, "permissions")):
        row.locator(".zj-row-actions > button").nth(number).click()
        page.wait_for_selector("dialog[open]")
        found += _look(page, f"{name}-{what}")
        page.keyboard.press("Escape")
    page.locator("[data-batch] button").nth(2).click()
    page.wait_for_selector("dialog[open]")
    found += _look(page, f"{name}-batch")
    page.goto(f"{site.url}/roles")
    page.locator(".zj-toolbar button").first.click()
    page.wait_for_selector("dialog[open]")
    found += _look(page, f"{name}-role")
    context.close()
    assert found == [], "\n".join(sorted(set(found)))
    assert errors == [], "what the browser complained about (content policy, scripts)"


def test_acc_5_the_roles_permissions_wait_for_a_role_and_trees_tick_by_module(
    site: Site, browser: Browser
) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    page.goto(f"{site.url}/accounts")
    page.locator(".zj-toolbar").get_by_role("button", name="New").click()
    dialog = page.locator("dialog[open]")
    applied = dialog.get_by_label("Apply the role's permissions")
    expect(applied).to_be_disabled()
    role = dialog.get_by_label("Role", exact=True)
    role.select_option(label="Agent")
    expect(applied).to_be_enabled()
    applied.check()
    role.select_option(label="Please choose")
    expect(applied).to_be_disabled()
    expect(applied).not_to_be_checked()
    dialog.get_by_label("Full name").fill("typed")
    dialog.get_by_role("button", name="Reset").click()
    expect(page.locator("dialog[open]").get_by_label("Full name")).to_have_value("")
    page.keyboard.press("Escape")
    page.goto(f"{site.url}/roles")
    page.locator(".zj-toolbar").get_by_role("button", name="New").click()
    dialog = page.locator("dialog[open]")
    group = dialog.locator("[data-tree-group]").filter(has_text="Customers")
    group.locator("[data-tree-all]").check()
    assert group.locator("input[name=permissions]:checked").count() == 3
    group.get_by_label("Customers: Delete").uncheck()
    assert group.locator("[data-tree-all]").evaluate("box => box.indeterminate")
    dialog.get_by_label("Role name").fill("Front desk")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#zj-list")).to_contain_text("Front desk")
    context.close()


def test_acc_4_ticked_rows_are_done_or_refused_one_by_one(site: Site, browser: Browser) -> None:
    context, page = site.sign_in(browser, "admin", "en")
    page.goto(f"{site.url}/accounts")
    batch = page.locator("[data-batch]")
    disable, enable = batch.get_by_role("button", name="Disable"), batch.get_by_role("button", name="Enable")
    expect(disable).to_be_disabled()
    page.locator("[data-tick-all]").check()
    count = page.locator("#zj-list tbody tr").count()
    expect(page.locator("[data-batch-count]")).to_have_text(str(count))
    disable.click()
    page.locator("dialog[open] button.btn-primary").click()
    expect(page.locator("dialog[open]")).to_contain_text(f"{count - 1} rows done.")
    expect(page.locator("dialog[open]")).to_contain_text(
        "You cannot disable the account you are signed in with."
    )
    page.keyboard.press("Escape")
    expect(page.locator("#zj-list tbody tr").filter(has_text="Disabled")).to_have_count(count - 1)
    page.locator("[data-tick-all]").check()
    enable.click()
    page.locator("dialog[open] button.btn-primary").click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#zj-list tbody tr").filter(has_text="Disabled")).to_have_count(0)
    context.close()
