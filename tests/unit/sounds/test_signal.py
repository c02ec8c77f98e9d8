"""What callers hear of the platform itself, measured: every prompt, as the built-in voice speaks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ivr.tts.audio import PEAK_DB, RATE_HZ, SILENCE_DB, TARGET_RMS_DB, Samples, read_wav
from ivr.tts.espeak import default_provider
from sounds import build
from sounds.texts import TEXTS

FRAME = RATE_HZ // 50
LOUD = 10 ** (SILENCE_DB / 20)
PACE_MS = {"zh": (150, 320), "en": (45, 120)}
"""Shortest and longest speech for a letter, spaces and marks included: outside, a text was cut or spelt out."""
LONGEST_PAUSE_S = 0.8


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The prompts, made once with the provider every installation has."""
    built = build.build_into(tmp_path_factory.mktemp("sounds"), default_provider())
    assert built.missing == ()
    return dict(built.files)


def decibels(value: float) -> float:
    """Return an amplitude below full scale in decibels."""
    return 20 * float(np.log10(max(value, 1e-9)))


def longest_pause_s(samples: Samples) -> float:
    """Return the longest silence between two loud frames."""
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > LOUD)
    return float(np.max(np.diff(loud))) / 50 if loud.size > 1 else 0.0


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_prompt_is_whole_at_speechs_level_and_unclipped(
    files: dict[str, Path], language: str, name: str
) -> None:
    samples, rate = read_wav(files[f"{language}/{name}"].read_bytes())
    assert rate == RATE_HZ
    spoken = samples[np.abs(samples) > LOUD]
    assert spoken.size, "silence"
    assert abs(decibels(float(np.sqrt(np.mean(spoken**2)))) - TARGET_RMS_DB) < 2.5
    assert decibels(float(np.max(np.abs(samples)))) < PEAK_DB + 0.1, "it clips in a codec"
    shortest, longest = PACE_MS[language]
    assert shortest < samples.size / RATE_HZ / len(TEXTS[name][language]) * 1000 < longest
    assert longest_pause_s(samples) < LONGEST_PAUSE_S, "a hole in the middle"
    assert np.max(np.abs(samples[:80])) < LOUD, "it begins with a click"
