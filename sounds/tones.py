"""Signals: the beep before a recording, and the ringing tone heard while a phone rings (GB/T 3380: 450 Hz, 1
s on, 4 s off).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ivr.tts.audio import RATE_HZ, Samples

VERSION = "1"
FADE_S = 0.01


def tones() -> Mapping[str, Samples]:
    """Return the signals by name."""
    return {
        "beep": _tone(1000.0, 0.4, -14.0),
        "ringing": np.concatenate([_tone(450.0, 1.0, -14.0), np.zeros(4 * RATE_HZ)]),
    }


def _tone(frequency_hz: float, length_s: float, peak_db: float) -> Samples:
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    edge = np.minimum(1.0, np.minimum(t, t[::-1]) / FADE_S)
    samples: Samples = 10 ** (peak_db / 20) * edge * np.sin(2 * np.pi * frequency_hz * t)
    return samples
