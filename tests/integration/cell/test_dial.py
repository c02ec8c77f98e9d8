"""Click-to-call through a whole cell, on the simulator and on a real FreeSWITCH (CTI-E5, CTI-C2, ACC-13)."""

from __future__ import annotations

import signal
import time
import uuid
from typing import Any

import msgspec
import pytest

from core import keys
from core.documents import ExtensionDoc, TenantDoc, TrunkDoc
from cti.controller.trunks import Standing, TrunkState
from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import last_record
from tests.support.cell import TENANT, newest, wait_for
from tests.support.outside import RealOutside
from tests.support.world import loudness

TO, DIALLED = "+8613900139000", "13900139000"
SHOWN, SHOWN_NATIONAL = "+861012345678", "01012345678"
TRUNK = 4
SECOND_BYTES = 8000 * 2 * 2


@pytest.fixture
def line(stage: Stage) -> Stage:
    """A cell whose agents may call out by one trunk."""
    host, port = stage.outside.trunk("carrier1")
    made: dict[str, Any] = {"tenant_id": TENANT, "version": newest()}
    stage.cell.publish_now(
        TenantDoc(
            **made,
            id=TENANT,
            code="demo",
            name="Demo",
            active=True,
            caller_ids={SHOWN: 0},
            outbound_trunk_id=TRUNK,
        ),
        TrunkDoc(id=TRUNK, tenant_id=0, version=1, code="carrier1", host=host, port=port),
        *(
            ExtensionDoc(
                **made,
                id=n,
                number=f"80{n}",
                web_user=f"w80{n}",
                sip_user=f"s80{n}",
                outbound_allowed=n != 3,
                account_ids=(n,),
            )
            for n in (1, 2, 3)
        ),
    )
    wait_for(lambda: trunk_is_ready(stage), 20, stage.cell.tail("cti"))
    for folder in (stage.cell.settings.facts_dir, stage.cell.settings.recordings_dir / str(TENANT)):
        for path in folder.glob("*.*"):
            path.unlink()
    return stage


def trunk_is_ready(stage: Stage) -> bool:
    """Return whether the switch has the trunk."""
    data = stage.cell.redis.hget(keys.trunks(stage.cell.settings.cell), TRUNK)
    return data is not None and msgspec.json.decode(data, type=Standing).state is TrunkState.READY


def dial(stage: Stage, account: int = 1, to: str = TO, key: str = "") -> dict[str, Any]:
    """Have an agent dial."""
    return stage.cell.command("dial", account, account_id=account, to=to, key=key or str(uuid.uuid4()))


def begin(stage: Stage) -> str:
    """Have agent 1 dial; returns the call's id."""
    result = dial(stage)
    assert result["ok"], result
    return str(result["call_id"])


def to_ringing(stage: Stage, phone: str) -> tuple[str, str]:
    """Dial, answer the agent's own leg, and wait until the called party rings; returns call and called party."""
    call_id = begin(stage)
    stage.outside.answer(phone)
    called = stage.outside.called(DIALLED)
    assert stage.cell.wait_call("dialling").id == call_id
    return call_id, called


def to_talk(stage: Stage, phone: str) -> tuple[str, str]:
    """Dial and have both answer; returns call and called party."""
    call_id, called = to_ringing(stage, phone)
    stage.outside.pick_up(called)
    assert stage.cell.wait_call("talking").id == call_id
    stage.cell.wait_agent(1, "talking")
    return call_id, called


def is_recorded(stage: Stage) -> bool:
    """Return whether a recording will stay: one without sound the real switch takes away at its end."""
    sizes = [path.stat().st_size for path in stage.cell.settings.recordings_dir.rglob("*.wav")]
    return sum(sizes) > SECOND_BYTES if isinstance(stage.outside, RealOutside) else bool(sizes)


def fact(stage: Stage, call_id: str) -> dict[str, Any]:
    """Wait for the fact the controller leaves of a call."""
    path = stage.cell.settings.facts_dir / f"{call_id}.json"
    wait_for(path.exists, 10, "no fact")
    found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return found


def customer_records(stage: Stage, call_id: str) -> list[dict[str, str]]:
    """Return the switch's records of the called party's legs of a call."""
    variables = [record["variables"] for record in stage.cell.records()]
    return [v for v in variables if v.get("zj_leg") == "customer" and v.get("zj_call") == call_id]


