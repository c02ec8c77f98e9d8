"""Speech: the offline engine, levels, cache (CTI-I17)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ivr.tts import audio
from ivr.tts.cache import AT_ONCE, KEEP_S, SpeechCache
from ivr.tts.child import run_child
from ivr.tts.espeak import MAX_CHARACTERS, EspeakProgram, EspeakProvider
from ivr.tts.provider import SpeechError

ROOT = Path(__file__).parents[3]


def _db(value: float) -> float:
    return 20 * float(np.log10(value))


class CountingProvider:
    """A provider that hums instead of speaking, and counts."""

    name = "hum"
    version = "1"

    def __init__(self) -> None:
        self.count = 0
        self.fail = False

    def voice_for(self, language: str) -> str:
        return language

    def synthesise(self, text: str, language: str, voice: str) -> bytes:
        self.count += 1
        if self.fail:
            raise SpeechError("down")
        t = np.arange(16000) / 16000
        return audio.wav_bytes(0.1 * np.sin(2 * np.pi * 300 * t), 16000)


@pytest.mark.parametrize(
    ("language", "text", "shortest_s", "longest_s"),
    [("zh", "系统繁忙，请稍后再拨。", 1.5, 4.0), ("en", "Please call again later.", 1.0, 3.0)],
)
def test_the_offline_engine_speaks_both_languages(
    tmp_path: Path, language: str, text: str, shortest_s: float, longest_s: float
) -> None:
    path = SpeechCache(tmp_path, EspeakProvider()).speak(text, language)
    samples, rate_hz = audio.read_wav(path.read_bytes())
    assert rate_hz == 8000
    assert shortest_s < samples.size / rate_hz < longest_s
    spoken = samples[np.abs(samples) > 10 ** (audio.SILENCE_DB / 20)]
    assert _db(float(np.sqrt(np.mean(spoken**2)))) == pytest.approx(audio.TARGET_RMS_DB, abs=1.5)
    assert _db(float(np.max(np.abs(samples)))) <= audio.PEAK_DB + 0.1


def test_chinese_is_not_spelt_out_as_pinyin() -> None:
    """An engine with a broken Chinese voice says "xi four tong three": four times as long as the two syllables."""
    samples, rate_hz = audio.read_wav(EspeakProvider().synthesise("系统", "zh", "cmn+f2"))
    assert audio.trim(samples, rate_hz).size / rate_hz < 1.2


@pytest.mark.parametrize("text", ["", " …!\n", "x" * (MAX_CHARACTERS + 1)])
def test_what_cannot_be_said_is_an_error(text: str) -> None:
    with pytest.raises(SpeechError):
        EspeakProvider().synthesise(text, "en", "en-us")
    with pytest.raises(SpeechError):
        EspeakProgram("espeak-ng").synthesise(text, "en", "en-us")


def test_hostile_texts_are_only_spoken(tmp_path: Path) -> None:
    text = "--help $(touch x) <audio src='/etc/passwd'/> \x00 ; 'quoted'"
    assert EspeakProvider().synthesise(text, "en", "en-us")[:4] == b"RIFF"


def test_an_unknown_voice_or_a_missing_engine_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="no voice"):
        EspeakProvider().synthesise("hello", "en", "klingon-nope")
    with pytest.raises(SpeechError):
        EspeakProvider(tmp_path / "lib.so", tmp_path).synthesise("hello", "en", "en-us")
    with pytest.raises(SpeechError, match="cannot be started"):
        EspeakProgram(str(tmp_path / "none")).synthesise("hello", "en", "en-us")


def test_a_child_that_hangs_or_says_nothing_is_an_error() -> None:
    with pytest.raises(SpeechError, match="no speech within"):
        run_child(["sleep", "30"], b"", 0.1)
    with pytest.raises(SpeechError, match="said nothing"):
        run_child(["true"], b"", 5)
    with pytest.raises(SpeechError, match="ended with 1"):
        run_child(["false"], b"", 5)


def test_a_text_is_made_once_also_for_many_callers_at_once(tmp_path: Path) -> None:
    provider = CountingProvider()
    cache = SpeechCache(tmp_path, provider)
    threads = [threading.Thread(target=cache.speak, args=("hello", "en")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert provider.count == 1
    assert cache.speak("hello", "en") == cache.path("hello", "en")
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".wav"]


def test_text_language_voice_and_provider_are_told_apart(tmp_path: Path) -> None:
    cache, provider = SpeechCache(tmp_path, CountingProvider()), CountingProvider()
    provider.version = "2"
    paths = {
        cache.path("a", "en"),
        cache.path("b", "en"),
        cache.path("a", "zh"),
        cache.path("a", "en", "other"),
        SpeechCache(tmp_path, provider).path("a", "en"),
    }
    assert len(paths) == 5


def test_a_failure_is_not_cached(tmp_path: Path) -> None:
    provider = CountingProvider()
    cache = SpeechCache(tmp_path, provider)
    provider.fail = True
    with pytest.raises(SpeechError):
        cache.speak("hello", "en")
    provider.fail = False
    assert cache.speak("hello", "en").is_file()


def test_resampling_keeps_a_tone_and_drops_what_would_fold_back() -> None:
    t = np.arange(22050) / 22050
    kept = audio.resample(0.5 * np.sin(2 * np.pi * 1000 * t), 22050, 8000)
    assert kept.size == 8000
    spectrum = np.abs(np.fft.rfft(kept[1000:7000]))
    assert np.argmax(spectrum) * 8000 / 6000 == pytest.approx(1000, abs=2)
    assert np.max(np.abs(kept[1000:7000])) == pytest.approx(0.5, abs=0.02)
    folded = audio.resample(0.5 * np.sin(2 * np.pi * 6000 * t), 22050, 8000)
    assert np.max(np.abs(folded[1000:7000])) < 0.001


def test_silence_is_trimmed_and_nothing_but_silence_is_empty() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)
    padded = np.concatenate([np.zeros(8000), tone, np.zeros(8000)])
    expected = 8000 + (audio.LEAD_S + audio.TAIL_S) * 8000
    assert audio.trim(padded, 8000).size == pytest.approx(expected, abs=10)
    assert audio.trim(np.zeros(8000), 8000).size == 0


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not a wave file at all", b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_what_is_no_wave_file_is_refused(data: bytes) -> None:
    with pytest.raises(audio.AudioUnreadableError):
        audio.read_wav(data)


def test_a_burst_of_new_texts_is_spoken_a_few_at_a_time(tmp_path: Path) -> None:
    class BusyProvider(CountingProvider):
        now = most = 0
        guard = threading.Lock()

        def synthesise(self, text: str, language: str, voice: str) -> bytes:
            with self.guard:
                self.now += 1
                self.most = max(self.most, self.now)
            spoken = super().synthesise(text, language, voice)
            with self.guard:
                self.now -= 1
            return spoken

    provider = BusyProvider()
    cache = SpeechCache(tmp_path, provider)
    threads = [threading.Thread(target=cache.speak, args=(f"text {n}", "en")) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert provider.count == 12
    assert provider.most <= AT_ONCE


IN_GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent, pathlib, sys
from ivr.tts.cache import SpeechCache
from ivr.tts.espeak import EspeakProvider
beats = 0
def beat():
    global beats
    while True:
        gevent.sleep(0)
        beats += 1
gevent.spawn(beat)
path = SpeechCache(pathlib.Path(sys.argv[1]), EspeakProvider()).speak("Please hold the line.", "en")
print(beats, path.stat().st_size)
"""


