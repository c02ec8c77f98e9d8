"""What flows do besides prompts and queues, through a whole cell (CTI-I10, CTI-I12, CTI-I13, R1)."""

from __future__ import annotations

import signal
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from core.database import Database
from core.documents import FlowDoc, RouteDoc
from cti.call.model import Call, EndedIn, SegmentKind
from cti.records import cdr
from cti.records.meters import Meters
from ivr.messages import NoteKind
from sms.models import SmsMessage, SmsState
from sms.shipping import SmsShipper
from tests.conformance.switch.driver import Driver
from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import last_record
from tests.support import clock
from tests.support.cell import TENANT, newest, wait_for
from tests.support.database import open_two_tenants
from tests.support.outside import RealOutside
from tests.support.receiver import Receiver, receiving
from tests.support.world import loudness

NUMBER = "4008003000"
CALLER = "13800138000"
KEY_LIMIT_S = 0.25
TEXT = [{"kind": "text", "text": "请按键"}]
LONG = [{"kind": "text", "text": "这是一段很长的提示音，" * 12}]


def menu(code: str, keys: dict[str, str], prompts: list[dict[str, Any]] = TEXT) -> dict[str, Any]:
    """Return a menu that waits long."""
    return {
        "type": "menu",
        "code": code,
        "name": f"Menu {code}",
        "prompts": prompts,
        "keys": keys,
        "timeout_s": 60,
        "attempts": 3,
        "failure": "bye",
    }


def documents(url: str) -> list[FlowDoc | RouteDoc]:
    """Return a flow that leads everywhere, another one it goes on in, and the route to it."""
    bye = {"type": "hangup", "code": "bye", "name": "Bye"}
    ways = {"1": "mail", "2": "ask", "3": "sales", "4": "other", "5": "may", "6": "text"}
    sales = {"type": "transfer", "name": "Sales", "to": "queue", "target_id": 7}
    first = [
        menu("start", ways, LONG),
        {"type": "voicemail", "code": "mail", "name": "Mail", "prompts": TEXT, "max_s": 60, "silence_s": 0},
        {
            "type": "http",
            "code": "ask",
            "name": "Ask",
            "method": "POST",
            "url": url,
            "timeout_s": 4,
            "body_kind": "json",
            "body": [{"name": "from", "value": "{caller_number}"}],
            "fields": [{"variable": "state", "path": "order.state"}],
            "next": "known",
            "failure": "unknown",
        },
        menu("known", {"1": "bye"}),
        menu("unknown", {"1": "bye"}),
        {
            "type": "sms",
            "code": "text",
            "name": "Text",
            "text": "Order {state}",
            "next": "texted",
            "failure": "unknown",
        },
        menu("texted", {"1": "bye"}),
        {**sales, "code": "sales", "after_talk": "score", "failure": "bye"},
        {
            "type": "survey",
            "code": "score",
            "name": "Score",
            "prompts": TEXT,
            "keys": ["1", "5"],
            "timeout_s": 30,
        },
        {"type": "flow", "code": "other", "name": "Other", "flow_id": 11},
        {"type": "consent", "code": "may", "name": "May we", "yes": "plain", "no": "plain"},
        {**sales, "code": "plain", "failure": "bye"},
        bye,
    ]
    second = [
        menu("second", {"1": "last", "2": "back"}),
        {"type": "flow", "code": "back", "name": "Back", "flow_id": 10},
        bye,
        menu("last", {"1": "bye"}),
    ]
    variables = [{"name": "state"}]
    made = [
        {"name": "First", "entry": "start", "variables": variables, "nodes": first},
        {"name": "Second", "entry": "second", "nodes": second},
    ]
    flows = [
        FlowDoc(
            id=number,
            tenant_id=TENANT,
            version=newest(),
            name=str(body["name"]),
            body=msgspec.Raw(msgspec.json.encode(body)),
        )
        for number, body in enumerate(made, start=10)
    ]
    route = RouteDoc(
        id=15,
        tenant_id=TENANT,
        version=newest(),
        code="flows",
        number=NUMBER,
        concurrency=50,
        destination_id=10,
    )
    return [*flows, route]


@pytest.fixture(scope="module")
def crm() -> Iterator[Receiver]:
    """A company's system that answers in JSON."""
    with receiving() as receiver:
        receiver.body = b'{"order": {"state": "sent", "lines": [1]}}'
        yield receiver


