"""Whoever asks a call for something is told whether it is done (docs/contracts.md: wrong-state)."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event

from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call, Phase
from cti.controller import runner as runners
from cti.controller.runner import CallRunner
from tests.unit.cti.call.driver import CALL_ID, FixedWorld
from tests.unit.cti.call.test_machine import talking

HOLD = inputs.HoldAsked(at_ms=0, hold=True)


class Hands:
    """Notes what it is to carry out; waits before that until it may."""

    def __init__(self) -> None:
        self.may = Event()
        self.may.set()
        self.carried: list[fx.Effect] = []

    def carry(self, runner: CallRunner, effects: list[fx.Effect]) -> list[inputs.Input]:
        """Take the time it takes."""
        self.may.wait()
        self.carried += effects
        return []

    def finished(self, runner: CallRunner) -> None:
        """Nothing."""


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def runner(hands: Hands) -> Iterator[CallRunner]:
    made = CallRunner(talking().call, FixedWorld(), hands)
    made.start()
    yield made
    hands.may.set()
    made.stop()
    gevent.sleep(0)


def test_what_the_call_does_is_done(runner: CallRunner, hands: Hands) -> None:
    assert runner.ask(HOLD)
    assert runner.call.held
    assert any(isinstance(each, fx.HoldCustomer) for each in hands.carried)


def test_what_came_after_the_end_of_the_talk_is_not(runner: CallRunner) -> None:
    """The talk ended while the command was on its way: both stand in the call's inbox."""
    runner.post(inputs.CustomerGone(at_ms=0, cause="NORMAL_CLEARING"))
    assert not runner.ask(HOLD)
    assert runner.call.phase is Phase.ENDED


def test_a_call_that_fails_at_it_has_not_done_it(hands: Hands) -> None:
    broken = CallRunner(Call(id=CALL_ID, phase=Phase.ARRIVED), FixedWorld(), hands)
    broken.start()
    assert not broken.ask(HOLD), "no row of the table has it"
    broken.stop()


def test_a_call_that_is_busy_for_too_long_does_it_neither_now_nor_later(
    runner: CallRunner, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "ASK_S", 0.05)
    hands.may.clear()
    runner.post(inputs.KeyPressed(at_ms=0, digit="1"))
    assert not runner.ask(HOLD)
    hands.may.set()
    assert runner.ask(inputs.HoldAsked(at_ms=0, hold=False)), "it takes inputs again"
    assert not runner.call.held, "the one that was given up was not taken"
    assert not any(isinstance(each, fx.HoldCustomer) for each in hands.carried)
