"""The agents of this cell: their states in memory, in Redis, in the journal and on the screens, kept together.

Memory is what this controller acts on, Redis is where the match claims (with a token), so every save is a compare and
set: when a claim came in between, the claim is taken over first and the change is made again on top of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import gevent
import gevent.lock
import msgspec
import structlog

from core.clock import now_ms
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd, Claim
from cti.controller.journal import AgentJournal
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.state_writer import StateWriter

log = structlog.get_logger(__name__)

Change = Callable[[Agent], Agent | None]
MAX_TRIES = 5
DESERTED_MS = 60_000
"""How long a web agent may have neither an open page nor a registration before they are signed out."""


class Agents:
    """Signed-in agents by account id."""

    def __init__(
        self,
        acd: Acd,
        redis: RedisGuard,
        writer: StateWriter,
        journal: AgentJournal,
        on_available: Callable[[Agent], None],
    ) -> None:
        self._acd = acd
        self._redis = redis
        self._writer = writer
        self._journal = journal
        self._on_available = on_available
        self._agents: dict[int, Agent] = {}
        self._wrap_timers: dict[int, gevent.Greenlet] = {}
        self._seen_ms: dict[int, int] = {}
        self._rest_timers: dict[int, gevent.Greenlet] = {}
        self._locks: defaultdict[int, gevent.lock.RLock] = defaultdict(gevent.lock.RLock)
        self._unsaved: dict[int, str] = {}
        """Agents Redis could not be told of, and the token it last had for each."""

    def __iter__(self) -> Iterator[Agent]:
        return iter(list(self._agents.values()))

    def get(self, account_id: int) -> Agent | None:
        """Return a signed-in agent."""
        return self._agents.get(account_id)

    def on_extension(self, extension_id: int) -> Agent | None:
        """Return who is signed in on an extension."""
        return next((agent for agent in self if agent.extension_id == extension_id), None)

    def with_user(self, user: str) -> Agent | None:
        """Return who uses the endpoint with this SIP user."""
        return next((agent for agent in self if agent.user == user), None)

    def seen(self, account_id: int) -> None:
        """Note that the agent's page is open."""
        self._seen_ms[account_id] = now_ms()

    def is_deserted(self, agent: Agent) -> bool:
        """Return whether a web agent's page and endpoint have both been away for the grace time, without a call."""
        if agent.endpoint != "web" or agent.registered or agent.token:
            return False
        return now_ms() - self._seen_ms.setdefault(agent.account_id, now_ms()) > DESERTED_MS

    def restore(self) -> None:
        """Take the journal's agents into memory; their claims are settled by the reconciliation."""
        self._agents = self._journal.load()

    def add(self, agent: Agent) -> None:
        """Sign an agent in; a claim Redis still holds on them is taken over (the audit frees it if it is dead)."""
        with self._locks[agent.account_id]:
            agent = self._with_calls(agent)
            self._agents[agent.account_id] = agent
            self.seen(agent.account_id)
            claim = self._settle(agent, "")
            if claim is not None:
                self._agents[agent.account_id] = self._with_claim(agent, claim)

    def change(self, account_id: int, change: Change) -> Agent | None:
        """Apply a pure change and let everybody know; a change that returns None signs the agent out.

        Changes of one agent are made one after the other, so that journal, screens and timers see the same order.
        """
        with self._locks[account_id]:
            return self._change(account_id, change)

    def _change(self, account_id: int, change: Change) -> Agent | None:
        for _ in range(MAX_TRIES):
            before = self._agents.get(account_id)
            if before is None:
                return None
            after = change(before)
            if after is None:
                if self._sign_out(before):
                    return None
                continue
            if after == before:
                return after
            self._agents[account_id] = after
            claim = self._settle(after, before.token)
            if claim is None:
                return after
            self._agents[account_id] = self._with_claim(before, claim)
        log.error("agent_change_given_up", agent=account_id)
        return self._agents.get(account_id)

    def claimed(self, account_id: int, *, token: str, leg_id: str, call_id: str, at_ms: int) -> Agent | None:
        """Note a claim the match has already made in Redis."""
        with self._locks[account_id]:
            agent = self._agents.get(account_id)
            if agent is None:
                return None
            taken = rules.claimed(agent, token=token, leg_id=leg_id, call_id=call_id, now_ms=at_ms)
            self._agents[account_id] = taken
            self._settle(taken, token)
            return taken

    def talk(self, account_id: int, token: str) -> None:
        """The claim with `token` became a conversation."""
        before = self.get(account_id)
        after = self.change(
            account_id, lambda agent: rules.talks(agent, now_ms()) if agent.token == token else agent
        )
        if before is not None and after is not None and before.calls_today != after.calls_today:
            self._keep_calls(after)

    def free(self, account_id: int, token: str, **how: object) -> None:
        """End the claim with `token`; nothing when it is not the agent's claim any more."""

        def end(agent: Agent) -> Agent | None:
            if agent.token != token:
                return agent
            return rules.freed(agent, now_ms=now_ms(), **how)  # type: ignore[arg-type]

        self.change(account_id, end)

    def republish(self) -> None:
        """Write every agent to Redis again (it forgot, or was away)."""
        for agent in self:
            try:
                self._redis.run(
                    lambda _, a=agent: self._acd.hold_extension(a.tenant_id, a.extension_id, a.account_id)  # type: ignore[misc]
                )
            except RedisAwayError:
                return
            with self._locks[agent.account_id]:
                current = self._agents.get(agent.account_id)
                if current is None:
                    continue
                claim = self._settle(current, self._unsaved.pop(current.account_id, current.token))
                if claim is not None:
                    log.warning("agent_claim_adopted", agent=agent.account_id, call=claim.call_id)
                    self._agents[agent.account_id] = self._with_claim(current, claim)

    # --- inside -------------------------------------------------------------------------------------------------

    def _with_calls(self, agent: Agent) -> Agent:
        """Return the agent with the calls they had today before they signed in."""
        today = rules.new_day(agent, now_ms())
        try:
            calls = self._redis.run(
                lambda _: self._acd.calls_of_day(today.tenant_id, today.account_id, today.calls_day)
            )
        except RedisAwayError:
            return today
        return msgspec.structs.replace(today, calls_today=max(today.calls_today, calls))

    def _keep_calls(self, agent: Agent) -> None:
        try:
            self._redis.run(lambda _: self._acd.note_calls(agent))
        except RedisAwayError:
            log.info("calls_not_kept", agent=agent.account_id)

    @staticmethod
    def _with_claim(agent: Agent, claim: Claim) -> Agent:
        return rules.claimed(
            agent, token=claim.token, leg_id=claim.leg_id, call_id=claim.call_id, now_ms=claim.claimed_ms
        )

    def _settle(self, agent: Agent, believed_token: str) -> Claim | None:
        """Write the agent everywhere. Returns the claim that stood in the way, if any."""
        try:
            claim = self._redis.run(lambda _: self._acd.save(agent, believed_token))
            self._unsaved.pop(agent.account_id, None)
        except RedisAwayError:
            claim = None
            self._unsaved.setdefault(agent.account_id, believed_token)
        if claim is not None:
            return claim
        self._journal.note(agent.account_id, agent)
        self._tell(agent)
        self._time_wrap_up(agent)
        self._time_rest(agent)
        if rules.available(agent):
            self._on_available(agent)
        return None

    def _sign_out(self, agent: Agent) -> bool:
        try:
            dropped = self._redis.run(lambda _: self._acd.drop(agent))
        except RedisAwayError:
            dropped = True
        if not dropped:
            claim = self._redis.run(lambda _: self._acd.load(agent.tenant_id, agent.account_id))
            if claim is not None:
                self._agents[agent.account_id] = claim
            return False
        self._agents.pop(agent.account_id, None)
        self._seen_ms.pop(agent.account_id, None)
        self._unsaved.pop(agent.account_id, None)
        self._journal.note(agent.account_id, None)
        self._drop_wrap_timer(agent.account_id)
        gone = {"account_id": agent.account_id, "extension_id": agent.extension_id, "state": "signed_out"}
        self._writer.event(
            agent.tenant_id, self._audience(agent), "agent.state", {**gone, "since_ms": now_ms()}
        )
        return True

    def _time_wrap_up(self, agent: Agent) -> None:
        self._drop_wrap_timer(agent.account_id)
        if agent.state is AgentState.WRAP_UP:
            delay_s = max(0.0, (agent.wrap_until_ms - now_ms()) / 1000)
            self._wrap_timers[agent.account_id] = gevent.spawn_later(
                delay_s, self._wrapped_up, agent.account_id
            )

    def _time_rest(self, agent: Agent) -> None:
        timer = self._rest_timers.pop(agent.account_id, None)
        if timer is not None and timer is not gevent.getcurrent():
            timer.kill(block=False)
        if agent.resting_until_ms:
            delay_s = max(0.0, (agent.resting_until_ms - now_ms()) / 1000)
            self._rest_timers[agent.account_id] = gevent.spawn_later(delay_s, self._rested, agent.account_id)

    def _rested(self, account_id: int) -> None:
        self._rest_timers.pop(account_id, None)
        self.change(account_id, rules.rested)

    def _wrapped_up(self, account_id: int) -> None:
        self._wrap_timers.pop(account_id, None)
        after = self.change(account_id, lambda agent: rules.wrap_up_rang(agent, now_ms()))
        if after is not None and after.state is AgentState.WRAP_UP:
            # It rang too early: the clock was set back, or the loop's own time ran behind.
            self._time_wrap_up(after)

    def _drop_wrap_timer(self, account_id: int) -> None:
        timer = self._wrap_timers.pop(account_id, None)
        if timer is not None and timer is not gevent.getcurrent():
            timer.kill(block=False)

    def _tell(self, agent: Agent) -> None:
        self._writer.event(agent.tenant_id, self._audience(agent), "agent.state", as_event(agent))

    @staticmethod
    def _audience(agent: Agent) -> tuple[str, ...]:
        return (f"agent:{agent.account_id}", "admin", *(f"queue:{queue}" for queue in agent.queue_ids))


def as_event(agent: Agent) -> dict[str, object]:
    """Return the data of an ``agent.state`` event."""
    return {
        "account_id": agent.account_id,
        "name": agent.name,
        "extension_id": agent.extension_id,
        "extension": agent.extension,
        "endpoint": agent.endpoint,
        "state": agent.state.value,
        "since_ms": agent.since_ms,
        "reason": agent.reason,
        "next_state": agent.next_state,
        "next_reason": agent.next_reason,
        "registered": agent.registered,
        "by_number": agent.by_number,
        "queue_ids": list(agent.queue_ids),
        "until_ms": agent.wrap_until_ms,
        "extended": agent.wrap_extended,
    }


def requeued(agent: Agent, queue_ids: tuple[int, ...]) -> Agent:
    """Return the agent with the queues of the extension as they are now."""
    return agent if agent.queue_ids == queue_ids else msgspec.structs.replace(agent, queue_ids=queue_ids)
