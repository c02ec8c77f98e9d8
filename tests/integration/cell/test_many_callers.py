"""Many callers at once in one flow: each goes the way of their own keys, on both switches alike (CTI-I5 to I13, R4)."""

from __future__ import annotations

import time
from collections import Counter

import msgspec
import pytest

from core.documents import FlowDoc, RouteDoc
from cti.call.model import Call
from cti.records import cdr
from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_flow_commands import LONG, TEXT, menu
from tests.support.cell import TENANT, newest, wait_for
from tests.support.outside import RealOutside

NUMBER = "4008004000"
SIMULATED, REAL = 200, 50
APART_S = {SIMULATED: 0.06, REAL: 0.2}
HANGS_UP = ""
WAYS: dict[str, list[tuple[str, str]]] = {
    "11234": [("start", "1"), ("code", "1234"), ("which", ""), ("right", ""), ("bye", "")],
    "199991": [("start", "1"), ("code", "9999"), ("which", ""), ("again", "1"), ("bye", "")],
    "92": [("start", "92"), ("bye", "")],
    HANGS_UP: [("start", "")],
}
"""Keys a caller presses, and the nodes they go through with the keys each used up."""


def documents() -> list[FlowDoc | RouteDoc]:
    """Return a flow with a menu, digits and a branch, and its route."""
    nodes = [
        menu("start", {"1": "code", "2": "bye"}, LONG),
        {
            "type": "collect",
            "code": "code",
            "name": "Code",
            "prompts": TEXT,
            "variable": "pin",
            "minimum": 4,
            "maximum": 4,
            "next": "which",
            "failure": "bye",
        },
        {
            "type": "branch",
            "code": "which",
            "name": "Which",
            "cases": [{"variable": "pin", "operator": "equals", "value": "1234", "target": "right"}],
            "otherwise": "again",
        },
        {"type": "playback", "code": "right", "name": "Right", "prompts": TEXT, "next": "bye"},
        menu("again", {"1": "bye"}),
        {"type": "hangup", "code": "bye", "name": "Bye"},
    ]
    body = {"name": "Many", "entry": "start", "variables": [{"name": "pin"}], "nodes": nodes}
    raw = msgspec.Raw(msgspec.json.encode(body))
    route = RouteDoc(
        id=16,
        tenant_id=TENANT,
        version=newest(),
        code="many",
        number=NUMBER,
        concurrency=500,
        destination_id=20,
    )
    return [FlowDoc(id=20, tenant_id=TENANT, version=newest(), name="Many", body=raw), route]


def told(stage: Stage) -> list[Call]:
    """Return the calls of this number as the switch's records tell them."""
    stories = [cdr.parse(path.read_bytes()).story for path in stage.cell.settings.cdr_dir.glob("*.cdr.json")]
    return [story for story in stories if story is not None and story.called.endswith(NUMBER)]


@pytest.mark.timeout(180)
def test_each_caller_goes_their_own_way(stage: Stage) -> None:
    stage.cell.publish_now(*documents())
    count = REAL if isinstance(stage.outside, RealOutside) else SIMULATED
    ways = list(WAYS)
    callers = {f"1380013{number:04d}": ways[number % len(ways)] for number in range(count)}
    legs = {}
    for caller in callers:
        legs[caller] = stage.outside.call(NUMBER, caller)
        time.sleep(APART_S[count])
    wait_for(
        lambda: sum(bool(call.path and call.step) for call in stage.cell.calls()) == count,
        40,
        f"not everybody is in the menu: {Counter(call.phase for call in stage.cell.calls())}",
    )
    for call in stage.cell.calls():
        stage.cell.wait_told(call)
    for caller, keys in callers.items():
        if keys == HANGS_UP:
            stage.outside.hang_up(legs[caller])
        else:
            stage.outside.press(legs[caller], keys)
    stage.cell.wait_no_calls(60)
    calls = wait_for(lambda: found if len(found := told(stage)) >= count else None, 20, "records are missing")
    assert calls is not None
    gone = {call.caller.removeprefix("+86"): [(step.node, step.keys) for step in call.path] for call in calls}
    assert gone == {caller: WAYS[keys] for caller, keys in callers.items()}
    stage.cell.wait_no_legs()
