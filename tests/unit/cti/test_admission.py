"""New calls are refused while the switch is behind, or when too many came within a second."""

from __future__ import annotations

from cti.controller.admission import Admission


def test_no_more_than_the_limit_are_taken_in_any_second() -> None:
    admission = Admission(max_lag_s=0, max_per_s=3)
    taken = [at for at in range(0, 3000, 100) if admission.admits(lag_s=9, now=at / 1000)]
    assert taken == [0, 100, 200, 1000, 1100, 1200, 2000, 2100, 2200]


def test_calls_that_come_while_the_switch_is_behind_are_refused_and_not_counted() -> None:
    admission = Admission(max_lag_s=0.5, max_per_s=2)
    assert admission.admits(lag_s=0, now=0)
    assert not admission.admits(lag_s=0.51, now=0.1)
    assert admission.admits(lag_s=0.5, now=0.2)
    assert not admission.admits(lag_s=0, now=0.9)


def test_one_slow_command_turns_no_single_caller_away() -> None:
    admission = Admission(max_lag_s=0.5, max_per_s=0)
    assert admission.admits(lag_s=2, now=100)
    assert admission.admits(lag_s=0, now=100.1)
    taken = [tenth for tenth in range(60) if admission.admits(lag_s=2, now=101 + tenth / 10)]
    assert taken == [1, 11, 21, 31, 41, 51]


def test_without_limits_every_call_is_taken() -> None:
    admission = Admission(max_lag_s=0, max_per_s=0)
    assert all(admission.admits(lag_s=99, now=0) for _ in range(1000))
