"""A flow puts its caller through to the number they typed (CTI-I7, CTI-E5), on the simulator and a real FreeSWITCH."""

from __future__ import annotations

import signal
import time
from typing import Any

import msgspec
import pytest

from core import keys
from core.documents import FlowDoc, RouteDoc
from cti.call.model import Call
from cti.limits import Direction
from ivr.messages import NoteKind
from tests.integration.cell import landline
from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import last_record
from tests.integration.cell.test_dial import DIALLED, SHOWN_NATIONAL, TO, TRUNK, line
from tests.integration.cell.test_flow_commands import at_node
from tests.support.cell import TENANT, newest, wait_for
from tests.support.outside import RealOutside
from tests.support.world import loudness

__all__ = ["line"]

NUMBER, CALLER = "4008005000", "13800138000"
TEXT = [{"kind": "text", "text": "请按键"}]


@pytest.fixture
def flow(line: Stage) -> Stage:
    """A cell whose number leads to whatever its callers type, one of them at a time."""
    nodes: list[dict[str, Any]] = [
        {
            "type": "collect",
            "code": "type",
            "name": "Type",
            "prompts": TEXT,
            "variable": "number",
            "minimum": 1,
            "maximum": 20,
            "next": "out",
            "failure": "bye",
        },
        {
            "type": "transfer",
            "code": "out",
            "name": "Out",
            "to": "variable",
            "variable": "number",
            "allow_outside": True,
            "outside_limit": 1,
            "background": [{"kind": "text", "text": "正在为您接通，请稍候。"}],
            "failure": "mail",
            "after_talk": "score",
        },
        {"type": "voicemail", "code": "mail", "name": "Mail", "prompts": TEXT, "silence_s": 0},
        {
            "type": "survey",
            "code": "score",
            "name": "Score",
            "prompts": TEXT,
            "keys": ["1"],
            "timeout_s": 30,
        },
        {"type": "hangup", "code": "bye", "name": "Bye"},
    ]
    body = {"name": "Out", "entry": "type", "variables": [{"name": "number"}], "nodes": nodes}
    line.cell.publish_now(
        FlowDoc(
            id=21,
            tenant_id=TENANT,
            version=newest(),
            name="Out",
            body=msgspec.Raw(msgspec.json.encode(body)),
        ),
        RouteDoc(
            id=25,
            tenant_id=TENANT,
            version=newest(),
            code="outside",
            number=NUMBER,
            concurrency=50,
            destination_id=21,
        ),
    )
    return line


def ringing(stage: Stage) -> tuple[str, str]:
    """Have a caller type the number; returns caller and called party, who rings."""
    caller = stage.outside.call(NUMBER, CALLER)
    at_node(stage, "type")
    stage.outside.press(caller, f"{DIALLED}#")
    return caller, stage.outside.called(DIALLED)


def talking(stage: Stage) -> tuple[str, str]:
    """Have the two talk."""
    caller, called = ringing(stage)
    stage.outside.pick_up(called)
    wait_for(lambda: [c for c in stage.cell.calls() if c.outside and c.outside.talk_ms], 10, "no talk")
    return caller, called


def the_call(stage: Stage) -> Call:
    """Return the one call that is up."""
    (call,) = stage.cell.calls()
    return call


def places(stage: Stage) -> int:
    """Return how many legs hold places of the trunk and of the flow."""
    redis = stage.cell.redis
    trunk = redis.hlen(keys.trunk_calls(TRUNK, Direction.OUT.value))
    return int(trunk) + int(redis.hlen(keys.flow_outside(TENANT, 21)))


def test_a_whole_call(flow: Stage) -> None:
    caller, called = ringing(flow)
    outside = flow.outside
    if isinstance(outside, RealOutside):
        heard = outside.world.listen(caller, 1.5)
        assert max(loudness(heard, hz) for hz in range(150, 900, 25)) > -50, "no background"
        row = next(leg for leg in outside.world.legs() if leg["uuid"] == called)
        assert (row["initial_dest"], row["initial_cid_num"]) == (DIALLED, SHOWN_NATIONAL)
    assert places(flow) == 2
    outside.pick_up(called)
    wait_for(lambda: the_call(flow).outside.talk_ms, 10, "no talk")  # type: ignore[union-attr]
    outside.hears(called, RealOutside.CALLER_HZ)
    outside.hears(caller, RealOutside.CALLER_HZ)
    time.sleep(1.0)
    outside.hang_up(called)
    call = at_node(flow, "score")
    assert places(flow) == 0
    outside.press(caller, "1")
    flow.cell.wait_no_calls()
    kinds = [(note.kind, note.value) for note in call.notes]
    assert kinds == [(NoteKind.OUTSIDE, TO)]
    recordings = list(flow.cell.settings.recordings_dir.rglob("*.wav"))
    assert [path.name for path in recordings] == [f"{call.id}-1.wav"]
    assert last_record(flow, "outside")["hangup_cause"] == "NORMAL_CLEARING"


@pytest.mark.parametrize(("cause", "reason"), [("USER_BUSY", "busy"), ("CALL_REJECTED", "declined")])
def test_who_is_not_reached_is_told_apart(flow: Stage, cause: str, reason: str) -> None:
    caller, called = ringing(flow)
    flow.outside.refuse(called, cause)
    call = at_node(flow, "mail")
    assert [step.exit for step in call.path if step.node == "out"] == [f"failure:{reason}"]
    assert places(flow) == 0
    flow.outside.hang_up(caller)
    flow.cell.wait_no_calls()


