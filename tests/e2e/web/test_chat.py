"""A supervisor writes to an agent, who reads it on any page at once and answers (SUP-9), by keyboard, zh and en."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from core.clock import now_ms
from core.database import ALL_TENANTS, Database
from core.models import Account
from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd
from cti.models import ExtensionAccount, QueueMember
from tests.e2e.web.conftest import Site

pytestmark = pytest.mark.browser

WORDS = {"zh": ("与 {name} 的消息", "发送"), "en": ("Messages with {name}", "Send")}

LOOKS_AWAY = """
document.hasFocus = () => false;
window.notes = 0;
const made = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () { window.notes += 1; return made.call(this); };
"""
"""Counts the notes a page plays while nobody looks at it."""


def look(page: Page, name: str) -> None:
    """Keep a picture where ZJ_PICTURES says so, for the one who looks at pages."""
    if folder := os.environ.get("ZJ_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def signed_in_agent(site: Site) -> str:
    """Have the first agent signed in on their extension, as the controller notes it; return their name."""
    database = Database.from_settings(site.settings)
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        account = session.scalars(select(Account).where(Account.login == "agent1")).one()
        extension_id = session.scalars(
            select(ExtensionAccount.extension_id).where(ExtensionAccount.account_id == account.id)
        ).first()
        queues = session.scalars(
            select(QueueMember.queue_id).where(QueueMember.extension_id == extension_id)
        ).all()
    database.dispose()
    agent = Agent(
        tenant_id=account.tenant_id,
        account_id=account.id,
        name=account.name,
        extension_id=extension_id or 0,
        extension="8001",
        endpoint="sip",
        user="",
        state=AgentState.READY,
        since_ms=now_ms(),
        registered=True,
        queue_ids=tuple(queues),
    )
    client = site.redis.client()
    acd = Acd(client)
    acd.hold_extension(agent.tenant_id, agent.extension_id, agent.account_id)
    acd.save(agent, "")
    client.close()
    return account.name


def clean(page: Page) -> None:
    """Axe finds nothing."""
    violations = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations] == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_sup_9_a_supervisor_writes_and_the_agent_answers(site: Site, browser: Browser, language: str) -> None:
    name = signed_in_agent(site)
    thread, send = WORDS[language]
    here, boss = site.sign_in(browser, "supervisor", language)
    there, agent = site.sign_in(browser, "agent1", language)
    agent.add_init_script(LOOKS_AWAY)
    agent.goto(f"{site.url}/customers")
    agent.locator("h1").first.click()  # a page that was never touched may not sound
    boss.goto(f"{site.url}/supervision")
    opener = boss.get_by_role("button", name=thread.format(name=name))
    opener.press("Enter")
    dialog = boss.locator("dialog[open]")
    field = dialog.locator("textarea")
    expect(field).to_be_focused()
    text = f"请放慢语速 <b>slow down</b> ({language})"
    field.press_sequentially(text)
    field.press("Enter")
    expect(dialog.locator(".zc-mine .zc-text").last).to_have_text(text)
    expect(field).to_have_value("")
    look(boss, f"chat-supervisor-{language}")
    clean(boss)
    button = agent.locator(".zc-open")
    expect(button).to_contain_text("1", timeout=20_000)
    agent.wait_for_function("window.notes === 1")  # who looks elsewhere hears that somebody wrote
    look(agent, f"chat-unread-{language}")
    button.press("Enter")
    panel = agent.locator(".zc-panel")
    expect(panel.locator(".zc-text").last).to_have_text(text)
    answer = agent.locator(".zc-panel textarea")
    expect(answer).to_be_focused()
    answer.fill("好的，收到 OK")
    panel.get_by_role("button", name=send).click()
    expect(panel.locator(".zc-mine .zc-text").last).to_have_text("好的，收到 OK")
    look(agent, f"chat-agent-{language}")
    clean(agent)
    expect(dialog.locator(".zc-text").last).to_have_text("好的，收到 OK", timeout=20_000)
    answer.press("Escape")
    expect(button).to_be_focused()
    expect(button).not_to_contain_text("1")
    agent.reload()
    agent.locator(".zc-open").click()
    expect(panel.locator(".zc-text").last).to_have_text("好的，收到 OK")
    boss.keyboard.press("Escape")
    expect(opener).to_be_focused()
    here.close()
    there.close()