@pytest.fixture
def flows(stage: Stage, crm: Receiver) -> Stage:
    """A cell whose number leads into the flows."""
    crm.status = lambda got: 200
    crm.got.clear()
    stage.cell.publish_now(*documents(crm.url))
    for path in stage.cell.settings.recordings_dir.rglob("*.wav"):
        path.unlink()
    return stage


def at_node(stage: Stage, code: str, step: str = "") -> Call:
    """Wait until a call is in a node (and runs a step of this kind there)."""

    def found() -> Call | None:
        for call in stage.cell.calls():
            here = call.run is not None and call.run.get("node") == code and call.phase == "flow"
            if here and (not step or (call.step is not None and call.step.what == step)):
                return call
        return None

    seen = [(c.phase, (c.run or {}).get("node"), c.step) for c in stage.cell.calls()]
    call = wait_for(found, 15, f"nobody in {code}: {seen} {stage.cell.tail('cti')}")
    assert call is not None
    return call


def begin(stage: Stage, *keys: str, outside: str = "") -> str:
    """Place a call, wait for the first menu and press keys."""
    caller = outside or stage.outside.call(NUMBER, CALLER)
    at_node(stage, "start", "play")
    for key in keys:
        stage.outside.press(caller, key)
    return caller


def to_talk(stage: Stage, phone: str, key: str = "3") -> str:
    """Place a call and have the agent answer it."""
    caller = begin(stage, key)
    stage.outside.answer(phone)
    stage.cell.wait_call("talking")
    stage.cell.wait_agent(1, "talking")
    return caller


def story(stage: Stage) -> Call:
    """Return the last call as its record tells it."""
    stage.cell.wait_no_calls()
    variables = last_record(stage, "customer")
    path = stage.cell.settings.cdr_dir / f"{variables['uuid']}.cdr.json"
    told = cdr.parse(path.read_bytes()).story
    assert told is not None
    return told


def message(stage: Stage, call: Call) -> Path:
    """Return the file of a call's message."""
    (segment,) = call.segments
    assert segment.kind is SegmentKind.VOICEMAIL
    return stage.cell.settings.recordings_dir / segment.name


def length_s(path: Path) -> float:
    """Return the length of a recording."""
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1
        return file.getnframes() / file.getframerate()


def restart(stage: Stage) -> None:
    """Kill the controller in the middle; the next one goes on."""
    stage.cell.restart("cti")
    stage.cell.wait_connected()


# --- messages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["hash", "hang-up"])
def test_a_message_holds_what_the_caller_said_cti_i10(flows: Stage, end: str) -> None:
    caller = begin(flows, "1")
    call = at_node(flows, "mail", "record")
    time.sleep(1.6)
    if end == "hash":
        flows.outside.press(caller, "#")
        at_node(flows, "mail", "play")
    else:
        flows.outside.hang_up(caller)
    told = story(flows)
    path = message(flows, told)
    assert told.id == call.id
    assert 1.0 < length_s(path) < 4.0
    if isinstance(flows.outside, RealOutside):
        assert loudness(path, RealOutside.CALLER_HZ) > -45, "the caller's tone is in it"


# --- short messages --------------------------------------------------------------------------------------------


def test_a_killed_controller_neither_loses_nor_doubles_a_short_message_cti_i13(
    flows: Stage, database: Database
) -> None:
    """No database takes part until the end: the message lies on the cell's disk meanwhile."""
    caller = begin(flows, "6")
    call = at_node(flows, "texted", "play")
    restart(flows)
    at_node(flows, "texted")
    flows.outside.press(caller, "1")
    told = story(flows)
    assert told.id == call.id
    assert [(note.kind, note.value) for note in told.notes] == [(NoteKind.SMS, f"+86{CALLER}")]
    steps = {step.node: step.exit for step in told.path}
    assert (steps["text"], steps["texted"]) == ("next", "key:1")
    tenant, _ = open_two_tenants(database)
    assert tenant == TENANT
    SmsShipper(flows.cell.settings.sms_dir, database, Meters.make(CollectorRegistry())).step()
    with database.transaction(TENANT, read_only=True) as session:
        rows = [row for row in session.scalars(select(SmsMessage)) if row.call_id == call.id]
    assert [(row.mobile, row.text, row.state) for row in rows] == [
        (f"+86{CALLER}", "Order", SmsState.WAITING)
    ]


# --- requests --------------------------------------------------------------------------------------------------


