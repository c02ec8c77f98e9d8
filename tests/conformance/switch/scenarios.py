"""The scenarios: each plays on a stage and returns what may be compared between a real switch and the simulator.

A scenario is written once and knows nothing of which switch it plays on. It returns stories (events by role) and
facts (answers, lengths); what the real switch returned is kept in ``recorded.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.switch.stage import Stage

Scenario = Callable[[Stage], dict[str, Any]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """Register a scenario by its name."""
    SCENARIOS[function.__name__] = function
    return function


def completed(stage: Stage, uuid: str, step: str, timeout_s: float = 7) -> str:
    """Wait until the step is done; return its response."""
    event = stage.driver.wait_for("CHANNEL_EXECUTE_COMPLETE", uuid, timeout_s, Application_UUID=step)
    return event["Application-Response"]


def playing(stage: Stage, uuid: str, path: str, after: int = 0) -> None:
    """Wait until the leg plays `path`."""
    stage.driver.wait_for("PLAYBACK_START", uuid, after=after, Playback_File_Path=path)


# --- a call comes in ----------------------------------------------------------------------------------------------


@scenario
def inbound_call_is_parked_and_caller_gives_up(stage: Stage) -> dict[str, Any]:
    uuid = stage.call()
    names = ("zj_leg", "zj_call", "playback_terminators", "hangup_after_bridge", "no_such_variable")
    values = {name: stage.plain(stage.driver.api(f"uuid_getvar {uuid} {name}")) for name in names}
    stage.caller_hangs_up()
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"]), "variables": values}


@scenario
def fallback_fires_when_nobody_adopts_the_call(stage: Stage) -> dict[str, Any]:
    uuid = stage.call(keep_fallback=True)
    stage.gone(uuid, timeout_s=10)
    return {"stories": stage.stories(["customer"])}


@scenario
def fallback_is_renewed_and_leaves_music_alone(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", "local_stream://moh", step="music")
    playing(stage, uuid, "local_stream://moh")
    answers = []
    for _ in range(3):
        answers.append(stage.driver.api(f"sched_del {uuid}"))
        answers.append(stage.driver.api(f"sched_transfer +3 {uuid} fallback XML zongji"))
        stage.driver.watch(1.0)
    answers += [stage.driver.api(f"sched_del {uuid}"), stage.driver.api(f"sched_del {uuid}")]
    return {"stories": stage.stories(["customer"]), "answers": answers}


@scenario
def transfer_ends_a_playback_and_runs_what_is_queued(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="long")
    stage.driver.execute(uuid, "set", "zj_done=long", step="note")
    playing(stage, uuid, stage.sounds.long)
    answer = stage.driver.api(f"uuid_transfer {uuid} fallback XML zongji")
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"]), "answer": answer}


@scenario
def transfer_into_nowhere_hangs_up(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.api(f"uuid_transfer {uuid} nobody XML zongji")
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"])}


# --- applications -------------------------------------------------------------------------------------------------


@scenario
def locked_applications_run_one_after_the_other(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="first")
    stage.driver.execute(uuid, "set", "zj_done=first", step="note")
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="second")
    during = stage.driver.api(f"uuid_getvar {uuid} zj_done")
    completed(stage, uuid, "second")
    after = stage.driver.api(f"uuid_getvar {uuid} zj_done")
    return {"stories": stage.stories(["customer"]), "during": during, "after": after}


@scenario
def unlocked_playback_nests_inside_an_unlocked_one(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="outer", lock=False)
    playing(stage, uuid, stage.sounds.long)
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="inner", lock=False)
    completed(stage, uuid, "inner")
    stage.driver.api(f"uuid_break {uuid}")
    completed(stage, uuid, "outer")
    return {"stories": stage.stories(["customer"])}


@scenario
def unlocked_application_waits_for_a_locked_one(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="outer")
    playing(stage, uuid, stage.sounds.long)
    stage.driver.execute(uuid, "set", "a=b", step="inner", lock=False)
    stage.driver.settle(0.3)
    stage.driver.api(f"uuid_break {uuid}")
    completed(stage, uuid, "inner")
    return {"stories": stage.stories(["customer"])}


@scenario
def locked_applications_nest_inside_an_unlocked_one(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="outer", lock=False)
    playing(stage, uuid, stage.sounds.long)
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="inner")
    stage.driver.execute(uuid, "set", "zj_done=inner", step="note")
    completed(stage, uuid, "note")
    stage.driver.api(f"uuid_break {uuid}")
    completed(stage, uuid, "outer")
    return {"stories": stage.stories(["customer"])}


@scenario
def break_ends_one_application_and_the_queue_goes_on(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="first")
    stage.driver.execute(uuid, "set", "zj_done=first", step="note")
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="second")
    playing(stage, uuid, stage.sounds.long)
    answer = stage.driver.api(f"uuid_break {uuid}")
    completed(stage, uuid, "second")
    return {"stories": stage.stories(["customer"]), "answer": answer}


@scenario
def break_all_drops_the_queue(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="first")
    stage.driver.execute(uuid, "set", "zj_done=first", step="note")
    playing(stage, uuid, stage.sounds.long)
    stage.driver.api(f"uuid_break {uuid} all")
    completed(stage, uuid, "first")
    stage.driver.settle(0.3)
    return {"stories": stage.stories(["customer"]), "done": stage.driver.api(f"uuid_getvar {uuid} zj_done")}


@scenario
def break_with_nothing_running_breaks_nothing_later(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.api(f"uuid_break {uuid}")
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="first")
    completed(stage, uuid, "first")
    return {"stories": stage.stories(["customer"])}


@scenario
def endless_playback_outlives_a_break(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "endless_playback", stage.sounds.long, step="endless")
    playing(stage, uuid, stage.sounds.long)
    seen = len(stage.driver.events)
    stage.driver.api(f"uuid_break {uuid}")
    stage.driver.settle(0.5)
    stage.driver.api(f"uuid_break {uuid} all")
    stage.driver.settle(0.5)
    return {"stories": stage.stories(["customer"]), "began_again": len(stage.driver.events) > seen}


@scenario
def sounds_that_are_not_there(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    short, missing = stage.sounds.short, stage.sounds.missing
    sources = {
        "missing": missing,
        "nothing": "",
        "no_music": "local_stream://nowhere",
        "between": f"file_string://{short}!{missing}!{short}",
        "leading": f"file_string://{missing}!{short}",
        "silence": "silence_stream://200",
        "tone": "tone_stream://%(100,50,440);loops=2",
    }
    responses = {}
    for step, source in sources.items():
        stage.driver.execute(uuid, "playback", source, step=step)
        responses[step] = completed(stage, uuid, step)
    return {"stories": stage.stories(["customer"]), "responses": responses}


@scenario
def unknown_application_hangs_up(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "no_such_application", step="unknown")
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"])}


@scenario
def early_media_before_the_answer(stage: Stage) -> dict[str, Any]:
    uuid = stage.call()
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="early")
    completed(stage, uuid, "early")
    stage.driver.execute(uuid, "answer", step="late")
    completed(stage, uuid, "late")
    stage.driver.execute(uuid, "answer", step="again")
    completed(stage, uuid, "again")
    stage.driver.execute(uuid, "hangup", "NO_ROUTE_DESTINATION", step="end")
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"])}


@scenario
def sleep_and_nested_park(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    for app, argument, step in (("sleep", "200", "sleep"), ("park", "", "park"), ("sleep", "50", "after")):
        stage.driver.execute(uuid, app, argument, step=step)
    completed(stage, uuid, "after")
    stage.driver.execute(uuid, "sleep", "9000", step="broken")
    stage.driver.settle(0.2)
    stage.driver.api(f"uuid_break {uuid}")
    completed(stage, uuid, "broken", 2)
    return {"stories": stage.stories(["customer"])}


# --- keys ---------------------------------------------------------------------------------------------------------


@scenario
def keys_during_playback_and_between_applications(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.press("1")
    stage.driver.wait_for("DTMF", uuid, DTMF_Digit="1")
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="prompt")
    playing(stage, uuid, stage.sounds.long)
    stage.press("2")
    stage.driver.wait_for("DTMF", uuid, DTMF_Digit="2")
    stage.driver.api(f"uuid_break {uuid}")
    completed(stage, uuid, "prompt")
    return {"stories": stage.stories(["customer"])}


@scenario
def terminator_ends_a_playback(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.api(f"uuid_setvar {uuid} playback_terminators 5#")
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="prompt")
    playing(stage, uuid, stage.sounds.long)
    stage.press("45")
    completed(stage, uuid, "prompt")
    used = stage.driver.api(f"uuid_getvar {uuid} playback_terminator_used")
    return {"stories": stage.stories(["customer"]), "used": used}


@scenario
def key_during_sleep_is_told_after_it(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "sleep", "1200", step="sleep")
    stage.driver.wait_for("CHANNEL_EXECUTE", uuid, Application="sleep")
    stage.press("7")
    completed(stage, uuid, "sleep")
    stage.driver.wait_for("DTMF", uuid)
    return {"stories": stage.stories(["customer"])}


@scenario
def keys_cross_a_bridge(stage: Stage) -> dict[str, Any]:
    uuid, agent = stage.answered_call(), stage.agent()
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid)
    stage.press("3")
    stage.driver.wait_for("DTMF", uuid, DTMF_Digit="3")
    answer = stage.plain(stage.driver.api(f"uuid_recv_dtmf {uuid} 4"))
    stage.driver.wait_for("DTMF", uuid, DTMF_Digit="4")
    return {"stories": stage.stories(["customer"]), "answer": answer}


# --- outgoing legs ------------------------------------------------------------------------------------------------


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
        "sofia/agents/1001@conformance.invalid",
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


# --- bridges ------------------------------------------------------------------------------------------------------


def _bridged(stage: Stage, customer: dict[str, str], **agent: str) -> tuple[str, str]:
    uuid, other = stage.answered_call(), stage.agent(**agent)
    for name, value in customer.items():
        stage.driver.api(f"uuid_setvar {uuid} {name} {value}")
    assert stage.driver.api(f"uuid_bridge {uuid} {other}") == f"+OK {other}\n"
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid)
    stage.driver.settle(0.2)
    return uuid, other


@scenario
def agent_ends_a_bridge_with_hangup_after_bridge(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {})
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(uuid)
    stage.gone(agent)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def customer_ends_a_bridge(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {})
    stage.caller_hangs_up()
    stage.gone(uuid)
    stage.gone(agent)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def customer_is_killed_with_a_cause_in_a_bridge(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {})
    stage.driver.api(f"uuid_kill {uuid} CALL_REJECTED")
    stage.gone(uuid)
    stage.gone(agent)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def agent_ends_a_bridge_and_customer_is_parked(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {"hangup_after_bridge": "false", "park_after_bridge": "true"})
    stage.phone_hangs_up()
    stage.gone(agent)
    stage.driver.settle(0.2)
    alive = stage.driver.api(f"uuid_exists {uuid}")
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="after")
    completed(stage, uuid, "after")
    return {"stories": stage.stories(["customer", "agent"]), "alive": alive}


@scenario
def customer_ends_a_bridge_and_agent_is_parked(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {}, park_after_bridge="true")
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
    uuid, agent = _bridged(stage, after)
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(agent)
    stage.gone(uuid)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def agent_ends_a_bridge_and_nothing_is_said_about_after(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {"hangup_after_bridge": "false"})
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(agent)
    stage.gone(uuid)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def bridge_is_repeated(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {})
    seen = len(stage.driver.events)
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def customer_is_bridged_to_another_agent(stage: Stage) -> dict[str, Any]:
    uuid, _agent = _bridged(stage, {}, park_after_bridge="true")
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
    uuid, _agent = _bridged(stage, {})
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="whisper")
    completed(stage, uuid, "whisper")
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def bridged_leg_is_parked_from_outside(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {})
    stage.driver.api(f"uuid_park {uuid}")
    stage.gone(agent)
    stage.driver.wait_for("CHANNEL_UNBRIDGE", uuid)
    stage.driver.settle(0.2)
    return {"stories": stage.stories(["customer", "agent"])}


@scenario
def bridged_pair_is_parked_and_bridged_again(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {})
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
def held_and_unheld(stage: Stage) -> dict[str, Any]:
    uuid, agent = _bridged(stage, {})
    answers = [stage.driver.api(f"uuid_hold {agent}")]
    stage.driver.wait_for("CHANNEL_HOLD", agent)
    answers.append(stage.driver.api(f"uuid_hold off {agent}"))
    stage.driver.wait_for("CHANNEL_UNHOLD", agent)
    answers.append(stage.driver.api(f"uuid_audio {agent} start read mute -1"))
    answers.append(stage.driver.api(f"uuid_audio {agent} stop"))
    assert uuid
    return {"stories": stage.stories(["agent"]), "answers": answers}


# --- recording ----------------------------------------------------------------------------------------------------


@scenario
def stereo_recording_of_a_bridge(stage: Stage) -> dict[str, Any]:
    uuid, _agent = _bridged(stage, {"RECORD_STEREO": "true"})
    path = f"{stage.base}/recorded-{uuid}.wav"
    answers = [stage.driver.api(f"uuid_record {uuid} start {path}")]
    stage.driver.watch(2.0)
    answers.append(stage.driver.api(f"uuid_record {uuid} stop {path}"))
    stage.driver.wait_for("RECORD_STOP", uuid)
    answers.append(stage.driver.api(f"uuid_record {uuid} stop {path}"))
    return {"stories": stage.stories(["customer"]), "answers": answers, "wav": _wav(path)}


@scenario
def recording_ends_with_the_call(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    path = f"{stage.base}/recorded-{uuid}.wav"
    stage.driver.api(f"uuid_record {uuid} start {path}")
    stage.driver.watch(1.0)
    stage.driver.api(f"uuid_kill {uuid}")
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"]), "closed": _wav(path)["half_seconds"] > 0}


def _wav(path: str) -> dict[str, Any]:
    import wave

    with wave.open(path, "rb") as file:
        seconds = file.getnframes() / file.getframerate()
        return {
            "channels": file.getnchannels(),
            "rate": file.getframerate(),
            "half_seconds": round(seconds * 2),
        }


# --- the end ------------------------------------------------------------------------------------------------------


@scenario
def killed_with_a_cause(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    answer = stage.driver.api(f"uuid_kill {uuid} USER_BUSY")
    stage.gone(uuid)
    again = stage.driver.api(f"uuid_kill {uuid}")
    return {"stories": stage.stories(["customer"]), "answer": answer, "again": again}


@scenario
def caller_hangs_up_during_a_playback(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.long, step="long")
    playing(stage, uuid, stage.sounds.long)
    stage.caller_hangs_up()
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"])}


@scenario
def hung_up_by_message_and_by_schedule(stage: Stage) -> dict[str, Any]:
    first = stage.answered_call("first")
    reply = stage.driver.commands.command(f"sendmsg {first}\ncall-command: hangup\nhangup-cause: USER_BUSY")
    stage.gone(first)
    second = stage.answered_call("second")
    answer = stage.driver.api(f"sched_hangup +1 {second} ALLOTTED_TIMEOUT")
    stage.gone(second)
    return {"stories": stage.stories(["first", "second"]), "reply": reply, "answer": answer}


@scenario
def queued_hangup_runs_in_its_turn(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="goodbye")
    stage.driver.execute(uuid, "hangup", "NORMAL_CLEARING", step="end")
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"])}
