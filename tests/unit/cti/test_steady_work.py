"""What the controller does now and then: a turn that fails is told, and the next one comes."""

from __future__ import annotations

from typing import cast

import gevent
import pytest
from structlog.testing import capture_logs

from cti.controller.controller import Controller
from cti.esl.client import ReplyTimeout


@pytest.mark.parametrize(
    ("error", "level"),
    [(ReplyTimeout("the switch did not reply within 5 s"), "warning"), (KeyError("x"), "error")],
)
def test_a_late_switch_is_no_fault_of_ours_and_work_goes_on(error: Exception, level: str) -> None:
    turns: list[int] = []

    def action() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise error
        raise gevent.GreenletExit

    with capture_logs() as told, pytest.raises(gevent.GreenletExit):
        Controller._every(cast("Controller", None), 0, action)
    assert [(each["log_level"], each["action"]) for each in told] == [(level, "action")]
    assert len(turns) == 2
