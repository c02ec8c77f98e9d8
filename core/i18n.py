"""Texts in the reader's language, in every process.

English sentences in the code are the message ids; the one catalogue is
``core/translations/<language>/LC_MESSAGES``. Web pages use Flask-Babel on the same catalogue, with
:func:`current_language` as its locale selector; everything else calls :func:`gettext` here. ``python -m
core.i18n`` collects the texts of all folders into the catalogue and lists what lacks a translation;
:func:`compile_catalogues` is part of set-up.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

LANGUAGES = ("zh", "en")
"""Languages of the interface; English needs no catalogue."""

DIRECTORY = Path(__file__).resolve().parent / "translations"

_language: ContextVar[str] = ContextVar("zongji_language", default="zh")


def current_language() -> str:
    """Return the language texts are in now: ``zh`` or ``en``."""
    return _language.get()


def set_language(language: str) -> None:
    """Make `language` current for this request, greenlet or process; one we do not have is Chinese."""
    _language.set(language if language in LANGUAGES else LANGUAGES[0])


@contextmanager
def use_language(language: str) -> Iterator[None]:
    """Make `language` current inside the block."""
    token = _language.set(language if language in LANGUAGES else LANGUAGES[0])
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str, /, **values: Any) -> str:
    """Return `message` in the current language, with ``%(name)s`` filled in from `values`."""
    text = _catalogue(current_language()).gettext(message)
    return text % values if values else text


def ngettext(singular: str, plural: str, number: int, /, **values: Any) -> str:
    """Return the form for `number`, with ``%(num)d`` and `values` filled in."""
    text = _catalogue(current_language()).ngettext(singular, plural, number)
    return text % {"num": number, **values}


class LazyText:
    """A text whose language is chosen when it is shown: ``str(text)`` uses the current one."""

    __slots__ = ("message", "values")

    def __init__(self, message: str, values: dict[str, Any]) -> None:
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return gettext(self.message, **self.values)

    def __html__(self) -> str:
        import html

        return html.escape(str(self))

    def __repr__(self) -> str:
        return f"lazy({self.message!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LazyText) and (self.message, self.values) == (other.message, other.values)

    def __hash__(self) -> int:
        return hash(self.message)

    def filled(self, **values: Any) -> LazyText:
        """Return the same text with more `values`."""
        return LazyText(self.message, {**self.values, **values})

    def in_language(self, language: str) -> str:
        """Return the text in `language`."""
        with use_language(language):
            return str(self)


def lazy(message: str, /, **values: Any) -> LazyText:
    """Return `message` as a text to be translated when it is shown; for class attributes and constants."""
    return LazyText(message, values)


def catalogue(language: str) -> dict[str, str]:
    """Return message id to text for `language`, for scripts of pages; plural forms are left out."""
    from babel.messages.pofile import read_po

    path = _po(language)
    if not path.exists():
        return {}
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    return {
        str(message.id): str(message.string)
        for message in messages
        if message.id and message.string and not message.fuzzy and isinstance(message.id, str)
    }


def compile_catalogues() -> list[Path]:
    """Write the ``.mo`` file of each catalogue that changed (Flask-Babel reads those); return what was
    written.
    """
    written = []
    for language in LANGUAGES:
        source = _po(language)
        target = source.with_suffix(".mo")
        if not source.exists():
            continue
        compiled = _compiled(language)
        if not target.exists() or target.read_bytes() != compiled:
            target.write_bytes(compiled)
            written.append(target)
    _catalogue.cache_clear()
    return written


def _po(language: str) -> Path:
    return DIRECTORY / language / "LC_MESSAGES" / "messages.po"


def _compiled(language: str) -> bytes:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with _po(language).open("rb") as file:
        messages = read_po(file, locale=language)
    buffer = io.BytesIO()
    write_mo(buffer, messages)
    return buffer.getvalue()


@cache
def _catalogue(language: str) -> NullTranslations:
    if not _po(language).exists():
        return NullTranslations()
    return GNUTranslations(io.BytesIO(_compiled(language)))


if __name__ == "__main__":
    from core.i18n_catalogue import update_catalogues

    for missing in update_catalogues():
        sys.stdout.write(missing + "\n")
