"""Who was heard when: tones found in what a telephone recorded. Pure.

Every telephone of a shift says one tone of its own, so what a caller heard tells whom they talked with, whatever the
platform believes. A tone is heard in a window when it carries a good part of all the sound in it: speech and music
come and go at any frequency, a steady tone does not.
"""

from __future__ import annotations

import dataclasses
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

WINDOW_S: Final = 0.4
SHARE: Final = 0.2
"""Part of a window's sound; two at once leave each the half."""
QUIET: Final = 3e-6
"""Mean square (of full scale 1) below which a window is silence."""
BAND_HZ: Final = 14.0
SURE_WINDOWS: Final = 3
"""So many windows on end are somebody; fewer are chance."""


@dataclasses.dataclass(frozen=True)
class Heard:
    """A time in which one tone, or several together, was heard, in seconds from the recording's beginning."""

    tones: tuple[int, ...]
    begin_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """How long it was."""
        return self.end_s - self.begin_s


def tones_heard(path: Path, tones: Sequence[int]) -> tuple[Heard, ...]:
    """Return what is heard in a mono 16-bit WAV file, in order; nothing of a file without sound."""
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return stretches(samples.astype(np.float64) / 32768, rate, tones)


def stretches(samples: Any, rate: int, tones: Sequence[int]) -> tuple[Heard, ...]:
    """Return the stretches of at least :data:`SURE_WINDOWS` windows in which the same tones are heard."""
    size = int(WINDOW_S * rate)
    windows = [
        present(samples[at : at + size], rate, tones) for at in range(0, len(samples) - size + 1, size)
    ]
    found: list[Heard] = []
    begin = 0
    for end in range(1, len(windows) + 1):
        if end < len(windows) and windows[end] == windows[begin]:
            continue
        if windows[begin] and end - begin >= SURE_WINDOWS:
            found.append(Heard(windows[begin], begin * WINDOW_S, end * WINDOW_S))
        begin = end
    return tuple(found)


def present(window: Any, rate: int, tones: Sequence[int]) -> tuple[int, ...]:
    """Return which tones carry a good part of a window's sound."""
    power = float(np.mean(window**2)) if len(window) else 0.0
    if power < QUIET:
        return ()
    spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window)))) ** 2
    whole = float(spectrum.sum())
    step = rate / len(window)
    found = []
    for hz in tones:
        low, high = int((hz - BAND_HZ) / step), int((hz + BAND_HZ) / step) + 1
        if spectrum[low : high + 1].sum() > SHARE * whole:
            found.append(hz)
    return tuple(sorted(found))


def total_s(heard: Sequence[Heard], hz: int) -> float:
    """Return how long one tone was heard, alone or with others."""
    return sum(each.length_s for each in heard if hz in each.tones)
