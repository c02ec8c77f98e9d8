"""Queues that ring all (CTI-Q2): who else is claimed for a caller, and for whom an agent who becomes free rings too.

What comes of it is decided when the call is told (`cti.call.ring_all`): of two who join in one moment one may be one
too many.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping

import structlog

from core.clock import now_ms
from core.documents import DispatchRule
from cti.acd.agents import Agent, places, takes
from cti.acd.dispatch import AT_ONCE, Terms, Why, why
from cti.acd.matching import Acd, Match
from cti.call import ring_all, steps
from cti.call.model import Call, Phase
from cti.controller.agents import Agents
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.runner import CallRunner

log = structlog.get_logger(__name__)


class RungTogether:
    """Claims beyond a call's first, and an index of the calls that have some, by queue."""

    def __init__(
        self, *, redis: RedisGuard, acd: Acd, agents: Agents, calls: Mapping[str, CallRunner]
    ) -> None:
        self._redis = redis
        self._acd = acd
        self._agents = agents
        self._calls = calls
        self._ids: defaultdict[int, set[str]] = defaultdict(set)

    def others(self, tenant_id: int, match: Match, at_ms: int) -> list[tuple[Agent, Why]]:
        """Claim whoever else rings for a matched caller, those idle longest; nobody where the rule is another one."""
        if match.why.rule != DispatchRule.RING_ALL:
            return []
        tokens = [str(uuid.uuid4()) for _ in range(AT_ONCE - 1)]
        return self._claim(tenant_id, match.queue_id, match.call_id, tokens, at_ms)

    def note(self, queue_id: int, call_id: str) -> None:
        """The call was just told, by its inbox, that all of the queue ring for it."""
        self._ids[queue_id].add(call_id)

    def wanted(self, agent: Agent) -> tuple[CallRunner, int] | None:
        """Return the first call, with its queue, for which this free agent is rung like all others; None for none."""
        found = [
            (runner, place.queue_id)
            for place in places(agent)
            if takes(agent, place)
            for runner in self._rung_in(place.queue_id)
            if _is_on_its_way(runner) or ring_all.may_join(runner.call, place.queue_id, agent.account_id)
        ]
        return min(found, key=lambda each: each[0].call.queue_order, default=None)

    def join(self, call: Call, queue_id: int, agent: Agent) -> tuple[Agent, Why] | None:
        """Claim a free agent for a call others are rung for already; None when somebody else has them by now."""
        token, count = str(uuid.uuid4()), len(steps.ringing(call))
        found = self._claim(
            agent.tenant_id, queue_id, call.id, [token], now_ms(), agent_id=agent.account_id, ringing=count
        )
        return found[0] if found else None

    def _rung_in(self, queue_id: int) -> list[CallRunner]:
        found = []
        for call_id in list(self._ids.get(queue_id, ())):
            runner = self._calls.get(call_id)
            rings = runner is not None and runner.call.phase is Phase.OFFERING
            if runner is not None and (rings or not runner.idle):
                found.append(runner)
            else:
                self._ids[queue_id].discard(call_id)
        return found

    def _claim(
        self,
        tenant_id: int,
        queue_id: int,
        call_id: str,
        tokens: list[str],
        at_ms: int,
        *,
        agent_id: int = 0,
        ringing: int = 1,
    ) -> list[tuple[Agent, Why]]:
        """Claim in Redis and note it here; `ringing` are who ring already. What Redis did and nobody was told of, when
        it goes away just then, is freed when it is back.
        """
        try:
            taken = self._redis.run(
                lambda _: self._acd.claim_idle(tenant_id, queue_id, call_id, tokens, at_ms, agent_id)
            )
        except RedisAwayError:
            return []
        result = []
        for each in taken:
            agent = self._agents.claimed(
                each.agent_id, token=each.token, leg_id=each.token, call_id=call_id, at_ms=at_ms
            )
            if agent is None:
                log.warning("claimed_and_gone", call_id=call_id, agent=each.agent_id)
                continue
            reason = why(
                Terms(rule=DispatchRule.RING_ALL),
                by=DispatchRule.RING_ALL,
                candidates=ringing + len(taken),
                score=each.score,
                entered_ms=at_ms,
                now_ms=at_ms,
            )
            result.append((agent, reason))
        return result


def _is_on_its_way(runner: CallRunner) -> bool:
    """Return whether the call, still waiting, may find the offers of a match in its inbox."""
    return runner.call.phase is Phase.WAITING and not runner.idle
