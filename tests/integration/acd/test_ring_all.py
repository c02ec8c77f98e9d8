"""Ring all in Redis and on the board: several claims for one call, each atomic, none left over (CTI-Q2, Q5)."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from pathlib import Path

import pytest
import redis as redis_py

from core import documents as docs
from core import keys
from core.documents import DispatchRule
from cti.acd.agents import AgentState
from cti.acd.dispatch import AT_ONCE, Terms
from cti.acd.matching import Acd
from cti.call.model import OfferResult, Phase
from tests.integration.acd.stage import (
    NOW,
    QUEUE,
    TENANT,
    agent,
    all_at_once,
    changed,
    enter,
    idle,
)
from tests.integration.acd.test_ringing import Desk, soon

OTHER = QUEUE + 1


def claimed(acd: Acd, call_id: str, count: int, queue: int = QUEUE, only: int = 0) -> list[tuple[int, str]]:
    """Claim idle agents for a call; returns who, and by which token."""
    tokens = [str(uuid.uuid4()) for _ in range(count)]
    found = acd.claim_idle(TENANT, queue, call_id, tokens, NOW, only)
    assert [each.token for each in found] == tokens[: len(found)]
    return [(each.agent_id, each.token) for each in found]


def test_idle_longest_first_and_out_of_every_queue(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    for account_id, since_ms in ((11, NOW + 30), (12, NOW + 10), (13, NOW + 20), (14, NOW + 40)):
        acd.save(agent(account_id, queues=(QUEUE, OTHER), since_ms=since_ms), "")
    found = claimed(acd, "call", 3)
    assert [account_id for account_id, _ in found] == [12, 13, 11]
    assert (idle(each_redis), idle(each_redis, OTHER)) == ([14], [14])
    held = acd.load(TENANT, 13)
    assert held is not None
    assert (held.token, held.leg_id, held.call_id) == (found[1][1], found[1][1], "call")
    assert acd.answer(TENANT, 13, found[1][1], found[1][1])
    assert not acd.answer(TENANT, 13, found[0][1], found[0][1]), "each has a token of their own"


def test_who_is_no_free_agent_is_passed_over(each_redis: redis_py.Redis) -> None:
    """A stale entry of an idle set costs no token."""
    acd = Acd(each_redis)
    for account_id in (11, 12, 13):
        acd.save(agent(account_id), "")
    each_redis.hset(keys.agent(TENANT, 11), "token", "somebody's")
    each_redis.hset(keys.agent(TENANT, 12), "idle", "0")
    assert [account_id for account_id, _ in claimed(acd, "call", 3)] == [13]
    assert idle(each_redis) == []


def test_one_who_is_wanted_is_claimed_or_nobody(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    acd.save(agent(11), "")
    acd.save(agent(12), "")
    acd.save(agent(13, state=AgentState.NOT_READY), "")
    assert [account_id for account_id, _ in claimed(acd, "call", 1, only=12)] == [12]
    assert claimed(acd, "call", 1, only=12) == []
    assert claimed(acd, "call", 1, only=13) == [], "not idle in this queue"
    assert idle(each_redis) == [11]


def test_nobody_is_claimed_twice_whoever_matches_and_rings_at_once(each_redis: redis_py.Redis) -> None:
    """CTI-Q5: eight at work on two queues with the same agents, who come back."""
    acd, terms = Acd(each_redis), {QUEUE: Terms(rule=DispatchRule.RING_ALL)}
    floor = {n: agent(n, queues=(QUEUE, OTHER)) for n in range(11, 23)}
    for each in floor.values():
        acd.save(each, "")
    for n in range(24):
        enter(acd, f"c{n}", queue=QUEUE if n % 2 else OTHER)
    holding, doubles, calls = Counter[int](), list[int](), Counter[str]()
    lock = threading.Lock()

    def hold(account_id: int) -> None:
        with lock:
            holding[account_id] += 1
            if holding[account_id] > 1:
                doubles.append(account_id)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for n in range(12):
            queue = chance.choice((QUEUE, OTHER))
            token = f"t{seed}-{n}"
            first = acd.match(TENANT, (queue,), token, token, NOW, terms)
            if first is None:
                continue
            hold(first.agent_id)
            more = claimed(acd, first.call_id, chance.randrange(4), queue)
            for account_id, _ in more:
                hold(account_id)
            with lock:
                calls[first.call_id] += 1
            for account_id, held_by in ((first.agent_id, token), *more):
                with lock:
                    holding[account_id] -= 1
                assert acd.save(floor[account_id], held_by) is None, "the claim was this one's"

    all_at_once([lambda seed=seed: work(seed) for seed in range(8)])  # type: ignore[misc]
    assert not doubles
    assert max(calls.values()) == 1, "a caller was matched twice"
    assert sorted(idle(each_redis)) == sorted(floor)


def test_an_agent_who_changes_meanwhile_learns_of_the_claim(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    before = agent(11)
    acd.save(before, "")
    ((_, token),) = claimed(acd, "call", 1)
    claim = acd.save(changed(before, state=AgentState.BREAK), "")
    assert claim is not None
    assert (claim.token, claim.leg_id, claim.call_id) == (token, token, "call")


# --- on the board ---------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(redis: redis_py.Redis, tmp_path: Path) -> Desk:
    """A board whose queue rings all, and whose switch takes nothing."""
    here = Desk(redis, tmp_path)
    queue = docs.QueueDoc(
        id=QUEUE, tenant_id=TENANT, version=2, code="q", name="Sales", rule=DispatchRule.RING_ALL
    )
    redis.hset(docs.HASH, docs.field_of(queue), docs.encode(queue))
    here.board.documents.load(here.guard)
    return here


@pytest.mark.parametrize("free", [1, 3, AT_ONCE + 2])
def test_so_many_are_offered_the_call_and_none_is_held_when_nothing_can_ring(
    desk: Desk, redis: redis_py.Redis, free: int
) -> None:
    """Every leg fails at once: each agent is free again, the caller is where they were, nobody missed anything."""
    for n in range(free):
        desk.agents.add(agent(11 + n, since_ms=NOW + n))
    runner = desk.arrive()
    assert soon(lambda: runner.call.offers and runner.call.phase is Phase.WAITING)
    try:
        first = [
            offer for offer in runner.call.offers if offer.offered_ms == runner.call.offers[0].offered_ms
        ]
        assert [offer.agent_id for offer in first] == [11 + n for n in range(min(free, AT_ONCE))]
        assert {offer.why.as_text().split("/")[1] for offer in first if offer.why} == {str(len(first))}
        assert {offer.result for offer in runner.call.offers} == {OfferResult.UNREACHABLE}
        assert soon(lambda: not any(here.token for here in desk.agents))
        assert runner.call.missed == 0
        assert not runner.broken
        assert redis.zscore(keys.waiting(TENANT, QUEUE), runner.call.id) is not None
    finally:
        desk.close()
