"""Commands of supervisors (docs/contracts.md, ``supervise.…``). Who may send them was checked by who sent them; which
queues they reach comes with them (``queues``); here it is checked that agent and call are of those queues, and that
it can be done now. Refused with `supervision.Refused`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import structlog

from core import bus, keys
from core.clock import now_ms
from cti import supervision
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd
from cti.call import in_queue, inputs
from cti.call.model import Call
from cti.controller.board import Board
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.supervising import Supervising
from cti.supervision import Mode, Refused

log = structlog.get_logger(__name__)

Result = dict[str, Any]


class SuperviseCommands:
    """Each handler takes a command and returns what the answer says besides that it was done."""

    def __init__(self, supervising: Supervising, board: Board, redis: RedisGuard, acd: Acd) -> None:
        self._supervising = supervising
        self._board = board
        self._redis = redis
        self._acd = acd
        self.handlers: dict[str, Callable[[bus.Command], Result]] = {
            "supervise.start": self._start,
            "supervise.mode": self._mode,
            "supervise.stop": self.stop,
            "supervise.review": self._review,
            "supervise.hangup": self._hangup,
            "supervise.take_over": self._take_over,
            "supervise.pick_up": self._pick_up,
            "supervise.move": self._move,
            "supervise.set_state": self._set_state,
            "supervise.sign_out": self._sign_out,
        }

    # --- talks ------------------------------------------------------------------------------------------------------

    def _start(self, command: bus.Command) -> Result:
        body = command.body
        self._agent_and_call(command)
        watch = self._supervising.start(
            command.tenant, int(body["account_id"]), int(body["agent_id"]), Mode(str(body["mode"]))
        )
        return {"leg_id": watch.leg_id, "call_id": watch.call_id}

    def _mode(self, command: bus.Command) -> Result:
        mode = Mode(str(command.body["mode"]))
        at_it = self._supervising.of(int(command.body["account_id"]))
        if at_it is not None:
            self._require_within(command, self._board.agents.get(at_it.agent_id), self._call(at_it.call_id))
        watch = self._supervising.set_mode(command.tenant, int(command.body["account_id"]), mode)
        return {"agent_id": watch.agent_id, "call_id": watch.call_id}

    def stop(self, command: bus.Command) -> Result:
        """Let the supervisor's own leg go; the talk goes on."""
        watch = self._supervising.stop(command.tenant, int(command.body["account_id"]))
        return {"agent_id": watch.agent_id, "call_id": watch.call_id}

    def _review(self, command: bus.Command) -> Result:
        """End the supervisor's watch if they may be at no talk any more (``may``), or not at this one."""
        body = command.body
        watch = self._supervising.of(int(body["account_id"]))
        if watch is None or watch.leg_id != body["leg_id"] or watch.tenant_id != command.tenant:
            return {"ended": False}
        if body["may"] is True:
            try:
                self._require_within(
                    command, self._board.agents.get(watch.agent_id), self._call(watch.call_id)
                )
            except Refused:
                return {"ended": self._supervising.dismiss(watch)}
            return {"ended": False}
        return {"ended": self._supervising.dismiss(watch)}

    def _hangup(self, command: bus.Command) -> Result:
        agent, call = self._agent_and_call(command)
        call = supervision.require_talk(agent, call)
        by = int(command.body["account_id"])
        self._board.post(call.id, inputs.HangupAsked(at_ms=now_ms(), by=by, leg_id=agent.leg_id))
        return {"call_id": call.id}

    def _take_over(self, command: bus.Command) -> Result:
        body = command.body
        self._agent_and_call(command)
        call_id = self._supervising.take_over(command.tenant, int(body["account_id"]), int(body["agent_id"]))
        return {"call_id": call_id}

    # --- waiting calls ------------------------------------------------------------------------------------------------

    def _pick_up(self, command: bus.Command) -> Result:
        """Claim the supervisor, then the call: of two who want it one gets it, and no agent is offered it meanwhile."""
        body = command.body
        supervisor = supervision.require_supervisor(
            self._board.agents.get(int(body["account_id"])), command.tenant
        )
        if not rules.can_be_rung(supervisor):
            raise Refused("supervisor-not-ready", reason=supervisor.state.value)
        call = self._waiting(command)
        queue_id, token = call.queue_id, str(uuid.uuid4())
        at_ms = now_ms()
        try:
            if not self._redis.run(lambda _: self._acd.claim_agent(supervisor, token, token, call.id, at_ms)):
                raise Refused("supervisor-not-ready", reason="ringing")
            taken = self._redis.run(
                lambda client: client.zrem(keys.waiting(command.tenant, queue_id), call.id)
            )
            self._redis.run(lambda client: client.hdel(keys.waiting_facts(command.tenant, queue_id), call.id))
        except RedisAwayError:
            raise Refused("switch-away") from None
        agent = self._board.agents.claimed(
            supervisor.account_id, token=token, leg_id=token, call_id=call.id, at_ms=at_ms
        )
        if agent is None or not taken:
            self._board.agents.free(supervisor.account_id, token)
            if taken:
                # The supervisor signed out in between: the call stands in its queue again.
                self._board.post(call.id, inputs.TimerDue(at_ms=now_ms(), name=in_queue.RETRY_TIMER))
            raise Refused("not-waiting")
        self._board.ringing.ring(call.id, agent, queue_id)
        return {"call_id": call.id, "queue_id": queue_id}

    def _move(self, command: bus.Command) -> Result:
        body = command.body
        call, reach = self._waiting(command), _reach(command)
        queue_id, front = int(body["queue_id"]), bool(body.get("front"))
        queue = self._board.documents.queue(queue_id)
        beyond = reach is not None and queue_id not in reach
        if queue is None or queue.tenant_id != command.tenant or beyond:
            raise Refused("no-such-queue")
        if queue_id == call.queue_id and not front:
            return {"call_id": call.id, "queue_id": queue_id}
        order = self._before_all(command.tenant, queue_id) if front else 0
        if not self._board.ask(call.id, inputs.MoveAsked(at_ms=now_ms(), queue_id=queue_id, order=order)):
            raise Refused("not-waiting")
        return {"call_id": call.id, "queue_id": queue_id}

    def _before_all(self, tenant_id: int, queue_id: int) -> int:
        """Return a place before the first who waits; 0 (a new place, then the first one) when nobody does."""
        try:
            head: Any = self._redis.run(
                lambda client: client.zrange(keys.waiting(tenant_id, queue_id), 0, 0, withscores=True)
            )
        except RedisAwayError:
            raise Refused("switch-away") from None
        return max(1, int(head[0][1]) - 1) if head else 0

    # --- agents -------------------------------------------------------------------------------------------------------

    def _set_state(self, command: bus.Command) -> Result:
        agent = self._agent(command)
        state = AgentState(str(command.body["state"]))
        if state not in rules.CHOOSABLE:
            raise Refused("bad-command", reason="state")
        reason = str(command.body.get("reason", ""))[:80]
        after = self._board.agents.change(
            agent.account_id, lambda a: rules.choose(a, state, reason, now_ms())
        )
        return {"state": after.state.value, "next_state": after.next_state} if after else {}

    def _sign_out(self, command: bus.Command) -> Result:
        agent = self._agent(command)
        left = self._board.agents.change(agent.account_id, lambda a: rules.ask_to_leave(a, now_ms()))
        return {"signed_out": left is None}

    # --- common -------------------------------------------------------------------------------------------------------

    def _agent(self, command: bus.Command) -> Agent:
        found = self._board.agents.get(int(command.body["agent_id"]))
        agent = supervision.require_agent(found, command.tenant)
        supervision.require_agent_in(agent, _reach(command))
        return agent

    def _agent_and_call(self, command: bus.Command) -> tuple[Agent, Call | None]:
        """Return the agent meant and the call it has, both within the supervisor's queues."""
        agent = self._agent(command)
        call = self._call(agent.call_id)
        self._require_within(command, agent, call)
        return agent, call

    @staticmethod
    def _require_within(command: bus.Command, agent: Agent | None, call: Call | None) -> None:
        reach = _reach(command)
        if agent is not None:
            supervision.require_agent_in(agent, reach)
        supervision.require_call_in(call, agent, reach, "other-queue")

    def _waiting(self, command: bus.Command) -> Call:
        """Return the call meant, which waits in one of the supervisor's queues."""
        call = self._call(str(command.body["call_id"]))
        supervision.require_call_in(call, None, _reach(command), "no-such-call")
        return supervision.require_waiting(call, command.tenant)

    def _call(self, call_id: str) -> Call | None:
        runner = self._board.calls.get(call_id)
        return runner.call if runner is not None else None


def _reach(command: bus.Command) -> supervision.Reach:
    """Return the queues the command may be about. One that does not say is none of ours: ``KeyError``."""
    queues = command.body["queues"]
    return None if queues is None else frozenset(int(each) for each in queues)
