"""The switch itself dies with calls up (R1): its calls are lost by nature, everything else is put in order."""

from __future__ import annotations

import signal

import msgspec
import pytest

from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import CALLER, to_menu, to_talk
from tests.support.cell import NUMBER, wait_for
from tests.support.outside import SimulatedOutside


def kill_switch(stage: Stage) -> None:
    """Kill the switch's own process, whoever started it."""
    cell = stage.cell
    pid_file = cell.settings.home / "switch" / "run" / "freeswitch.pid"
    if pid_file.exists():
        import os

        os.kill(int(pid_file.read_text().strip("\0 \n")), signal.SIGKILL)
        cell.processes["switch"].wait(20)
    else:
        cell.kill("switch")


@pytest.mark.parametrize("controller_too", [False, True])
def test_calls_are_closed_agents_free_and_all_works_again(stage: Stage, controller_too: bool) -> None:
    phone = stage.agent(1)
    to_talk(stage, phone)
    stage.outside.call(NUMBER, "13900139000")
    wait_for(lambda: len(stage.cell.calls()) == 2, 10, "two calls")
    lost = {call.id for call in stage.cell.calls()}
    if controller_too:
        stage.cell.kill("cti")
    kill_switch(stage)
    stage.outside.hang_up_all() if not isinstance(stage.outside, SimulatedOutside) else None
    stage.cell.start("switch")
    if controller_too:
        stage.cell.start("cti")
    stage.cell.wait_no_calls(30)
    facts = {
        path.stem: msgspec.json.decode(path.read_bytes())
        for path in stage.cell.settings.facts_dir.glob("*.json")
    }
    assert lost <= facts.keys(), "each call leaves a fact for its provisional record"
    assert {facts[call_id]["call"]["cause"] for call_id in lost} == {"SWITCH_RESTARTED"}
    stage.cell.wait_connected()
    assert stage.cell.wait_agent(1, "ready")["token"] == ""
    if isinstance(stage.outside, SimulatedOutside):
        stage.outside.reconnect()
    stage.outside.register(phone)
    wait_for(lambda: stage.cell.agent(1)["registered"], 20, "the phone is not seen registered")
    caller = to_talk(stage, phone)
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()


def test_a_cut_event_socket_heals_r2(stage: Stage) -> None:
    """The controller is frozen while the switch goes on: the same as a cut line, seen from the calls."""
    phone = stage.agent(1)
    caller = to_menu(stage)
    stage.cell.kill("cti", signal.SIGKILL)
    stage.outside.press(caller, "5")
    # Started before the call is placed: how long it takes is the machine's, and the caller's eight seconds run.
    stage.cell.start("cti")
    other = stage.outside.call(NUMBER, CALLER)
    stage.cell.wait_connected()
    wait_for(lambda: len(stage.cell.calls()) == 2, 5, "the call that came meanwhile is adopted")
    stage.outside.press(other, "1")
    stage.outside.answer(phone)
    stage.cell.wait_call("talking")
    stage.outside.hang_up_all()
    stage.cell.wait_no_calls()
