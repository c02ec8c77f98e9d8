"""Messages left, call-backs, calendars and importing a flow in a real browser (CTI-I1, I8, I10, I13)."""

from __future__ import annotations

import datetime
import io
import json
import math
import struct
import time
import wave
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select

from core.database import ALL_TENANTS, Database, utc_now
from core.models import Tenant
from core.store import FileStore
from cti.call.model import EndedIn, SegmentKind
from cti.models import Queue
from cti.records.models import Callback, CallRecord, Direction, Recording, RecordState
from tests.e2e.web.conftest import Site
from zongji import demo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PEAKS = {"length_ms": 2000, "channels": [[0.1, 0.9, 0.4, 0.7] * 20]}


def _tone() -> bytes:
    """Return two seconds of a tone as the switch records them."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n / 3))) for n in range(16_000)))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def left(site: Site) -> Site:
    """The site with a message and a wish to be called back."""
    database = Database.from_settings(site.settings)
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        tenant = session.scalars(select(Tenant.id).where(Tenant.code == demo.COMPANY)).one()
    at = utc_now() - datetime.timedelta(hours=1)
    with database.transaction(tenant) as session:
        queue = session.scalars(select(Queue.id)).first() or 0
        session.add(
            CallRecord(
                call_id="left-1",
                state=RecordState.FINAL,
                direction=Direction.IN,
                caller="+8613911112222",
                called="+861065551200",
                arrived_at=at,
                ended_at=at,
                ended_in=EndedIn.VOICEMAIL,
            )
        )
        session.add(
            Recording(
                call_id="left-1",
                segment=1,
                kind=SegmentKind.VOICEMAIL,
                started_at=at,
                length_ms=2000,
                key="left/1.wav",
                peaks_key="left/1.json",
                bytes=8,
                sha256="0" * 64,
                channels=1,
                created_at=at,
            )
        )
        session.add(
            Callback(call_id="left-1", position=1, number="+8613911112222", queue_id=queue, asked_at=at)
        )
        session.commit()
    database.dispose()
    store = FileStore(site.settings.store_dir)
    store.put("left/1.wav", [_tone()])
    store.put("left/1.json", [json.dumps(PEAKS).encode()])
    return site


def _accessible(page: Page) -> None:
    page.wait_for_timeout(300)
    violations = Axe().run(page).response["violations"]
    found = [f"{each['id']}: {node['html'][:160]}" for each in violations for node in each["nodes"]]
    assert found == [], page.url


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_axe_finds_nothing(left: Site, browser: Browser, language: str, theme: str) -> None:
    context, page = left.sign_in(browser, "admin", language, theme)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    for address in ("/left-messages", "/left-messages/callbacks", "/flows/import", "/calendars"):
        page.goto(left.url + address)
        page.wait_for_timeout(500)
        assert errors == [], "what the browser complained about (content policy, scripts)"
        _accessible(page)
        errors.clear()  # to look into the waveform's shadow root axe makes a style element of its own
    page.click(".zj-toolbar .btn-primary")
    page.fill("dialog[open] #f-name", f"Shop {language}")
    page.fill("dialog[open] #f-days", "2026-12-24 closed Stocktaking")
    page.click("dialog[open] footer .btn-primary")
    expect(page.locator("#zj-list")).to_contain_text(f"Shop {language}")
    page.locator(f'tr:has-text("Shop {language}") button').nth(1).click()
    page.wait_for_selector("#zj-month")
    _accessible(page)
    context.close()
    assert errors == []


def _slowly(route: Route) -> None:
    """Hold an answer back, as a slow line does: whoever presses play meanwhile must not have pressed in vain."""
    time.sleep(0.7)
    route.continue_()


def test_cti_i10_a_message_that_is_played_counts_as_heard(left: Site, browser: Browser) -> None:
    context, page = left.sign_in(browser, "admin", "en")
    page.route("**/peaks*", _slowly)
    page.goto(left.url + "/left-messages")
    expect(page.locator("#zj-list")).to_contain_text("Not heard yet")
    with page.expect_response(lambda answer: answer.url.endswith("/left-1/recordings/1")):
        page.locator("[data-player] button").click()
    page.goto(left.url + "/left-messages?state=heard")
    expect(page.locator("#zj-list")).to_contain_text("Heard")
    context.close()


def test_cti_i13_a_wish_is_done_and_its_button_reopens_it(left: Site, browser: Browser) -> None:
    context, page = left.sign_in(browser, "admin", "en")
    page.goto(left.url + "/left-messages/callbacks")
    row = page.locator('tr:has-text("13911112222")')
    row.get_by_role("button", name="Mark as done").click()
    page.fill("dialog[open] #f-remark", "Wants an offer")
    page.click("dialog[open] footer .btn-primary")
    expect(row).to_contain_text("Wants an offer")
    # The focus is back on the button that opened the drawer; it must say what it does now.
    row.get_by_role("button", name="Reopen").click()
    expect(row).to_contain_text("Waiting to be called")
    context.close()


def test_cti_i8_a_click_turns_a_day(left: Site, browser: Browser) -> None:
    context, page = left.sign_in(browser, "admin", "en")
    page.goto(left.url + "/calendars")
    page.click(".zj-toolbar .btn-primary")
    page.fill("dialog[open] #f-name", "Office")
    page.click("dialog[open] footer .btn-primary")
    row = page.locator('tr:has-text("Office")')
    row.get_by_role("button", name="Months").click()
    page.wait_for_selector("#zj-month")
    month = page.locator("#zj-month h3")
    before = month.inner_text()
    page.click("#zj-month-chevron-right")
    expect(month).not_to_have_text(before)
    day = page.locator("#zj-month button.zj-day:has-text('open')").first
    number = day.get_attribute("id")
    day.click()
    turned = page.locator(f"#{number}")
    expect(turned).to_contain_text("closed")
    page.click("dialog[open] footer button")
    expect(row.locator("td").nth(2)).to_have_text("1")
    context.close()


def test_cti_i1_a_flow_is_exported_and_imported_under_another_code(
    left: Site, browser: Browser, tmp_path: Path
) -> None:
    context, page = left.sign_in(browser, "admin", "en")
    page.goto(left.url + "/flows")
    page.locator("[data-more], [popovertarget]").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").first.click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.goto(left.url + "/flows/import")
    page.set_input_files("#f-file", file)
    page.locator("#zj-main form button.btn-primary").click()
    expect(page.locator("#f-code-error")).to_be_visible()
    page.set_input_files("#f-file", file)
    page.locator("#zj-main form button.btn-primary").click()
    expect(page.locator("#zj-main h1")).to_contain_text("was imported")
    context.close()
