"""A supervisor's page in a browser over the whole platform on the simulator (SUP-1 to SUP-10).

The agents' and the supervisor's telephones are the simulator's: the page is what is looked at. Nothing waits for a
time; each step waits for what the one before it shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from core import bus
from core.database import ALL_TENANTS, Database
from core.models import Account, Tenant
from core.settings import load
from cti.models import Extension, ExtensionAccount
from switchsim.control import Control
from tests.e2e.desktop.stack import COMPANY, NUMBER, PASSWORD, Stack
from tests.support import clock

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

MICROPHONE_HZ = 440
CALLER = "13800138000"
PATIENCE_MS = 30_000
"""For what comes by event on a machine that is late; nothing that works is waited for so long."""


def until(what: Callable[[], Any], why: str) -> Any:
    """Wait for something and return it."""
    deadline = clock.now_s() + PATIENCE_MS / 1000
    while clock.now_s() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(why)


class Floor:
    """The company at work: one agent with a telephone, and the supervisor with one and with a page."""

    def __init__(self, stack: Stack, browser: Any, language: str = "en") -> None:
        self.stack = stack
        self.control = Control(stack.control_port)
        self.redis = stack.redis()
        self.problems: list[str] = []
        self.agent_phone = self._signed_in("agent1", "ready")
        self.own_phone = self._signed_in("supervisor", "not_ready")
        self.context = browser.new_context(viewport={"width": 1360, "height": 850}, reduced_motion="reduce")
        self.context.add_cookies([{"name": "zj_language", "value": language, "url": stack.url}])
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.goto(f"{stack.url}/sign-in")
        for field, text in (("company", COMPANY), ("login", "supervisor"), ("password", PASSWORD)):
            self.page.fill(f"#{field}", text)
        self.page.click("#zj-sign-in button")
        self.page.wait_for_selector("#zj-main")
        self.page.goto(f"{stack.url}/supervision")

    def close(self) -> None:
        """Put the page and the telephones away."""
        self.context.close()
        self.control.close()
        self.redis.close()

    def _said(self, said: Any) -> None:
        if said.type in {"error", "warning"}:
            self.problems.append(f"{said.text} {said.location['url']}")

    def _signed_in(self, login: str, state: str) -> str:
        """Sign an account in on its SIP telephone; returns the telephone's user."""
        database = Database.from_settings(load(self.stack.environment))
        with database.transaction(ALL_TENANTS, read_only=True) as session:
            account_id, tenant_id, extension_id, number = session.execute(
                select(Account.id, Account.tenant_id, Extension.id, Extension.number)
                .join(Tenant, Tenant.id == Account.tenant_id)
                .join(ExtensionAccount, ExtensionAccount.account_id == Account.id)
                .join(Extension, Extension.id == ExtensionAccount.extension_id)
                .where(Tenant.code == COMPANY, Account.login == login)
            ).one()
        database.dispose()
        user = str(until(lambda: self._user(number), f"extension {number} is not published"))
        self.control.register(user)
        body = {"account_id": account_id, "extension_id": extension_id, "endpoint": "sip"}
        self._command(tenant_id, account_id, "agent.sign_in", body)
        self._command(tenant_id, account_id, "agent.set_state", {"account_id": account_id, "state": state})
        return user

    def _user(self, number: str) -> str:
        try:
            return self.stack.sip_user(number)
        except LookupError:
            return ""

    def _command(self, tenant_id: int, actor: int, kind: str, body: dict[str, Any]) -> None:
        result = bus.send_command(self.redis, "cell1", kind, tenant_id, actor, body, wait_s=30)
        assert result["ok"], result

    def call(self) -> str:
        """Someone calls, and chooses the sales queue; returns their leg."""
        return str(self.control.call(NUMBER, CALLER, keys=[[0.5, "1"]]))

    def pick_up(self, user: str) -> None:
        """Pick a telephone up as soon as it rings."""
        try:
            until(lambda: self.control.answer(user), f"{user} does not ring")
        except AssertionError as error:
            toasts = self.page.locator(".zj-toast").all_inner_texts()
            why = f"{error}; the page said {toasts}, {self.problems}; {self.control.list()}"
            raise AssertionError(why) from None

    def heard_by(self) -> str:
        """Return who hears the supervisor, by the switch."""
        legs = {leg["user"]: leg for leg in self.control.list()["legs"]}
        return str(legs.get(self.own_phone, {}).get("heard_by", ""))

    def row(self, number: str = "8001") -> Any:
        """Return the row of an extension."""
        return self.page.locator(f'tr[data-extension="{number}"]')

    def press(self, where: Any, name: str) -> None:
        """Press a button there."""
        where.get_by_role("button", name=name, exact=True).click()

    def look(self) -> None:
        """Check the page as it stands for what people with aids would stumble over."""
        violations = axe.Axe().run(self.page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The platform on the simulator."""
    started = Stack(tmp_path_factory.mktemp("stack") / "home", "switchsim")
    yield started
    started.stop()


@pytest.fixture
def floor(stack: Stack, browser: Any) -> Iterator[Floor]:
    """Agent and supervisor are signed in; the page is open."""
    made = Floor(stack, browser)
    yield made
    made.close()


def shows(where: Any, text: str) -> None:
    """Wait until it shows the text."""
    sync_api.expect(where).to_contain_text(text, timeout=PATIENCE_MS)


def test_a_supervisor_at_work(floor: Floor) -> None:
    page, row = floor.page, floor.row()
    shows(row, "Ready")
    floor.call()
    floor.pick_up(floor.agent_phone)
    shows(row, "with 138 0013 8000")

    floor.press(row, "Customer card of 138 0013 8000")
    card = page.get_by_role("dialog")
    shows(card.get_by_role("heading", level=2), "陈静")
    shows(card, "北京晨光贸易有限公司")
    floor.look()
    page.keyboard.press("Escape")
    sync_api.expect(card).to_have_count(0)

    floor.press(row, "Monitor")
    floor.pick_up(floor.own_phone)
    bar = page.locator(".zs-watch")
    shows(bar, "nobody hears you")
    until(lambda: floor.heard_by() == "nobody", "the supervisor does not listen")
    for name, text, heard in (
        ("Whisper", "the caller does not", "listened"),
        ("Barge in", "hear each other", "both"),
    ):
        floor.press(bar, name)
        shows(bar, text)
        until(lambda heard=heard: floor.heard_by() == heard, f"{name}: {floor.heard_by()}")  # type: ignore[misc]
    floor.look()
    floor.press(bar, "Stop")
    sync_api.expect(bar).to_have_count(0, timeout=PATIENCE_MS)

    floor.press(row, "Hang up")
    sync_api.expect(row.get_by_role("button", name="Hang up")).to_have_count(0, timeout=PATIENCE_MS)
    until(lambda: not floor.control.list()["legs"], f"legs are left: {floor.control.list()}")

    row.get_by_role("combobox").select_option("break")
    shows(row, "Break")

    caller = floor.call()
    waiting = page.locator("tr[data-call-id]")
    shows(waiting, "销售 Sales")
    floor.press(waiting, "To the front")
    waiting.get_by_role("combobox").select_option(label="客服 Support")
    shows(waiting.locator("td").nth(2), "客服 Support")
    floor.look()
    floor.control.hangup(uuid=caller)
    sync_api.expect(waiting).to_have_count(0, timeout=PATIENCE_MS)
    assert floor.problems == []
