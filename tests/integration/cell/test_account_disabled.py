"""A disabled or deleted account's agent is signed out: at once when idle, after the live call else (ACC-5)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from core.documents import AccountDoc, ExtensionDoc
from cti.acd.agents import SIGNING_OUT
from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import to_talk
from tests.support.cell import wait_for

VERSIONS = iter(range(100, 10_000))


def _publish(stage: Stage, kind: str, **changes: object) -> None:
    document = stage.cell.published(kind, 1)
    stage.cell.publish(msgspec.structs.replace(document, version=next(VERSIONS), **changes))


@pytest.fixture
def restored(stage: Stage) -> Iterator[Stage]:
    """The stage, with the account and its extension as before afterwards."""
    yield stage
    _publish(stage, "account", enabled=True)
    _publish(stage, "extension", account_ids=(1,))


def test_acc_5_an_idle_agent_is_out_at_once_and_cannot_come_back(restored: Stage) -> None:
    stage = restored
    stage.agent(1)
    assert isinstance(stage.cell.published("account", 1), AccountDoc)
    _publish(stage, "account", enabled=False)
    wait_for(lambda: not stage.cell.agent(1), 10, "the agent stays signed in")
    answer = stage.cell.command("agent.sign_in", 1, account_id=1, extension_id=1, endpoint="sip")
    assert (answer["ok"], answer["error"]) == (False, "account-disabled")


def test_acc_5_a_talking_agent_is_signed_out_when_the_call_ends(restored: Stage) -> None:
    stage = restored
    phone = stage.agent(1)
    caller = to_talk(stage, phone)
    _publish(stage, "account", enabled=False)
    wait_for(lambda: stage.cell.agent(1).get("next_state") == SIGNING_OUT, 10, "leaving is not noted")
    assert stage.cell.agent(1)["state"] == "talking"
    assert stage.outside.alive(caller)
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    wait_for(lambda: not stage.cell.agent(1), 10, "the agent stays signed in after the call")


def test_acc_4_an_agent_whose_extension_right_goes_with_the_account_is_signed_out(restored: Stage) -> None:
    stage = restored
    stage.agent(1)
    assert isinstance(stage.cell.published("extension", 1), ExtensionDoc)
    _publish(stage, "extension", account_ids=())
    wait_for(lambda: not stage.cell.agent(1), 10, "the agent stays signed in")
