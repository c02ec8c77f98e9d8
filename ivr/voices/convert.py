"""From a file somebody uploaded to what the switch plays best: 8 kHz, 16-bit, mono, as loud as speech (CTI-V3).

WAV files are read here, block by block, so that memory is bounded by the length allowed and not by the file's rate.
Everything else is FFmpeg's, in a child with limits (`ivr.voices.limited`): the file gets a name of ours, the decoder is
the one of the kind its first bytes show (a playlist that names other files is none), and what comes out is cut
at the longest length, so that a small file that unpacks into hours costs ten minutes of sound.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import structlog

from core import real_threads
from ivr.tts.audio import RATE_HZ, Samples, level, resample, trim, wav_bytes
from ivr.tts.child import run_child
from ivr.tts.provider import SpeechError
from ivr.voices import wav
from ivr.voices.errors import NeedsConverter, NotAudio, SoundDamaged, SoundSilent, SoundTooLarge, SoundTooLong

log = structlog.get_logger(__name__)

MAX_BYTES = 20 * 1024 * 1024
"""Largest file taken."""
MAX_S = 600
"""Longest sound kept."""
MIN_S = 0.1
"""What is shorter, without the silence around it, is a click."""
SILENT_PEAK = 0.002
"""Loudest sample (full scale is 1) of what counts as silent: -54 dB, the noise of an open line."""
PEAKS = 300
"""Heights of the stored waveform."""

FFMPEG_TIMEOUT_S = 60.0
FFMPEG_CPU_S = 30
FFMPEG_MEMORY_BYTES = 1 << 30

_BLOCK_S = 10
_CONTEXT_S = 1
_AT_ONCE = threading.BoundedSemaphore(2)
"""Conversions in one process at a time: each takes some 150 MB at the longest length."""

_KINDS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"ID3", "mp3", "MP3"),
    (0, b"\xff\xfb", "mp3", "MP3"),
    (0, b"\xff\xf3", "mp3", "MP3"),
    (0, b"\xff\xf2", "mp3", "MP3"),
    (0, b"\xff\xfa", "mp3", "MP3"),
    (0, b"fLaC", "flac", "FLAC"),
    (0, b"OggS", "ogg", "Ogg"),
    (0, b"#!AMR", "amr", "AMR"),
    (4, b"ftyp", "mov", "M4A"),
    (0, b"\x1aE\xdf\xa3", "matroska", "WebM"),
    (0, b"\xff\xf1", "aac", "AAC"),
    (0, b"\xff\xf9", "aac", "AAC"),
)
"""Place and bytes a kind of file is known by, FFmpeg's name of its reader, and ours."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sound:
    """A sound as it is stored."""

    data: bytes
    """A WAV file."""
    length_ms: int
    peaks: list[float]

    @property
    def digest(self) -> str:
        """SHA-256 of the file, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def convert(data: bytes) -> Sound:
    """Return an uploaded file as it is stored. Raises the errors of `ivr.voices.errors` that say why not.

    In a gevent process only the calling greenlet waits.
    """
    if len(data) > MAX_BYTES:
        raise SoundTooLarge(megabytes=MAX_BYTES // 1024 // 1024)
    with _AT_ONCE:
        return real_threads.run(stored, decode(data))


def decode(data: bytes) -> Samples:
    """Return a file's sound at `RATE_HZ`, not levelled yet. Raises as `convert`."""
    if wav.is_wav(data):
        try:
            found = wav.parse(data)
        except wav.WavCodecError:
            return _by_ffmpeg(data, "wav", "WAV")
        except wav.WavError as error:
            raise SoundDamaged(reason=str(error)) from error
        if found.seconds > MAX_S + 0.5:
            raise too_long()
        return real_threads.run(_resampled, data, found)
    for place, mark, reader, name in _KINDS:
        if data[place : place + len(mark)] == mark:
            return _by_ffmpeg(data, reader, name)
    raise NotAudio()


