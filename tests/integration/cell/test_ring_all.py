"""A queue that rings all, on the simulator (CTI-Q2, Q4, Q5, Q6).

What must be proved on a real switch is in `test_queue_settings`, whose cell is up anyway.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from core import documents as docs
from core import keys
from core.documents import DestinationKind, DispatchRule
from cti.call.model import Call, Phase, from_variables
from tests.conformance.switch.driver import Connection
from tests.integration.cell.conftest import Stage, make_stage
from tests.integration.cell.landline import BOUND, RINGS, extension, open_line, trunk_places
from tests.support.cell import NUMBER, TENANT, newest, wait_for

CALLERS = ("13800138000", "13800138001")


@pytest.fixture(scope="module")
def shared_stage() -> Iterator[Stage]:
    """The module's cell, on the simulator alone."""
    yield from make_stage("switchsim")


@pytest.fixture(autouse=True)
def floor(stage: Stage) -> Stage:
    """Calls go straight to queue 7, which rings all of its three agents."""
    queue(stage)
    route = stage.cell.published("route", 5)
    straight = {"destination": DestinationKind.QUEUE, "destination_id": 7, "version": newest()}
    stage.cell.publish_now(msgspec.structs.replace(route, **straight))
    return stage


def queue(stage: Stage, **settings: Any) -> None:
    """Publish queue 7 with other settings."""
    values: dict[str, Any] = {
        "id": 7,
        "tenant_id": TENANT,
        "code": "sales",
        "name": "Sales",
        "rule": DispatchRule.RING_ALL,
        "ring_timeout_s": 120,
        "wrap_up_s": 60,
        "missed_limit": 9,
        "extension_ids": (1, 2, 3),
        "version": newest(),
    }
    stage.cell.publish_now(docs.QueueDoc(**{**values, **settings}))


def ringing(stage: Stage, *users: str) -> None:
    """Wait until these phones ring."""
    for user in users:
        stage.outside.ringing(user)


def results(call: Call) -> dict[int, str]:
    """Return how the offers to agents ended, the newest of each."""
    return {offer.agent_id: offer.result.value for offer in call.offers}


def free(stage: Stage, *accounts: int) -> None:
    """Wait until these agents are ready, hold no claim and have missed nothing."""
    for account in accounts:
        agent = stage.cell.wait_agent(account, "ready")
        assert (agent["token"], agent["missed_in_a_row"]) == ("", 0)


def wait_offers_written(stage: Stage, call: Call) -> None:
    """Wait until the caller's leg itself says who rings, so that a controller that dies then knows it again."""
    switch = Connection(stage.cell.settings.switch_port, stage.cell.settings.effective_switch_password)

    def written() -> bool:
        state, more = (switch.api(f"uuid_getvar {call.id} {name}") for name in ("zj_state", "zj_more"))
        if state.startswith(("-ERR", "_undef_")):
            return False
        return from_variables(state, "" if more == "_undef_" else more).phase is Phase.OFFERING

    try:
        wait_for(written, 15, "the leg says nothing of the offers")
    finally:
        switch.close()


def over(stage: Stage) -> dict[int, str]:
    """Return why the card of each agent closed, as the desks were told."""
    events = [each.data for each in stage.cell.read_events() if each.type == "call.over"]
    return {each["account_id"]: each["why"] for each in events}


def test_the_first_who_answers_gets_the_caller(stage: Stage) -> None:
    phones = [stage.agent(n) for n in (1, 2, 3)]
    stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones)
    call = stage.cell.wait_call("offering")
    assert [offer.agent_id for offer in call.offers] == [1, 2, 3], "those idle longest first"
    assert {offer.why.as_text().split("/")[0] for offer in call.offers if offer.why} == {"ring_all"}
    stage.outside.answer(phones[1])
    call = stage.cell.wait_call("talking")
    assert (call.agent_id, call.missed) == (2, 0)
    assert results(call) == {1: "elsewhere", 2: "answered", 3: "elsewhere"}
    free(stage, 1, 3)
    wait_for(lambda: over(stage) == {1: "elsewhere", 3: "elsewhere"}, 5, "a card stays open")
    wait_for(lambda: len(stage.cell.switch_legs()) == 2, 10, "somebody still rings")
    stage.outside.put_down(phones[1])
    stage.cell.wait_no_calls()
    stage.cell.wait_agent(2, "wrap_up")
    free(stage, 1, 3)


