"""Every action the code writes to the log has words (ACC-10)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from core.audit_words import ACTION_WORDS, MODULE_WORDS, action_word, field_word, module_word

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("core", "crm", "billing", "ivr", "cti", "agent_desktop", "admin_web", "zongji")


def _written() -> Iterator[tuple[str, str]]:
    """Yield module and action of every constant handed to ``audit.record`` or to what hands it on."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if not isinstance(call, ast.Call):
                    continue
                name = ast.unparse(call.func).rpartition(".")[2]
                if name not in {"record", "store", "drop", "_note", "note"}:
                    continue
                for argument in call.args:
                    for part in ast.walk(argument):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            module, dot, action = part.value.partition(".")
                            if (
                                dot
                                and module.replace("-", "").isalpha()
                                and action.replace("-", "").isalpha()
                            ):
                                yield module, action


def test_acc_10_what_is_logged_can_be_read() -> None:
    written = set(_written())
    assert len(written) > 40, "the search has gone blind"
    assert (
        sorted(each for each in written if each[0] not in MODULE_WORDS or each[1] not in ACTION_WORDS) == []
    )


def test_words_without_an_entry_stay_as_they_are() -> None:
    assert (module_word("x"), action_word("y"), field_word("z")) == ("x", "y", "z")
