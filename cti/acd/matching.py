"""The ACD's hands on Redis: each method runs one script, or raises when Redis is away. Nothing is decided here."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core import keys
from cti.acd import expected_wait, scripts
from cti.acd.agents import Agent, available, can_be_rung, places, takes
from cti.acd.dispatch import Terms, Why, score, why

MONTH_S = 30 * 86_400
DRAWS = 1_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Match:
    """A caller and an agent, taken from both sides in one step."""

    call_id: str
    queue_id: int
    agent_id: int
    order: int
    token: str
    leg_id: str
    why: Why


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """What somebody else had put on an agent."""

    token: str
    leg_id: str
    call_id: str
    claimed_ms: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Taken:
    """One more agent, taken for a call that has its first; `token` is the leg's uuid too."""

    agent_id: int
    token: str
    score: int


_encode = msgspec.json.Encoder().encode
_decode_agent = msgspec.json.Decoder(Agent).decode


class Acd:
    """Runs the scripts on one Redis client (`redis.Redis` with byte replies). `chance` draws agents under the rule
    ``random``.
    """

    def __init__(self, client: Any, chance: random.Random | None = None) -> None:
        self._chance = chance or random.SystemRandom()
        self._note_served = client.register_script(scripts.NOTE_SERVED)
        self._enqueue = client.register_script(scripts.ENQUEUE)
        self._match = client.register_script(scripts.MATCH)
        self._claim_idle = client.register_script(scripts.CLAIM_IDLE)
        self._claim_agent = client.register_script(scripts.CLAIM_AGENT)
        self._save_agent = client.register_script(scripts.SAVE_AGENT)
        self._drop_agent = client.register_script(scripts.DROP_AGENT)
        self._hold_extension = client.register_script(scripts.HOLD_EXTENSION)
        self._free_extension = client.register_script(scripts.FREE_EXTENSION)
        self._answer = client.register_script(scripts.ANSWER)
        self._client = client

    def enqueue(
        self,
        tenant_id: int,
        queue_id: int,
        call_id: str,
        priority: int,
        order: int,
        max_waiting: int,
        *,
        entered_ms: int = 0,
        last_agent: int = 0,
    ) -> int:
        """Stand in the queue; returns the order, or -1 when it is full. Entering twice keeps the first place.
        `entered_ms` is when the wait began, `last_agent` who talked with the caller last.
        """
        names = [
            keys.waiting(tenant_id, queue_id),
            keys.idle(tenant_id, queue_id),
            keys.order_counter(tenant_id),
            keys.waiting_facts(tenant_id, queue_id),
        ]
        facts = f"{entered_ms}:{last_agent}"
        return int(self._enqueue(keys=names, args=[call_id, priority, order, max_waiting, facts]))

    def leave_queue(self, tenant_id: int, queue_id: int, call_id: str) -> None:
        """Leave the queue; no harm when not in it."""
        with self._client.pipeline(transaction=False) as pipe:
            pipe.zrem(keys.waiting(tenant_id, queue_id), call_id)
            pipe.hdel(keys.waiting_facts(tenant_id, queue_id), call_id)
            pipe.execute()

    def match(
        self,
        tenant_id: int,
        queue_ids: tuple[int, ...],
        token: str,
        leg_id: str,
        now_ms: int,
        terms: Mapping[int, Terms] | None = None,
    ) -> Match | None:
        """Match the first caller of these queues who can be served with the agent the queue's rule says, or None.
        A queue without `terms` has the default ones.
        """
        if not queue_ids:
            return None
        known = terms or {}
        names = [
            f(tenant_id, queue) for queue in queue_ids for f in (keys.waiting, keys.idle, keys.waiting_facts)
        ]
        args: list[Any] = [keys.agent_prefix(tenant_id), token, leg_id, now_ms, self._chance.randrange(DRAWS)]
        for queue in queue_ids:
            of = known.get(queue, Terms())
            args += [queue, of.rule.value, int(of.last_agent_first), of.level, of.step_ms]
        answer: list[Any] = [b"again"]
        while answer == [b"again"]:
            answer = self._match(keys=names, args=args)
        if not answer:
            return None
        call_id, queue_id, agent_id, order, candidates, by_score, by, entered_ms = answer
        of = known.get(int(queue_id), Terms())
        return Match(
            call_id=call_id.decode(),
            queue_id=int(queue_id),
            agent_id=int(agent_id),
            order=int(order),
            token=token,
            leg_id=leg_id,
            why=why(
                of,
                by=by.decode(),
                candidates=int(candidates),
                score=int(by_score),
                entered_ms=int(entered_ms),
                now_ms=now_ms,
            ),
        )

    def claim_idle(
        self,
        tenant_id: int,
        queue_id: int,
        call_id: str,
        tokens: Sequence[str],
        now_ms: int,
        agent_id: int = 0,
    ) -> list[Taken]:
        """Claim idle agents of the queue for a call, one for each token at most, those idle longest first; with an
        `agent_id` that one alone.
        """
        args = [keys.agent_prefix(tenant_id), call_id, now_ms, agent_id or "", *tokens]
        found = self._claim_idle(keys=[keys.idle(tenant_id, queue_id)], args=args)
        pairs = zip(found[::2], found[1::2], tokens, strict=False)
        return [
            Taken(agent_id=int(agent), token=token, score=int(float(number)))
            for agent, number, token in pairs
        ]

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
        standing = places(agent)
        names = [keys.agent(tenant, agent.account_id), keys.agents(tenant)]
        names += [keys.idle(tenant, place.queue_id) for place in standing]
        args = [
            believed_token,
            agent.account_id,
            _encode(agent),
            int(idle),
            int(can_be_rung(agent)),
            ",".join(str(queue) for queue in agent.queue_ids),
            agent.token,
            agent.leg_id,
            agent.call_id,
            agent.claimed_ms,
            *(score(agent, place) if takes(agent, place) else "" for place in standing),
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

    # --- what is remembered of those who were served ------------------------------------------------------------

    def note_served(self, tenant_id: int, queue_id: int, entered_ms: int, now_ms: int) -> None:
        """A caller of the queue, waiting since `entered_ms`, was served."""
        name = keys.served(tenant_id, queue_id)
        newest = self._client.lindex(name, 0)
        last_ms = int(newest.split(b":")[0]) if newest else 0
        length = expected_wait.interval_ms(last_ms, entered_ms, now_ms)
        if length is not None:
            args = [now_ms, length, expected_wait.KEPT, expected_wait.WINDOW_MS]
            self._note_served(keys=[name], args=args)

    def expected_wait_s(self, tenant_id: int, queue_id: int, position: int, now_ms: int) -> int | None:
        """Return how long who stands at `position` will probably wait; None when that is not known."""
        found = self._client.lrange(keys.served(tenant_id, queue_id), 0, expected_wait.KEPT - 1)
        intervals = [(int(at), int(length)) for at, _, length in (each.partition(b":") for each in found)]
        return expected_wait.expected_wait_s(position, intervals, now_ms)

    def note_last_agent(self, tenant_id: int, number: str, agent_id: int) -> None:
        """Remember for a month who talked with a caller."""
        self._client.set(keys.last_agent(tenant_id, _hashed(number)), agent_id, ex=MONTH_S)

    def last_agent(self, tenant_id: int, number: str) -> int:
        """Return the account that talked with a caller last, 0 for none."""
        return int(self._client.get(keys.last_agent(tenant_id, _hashed(number))) or 0)

    def note_calls(self, agent: Agent) -> None:
        """Keep the agent's calls of the day beyond their signing out."""
        name = keys.talks(agent.tenant_id, agent.calls_day)
        with self._client.pipeline(transaction=False) as pipe:
            pipe.hset(name, str(agent.account_id), agent.calls_today)
            pipe.expire(name, 2 * 86_400)
            pipe.execute()

    def calls_of_day(self, tenant_id: int, account_id: int, day: str) -> int:
        """Return how many calls an agent had on an ISO date."""
        return int(self._client.hget(keys.talks(tenant_id, day), str(account_id)) or 0)


def _hashed(number: str) -> str:
    return hashlib.blake2b(number.encode(), digest_size=12).hexdigest()
