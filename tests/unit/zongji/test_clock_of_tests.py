"""The clock tests wait and measure by."""

from __future__ import annotations

import time

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.support import clock


class Machine:
    """A machine whose time and stalls a test decides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real_s = 100.0
        self.held_s = 7.0
        monkeypatch.setattr(clock.time, "monotonic", lambda: self.real_s)
        monkeypatch.setattr(clock, "held_back_s", lambda: self.held_s)
        self.clock = clock.Clock()

    def passes(self, seconds: float, held_s: float = 0.0) -> float:
        """Let time pass; return by how much the clock went on."""
        before = self.clock.now_s()
        self.real_s += seconds
        self.held_s += held_s
        return round(self.clock.now_s() - before, 6)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_on_a_quiet_machine_it_is_real_time(machine: Machine) -> None:
    assert machine.passes(2.5) == 2.5


def test_time_in_which_programs_were_held_back_does_not_count(machine: Machine) -> None:
    assert machine.passes(2.0, held_s=0.5) == 1.5


def test_it_never_stands_still_and_never_runs_ahead(machine: Machine) -> None:
    assert machine.passes(2.0, held_s=9.0) == 0.4
    assert machine.passes(2.0, held_s=-1.0) == 2.0


def test_the_kernels_figures_are_read_and_only_grow() -> None:
    first = clock.held_back_s()
    assert 0 <= first <= clock.held_back_s()


@hypothesis.given(st.floats(0, 1000), st.floats(-10, 2000))
def test_the_limits_hold_to_the_last_bit(passed_s: float, held_s: float) -> None:
    assert passed_s * clock.SLOWEST <= clock.worked_of(passed_s, held_s) <= passed_s


def test_without_the_kernels_figures_it_is_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_PRESSURE", ())
    monkeypatch.setattr(clock, "_STAT", clock._STAT.with_name("no-such-file"))
    assert clock.held_back_s() == 0.0


def test_a_witness_knows_the_stalls_between_two_moments() -> None:
    witness = clock.Witness()
    witness._seen = [(100.0, 7.0), (101.0, 7.0), (102.0, 7.6), (103.0, 7.6)]
    assert witness.worked_s(100.5, 101.0) == 0.5
    assert witness.worked_s(101.0, 102.0) == pytest.approx(0.4)
    assert witness.worked_s(101.5, 101.7) == pytest.approx(0.04), "never less than a fifth"
    assert witness.worked_s(102.0, 109.0) == 7.0, "nothing seen later: nothing stalled"


def test_a_witness_looks_until_it_is_told_to_stop() -> None:
    with clock.Witness() as witness:
        began_s = time.time()
        time.sleep(0.05)
        ended_s = time.time()
    assert (ended_s - began_s) * clock.SLOWEST <= witness.worked_s(began_s, ended_s) <= ended_s - began_s
    assert not witness._thread.is_alive()
