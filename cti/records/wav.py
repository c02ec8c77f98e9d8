"""Reads recorded WAV files, also those whose writer died before it filled in the lengths, and draws their outline."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

PEAKS_PER_S = 10
MAX_PEAKS = 4000
"""Points per channel a player gets; longer recordings have wider points."""

_FRAMES_AT_ONCE = 1 << 16


class NotAWavError(ValueError):
    """The file is no recording in 16-bit PCM."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wav:
    """Where the sound is in the file."""

    path: Path
    channels: int
    rate: int
    """Frames per second."""
    data_offset: int
    data_bytes: int

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return self.data_bytes // (2 * self.channels)

    @property
    def length_ms(self) -> int:
        """Duration."""
        return self.frames * 1000 // self.rate


def inspect(path: Path) -> Wav:
    """Return the layout of the file at `path` (RIFF/WAVE, 16-bit PCM). Raises :class:`NotAWavError`, ``OSError``.

    A data chunk without a length, or longer than the file, reaches to the file's end: libsndfile writes the
    lengths last.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise NotAWavError("no RIFF/WAVE header")
        channels = rate = 0
        while len(chunk := file.read(8)) == 8:
            name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            here = file.tell()
            if name == b"fmt ":
                channels, rate = _format(file.read(min(length, 64)))
            elif name == b"data" and channels:
                there = size - here
                usable = length if 0 < length <= there else there
                return Wav(
                    path=path,
                    channels=channels,
                    rate=rate,
                    data_offset=here,
                    data_bytes=usable - usable % (2 * channels),
                )
            file.seek(here + length + length % 2)
    raise NotAWavError("no sound in the file")


def _format(body: bytes) -> tuple[int, int]:
    if len(body) < 16:
        raise NotAWavError("the format is cut short")
    code, channels, rate, _bytes, _align, bits = struct.unpack("<HHIIHH", body[:16])
    if code not in {1, 0xFFFE} or bits != 16 or channels not in {1, 2} or not 1000 <= rate <= 192000:
        raise NotAWavError(f"format {code}, {channels} channels, {rate} Hz, {bits} bits is none we record")
    return channels, rate


def repaired(wav: Wav) -> Iterator[bytes]:
    """Yield a WAV file of the same sound whose header is right."""
    align = 2 * wav.channels
    yield (
        b"RIFF" + struct.pack("<I", 36 + wav.data_bytes) + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, wav.channels, wav.rate, wav.rate * align, align, 16)
        + b"data" + struct.pack("<I", wav.data_bytes)
    )  # fmt: skip
    with wav.path.open("rb") as file:
        file.seek(wav.data_offset)
        left = wav.data_bytes
        while left and (chunk := file.read(min(left, 1 << 20))):
            left -= len(chunk)
            yield chunk


def peaks(wav: Wav) -> list[list[float]]:
    """Return for each channel the loudest sample of each piece of time, from 0 to 1, rounded to 3 places."""
    count = max(1, min(MAX_PEAKS, wav.length_ms * PEAKS_PER_S // 1000))
    tops = np.zeros((wav.channels, count))
    position = 0
    with wav.path.open("rb") as file:
        file.seek(wav.data_offset)
        while position < wav.frames:
            wanted = min(_FRAMES_AT_ONCE, wav.frames - position)
            samples = np.frombuffer(file.read(wanted * 2 * wav.channels), dtype="<i2")
            samples = samples[: len(samples) // wav.channels * wav.channels].reshape(-1, wav.channels)
            if not len(samples):
                break
            loudness = np.abs(samples.astype(np.int32))
            places: Any = (np.arange(position, position + len(samples)) * count) // wav.frames
            for channel in range(wav.channels):
                np.maximum.at(tops[channel], places, loudness[:, channel])
            position += len(samples)
    return [[round(float(top) / 32768, 3) for top in channel] for channel in tops]