def test_the_caller_hangs_up_and_nobody_is_left_ringing_or_talking(flow: Stage) -> None:
    for begin in (ringing, talking):
        caller, called = begin(flow)
        flow.outside.hang_up(caller)
        wait_for(lambda: not flow.outside.alive(called), 10, "the called party is left alone")  # noqa: B023
        flow.cell.wait_no_calls()
        wait_for(lambda: places(flow) == 0, 5, "places are kept")


def test_a_second_caller_of_the_flow_finds_its_share_taken_and_rules_hold(flow: Stage) -> None:
    first, _ = talking(flow)
    second = flow.outside.call(NUMBER, "13800138001")
    at_node(flow, "type")
    flow.outside.press(second, f"{DIALLED}#")
    call = at_node(flow, "mail")
    assert [step.exit for step in call.path if step.node == "out"] == ["failure:full"]
    flow.outside.hang_up(second)
    flow.outside.hang_up(first)
    flow.cell.wait_no_calls()
    third = flow.outside.call(NUMBER, CALLER)
    at_node(flow, "type")
    flow.outside.press(third, "110#")
    call = at_node(flow, "mail")
    assert [step.exit for step in call.path if step.node == "out"] == ["failure:not_allowed"]
    flow.outside.hang_up(third)
    flow.cell.wait_no_calls()


@pytest.mark.only_on("freeswitch")
def test_a_killed_controller_harms_neither_ringing_nor_talk(flow: Stage) -> None:
    """What outlives the controller is the real switch's doing."""
    caller, called = ringing(flow)
    flow.cell.kill("cti", signal.SIGKILL)
    flow.outside.pick_up(called)
    time.sleep(0.5)
    assert flow.outside.alive(caller)
    flow.cell.start("cti")
    flow.cell.wait_connected()
    wait_for(lambda: [c for c in flow.cell.calls() if c.outside and c.outside.talk_ms], 10, "not taken up")
    flow.cell.kill("cti", signal.SIGKILL)
    flow.outside.hang_up(called)
    flow.cell.start("cti")
    flow.cell.wait_connected()
    at_node(flow, "score")
    wait_for(lambda: places(flow) == 0, 25, "places are kept")
    flow.outside.hang_up(caller)
    flow.cell.wait_no_calls()


@pytest.mark.only_on("freeswitch")
def test_what_a_callers_invitation_carries_reaches_no_outside_number(flow: Stage) -> None:
    """Headers of one party's signalling are nobody else's; the switch copies them unless told not to."""
    assert isinstance(flow.outside, RealOutside)
    world = flow.outside.world
    caller = world.call(NUMBER, CALLER, RealOutside.CALLER_HZ, header=("X-Zongji-Auto-Answer", "true"))
    at_node(flow, "type")
    assert flow.cell.switch_variable(flow.cell.calls()[0].id, "sip_h_X-Zongji-Auto-Answer") == "true"
    flow.outside.press(caller, f"{TO}#")
    called = flow.outside.called(DIALLED)
    assert "_undef_" in world.api(f"uuid_getvar {called} sip_h_X-Zongji-Auto-Answer")
    flow.outside.hang_up(caller)
    flow.cell.wait_no_calls()


def test_cti_e3_a_landline_takes_a_queues_call_over_dead_controllers(stage: Stage) -> None:
    """Killed while the landline rings and in the talk; the two hear each other, and the place is given back."""
    open_stage = landline.open_line(stage)
    open_stage.cell.sign_in(1, endpoint="landline")
    caller = landline.queued(open_stage)
    phone = stage.outside.called(landline.RINGS)
    if isinstance(stage.outside, RealOutside):
        row = next(leg for leg in stage.outside.world.legs() if leg["uuid"] == phone)
        shown = (row["initial_dest"], row["initial_cid_num"])
        assert shown == (landline.RINGS, SHOWN_NATIONAL), "never the customer's own number"
    stage.cell.wait_call("offering")
    stage.cell.restart("cti")
    stage.cell.wait_connected()
    stage.outside.pick_up(phone, as_agent=True)
    stage.cell.wait_agent(1, "talking")
    stage.outside.hears(caller, RealOutside.AGENT_HZ)
    assert landline.trunk_places(stage) == 1
    stage.cell.restart("cti")
    stage.cell.wait_connected()
    stage.cell.wait_agent(1, "talking")
    stage.outside.hears(phone, RealOutside.CALLER_HZ)
    stage.outside.hang_up(phone)
    stage.cell.wait_no_calls()
    stage.cell.wait_agent(1, "ready")
    wait_for(lambda: landline.trunk_places(stage) == 0, 10, "a place stays taken")


def test_cti_e3_an_unregistered_phone_forwards_and_a_key_takes_the_call(stage: Stage) -> None:
    landline.open_line(stage)
    stage.cell.publish_now(landline.extension(forward_when_offline=True, press_to_take=True))
    stage.outside.vanish("s801")
    stage.cell.sign_in(1, endpoint="sip")
    wait_for(lambda: stage.cell.agent(1)["by_number"], 20, "a registration stays")
    caller = landline.queued(stage)
    phone = stage.outside.called(landline.RINGS)
    stage.outside.pick_up(phone, as_agent=True)
    landline.press_until_taken(stage, phone)
    stage.outside.hears(caller, RealOutside.AGENT_HZ)
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    stage.outside.register("s801")