def test_an_answer_comes_into_the_flow_cti_i12(flows: Stage, crm: Receiver) -> None:
    caller = begin(flows, "2")
    call = at_node(flows, "known")
    assert call.run is not None
    assert call.run["variables"]["state"] == "sent"
    (got,) = crm.got
    assert msgspec.json.decode(got.body) == {"from": f"+86{CALLER}"}
    assert got.headers["idempotency-key"] == f"{call.id}-r1"
    flows.outside.hang_up(caller)
    flows.cell.wait_no_calls()


def test_a_system_that_does_not_answer_is_waited_for_no_longer_than_said(flows: Stage, crm: Receiver) -> None:
    released = threading.Event()

    def never(got: object) -> int:
        released.wait(20)
        return 200

    crm.status = never
    try:
        caller = begin(flows, "2")
        at_node(flows, "ask", "play")
        call = at_node(flows, "unknown")
    finally:
        released.set()
    assert [step.exit for step in call.path] == ["key:2", "failure:timeout", ""]
    flows.outside.hang_up(caller)
    flows.cell.wait_no_calls()


# --- after a talk ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["phone", "desk", "phone while holding"])
def test_an_agent_hangs_up_and_the_caller_is_asked_cti_i13(flows: Stage, how: str) -> None:
    phone = flows.agent(1)
    caller = to_talk(flows, phone)
    if how == "desk":
        assert flows.cell.command("leg.hangup", 1, account_id=1)["ok"]
    else:
        if how == "phone while holding":
            assert flows.cell.command("leg.hold", 1, account_id=1)["ok"]
            wait_for(lambda: any(c.held and c.step for c in flows.cell.calls()), 5, "no music")
        flows.outside.put_down(phone)
    at_node(flows, "score", "play")
    flows.cell.wait_agent(1, "ready")
    flows.outside.press(caller, "5")
    told = story(flows)
    assert [(note.kind, note.value, note.agent_id) for note in told.notes] == [(NoteKind.SURVEY, "5", 1)]
    assert [(step.node, step.exit) for step in told.path] == [
        ("start", "key:3"),
        ("sales", "after-talk"),
        ("score", "hangup"),
    ]
    assert told.talk_ended_ms > told.talk_started_ms > 0
    assert (told.ended_in, last_record(flows, "customer")["hangup_cause"]) == (
        EndedIn.FLOW,
        "NORMAL_CLEARING",
    )


def test_a_customer_who_hangs_up_first_ends_it_as_ever(flows: Stage) -> None:
    phone = flows.agent(1)
    caller = to_talk(flows, phone)
    flows.outside.hang_up(caller)
    assert not story(flows).notes
    flows.cell.wait_agent(1, "ready")


def test_nobody_lives_when_the_talk_ends_the_caller_is_told_and_let_go(flows: Stage) -> None:
    phone = flows.agent(1)
    caller = to_talk(flows, phone)
    flows.cell.kill("cti", signal.SIGKILL)
    flows.outside.put_down(phone)
    time.sleep(3.0)
    assert flows.outside.alive(caller), "the caller waits for a controller"
    wait_for(lambda: not flows.outside.alive(caller), 60, "nobody lets the caller go")
    assert last_record(flows, "customer")["zj_fallback"] == "true"
    flows.cell.start("cti")
    flows.cell.wait_connected()
    flows.cell.wait_no_calls()
    flows.cell.wait_agent(1, "ready")


def test_who_refuses_is_not_recorded(flows: Stage) -> None:
    phone = flows.agent(1)
    caller = begin(flows, "5")
    at_node(flows, "may", "play")
    flows.outside.press(caller, "2")
    flows.outside.answer(phone)
    flows.cell.wait_call("talking")
    time.sleep(1.0)
    flows.outside.put_down(phone)
    told = story(flows)
    assert [(note.kind, note.value) for note in told.notes] == [(NoteKind.CONSENT, "no")]
    assert not list(flows.cell.settings.recordings_dir.rglob("*.wav"))


# --- other flows -----------------------------------------------------------------------------------------------


def test_another_flow_and_back(flows: Stage) -> None:
    caller = begin(flows, "4")
    at_node(flows, "second", "play")
    flows.outside.press(caller, "2")
    call = at_node(flows, "start", "play")
    assert [(step.flow_id, step.node) for step in call.path] == [
        (10, "start"),
        (10, "other"),
        (11, "second"),
        (11, "back"),
        (10, "start"),
    ]
    flows.cell.wait_told(call)
    flows.outside.hang_up(caller)
    assert len(story(flows).path) == 5


# --- a controller that dies ------------------------------------------------------------------------------------