def test_a_whole_call(line: Stage) -> None:
    phone = line.agent(1)
    call_id, called = to_talk(line, phone)
    call = line.cell.wait_call("talking")
    assert (call.direction, call.called, call.caller_id, call.trunk_code) == ("out", TO, SHOWN, "carrier1")
    types = [event.type for event in line.cell.read_events() if event.type.startswith("call.")]
    assert types[:3] == ["call.offered", "call.dialling", "call.talking"]
    offered = next(event for event in line.cell.events if event.type == "call.offered")
    assert (offered.data["direction"], offered.data["called"]) == ("out", TO)
    if isinstance(line.outside, RealOutside):
        world = line.outside.world
        row = next(leg for leg in world.legs() if leg["uuid"] == called)
        assert (row["initial_dest"], row["initial_cid_num"]) == (DIALLED, SHOWN_NATIONAL)
    line.outside.hears(called, RealOutside.AGENT_HZ)
    line.outside.hears(phone, RealOutside.CALLER_HZ)
    time.sleep(1.0)
    line.outside.hang_up(called)
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")
    assert last_record(line, "customer")["hangup_cause"] == "NORMAL_CLEARING"
    assert len(customer_records(line, call_id)) == 1
    recordings = list(line.cell.settings.recordings_dir.rglob("*.wav"))
    assert [path.name for path in recordings] == [f"{call_id}-1.wav"]
    if isinstance(line.outside, RealOutside):
        assert loudness(recordings[0], RealOutside.CALLER_HZ, 0) > -45, "left is the customer"
        assert loudness(recordings[0], RealOutside.AGENT_HZ, 1) > -45, "right is the agent"
    assert not list(line.cell.settings.facts_dir.glob("*.json"))


def test_the_agent_ends_the_talk(line: Stage) -> None:
    phone = line.agent(1)
    _, called = to_talk(line, phone)
    assert line.cell.command("leg.hangup", 1, account_id=1)["ok"]
    wait_for(lambda: not line.outside.alive(called), 10, "the called party is left alone on the line")
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")


def test_hold_and_back(line: Stage) -> None:
    phone = line.agent(1)
    _, called = to_talk(line, phone)
    assert line.cell.command("leg.hold", 1, account_id=1)["ok"]
    wait_for(lambda: any(c.held and c.step for c in line.cell.calls()), 5, "no music")
    line.outside.hears(called, silent=RealOutside.AGENT_HZ)
    assert line.outside.alive(called)
    assert line.cell.command("leg.unhold", 1, account_id=1)["ok"]
    wait_for(lambda: not any(c.held for c in line.cell.calls()), 5, "still held")
    line.outside.hears(called, RealOutside.AGENT_HZ)
    line.outside.put_down(phone)
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")


@pytest.mark.parametrize("cause", ["USER_BUSY", "CALL_REJECTED", "UNALLOCATED_NUMBER", "NO_ANSWER"])
def test_a_called_party_who_is_not_reached(line: Stage, cause: str) -> None:
    phone = line.agent(1)
    call_id, called = to_ringing(line, phone)
    line.outside.refuse(called, cause)
    line.cell.wait_call("failed")
    failed = wait_for(
        lambda: [event for event in line.cell.read_events() if event.type == "call.failed"], 5, "no word"
    )
    said = cause if cause != "NO_ANSWER" or not isinstance(line.outside, RealOutside) else None
    assert said is None or failed[-1].data["cause"] == said
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")
    records = customer_records(line, call_id)
    assert [record["hangup_cause"] for record in records] == [failed[-1].data["cause"]]
    assert not list(line.cell.settings.facts_dir.glob("*.json")), "the switch's record tells it all"


def test_early_media_is_heard_and_is_no_answer(line: Stage) -> None:
    phone = line.agent(1)
    call_id, called = to_ringing(line, phone)
    line.outside.announce(called)
    time.sleep(0.7)
    line.outside.hears(phone, RealOutside.NETWORK_HZ)
    assert [call.phase for call in line.cell.calls()] == ["dialling"]
    line.outside.refuse(called, "USER_BUSY")
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")
    (record,) = customer_records(line, call_id)
    assert (record["hangup_cause"], record["answer_uepoch"]) == ("USER_BUSY", "0")
    assert not list(line.cell.settings.recordings_dir.rglob("*.wav")), (
        "what was no conversation is not recorded"
    )


def test_an_answer_after_early_media_is_a_conversation(line: Stage) -> None:
    phone = line.agent(1)
    call_id, called = to_ringing(line, phone)
    line.outside.announce(called)
    time.sleep(0.5)
    line.outside.pick_up(called)
    assert line.cell.wait_call("talking").id == call_id
    line.outside.hears(phone, RealOutside.CALLER_HZ)
    line.outside.hang_up(called)
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")


