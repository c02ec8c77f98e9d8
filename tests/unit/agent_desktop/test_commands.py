"""The desk's buttons: what they send to the controller, and what its refusals become."""

from __future__ import annotations

from typing import Any

import pytest

from agent_desktop import errors
from cti import refusals
from tests.unit.agent_desktop.conftest import World

LEG = "2f6e0f5c-0000-4000-8000-000000000001"


def test_signing_in_is_a_command_in_the_accounts_own_name(world: World) -> None:
    world.controller.rule = lambda command: {"ok": True, "state": "not_ready"}
    answer = world.client("anna").post(
        "/desk/api/sign-in", json={"extension_id": world.ids["8001"], "endpoint": "web", "account_id": 99}
    )
    assert answer.get_json() == {"state": "not_ready"}
    (command,) = world.controller.commands
    assert command.kind == "agent.sign_in"
    assert (command.tenant, command.actor) == (world.ids["one"], world.ids["anna"])
    assert command.body == {
        "account_id": world.ids["anna"],
        "extension_id": world.ids["8001"],
        "endpoint": "web",
    }


@pytest.mark.parametrize("path", ["presence", "set-state", "sign-in", "dial", f"legs/{LEG}/dtmf"])
@pytest.mark.parametrize(
    "body",
    [
        r'{"page": "\ud83d", "reason": "\ud83d", "state": "break"}',
        '{"a":' * 5000,
        "[" * 5000,
        b"\xff",
        '{"page": ',
    ],
)
def test_what_is_no_json_is_refused_and_no_command(world: World, path: str, body: str | bytes) -> None:
    answer = world.client("anna").post(f"/desk/api/{path}", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert world.controller.commands == []


@pytest.mark.parametrize(
    ("path", "body", "kind", "sent"),
    [
        ("sign-out", {}, "agent.sign_out", {}),
        (
            "set-state",
            {"state": "break", "reason": ""},
            "agent.set_state",
            {"state": "break", "reason": ""},
        ),
        ("presence", {"page": "p1"}, "agent.presence", {"page": "p1"}),
        ("wrap-up", {"do": "extend"}, "agent.wrap_up", {"do": "extend"}),
        ("wrap-up", {"do": "end"}, "agent.wrap_up", {"do": "end"}),
        (f"legs/{LEG}/answer", {}, "leg.answer", {"leg_id": LEG}),
        (f"legs/{LEG}/hangup", {}, "leg.hangup", {"leg_id": LEG}),
        (f"legs/{LEG}/hold", {}, "leg.hold", {"leg_id": LEG}),
        (f"legs/{LEG}/unhold", {}, "leg.unhold", {"leg_id": LEG}),
        (f"legs/{LEG}/mute", {}, "leg.mute", {"leg_id": LEG}),
        (f"legs/{LEG}/unmute", {}, "leg.unmute", {"leg_id": LEG}),
        (f"legs/{LEG}/dtmf", {"digits": "12#"}, "leg.dtmf", {"leg_id": LEG, "digits": "12#"}),
    ],
)
def test_each_button_is_one_command(
    world: World, path: str, body: dict[str, Any], kind: str, sent: dict[str, Any]
) -> None:
    assert world.client("anna").post(f"/desk/api/{path}", json=body).status_code == 200
    (command,) = world.controller.commands
    assert command.kind == kind
    assert command.body == {"account_id": world.ids["anna"], **sent}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sign-in", {"extension_id": "8001", "endpoint": "web"}),
        ("sign-in", {"extension_id": True, "endpoint": "web"}),
        ("sign-in", {"extension_id": 1, "endpoint": "fax"}),
        ("sign-in", None),
        ("set-state", {"state": "talking"}),
        ("set-state", {"state": 3}),
        ("set-state", {"state": "break", "reason": "lunch"}),
        ("set-state", {"state": "break", "reason": "99"}),
        ("set-state", {"state": "break", "reason": "9" * 30}),
        ("set-state", {"state": "ready", "reason": "1"}),
        ("wrap-up", {"do": "stop"}),
        ("wrap-ups/keep", {}),
        ("wrap-ups/keep", {"call_id": "c", "note": "x" * 4001}),
        ("wrap-ups/keep", {"call_id": "c", "revision": -1}),
        ("wrap-ups/save", {"call_id": "c", "next_call_ms": 1 << 52}),
        ("wrap-ups/burn", {"call_id": "c"}),
        ("work/fire/1/done", {}),
        ("work/missed/1/burn", {}),
        ("extension", {"bound_number": "", "forward_when_offline": 1, "pop_on": "ring"}),
        ("extension", {"bound_number": "", "forward_when_offline": True, "pop_on": "never"}),
        (f"legs/{LEG}/explode", {}),
        (f"legs/{LEG}/dtmf", {"digits": "12\n"}),
        (f"legs/{LEG}/dtmf", {"digits": ""}),
        (f"legs/{LEG}/dtmf", {"digits": "1" * 33}),
        ("legs/a b/hold", {}),
    ],
)
def test_what_cannot_be_is_refused_before_any_command(world: World, path: str, body: Any) -> None:
    answer = world.client("anna").post(f"/desk/api/{path}", json=body)
    assert answer.status_code == 422
    assert answer.get_json()["error"] == "bad-field"
    assert world.controller.commands == []


@pytest.mark.parametrize(
    ("refused", "status", "said"),
    [
        ({"error": "extension-held", "detail": {"holder": "Bert"}}, 409, "Bert"),
        ({"error": "not-permitted", "detail": {}}, 403, "分机"),
        ({"error": "no-such-leg", "detail": {}}, 409, "话机"),
        ({"error": "too-late", "detail": {}}, 503, "重试"),
        ({"error": "busy-later"}, 503, "重试"),
        ({"error": "something-new", "detail": {"reason": "x"}}, 502, "something-new"),
    ],
)
def test_a_refusal_is_a_sentence_in_the_readers_language(
    world: World, refused: dict[str, Any], status: int, said: str
) -> None:
    world.controller.rule = lambda command: {"ok": False, **refused}
    answer = world.client("anna").post("/desk/api/sign-out", json={})
    assert answer.status_code == status
    assert said in answer.get_json()["message"]


def test_every_known_refusal_has_its_own_error() -> None:
    known = {
        "extension-held": errors.ExtensionHeldError,
        "not-permitted": errors.NotPermittedError,
        "account-disabled": errors.AccountDisabledError,
        "already-signed-in": errors.AlreadySignedInError,
        "not-signed-in": refusals.NotSignedInError,
        "no-such-leg": errors.NoSuchLegError,
        "wrong-state": errors.WrongStateError,
        "call-changed": errors.CallChangedError,
        "too-late": errors.TooLateError,
    }
    for reason, kind in known.items():
        assert type(errors.refusal({"ok": False, "error": reason, "detail": {}})) is kind
    for odd in ({}, {"error": None, "detail": "text"}, {"error": "internal", "detail": {}}):
        assert type(errors.refusal({"ok": False, **odd})) is refusals.CommandFailedError


def test_a_change_without_the_pages_token_is_refused(world: World) -> None:
    client = world.client("anna")
    world.app.config["WTF_CSRF_ENABLED"] = True
    assert client.post("/desk/api/sign-out", json={}).status_code == 400
    assert world.controller.commands == []
