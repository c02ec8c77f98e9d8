"""What ``./test`` says at the end of what could not run."""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from tests.support import tiers

SCRIPT = Path(__file__).resolve().parents[3] / "test"


def test_every_reason_is_shown_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reasons are sentences: they may have any sign in them."""
    reasons = re.findall(r'leave_out (\w+) "([^"]+)"', SCRIPT.read_text())
    assert len(reasons) >= 2
    monkeypatch.setenv("ZJ_TIERS_LEFT_OUT", "".join(f"{marker}={why}\n" for marker, why in reasons))
    reporter = MagicMock()
    tiers.pytest_terminal_summary(reporter)
    lines = [call.args[0] for call in reporter.write_line.call_args_list]
    assert [line.partition("could not run: ")[2] for line in lines if "could not run" in line] == [
        why for _, why in reasons
    ]
