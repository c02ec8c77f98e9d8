"""What a text-to-speech provider is (CTI-I17). The default is `ivr.tts.espeak`; another is one more class
like it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class SpeechError(Exception):
    """A text could not be spoken: no engine, no such voice, time-out, or nothing to say. The text is for the
    log.
    """


class SpeechProvider(Protocol):
    """Speaks texts. Safe to use from several greenlets and threads at once; never blocks a gevent loop."""

    @property
    def name(self) -> str:
        """Stable identity, part of the cache's key."""

    @property
    def version(self) -> str:
        """Changes when the same text would sound different; part of the cache's key."""

    def voice_for(self, language: str) -> str:
        """Return the default voice of ``zh`` or ``en``."""

    def synthesise(self, text: str, language: str, voice: str) -> bytes:
        """Return `text` spoken, as a mono 16-bit WAV file of any rate. Raises `SpeechError`."""


class Speaker(Protocol):
    """Files of spoken texts: a `SpeechCache`, or a chain of them."""

    def speak(self, text: str, language: str, voice: str = "") -> Path:
        """Return the file of `text`, made now if need be. Raises `SpeechError`; the caller's greenlet may wait."""

    def tidy(self) -> int:
        """Remove files nobody hears any more; return how many."""
