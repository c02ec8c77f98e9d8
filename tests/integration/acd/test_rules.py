"""Dispatch rules in Redis, held against the same rule played by hand (CTI-Q2, Q3, Q5). On both Redis servers."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
import redis as redis_py
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.documents import DispatchRule
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState, Place
from cti.acd.dispatch import LAST_AGENT, Terms, asked_level
from cti.acd.matching import Acd, Match
from tests.integration.acd.stage import (
    NOW,
    QUEUE,
    TENANT,
    agent,
    all_at_once,
    changed,
    idle,
    released,
    taken,
    waiting,
)  # fmt: skip

ON_BOTH = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
RULES = list(DispatchRule)
_numbers = iter(range(10**9))


def member(account_id: int, rule: DispatchRule, *, level: int = 5, **how: object) -> Agent:
    """Return an idle agent of a queue with a rule."""
    place = Place(queue_id=QUEUE, rule=rule, level=level)
    return agent(account_id, places=(place,), **how)


def enter(
    acd: Acd, call_id: str, *, priority: int = 50, order: int = 0, entered_ms: int = NOW, last: int = 0
) -> int:
    """Have a caller stand in the queue."""
    return acd.enqueue(TENANT, QUEUE, call_id, priority, order, 1000, entered_ms=entered_ms, last_agent=last)


def match(acd: Acd, terms: Terms, now_ms: int = NOW) -> Match | None:
    """Match by the queue's terms, with a token nobody else has."""
    number = next(_numbers)
    return acd.match(TENANT, (QUEUE,), f"t{number}", f"leg{number}", now_ms, {QUEUE: terms})


def drained(acd: Acd, terms: Terms) -> list[Match]:
    """Match until nobody is left on one side."""
    found = []
    while (here := match(acd, terms)) is not None:
        found.append(here)
    return found


def by_hand(rule: DispatchRule, idle_agents: Iterable[Agent]) -> Agent:
    """Return whom the rule picks."""
    keys = {
        DispatchRule.LONGEST_IDLE: lambda a: a.since_ms,
        DispatchRule.ROUND_ROBIN: lambda a: a.offered_ms,
        DispatchRule.FEWEST_CALLS: lambda a: (a.calls_today, a.since_ms),
        DispatchRule.SKILLS: lambda a: (-a.places[0].level, a.since_ms),
        DispatchRule.RING_ALL: lambda a: a.since_ms,
    }
    return min(idle_agents, key=keys[rule])


AGENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=12)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule is not DispatchRule.RANDOM])
@ON_BOTH
@given(
    facts=AGENTS, priorities=st.lists(st.integers(0, 99), min_size=1, max_size=15), seed=st.integers(0, 99)
)
def test_every_rule_picks_whom_it_says_for_the_first_caller(
    each_redis: redis_py.Redis,
    rule: DispatchRule,
    facts: list[tuple[int, int, int]],
    priorities: list[int],
    seed: int,
) -> None:
    """CTI-Q2, Q5: callers by priority then arrival, agents by the rule, nobody twice."""
    each_redis.flushall()
    acd, chance = Acd(each_redis), random.Random(seed)
    floor = {}
    times = chance.sample(range(1, 1000), 2 * len(facts))
    for n, (calls, _, level) in enumerate(facts):
        since_ms, offered_ms = NOW - times[2 * n], NOW - times[2 * n + 1]
        each = member(10 + n, rule, level=level, calls_today=calls, since_ms=since_ms, offered_ms=offered_ms)
        floor[each.account_id] = each
        assert acd.save(each, "") is None
    for n, priority in enumerate(priorities):
        enter(acd, f"c{n}", priority=priority)
    line = sorted(range(len(priorities)), key=lambda n: (-priorities[n], n))
    found = drained(acd, Terms(rule=rule))
    assert len(found) == min(len(floor), len(line))
    for n, here in zip(line, found, strict=False):
        expected = by_hand(rule, floor.values())
        assert (here.call_id, here.agent_id) == (f"c{n}", expected.account_id)
        assert (here.why.rule, here.why.candidates) == (rule.value, len(floor))
        del floor[expected.account_id]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("last", [False, True])
