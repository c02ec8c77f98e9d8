"""A browser that closes while no controller runs: nobody tells of it, and no customer is left with nobody (R1)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from core import keys
from tests.integration.cell.conftest import Stage, make_stage
from tests.integration.cell.test_calls import to_menu
from tests.support.cell import wait_for

GRACE_S = 10.0


@pytest.fixture(scope="module")
def simulated_stage() -> Iterator[Stage]:
    """A cell with the simulator: the real one's phones of this suite are no browsers."""
    yield from make_stage("switchsim")


@pytest.fixture
def talk(simulated_stage: Stage) -> tuple[Stage, str]:
    """A caller who talks with agent 1's browser."""
    stage = simulated_stage
    stage.outside.register("w801")
    stage.cell.sign_in(1, endpoint="web")
    caller = to_menu(stage)
    stage.outside.press(caller, "1")
    stage.outside.answer("w801")
    stage.cell.wait_call("talking")
    return stage, caller


def test_the_customer_waits_again_after_the_grace(talk: tuple[Stage, str]) -> None:
    stage, caller = talk
    stage.cell.kill("cti")
    stage.outside.vanish("w801")
    stage.cell.start("cti")
    stage.cell.wait_connected()
    began = time.monotonic()
    call = stage.cell.wait_call("waiting", GRACE_S + 8)
    assert time.monotonic() - began > GRACE_S / 2, "a page that is loaded anew gets its time"
    assert call.queue_order > 0
    assert stage.outside.alive(caller)
    wait_for(lambda: stage.cell.agent(1)["token"] == "", 5, "the agent is stuck")
    stage.tidy()


def test_a_browser_that_is_back_in_time_keeps_the_talk(talk: tuple[Stage, str]) -> None:
    stage, caller = talk
    stage.cell.kill("cti")
    stage.outside.vanish("w801")
    stage.cell.start("cti")
    stage.cell.wait_connected()
    time.sleep(2.0)
    stage.outside.register("w801")
    time.sleep(GRACE_S)
    assert [call.phase for call in stage.cell.calls()] == ["talking"]
    assert stage.outside.alive(caller)
    stage.tidy()


def test_screens_see_who_is_registered(simulated_stage: Stage) -> None:
    """CTI-E1, also when Redis was emptied or still has what was true once."""
    cell, outside = simulated_stage.cell, simulated_stage.outside
    name = keys.registrations(cell.settings.cell)

    def shown() -> set[bytes]:
        return set(cell.redis.hkeys(name))

    outside.register("s802")
    wait_for(lambda: b"s802" in shown(), why="a phone that registered is not shown")
    outside.vanish("s802")
    wait_for(lambda: b"s802" not in shown(), why="a phone that is gone is shown")
    outside.register("s803")
    wait_for(lambda: b"s803" in shown(), why="a phone that registered is not shown")
    cell.redis.delete(name)
    cell.redis.hset(name, "nobody", 1)
    cell.redis.delete(keys.cell(cell.settings.cell))
    wait_for(lambda: b"s803" in shown() and b"nobody" not in shown(), why="Redis was emptied")
    outside.vanish("s803")
