"""The desk's transfers: whom the picker offers, what the buttons send, what refusals say (DSK-3)."""

from __future__ import annotations

from typing import Any

import pytest

from agent_desktop import errors
from cti.acd.agents import AgentState
from tests.unit.agent_desktop.conftest import World

LEG = "2f6e0f5c-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("body", "to"),
    [
        ({"kind": "agent", "id": 7}, {"kind": "agent", "id": 7}),
        ({"kind": "queue", "id": 7}, {"kind": "queue", "id": 7}),
        ({"kind": "flow", "id": 7}, {"kind": "flow", "id": 7}),
        ({"kind": "number", "number": "139 0013 9000"}, {"kind": "number", "number": "+8613900139000"}),
    ],
)
def test_a_transfer_is_a_command(world: World, body: dict[str, Any], to: dict[str, Any]) -> None:
    assert world.client("anna").post(f"/desk/api/legs/{LEG}/transfer", json=body).status_code == 200
    (command,) = world.controller.commands
    assert command.kind == "leg.transfer"
    assert command.body == {"account_id": world.ids["anna"], "leg_id": LEG, "to": to}


def test_asking_first_and_what_follows_are_commands(world: World) -> None:
    client = world.client("anna")
    assert client.post(f"/desk/api/legs/{LEG}/consult", json={"kind": "agent", "id": 7}).status_code == 200
    assert client.post(f"/desk/api/legs/{LEG}/consult", json={"kind": "queue", "id": 7}).status_code == 422
    for action in ("consult_cancel", "transfer_complete", "conference"):
        assert client.post(f"/desk/api/legs/{LEG}/{action}", json={}).status_code == 200
    kinds = [command.kind for command in world.controller.commands]
    assert kinds == ["leg.consult", "leg.consult_cancel", "leg.transfer_complete", "leg.conference"]
    assert world.controller.commands[0].body["to"] == {"kind": "agent", "id": 7}


@pytest.mark.parametrize(
    "body",
    [{}, {"kind": "agent"}, {"kind": "agent", "id": 0}, {"kind": "door", "id": 1}, {"kind": "number", "number": "x"}],
)  # fmt: skip
def test_what_is_no_target_is_no_command(world: World, body: dict[str, Any]) -> None:
    answer = world.client("anna").post(f"/desk/api/legs/{LEG}/transfer", json=body)
    assert answer.status_code == 422
    assert world.controller.commands == []


@pytest.mark.parametrize("kind", [errors.TargetAwayError, errors.TargetBusyError, errors.NoSuchTargetError])
def test_a_refusal_says_where_the_customer_is(world: World, kind: type[errors.TargetAwayError]) -> None:
    world.controller.rule = lambda command: {"ok": False, "error": kind.id, "detail": "talking"}
    answer = world.client("anna").post(f"/desk/api/legs/{LEG}/transfer", json={"kind": "agent", "id": 7})
    assert (answer.status_code, answer.get_json()["error"]) == (409, kind.id)


def test_the_picker_offers_colleagues_queues_and_nobody_elses(world: World) -> None:
    world.sign_in_agent("bert")
    world.sign_in_agent("anna", state=AgentState.TALKING)
    client = world.client("anna")
    found = client.get("/desk/api/transfer-targets").get_json()
    assert [(each["name"], each["reachable"]) for each in found["agents"]] == [("bert", True)]
    assert [each["name"] for each in found["queues"]] == ["Sales"]
    assert client.get("/desk/api/transfer-targets?q=800").get_json()["queues"] == []
    assert client.get("/desk/api/transfer-targets?q=800").get_json()["agents"]
    other = world.client("dora", "two").get("/desk/api/transfer-targets").get_json()
    assert other == {"agents": [], "queues": [], "flows": []}
