"""Speech for calls: the operator's service when it is quick enough, else the voice that works offline (CTI-I16, I17).

A caller never waits longer than `PATIENCE_S` for the service, for all texts of a prompt list together. A service that
took half of that for one text is not waited for by anybody for `SLOW_S`: what it has not said yet is spoken offline at
once. What comes later is kept all the same, so the next caller hears it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from core.documents import SpeechDoc
from core.outbound_http import Network
from ivr.tts.cache import SpeechCache
from ivr.tts.http import HttpSpeech
from ivr.tts.patience import PATIENCE_S, held
from ivr.tts.provider import SpeechError

log = structlog.get_logger(__name__)

SLOW_S = 30.0
WAITING_AT_ONCE = 20
"""Texts being asked of the service at a time; further ones are spoken offline at once."""


class OnlineSpeech:
    """The cache of the service that is set up now; None while none is."""

    def __init__(
        self,
        folder: Path,
        published: Callable[[], SpeechDoc | None],
        open_key: Callable[[str], str],
        allowed: Sequence[Network] = (),
    ) -> None:
        self._folder = folder
        self._published = published
        self._open_key = open_key
        self._allowed = allowed
        self._made: tuple[SpeechDoc, SpeechCache] | None = None

    def __call__(self) -> SpeechCache | None:
        """Return the cache, the same one until the service is set up anew."""
        document = self._published()
        if document is None:
            return None
        if self._made is None or self._made[0] != document:
            provider = HttpSpeech(document, self._open_key, self._allowed)
            self._made = (document, SpeechCache(self._folder, provider))
        return self._made[1]


class SpeechChain:
    """Speaks like a `SpeechCache`; `online` gives the service's cache, or None."""

    def __init__(
        self,
        offline: SpeechCache,
        online: Callable[[], SpeechCache | None],
        *,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._offline = offline
        self._online = online
        self._patience_s = patience_s
        self._clock = clock
        self._slow: tuple[SpeechCache, float] | None = None
        self._places = threading.BoundedSemaphore(WAITING_AT_ONCE)

    def speak(self, text: str, language: str, voice: str = "") -> Path:
        """Return the file of `text`; `voice` is one of the offline engine's. Raises `SpeechError`."""
        online = None if voice else self._online()
        if online is not None:
            made = self._from_service(online, text, language)
            if made is not None:
                return made
        return self._offline.speak(text, language, voice)

    def tidy(self) -> int:
        """See `SpeechCache.tidy`: the service's texts lie in the same folder."""
        return self._offline.tidy()

    def _from_service(self, online: SpeechCache, text: str, language: str) -> Path | None:
        path = online.path(text, language)
        if path.exists():
            return path
        if not self._places.acquire(blocking=False):
            return None
        done = threading.Event()
        made: list[Path] = []

        def ask() -> None:
            try:
                made.append(online.speak(text, language))
            except SpeechError as error:
                log.warning("speech service failed", language=language, reason=str(error))
            finally:
                self._places.release()
                done.set()

        threading.Thread(target=ask, daemon=True, name="speech").start()
        self._wait(online, done)
        return made[0] if made else None

    def _wait(self, online: SpeechCache, done: threading.Event) -> None:
        """Wait while there is patience; a service that takes much of it is slow for a while."""
        if self._is_slow(online):
            return
        patience = held(self._patience_s)
        began = self._clock()
        done.wait(min(self._patience_s, patience.left_s))
        waited_s = self._clock() - began
        patience.used(waited_s)
        if waited_s >= self._patience_s / 2:
            self._slow = (online, self._clock() + SLOW_S)
            log.warning("speech service is slow", waited_s=round(waited_s, 1), not_waited_for_s=SLOW_S)

    def _is_slow(self, online: SpeechCache) -> bool:
        """Return whether this service, as it is set up now, was slow a short time ago."""
        return self._slow is not None and self._slow[0] is online and self._clock() < self._slow[1]
