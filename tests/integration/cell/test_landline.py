"""Agents on a landline or mobile, and extensions that forward to one (CTI-E3, DSK-2, DSK-4), on the simulator.

What must be proved on a real switch is in `test_outside`, whose cell is up anyway.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import msgspec
import pytest

from tests.integration.cell.conftest import Stage, make_stage
from tests.integration.cell.landline import (
    BOUND,
    CALLER,
    DIRECT,
    RINGS,
    TRUNK,
    extension,
    open_line,
    press_until_taken,
    queued,
    to_talk,
    trunk_places,
)
from tests.integration.cell.test_calls import last_record
from tests.support.cell import newest, wait_for

TO, DIALLED = "+8613900139000", "13900139000"


@pytest.fixture(scope="module")
def shared_stage() -> Iterator[Stage]:
    """The module's cell, on the simulator alone."""
    yield from make_stage("switchsim")


@pytest.fixture
def line(stage: Stage) -> Stage:
    """See `open_line`."""
    return open_line(stage)


def test_a_queues_call_rings_the_landline(line: Stage) -> None:
    line.cell.sign_in(1, endpoint="landline")
    agent = line.cell.agent(1)
    assert (agent["endpoint"], agent["registered"], agent["by_number"]) == ("landline", True, True)
    queued(line)
    phone = line.outside.called(RINGS)
    call = line.cell.wait_call("offering")
    assert call.offers[-1].endpoint == "landline"
    assert trunk_places(line) == 1
    refused = line.cell.command("leg.answer", 1, account_id=1)
    assert refused["error"] == "pick-up-phone"
    offered = [event.data for event in line.cell.read_events() if event.type == "call.offered"]
    assert offered[-1]["endpoint"] == "landline"
    line.outside.pick_up(phone, as_agent=True)
    line.cell.wait_agent(1, "talking")
    for action in ("hold", "unhold", "mute", "unmute"):
        assert line.cell.command(f"leg.{action}", 1, account_id=1)["ok"], action
    assert line.cell.command("leg.hangup", 1, account_id=1)["ok"]
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")
    assert last_record(line, "agent")["zj_agent"] == "1"
    wait_for(lambda: trunk_places(line) == 0, 10, "a place stays taken")


def test_nobody_picks_up_or_the_number_is_busy(line: Stage) -> None:
    """A refused and a busy landline count like a refused phone; a number out of service like an unreachable one."""
    line.cell.sign_in(1, endpoint="landline")
    caller = queued(line)
    line.outside.refuse(line.outside.called(RINGS), "USER_BUSY")
    agent = line.cell.wait_agent(1, "not_responding")
    assert agent["missed_in_a_row"] == 1
    assert line.cell.wait_call("waiting").missed == 1
    line.cell.set_state(1, "ready")
    line.outside.refuse(line.outside.called(RINGS), "UNALLOCATED_NUMBER")
    call = line.cell.wait_call("waiting")
    assert call.missed == 1, "nobody missed it"
    wait_for(lambda: trunk_places(line) == 0, 10, "a place stays taken")
    line.outside.hang_up(caller)
    line.cell.wait_no_calls()


def test_no_free_place_no_ringing(line: Stage) -> None:
    """A full trunk is an endpoint that cannot be rung; more room lets the next offer through."""
    trunk = line.cell.published("trunk", TRUNK)
    # The caller came in by the same trunk and has its only place.
    line.cell.publish_now(msgspec.structs.replace(trunk, version=newest(), concurrency=1))
    line.cell.sign_in(1, endpoint="landline")
    caller = queued(line)
    wait_for(lambda: line.cell.agent(1).get("unreachable_in_a_row"), 10, line.cell.tail("cti"))
    assert not trunk_places(line)
    line.cell.publish_now(msgspec.structs.replace(trunk, version=newest(), concurrency=2))
    line.outside.called(RINGS)
    assert trunk_places(line) == 1
    line.outside.hang_up(caller)
    line.cell.wait_no_calls()
    wait_for(lambda: trunk_places(line) == 0, 10, "a place stays taken")


def test_an_unregistered_extension_rings_its_number(line: Stage) -> None:
    """CTI-E3: a queue's call, with an agent signed in whose phone is away."""
    line.cell.publish_now(extension(forward_when_offline=True))
    line.cell.sign_in(1, endpoint="sip")
    agent = line.cell.agent(1)
    assert (agent["endpoint"], agent["registered"], agent["by_number"]) == ("sip", True, True)
    queued(line)
    phone = line.outside.called(RINGS)
    assert line.cell.wait_call("offering").offers[-1].endpoint == "landline"
    line.outside.pick_up(phone, as_agent=True)
    line.cell.wait_agent(1, "talking")
    line.outside.hang_up(phone)
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")


def test_a_registered_phone_is_not_forwarded(line: Stage) -> None:
    line.cell.publish_now(extension(forward_when_offline=True))
    phone = line.agent(1)
    wait_for(lambda: not line.cell.agent(1)["by_number"], 10, "still forwarded")
    caller = queued(line)
    line.outside.answer(phone)
    line.cell.wait_agent(1, "talking")
    assert trunk_places(line) == 0
    line.outside.hang_up(caller)
    line.cell.wait_no_calls()
    line.outside.vanish(phone)
    wait_for(lambda: line.cell.agent(1)["by_number"], 20, "not forwarded")


