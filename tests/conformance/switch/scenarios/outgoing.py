"""Legs the switch dials."""

from __future__ import annotations

from typing import Any

from tests.conformance.switch.scenarios.registry import scenario
from tests.conformance.switch.stage import Stage


@scenario
def phone_answers(stage: Stage) -> dict[str, Any]:
    agent = stage.agent(whole_story=True, zj_leg="agent")
    stage.phone_hangs_up()
    stage.gone(agent)
    return {"stories": stage.stories(["agent"])}


def _unanswered(stage: Stage, what: str, **variables: str) -> dict[str, Any]:
    stage.phone_does(what)
    uuid = stage.new_uuid("agent")
    answer = stage.driver.api(f"originate {stage.dial(uuid, **variables)} &park()")
    stage.driver.settle(0.2)
    return {"stories": stage.stories(["agent"]), "answer": answer}


@scenario
def phone_is_busy(stage: Stage) -> dict[str, Any]:
    return _unanswered(stage, "busy")


@scenario
def phone_rejects(stage: Stage) -> dict[str, Any]:
    return _unanswered(stage, "reject")


@scenario
def phone_rings_in_vain(stage: Stage) -> dict[str, Any]:
    return _unanswered(stage, "ring", originate_timeout="1")


@scenario
def ringing_leg_is_killed(stage: Stage) -> dict[str, Any]:
    stage.phone_does("ring")
    uuid = stage.new_uuid("agent")
    job = stage.new_uuid("job")
    reply = stage.driver.commands.command(f"bgapi originate {stage.dial(uuid)} &park()\nJob-UUID: {job}")
    stage.driver.wait_for("CHANNEL_PROGRESS", uuid)
    stage.driver.settle(0.1)
    stage.driver.api(f"uuid_kill {uuid} LOSE_RACE")
    stage.gone(uuid)
    result = stage.driver.wait_for("BACKGROUND_JOB", Job_UUID=job)
    return {"stories": stage.stories(["agent"]), "reply": stage.plain(reply), "result": result["_body"]}


@scenario
def targets_that_cannot_be_dialled(stage: Stage) -> dict[str, Any]:
    targets = (
        # Nobody listens there. A name that does not exist would ask the host's name server, which may never answer.
        "sofia/agents/1001@127.0.0.1:9",
        "user/1001@conformance.invalid",
        "error/user_not_registered",
        "error/user_busy",
        "sofia/gateway/no_such_gateway/123",
        "no_such_endpoint/123",
    )
    answers = {}
    for number, target in enumerate(targets):
        uuid = stage.new_uuid(f"leg{number}")
        answers[target] = stage.driver.api(f"originate {stage.dial(uuid, target)} &park()")
    return {"answers": answers}


@scenario
def uuid_is_refused_while_it_lives(stage: Stage) -> dict[str, Any]:
    uuid = stage.agent()
    answers = [stage.driver.api(f"originate {stage.dial(uuid)} &park()")]
    stage.driver.api(f"uuid_kill {uuid}")
    stage.gone(uuid)
    answers.append(stage.plain(stage.driver.api(f"originate {stage.dial(uuid)} &park()")))
    return {"answers": answers}


@scenario
def loopback_call_is_answered_and_ended(stage: Stage) -> dict[str, Any]:
    uuid = stage.new_uuid("dialling")
    seen = len(stage.driver.events)
    target = stage.dial(uuid, "loopback/95511/inbound", origination_caller_id_number="555")
    stage.driver.commands.command(f"bgapi originate {target} &park()")
    park = stage.driver.wait_for("CHANNEL_PARK", after=seen, Channel_Name="loopback/95511-b")
    entering = park["Unique-ID"]
    stage.roles[entering] = "customer"
    stage.driver.api(f"sched_del {entering}")
    stage.driver.execute(entering, "answer", step="answer")
    stage.driver.wait_for("CHANNEL_PARK", uuid)
    stage.driver.api(f"uuid_send_dtmf {uuid} 8")
    stage.driver.wait_for("DTMF", entering)
    stage.driver.settle(0.1)
    dialled = _without_states({"dialling": stage.story("dialling")})
    stage.driver.api(f"uuid_kill {entering} NORMAL_CLEARING")
    cause = stage.gone(uuid)["Hangup-Cause"]
    stage.gone(entering)
    who = {name: park.get(name) for name in ("Caller-Caller-ID-Number", "Caller-Context", "Call-Direction")}
    return {"stories": dialled | _without_states(stage.stories(["customer"])), "who": who, "cause": cause}


@scenario
def loopback_call_is_not_answered(stage: Stage) -> dict[str, Any]:
    uuid = stage.new_uuid("dialling")
    target = stage.dial(uuid, "loopback/95512/inbound", originate_timeout="1")
    answer = stage.driver.api(f"originate {target} &park()")
    return {"stories": _without_states(stage.stories(["dialling"])), "answer": answer}


@scenario
def loopback_uuid_that_lives_is_dialled_under_another(stage: Stage) -> dict[str, Any]:
    alive = stage.agent()
    job = stage.new_uuid("job")
    seen = len(stage.driver.events)
    target = stage.dial(alive, "loopback/95513/inbound")
    stage.driver.commands.command(f"bgapi originate {target} &park()\nJob-UUID: {job}")
    park = stage.driver.wait_for("CHANNEL_PARK", after=seen, Channel_Name="loopback/95513-b")
    stage.driver.api(f"sched_del {park['Unique-ID']}")
    stage.driver.execute(park["Unique-ID"], "answer")
    result = stage.driver.wait_for("BACKGROUND_JOB", Job_UUID=job)["_body"]
    return {"result": stage.plain(result), "still": stage.driver.api(f"uuid_exists {alive}")}


def _without_states(stories: dict[str, list[str]]) -> dict[str, list[str]]:
    """A loopback's two threads pass through states in an order of chance."""
    return {
        role: [line for line in lines if not line.startswith("STATE ")] for role, lines in stories.items()
    }
