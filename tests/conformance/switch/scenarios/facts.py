"""Scenarios about what the switch says: answers to commands, values, headers, records."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any
from xml.etree import ElementTree

from tests.conformance.switch.driver import Connection, Driver
from tests.conformance.switch.real import DOMAIN, PASSWORD
from tests.conformance.switch.scenarios.registry import scenario
from tests.conformance.switch.stage import Stage
from tests.support import clock

NOBODY = "00000000-0000-4000-8000-000000000000"


@scenario
def answers_about_a_leg_that_is_not_there(stage: Stage) -> dict[str, Any]:
    commands = (
        *("uuid_exists", "uuid_kill", "uuid_dump", "uuid_break", "uuid_park", "sched_del"),
        *(f"uuid_getvar {NOBODY} x", f"uuid_setvar {NOBODY} x y", f"uuid_setvar_multi {NOBODY} a=b"),
        *(
            f"uuid_bridge {NOBODY} {NOBODY}",
            f"uuid_transfer {NOBODY} x",
            f"uuid_record {NOBODY} start /tmp/x.wav",
        ),
        *(f"uuid_send_dtmf {NOBODY} 1", f"uuid_recv_dtmf {NOBODY} 1", f"uuid_phone_event {NOBODY} talk"),
        *(f"sched_transfer +8 {NOBODY} fallback XML zongji", f"sched_hangup +8 {NOBODY}"),
        *(f"uuid_audio {NOBODY} start read mute", f"uuid_hold {NOBODY}"),
    )
    full = [command if " " in command else f"{command} {NOBODY}" for command in commands]
    replies = [stage.driver.execute(NOBODY, "answer"), stage.driver.commands.command("sendmsg")]
    return {"answers": {command: stage.driver.api(command) for command in full}, "replies": replies}


@scenario
def answers_to_commands_without_arguments(stage: Stage) -> dict[str, Any]:
    names = (
        *("uuid_dump", "uuid_kill", "uuid_getvar", "uuid_setvar", "uuid_setvar_multi", "uuid_bridge"),
        *("uuid_break", "uuid_transfer", "uuid_record", "uuid_audio", "uuid_send_dtmf", "sched_transfer"),
        *("sched_hangup", "sched_del", "originate", "no_such_command", "uuid_recv_dtmf"),
    )
    return {"answers": {name: stage.driver.api(name) for name in names}}


@scenario
def answers_about_the_switch(stage: Stage) -> dict[str, Any]:
    core = stage.driver.api("global_getvar core_uuid")
    return {
        "core_uuid_is_in_events": _first_heartbeat_or_job(stage) == core,
        "expanded": stage.driver.api("expand global_getvar core_uuid") == core,
        "evaluated": stage.driver.api("eval ${core_uuid} x") == f"{core} x",
        "unknown_variable": stage.driver.api("global_getvar no_such_variable"),
        "echo": stage.driver.api("echo hi there"),
        "reloadxml": stage.driver.api("reloadxml"),
        "flush": stage.driver.api(f"xml_flush_cache id 1000 {DOMAIN}"),
        "no_channels": _channels_once_gone(stage),
        "uuid_length": len(stage.driver.api("create_uuid")),
        "version_begins": stage.driver.api("version")[:19],
        "status_begins": stage.driver.api("status")[:3],
        "exists_without_uuid": stage.driver.api("uuid_exists"),
    }


def _channels_once_gone(stage: Stage) -> str:
    """Return what ``show channels`` says when the calls of scenarios before are gone: it lags the truth by a second
    or so, and hung-up legs take a moment.
    """
    end = clock.now_s() + 10
    while (answer := stage.driver.api("show channels")) != "\n0 total.\n" and clock.now_s() < end:
        stage.driver.watch(0.1)
    return answer


def _first_heartbeat_or_job(stage: Stage) -> str:
    job = stage.driver.api("create_uuid").strip()
    stage.driver.commands.command(f"bgapi status\nJob-UUID: {job}")
    return stage.driver.wait_for("BACKGROUND_JOB", Job_UUID=job)["Core-UUID"]


@scenario
def replies_of_the_event_socket(stage: Stage) -> dict[str, Any]:
    connection = Connection(stage.port, PASSWORD)
    commands = (
        *(
            "event json CHANNEL_PARK CUSTOM sofia::register CHANNEL_ANSWER",
            "event plain",
            "event json no_such_event",
        ),
        *(
            "noevents",
            "noevents",
            "event plain CHANNEL_PARK",
            "filter Unique-ID x",
            "filter delete Unique-ID x",
        ),
        *(
            "filter delete all",
            "nixevent CHANNEL_PARK",
            "linger",
            "no_such_command",
            "auth x",
            "api",
            "bgapi",
        ),
        "myevents",
    )
    replies = [connection.command(command) for command in commands]
    job = connection.command("bgapi status\nJob-UUID: abc")
    connection.send("api ")
    connection.send("\n\n\napi echo after empty lines")
    frames = [connection.read_frame(2), connection.read_frame(2)]
    goodbye = connection.command("exit")
    notice = connection.read_frame(2)
    assert notice is not None
    connection.close()
    return {
        "replies": replies,
        "job": job,
        "bodies": [frame.body.decode() for frame in frames if frame is not None],
        "goodbye": goodbye,
        "notice": notice.headers["Content-Type"],
    }


@scenario
def wrong_password(stage: Stage) -> dict[str, Any]:
    connection = Connection(stage.port, "wrong")
    closed = False
    try:
        notice = connection.read_frame(2)
        while connection.read_frame(2) is not None:
            continue
    except ConnectionError:
        closed = True
    finally:
        connection.close()
    return {"reply": connection.reply, "notice": notice and notice.headers["Content-Type"], "closed": closed}


@scenario
def background_job_tells_its_result(stage: Stage) -> dict[str, Any]:
    job = stage.driver.api("create_uuid").strip()
    stage.driver.commands.command(f"bgapi echo one two\nJob-UUID: {job}")
    event = stage.driver.wait_for("BACKGROUND_JOB", Job_UUID=job)
    return {name: event[name] for name in ("Job-Command", "Job-Command-Arg", "Content-Length", "_body")}


@scenario
def variables_survive_every_way_in(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    api, values = stage.driver.api, {}
    answers = [
        api(f"uuid_setvar {uuid} spaced a b  c"),
        api(f"uuid_setvar {uuid} gone x"),
        api(f"uuid_setvar {uuid} gone"),
        api(f"uuid_setvar_multi {uuid} 'one=1;2';'two=it\\'s';three=back\\\\slash;four=;five=\u603b\u673a"),
    ]
    stage.driver.execute(uuid, "multiset", "^^;'six=a;b';seven=c d", step="multi")
    stage.driver.execute(uuid, "set", "eight=${caller_id_number} ${uuid} ${no_such}.", step="set")
    stage.driver.execute(uuid, "unset", "spaced", step="unset")
    done = stage.driver.wait_for("CHANNEL_EXECUTE_COMPLETE", uuid, Application_UUID="unset")
    for name in ("spaced", "gone", "one", "two", "three", "four", "five", "six", "seven", "eight"):
        values[name] = stage.plain(api(f"uuid_getvar {uuid} {name}"))
    in_event = {name: done.get(f"variable_{name}") for name in ("one", "two", "five", "spaced")}
    dump = json.loads(api(f"uuid_dump {uuid} json"))
    in_dump = {name: dump.get(f"variable_{name}") for name in ("one", "two", "three", "five", "seven")}
    return {"answers": answers, "values": values, "in_event": in_event, "in_dump": in_dump}


@scenario
def originate_variables_with_quotes(stage: Stage) -> dict[str, Any]:
    stage.phone_does("answer")
    uuid = stage.new_uuid("agent")
    block = f"{{'origination_uuid=\\'{uuid}\\'','a=\\'x,y = z\\'',b=plain,originate_timeout=5}}"
    quoted = "'" + block.replace("\\", "\\\\").replace("'", "\\'") + stage.contact + "'"
    answer = stage.plain(stage.driver.api(f"originate {quoted} &park()"))
    values = {name: stage.driver.api(f"uuid_getvar {uuid} {name}") for name in ("a", "b")}
    return {"answer": answer, "values": values}


@scenario
def dump_of_a_leg(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    dump = json.loads(stage.driver.api(f"uuid_dump {uuid} json"))
    plain = stage.driver.api(f"uuid_dump {uuid}")
    lines = dict(line.split(": ", 1) for line in plain.strip().split("\n"))
    names = [
        *("Event-Name", "Channel-State", "Channel-Call-State", "Answer-State", "Unique-ID", "Call-Direction"),
        *("Caller-Caller-ID-Number", "Caller-Destination-Number", "Caller-Context", "variable_zj_leg"),
        *("variable_current_application", "variable_uuid", "Channel-State-Number", "Caller-Network-Addr"),
    ]
    return {
        "json": {name: stage.plain(dump[name]) for name in names},
        "plain_is_json": all(urllib.parse.unquote(lines[name]) == dump[name] for name in names),
        "exists": stage.driver.api(f"uuid_exists {uuid}"),
    }


@scenario
def show_channels_soon_tells_the_truth(stage: Stage) -> dict[str, Any]:
    uuid = stage.answered_call()
    rows: list[dict[str, str]] = []
    for _ in range(40):
        rows = [row for row in _channels(stage) if row["uuid"] == uuid]
        if rows and rows[0]["callstate"] == "ACTIVE":
            break
        stage.driver.settle(0.05)
    stage.driver.api(f"uuid_kill {uuid}")
    stage.gone(uuid)
    for _ in range(40):
        if not any(row["uuid"] == uuid for row in _channels(stage)):
            break
        stage.driver.settle(0.05)
    left = [row for row in _channels(stage) if row["uuid"] == uuid]
    told = {
        name: rows[0][name]
        for name in ("direction", "state", "callstate", "cid_num", "context", "application")
    }
    return {"columns": sorted(rows[0]), "told": told, "left": left}


def _channels(stage: Stage) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(stage.driver.api("show channels as json")).get("rows", [])
    return rows


@scenario
def filters_let_through_what_they_name(stage: Stage) -> dict[str, Any]:
    first, second = stage.answered_call("first"), stage.answered_call("second")
    watcher = Driver(stage.port, PASSWORD, "CHANNEL_EXECUTE BACKGROUND_JOB", filters=[f"Unique-ID {first}"])
    for uuid in (first, second):
        stage.driver.execute(uuid, "set", "a=b", step="set")
        stage.driver.wait_for("CHANNEL_EXECUTE_COMPLETE", uuid, Application_UUID="set")
    stage.driver.commands.command("bgapi status")
    watcher.settle(0.3)
    seen = [stage.plain(event.get("Unique-ID", "")) for event in watcher.events]
    watcher.close()
    return {"seen": seen}


@scenario
def events_as_plain_text(stage: Stage) -> dict[str, Any]:
    connection = Connection(stage.port, PASSWORD)
    connection.command("event plain CHANNEL_EXECUTE BACKGROUND_JOB")
    uuid = stage.answered_call()
    texts = []
    while (frame := connection.read_frame(0.5)) is not None:
        texts.append(frame.body.decode())
    execute = next(text for text in texts if "Application: answer\n" in text and uuid in text)
    connection.command("bgapi echo one two")
    job = connection.read_frame(2)
    connection.close()
    assert job is not None
    number = next(line for line in execute.split("\n") if line.startswith("variable_sip_from_uri"))
    return {
        "from": number,
        "ends_with_blank_line": execute.endswith("\n\n"),
        "job_ends": job.body.decode()[-len("Content-Length: 7\n\none two") :],
        "kind": job.headers["Content-Type"],
    }


@scenario
def registration_of_the_phone(stage: Stage) -> dict[str, Any]:
    tree = ElementTree.fromstring(stage.driver.api("sofia xmlstatus profile agents reg"))
    phone = tree.find("registrations/registration")
    assert phone is not None
    contact = stage.contact
    rows = json.loads(stage.driver.api("show registrations as json"))["rows"]
    return {
        "fields": sorted(child.tag for child in phone),
        "user": phone.findtext("user"),
        "realm": phone.findtext("sip-auth-realm"),
        "contact_begins": contact[: contact.index(":") + 1],
        "contact_is_in_list": contact.partition("/sip:")[2].split(";")[0]
        in (phone.findtext("contact") or ""),
        "nobody": stage.driver.api(f"sofia_contact agents/1001@{DOMAIN}"),
        "any_profile": stage.driver.api(f"sofia_contact 1000@{DOMAIN}") == contact,
        "columns": sorted(rows[0]),
        "row": {name: rows[0][name] for name in ("reg_user", "realm")},
        "row_is_contact": rows[0]["url"] == contact,
    }


@scenario
def phone_unregisters_and_comes_back(stage: Stage) -> dict[str, Any]:
    stage.unregister_phone()
    gone = stage.driver.wait_for("CUSTOM", Event_Subclass="sofia::unregister")
    contact = stage.contact
    uuid = stage.new_uuid("agent")
    answer = stage.driver.api(f"originate {stage.dial(uuid)} &park()")
    stage.register_phone()
    back = stage.driver.wait_for("CUSTOM", Event_Subclass="sofia::register")
    told = ("profile-name", "from-user", "from-host", "username", "realm")
    return {
        "gone": {name: gone[name] for name in told},
        "gone_has": sorted(name for name in gone if name.islower() and "_" not in name),
        "back": {name: back[name] for name in (*told, "status")},
        "contacts_agree": back["contact"].split(";")[0] == gone["contact"].split(";")[0],
        "contact": contact,
        "answer": answer,
    }


@scenario
def record_of_a_leg(stage: Stage) -> dict[str, Any]:
    uuid, agent = stage.answered_call(), stage.agent(zj_leg="agent")
    stage.driver.api(f"uuid_setvar {uuid} zj_note a b=c,d%e")
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid)
    stage.driver.settle(0.3)
    stage.driver.api(f"uuid_kill {agent}")
    stage.gone(uuid)
    stage.gone(agent)
    return {role: _record(stage, leg) for role, leg in (("customer", uuid), ("agent", agent))}


_TIMES = ("start", "answer", "bridge", "end", "progress")


def _record(stage: Stage, uuid: str) -> dict[str, Any]:
    path = stage.record_of(uuid)
    for _ in range(40):
        if path.exists() and path.read_bytes().endswith(b"}\n"):
            break
        stage.driver.settle(0.05)
    record = json.loads(path.read_bytes())
    variables = record["variables"]
    told = (
        "zj_leg",
        "zj_note",
        "hangup_cause",
        "hangup_cause_q850",
        "digits_dialed",
        "last_app",
        "direction",
    )
    return {
        "keys": sorted(record),
        "channel_data": sorted(record["channel_data"]),
        "told": {name: variables.get(name) for name in told},
        "uuid": stage.plain(variables["uuid"]),
        "bridge_uuid": stage.plain(variables["bridge_uuid"]),
        "has_times": [name for name in _TIMES if int(variables.get(f"{name}_uepoch", "0")) > 0],
        "durations": sorted(name for name in variables if name.endswith(("sec", "duration"))),
        "stamp_is_encoded": "%20" in variables["start_stamp"],
        "applications": [
            [entry["app_name"], stage.plain(entry.get("app_data", ""))]
            for entry in record["app_log"]["applications"]
        ],
        "flows": [_flow(stage, flow) for flow in record["callflow"]],
    }


def _flow(stage: Stage, flow: dict[str, Any]) -> dict[str, Any]:
    return {
        "keys": sorted(flow),
        "profile_index": flow["profile_index"],
        "extension": sorted(flow.get("extension", {})),
        "caller_profile": sorted(flow["caller_profile"]),
        "uuid": stage.plain(flow["caller_profile"]["uuid"]),
        "times": sorted(flow["times"]),
        "happened": sorted(name for name, stamp in flow["times"].items() if int(stamp)),
    }


@scenario
def headers_of_events(stage: Stage) -> dict[str, Any]:
    uuid, agent = stage.answered_call(), stage.agent()
    stage.driver.execute(uuid, "playback", stage.sounds.short, step="play")
    stage.driver.wait_for("CHANNEL_EXECUTE_COMPLETE", uuid, Application_UUID="play")
    stage.driver.api(f"uuid_recv_dtmf {uuid} 1")
    stage.driver.wait_for("DTMF", uuid)
    stage.driver.api(f"uuid_bridge {uuid} {agent}")
    stage.driver.wait_for("CHANNEL_BRIDGE", uuid)
    stage.driver.api(f"uuid_kill {uuid}")
    stage.gone(uuid)
    stage.gone(agent)
    own = [event for event in stage.driver.events if event.get("Unique-ID") in (uuid, agent)]
    own = [event for event in own if event["Event-Name"] not in ("CHANNEL_STATE", "CHANNEL_ORIGINATE")]
    told = {
        f"{stage.roles[event['Unique-ID']]} {event['Event-Name']}": {
            name for name in event if not name.startswith(("variable_", "Other-Leg-", "Caller-Callee-ID-"))
        }
        for event in own
    }
    always = set.intersection(*told.values())
    names = ("variable_uuid", "variable_zj_leg", "variable_playback_terminators", "variable_call_uuid")
    return {
        "always": sorted(always),
        "besides": {event: sorted(headers - always) for event, headers in sorted(told.items())},
        "variables": {
            event["Event-Name"]: [name for name in names if name in event]
            for event in own
            if event["Unique-ID"] == uuid
        },
    }


def _dial_out(stage: Stage, phone: str, target: str = "") -> dict[str, Any]:
    """A parked leg calls the phone by the application ``bridge``; what is told of it, and what is left."""
    uuid, called = stage.answered_call(), stage.new_uuid("called")
    stage.driver.api(f"uuid_setvar {uuid} continue_on_fail true")
    stage.phone_does(phone)
    seen = len(stage.driver.events)
    dialled = stage.dial(called, target, zj_dial="true").replace(
        "ignore_early_media=true", "ignore_early_media=false"
    )
    stage.driver.execute(uuid, "bridge", dialled, step="dial")
    if phone == "answer" and not target:
        stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
        stage.driver.settle(0.2)
        stage.phone_hangs_up()
        stage.gone(called)
    stage.driver.wait_for("CHANNEL_EXECUTE_COMPLETE", uuid, 9, Application_UUID="dial")
    stage.driver.settle(0.2)
    wanted = {
        "CHANNEL_ANSWER",
        "CHANNEL_BRIDGE",
        "CHANNEL_UNBRIDGE",
        "CHANNEL_HANGUP_COMPLETE",
        "CHANNEL_EXECUTE_COMPLETE",
    }
    told = [
        (event["Event-Name"], stage.roles.get(event["Unique-ID"], ""), event.get("Hangup-Cause", ""))
        for event in stage.driver.events[seen:]
        if event["Event-Name"] in wanted
        and stage.roles.get(event.get("Unique-ID", "")) in ("customer", "called")
    ]
    names = ("originate_disposition", "originate_failed_cause", "current_application")
    left = {name: stage.driver.api(f"uuid_getvar {uuid} {name}").strip() for name in names}
    return {"told": sorted(told), "left": left, "alive": stage.driver.api(f"uuid_exists {uuid}")}


@scenario
def leg_dials_and_is_bridged(stage: Stage) -> dict[str, Any]:
    return _dial_out(stage, "answer") | {"left": {}}


def _asks_for_a_key(stage: Stage, keys: str, limit_s: int) -> dict[str, Any]:
    """A parked leg calls the phone, which has to press 1 before the two are bridged; what is told in which order."""
    uuid, called = stage.answered_call(), stage.new_uuid("called")
    stage.driver.api(f"uuid_setvar {uuid} continue_on_fail true")
    stage.phone_does("answer")
    seen = len(stage.driver.events)
    confirm = {
        "group_confirm_key": "1",
        "group_confirm_file": stage.sounds.short,
        "group_confirm_timeout": str(limit_s),
    }
    stage.driver.execute(uuid, "bridge", stage.dial(called, zj_dial="true", **confirm), step="dial")
    stage.driver.wait_for("CHANNEL_ANSWER", called, after=seen)
    for key in keys:
        stage.driver.wait_for("PLAYBACK_START", called, after=seen)
        stage.driver.api(f"uuid_recv_dtmf {called} {key}")
        stage.driver.wait_for("DTMF", called, after=seen, DTMF_Digit=key)
    if keys:
        stage.driver.wait_for("CHANNEL_BRIDGE", uuid, after=seen)
        stage.driver.settle(0.2)
        stage.phone_hangs_up()
    stage.gone(called, 9)
    stage.driver.wait_for("CHANNEL_EXECUTE_COMPLETE", uuid, 9, Application_UUID="dial")
    stage.driver.settle(0.2)
    wanted = {"CHANNEL_ANSWER", "DTMF", "CHANNEL_BRIDGE", "CHANNEL_PARK", "CHANNEL_HANGUP_COMPLETE"}
    told = [
        [event["Event-Name"], role, event.get("DTMF-Digit", ""), event.get("Hangup-Cause", "")]
        for event in stage.driver.events[seen:]
        if event["Event-Name"] in wanted
        and (role := stage.roles.get(event.get("Unique-ID", "")))
        and (role == "called" or event["Event-Name"] == "CHANNEL_BRIDGE")
    ]
    failed = stage.driver.api(f"uuid_getvar {uuid} originate_failed_cause").strip()
    return {"told": told, "failed": failed, "alive": stage.driver.api(f"uuid_exists {uuid}")}


@scenario
def leg_is_bridged_once_whom_it_dials_presses_the_key(stage: Stage) -> dict[str, Any]:
    return _asks_for_a_key(stage, "51", 20) | {"failed": "", "alive": ""}


@scenario
def leg_is_not_bridged_with_whom_presses_no_key(stage: Stage) -> dict[str, Any]:
    return _asks_for_a_key(stage, "", 1)


@scenario
def leg_dials_a_busy_phone(stage: Stage) -> dict[str, Any]:
    return _dial_out(stage, "busy")


@scenario
def leg_dials_a_phone_that_does_not_answer(stage: Stage) -> dict[str, Any]:
    return _dial_out(stage, "ring")


@scenario
def leg_dials_by_a_gateway_that_is_not_there(stage: Stage) -> dict[str, Any]:
    return _dial_out(stage, "answer", "sofia/gateway/nowhere/1")
