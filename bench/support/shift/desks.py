"""An agent at their page: a browser of their own, whose microphone hears a tone of its own."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Error as BrowserError

from bench.support.shift.people import Floor, Worker
from bench.support.shift.plan import Do, Ring, RingPlan
from bench.support.shift.platform import Person, Seen
from core.clock import now_ms
from tests.e2e.desktop.sound import write_tone
from tests.e2e.desktop.stack import COMPANY, PASSWORD

CLICK_MS: Final = 1500
LOAD_MS: Final = 15_000
UNSEEN_S: Final = 25.0
"""A page that shows nothing for so long is loaded again, as people do."""

WORDS = Path(__file__).resolve().parents[3] / "agent_desktop" / "frontend" / "i18n.ts"

LOOK: Final = """() => {
  const has = (selector) => document.querySelector(selector) !== null;
  return {
    word: document.querySelector('.zd-strip .zd-state-word')?.textContent.trim() ?? '',
    strip: has('.zd-strip'),
    out: has('.zd-strip .btn-primary'),
    form: has('#zj-sign-in'),
    ring: has('.zd-ring'),
    answer: has('.zd-ring .btn-success'),
    call: has('.zd-strip .zd-call'),
    elsewhere: has('.zd-alert-quiet'),
  };
}"""


def state_words() -> dict[str, str]:
    """Return the agents' states by the words English pages show for them."""
    found: dict[str, str] = {}
    names: set[str] = set()
    for name, word in re.findall(r'"state\.([a-z_]+)": "([^"{]+)"', WORDS.read_text()):
        if name not in names:  # English comes first
            names.add(name)
            found[word] = name
    return found


