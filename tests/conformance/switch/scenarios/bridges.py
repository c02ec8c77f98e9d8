"""Two legs that are bridged, held and let go."""

from __future__ import annotations

from typing import Any

from tests.conformance.switch.scenarios.registry import completed, playing, scenario
from tests.conformance.switch.stage import Stage


def bridged(stage: Stage, customer: dict[str, str], **agent: str) -> tuple[str, str]:
    """Return a customer with those variables and an agent, bridged."""
    uuid, other = stage.answered_call(), stage.agent(**agent)
    for name, value in customer.items():
        stage.driver.api(f"uuid_setvar {uuid} {name} {value}")
    assert stage.driver.api(f"uuid_bridge {uuid} {other}") == f"+OK {other}\n"
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid)
    stage.driver.settle(0.2)
    return uuid, other


@scenario
def agent_ends_a_bridge_with_hangup_after_bridge(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {})
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(uuid)
    stage.gone(agent)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def customer_ends_a_bridge(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {})
    stage.caller_hangs_up()
    stage.gone(uuid)
    stage.gone(agent)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def customer_is_killed_with_a_cause_in_a_bridge(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {})
    stage.driver.api(f"uuid_kill {uuid} CALL_REJECTED")
    stage.gone(uuid)
    stage.gone(agent)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def agent_ends_a_bridge_and_customer_is_parked(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {"hangup_after_bridge": "false", "park_after_bridge": "true"})
    stage.phone_hangs_up()
    stage.gone(agent)
    stage.driver.settle(0.2)
    alive = stage.driver.api(f"uuid_exists {uuid}")
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="after")
    completed(stage, uuid, "after")
    return {"stories": stage.stories(["customer", "agent"]), "alive": alive}


@scenario
def customer_ends_a_bridge_and_agent_is_parked(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {}, park_after_bridge="true")
    stage.caller_hangs_up()
    stage.gone(uuid)
    stage.driver.settle(0.2)
    alive = stage.driver.api(f"uuid_exists {agent}")
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(agent)
    return {"stories": stage.stories(["customer", "agent"]), "alive": alive}


@scenario
def agent_ends_a_bridge_and_customer_is_transferred(stage: Stage) -> dict[str, Any]:
    after = {"hangup_after_bridge": "false", "transfer_after_bridge": "fallback:XML:zongji"}
    uuid, agent = bridged(stage, after)
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(agent)
    stage.gone(uuid)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def agent_ends_a_bridge_and_nothing_is_said_about_after(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {"hangup_after_bridge": "false"})
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(agent)
    stage.gone(uuid)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def bridge_is_repeated(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {})
    seen = len(stage.driver.events)
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def customer_is_bridged_to_another_agent(stage: Stage) -> dict[str, Any]:
    uuid, _agent = bridged(stage, {}, park_after_bridge="true")
    seen = len(stage.driver.events)
    other = stage.agent("other")
    stage.driver.api(f"uuid_bridge {uuid} {other}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
    return {"stories": stage.stories(["customer", "agent", "other"])}


@scenario
def bridge_ends_a_playback_and_queued_applications_run_in_it(stage: Stage) -> dict[str, Any]:
    uuid, agent = stage.answered_call(), stage.agent()
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="music")
    stage.driver.execute(uuid, "set", "zj_done=music", step="note")
    playing(stage, uuid, stage.sounds.long)
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid)
    completed(stage, uuid, "note")
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def application_runs_in_a_bridge(stage: Stage) -> dict[str, Any]:
    uuid, _agent = bridged(stage, {})
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="whisper")
    completed(stage, uuid, "whisper")
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def bridged_leg_is_parked_from_outside(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {})
    stage.driver.api(f"uuid_park {uuid}")
    stage.gone(agent)
    stage.driver.wait_for("CHANNEL_UNBRIDGE", uuid)
    stage.driver.settle(0.2)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def bridged_pair_is_parked_and_bridged_again(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {})
    seen = len(stage.driver.events)
    answer = stage.driver.api(f"uuid_transfer {uuid} -both park inline")
    for leg in (uuid, agent):
        stage.driver.wait_for("CHANNEL_PARK", leg, after=seen)
    stage.driver.execute(uuid, "playback", "local_stream://moh", step="music")
    playing(stage, uuid, "local_stream://moh")
    seen = len(stage.driver.events)
    stage.driver.api(f"uuid_break {uuid}")
    completed(stage, uuid, "music")
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
    stage.driver.settle(0.1)
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(uuid)
    stage.gone(agent)
    return {"stories": stage.stories(["customer", "agent"]), "answer": answer}


@scenario
def music_queued_twice_is_gone_when_the_pair_is_bridged(stage: Stage) -> dict[str, Any]:
    """A leg that parked twice got its music twice; the second would play over the talk."""
    uuid, agent = bridged(stage, {})
    stage.driver.api(f"uuid_transfer {uuid} -both park inline")
    stage.driver.wait_for("CHANNEL_PARK", uuid)
    for step in ("music", "again"):
        stage.driver.execute(uuid, "playback", "local_stream://moh", step=step)
    playing(stage, uuid, "local_stream://moh")
    seen = len(stage.driver.events)
    stage.driver.api(f"uuid_break {uuid} all")
    completed(stage, uuid, "music")
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
    stage.driver.settle(0.5)
    return {"stories": stage.stories(["customer"])}


@scenario
def held_and_unheld(stage: Stage) -> dict[str, Any]:
    uuid, agent = bridged(stage, {})
    answers = [stage.driver.api(f"uuid_hold {agent}")]
    stage.driver.wait_for("CHANNEL_HOLD", agent)
    answers.append(stage.driver.api(f"uuid_hold off {agent}"))
    stage.driver.wait_for("CHANNEL_UNHOLD", agent)
    answers.append(stage.driver.api(f"uuid_audio {agent} start read mute -1"))
    answers.append(stage.driver.api(f"uuid_audio {agent} stop"))
    assert uuid
    return {"stories": stage.stories(["agent"]), "answers": answers}
