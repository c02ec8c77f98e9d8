"""Every text a person can see has a Chinese translation with the same placeholders."""

from __future__ import annotations

from core.i18n_catalogue import extract, problems


def test_every_text_is_translated() -> None:
    assert problems("zh") == []


def test_texts_of_code_are_found() -> None:
    found = {message.id for message in extract()}
    assert "Your account may not do this." in found
    assert "Number withheld" in found
