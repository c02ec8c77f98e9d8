"""CTI-Q5 under fire: two callers never get one agent, two agents never get one caller. On both Redis servers."""

from __future__ import annotations

import collections
import random
import threading

import pytest
import redis as redis_py

from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd, Claim, Match
from tests.integration.acd.stage import (
    NOW,
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

QUEUES = (7, 8, 9)


@pytest.mark.parametrize("seed", range(4))
def test_matchers_at_once_give_everybody_once(each_redis: redis_py.Redis, seed: int) -> None:
    """CTI-Q5: eight matchers over three shared queues, agents in one to three of them."""
    chance = random.Random(seed)
    acd = Acd(each_redis)
    agents = {n: agent(n, tuple(sorted(chance.sample(QUEUES, chance.randint(1, 3))))) for n in range(1, 41)}
    for each in agents.values():
        acd.save(each, "")
    callers = {f"c{n}": chance.choice(QUEUES) for n in range(60)}
    for call_id, queue in callers.items():
        enter(acd, call_id, queue=queue, priority=chance.randint(0, 99))
    found: list[Match] = []

    def work() -> None:
        while (here := match(acd, *QUEUES)) is not None:
            found.append(here)

    all_at_once([work] * 8)
    assert len({each.call_id for each in found}) == len({each.agent_id for each in found}) == len(found)
    assert all(callers[each.call_id] == each.queue_id for each in found)
    assert all(each.queue_id in agents[each.agent_id].queue_ids for each in found)
    for queue in QUEUES:
        assert not (waiting(each_redis, queue) and idle(each_redis, queue)), (
            "nobody waits beside an idle agent"
        )
    left = {call_id for queue in QUEUES for call_id in waiting(each_redis, queue)}
    assert left == callers.keys() - {each.call_id for each in found}
    for each in found:
        held = acd.load(TENANT, each.agent_id)
        assert held is not None
        assert (held.token, held.leg_id, held.call_id) == (each.token, each.leg_id, each.call_id)


class Floor:
    """A floor of agents worked by threads, each agent owned by one of them as by the controller.

    What Redis hands out is checked against a book of our own at each step.
    """

    def __init__(self, acd: Acd, agents: int, callers: int) -> None:
        self.acd = acd
        self.agents = {n: agent(n, QUEUES[: 1 + n % 3]) for n in range(1, agents + 1)}
        self.locks = {n: threading.Lock() for n in self.agents}
        self.callers = [f"c{n}" for n in range(callers)]
        self.book = threading.Lock()
        self.with_agent: dict[str, int] = {}
        self.served: collections.Counter[str] = collections.Counter()

    def note(self, found: Match) -> None:
        """A match came: neither side may be with somebody."""
        with self.book:
            assert found.call_id not in self.with_agent, "two agents for one caller"
            assert found.agent_id not in self.with_agent.values(), "two callers for one agent"
            assert found.call_id not in self.served
            self.with_agent[found.call_id] = found.agent_id

    def end(self, found: Match, chance: random.Random) -> None:
        """End the claim: a served caller leaves, a missed one goes back to the old place (CTI-Q4)."""
        answered = chance.random() < 0.6
        with self.locks[found.agent_id]:
            held = taken(self.agents[found.agent_id], found)
            assert self.acd.save(held, found.token) is None
            with self.book:
                del self.with_agent[found.call_id]
                self.served[found.call_id] += answered
            if not answered:
                del self.served[found.call_id]
                assert enter(self.acd, found.call_id, queue=found.queue_id, order=found.order) == found.order
            self._free(held, found.token)

    def _free(self, held: Agent, token: str) -> None:
        self.agents[held.account_id] = released(held)
        assert self.acd.save(self.agents[held.account_id], token) is None

    def fidget(self, account_id: int, chance: random.Random) -> None:
        """An agent takes a break or comes back, without knowing of claims: refused while claimed."""
        with self.locks[account_id]:
            state = chance.choice((AgentState.READY, AgentState.BREAK))
            after = changed(self.agents[account_id], state=state, since_ms=NOW + chance.randint(0, 999))
            claim = self.acd.save(after, "")
            if claim is None:
                self.agents[account_id] = after
            else:
                assert isinstance(claim, Claim)
                assert claim.token

    def work(self, part: int, seed: int) -> None:
        """Enter, fidget, match and end, at random."""
        chance = random.Random(f"{part} {seed}")
        for call_id in self.callers[part::6]:
            enter(self.acd, call_id, queue=chance.choice(QUEUES), priority=chance.randint(0, 99))
            self.fidget(chance.choice(list(self.agents)), chance)
            found = match(self.acd, *QUEUES)
            if found is not None:
                self.note(found)
                if chance.random() < 0.3:
                    self.fidget(found.agent_id, chance)
                self.end(found, chance)

    def finish(self) -> None:
        """Everybody comes back; the rest is served."""
        for n, each in self.agents.items():
            self.agents[n] = changed(each, state=AgentState.READY)
            assert self.acd.save(self.agents[n], "") is None
        while (found := match(self.acd, *QUEUES)) is not None:
            self.note(found)
            self.with_agent.clear()
            self.served[found.call_id] += 1
            self._free(taken(self.agents[found.agent_id], found), found.token)


@pytest.mark.parametrize("seed", range(3))
def test_a_busy_floor_serves_every_caller_once(each_redis: redis_py.Redis, seed: int) -> None:
    """CTI-Q4, CTI-Q5: entering, matching, missing, breaks and returning from six threads."""
    floor = Floor(Acd(each_redis), agents=9, callers=120)
    all_at_once((lambda n=n: floor.work(n, seed)) for n in range(6))
    floor.finish()
    assert floor.served == collections.Counter(floor.callers)
    assert [waiting(each_redis, queue) for queue in QUEUES] == [[], [], []]


def test_a_direct_call_and_matches_at_once_claim_one(each_redis: redis_py.Redis) -> None:
    """CTI-Q5: whichever script claims, an agent is claimed once."""
    acd = Acd(each_redis)
    here = agent(1, QUEUES)
    for turn in range(20):
        acd.save(here, "")
        enter(acd, f"queued{turn}")
        won: list[str] = []

        def direct(number: int, turn: int = turn, won: list[str] = won) -> None:
            token = f"direct{turn}-{number}"
            if acd.claim_agent(here, token, "leg", "call", NOW):
                won.append(token)

        def queued(won: list[str] = won) -> None:
            if (found := match(acd, 7)) is not None:
                won.append(found.token)

        all_at_once([queued, queued, lambda: direct(1), lambda: direct(2)])
        assert len(won) == 1
        held = acd.load(TENANT, 1)
        assert held is not None
        assert held.token == won[0]
        assert acd.save(here, won[0]) is None
