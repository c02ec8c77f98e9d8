"""Every state a signed-in agent can stand in is counted somewhere (CTI-C9)."""

from __future__ import annotations

from admin_web.reports.aggregates import STATES
from admin_web.reports.figures import Sums
from cti.acd.agents import AgentState


def test_cti_c9_no_state_of_a_signed_in_agent_is_left_out() -> None:
    assert set(STATES) == {state.value for state in AgentState} - {"signed_out"}


def test_who_supervises_is_signed_in_and_not_occupied() -> None:
    sums = Sums(ready_s=60, talking_s=60, reserved_s=30)
    assert (sums.signed_in_s, sums.occupancy) == (150, 0.5)
