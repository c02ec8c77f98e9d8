"""Voices made from text (CTI-V4): which voices there are, and a text as a sound of the library."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import structlog

from core import real_threads
from ivr.prompt_values import Reading
from ivr.reading import read
from ivr.tts.audio import read_wav
from ivr.tts.cache import SpeechCache
from ivr.tts.chain import OnlineSpeech
from ivr.tts.espeak import default_provider
from ivr.tts.provider import SpeechError
from ivr.voices.convert import Sound, stored
from ivr.voices.errors import SoundSilent, TextNotSpoken

log = structlog.get_logger(__name__)

MAX_TEXT = 1000
"""Characters of a text; some four minutes."""
SERVICE = "service"
"""The operator's speech service, among `speakers`."""
_VARIANTS = {"woman": "+f2", "man": "+m3"}
"""Of the engine on this machine: its voice of a language, and eSpeak NG's variant."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextToSpeak:
    """What somebody wants to be said, by which of `speakers`."""

    text: str
    language: str
    speaker: str


class Speaking:
    """Speaks texts for the library. `online` is the operator's service, when one is set up."""

    def __init__(self, folder: Path, online: OnlineSpeech) -> None:
        provider = default_provider()
        self._provider = provider
        self._offline = SpeechCache(folder, provider)
        self._online = online

    def speakers(self) -> list[str]:
        """Return what can be chosen, the best first: ``service`` when there is one, ``woman``, ``man``."""
        return [*([SERVICE] if self._online() is not None else []), *_VARIANTS]

    def speak(self, wanted: TextToSpeak) -> Sound:
        """Return the text as it will be stored, numbers read as flows read them. Raises `TextNotSpoken`."""
        text = read(wanted.text[:MAX_TEXT], Reading.NUMBER, wanted.language)
        online = self._online() if wanted.speaker == SERVICE else None
        try:
            if online is not None:
                path = online.speak(text, wanted.language)
            else:
                base = self._provider.voice_for(wanted.language).partition("+")[0]
                voice = base + _VARIANTS.get(wanted.speaker, _VARIANTS["woman"])
                path = self._offline.speak(text, wanted.language, voice)
            return real_threads.run(_sound, path)
        except (SpeechError, SoundSilent, OSError) as error:
            log.info("voice not made from text", speaker=wanted.speaker, reason=str(error)[:200])
            raise TextNotSpoken(field="text") from error


def _sound(path: Path) -> Sound:
    samples, _rate_hz = read_wav(path.read_bytes())
    return stored(samples)
