"""Matching and ringing: which waiting call goes to which agent, and who is claimed and rung for it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from core.clock import now_ms
from core.documents import DispatchRule
from cti.acd.agents import Agent, can_be_rung
from cti.acd.dispatch import Why, terms_of
from cti.acd.matching import Acd, Match
from cti.call import inputs, steps
from cti.call.model import Call, Offer, Outside
from cti.controller.agent_legs import AgentLeg, AgentLegs
from cti.controller.agents import Agents
from cti.controller.documents import Documents
from cti.controller.metrics import Metrics
from cti.controller.reach import Reach
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.rung_together import RungTogether
from cti.controller.runner import CallRunner
from cti.esl.client import SwitchClient

log = structlog.get_logger(__name__)


class Ringing:
    """Puts one call and one agent together, atomically in Redis; the state machine decides what comes of it."""

    def __init__(
        self,
        *,
        switch: SwitchClient,
        redis: RedisGuard,
        acd: Acd,
        documents: Documents,
        agents: Agents,
        legs: AgentLegs,
        reach: Reach,
        metrics: Metrics,
        calls: Mapping[str, CallRunner],
    ) -> None:
        self._switch = switch
        self._redis = redis
        self._acd = acd
        self._documents = documents
        self._agents = agents
        self._legs = legs
        self._reach = reach
        self._metrics = metrics
        self._calls = calls
        self._together = RungTogether(redis=redis, acd=acd, agents=agents, calls=calls)

    def match_queue(self, tenant_id: int, queue_id: int) -> None:
        """Match waiting calls of the queue with idle agents, as many as there are."""
        self._match(tenant_id, (queue_id,))

    def agent_available(self, agent: Agent) -> None:
        """An agent became free: the first caller of the agent's queues is next; where nobody waits, one for whom all
        are being rung.
        """
        self._match(agent.tenant_id, agent.queue_ids)
        self._join(agent.account_id)

    def _match(self, tenant_id: int, queue_ids: tuple[int, ...]) -> None:
        terms = {queue_id: terms_of(self._documents.queue(queue_id)) for queue_id in queue_ids}
        while self._switch.connected:
            token = leg_id = str(uuid.uuid4())  # one secret for both: less to tell the switch
            at_ms = now_ms()  # one moment: what was asked for then is what is offered, and told
            try:
                match = self._redis.run(
                    lambda _: self._acd.match(tenant_id, queue_ids, token, leg_id, at_ms, terms)  # noqa: B023
                )
            except RedisAwayError:
                return
            if match is None:
                return
            self._ring(tenant_id, match, at_ms)
            self._metrics.matches.inc()
            log.info("matched", call_id=match.call_id, agent=match.agent_id, queue=match.queue_id)

    def _ring(self, tenant_id: int, match: Match, at_ms: int) -> None:
        agent = self._agents.claimed(
            match.agent_id, token=match.token, leg_id=match.leg_id, call_id=match.call_id, at_ms=at_ms
        )
        runner = self._calls.get(match.call_id)
        if agent is None or runner is None:
            self._undo(tenant_id, match, agent, runner)
            return
        all_ring = match.why.rule == DispatchRule.RING_ALL
        with runner.offer_coming():
            others = self._together.others(tenant_id, match, at_ms)
            chosen = [(agent, match.why), *others]
            first, *more = self._rung(runner.call, match.queue_id, chosen, at_ms)
            if all_ring:
                first.why = msgspec.structs.replace(match.why, candidates=len(chosen))
            runner.post(inputs.Matched(at_ms=at_ms, offer=first, others=tuple(more)))
        if all_ring:
            self._together.note(match.queue_id, match.call_id)

    def resumed(self, call: Call) -> None:
        """Go on ringing whoever becomes free for a call that another controller had all agents rung for."""
        if any(
            each.why is not None and each.why.rule == DispatchRule.RING_ALL for each in steps.ringing(call)
        ):
            self._together.note(call.queue_id, call.id)

    def _rung(
        self, call: Call, queue_id: int, chosen: Sequence[tuple[Agent, Why]], at_ms: int
    ) -> list[Offer]:
        """Ring the agents, claimed for the call. All that may wait comes before the first leg: from there on nothing
        does, so that the call is told of its offers before anything is heard of them.
        """
        queue = self._documents.queue(queue_id)
        prepared = [(self._legs.prepare(call, agent), why) for agent, why in chosen]
        offers = []
        for each, why in prepared:
            offer = self._legs.dial(call, each, queue_id, queue.ring_timeout_s if queue else 60, at_ms)
            offer.why = why
            offers.append(offer)
        return offers

    def _join(self, account_id: int) -> None:
        agent = self._agents.get(account_id)
        found = self._together.wanted(agent) if agent is not None and self._switch.connected else None
        if agent is None or found is None:
            return
        runner, queue_id = found
        chosen = self._together.join(runner.call, queue_id, agent)
        if chosen is not None:
            at_ms = chosen[0].claimed_ms
            (offer,) = self._rung(runner.call, queue_id, [chosen], at_ms)
            runner.post(inputs.OfferAdded(at_ms=at_ms, offer=offer))
            log.info("rung_too", call_id=runner.call.id, agent=account_id, queue=queue_id)

    def _undo(self, tenant_id: int, match: Match, agent: Agent | None, runner: CallRunner | None) -> None:
        """One side of a match is not here any more: the other goes back to where it was."""
        log.warning("match_undone", call_id=match.call_id, agent=match.agent_id)
        if agent is not None:
            self._agents.free(match.agent_id, match.token)
        if runner is not None:
            call = runner.call
            try:
                self._redis.run(
                    lambda _: self._acd.enqueue(
                        tenant_id,
                        match.queue_id,
                        call.id,
                        call.priority,
                        match.order,
                        1_000_000,
                        entered_ms=call.queue_entered_ms,
                    )
                )
            except RedisAwayError:
                log.info("left_to_the_audit", call_id=call.id)

    def ring(self, call_id: str, agent: Agent, queue_id: int) -> None:
        """Offer a call, taken out of its queue, to an agent who was claimed for it by hand."""
        runner, queue, at_ms = self._calls.get(call_id), self._documents.queue(queue_id), now_ms()
        if runner is None:
            self._agents.free(agent.account_id, agent.token)
            return
        ring_s = queue.ring_timeout_s if queue else 60
        with runner.offer_coming():
            offer = self._legs.originate(runner.call, agent, queue_id, ring_s, at_ms)
            runner.post(inputs.Matched(at_ms=at_ms, offer=offer))

    def offer_extension(self, call: Call, extension_id: int, agent_id: int = 0) -> Offer | None:
        """Claim and ring whoever is signed in on the extension; None when nobody can be rung, or it is not
        `agent_id`.
        """
        agent = self._agents.on_extension(extension_id)
        if (
            agent is None
            or agent.tenant_id != call.tenant_id
            or agent_id not in (0, agent.account_id)
            or not can_be_rung(agent)
            or not self._switch.connected
        ):
            return None
        token = leg_id = str(uuid.uuid4())
        at_ms = now_ms()
        try:
            won = self._redis.run(lambda _: self._acd.claim_agent(agent, token, leg_id, call.id, at_ms))
        except RedisAwayError:
            return None
        claimed = won and self._agents.claimed(
            agent.account_id, token=token, leg_id=leg_id, call_id=call.id, at_ms=at_ms
        )
        return self._legs.originate(call, claimed, 0, 60, at_ms) if claimed else None

    def forward(self, call: Call, extension_id: int) -> Outside | None:
        """Return the way to the bound number of an extension nobody is signed in on (CTI-E3), its places taken; None
        when it does not forward, or cannot now. Whoever is signed in is rung as an agent, there too.
        """
        if self._agents.on_extension(extension_id) is not None:
            return None
        return self._reach.forward(call, extension_id, str(uuid.uuid4()))

    def wins(self, leg: AgentLeg) -> bool:
        """Return whether an answered leg is the first for its claim; from memory while Redis is away."""
        try:
            won = self._redis.run(
                lambda _: self._acd.answer(leg.tenant_id, leg.agent_id, leg.token, leg.leg_id)
            )
        except RedisAwayError:
            won = None
        if won is not None:
            return won
        agent = self._agents.get(leg.agent_id)
        return agent is not None and agent.token == leg.token and agent.leg_id == leg.leg_id
