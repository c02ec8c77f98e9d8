"""Spoken texts as files: each text and voice is synthesised once and then played from the cell's own disk.

Callers' numbers, sums and dates make texts without end, so what nobody hears any more is removed (`SpeechCache.tidy`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from core import real_threads
from ivr.tts.audio import AudioUnreadableError, normalise, write_atomically
from ivr.tts.provider import SpeechError, SpeechProvider

SHAPE = "8000-1"
"""Shape of the stored files and of what was done to them; part of the key."""

AT_ONCE = 2
"""Texts being synthesised at a time. Each start of a child holds a gevent loop some 5 ms, and a burst of new
texts would add those up to a stutter of live calls; the engine speaks some hundred times faster than people
listen.
"""

KEEP_S = 30 * 86_400.0
"""A text that was not heard for so long is removed: it is spoken anew in an instant."""
MAX_BYTES = 2 << 30
"""All texts together, some 100 hours; beyond that those go first that were not heard for longest."""
HEARD_S = 86_400.0
"""How exactly it is known when a text was last heard: its file's time is set once in so long."""


class SpeechCache:
    """Files for texts below `folder` (``settings.prompts_dir``), made by `provider` when they are not there
    yet.
    """

    def __init__(self, folder: Path, provider: SpeechProvider) -> None:
        self._folder = folder / "tts"
        self._provider = provider
        self._making: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def path(self, text: str, language: str, voice: str = "") -> Path:
        """Return the file's place, there or not."""
        voice = voice or self._provider.voice_for(language)
        parts = (self._provider.name, self._provider.version, SHAPE, language, voice, text)
        key = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / key[:2] / f"{key[:40]}.wav"

    def speak(self, text: str, language: str, voice: str = "") -> Path:
        """Return the file of `text`, made now if need be. Raises `SpeechError`; the caller's greenlet may
        wait.
        """
        path = self.path(text, language, voice)
        if _is_there(path):
            return path
        with self._lock(path.name):
            if not path.exists():
                self._make(path, text, language, voice or self._provider.voice_for(language))
        return path

    def tidy(self) -> int:
        """Remove what was not heard for `KEEP_S`, and more where all is beyond `MAX_BYTES`; return how many files.

        What was heard lately stays in any case: a call may be about to play it. In a gevent process only the calling
        greenlet waits.
        """
        return real_threads.run(_tidied, self._folder, time.time())

    def _make(self, path: Path, text: str, language: str, voice: str) -> None:
        with self._places:
            spoken = self._provider.synthesise(text, language, voice)
        try:
            data = real_threads.run(normalise, spoken)
            write_atomically(path, data)
        except (AudioUnreadableError, OSError) as error:
            raise SpeechError(str(error)) from error

    def _lock(self, name: str) -> threading.Lock:
        """Return the lock of one file, so that a hundred callers of a new text start one synthesis."""
        with self._guard:
            if len(self._making) > 1000:
                self._making = {key: lock for key, lock in self._making.items() if lock.locked()}
            return self._making.setdefault(name, threading.Lock())


def _is_there(path: Path) -> bool:
    """Return whether the file is there, and note that it is heard."""
    try:
        heard = path.stat().st_mtime
    except OSError:
        return False
    if time.time() - heard > HEARD_S:
        with contextlib.suppress(OSError):
            os.utime(path)
    return True


def _tidied(folder: Path, now: float) -> int:
    files = sorted(_files(folder))
    kept = sum(size for _, size, _ in files)
    removed = 0
    for heard, size, path in files:
        old = now - heard
        if old <= KEEP_S and (kept <= MAX_BYTES or old <= 2 * HEARD_S):
            break
        with contextlib.suppress(OSError):
            path.unlink()
            kept -= size
            removed += 1
    return removed


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each file was last heard, its size and its place; also what a killed process left half written."""
    for path in folder.glob("*/*"):
        with contextlib.suppress(OSError):
            found = path.stat()
            yield found.st_mtime, found.st_size, path