def test_two_pick_up_in_the_same_moment(stage: Stage) -> None:
    """Nobody is left in a talk of their own, and only who talked has a wrap-up."""
    phones = [stage.agent(n) for n in (1, 2)]
    caller = stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones)
    for phone in phones:
        stage.outside.answer(phone)
    call = stage.cell.wait_call("talking")
    loser = 3 - call.agent_id
    free(stage, loser)
    wait_for(lambda: len(stage.cell.switch_legs()) == 2, 10, "the other talks with nobody")
    assert stage.outside.alive(caller)
    assert results(stage.cell.wait_call("talking"))[call.agent_id] == "answered"
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    stage.cell.wait_agent(call.agent_id, "wrap_up")
    free(stage, loser)


def test_who_declines_missed_it_and_all_who_do_bring_the_caller_back(stage: Stage) -> None:
    """CTI-Q4: priority, place and time of entry unchanged."""
    queue(stage, missed_limit=1)
    phones = [stage.agent(n) for n in (1, 2)]
    caller = stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones)
    before = stage.cell.wait_call("offering")
    stage.outside.put_down(phones[0])
    stage.cell.wait_agent(1, "away")
    assert stage.cell.wait_call("offering").id == before.id, "the other rings on"
    refused = stage.cell.command("leg.hangup", 2, account_id=2)
    assert refused["ok"]
    stage.cell.wait_agent(2, "away")
    call = stage.cell.wait_call("waiting")
    assert (call.missed, results(call)) == (2, {1: "rejected", 2: "rejected"})
    assert (call.queue_order, call.queue_entered_ms) == (before.queue_order, before.queue_entered_ms)
    wait_for(lambda: over(stage) == {1: "missed", 2: "missed"}, 5, "a card stays open")
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()


def test_the_caller_hangs_up_while_all_ring(stage: Stage) -> None:
    """CTI-Q6."""
    phones = [stage.agent(n) for n in (1, 2, 3)]
    caller = stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones)
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()
    free(stage, 1, 2, 3)
    stage.cell.wait_no_legs()
    assert over(stage) == {1: "caller_gone", 2: "caller_gone", 3: "caller_gone"}


def test_who_becomes_free_rings_too_and_the_next_caller_rings_all_the_others(stage: Stage) -> None:
    phones = {n: stage.agent(n) for n in (1, 2)}
    stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones.values())
    second = stage.outside.call(NUMBER, CALLERS[1])
    stage.cell.wait_call("waiting")
    phones[3] = stage.agent(3)
    ringing(stage, phones[3])
    calls = {call.caller[-4:]: call for call in stage.cell.calls()}
    assert [offer.agent_id for offer in calls["8001"].offers] == [3], "who waits goes before who is offered"
    stage.outside.answer(phones[1])
    stage.cell.wait_agent(1, "talking")
    wait_for(
        lambda: any(set(results(call)) == {2, 3} for call in stage.cell.calls()),
        10,
        "the second caller does not ring who became free",
    )
    ringing(stage, phones[2], phones[3])
    stage.outside.answer(phones[2])
    stage.cell.wait_agent(2, "talking")
    free(stage, 3)
    stage.outside.hang_up(second)
    stage.cell.wait_agent(2, "wrap_up")
    stage.outside.put_down(phones[1])
    stage.cell.wait_no_calls()