class DeskAgent(Worker):
    """A browser, its page, and who sits before it."""

    has_page = True
    _words = state_words()

    def __init__(self, floor: Floor, person: Person, playwright: Any, folder: Path) -> None:
        super().__init__(floor, person)
        tone = write_tone(folder / f"{person.login}.wav", person.hz)
        self._browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={tone}",
                "--use-fake-ui-for-media-stream",
                "--allow-loopback-in-peer-connection",
            ],
        )
        context = self._browser.new_context(
            viewport={"width": 1280, "height": 900}, permissions=["microphone"]
        )
        context.add_cookies([{"name": "zj_language", "value": "en", "url": floor.platform.stack.url}])
        self._context = context
        self._page: Any = None
        self._open_at = 0.0
        self._seen_at = 0.0
        self._now = 0.0
        self._ring: tuple[str, float, RingPlan] | None = None
        self.shows: dict[str, Any] = {}
        self.errors: list[tuple[int, str, str]] = []
        """When (ms), of which kind (``page``, ``console``) and what the page's script complained of."""

    def close(self) -> None:
        """Close the browser."""
        with contextlib.suppress(BrowserError):
            self._browser.close()

    # --- the page ---------------------------------------------------------------------------------------------------

    def _open(self, now: float) -> None:
        page = self._context.new_page()
        page.on("pageerror", lambda error: self.errors.append((now_ms(), "page", str(error))))
        page.on("console", self._said)
        page.on("dialog", self._dialog)
        self._page, self._seen_at = page, now
        self._load()

    def _said(self, said: Any) -> None:
        if said.type in ("error", "warning"):
            self.errors.append((now_ms(), "console", f"{said.text} {said.location.get('url', '')}"))

    def _dialog(self, dialog: Any) -> None:
        with contextlib.suppress(BrowserError):
            dialog.accept()

    def _load(self) -> None:
        with contextlib.suppress(BrowserError):
            url = f"{self.floor.platform.stack.url}/desk"
            self._page.goto(url, timeout=LOAD_MS, wait_until="commit")

    def _close_page(self, now: float) -> None:
        with contextlib.suppress(BrowserError):
            self._page.close()
        self._page, self.shows = None, {}
        self._open_at = now + self.floor.dice.between(1.0, 20.0)

    def _click(self, selector: str, what: str) -> bool:
        """Press what is shown; returns whether it could be pressed."""
        try:
            self._page.click(selector, timeout=CLICK_MS)
        except BrowserError:
            self.floor.did(f"web: {what} was gone", self.person)
            return False
        return True

    def state_shown(self) -> str:
        """Return the state the page shows; empty while it shows none."""
        if self.shows.get("out"):
            return "signed_out"
        return self._words.get(str(self.shows.get("word", "")), "")

    # --- work -------------------------------------------------------------------------------------------------------

    def step(self, now: float, seen: Seen | None) -> None:
        """Look at the page and do what is due."""
        self._now = now
        if self._page is None:
            if now >= self._open_at:
                self._open(now)
            return
        try:
            self.shows = self._page.evaluate(LOOK)
        except BrowserError:
            self.shows = {}
        if self.shows.get("form"):
            self._enter()
            return
        if not self.shows.get("strip"):
            if now - self._seen_at > UNSEEN_S:
                self.floor.did("web: loaded again", self.person)
                self._seen_at = now
                self._load()
            return
        self._seen_at = now
        if self.shows["ring"]:
            self._ringing(now, seen)
        else:
            self._ring = None
        if seen is not None and self._page is not None:
            self.work(now, seen)

    def _enter(self) -> None:
        self.floor.did("web: entered", self.person)
        with contextlib.suppress(BrowserError):
            for field, text in (("company", COMPANY), ("login", self.person.login), ("password", PASSWORD)):
                self._page.fill(f"input[name={field}]", text, timeout=CLICK_MS)
            self._page.keyboard.press("Enter")
            self._page.wait_for_selector("#zj-main", timeout=LOAD_MS)
            self._load()

    def _ringing(self, now: float, seen: Seen | None) -> None:
        leg = str(self.agent(seen).get("leg_id", "")) if seen else ""
        if self._ring is None or (leg and self._ring[0] != leg):
            plan = self.floor.dice.ring(has_page=not self.floor.closing)
            self._ring = (leg, now, plan)
        _, since, plan = self._ring
        if now - since < plan.after_s or plan.what is Ring.IGNORE:
            return
        self.floor.did(f"web: {plan.what}", self.person)
        if plan.what is Ring.VANISH:
            self._ring = None
            self._close_page(now)
        elif plan.what is Ring.REJECT:
            self._click(".zd-ring .zd-ring-buttons .btn:last-child", "decline")
            self._ring = (self._ring[0], now, plan)
        elif self.shows["answer"]:
            self._click(".zd-ring .btn-success", "answer")
            self._ring = (self._ring[0], now, RingPlan(Ring.ANSWER, 4.0))

    def stand(self, state: str) -> None:
        if state == "signed_out" and self.shows.get("out"):
            with contextlib.suppress(BrowserError):
                self._page.click(".zd-strip .btn-primary", timeout=CLICK_MS)
                self._page.click(".zd-panel form .btn-primary", timeout=CLICK_MS)
        elif self.shows.get("elsewhere"):
            self._click(".zd-alert-quiet .btn", "take the phone")
        elif state in ("not_ready", "not_responding", "break", "away"):
            if self._click(".zd-strip .zd-state", "states"):
                self._click(".zd-panel .zd-choice[data-state=ready]", "ready")
        elif state == "wrap_up" and self.floor.dice.chance(0.5):
            self._click(".zd-wrap-card .zd-timer .btn:last-child", "end of the wrap-up")

    def act(self, what: Do, agent: Mapping[str, Any]) -> None:
        strip = ".zd-strip .zd-call"
        if what is Do.HANG_UP:
            self._click(f"{strip} .zd-buttons > .btn-danger", what)
        elif what in (Do.HOLD, Do.UNHOLD):
            self._click(f"{strip} .zd-buttons > .btn[aria-label='Hold']", what)
        elif what in (Do.MUTE, Do.UNMUTE):
            self._click(f"{strip} .zd-buttons > .btn[aria-label='Mute']", what)
        elif what is Do.RELOAD:
            self._load()
        elif what is Do.CLOSE:
            self._close_page(self._now)
        elif what is Do.COMPLETE:
            self._click(".zd-card .zd-consult-buttons .btn-primary", what)
        elif what is Do.CANCEL:
            self._click(".zd-card .zd-consult-buttons .btn:last-child", what)
        elif what is Do.CONFERENCE:
            self._click(".zd-card .zd-consult-buttons .btn:has-text('Three-way talk')", what)
        else:
            self._hand_over(what)

    def _hand_over(self, what: Do) -> None:
        """Open the picker, type whom, and press the first that can be pressed."""
        to = self.target(what)
        if to["kind"] == "number":
            text = "0" + to["number"][3:] if to["number"].startswith("+8621") else to["number"][3:]
        elif to["kind"] == "agent":
            text = next(each.extension for each in self.floor.people if each.account_id == to["id"])
        else:
            text = "sales" if to["id"] == self.floor.platform.queues[0] else "support"
        button = "Ask first" if what in (Do.CONSULT, Do.CONSULT_NUMBER) else "Transfer"
        if not self._click(".zd-strip .zd-call .zd-pop > .btn[aria-label='Transfer']", what):
            return
        with contextlib.suppress(BrowserError):
            self._page.fill(".zd-strip .zd-transfer input", text, timeout=CLICK_MS)
        row = f".zd-strip .zd-transfer-row:has-text('{text}') .btn:has-text('{button}')"
        if not self._click(row, what):
            with contextlib.suppress(BrowserError):
                self._page.keyboard.press("Escape")
