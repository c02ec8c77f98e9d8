"""Making the platform's own sounds: ``python -m sounds.build <folder>``, and at each ``zongji run``.

Audio is generated, never committed. A second build makes only what changed: a list beside the files says what
each was made from. Without a speech engine the signals and the music are made all the same, and
`Manifest.missing` names the rest.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import structlog

from core.settings import Settings
from ivr.tts.audio import normalise, wav_bytes, write_atomically
from ivr.tts.cache import SHAPE
from ivr.tts.espeak import default_provider
from ivr.tts.provider import SpeechError, SpeechProvider
from sounds import music, tones
from sounds.texts import TEXTS

log = structlog.get_logger(__name__)

FALLBACK = "system-busy"
"""The announcement for callers no controller cares for."""
MUSIC = "music/default/waiting"
_LIST = "made-from.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What was built. Names are ``<language>/<prompt>``, ``tones/<signal>`` and ``music/<stream>/<piece>``."""

    folder: Path
    files: Mapping[str, Path]
    missing: tuple[str, ...] = ()
    """Names that could not be made."""

    def prompt(self, name: str, language: str) -> Path | None:
        """Return a prompt's file in `language`, else in the other one, else a signal of that name, or None."""
        other = "en" if language == "zh" else "zh"
        keys = (f"{language}/{name}", f"{other}/{name}", f"tones/{name}")
        return next((self.files[key] for key in keys if key in self.files), None)

    def fallback(self) -> tuple[Path, ...]:
        """Return the files of the announcement the switch plays by itself, one a language."""
        return tuple(self.files[key] for key in (f"zh/{FALLBACK}", f"en/{FALLBACK}") if key in self.files)

    def music_folders(self) -> dict[str, Path]:
        """Return the folders of waiting music by the name of their stream."""
        return {
            name.split("/")[1]: path.parent for name, path in self.files.items() if name.startswith("music/")
        }


def folder_of(settings: Settings) -> Path:
    """Return where the platform's own sounds are on a cell."""
    return settings.prompts_dir / "system"


def build(settings: Settings) -> Manifest:
    """Make the sounds of this cell."""
    return build_into(folder_of(settings), default_provider())


def manifest(settings: Settings) -> Manifest:
    """Return what is built, without making anything."""
    folder = folder_of(settings)
    files = {name: _file(folder, name) for name in _names()}
    found = {name: path for name, path in files.items() if path.is_file()}
    return Manifest(folder=folder, files=found, missing=tuple(sorted(files.keys() - found.keys())))


def build_into(folder: Path, provider: SpeechProvider) -> Manifest:
    """Make what is missing or outdated in `folder`. Raises ``OSError`` when it cannot be written."""
    made_from = _read_list(folder)
    files: dict[str, Path] = {}
    missing: list[str] = []
    for name, (source, make) in _recipes(provider).items():
        path = _file(folder, name)
        if made_from.get(name) != source or not path.is_file():
            try:
                write_atomically(path, make())
            except SpeechError as error:
                log.error("system prompt not made", name=name, reason=str(error))
                missing.append(name)
                continue
            made_from[name] = source
        files[name] = path
    text = json.dumps({name: made_from[name] for name in sorted(files)}, ensure_ascii=False, indent=1)
    write_atomically(folder / _LIST, text.encode())
    return Manifest(folder=folder, files=files, missing=tuple(missing))


def _names() -> list[str]:
    prompts = [f"{language}/{name}" for name, texts in TEXTS.items() for language in texts]
    return [*prompts, *(f"tones/{name}" for name in tones.tones()), MUSIC]


def _recipes(provider: SpeechProvider) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """Return for each name what it is made from and how."""
    recipes: dict[str, tuple[str, Callable[[], bytes]]] = {}
    for name, texts in TEXTS.items():
        for language, text in texts.items():
            voice = provider.voice_for(language)
            source = " ".join((SHAPE, provider.name, provider.version, voice, text))
            recipes[f"{language}/{name}"] = (source, _speaking(provider, text, language, voice))
    for name, samples in tones.tones().items():
        recipes[f"tones/{name}"] = (f"tone {tones.VERSION}", partial(wav_bytes, samples))
    recipes[MUSIC] = (f"music {music.VERSION}", lambda: wav_bytes(music.waiting_music()))
    return recipes


def _speaking(provider: SpeechProvider, text: str, language: str, voice: str) -> Callable[[], bytes]:
    return lambda: normalise(provider.synthesise(text, language, voice))


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.wav"


def _read_list(folder: Path) -> dict[str, str]:
    """Return what the files were made from; a list that cannot be read means that nothing is known."""
    try:
        found = json.loads((folder / _LIST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): str(source) for name, source in found.items()}


def main(arguments: list[str]) -> int:
    """Build into the folder named on the command line and list what there is."""
    if len(arguments) != 1:
        sys.stderr.write("python -m sounds.build <folder>\n")
        return 2
    built = build_into(Path(arguments[0]).resolve(), default_provider())
    for name, path in sorted(built.files.items()):
        sys.stdout.write(f"{name}\t{path}\n")
    for name in built.missing:
        sys.stderr.write(f"{name} could not be made\n")
    return 1 if built.missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