def stored(samples: Samples) -> Sound:
    """Return the sound trimmed, levelled and as a file. Raises `SoundSilent`."""
    samples = samples - samples.mean() if samples.size else samples
    peak = float(np.max(np.abs(samples))) if samples.size else 0.0
    if peak < SILENT_PEAK:
        raise SoundSilent()
    # A quiet recording is brought up first: silence is what is quiet beside the rest.
    words = level(trim(samples / peak, RATE_HZ))
    if words.size < (MIN_S + 0.2) * RATE_HZ:  # 0.2 s: the silence `trim` leaves
        raise SoundSilent()
    return Sound(data=wav_bytes(words), length_ms=round(words.size / RATE_HZ * 1000), peaks=_peaks(words))


def ffmpeg() -> str:
    """Return FFmpeg's path, or nothing where it is not installed."""
    return shutil.which("ffmpeg") or ""


def too_long() -> SoundTooLong:
    """Return the refusal of what is longer than allowed."""
    return SoundTooLong(minutes=MAX_S // 60)


def _resampled(data: bytes, found: wav.Wav) -> Samples:
    """Return the sound at `RATE_HZ`, made in blocks of whole seconds with a second of neighbours on either side."""
    output = np.zeros(int(np.ceil(found.frames * RATE_HZ / found.rate_hz)))
    step = _BLOCK_S * found.rate_hz
    for number, first in enumerate(range(0, found.frames, step)):
        before = min(first, _CONTEXT_S * found.rate_hz)
        block = wav.mono(data, found, first - before, before + step + _CONTEXT_S * found.rate_hz)
        made = resample(block, found.rate_hz, RATE_HZ)[before * RATE_HZ // found.rate_hz :]
        place = number * _BLOCK_S * RATE_HZ
        made = made[: min(_BLOCK_S * RATE_HZ, output.size - place)]
        output[place : place + made.size] = made
    return output


def _by_ffmpeg(data: bytes, reader: str, name: str) -> Samples:
    program = ffmpeg()
    if not program:
        raise NeedsConverter(kind=name)
    with tempfile.TemporaryDirectory(prefix="zongji-voice-") as folder:
        given, made = Path(folder) / "given", Path(folder) / "made"
        given.write_bytes(data)
        limits = [FFMPEG_MEMORY_BYTES, FFMPEG_CPU_S, (MAX_S + 2) * RATE_HZ * 4]
        script = [sys.executable, "-I", "-S", str(Path(__file__).with_name("limited.py"))]
        options = ["-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1"]
        source = ["-protocol_whitelist", "file", "-f", reader, "-i", str(given), "-map", "0:a:0"]
        target = [
            "-t",
            str(MAX_S + 1),
            "-ac",
            "1",
            "-ar",
            str(RATE_HZ),
            "-f",
            "f32le",
            "-threads",
            "1",
            str(made),
        ]
        try:
            run_child(
                [*script, *(str(each) for each in limits), program, *options, *source, *target],
                b"",
                FFMPEG_TIMEOUT_S,
                silent=True,
            )
            raw = made.read_bytes()
        except (SpeechError, OSError) as error:
            log.info("voice not converted", kind=name, reason=str(error)[:200])
            raise SoundDamaged(reason=name) from error
    samples = np.frombuffer(raw[: len(raw) - len(raw) % 4], dtype="<f4").astype(np.float64)
    if samples.size > (MAX_S + 0.5) * RATE_HZ:
        raise too_long()
    clean: Samples = np.clip(np.nan_to_num(samples), -1.0, 1.0)
    return clean


def _peaks(samples: Samples) -> list[float]:
    """Return the waveform's heights, the highest sample of each piece beside the highest of all."""
    highest = float(np.max(np.abs(samples)))
    pieces = np.array_split(np.abs(samples), min(PEAKS, samples.size))
    return [round(float(piece.max()) / highest, 3) for piece in pieces]