def test_no_rule_gives_anybody_twice(each_redis: redis_py.Redis, rule: DispatchRule, last: bool) -> None:
    """CTI-Q5: eight matchers at once, agents who come back, callers who go back to their old place."""
    acd, terms = Acd(each_redis), Terms(rule=rule, last_agent_first=last, level=6, step_ms=1000)
    floor = {n: member(n, rule, level=1 + n % 9) for n in range(1, 13)}
    for each in floor.values():
        acd.save(each, "")
    calls = [f"c{n}" for n in range(60)]
    for n, call_id in enumerate(calls):
        enter(acd, call_id, priority=n % 3, last=1 + n % 12)
    served: list[str] = []

    def work(part: int) -> None:
        chance = random.Random(part)
        while len(served) < len(calls):
            found = match(acd, terms, NOW + 60_000)
            if found is None:
                continue
            held = taken(floor[found.agent_id], found)
            assert acd.save(held, found.token) is None, "the claim is ours alone"
            if chance.random() < 0.7:
                served.append(found.call_id)
            else:
                assert enter(acd, found.call_id, order=found.order) == found.order
            floor[found.agent_id] = changed(released(held), since_ms=NOW + chance.randint(0, 999))
            assert acd.save(floor[found.agent_id], found.token) is None

    all_at_once([lambda part=part: work(part) for part in range(8)])
    assert sorted(served) == sorted(calls)
    assert waiting(each_redis) == []
    assert sorted(idle(each_redis)) == sorted(floor)


def test_in_turn_goes_round_though_somebody_is_idle_longer(each_redis: redis_py.Redis) -> None:
    acd, terms = Acd(each_redis), Terms(rule=DispatchRule.ROUND_ROBIN)
    floor = {n: member(n, DispatchRule.ROUND_ROBIN, offered_ms=n) for n in (11, 12, 13)}
    for each in floor.values():
        acd.save(each, "")
    turns = []
    for turn in range(9):
        enter(acd, f"c{turn}")
        found = match(acd, terms)
        assert found is not None
        turns.append(found.agent_id)
        held = changed(taken(floor[found.agent_id], found), offered_ms=NOW + turn)
        back = changed(released(held), since_ms=0)
        acd.save(back, found.token)
        floor[found.agent_id] = back
    assert turns == [11, 12, 13] * 3


def test_a_draw_reaches_everybody_about_equally(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis, random.Random(7))
    floor = {n: member(n, DispatchRule.RANDOM) for n in range(1, 6)}
    for each in floor.values():
        acd.save(each, "")
    drawn = dict.fromkeys(floor, 0)
    for turn in range(500):
        enter(acd, f"c{turn}")
        found = match(acd, Terms(rule=DispatchRule.RANDOM))
        assert found is not None
        drawn[found.agent_id] += 1
        back = released(taken(floor[found.agent_id], found))
        acd.save(back, found.token)
        floor[found.agent_id] = back
    assert all(65 <= count <= 135 for count in drawn.values()), drawn


@ON_BOTH
@given(
    level=st.integers(1, 9),
    step_s=st.integers(0, 30),
    agents=st.lists(st.integers(1, 9), max_size=6),
    waits=st.lists(st.integers(0, 300), min_size=1, max_size=6),
)
def test_who_is_asked_for_relaxes_with_the_wait(
    each_redis: redis_py.Redis, level: int, step_s: int, agents: list[int], waits: list[int]
) -> None:
    """CTI-Q2: the first caller whose demand the best idle agent meets; the others wait on, in their order."""
    each_redis.flushall()
    acd = Acd(each_redis)
    terms = Terms(rule=DispatchRule.SKILLS, level=level, step_ms=step_s * 1000)
    levels = {10 + n: each for n, each in enumerate(agents)}
    for account_id, each in levels.items():
        acd.save(member(account_id, DispatchRule.SKILLS, level=each), "")
    for n, wait_s in enumerate(waits):
        enter(acd, f"c{n}", entered_ms=NOW - wait_s * 1000)
    left = list(range(len(waits)))
    found = drained(acd, terms)
    for here in found:
        best = max(levels.values())
        asked = {n: asked_level(terms, NOW - waits[n] * 1000, NOW) for n in left}
        expected = next(n for n in left if asked[n] <= best)
        assert here.call_id == f"c{expected}"
        assert (levels.pop(here.agent_id), here.why.value, here.why.asked) == (best, best, asked[expected])
        left.remove(expected)
    best = max(levels.values(), default=0)
    assert all(asked_level(terms, NOW - waits[n] * 1000, NOW) > best for n in left)


