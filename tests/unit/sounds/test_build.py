"""The platform's own sounds: complete in both languages, built once, loopable."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ivr.engine import APOLOGY
from ivr.prompts import UNAVAILABLE
from ivr.tts.audio import read_wav
from sounds import build, music, tones
from sounds.texts import TEXTS
from tests.unit.ivr.test_tts import CountingProvider


def test_every_prompt_is_there_in_both_languages() -> None:
    assert all(texts.keys() == {"zh", "en"} for texts in TEXTS.values())
    assert {APOLOGY, UNAVAILABLE, build.FALLBACK} <= TEXTS.keys()


def test_a_second_build_makes_only_what_changed(tmp_path: Path) -> None:
    provider = CountingProvider()
    first = build.build_into(tmp_path, provider)
    made = provider.count
    assert made == 2 * len(TEXTS)
    assert all(read_wav(path.read_bytes())[1] == 8000 for path in first.files.values())
    assert build.build_into(tmp_path, provider).files == first.files
    assert provider.count == made
    first.files["zh/goodbye"].unlink()
    build.build_into(tmp_path, provider)
    assert provider.count == made + 1
    provider.version = "2"
    build.build_into(tmp_path, provider)
    assert provider.count == made + 1 + made


def test_a_list_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    build.build_into(tmp_path, CountingProvider())
    (tmp_path / "made-from.json").write_text("{half")
    assert build.build_into(tmp_path, CountingProvider()).missing == ()


def test_names_lead_to_files_and_missing_ones_are_named(tmp_path: Path) -> None:
    provider = CountingProvider()
    provider.fail = True
    built = build.build_into(tmp_path, provider)
    assert set(built.missing) == {f"{language}/{name}" for name in TEXTS for language in ("zh", "en")}
    assert built.fallback() == ()
    assert built.prompt("goodbye", "zh") is None
    beep = built.prompt("beep", "zh")
    assert beep is not None
    assert beep.is_file()
    folder = built.music_folders()["default"]
    assert [path.name for path in folder.glob("*")] == ["waiting.wav"]
    provider.fail = False
    built = build.build_into(tmp_path, provider)
    assert built.missing == ()
    assert [path.parent.name for path in built.fallback()] == ["zh", "en"]


def test_the_music_joins_end_to_start_and_stays_below_speech() -> None:
    samples = music.waiting_music()
    assert samples.size / 8000 == music.LENGTH_S == 48
    steps = np.abs(np.diff(samples))
    assert abs(samples[0] - samples[-1]) <= np.max(steps), "a click at the join"
    assert np.max(np.abs(samples)) < 0.5
    seconds = samples.reshape(-1, 8000)
    assert np.min(np.sqrt(np.mean(seconds**2, axis=1))) > 0.01, "a hole in the music"
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    above = np.fft.rfftfreq(samples.size, 1 / 8000) > 3400
    assert spectrum[above].sum() / spectrum.sum() < 0.001


def test_the_ringing_tone_is_450_hz() -> None:
    second = tones.tones()["ringing"][:8000]
    assert np.argmax(np.abs(np.fft.rfft(second))) == 450
