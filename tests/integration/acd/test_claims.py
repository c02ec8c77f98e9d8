"""Matching and claiming: who gets whom, what a claim shuts out, who wins. On both Redis servers (CTI-Q5)."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
import redis as redis_py

from core import keys
from cti.acd.agents import Agent, AgentState
from cti.acd.dispatch import Why
from cti.acd.matching import Acd, Claim, Match
from tests.integration.acd.stage import (
    NOW,
    QUEUE,
    TENANT,
    agent,
    all_at_once,
    changed,
    enter,
    idle,
    match,
    released,
    taken,
    waiting,
)  # fmt: skip


def claim_of(found: Match) -> Claim:
    """Return a match as others are told of it."""
    return Claim(token=found.token, leg_id=found.leg_id, call_id=found.call_id, claimed_ms=NOW)


def matched(acd: Acd, call_id: str = "call", **how: int) -> Match:
    """Have a caller matched."""
    enter(acd, call_id, **how)
    found = match(acd)
    assert found is not None
    return found


def test_idle_longest_is_next(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    for account_id, since_ms in ((11, NOW + 30), (12, NOW + 10), (13, NOW + 20)):
        acd.save(agent(account_id, since_ms=since_ms), "")
    assert [matched(acd, f"c{n}").agent_id for n in range(3)] == [12, 13, 11]


def test_the_first_caller_of_several_queues_is_next(each_redis: redis_py.Redis) -> None:
    """CTI-R5: priority counts over all queues of an agent, not inside each."""
    acd = Acd(each_redis)
    enter(acd, "early", queue=7)
    enter(acd, "urgent", queue=8, priority=80)
    enter(acd, "nobody-serves", queue=9, priority=99)
    acd.save(agent(11, queues=(7, 8)), "")
    found = match(acd, 7, 8, 9)
    assert found is not None
    assert (found.call_id, found.queue_id) == ("urgent", 8)
    assert (waiting(each_redis, 7), waiting(each_redis, 8)) == (["early"], [])
    assert match(acd, 7, 8, 9) is None
    assert acd.match(TENANT, (), "t", "leg", NOW) is None


def test_a_claim_takes_the_agent_out_of_every_queue(each_redis: redis_py.Redis) -> None:
    """Also out of queues the match did not look at."""
    acd = Acd(each_redis)
    acd.save(agent(11, queues=(7, 8, 9)), "")
    acd.save(agent(12, queues=(8,)), "")
    found = matched(acd)
    assert [idle(each_redis, queue) for queue in (7, 8, 9)] == [[], [12], []]
    enter(acd, "other", queue=9)
    assert match(acd, 9) is None
    acd.save(released(taken(agent(11, queues=(7, 8, 9)), found)), found.token)
    assert 11 in idle(each_redis, 9)


@pytest.mark.parametrize(
    "state",
    [state for state in AgentState if state not in (AgentState.READY,)],
    ids=lambda state: state.value,
)
def test_only_the_ready_are_idle(each_redis: redis_py.Redis, state: AgentState) -> None:
    acd = Acd(each_redis)
    acd.save(agent(), "")
    assert idle(each_redis) == [11]
    acd.save(agent(state=state), "")
    assert idle(each_redis) == []
    enter(acd, "c")
    assert match(acd) is None


def test_the_queues_an_agent_left_do_not_keep_them(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    acd.save(agent(queues=(7, 8)), "")
    acd.save(agent(queues=(8, 9)), "")
    assert [idle(each_redis, queue) for queue in (7, 8, 9)] == [[], [11], [11]]
    acd.save(agent(queues=(8, 9), registered=False), "")
    assert [idle(each_redis, queue) for queue in (7, 8, 9)] == [[], [], []]


def test_a_stale_entry_of_an_idle_set_is_no_agent(each_redis: redis_py.Redis) -> None:
    """The agent's hash decides: entries without one, or of a claimed agent, are swept, and the search goes on."""
    acd = Acd(each_redis)
    busy = agent(11, queues=(8,))
    acd.save(busy, "")
    enter(acd, "other", queue=8)
    assert match(acd, 8) is not None
    acd.save(agent(12), "")
    each_redis.zadd(keys.idle(TENANT, QUEUE), {"99": 1, "11": 2})
    assert matched(acd).agent_id == 12
    each_redis.zadd(keys.idle(TENANT, QUEUE), {"99": 1})
    enter(acd, "next")
    assert match(acd) is None
    assert waiting(each_redis) == ["next"]
    assert idle(each_redis) == []


def test_a_save_that_did_not_know_of_the_claim_is_refused(each_redis: redis_py.Redis) -> None:
    """CTI-Q5: nothing of the refused save is written; the claim is told."""
    acd = Acd(each_redis)
    acd.save(agent(), "")
    found = matched(acd)
    for believed in ("", "somebody-else"):
        assert acd.save(changed(agent(), state=AgentState.BREAK), believed) == claim_of(found)
    assert idle(each_redis) == []
    held = acd.load(TENANT, 11)
    assert held is not None
    assert (held.state, held.token, held.leg_id, held.call_id, held.claimed_ms) == (
        AgentState.READY, found.token, found.leg_id, "call", NOW,
    )  # fmt: skip
    assert acd.save(taken(agent(), found), found.token) is None
    assert acd.save(released(taken(agent(), found)), found.token) is None
    assert idle(each_redis) == [11]
    free = acd.load(TENANT, 11)
    assert free is not None
    assert (free.token, free.claimed_ms) == ("", 0)


