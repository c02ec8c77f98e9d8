"""What is live in a real browser: ended sessions, removed rights, the operator's view of all companies (ACC-3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select, update

from core import keys, redis
from core.clock import now_ms
from core.database import ALL_TENANTS, Database, utc_now
from core.models import Account, BuiltInRole, Role, Tenant
from core.sessions import Sessions
from tests.e2e.web.conftest import Site
from tests.support import clock

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

AT_ONCE_MS = 2000
"""The browser included; the stream itself is held to half a second in the unit tests."""


class Inside:
    """The same database and Redis as the web process, as another process of the platform has them."""

    def __init__(self, site: Site) -> None:
        self.database = Database.from_settings(site.settings)
        self.redis = redis.from_settings(site.settings)
        self.sessions = Sessions(self.database, self.redis, idle_timeout_s=1800)

    def account_id(self, login: str) -> int:
        """Return the id of an account."""
        with self.database.transaction(ALL_TENANTS, read_only=True) as session:
            return session.scalars(select(Account.id).where(Account.login == login)).one()

    def set_up_operator(self) -> None:
        """Let the first operator's steps of signing in be done: a password of their own, the second factor."""
        with self.database.transaction(ALL_TENANTS) as session:
            account = session.get_one(Account, self.account_id("operator"))
            account.must_change_password = False
            account.totp_confirmed_at = utc_now()
            session.commit()

    def tenant_id(self) -> int:
        """Return the demo company's id."""
        with self.database.transaction(ALL_TENANTS, read_only=True) as session:
            return session.scalars(select(Tenant.id).where(Tenant.is_operator.is_(False))).one()


@pytest.fixture
def inside(site: Site) -> Iterator[Inside]:
    made = Inside(site)
    yield made
    made.database.dispose()
    made.redis.close()


def _open(
    site: Site, inside: Inside, browser: Browser, login: str, language: str = "en", address: str = "/"
) -> tuple[BrowserContext, Page]:
    """Return a window with a page open for an account whose session began elsewhere."""
    if login == "operator":
        inside.set_up_operator()
    token = inside.sessions.begin(inside.account_id(login), ip="127.0.0.1", user_agent="test")
    if login == "operator":
        token = inside.sessions.rotate(token, second_factor=True)
    context = browser.new_context(viewport={"width": 1360, "height": 850}, reduced_motion="reduce")
    cookies = {"zj_language": language, "zj_session": token}
    context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies.items()])
    page = context.new_page()
    page.goto(site.url + address)
    page.wait_for_selector("#zj-main")
    return context, page


def _listening(page: Page) -> None:
    """Wait until the page's stream is open."""
    page.wait_for_timeout(1500)


def test_an_ended_session_shows_the_sign_in_page_with_the_reason(
    site: Site, browser: Browser, inside: Inside
) -> None:
    context, page = _open(site, inside, browser, "agent1")
    _listening(page)
    inside.sessions.end_all(inside.account_id("agent1"))
    expect(page).to_have_url(re.compile("/sign-in"), timeout=AT_ONCE_MS)
    expect(page.locator("body")).to_contain_text("Your session was ended")
    context.close()


def test_a_page_without_a_desk_is_told_too(site: Site, browser: Browser, inside: Inside) -> None:
    context, page = _open(site, inside, browser, "operator", address="/platform/companies")
    other = context.new_page()
    other.goto(site.url + "/platform/companies")
    _listening(other)
    inside.sessions.end_all(inside.account_id("operator"))
    for each in (page, other):
        expect(each).to_have_url(re.compile("/sign-in"), timeout=AT_ONCE_MS)
    context.close()


def test_a_page_with_a_call_stays_until_the_call_is_over(
    site: Site, browser: Browser, inside: Inside
) -> None:
    context, page = _open(site, inside, browser, "agent2")
    _listening(page)
    page.evaluate("document.body.setAttribute('data-call', '')")
    inside.sessions.end_all(inside.account_id("agent2"))
    expect(page.locator("#zj-main")).to_contain_text("Your call goes on", timeout=AT_ONCE_MS)
    expect(page.locator("#zj-menu a")).to_have_count(0)
    assert "/sign-in" not in page.url
    page.evaluate(
        "document.body.removeAttribute('data-call'); document.dispatchEvent(new CustomEvent('zj:call-over'))"
    )
    expect(page).to_have_url(re.compile("/sign-in"), timeout=AT_ONCE_MS)
    context.close()


def test_a_removed_right_takes_its_menu_entry_and_its_page(
    site: Site, browser: Browser, inside: Inside
) -> None:
    context, page = _open(site, inside, browser, "supervisor", address="/queues")
    expect(page.locator('#zj-menu a[href="/queues"]')).to_have_count(1)
    _listening(page)
    page.evaluate("window.shellMark = 1")
    with inside.database.transaction(ALL_TENANTS) as session:
        agent = session.scalars(select(Role.id).where(Role.built_in == BuiltInRole.AGENT)).first()
        session.execute(update(Account).where(Account.login == "supervisor").values(role_id=agent))
        session.commit()
    inside.sessions.changed()
    expect(page.locator('#zj-menu a[href="/queues"]')).to_have_count(0, timeout=AT_ONCE_MS)
    expect(page.locator("#zj-main table")).to_have_count(0, timeout=AT_ONCE_MS)
    assert page.evaluate("window.shellMark") == 1, "the shell, and a call in it, stays"
    context.close()


@pytest.mark.parametrize(("language", "talk"), [("en", "Connected"), ("zh", "已连接")])
def test_the_operator_sees_every_company_live(
    site: Site, browser: Browser, inside: Inside, language: str, talk: str
) -> None:
    tenant, client = inside.tenant_id(), inside.redis
    context, page = _open(site, inside, browser, "operator", language, "/platform/live")
    row = page.locator("[data-companies] tr").first
    expect(row.locator("td").nth(1)).to_have_text("0")
    call = {"id": "x", "phase": "waiting", "cell": "cell1", "queue_entered_ms": now_ms() - 65_000}
    client.sadd(keys.calls(tenant), "x")
    client.set(keys.call(tenant, "x"), msgspec.json.encode(call))
    client.sadd(keys.agents(tenant), 5)
    client.hset(keys.agent(tenant, 5), "data", msgspec.json.encode({"state": "ready"}))
    client.zincrby(keys.live_changes(), 1, str(tenant))
    beat = {"switch": "switchsim", "core_uuid": "c0ffee", "connected": 1, "started_ms": now_ms() - 3_700_000}
    client.sadd(keys.cells(), "cell1")
    client.hset(keys.cell("cell1"), mapping={**beat, "heartbeat_ms": now_ms()})
    began = clock.now_s()
    expect(row.locator("td").nth(1)).to_have_text("1", timeout=AT_ONCE_MS)
    assert clock.now_s() - began < 2
    expect(row.locator("td").nth(3)).to_have_text(re.compile(r"1:\d\d"))
    expect(row.locator("td").nth(4)).to_have_text("1")
    expect(page.locator("[data-cells] tr").first).to_contain_text(talk)
    problems = [each["id"] for each in Axe().run(page).response["violations"]]
    assert problems == []
    page.fill("[data-filter]", "no such company")
    expect(page.locator("[data-companies] td")).to_have_count(1)
    context.close()
    client.delete(keys.calls(tenant), keys.agents(tenant), keys.cells())
    client.zincrby(keys.live_changes(), 1, str(tenant))
