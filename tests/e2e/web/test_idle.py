"""Without activity the page warns, then says why it is the sign-in page, and comes back to where one was (ACC-1)."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core import schema
from core.settings import Settings
from tests.e2e.web.conftest import Site, _answers
from tests.support import processes
from tests.support.redis import RedisServer
from zongji import demo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

IDLE_S = 12


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Site]:
    """The web process with a short idle time."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(home=home, redis_url=redis_server.url, web_port=port, idle_timeout_s=IDLE_S)
    schema.upgrade(settings.effective_database_url)
    demo.seed(settings)
    given = {
        "ZONGJI_HOME": str(home),
        "ZONGJI_REDIS_URL": redis_server.url,
        "ZONGJI_WEB_PORT": str(port),
        "ZONGJI_SWITCH": "switchsim",
        "ZONGJI_IDLE_TIMEOUT_S": str(IDLE_S),
    }
    unset = [f"--unset={name}" for name in os.environ if name.startswith("ZONGJI_")]
    named = [f"{name}={value}" for name, value in given.items()]
    command = ["env", *unset, *named, sys.executable, "-m", "zongji.processes", "web"]
    url = f"http://127.0.0.1:{port}"
    process = processes.start(command, Path(home) / "web.log", lambda: _answers(url))
    yield Site(url, redis_server, settings)
    processes.stop(process)


@pytest.mark.parametrize("login", ["admin", "agent1"])
def test_acc_1_the_page_warns_stays_if_asked_and_ends_with_the_reason(
    impatient: Site, browser: Browser, login: str
) -> None:
    """With a desk that is not signed in on an extension as without one: pushed events are no activity."""
    context, page = impatient.sign_in(browser, login, "en")
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{impatient.url}/me?from=here")
    warning = page.get_by_role("alertdialog", name="Are you still there?")
    expect(warning).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Stay signed in").click()
    expect(warning).to_have_count(0)
    assert errors == []
    expect(warning).to_be_visible(timeout=15_000)
    page.wait_for_url("**/sign-in?**", timeout=20_000)
    expect(page.get_by_role("status").first).to_contain_text("without activity")
    for field, value in (("company", demo.COMPANY), ("login", login), ("password", demo.PASSWORD)):
        page.fill(f"#{field}", value)
    page.click("#zj-sign-in button")
    page.wait_for_url("**/me?from=here")
    context.close()
