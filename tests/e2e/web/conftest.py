"""A real web process over SQLite and Redis with the demo company, and Chromium."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from core import schema
from core.settings import Settings
from tests.support import processes
from tests.support.redis import RedisServer
from zongji import demo

PATIENCE_MS = 20_000
"""How long a page may take to show what a test waits for; what must be quick is measured by itself."""


@dataclasses.dataclass
class Site:
    """The running web interface."""

    url: str
    redis: RedisServer
    settings: Settings

    def sign_in(
        self, browser: Browser, login: str, language: str, theme: str = "light"
    ) -> tuple[BrowserContext, Page]:
        """Return a browser's window in which a demo account is signed in."""
        context = browser.new_context(viewport={"width": 1360, "height": 850}, reduced_motion="reduce")
        cookies = {"zj_language": language, "zj_theme": theme}
        context.add_cookies(
            [{"name": name, "value": value, "url": self.url} for name, value in cookies.items()]
        )
        page = context.new_page()
        page.goto(f"{self.url}/sign-in")
        for field, value in (("company", demo.COMPANY), ("login", login), ("password", demo.PASSWORD)):
            page.fill(f"#{field}", value)
        page.click("#zj-sign-in button")
        page.wait_for_selector("#zj-main")
        return context, page


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Site]:
    """The web process on a free port."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(home=home, redis_url=redis_server.url, web_port=port)
    # The companies of a new database have the ids of those before: their live states are none of theirs.
    client = redis_server.client()
    client.flushall()
    client.close()
    schema.upgrade(settings.effective_database_url)
    demo.seed(settings)
    given = {
        "ZONGJI_HOME": str(home),
        "ZONGJI_REDIS_URL": redis_server.url,
        "ZONGJI_WEB_PORT": str(port),
        "ZONGJI_SWITCH": "switchsim",
    }
    unset = [f"--unset={name}" for name in os.environ if name.startswith("ZONGJI_")]
    named = [f"{name}={value}" for name, value in given.items()]
    command = ["env", *unset, *named, sys.executable, "-m", "zongji.processes", "web"]
    url = f"http://127.0.0.1:{port}"
    process = processes.start(command, Path(home) / "web.log", lambda: _answers(url))
    yield Site(url, redis_server, settings)
    processes.stop(process)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield launched
        launched.close()
