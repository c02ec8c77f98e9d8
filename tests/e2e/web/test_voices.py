"""The voice library in a real browser: files dropped, a microphone, the operator's review (CTI-V1 to V4)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import select, update

from core import redis
from core.database import ALL_TENANTS, Database, utc_now
from core.models import Account, Tenant
from core.sessions import Sessions
from ivr.voices.models import Voice
from tests.e2e.web.conftest import Site
from tests.unit.ivr.voices.test_convert import pcm, riff, tone

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

WAV = riff(1, 16, 44100, pcm(tone(44100, 1.5), 16))
TAKEN_MS = 15_000
"""A conversion on a slow machine included."""


@pytest.fixture(scope="module")
def speaking_browser() -> Iterator[Browser]:
    """Chromium whose microphone is a stand-in that beeps every second."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    microphone = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *microphone],
        )
        yield launched
        launched.close()


@pytest.fixture
def database(site: Site) -> Iterator[Database]:
    """The site's database with an empty voice library and the review switched on."""
    made = Database.from_settings(site.settings)
    with made.transaction(ALL_TENANTS) as session:
        for voice in session.scalars(select(Voice)):
            session.delete(voice)
        session.execute(
            update(Tenant).values(voices_need_review=True).execution_options(synchronize_session=False)
        )
        session.commit()
    yield made
    made.dispose()


def _operator(site: Site, database: Database, browser: Browser, language: str) -> tuple[BrowserContext, Page]:
    """Return a window of an operator who signed in with the second factor."""
    with database.transaction(ALL_TENANTS) as session:
        account = session.scalars(select(Account).where(Account.login == "operator")).one()
        account.must_change_password, account.totp_confirmed_at = False, utc_now()
        session.commit()
        account_id = account.id
    client = redis.from_settings(site.settings)
    sessions = Sessions(database, client, idle_timeout_s=1800)
    token = sessions.rotate(sessions.begin(account_id, ip="127.0.0.1", user_agent="test"), second_factor=True)
    client.close()
    context = browser.new_context(viewport={"width": 1360, "height": 850}, reduced_motion="reduce")
    cookies = {"zj_language": language, "zj_session": token}
    context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies.items()])
    return context, context.new_page()


def _watched(page: Page) -> list[str]:
    """Return the list that gets what the browser complains about."""
    complaints: list[str] = []
    page.on(
        "console",
        lambda line: complaints.append(f"{line.text} {line.location}") if line.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def _axe(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


def test_files_are_dropped_refused_with_a_reason_and_played(
    site: Site, database: Database, speaking_browser: Browser, tmp_path: Path
) -> None:
    context, page = site.sign_in(speaking_browser, "admin", "en")
    complaints = _watched(page)
    page.goto(f"{site.url}/voices")
    expect(page.locator(".zj-empty")).to_contain_text("No voice yet")
    assert _axe(page) == []
    (tmp_path / "Morning.wav").write_bytes(WAV)
    (tmp_path / "Letter.wav").write_bytes(b"Dear Sir or Madam")
    page.get_by_role("button", name="Upload").click()
    page.locator("dialog input[type=file]").set_input_files(
        [tmp_path / "Morning.wav", tmp_path / "Letter.wav"]
    )
    rows = page.locator(".zj-uploads li")
    expect(rows.nth(0)).to_have_class("zj-done", timeout=TAKEN_MS)
    expect(rows.nth(0)).to_contain_text("Waits for review")
    expect(rows.nth(1)).to_have_class("zj-refused", timeout=TAKEN_MS)
    expect(rows.nth(1)).to_contain_text("This is no sound file that can be read")
    assert _axe(page) == []

    # Dropped with the mouse, and under a name that is taken: another name is asked for, and the same file sent again.
    page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "Morning.wav"));
          const drop = document.querySelector("[data-drop]");
          drop.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        list(WAV),
    )
    expect(rows.nth(2)).to_contain_text("There is a voice called Morning already", timeout=TAKEN_MS)
    rows.nth(2).locator("input").fill("Evening")
    rows.nth(2).get_by_role("button", name="Try again").click()
    expect(rows.nth(2)).to_have_class("zj-done", timeout=TAKEN_MS)
    page.get_by_role("button", name="Close").first.click()
    expect(page.locator("#zj-list tbody tr")).to_have_count(2)

    play = page.get_by_role("button", name="Play or pause Morning")
    play.click()
    expect(play).to_have_class(re.compile("playing"))
    expect(play).not_to_have_class(re.compile("playing"), timeout=TAKEN_MS)  # it ended by itself
    page.locator("tr", has_text="Morning").get_by_role("button", name="Open").click()
    expect(page.locator("dialog .zj-wave-time")).to_contain_text("0:00 / 0:01")
    assert [each for each in complaints if " 409 " not in each and " 422 " not in each] == []
    assert (
        _axe(page) == []
    )  # which looks into the waveform's styles in a way the content policy complains about
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "Morning.wav"
    page.get_by_role("button", name="Close").first.click()
    page.once("dialog", lambda question: question.accept())
    page.locator("tr", has_text="Evening").get_by_role("button", name="Delete").click()
    expect(page.locator("#zj-list tbody tr")).to_have_count(1)
    context.close()


