"""A leg that listens to another (`eavesdrop`), is heard or not, and takes the customer over."""

from __future__ import annotations

from typing import Any

from tests.conformance.switch.scenarios.bridges import bridged
from tests.conformance.switch.scenarios.registry import scenario
from tests.conformance.switch.stage import Stage


def listening(stage: Stage) -> tuple[str, str, str]:
    """Return a customer and an agent, bridged, and a supervisor who listens to the agent's leg."""
    uuid, agent = bridged(stage, {})
    supervisor = stage.agent("supervisor", eavesdrop_enable_dtmf="false", hangup_after_bridge="true")
    seen = len(stage.driver.events)
    answer = stage.driver.api(f"uuid_transfer {supervisor} eavesdrop:{agent},hangup:NORMAL_CLEARING inline")
    assert answer == "+OK\n", answer
    stage.driver.wait_for("CHANNEL_EXECUTE", supervisor, after=seen, Application="eavesdrop")
    stage.driver.settle(0.3)
    return uuid, agent, supervisor


def say(stage: Stage, supervisor: str, key: str) -> str:
    """Tell a leg that listens by whom it is heard; return the reply without the event's id."""
    event = f"sendevent CUSTOM\nEvent-Subclass: zongji::supervise\nUnique-ID: {supervisor}"
    reply = stage.driver.commands.command(f"{event}\neavesdrop-command: {key}")
    stage.driver.settle(0.1)
    return reply.partition(" ")[0]


@scenario
def supervisor_listens_until_the_agent_ends(stage: Stage) -> dict[str, Any]:
    uuid, agent, supervisor = listening(stage)
    answers = [say(stage, supervisor, key) for key in "230"]
    stage.driver.api(f"uuid_kill {agent}")
    for leg in (agent, uuid, supervisor):
        stage.gone(leg)
    return {"stories": stage.stories(["customer", "agent", "supervisor"]), "answers": answers}


@scenario
def supervisor_stops_listening(stage: Stage) -> dict[str, Any]:
    uuid, agent, supervisor = listening(stage)
    stage.driver.api(f"uuid_kill {supervisor}")
    stage.gone(supervisor)
    stage.driver.settle(0.2)
    alive = [stage.driver.api(f"uuid_exists {leg}") for leg in (uuid, agent)]
    return {"stories": stage.stories(["customer", "agent", "supervisor"]), "alive": alive}


@scenario
def supervisor_listens_through_a_hold(stage: Stage) -> dict[str, Any]:
    uuid, agent, _supervisor = listening(stage)
    seen = len(stage.driver.events)
    stage.driver.api(f"uuid_transfer {uuid} -both park inline")
    for leg in (uuid, agent):
        stage.driver.wait_for("CHANNEL_PARK", leg, after=seen)
    stage.driver.settle(0.2)
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
    stage.driver.settle(0.2)
    return {"stories": stage.stories(["agent", "supervisor"])}


@scenario
def supervisor_takes_the_customer_over(stage: Stage) -> dict[str, Any]:
    uuid, agent, supervisor = listening(stage)
    seen = len(stage.driver.events)
    stage.driver.api(f"uuid_bridge {uuid} {supervisor}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
    stage.gone(agent)
    stage.driver.settle(0.2)
    alive = [stage.driver.api(f"uuid_exists {leg}") for leg in (uuid, supervisor)]
    stage.driver.api(f"uuid_kill {supervisor}")
    stage.gone(supervisor)
    stage.gone(uuid)
    return {"stories": stage.stories(["customer", "agent", "supervisor"]), "alive": alive}


@scenario
def supervisor_listens_to_a_leg_that_is_gone(stage: Stage) -> dict[str, Any]:
    supervisor = stage.agent("supervisor", eavesdrop_enable_dtmf="false")
    nobody = stage.new_uuid("nobody")
    stage.driver.api(f"uuid_transfer {supervisor} eavesdrop:{nobody},hangup:NORMAL_CLEARING inline")
    stage.gone(supervisor)
    return {"stories": stage.stories(["supervisor"])}