def test_a_trunk_that_is_not_there_leaves_a_record(line: Stage) -> None:
    tenant = line.cell.published("tenant", TENANT)
    line.cell.publish_now(
        msgspec.structs.replace(tenant, outbound_trunk_id=5, version=newest()),
        TrunkDoc(id=5, tenant_id=0, version=1, code="nowhere"),
    )
    try:
        phone = line.agent(1)
        call_id = begin(line)
        line.outside.answer(phone)
        line.cell.wait_no_calls()
        line.cell.wait_agent(1, "ready")
        left = fact(line, call_id)
        assert left["undialled"] is True
        assert (left["call"]["cause"], left["call"]["ended_in"]) == ("INVALID_GATEWAY", "called")
        assert customer_records(line, call_id) == []
    finally:
        line.cell.publish_now(msgspec.structs.replace(tenant, version=newest()))


def test_an_agent_who_does_not_pick_up(line: Stage) -> None:
    phone = line.agent(1)
    call_id = begin(line)
    line.outside.ringing(phone)
    line.outside.put_down(phone)
    line.cell.wait_no_calls()
    assert line.cell.wait_agent(1, "ready")["missed_in_a_row"] == 0
    left = fact(line, call_id)
    assert (left["undialled"], left["call"]["ended_in"]) == (True, "offer")
    assert customer_records(line, call_id) == []


def test_the_agent_gives_up_while_it_rings(line: Stage) -> None:
    phone = line.agent(1)
    call_id, called = to_ringing(line, phone)
    assert line.cell.command("leg.hangup", 1, account_id=1)["ok"]
    wait_for(lambda: not line.outside.alive(called), 10, "the called party rings on")
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")
    (record,) = customer_records(line, call_id)
    assert record["hangup_cause"] == "ORIGINATOR_CANCEL"


def test_one_key_is_one_call_and_two_keys_are_not_two(line: Stage) -> None:
    phone = line.agent(1)
    key = str(uuid.uuid4())
    first = dial(line, key=key)
    again = dial(line, key=key)
    assert first["ok"]
    assert again == first
    assert dial(line) == {"ok": False, "error": "not-ready", "detail": "ringing"}
    line.outside.ringing(phone)
    line.outside.put_down(phone)
    line.cell.wait_no_calls()
    assert dial(line, key=key) == first, "over, and still the same call"
    assert not line.cell.calls()


@pytest.mark.parametrize(
    ("to", "error", "detail"),
    [
        ("110", "number-refused", "emergency"),
        ("+8616812345", "number-refused", "premium"),
        ("+16502530000", "number-refused", "country"),
        ("138;x", "number-refused", "not-a-number"),
    ],
)
def test_refused_numbers_ring_nobody(line: Stage, to: str, error: str, detail: str) -> None:
    line.agent(1)
    assert dial(line, to=to) == {"ok": False, "error": error, "detail": detail}
    assert not line.cell.calls()


def test_who_may_not_call(line: Stage) -> None:
    assert dial(line)["error"] == "not-signed-in"
    line.cell.sign_in(3, endpoint="sip")
    assert dial(line, 3)["error"] == "outbound-not-allowed"
    line.cell.sign_in(2, endpoint="sip")
    line.outside.vanish("s802")
    wait_for(lambda: not line.cell.agent(2)["registered"], 10, "the phone stays")
    assert dial(line, 2) == {"ok": False, "error": "not-ready", "detail": "phone-away"}


def test_a_dial_meets_no_queue_call(line: Stage) -> None:
    phone = line.agent(1)
    call_id, called = to_ringing(line, phone)
    caller = line.outside.call("4008001000", "13800138000")
    wait_for(lambda: any(c.phase == "flow" and c.step for c in line.cell.calls()), 10, "no prompt")
    time.sleep(0.5)
    line.outside.press(caller, "1")
    line.cell.wait_call("waiting")
    time.sleep(0.5)
    assert line.cell.agent(1)["call_id"] == call_id
    line.outside.refuse(called, "USER_BUSY")
    line.outside.answer(phone)
    assert line.cell.wait_call("talking").direction == "in"
    line.outside.hang_up(caller)
    line.cell.wait_no_calls()