def test_a_killed_controller_loses_no_message_r1(flows: Stage) -> None:
    caller = begin(flows, "1")
    call = at_node(flows, "mail", "record")
    flows.cell.wait_told(call)
    restart(flows)
    assert at_node(flows, "mail", "record").id == call.id
    time.sleep(1.0)
    flows.outside.press(caller, "#")
    path = message(flows, story(flows))
    assert length_s(path) > 1.0
    if isinstance(flows.outside, RealOutside):
        assert loudness(path, RealOutside.CALLER_HZ) > -45


def test_a_killed_controller_answers_for_the_request_it_made_r1(flows: Stage, crm: Receiver) -> None:
    released = threading.Event()
    crm.status = lambda got: 200 if released.wait(20) else 500
    try:
        caller = begin(flows, "2")
        wait_for(lambda: crm.got, 10, "no request")
        restart(flows)
        call = at_node(flows, "unknown")
    finally:
        released.set()
    assert [step.exit for step in call.path] == ["key:2", "failure:lost", ""], flows.cell.tail("cti")
    assert len(crm.got) == 1, "a request whose fate is unknown is not made again"
    flows.outside.hang_up(caller)
    flows.cell.wait_no_calls()


@pytest.mark.parametrize("when", ["during the talk", "during the question"])
def test_a_killed_controller_asks_all_the_same_r1(flows: Stage, when: str) -> None:
    phone = flows.agent(1)
    caller = to_talk(flows, phone)
    if when == "during the talk":
        flows.cell.kill("cti", signal.SIGKILL)
        flows.outside.put_down(phone)
        time.sleep(0.5)
        flows.cell.start("cti")
        flows.cell.wait_connected()
    else:
        flows.outside.put_down(phone)
        at_node(flows, "score", "play")
        restart(flows)
    at_node(flows, "score")
    assert flows.outside.alive(caller)
    flows.outside.press(caller, "1")
    told = story(flows)
    assert [(note.kind, note.value) for note in told.notes] == [(NoteKind.SURVEY, "1")]
    flows.cell.wait_agent(1, "ready")


def test_a_killed_controller_goes_on_in_the_second_flow_r1(flows: Stage) -> None:
    caller = begin(flows, "4")
    at_node(flows, "second", "play")
    restart(flows)
    flows.outside.press(caller, "1")
    call = at_node(flows, "last", "play")
    assert [(step.flow_id, step.node) for step in call.path][-2:] == [(11, "second"), (11, "last")]
    flows.outside.hang_up(caller)
    flows.cell.wait_no_calls()


# --- keys ------------------------------------------------------------------------------------------------------


def watching(stage: Stage) -> Driver:
    """Return the switch's own events about keys and prompts."""
    settings = stage.cell.settings
    events = "DTMF PLAYBACK_START PLAYBACK_STOP"
    return Driver(settings.switch_port, settings.effective_switch_password, events)


def stamp(event: dict[str, str]) -> float:
    """Return when something happened, by the switch's clock."""
    return int(event["Event-Date-Timestamp"]) / 1e6


def test_a_key_stops_the_prompt_within_a_quarter_of_a_second(flows: Stage) -> None:
    took = []
    watcher = watching(flows)
    try:
        for _ in range(5):
            caller = begin(flows)
            time.sleep(0.4)
            after = len(watcher.events)
            with clock.Witness() as witness:
                flows.outside.press(caller, "4")
                key = watcher.wait_for("DTMF", after=after)
                stop = watcher.wait_for("PLAYBACK_STOP", key["Unique-ID"], after=after)
            took.append(witness.worked_s(stamp(key), stamp(stop)))
            flows.outside.hang_up(caller)
            flows.cell.wait_no_calls()
    finally:
        watcher.close()
    assert max(took) < KEY_LIMIT_S, took


@pytest.mark.only_on("freeswitch")
@pytest.mark.parametrize("way", ["rfc2833", "info"])
def test_keys_reach_a_menu_by_rfc_2833_and_by_sip_info(flows: Stage, way: str) -> None:
    """By SIP, which the simulator has none of."""
    assert isinstance(flows.outside, RealOutside)
    caller = flows.outside.world.call(NUMBER, CALLER, RealOutside.CALLER_HZ, keys=way)
    begin(flows, "4", outside=caller)
    at_node(flows, "second", "play")
    flows.outside.press(caller, "1")
    call = at_node(flows, "last")
    assert [step.keys for step in call.path] == ["4", "", "1", ""]
    flows.outside.hang_up(caller)
    flows.cell.wait_no_calls()
