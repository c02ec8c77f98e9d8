"""A supervisor at an agent's talk, on the simulator and on a real FreeSWITCH: who hears whom is measured by frequency
(SUP-2, SUP-3, SUP-4, SUP-6, SUP-8), and nothing that happens to the supervisor's leg reaches the customer.
"""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import to_talk
from tests.support import clock
from tests.support.cell import NUMBER, wait_for
from tests.support.outside import RealOutside
from tests.support.world import loudness

AGENT, SUPERVISOR = 1, 2
SUPERVISOR_HZ = 600
TONES = {
    "customer": RealOutside.CALLER_HZ,
    "agent": RealOutside.AGENT_HZ,
    "supervisor": SUPERVISOR_HZ,
}
HEARD_BY = {
    "monitor": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"customer", "agent"}},
    "whisper": {
        "customer": {"agent"},
        "agent": {"customer", "supervisor"},
        "supervisor": {"customer", "agent"},
    },
    "barge": {
        "customer": {"agent", "supervisor"},
        "agent": {"customer", "supervisor"},
        "supervisor": {"customer", "agent"},
    },
    "taken over": {"customer": {"supervisor"}, "supervisor": {"customer"}},
}
"""Whom each hears. What a supervisor hears of their own voice while they are heard is left out."""
SIMULATED = {"monitor": "nobody", "whisper": "listened", "barge": "both"}


class Talk:
    """A customer and an agent who talk, and a supervisor who is signed in."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.cell = stage.cell
        self.agent_phone = stage.agent(AGENT)
        stage.outside.register("s802")
        stage.cell.sign_in(SUPERVISOR, endpoint="sip", ready=False)
        self.caller = to_talk(stage, self.agent_phone)
        self.legs: dict[str, str] = {}

    def ask(self, kind: str, **body: Any) -> dict[str, Any]:
        """Send a command of the supervisor's."""
        return self.cell.command(f"supervise.{kind}", SUPERVISOR, account_id=SUPERVISOR, queues=None, **body)

    def listen(self, mode: str) -> None:
        """Have the supervisor at it: their phone rings and is picked up."""
        result = self.ask("start", agent_id=AGENT, mode=mode)
        assert result["ok"], result
        self.cell.wait_agent(SUPERVISOR, "reserved")
        self.pick_up()
        self.wait_state("on")

    def pick_up(self) -> None:
        """Pick the supervisor's phone up."""
        outside = self.stage.outside
        if isinstance(outside, RealOutside):
            outside.phones["s802"] = outside.world.answer("s802", SUPERVISOR_HZ)
        else:
            outside.answer("s802")

    def wait_state(self, state: str) -> None:
        """Wait until a supervisor's screen was told so."""

        def told() -> bool:
            events = [event.data for event in self.cell.read_events() if event.type == "supervise.state"]
            return bool(events) and events[-1]["state"] == state

        wait_for(told, 10, f"not {state}: {self.cell.tail('cti')}")

    def expect(self, how: str) -> None:
        """Measure who hears whom."""
        outside = self.stage.outside
        if not isinstance(outside, RealOutside):
            self._expect_simulated(how)
            return
        legs = {"customer": self.caller, "agent": outside.phones[self.agent_phone]}
        legs["supervisor"] = outside.phones["s802"]
        wanted = HEARD_BY[how]
        legs = {who: leg for who, leg in legs.items() if who in wanted}
        deadline = clock.now_s() + 20
        while (heard := self._heard(legs)) != wanted:
            assert clock.now_s() < deadline, f"{how}: {heard}"

    def _heard(self, legs: dict[str, str]) -> dict[str, set[str]]:
        """Return whose tone is in what each leg hears, of all of them at the same time."""
        outside = self.stage.outside
        assert isinstance(outside, RealOutside)
        world = outside.world
        paths = {who: world.folder / f"{leg}-{time.monotonic_ns()}.wav" for who, leg in legs.items()}
        for who, leg in legs.items():
            world.api(f"uuid_setvar {leg} RECORD_READ_ONLY true")
            world.api(f"uuid_record {leg} start {paths[who]}")
        time.sleep(0.7)
        for who, leg in legs.items():
            world.api(f"uuid_record {leg} stop {paths[who]}")
        return {
            who: {other for other, hz in TONES.items() if other != who and loudness(path, hz) > -45}
            for who, path in paths.items()
        }

    def _expect_simulated(self, how: str) -> None:
        from switchsim.control import Control

        control = Control(port=self.cell.settings.simulator_control_port)

        def as_wanted() -> bool:
            legs = {leg["user"]: leg for leg in control.request("list")["legs"]}
            leg = legs.get("s802", {})
            if how == "taken over":
                return bool(leg.get("bridged_with") == self.caller)
            return bool(leg.get("heard_by") == SIMULATED[how])

        try:
            wait_for(as_wanted, 6, f"not {how}: {control.request('list')['legs']}")
        finally:
            control.close()

    def talks_on(self) -> None:
        """Check that customer and agent are undisturbed."""
        assert self.stage.outside.alive(self.caller)
        assert self.cell.agent(AGENT)["state"] == "talking"
        assert self.cell.wait_call("talking").agent_id == AGENT


@pytest.fixture
def talk(stage: Stage) -> Talk:
    """Customer and agent talk."""
    return Talk(stage)


