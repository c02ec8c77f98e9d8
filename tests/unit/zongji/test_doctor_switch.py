"""The doctor's look at the switch's process."""

from __future__ import annotations

import os

import pytest

from zongji.doctor import switch
from zongji.doctor.finding import Level


@pytest.mark.parametrize(
    ("policy", "level"),
    [(os.SCHED_FIFO, Level.OK), (os.SCHED_RR, Level.OK), (os.SCHED_OTHER, Level.WARNING)],
)
def test_a_switch_at_normal_priority_is_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, policy: int, level: Level
) -> None:
    monkeypatch.setattr(switch.os, "sched_getscheduler", lambda pid: policy)
    found = switch.examine_priority(4711)
    assert found.level is level
    assert bool(found.remedy) is (level is Level.WARNING)
