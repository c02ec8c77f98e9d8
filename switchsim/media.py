"""Media without media: how long a sound lasts, and recordings that are real files with a tone for each side."""

from __future__ import annotations

import array
import enum
import functools
import math
import re
import wave
from pathlib import Path
from typing import TYPE_CHECKING

from switchsim.states import integer

if TYPE_CHECKING:
    from switchsim.running import Running

RATE = 8000
LOUDNESS = 3820
"""Mean amplitude of everybody who speaks here."""
CUSTOMER_HZ = 400
AGENT_HZ = 600
_TONE = re.compile(r"%\(\s*(\d+)\s*,\s*(\d+)\s*,[^)]*\)")


class Played(enum.Enum):
    """How a playback ended."""

    DONE = "done"
    BREAK = "break"
    ERROR = "error"
    NOT_FOUND = "not found"


class MissingSound(Exception):
    """There is no such sound."""


def duration_s(source: str, music: frozenset[str]) -> float | None:
    """Return how long `source` lasts, None for endless. Raises :class:`MissingSound`."""
    if source.startswith("file_string://"):
        return _list_duration_s(source.removeprefix("file_string://"), music)
    if source.startswith("local_stream://"):
        if source.removeprefix("local_stream://").split("/")[0] not in music:
            raise MissingSound(source)
        return None
    if source.startswith("silence_stream://"):
        ms = integer(source.removeprefix("silence_stream://").split(",")[0], 0)
        return None if ms < 0 else ms / 1000
    if source.startswith("tone_stream://"):
        return _tone_duration_s(source)
    return wav_duration_s(source)


def _list_duration_s(text: str, music: frozenset[str]) -> float | None:
    """Missing files of a list are left out without a word, as in the switch; a list of only such is over at once."""
    total = 0.0
    for part in text.split("!"):
        try:
            length = duration_s(part, music)
        except MissingSound:
            continue
        if length is None:
            return None
        total += length
    return total


def _tone_duration_s(source: str) -> float | None:
    loops = re.search(r"loops=(-?\d+)", source)
    times = int(loops.group(1)) if loops else 1
    if times < 0:
        return None
    return times * sum((int(on) + int(off)) / 1000 for on, off in _TONE.findall(source))


@functools.lru_cache(maxsize=4096)
def _measured(path: str, _mtime_ns: int, _size: int) -> float:
    with wave.open(path, "rb") as file:
        return file.getnframes() / file.getframerate()


def wav_duration_s(path: str) -> float:
    """Return the length of a sound file; of one that is no WAV, what its size means at 16 kB/s."""
    try:
        info = Path(path).stat()
    except (OSError, ValueError):
        raise MissingSound(path) from None
    if not path or not Path(path).is_file():
        raise MissingSound(path)
    try:
        return _measured(path, info.st_mtime_ns, info.st_size)
    except (wave.Error, EOFError):
        return info.st_size / 16000


@functools.lru_cache(maxsize=2)
def _second(channels: int) -> bytes:
    samples = array.array("h")
    for index in range(RATE):
        for hz in (CUSTOMER_HZ, AGENT_HZ)[:channels]:
            samples.append(int(6000 * math.sin(2 * math.pi * hz * index / RATE)))
    return samples.tobytes()


class Recording:
    """A running recording of a session: of the leg alone, or in stereo (the leg left, who it talks to right).

    Raises ``OSError`` when the file cannot be made.
    """

    def __init__(self, session: Running, path: str, *, stereo: bool) -> None:
        self.path = path
        self._clock = session.core.clock
        self._channels = 2 if stereo else 1
        folder = session.core.options.recordings_dir
        self._file = Path(path) if path.startswith("/") or folder is None else folder / path
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._began_us: int | None = self._clock.now_us()
        self._spent_us = 0
        self._samples = 0
        self._write(0)

    def pause(self) -> None:
        """Record nothing until :meth:`resume`."""
        if self._began_us is not None:
            self._spent_us += self._clock.now_us() - self._began_us
            self._began_us = None

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        if self._began_us is None:
            self._began_us = self._clock.now_us()

    def finish(self) -> None:
        """Write the file at its full length."""
        self.pause()
        self._samples = self._spent_us * RATE // 1_000_000
        self._write(self._samples)

    def _write(self, samples: int) -> None:
        block = _second(self._channels)
        width = 2 * self._channels
        with wave.open(str(self._file), "wb") as file:
            file.setnchannels(self._channels)
            file.setsampwidth(2)
            file.setframerate(RATE)
            for _second_index in range(samples // RATE):
                file.writeframesraw(block)
            file.writeframes(block[: samples % RATE * width])

    def lengths(self) -> dict[str, str]:
        """The variables the channel has after any recording."""
        return {
            "record_samples": str(self._samples),
            "record_seconds": str(self._samples // RATE),
            "record_ms": str(self._samples * 1000 // RATE),
        }

    def variables(self) -> dict[str, str]:
        """The variables the channel has after the recording of a session."""
        return {
            **self.lengths(),
            "record_file_size": str(44 + self._samples * 2 * self._channels),
            "record_completion_cause": "success-maxtime",
        }
