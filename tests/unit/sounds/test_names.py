"""Everything the platform says has its words in both languages, and every name that is asked for exists (CTI-I16)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sounds.texts import TEXTS
from sounds.tones import tones

HELPERS = ("or_sound",)
"""Functions of nodes that take a sound's name last."""
ROOT = Path(__file__).resolve().parents[3]


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _asked() -> Iterator[tuple[str, str]]:
    """Yield file and name of every ``SoundPrompt(name=…)``, and of the calls that make one (`HELPERS`)."""
    paths = [path for folder in ("ivr", "cti") for path in sorted((ROOT / folder).rglob("*.py"))]
    trees = {path: ast.parse(path.read_text("utf-8")) for path in paths}
    everywhere = {name: value for tree in trees.values() for name, value in _constants(tree).items()}
    for path, tree in trees.items():
        known = everywhere | _constants(tree)  # a module's own, else an imported one
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = [each.value for each in node.keywords if called == "SoundPrompt" and each.arg == "name"]
            given += node.args[-1:] if called in HELPERS else []
            given += node.args[1:2] if called == "farewell" else []
            for value in given:
                if isinstance(value, ast.Constant):
                    yield path.name, str(value.value)
                elif isinstance(value, ast.Name) and value.id in known:
                    yield path.name, known[value.id]


ASKED = sorted(set(_asked()))


def test_some_names_are_asked_for() -> None:
    assert ("work.py", "system-busy") in ASKED


@pytest.mark.parametrize(("file", "name"), ASKED)
def test_every_sound_that_is_asked_for_exists_in_both_languages(file: str, name: str) -> None:
    assert name in tones() or set(TEXTS.get(name, {})) == {"zh", "en"}, f"{file} asks for {name}"


@pytest.mark.parametrize(
    "name",
    [
        "one-moment",
        "voicemail-greeting",
        "voicemail-thanks",
        "survey-thanks",
        "callback-ask",
        "callback-number",
        "callback-thanks",
        "goodbye",
        "invalid-key",
        "collect-invalid",
    ],
)
def test_the_names_nodes_rely_on(name: str) -> None:
    assert set(TEXTS[name]) == {"zh", "en"}


BEFORE_A_NUMBER = {"employee-number"}
"""What goes on with a number that is read out after it."""


def test_there_is_a_beep() -> None:
    assert "beep" in tones()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_each_text_is_in_its_language(name: str) -> None:
    chinese, english = TEXTS[name]["zh"], TEXTS[name]["en"]
    assert re.fullmatch(r"[一-鿿，。？！、]+", chinese), "a Chinese prompt holds Chinese characters only"
    assert english.isascii()
    if name in BEFORE_A_NUMBER:
        return
    assert chinese.endswith(("。", "！", "？"))
    assert english.endswith((".", "!", "?"))