def test_the_controller_is_killed_while_all_ring(stage: Stage) -> None:
    phones = [stage.agent(n) for n in (1, 2, 3)]
    stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones)
    wait_offers_written(stage, stage.cell.wait_call("offering"))
    stage.cell.kill("cti")
    stage.outside.put_down(phones[0])  # while nobody looks
    stage.cell.start("cti")
    stage.cell.wait_connected()
    wait_for(
        lambda: results(stage.cell.calls()[0])[1] != "ringing", 15, "a leg that ended unseen still rings"
    )
    free(stage, 1)
    assert results(stage.cell.wait_call("offering")) | {1: ""} == {1: "", 2: "ringing", 3: "ringing"}
    stage.outside.answer(phones[2])
    assert stage.cell.wait_call("talking").agent_id == 3
    free(stage, 2)
    wait_for(lambda: len(stage.cell.switch_legs()) == 2, 10, "somebody still rings")
    stage.outside.put_down(phones[2])
    stage.cell.wait_no_calls()


def test_after_a_restart_too_who_becomes_free_rings(stage: Stage) -> None:
    phones = [stage.agent(n) for n in (1, 2)]
    stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones)
    wait_offers_written(stage, stage.cell.wait_call("offering"))
    stage.cell.restart("cti")
    stage.cell.wait_connected()
    phones.append(stage.agent(3))
    ringing(stage, phones[2])
    stage.outside.answer(phones[2])
    assert stage.cell.wait_call("talking").agent_id == 3
    free(stage, 1, 2)
    stage.outside.put_down(phones[2])
    stage.cell.wait_no_calls()


def test_both_answered_before_the_controller_hears_of_either(stage: Stage) -> None:
    """It stands still meanwhile: both legs wait in their parks when it looks."""
    phones = [stage.agent(n) for n in (1, 2)]
    caller = stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones)
    stage.cell.wait_call("offering")
    stage.cell.kill("cti", signal.SIGSTOP)
    try:
        for phone in phones:
            stage.outside.answer(phone)
    finally:
        stage.cell.kill("cti", signal.SIGCONT)
    call = stage.cell.wait_call("talking")
    free(stage, 3 - call.agent_id)
    wait_for(lambda: len(stage.cell.switch_legs()) == 2, 10, "the other talks with nobody")
    stage.outside.hang_up(caller)
    stage.cell.wait_no_calls()


def test_redis_is_emptied_while_all_ring(stage: Stage) -> None:
    """The claims are written again from memory; who answers first has the caller, and nobody else is held."""
    phones = [stage.agent(n) for n in (1, 2, 3)]
    stage.outside.call(NUMBER, CALLERS[0])
    ringing(stage, *phones)
    stage.cell.wait_call("offering")
    stage.cell.redis.flushall()
    stage.cell.publish_again()
    wait_for(lambda: stage.cell.agent(3).get("state") == "ringing", 15, "the claims are forgotten")
    stage.outside.answer(phones[0])
    stage.cell.wait_agent(1, "talking")
    free(stage, 2, 3)
    assert stage.cell.wait_call("talking").agent_id == 1
    stage.outside.put_down(phones[0])
    stage.cell.wait_no_calls()


def test_a_landline_that_waits_for_its_key_stops_too(stage: Stage) -> None:
    """Picked up and not taken with 1 is not answered; the SIP phone wins, the landline's place is free again."""
    open_line(stage)
    stage.cell.publish_now(extension(1, bound_number=BOUND, press_to_take=True))
    phone = stage.agent(2)
    stage.cell.sign_in(1, endpoint="landline")
    stage.outside.call(NUMBER, CALLERS[0])
    landline = stage.outside.called(RINGS)
    ringing(stage, phone)
    stage.outside.pick_up(landline, as_agent=True)
    wait_for(lambda: not stage.cell.redis.exists(keys.waiting(TENANT, 7)), 5)
    stage.outside.answer(phone)
    assert stage.cell.wait_call("talking").agent_id == 2
    free(stage, 1)
    wait_for(lambda: not stage.outside.alive(landline), 10, "the landline is still asked for its key")
    wait_for(lambda: trunk_places(stage) == 0, 10, "a place stays taken")
    stage.outside.put_down(phone)
    stage.cell.wait_no_calls()
