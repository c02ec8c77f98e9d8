"""Speech as samples: reading, resampling, trimming, levelling and writing WAV files.

What the switch plays best is 8 kHz 16-bit mono PCM: calls run at 8 kHz (G.711), a file of that shape is sent
frame by frame with neither resampling nor decoding on the call's thread, and mod_native_file's coded variants
would need one file a codec.
"""

from __future__ import annotations

import io
import os
import tempfile
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]
"""Mono samples between -1 and 1."""

RATE_HZ = 8000
TARGET_RMS_DB = -20.0
"""Level of the spoken parts below full scale: what recorded announcements on telephone lines are levelled to.
"""
PEAK_DB = -3.0
"""No peak above this, so that no codec clips."""
SILENCE_DB = -45.0
LEAD_S = 0.05
TAIL_S = 0.15
"""Silence kept around the words: a start that is not cut and a breath between two prompts."""


class AudioUnreadableError(Exception):
    """The bytes are no WAV file of 16-bit samples."""


def read_wav(data: bytes) -> tuple[Samples, int]:
    """Return samples (several channels mixed to one) and rate in Hz. Raises `AudioUnreadableError`."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            if file.getsampwidth() != 2 or file.getframerate() <= 0:
                raise AudioUnreadableError("not 16-bit samples")
            channels, rate = file.getnchannels(), file.getframerate()
            # A program that writes to a pipe cannot know the length and writes a huge one; read what is there.
            raw = file.readframes(min(file.getnframes(), len(data)))
    except (wave.Error, EOFError) as error:
        raise AudioUnreadableError(str(error)) from error
    whole = len(raw) - len(raw) % (2 * channels)
    samples = np.frombuffer(raw[:whole], dtype="<i2").astype(np.float64) / 32768.0
    return samples.reshape(-1, channels).mean(axis=1), rate


def wav_bytes(samples: Samples, rate_hz: int = RATE_HZ) -> bytes:
    """Return the samples as a mono 16-bit WAV file."""
    pcm = np.clip(np.round(samples * 32767.0), -32768, 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm.tobytes())
    return buffer.getvalue()


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Return the samples at another rate, band-limited in the frequency domain so that nothing folds back."""
    if from_hz == to_hz or samples.size == 0:
        return samples
    # Padding to a whole number of common periods keeps the ratio of lengths exact and the ends from meeting.
    block = from_hz // int(np.gcd(from_hz, to_hz))
    padded = np.pad(samples, (0, from_hz // 10))
    padded = np.pad(padded, (0, -padded.size % block))
    length = padded.size * to_hz // from_hz
    spectrum = np.fft.rfft(padded)
    kept = min(spectrum.size, length // 2 + 1)
    target = np.zeros(length // 2 + 1, dtype=np.complex128)
    target[:kept] = spectrum[:kept]
    if to_hz < from_hz:
        target[:kept] *= _slope(kept)
    output: Samples = np.fft.irfft(target, length) * (length / padded.size)
    return output[: int(np.ceil(samples.size * to_hz / from_hz))]


def _slope(bins: int) -> Samples:
    """Return a fade of the top eighth of the band: a brick wall would ring."""
    slope = np.ones(bins)
    top = max(bins // 8, 1)
    slope[-top:] = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, top))
    return slope


def trim(samples: Samples, rate_hz: int) -> Samples:
    """Return the samples with the silence at both ends cut to `LEAD_S` and `TAIL_S`."""
    loud = np.flatnonzero(np.abs(samples) > 10 ** (SILENCE_DB / 20))
    if loud.size == 0:
        return samples[:0]
    words = samples[loud[0] : loud[-1] + 1]
    return np.concatenate([np.zeros(round(LEAD_S * rate_hz)), words, np.zeros(round(TAIL_S * rate_hz))])


def level(samples: Samples) -> Samples:
    """Return the samples with their spoken parts at `TARGET_RMS_DB` and no peak above `PEAK_DB`."""
    spoken = samples[np.abs(samples) > 10 ** (SILENCE_DB / 20)]
    if spoken.size == 0:
        return samples
    gain = 10 ** (TARGET_RMS_DB / 20) / float(np.sqrt(np.mean(spoken**2)))
    peak = float(np.max(np.abs(samples)))
    return samples * min(gain, 10 ** (PEAK_DB / 20) / peak)


def normalise(wav: bytes) -> bytes:
    """Return a WAV file as the switch plays it best (see the module). Raises `AudioUnreadableError`."""
    samples, rate_hz = read_wav(wav)
    return wav_bytes(level(trim(resample(samples, rate_hz, RATE_HZ), RATE_HZ)))


def write_atomically(path: Path, data: bytes) -> None:
    """Write the file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)  # the switch may run as another user
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