def test_a_direct_call_with_nobody_signed_in(line: Stage) -> None:
    """CTI-E3: the caller talks with the bound number; the call is the extension's, and its places are given back."""
    line.cell.publish_now(extension(forward_when_offline=True))
    line.outside.call(DIRECT, CALLER)
    phone = line.outside.called(RINGS)
    call = line.cell.wait_call("outside")
    assert call.outside is not None
    assert (call.outside.to.number, call.outside.extension_id, call.extension_id) == (BOUND, 1, 1)
    line.outside.pick_up(phone, as_agent=True)
    line.outside.hang_up(phone)
    line.cell.wait_no_calls()
    wait_for(lambda: trunk_places(line) == 0, 10, "a place stays taken")


def test_a_direct_call_nobody_takes_at_the_number(line: Stage) -> None:
    line.cell.publish_now(extension(forward_when_offline=True))
    line.outside.call(DIRECT, CALLER)
    line.outside.refuse(line.outside.called(RINGS), "USER_BUSY")
    call = line.cell.wait_call("leaving")
    assert (call.ended_in, call.ended_detail) == ("extension", "busy")
    line.cell.wait_no_calls(20)


def test_without_forwarding_nobody_is_rung(line: Stage) -> None:
    line.outside.call(DIRECT, CALLER)
    call = line.cell.wait_call("leaving")
    assert (call.ended_in, call.outside) == ("extension", None)
    line.cell.wait_no_calls(20)


def test_it_ends_while_no_controller_lives(line: Stage) -> None:
    _, phone = to_talk(line)
    line.cell.kill("cti", signal.SIGKILL)
    line.outside.hang_up(phone)
    line.cell.start("cti")
    line.cell.wait_connected()
    line.cell.wait_no_calls()
    line.cell.wait_agent(1, "ready")
    wait_for(lambda: trunk_places(line) == 0, 10, "a place stays taken")


def test_a_key_takes_the_call(line: Stage) -> None:
    """A mailbox picks up and presses nothing: the customer is not given to it, by whichever controller."""
    line.cell.publish_now(extension(press_to_take=True))
    line.cell.sign_in(1, endpoint="landline")
    caller = queued(line)
    phone = line.outside.called(RINGS)
    call = line.cell.wait_call("offering")
    line.cell.restart("cti")
    line.cell.wait_connected()
    line.outside.pick_up(phone, as_agent=True)
    line.outside.press(phone, "7")
    assert line.cell.wait_call("offering").id == call.id
    press_until_taken(line, phone)
    line.outside.hang_up(caller)
    line.cell.wait_no_calls()


def test_a_key_takes_the_question_of_a_colleague(line: Stage) -> None:
    """Who is asked and picks up is not connected before the key: the colleague hears ringing, not a mailbox."""
    line.cell.publish_now(extension(press_to_take=True))
    other = line.agent(2)
    caller = queued(line)
    line.outside.answer(other)
    line.cell.wait_agent(2, "talking")
    line.cell.sign_in(1, endpoint="landline")
    to = {"kind": "agent", "id": 1}
    asking = line.cell.agent(2)["leg_id"]
    assert line.cell.command("leg.consult", 2, account_id=2, leg_id=asking, to=to)["ok"]
    phone = line.outside.called(RINGS)
    line.outside.pick_up(phone, as_agent=True)
    line.outside.press(phone, "7")
    joined = line.cell.command("leg.conference", 2, account_id=2, leg_id=asking)
    assert (joined["error"], line.cell.agent(1)["state"]) == ("wrong-state", "ringing")
    press_until_taken(line, phone)
    assert line.cell.command("leg.transfer_complete", 2, account_id=2, leg_id=asking)["ok"]
    wait_for(lambda: line.cell.wait_call("talking").agent_id == 1, 10, "not handed over")
    line.outside.hang_up(caller)
    line.cell.wait_no_calls()
    wait_for(lambda: trunk_places(line) == 0, 10, "a place stays taken")


def test_click_to_call_rings_the_landline_first(line: Stage) -> None:
    line.cell.sign_in(1, endpoint="landline")
    result = line.cell.command("dial", 1, account_id=1, to=TO, key="k-landline")
    assert result["ok"], result
    phone = line.outside.called(RINGS)
    assert trunk_places(line) == 2, "one for each way out"
    line.outside.pick_up(phone, as_agent=True)
    called = line.outside.called(DIALLED)
    line.outside.pick_up(called)
    line.cell.wait_agent(1, "talking")
    line.outside.hang_up(called)
    line.cell.wait_no_calls()
    wait_for(lambda: trunk_places(line) == 0, 10, "a place stays taken")


def test_who_has_no_number_cannot_sign_in_with_it(line: Stage) -> None:
    refused = line.cell.command("agent.sign_in", 2, account_id=2, extension_id=2, endpoint="landline")
    assert refused["error"] == "no-landline"
    line.cell.publish_now(extension(2, bound_number="+9779841234567"))
    refused = line.cell.command("agent.sign_in", 2, account_id=2, extension_id=2, endpoint="landline")
    assert (refused["error"], refused["detail"]["reason"]) == ("number-refused", "country")


def test_the_endpoint_changes_while_idle(line: Stage) -> None:
    line.cell.sign_in(1, endpoint="sip")
    line.cell.sign_in(1, endpoint="landline", ready=False)
    assert line.cell.agent(1)["endpoint"] == "landline"
    line.cell.publish_now(extension(bound_number=""))
    wait_for(lambda: not line.cell.agent(1)["registered"], 10, "an agent without a number can be rung")