def test_the_callers_last_agent_goes_before_the_rule_when_idle(each_redis: redis_py.Redis) -> None:
    acd, terms = Acd(each_redis), Terms(last_agent_first=True)
    for account_id in (11, 12, 13):
        acd.save(member(account_id, DispatchRule.LONGEST_IDLE), "")
    enter(acd, "known", last=13)
    found = match(acd, terms)
    assert found is not None
    assert (found.agent_id, found.why.rule, found.why.candidates) == (13, LAST_AGENT, 3)
    enter(acd, "again", last=13)
    busy = match(acd, terms)
    assert busy is not None
    assert (busy.agent_id, busy.why.rule) == (11, "longest_idle"), "a busy one is not waited for"
    enter(acd, "other queue's rule", last=12)
    plain = match(acd, Terms())
    assert plain is not None
    assert plain.why.rule == "longest_idle"


@pytest.mark.parametrize("state", rules.QUEUE_DECIDES)
def test_a_queue_says_in_which_states_its_calls_come(each_redis: redis_py.Redis, state: AgentState) -> None:
    """CTI-Q2: per queue, so the same agent takes calls of one and not of the other."""
    acd = Acd(each_redis)
    closed = tuple(each.value for each in rules.QUEUE_DECIDES if each is not state)
    here = agent(queues=(7, 8), places=(Place(queue_id=7, closed=closed), Place(queue_id=8)), state=state)
    acd.save(here, "")
    assert (idle(each_redis, 7), idle(each_redis, 8)) == ([11], [])
    enter(acd, "call")
    found = match(acd, Terms())
    assert found is not None
    back = released(taken(here, found))
    assert back.state is (AgentState.READY if state is AgentState.WRAP_UP else state)


@ON_BOTH
@given(st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)), max_size=40))
def test_the_pace_is_kept_and_bounded(each_redis: redis_py.Redis, served: list[tuple[int, int]]) -> None:
    each_redis.flushall()
    acd, now_ms = Acd(each_redis), NOW
    for wait_ms, gap_ms in served:
        now_ms += gap_ms
        acd.note_served(TENANT, QUEUE, now_ms - wait_ms, now_ms)
    said = acd.expected_wait_s(TENANT, QUEUE, 2, now_ms)
    told = sum(wait_ms >= 1000 for wait_ms, _ in served)
    assert (said is None) == (told < 3)
    assert said is None or 0 <= said <= 120


def test_who_talked_last_and_how_often_is_remembered(each_redis: redis_py.Redis) -> None:
    acd = Acd(each_redis)
    assert acd.last_agent(TENANT, "+8613800138000") == 0
    acd.note_last_agent(TENANT, "+8613800138000", 12)
    assert acd.last_agent(TENANT, "+8613800138000") == 12
    assert acd.last_agent(TENANT + 1, "+8613800138000") == 0
    assert not [key for key in each_redis.keys("*last-agent*") if b"138" in key], "numbers are not in names"
    talked = rules.talks(agent(), NOW)
    acd.note_calls(talked)
    assert acd.calls_of_day(TENANT, talked.account_id, talked.calls_day) == 1
    assert acd.calls_of_day(TENANT, talked.account_id, "2001-01-01") == 0
