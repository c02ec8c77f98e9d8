"""Spoken texts as files: each text and voice is synthesised once and then played from the cell's own disk."""

from __future__ import annotations

import hashlib
import threading
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
        if path.exists():
            return path
        with self._lock(path.name):
            if not path.exists():
                self._make(path, text, language, voice or self._provider.voice_for(language))
        return path

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
