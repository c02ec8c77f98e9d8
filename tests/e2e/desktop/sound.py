"""Tones: made for a browser's microphone, and measured in what was recorded."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy


def write_tone(path: Path, hz: int, seconds: float = 10, rate: int = 48_000) -> Path:
    """Write a sine of `hz` at half scale; the browser repeats the file."""
    samples = numpy.sin(2 * numpy.pi * hz * numpy.arange(int(seconds * rate)) / rate) * 16_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def level_db(path: Path, channel: int, hz: int, last_s: float = 1.0) -> float:
    """Return the level of `hz` (a band of 40 Hz) in the last seconds of one channel, in dB of full scale."""
    with wave.open(str(path), "rb") as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, channels)
    part = samples[-int(last_s * rate) :, channel].astype(float) / 32768
    if len(part) < rate // 4:
        return -200.0
    spectrum = numpy.abs(numpy.fft.rfft(part * numpy.hanning(len(part)))) * 4 / len(part)
    frequencies = numpy.fft.rfftfreq(len(part), 1 / rate)
    band = spectrum[(frequencies > hz - 20) & (frequencies < hz + 20)]
    return float(20 * numpy.log10(max(band.max(), 1e-10)))
