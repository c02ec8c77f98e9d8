"""What screens are told of waiting calls and of microphones; who waits is said at most once a second."""

from __future__ import annotations

from collections.abc import Mapping

import gevent

from core import bus
from cti import supervision
from cti.acd.agents import Agent
from cti.call.model import Call, Phase
from cti.controller import live
from cti.controller.agents import Agents
from cti.controller.runner import CallRunner
from cti.controller.state_writer import StateWriter

SHOWN_AGAIN_S = 1.0
"""Who waits in a queue is told at most so often."""


class Screens:
    """Looks at the calls of this cell; changes none."""

    def __init__(self, *, writer: StateWriter, agents: Agents, calls: Mapping[str, CallRunner]) -> None:
        self._writer = writer
        self._agents = agents
        self._calls = calls
        self._showing: set[int] = set()
        """Queues of which the screens will soon be told who waits."""

    def staffed(self, tenant_id: int, queue_id: int) -> bool:
        """Return whether anybody is signed in who takes the queue's calls, now or in another state."""
        return any(each.tenant_id == tenant_id and queue_id in each.queue_ids for each in self._agents)

    def queue_position(self, call: Call, order: int) -> int:
        """Return which in its queue a call with this order is, as far as this cell knows."""
        others = (runner.call for runner in self._calls.values() if runner.call.id != call.id)
        return 1 + sum(
            other.queue_id == call.queue_id and other.phase is Phase.WAITING and 0 < other.queue_order < order
            for other in others
        )

    def queue_changed(self, tenant_id: int, queue_id: int) -> None:
        """Tell the screens how many calls of this cell wait in a queue, and since when the first."""
        since = [
            runner.call.queue_entered_ms
            for runner in self._calls.values()
            if runner.call.queue_id == queue_id and runner.call.phase is Phase.WAITING
        ]
        live.queue_changed(self._writer, tenant_id, queue_id, since)
        if queue_id not in self._showing:
            self._showing.add(queue_id)
            gevent.spawn_later(SHOWN_AGAIN_S, self._show_waiting, tenant_id, queue_id)

    def _show_waiting(self, tenant_id: int, queue_id: int) -> None:
        self._showing.discard(queue_id)
        standing = (
            runner.call
            for runner in self._calls.values()
            if runner.call.queue_id == queue_id and runner.call.phase is Phase.WAITING
        )
        live.queue_waiting(self._writer, tenant_id, queue_id, standing)

    def leg_muted(self, agent: Agent, leg_id: str, muted: bool) -> None:
        """Tell the agent's screens that the microphone is off or on."""
        data = {"call_id": agent.call_id, "leg_id": leg_id, "account_id": agent.account_id, "muted": muted}
        runner = self._calls.get(agent.call_id)
        queues = supervision.queues_of(runner.call, agent) if runner is not None else ()
        audience = (f"agent:{agent.account_id}", "admin", *map(bus.supervisors_audience, queues))
        self._writer.event(agent.tenant_id, audience, "call.muted", data)
