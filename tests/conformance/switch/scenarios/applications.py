"""Applications a leg runs: one after the other, nested, broken off."""

from __future__ import annotations

from typing import Any

from tests.conformance.switch.scenarios.registry import completed, playing, scenario
from tests.conformance.switch.stage import Stage


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