@pytest.mark.parametrize("phase", ["calling", "dialling", "talking", "failed"])
@pytest.mark.parametrize("emptied", [False, True])
def test_killing_the_controller_loses_nothing(line: Stage, phase: str, emptied: bool) -> None:
    phone = line.agent(1)
    if phase == "calling":
        call_id, called = begin(line), ""
        line.outside.ringing(phone)
    elif phase == "talking":
        call_id, called = to_talk(line, phone)
    else:
        call_id, called = to_ringing(line, phone)
    line.cell.kill("cti", signal.SIGKILL)
    if emptied:
        line.cell.redis.flushall()
        line.cell.publish_again()
    if phase == "failed":
        line.outside.refuse(called, "USER_BUSY")
    line.cell.start("cti")
    line.cell.wait_connected()
    if phase == "calling":
        line.outside.answer(phone)
        called = line.outside.called(DIALLED)
    if phase in ("calling", "dialling"):
        line.outside.pick_up(called)
    if phase != "failed":
        assert line.cell.wait_call("talking").id == call_id
        line.cell.wait_agent(1, "talking")
        assert line.outside.alive(called)
        wait_for(lambda: is_recorded(line), 15, "it is not recorded")
        line.outside.hang_up(called)
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")
    line.cell.wait_no_legs()
    assert len(customer_records(line, call_id)) == 1, "the outside was called once"
    assert not line.outside.alive(called)
    recordings = [path.name for path in line.cell.settings.recordings_dir.rglob("*.wav")]
    assert recordings == ([] if phase == "failed" else [f"{call_id}-1.wav"])


def test_an_answer_while_no_controller_runs(line: Stage) -> None:
    phone = line.agent(1)
    call_id, called = to_ringing(line, phone)
    line.cell.kill("cti", signal.SIGKILL)
    line.outside.pick_up(called)
    time.sleep(0.5)
    line.outside.hears(phone, RealOutside.CALLER_HZ)  # the switch connects without us
    line.cell.start("cti")
    line.cell.wait_connected()
    assert line.cell.wait_call("talking").id == call_id
    line.cell.wait_agent(1, "talking")
    line.outside.put_down(phone)
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")


def test_an_end_while_no_controller_runs_is_recorded_once(line: Stage) -> None:
    phone = line.agent(1)
    call_id = begin(line)
    line.outside.ringing(phone)
    line.cell.kill("cti", signal.SIGKILL)
    line.outside.put_down(phone)
    time.sleep(0.3)
    line.cell.start("cti")
    line.cell.wait_connected()
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")
    assert fact(line, call_id)["undialled"] is True


def to_phase(stage: Stage, phone: str, phase: str) -> tuple[str, str]:
    """Dial until a phase; returns call and called party (none while the agent's own leg rings)."""
    if phase == "calling":
        call_id = begin(stage)
        stage.outside.ringing(phone)
        return call_id, ""
    return to_talk(stage, phone) if phase == "talking" else to_ringing(stage, phone)


def go_on_and_end(stage: Stage, phone: str, phase: str, called: str) -> None:
    """Bring the call from a phase into a talk and end it at the far side."""
    if phase == "calling":
        stage.outside.answer(phone)
        called = stage.outside.called(DIALLED)
    if phase != "talking":
        stage.outside.pick_up(called)
    time.sleep(1.5)
    assert stage.outside.alive(called)
    stage.outside.hears(phone, RealOutside.CALLER_HZ)
    stage.outside.hang_up(called)


def is_over_once(stage: Stage, call_id: str) -> None:
    """One record, nobody left over."""
    stage.cell.wait_no_calls(20)
    stage.cell.wait_agent(1, "ready")
    stage.cell.wait_no_legs()
    assert len(customer_records(stage, call_id)) == 1
    assert [path.name for path in stage.cell.settings.recordings_dir.rglob("*.wav")] == [f"{call_id}-1.wav"]


@pytest.mark.parametrize("phase", ["calling", "dialling", "talking"])
def test_an_emptied_redis_is_rebuilt(line: Stage, phase: str) -> None:
    phone = line.agent(1)
    call_id, called = to_phase(line, phone, phase)
    line.cell.redis.flushall()
    wait_for(lambda: [c.id for c in line.cell.calls()] == [call_id], 10, "the call is not written again")
    line.cell.publish_again()
    go_on_and_end(line, phone, phase, called)
    is_over_once(line, call_id)


@pytest.mark.parametrize("phase", ["calling", "dialling", "talking"])
def test_a_frozen_redis_holds_no_call_up(line: Stage, phase: str) -> None:
    phone = line.agent(1)
    call_id, called = to_phase(line, phone, phase)
    server = line.cell.redis_server.process
    assert server is not None
    server.send_signal(signal.SIGSTOP)
    try:
        go_on_and_end(line, phone, phase, called)
        time.sleep(1.0)
    finally:
        server.send_signal(signal.SIGCONT)
    is_over_once(line, call_id)
