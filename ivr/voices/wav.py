"""WAV files of every common kind as samples, read in blocks: PCM of 8 to 32 bits, floating point, A-law and µ-law.

The standard library's module knows integer PCM only. Layout: Microsoft's RIFF/WAVE (``fmt`` chunk, tags 1, 3, 6, 7 and
0xFFFE) and RF64 (EBU Tech 3306); A-law and µ-law: ITU-T G.711.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ivr.tts.audio import Samples

PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
MAX_CHANNELS = 8
LOWEST_HZ, HIGHEST_HZ = 1000, 384_000

Raw = npt.NDArray[Any]


class WavError(Exception):
    """The bytes are no WAV file that makes sense."""


class WavCodecError(WavError):
    """A WAV file whose coding is not one of this module's."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wav:
    """Where the sound is in a WAV file, and how it is coded."""

    codec: int
    bits: int
    channels: int
    rate_hz: int
    start: int
    """First byte of the sound."""
    frames: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.bits // 8

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.frames / self.rate_hz


def is_wav(data: bytes) -> bool:
    """Return whether the file begins as a WAV file does."""
    return data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE"


def parse(data: bytes) -> Wav:
    """Return what the header says, held against what is there. Raises `WavError`, `WavCodecError`."""
    if not is_wav(data):
        raise WavError("no RIFF/WAVE header")
    form: tuple[int, int, int, int] | None = None
    place, end = 12, len(data)
    while place + 8 <= end:
        name, size = struct.unpack_from("<4sI", data, place)
        place += 8
        if name == b"fmt ":
            form = _form(data[place : place + min(size, 40)])
        elif name == b"data":
            if form is None:
                raise WavError("sound before its format")
            # A program that wrote to a pipe could not know the length and wrote 0 or the highest number.
            there = end - place
            return _wav(form, place, there if size in (0, 0xFFFFFFFF) else min(size, there))
        place += size + size % 2
    raise WavError("no sound in it")


def _form(chunk: bytes) -> tuple[int, int, int, int]:
    """Return codec, channels, rate and bits of a ``fmt`` chunk."""
    if len(chunk) < 16:
        raise WavError("a format that is cut off")
    codec, channels, rate_hz, _bytes_s, _align, bits = struct.unpack_from("<HHIIHH", chunk)
    if codec == EXTENSIBLE and len(chunk) >= 26:
        codec = struct.unpack_from("<H", chunk, 24)[0]
    return codec, channels, rate_hz, bits


def _wav(form: tuple[int, int, int, int], start: int, size: int) -> Wav:
    codec, channels, rate_hz, bits = form
    if (codec, bits) not in _DECODERS:
        raise WavCodecError(f"coding {codec} with {bits} bits")
    if not (1 <= channels <= MAX_CHANNELS and LOWEST_HZ <= rate_hz <= HIGHEST_HZ):
        raise WavError(f"{channels} channels at {rate_hz} Hz")
    frames = size // (channels * bits // 8)
    if frames == 0:
        raise WavError("no sound in it")
    return Wav(codec=codec, bits=bits, channels=channels, rate_hz=rate_hz, start=start, frames=frames)


def mono(data: bytes, wav: Wav, first: int, count: int) -> Samples:
    """Return up to `count` frames from `first` on, channels mixed to one, each sample between -1 and 1."""
    count = max(0, min(count, wav.frames - first))
    begin = wav.start + first * wav.frame_bytes
    raw = memoryview(data)[begin : begin + count * wav.frame_bytes]
    samples = _DECODERS[wav.codec, wav.bits](raw)
    mixed: Samples = samples.reshape(-1, wav.channels).mean(axis=1)
    return mixed


def blocks(data: bytes, wav: Wav, frames: int) -> Iterator[Samples]:
    """Yield the whole sound, mixed to one channel, `frames` at a time."""
    for first in range(0, wav.frames, frames):
        yield mono(data, wav, first, frames)


def _bits8(raw: memoryview) -> Samples:
    return (np.frombuffer(raw, dtype=np.uint8).astype(np.float64) - 128.0) / 128.0


def _bits16(raw: memoryview) -> Samples:
    return np.frombuffer(raw, dtype="<i2").astype(np.float64) / 32768.0


def _bits24(raw: memoryview) -> Samples:
    three = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3).astype(np.int32)
    values = (three[:, 0] << 8) | (three[:, 1] << 16) | (three[:, 2] << 24)
    return values.astype(np.float64) / 2147483648.0


def _bits32(raw: memoryview) -> Samples:
    return np.frombuffer(raw, dtype="<i4").astype(np.float64) / 2147483648.0


def _floating(kind: str) -> Callable[[memoryview], Samples]:
    def decode(raw: memoryview) -> Samples:
        values = np.nan_to_num(
            np.frombuffer(raw, dtype=kind).astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0
        )
        clipped: Samples = np.clip(values, -1.0, 1.0)
        return clipped

    return decode


def _a_law_table() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    small = mantissa * 16 + 8
    size = np.where(exponent == 0, small, (small + 256) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size) / 32768.0


def _mu_law_table() -> Samples:
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -size, size) / 32768.0


def _table(values: Samples) -> Callable[[memoryview], Samples]:
    def decode(raw: memoryview) -> Samples:
        decoded: Samples = values[np.frombuffer(raw, dtype=np.uint8)]
        return decoded

    return decode


_DECODERS: dict[tuple[int, int], Callable[[memoryview], Samples]] = {
    (PCM, 8): _bits8,
    (PCM, 16): _bits16,
    (PCM, 24): _bits24,
    (PCM, 32): _bits32,
    (FLOAT, 32): _floating("<f4"),
    (FLOAT, 64): _floating("<f8"),
    (A_LAW, 8): _table(_a_law_table()),
    (MU_LAW, 8): _table(_mu_law_table()),
}
