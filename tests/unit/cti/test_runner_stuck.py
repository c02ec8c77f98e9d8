"""A call whose input hangs is left to the switch, which lets the caller go (CTI-I16)."""

from __future__ import annotations

import pytest

from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call
from cti.controller import runner as runners
from cti.controller.runner import STUCK_S, CallRunner
from tests.unit.cti.call.driver import CALL_ID, FixedWorld


class SlowHands:
    """Carries nothing out, and notes whether the fallback would be renewed after each of `after_s`."""

    def __init__(self, clock: Clock, after_s: list[float]) -> None:
        self.clock = clock
        self.after_s = after_s
        self.renewed: list[bool] = []

    def carry(self, runner: CallRunner, effects: list[fx.Effect]) -> list[inputs.Input]:
        """Take the time."""
        begun = self.clock.now_s
        for each in self.after_s:
            self.clock.now_s = begun + each
            self.renewed.append(runner.needs_fallback())
        return []

    def finished(self, runner: CallRunner) -> None:
        """Nothing."""


class Clock:
    """Time by hand."""

    now_s = 1000.0

    def monotonic(self) -> float:
        """Return the second it is."""
        return self.now_s


def test_the_fallback_is_renewed_only_while_inputs_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(runners, "time", clock)
    hands = SlowHands(clock, [0.0, STUCK_S - 1, STUCK_S + 1, STUCK_S * 10])
    runner = CallRunner(Call(id=CALL_ID, cell="c"), FixedWorld(), hands)
    assert runner.needs_fallback()
    arrived = inputs.Arrived(at_ms=0, caller="x", called="1", trunk_address="")
    runner._take(arrived)
    assert hands.renewed == [True, True, False, False]
    assert runner.needs_fallback()  # it came back after all
    clock.now_s += STUCK_S * 10
    assert runner.needs_fallback()  # nothing to do is not stuck
    assert not runner.broken
