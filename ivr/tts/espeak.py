"""The offline default: eSpeak NG for Chinese and English, from the wheel `espeakng-loader` or the system's
program.

The wheel is preferred: its 1.52 reads Chinese characters right with English words between them. Debian's 1.51
has the voice ``cmn`` broken (it reads "系统" as "xi four tong three"), which is why the system's program gets
another voice.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import espeakng_loader

from ivr.prompt_values import MAX_SPOKEN
from ivr.tts.child import run_child
from ivr.tts.provider import SpeechError

MAX_CHARACTERS = MAX_SPOKEN
"""Longest text."""
TIMEOUT_S = 20.0
"""A text of the longest length takes about two seconds on a slow machine."""

# Rates are words a minute in the engine's own counting: these come out at some 4 syllables a second in Chinese and
# 150 words a minute in English, the pace of a recorded announcement. Full volume clips: 60 leaves 3 dB of room.
_SETTINGS: dict[str, dict[str, object]] = {
    "zh": {"rate": 200, "pitch": 48, "volume": 60, "word_gap": 0},
    "en": {"rate": 160, "pitch": 48, "volume": 60, "word_gap": 0},
}
_VOICES = {"zh": "cmn+f2", "en": "en-us+f2"}
_WORKER = Path(__file__).with_name("espeak_worker.py")


class EspeakProvider:
    """The library of the wheel, in a child process for each text."""

    name = "espeak-ng"
    version = "1"

    def __init__(self, library: Path | None = None, data: Path | None = None) -> None:
        self._library = library or Path(espeakng_loader.get_library_path())
        self._data = data or self._library.parent / "espeak-ng-data"

    @property
    def usable(self) -> bool:
        """Whether library and data are there."""
        return self._library.exists() and self._data.is_dir()

    def voice_for(self, language: str) -> str:
        """Return the default voice of ``zh`` or ``en``."""
        return _VOICES.get(language, _VOICES["en"])

    def synthesise(self, text: str, language: str, voice: str) -> bytes:
        """See `SpeechProvider.synthesise`."""
        request = {"text": speakable(text), "voice": voice, **_SETTINGS.get(language, _SETTINGS["en"])}
        command = [sys.executable, "-I", "-S", str(_WORKER), str(self._library), str(self._data)]
        return run_child(command, json.dumps(request).encode(), TIMEOUT_S)


class EspeakProgram:
    """The system's program, for machines the wheel has no library for."""

    name = "espeak-ng-program"
    version = "1"

    def __init__(self, program: str | None = None) -> None:
        self._program = program or shutil.which("espeak-ng") or ""

    @property
    def usable(self) -> bool:
        """Whether the program is there."""
        return bool(self._program)

    def voice_for(self, language: str) -> str:
        """Return the default voice of ``zh`` or ``en``."""
        return "cmn-latn-pinyin+f2" if language == "zh" else _VOICES["en"]

    def synthesise(self, text: str, language: str, voice: str) -> bytes:
        """See `SpeechProvider.synthesise`."""
        if not self.usable:
            raise SpeechError("there is no program espeak-ng")
        settings = _SETTINGS.get(language, _SETTINGS["en"])
        options = ["-b", "1", "-v", voice, "-s", str(settings["rate"]), "-p", str(settings["pitch"])]
        command = [self._program, *options, "-a", str(settings["volume"]), "--stdin", "--stdout"]
        return run_child(command, speakable(text).encode(), TIMEOUT_S)


def default_provider() -> EspeakProvider | EspeakProgram:
    """Return the wheel's engine, or the system's where the wheel brought none."""
    provider = EspeakProvider()
    return provider if provider.usable else EspeakProgram()


def speakable(text: str) -> str:
    """Return the text without what no voice can say. Raises `SpeechError` when nothing is left or it is too
    long.
    """
    spoken = "".join(character if character.isprintable() else " " for character in text).strip()
    if len(spoken) > MAX_CHARACTERS:
        raise SpeechError(f"a text of {len(spoken)} characters; the limit is {MAX_CHARACTERS}")
    if not any(character.isalnum() for character in spoken):
        raise SpeechError("nothing to say")
    return spoken
