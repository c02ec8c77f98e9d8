"""The desk of an agent who may not see numbers in full: calls stand for numbers (ACC-14)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from core.models import Account
from core.permissions import ROLE_PERMISSIONS, BuiltInRole, Permission, encode
from cti.acd.agents import AgentState
from tests.unit.agent_desktop.conftest import World
from tests.unit.agent_desktop.test_state import LEG, add_record, put_call, state

CALLER = "+8613800138000"
MASKED = "138****8000"


@pytest.fixture
def narrow(world: World) -> World:
    """The world whose Anna has an agent's rights but the numbers'."""
    with world.parts.database.transaction(world.ids["one"]) as session:
        anna = session.get_one(Account, world.ids["anna"])
        anna.apply_role = False
        anna.permissions = encode(ROLE_PERMISSIONS[BuiltInRole.AGENT] - {Permission.NUMBERS_FULL})
        session.commit()
    world.parts.sessions.changed()
    return world


def dial(client: FlaskClient, **body: str) -> tuple[int, str]:
    answer = client.post("/desk/api/dial", json={"key": "k" * 16, **body})
    return answer.status_code, answer.get_data(as_text=True)


def test_acc_14_the_call_that_is_up_names_its_caller(narrow: World) -> None:
    call_id = "call-1"
    narrow.sign_in_agent(state=AgentState.RINGING, token="t", leg_id=LEG, call_id=call_id)
    put_call(narrow, caller=CALLER)
    shown = state(narrow)
    assert shown["call"]["caller"] == MASKED
    client = narrow.client("anna")
    card = client.get(f"/desk/api/customer?call={call_id}").get_json()
    assert card["number"] == MASKED
    assert card["known"] is client.get(f"/desk/api/customer?number=%2B{CALLER[1:]}").get_json()["known"]


def test_acc_14_a_past_call_is_called_back_by_its_id(narrow: World) -> None:
    narrow.sign_in_agent()
    add_record(narrow, "past", "anna")
    add_record(narrow, "others", "bert")
    client = narrow.client("anna")
    narrow.controller.rule = lambda command: {"ok": True, "call_id": "new"}
    status, text = dial(client, call="past")
    assert status == 200, text
    assert "13800138000" not in text
    assert narrow.controller.commands[-1].body["to"].startswith("+86")
    assert "*" not in narrow.controller.commands[-1].body["to"]
    assert dial(client, call="others")[0] == 404
    assert dial(client, call="none")[0] == 404
    assert dial(client, to=MASKED)[0] == 422
    assert len(narrow.controller.commands) == 1
