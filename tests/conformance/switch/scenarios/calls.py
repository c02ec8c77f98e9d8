"""A call that comes in, its keys and its end."""

from __future__ import annotations

from typing import Any

from tests.conformance.switch.scenarios.registry import completed, playing, scenario
from tests.conformance.switch.stage import Stage

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
