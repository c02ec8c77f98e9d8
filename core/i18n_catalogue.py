"""Keeping the message catalogue complete: collects the texts of all folders, as ``python -m core.i18n``
does.
"""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from core.i18n import DIRECTORY, LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (
    "core",
    "crm",
    "billing",
    "ivr",
    "cti",
    "dialer",
    "sms",
    "agent_desktop",
    "admin_web",
    "switchsim",
    "freeswitch_conf",
    "sounds",
    "zongji",
)
METHODS = [
    ("**/migrations/**", "ignore"),
    ("**/node_modules/**", "ignore"),
    ("**/static/**", "ignore"),
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**/templates/**.txt", "jinja2"),
]
OPTIONS = {
    "**/templates/**.html": {"silent": "false", "newstyle_gettext": "true", "trimmed": "true"},
    "**/templates/**.txt": {"silent": "false", "newstyle_gettext": "true", "trimmed": "true"},
}
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "lazy": None,
    "lazy_gettext": None,
}
"""Names of the functions whose first text is a message. Scripts of pages have catalogues of their own."""

_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def extract() -> Catalog:
    """Return a catalogue of every text in the code and the templates, sorted by file."""
    template = Catalog(project="zongji", charset="utf-8")
    for folder in FOLDERS:
        found = extract_from_dir(
            ROOT / folder,
            METHODS,
            OPTIONS,
            keywords=KEYWORDS,
            comment_tags=("i18n:",),
            strip_comment_tags=True,
        )
        for name, line, message, comments, context in found:
            template.add(
                message,
                locations=[(f"{folder}/{name}", line)],
                auto_comments=comments,
                context=context,
            )
    return template


def problems(language: str) -> list[str]:
    """Return what is wrong with the catalogue of `language`: missing texts, unequal placeholders."""
    translated = _read(language)
    found = []
    for message in extract():
        if not message.id:
            continue
        ours = translated.get(message.id if isinstance(message.id, str) else message.id[0])
        where = ", ".join(f"{name}:{line}" for name, line in message.locations[:2])
        if ours is None or not _strings(ours) or ours.fuzzy:
            found.append(f"{language}: no translation of {message.id!r} ({where})")
        elif any(_placeholders(text) != _placeholders(message.id) for text in _strings(ours)):
            found.append(f"{language}: other placeholders in the translation of {message.id!r} ({where})")
    return found


def update_catalogues() -> list[str]:
    """Merge new texts into each catalogue, drop those no longer used; return :func:`problems` of all."""
    template = extract()
    found = []
    for language in LANGUAGES:
        if language == "en":
            continue
        existing = _read(language)
        existing.update(template, no_fuzzy_matching=True)
        existing.obsolete.clear()
        path = _path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, existing, width=110, sort_output=True, omit_header=False, include_lineno=False)
        found += problems(language)
    return found


def _path(language: str) -> Path:
    return DIRECTORY / language / "LC_MESSAGES" / "messages.po"


def _read(language: str) -> Catalog:
    path = _path(language)
    if not path.exists():
        return Catalog(locale=language, project="zongji", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _strings(message: Message) -> list[str]:
    texts = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return [] if any(not text for text in texts) else texts


def _placeholders(text: str | tuple[str, ...] | list[str]) -> set[str]:
    longest = text if isinstance(text, str) else text[-1]
    return set(_PLACEHOLDER.findall(longest))