def test_a_gevent_loop_goes_on_while_a_text_is_spoken(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IN_GEVENT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    beats, size = map(int, done.stdout.split())
    assert beats > 20
    assert size > 8000


def test_a_text_nobody_hears_any_more_is_removed(tmp_path: Path) -> None:
    provider = CountingProvider()
    cache = SpeechCache(tmp_path, provider)
    old, heard, new = (cache.speak(text, "zh") for text in ("old", "heard", "new"))
    half = old.parent / ".x.part"
    half.write_bytes(b"half")
    long_ago = time.time() - KEEP_S - 1
    for path in (old, heard, half):
        os.utime(path, (long_ago, long_ago))
    cache.speak("heard", "zh")
    assert cache.tidy() == 2
    assert [path.exists() for path in (old, heard, new, half)] == [False, True, True, False]
    assert cache.speak("old", "zh").exists()
    assert provider.count == 4


def test_beyond_the_largest_size_the_texts_longest_not_heard_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = SpeechCache(tmp_path, CountingProvider())
    paths = [cache.speak(str(number), "zh") for number in range(4)]
    for days, path in zip((9, 8, 7, 0), paths, strict=True):
        heard = time.time() - days * 86_400
        os.utime(path, (heard, heard))
    monkeypatch.setattr("ivr.tts.cache.MAX_BYTES", 2 * paths[0].stat().st_size)
    assert cache.tidy() == 2
    monkeypatch.setattr("ivr.tts.cache.MAX_BYTES", 0)
    assert cache.tidy() == 1
    assert [path.exists() for path in paths] == [False, False, False, True], "a call may be about to play it"