def test_a_direct_call_claims_as_a_match_does(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    here = agent(queues=(7, 8))
    assert not acd.claim_agent(here, "t", "leg", "call", NOW), "nobody signed in"
    acd.save(here, "")
    assert acd.claim_agent(here, "t", "leg", "call", NOW)
    assert (idle(each_redis, 7), idle(each_redis, 8)) == ([], [])
    assert not acd.claim_agent(here, "t2", "leg2", "call2", NOW)
    enter(acd, "queued")
    assert match(acd) is None
    assert acd.save(here, "") == Claim(token="t", leg_id="leg", call_id="call", claimed_ms=NOW)


@pytest.mark.parametrize("state", list(AgentState), ids=lambda state: state.value)
@pytest.mark.parametrize("registered", [True, False])
def test_whom_a_direct_call_may_ring(each_redis: redis_py.Redis, state: AgentState, registered: bool) -> None:
    acd = Acd(each_redis)
    here = agent(state=state, registered=registered)
    acd.save(here, "")
    may = registered and state in (AgentState.READY, AgentState.NOT_READY)
    assert acd.claim_agent(here, "t", "leg", "call", NOW) is may


def test_one_leg_wins_a_claim(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    assert acd.answer(TENANT, 11, "t", "leg") is None, "Redis knows no such agent"
    acd.save(agent(), "")
    assert acd.answer(TENANT, 11, "t", "leg") is False, "nobody claimed"
    first = matched(acd)
    assert acd.answer(TENANT, 11, "older", first.leg_id) is False
    assert acd.answer(TENANT, 11, first.token, first.leg_id) is True
    assert acd.answer(TENANT, 11, first.token, first.leg_id) is True, "told twice is won once"
    assert acd.answer(TENANT, 11, first.token, "second-leg") is False
    acd.save(released(taken(agent(), first)), first.token)
    assert acd.answer(TENANT, 11, first.token, first.leg_id) is False, "the claim is over"
    second = matched(acd, "next")
    assert acd.answer(TENANT, 11, second.token, "other-leg") is True, "an old winner shuts nobody out"
    assert acd.answer(TENANT, 11, second.token, second.leg_id) is False
    each_redis.flushall()
    assert acd.answer(TENANT, 11, second.token, second.leg_id) is None


def test_of_legs_that_answer_at_once_one_wins(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    acd.save(agent(), "")
    found = matched(acd)
    won: list[str] = []

    def answer(leg_id: str) -> None:
        if acd.answer(TENANT, 11, found.token, leg_id):
            won.append(leg_id)

    all_at_once((lambda n=n: answer(f"leg{n}")) for n in range(16))
    assert len(won) == 1
    assert acd.answer(TENANT, 11, found.token, won[0])


def test_a_claimed_agent_cannot_be_dropped(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    here = agent(queues=(7, 8))
    assert acd.hold_extension(TENANT, here.extension_id, 11) == 11
    acd.save(here, "")
    found = matched(acd)
    assert not acd.drop(here)
    assert acd.load(TENANT, 11) is not None
    assert each_redis.smembers(keys.agents(TENANT)) == {b"11"}
    free = released(taken(here, found))
    acd.save(free, found.token)
    assert acd.drop(free)
    assert acd.load(TENANT, 11) is None
    assert (idle(each_redis, 7), idle(each_redis, 8)) == ([], [])
    assert each_redis.keys("*agent*") == []
    assert acd.hold_extension(TENANT, here.extension_id, 12) == 12, "the extension is free"


def test_dropping_leaves_an_extension_somebody_else_holds(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    assert acd.hold_extension(TENANT, 5, 12) == 12
    assert acd.hold_extension(TENANT, 5, 11) == 12
    here = agent(extension_id=5)
    acd.save(here, "")
    assert acd.drop(here)
    assert acd.hold_extension(TENANT, 5, 13) == 12


def test_an_extension_is_held_by_one_of_many(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    holders: list[int] = []
    all_at_once((lambda n=n: holders.append(acd.hold_extension(TENANT, 5, n))) for n in range(1, 17))
    assert len(set(holders)) == 1


def test_tenants_do_not_see_each_other(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    acd.save(agent(tenant_id=2), "")
    enter(acd, "c")
    assert match(acd) is None
    assert acd.load(TENANT, 11) is None
    found = acd.match(2, (QUEUE,), "t", "leg", NOW)
    assert found is None


def test_what_is_saved_is_what_is_loaded(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    here = agent(name="王芳", reason="午饭", state=AgentState.BREAK, queues=(), missed_in_a_row=2)
    assert acd.save(here, "") is None
    assert acd.load(TENANT, 11) == here
    assert isinstance(acd.load(TENANT, 11), Agent)
    assert msgspec.json.decode(each_redis.hget(keys.agent(TENANT, 11), "data"))["name"] == "王芳"


def test_a_match_names_what_was_taken(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    acd.save(agent(), "")
    order = enter(acd, "call", priority=3)
    found = acd.match(TENANT, (QUEUE,), "token", "leg", NOW)
    assert found is not None
    assert dataclasses.asdict(found) == {
        "call_id": "call", "queue_id": QUEUE, "agent_id": 11, "order": order, "token": "token", "leg_id": "leg",
        "why": Why(rule="longest_idle", candidates=1),
    }  # fmt: skip
