"""The browser of the desk's tests: Chromium with a microphone that hears a tone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.desktop.sound import write_tone

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium; the test's module says the tone, ``MICROPHONE_HZ``, and maybe more ``BROWSER_ARGUMENTS``."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    tone = write_tone(tmp_path_factory.mktemp("tone") / "microphone.wav", request.module.MICROPHONE_HZ)
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={tone}",
                "--use-fake-ui-for-media-stream",
                "--allow-loopback-in-peer-connection",
                *getattr(request.module, "BROWSER_ARGUMENTS", ()),
            ],
        )
        yield started
        started.close()