@pytest.mark.ffmpeg
def test_an_mp3_is_converted(
    site: Site, database: Database, speaking_browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "欢迎.mp3"
    source = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"]
    subprocess.run(["ffmpeg", "-loglevel", "error", *source, str(path)], check=True)
    context, page = site.sign_in(speaking_browser, "admin", "zh")
    page.goto(f"{site.url}/voices")
    page.get_by_role("button", name="上传").click()
    page.locator("dialog input[type=file]").set_input_files(path)
    expect(page.locator(".zj-uploads li")).to_contain_text("待审核", timeout=TAKEN_MS)
    expect(page.locator("#zj-list")).to_contain_text("欢迎")
    context.close()


def test_a_voice_is_recorded_from_the_microphone(
    site: Site, database: Database, speaking_browser: Browser
) -> None:
    context, page = site.sign_in(speaking_browser, "admin", "en")
    complaints = _watched(page)
    page.goto(f"{site.url}/voices")
    page.get_by_role("button", name="Record", exact=True).click()
    assert _axe(page) == []
    page.locator("[data-start]").click()
    expect(page.locator("[data-time]")).to_have_text("0:02", timeout=TAKEN_MS)
    page.locator("[data-stop]").click()
    expect(page.locator("dialog audio")).to_be_visible(timeout=TAKEN_MS)
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("[data-name-error]")).to_be_visible()
    page.get_by_label("Name").last.fill("My own voice")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("dialog[open]")).to_have_count(0, timeout=TAKEN_MS)
    expect(page.locator("#zj-list")).to_contain_text("My own voice")
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        voice = session.scalars(select(Voice)).one()
        assert (voice.source.value, 1500 < voice.length_ms < 4000) == ("recorded", True)
    assert complaints == []
    context.close()


def test_a_text_is_heard_before_it_is_kept(site: Site, database: Database, speaking_browser: Browser) -> None:
    context, page = site.sign_in(speaking_browser, "admin", "en")
    complaints = _watched(page)
    page.goto(f"{site.url}/voices")
    page.get_by_role("button", name="From text").click()
    page.locator("#f-name").fill("Closed")
    page.locator("#f-text").fill("We are closed until 9:00.")
    page.get_by_role("button", name="Listen first").click()
    expect(page.locator("dialog audio")).to_be_visible(timeout=TAKEN_MS)
    assert _axe(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.locator("tr", has_text="Closed")).to_contain_text("Approved", timeout=TAKEN_MS)
    assert complaints == []
    context.close()


def test_the_operator_hears_approves_and_refuses_and_the_company_reads_why(
    site: Site, database: Database, speaking_browser: Browser, tmp_path: Path
) -> None:
    for name in ("Good", "Bad"):
        (tmp_path / f"{name}.wav").write_bytes(WAV)
    company, page = site.sign_in(speaking_browser, "admin", "en")
    page.goto(f"{site.url}/voices")
    page.get_by_role("button", name="Upload").click()
    page.locator("dialog input[type=file]").set_input_files([tmp_path / "Good.wav", tmp_path / "Bad.wav"])
    expect(page.locator(".zj-uploads .zj-done")).to_have_count(2, timeout=TAKEN_MS)

    context, review = _operator(site, database, speaking_browser, "en")
    complaints = _watched(review)
    review.goto(f"{site.url}/platform/voices")
    assert _axe(review) == []
    play = review.get_by_role("button", name="Play or pause Good")
    play.click()
    expect(play).to_have_class(re.compile("playing"))
    review.locator("tr", has_text="Good").get_by_role("button", name="Approve").click()
    expect(review.locator("#zj-list tbody tr")).to_have_count(1)
    review.locator("tr", has_text="Bad").get_by_role("button", name="Refuse").click()
    review.locator("dialog textarea").fill("No licence for the music")
    review.locator("dialog").get_by_role("button", name="Refuse").click()
    expect(review.locator(".zj-empty")).to_contain_text("Nothing waits")
    review.goto(f"{site.url}/platform/voices/all")
    expect(review.locator("tr", has_text="Bad")).to_contain_text("No licence for the music")
    review.goto(f"{site.url}/platform/speech")
    assert _axe(review) == []
    assert complaints == []
    context.close()

    page.goto(f"{site.url}/voices")
    expect(page.locator("tr", has_text="Good")).to_contain_text("Approved")
    expect(page.locator("tr", has_text="Bad")).to_contain_text("No licence for the music")
    page.locator("tr", has_text="Bad").get_by_role("button", name="Open").click()
    expect(page.locator("dialog .alert-danger").first).to_contain_text("No licence for the music")
    page.locator("dialog input[type=file]").set_input_files(tmp_path / "Good.wav")
    expect(page.locator("dialog .zj-uploads .zj-done")).to_contain_text("Waits for review", timeout=TAKEN_MS)
    company.close()