def test_one_leg_monitors_whispers_and_barges_without_dialling_again(talk: Talk) -> None:
    talk.listen("monitor")
    leg = talk.cell.agent(SUPERVISOR)["leg_id"]
    talk.expect("monitor")
    for mode in ("whisper", "barge", "monitor"):
        result = (
            talk.ask("mode", mode=mode) if mode != "barge" else talk.ask("start", agent_id=AGENT, mode=mode)
        )
        assert result["ok"], result
        talk.expect(mode)
    assert talk.cell.agent(SUPERVISOR)["leg_id"] == leg
    assert talk.ask("stop")["ok"]
    talk.wait_state("over")
    talk.cell.wait_agent(SUPERVISOR, "not_ready")
    talk.talks_on()
    talk.stage.outside.hang_up(talk.caller)
    talk.cell.wait_no_calls()


def test_a_leg_ends_when_the_right_to_it_is_gone_sup_8(talk: Talk) -> None:
    talk.listen("monitor")
    leg = talk.cell.agent(SUPERVISOR)["leg_id"]
    assert talk.ask("review", leg_id=leg, may=True)["ended"] is False
    assert talk.ask("review", leg_id=leg, may=False)["ended"] is True
    talk.wait_state("over")
    talk.cell.wait_agent(SUPERVISOR, "not_ready")
    talk.talks_on()


def test_the_supervisor_takes_the_customer_over(talk: Talk) -> None:
    talk.listen("whisper")
    result = talk.ask("take_over", agent_id=AGENT)
    assert result["ok"], result
    talk.cell.wait_agent(SUPERVISOR, "talking")
    talk.expect("taken over")
    talk.cell.wait_agent(AGENT, "ready")
    call = talk.cell.wait_call("talking")
    assert call.agent_id == SUPERVISOR
    assert [offer.agent_id for offer in call.offers] == [AGENT, SUPERVISOR]
    assert [segment.agent_id for segment in call.segments] == [AGENT, SUPERVISOR]
    wait_for(lambda: len(talk.cell.switch_legs()) == 2, 10, "the agent's leg does not end")
    talk.stage.outside.put_down("s802")
    talk.cell.wait_no_calls()
    talk.cell.wait_agent(SUPERVISOR, "not_ready")
    assert not talk.stage.outside.alive(talk.caller)


def test_a_takeover_nobody_answers_leaves_the_customer_with_the_agent(talk: Talk) -> None:
    assert talk.ask("take_over", agent_id=AGENT)["ok"]
    talk.stage.outside.ringing("s802")
    talk.talks_on()
    talk.stage.outside.put_down("s802")
    talk.wait_state("over")
    talk.cell.wait_agent(SUPERVISOR, "not_ready")
    talk.talks_on()


def test_a_supervisor_lost_in_the_moment_of_the_takeover_does_not_cost_the_customer(talk: Talk) -> None:
    """The controller hears that the leg is there when it is gone already: the bridge comes to nothing."""
    stage = talk.stage
    assert talk.ask("take_over", agent_id=AGENT)["ok"]
    stage.outside.ringing("s802")
    leg = talk.cell.agent(SUPERVISOR)["leg_id"]
    stage.cell.kill("cti", signal.SIGSTOP)
    try:
        talk.pick_up()
        wait_for(
            lambda: stage.cell.switch_application(leg) == "park", 10, "the supervisor's leg does not park"
        )
        stage.outside.put_down("s802")
        wait_for(lambda: len(talk.cell.switch_legs()) == 2, 10, "the supervisor's leg does not end")
    finally:
        stage.cell.kill("cti", signal.SIGCONT)
    talk.cell.wait_agent(SUPERVISOR, "not_ready")
    talk.cell.wait_agent(AGENT, "ringing")
    stage.outside.ringing("s801")
    customer = talk.cell.wait_call("offering").id
    wait_for(
        lambda: stage.cell.switch_application(customer) == "playback", 10, "who waits again hears no music"
    )
    stage.outside.answer("s801")
    talk.cell.wait_agent(AGENT, "talking")
    assert stage.outside.alive(talk.caller)
    assert [offer.agent_id for offer in talk.cell.wait_call("talking").offers] == [AGENT, SUPERVISOR, AGENT]
    stage.outside.hang_up(talk.caller)
    talk.cell.wait_no_calls()


def test_a_controller_that_dies_meanwhile_finds_the_supervisor_again(talk: Talk) -> None:
    talk.listen("monitor")
    talk.cell.restart("cti")
    talk.cell.wait_connected()
    talk.expect("monitor")
    assert talk.cell.agent(SUPERVISOR)["state"] == "reserved"
    result = talk.ask("mode", mode="whisper")
    assert result["ok"], result
    talk.expect("whisper")
    talk.talks_on()
    talk.stage.outside.hang_up(talk.caller)
    talk.wait_state("over")
    talk.cell.wait_no_calls()
    talk.cell.wait_no_legs()
    talk.cell.wait_agent(SUPERVISOR, "not_ready")


def test_a_waiting_call_is_moved_and_picked_up(talk: Talk) -> None:
    second = talk.stage.outside.call(NUMBER, "13900139000")
    wait_for(lambda: [c for c in talk.cell.calls() if c.step and c.step.what == "play"], 10, "no prompt")
    talk.stage.outside.press(second, "1")
    waiting = talk.cell.wait_call("waiting")
    assert talk.ask("move", call_id=waiting.id, queue_id=99, front=False)["error"] == "no-such-queue"
    assert talk.ask("move", call_id=waiting.id, queue_id=7, front=True)["ok"]
    assert talk.ask("pick_up", call_id="none")["error"] == "no-such-call"
    assert talk.ask("pick_up", call_id=waiting.id)["ok"]
    talk.pick_up()
    talk.cell.wait_agent(SUPERVISOR, "talking")
    assert talk.ask("pick_up", call_id=waiting.id)["error"] == "supervisor-not-ready"
    assert talk.ask("hangup", agent_id=AGENT)["ok"]
    talk.cell.wait_agent(AGENT, "ready")
    assert talk.stage.outside.alive(second)
