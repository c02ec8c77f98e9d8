"""The ACD's hands on Redis: each method runs one script, or raises when Redis is away. Nothing is decided here."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from core import keys
from cti.acd import scripts
from cti.acd.agents import Agent, available, can_be_rung


@dataclasses.dataclass(frozen=True, kw_only=True)
class Match:
    """A caller and an agent, taken from both sides in one step."""

    call_id: str
    queue_id: int
    agent_id: int
    order: int
    token: str
    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """What somebody else had put on an agent."""

    token: str
    leg_id: str
    call_id: str
    claimed_ms: int


_encode = msgspec.json.Encoder().encode
_decode_agent = msgspec.json.Decoder(Agent).decode


class Acd:
    """Runs the scripts on one Redis client (`redis.Redis` with byte replies)."""

    def __init__(self, client: Any) -> None:
        self._enqueue = client.register_script(scripts.ENQUEUE)
        self._match = client.register_script(scripts.MATCH)
        self._claim_agent = client.register_script(scripts.CLAIM_AGENT)
        self._save_agent = client.register_script(scripts.SAVE_AGENT)
        self._drop_agent = client.register_script(scripts.DROP_AGENT)
        self._hold_extension = client.register_script(scripts.HOLD_EXTENSION)
        self._free_extension = client.register_script(scripts.FREE_EXTENSION)
        self._answer = client.register_script(scripts.ANSWER)
        self._take_route = client.register_script(scripts.TAKE_ROUTE)
        self._client = client

    def take_route(self, tenant_id: int, route_id: int, call_id: str, limit: int) -> bool:
        """Take a place on a route; False when `limit` calls are up. Taking twice takes once."""
        return bool(self._take_route(keys=[keys.route_calls(tenant_id, route_id)], args=[call_id, limit]))

    def leave_route(self, tenant_id: int, route_id: int, call_id: str) -> None:
        """Give the place back."""
        self._client.srem(keys.route_calls(tenant_id, route_id), call_id)

    def enqueue(
        self, tenant_id: int, queue_id: int, call_id: str, priority: int, order: int, max_waiting: int
    ) -> int:
        """Stand in the queue; returns the order, or -1 when it is full. Entering twice keeps the first place."""
        names = [
            keys.waiting(tenant_id, queue_id),
            keys.idle(tenant_id, queue_id),
            keys.order_counter(tenant_id),
        ]
        return int(self._enqueue(keys=names, args=[call_id, priority, order, max_waiting]))

    def leave_queue(self, tenant_id: int, queue_id: int, call_id: str) -> None:
        """Leave the queue; no harm when not in it."""
        self._client.zrem(keys.waiting(tenant_id, queue_id), call_id)

    def match(
        self, tenant_id: int, queue_ids: tuple[int, ...], token: str, leg_id: str, now_ms: int
    ) -> Match | None:
        """Match the first caller of these queues who can be served with the agent idle longest, or None."""
        if not queue_ids:
            return None
        names = [f(tenant_id, queue) for queue in queue_ids for f in (keys.waiting, keys.idle)]
        args = [keys.agent_prefix(tenant_id), token, leg_id, now_ms, *queue_ids]
        answer: list[bytes] = [b"again"]
        while answer == [b"again"]:
            answer = self._match(keys=names, args=args)
        if not answer:
            return None
        call_id, queue_id, agent_id, order = answer[:4]
        return Match(
            call_id=call_id.decode(),
            queue_id=int(queue_id),
            agent_id=int(agent_id),
            order=int(order),
            token=token,
            leg_id=leg_id,
        )

    def claim_agent(self, agent: Agent, token: str, leg_id: str, call_id: str, now_ms: int) -> bool:
        """Claim one agent for a direct call; False when busy or gone."""
        name = keys.agent(agent.tenant_id, agent.account_id)
        prefix = keys.queue_prefix(agent.tenant_id)
        args = [token, leg_id, call_id, now_ms, agent.account_id, prefix]
        return bool(self._claim_agent(keys=[name], args=args))

    def answer(self, tenant_id: int, agent_id: int, token: str, leg_id: str) -> bool | None:
        """Let the leg win the claim; None when Redis has forgotten the agent."""
        result = int(self._answer(keys=[keys.agent(tenant_id, agent_id)], args=[token, leg_id]))
        return None if result == 2 else bool(result)

    def save(self, agent: Agent, believed_token: str) -> Claim | None:
        """Write the agent and derive the idle sets; refused with the claim when somebody claimed meanwhile."""
        tenant = agent.tenant_id
        idle = available(agent)
        names = [keys.agent(tenant, agent.account_id), keys.agents(tenant)]
        names += [keys.idle(tenant, queue) for queue in agent.queue_ids]
        args = [
            believed_token,
            agent.account_id,
            _encode(agent),
            int(idle),
            agent.since_ms,
            int(can_be_rung(agent)),
            ",".join(str(queue) for queue in agent.queue_ids),
            agent.token,
            agent.leg_id,
            agent.call_id,
            agent.claimed_ms,
        ]
        answer = self._save_agent(keys=names, args=args)
        if not answer:
            return None
        token, leg_id, call_id, claimed = (part.decode() if part else "" for part in answer)
        return Claim(token=token, leg_id=leg_id, call_id=call_id, claimed_ms=int(claimed or 0))

    def drop(self, agent: Agent) -> bool:
        """Sign the agent out of Redis; False when claimed meanwhile."""
        names = [
            keys.agent(agent.tenant_id, agent.account_id),
            keys.agents(agent.tenant_id),
            keys.extension_holder(agent.tenant_id, agent.extension_id),
        ]
        return bool(self._drop_agent(keys=names, args=[agent.account_id, agent.token]))

    def hold_extension(self, tenant_id: int, extension_id: int, agent_id: int) -> int:
        """Take the extension for the agent; returns who holds it now."""
        name = keys.extension_holder(tenant_id, extension_id)
        return int(self._hold_extension(keys=[name], args=[agent_id]))

    def free_extension(self, tenant_id: int, extension_id: int, agent_id: int) -> None:
        """Give the extension back if this agent holds it."""
        self._free_extension(keys=[keys.extension_holder(tenant_id, extension_id)], args=[agent_id])

    def load(self, tenant_id: int, agent_id: int) -> Agent | None:
        """Return an agent as saved, with the claim that stands on it."""
        raw = self._client.hmget(keys.agent(tenant_id, agent_id), "data", "token", "leg", "call", "claimed")
        if raw[0] is None:
            return None
        agent: Agent = _decode_agent(raw[0])
        token, leg, call = (part.decode() if part else "" for part in raw[1:4])
        return msgspec.structs.replace(
            agent, token=token, leg_id=leg, call_id=call, claimed_ms=int(raw[4] or 0) if token else 0
        )
