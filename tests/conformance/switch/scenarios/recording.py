"""What the switch records."""

from __future__ import annotations

from typing import Any

from tests.conformance.switch.scenarios.bridges import bridged
from tests.conformance.switch.scenarios.registry import completed, scenario
from tests.conformance.switch.stage import Stage


@scenario
def stereo_recording_of_a_bridge(stage: Stage) -> dict[str, Any]:
    uuid, _agent = bridged(stage, {"RECORD_STEREO": "true"})
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


@scenario
def message_until_a_break(stage: Stage) -> dict[str, Any]:
    """Keys are told meanwhile; none ends it; what the leg hears is one channel, whatever RECORD_STEREO says."""
    uuid = stage.answered_call()
    stage.driver.api(f"uuid_setvar_multi {uuid} playback_terminators=none;RECORD_STEREO=true")
    path = f"{stage.base}/message-{uuid}.wav"
    stage.driver.execute(uuid, "record", f"{path} 30", step="message")
    stage.driver.execute(uuid, "set", "zj_done=message")
    stage.driver.wait_for("RECORD_START", uuid)
    stage.press("5")
    stage.driver.wait_for("DTMF", uuid)
    stage.press("#")
    stage.driver.watch(1.2)
    stage.driver.api(f"uuid_break {uuid}")
    completed(stage, uuid, "message")
    stage.driver.settle(0.1)
    told = {name: stage.driver.api(f"uuid_getvar {uuid} {name}") for name in _TOLD_OF_MESSAGES}
    seconds = int(stage.driver.api(f"uuid_getvar {uuid} record_ms")) / 1000
    file = _wav(path)
    return {
        "stories": stage.stories(["customer"]),
        "told": told,
        "channels": file["channels"],
        "length_is_told": abs(seconds * 2 - file["half_seconds"]) <= 1,
        "lives": stage.driver.api(f"uuid_exists {uuid}"),
    }


_TOLD_OF_MESSAGES = (
    *("zj_done", "silence_hits_exhausted", "playback_terminator_used", "record_completion_cause"),
    *("current_application_response",),
)


@scenario
def message_of_the_longest_length(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    path = f"{stage.base}/message-{uuid}.wav"
    stage.driver.execute(uuid, "record", f"{path} 1", step="message")
    completed(stage, uuid, "message")
    return {"stories": stage.stories(["customer"]), "length_fits": 2 <= _wav(path)["half_seconds"] <= 5}


@scenario
def message_until_silence(stage: Stage) -> dict[str, Any]:
    """Nothing is as loud as asked for here, so all is silence."""
    uuid = stage.answered_call()
    path = f"{stage.base}/message-{uuid}.wav"
    stage.driver.execute(uuid, "record", f"{path} 30 32700 1", step="message")
    completed(stage, uuid, "message")
    exhausted = stage.driver.api(f"uuid_getvar {uuid} silence_hits_exhausted")
    return {
        "stories": stage.stories(["customer"]),
        "exhausted": exhausted,
        "length_fits": 1 <= _wav(path)["half_seconds"] <= 4,
    }


@scenario
def message_until_a_key(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.api(f"uuid_setvar {uuid} playback_terminators *")
    path = f"{stage.base}/message-{uuid}.wav"
    stage.driver.execute(uuid, "record", f"{path} 30", step="message")
    stage.driver.wait_for("RECORD_START", uuid)
    stage.driver.watch(0.6)
    stage.press("*")
    completed(stage, uuid, "message")
    used = stage.driver.api(f"uuid_getvar {uuid} playback_terminator_used")
    return {"stories": stage.stories(["customer"]), "used": used}


@scenario
def message_until_the_caller_hangs_up(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    path = f"{stage.base}/message-{uuid}.wav"
    stage.driver.execute(uuid, "record", f"{path} 30", step="message")
    stage.driver.wait_for("RECORD_START", uuid)
    stage.driver.watch(1.2)
    stage.caller_hangs_up()
    stage.gone(uuid)
    return {"stories": stage.stories(["customer"]), "kept": 2 <= _wav(path)["half_seconds"] <= 5}


@scenario
def message_into_a_folder_that_is_not_there(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    stage.driver.execute(uuid, "record", f"{stage.base}/sounds/short.wav/message.wav 30", step="message")
    return {"cause": stage.gone(uuid)["Hangup-Cause"]}


def _wav(path: str) -> dict[str, Any]:
    import wave

    with wave.open(path, "rb") as file:
        seconds = file.getnframes() / file.getframerate()
        return {
            "channels": file.getnchannels(),
            "rate": file.getframerate(),
            "half_seconds": round(seconds * 2),
        }
