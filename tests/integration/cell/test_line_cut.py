"""The event socket cut for thirty seconds with calls in every phase (R2)."""

from __future__ import annotations

import time

from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import to_menu, to_talk
from tests.support import clock
from tests.support.cell import NUMBER, wait_for
from tests.support.line import Line

CUT_S = 30.0


def test_a_cut_of_thirty_seconds_drops_no_call(stage: Stage) -> None:
    cell = stage.cell
    line = Line(cell.settings.switch_port)
    try:
        cell.kill("cti")
        whole = dict(cell.environ)
        cell.environ["ZONGJI_SWITCH_PORT"] = str(line.port)
        cell.start("cti")
        cell.wait_connected()
        phone = stage.agent(1)
        talking = to_talk(stage, phone)
        waiting = to_menu(stage)
        stage.outside.press(waiting, "1")
        cell.wait_call("waiting")
        in_menu = stage.outside.call(NUMBER, "13700137000")
        # Who is not answered yet has only the seconds the dialplan gives a controller that never took them.
        wait_for(lambda: sum(bool(call.answered_ms) for call in cell.calls()) == 3, 10, "three calls")
        line.cut()
        time.sleep(CUT_S)
        assert all(stage.outside.alive(leg) for leg in (talking, waiting, in_menu))
        line.mend()
        began = clock.now_s()
        cell.wait_connected()
        stage.outside.put_down(phone)
        stage.outside.answer(phone)
        wait_for(lambda: any(c.phase == "talking" for c in cell.calls()), 10, "the waiting caller is served")
        assert clock.now_s() - began < 8
        assert stage.outside.alive(waiting)
        stage.outside.hang_up_all()
        cell.wait_no_calls()
        cell.wait_agent(1, "ready")
    finally:
        line.close()
        cell.kill("cti")
        cell.environ.update(whole)
        cell.start("cti")


def test_a_controller_that_meets_the_switch_late_frees_nobody(stage: Stage) -> None:
    """Until the switch was asked, a claim whose call is not known yet is no claim without a call (R1)."""
    cell = stage.cell
    phone = stage.agent(1)
    caller = to_talk(stage, phone)
    claim = cell.agent(1)["token"]
    cell.kill("cti")
    line = Line(cell.settings.switch_port)
    whole = dict(cell.environ)
    try:
        line.cut()
        cell.environ["ZONGJI_SWITCH_PORT"] = str(line.port)
        rebuilt = cell.tail("cti", 10**7).count("redis_told")
        cell.start("cti")
        wait_for(lambda: cell.tail("cti", 10**7).count("redis_told") > rebuilt, 60, "no first heartbeat")
        time.sleep(1.0)
        line.mend()
        cell.wait_connected()
        assert cell.wait_call("talking").agent_id == 1
        agent = cell.wait_agent(1, "talking", 5)
        assert agent["token"] == claim
        stage.outside.hang_up(caller)
        cell.wait_no_calls()
        cell.wait_agent(1, "ready")
    finally:
        line.close()
        cell.kill("cti")
        cell.environ.update(whole)
        cell.start("cti")
