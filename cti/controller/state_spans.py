"""Leaves on the cell's disk how long each agent stood in each state, for the shipper (`cti.records.states`)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from core.clock import now_ms
from cti.acd.agents import Agent
from cti.records.state_facts import StateFact

log = structlog.get_logger(__name__)


class StateSpans:
    """One file a span, whole or not at all, when the next state begins or the agent leaves.

    It is written before the journal notes the new state: killed in between, the span is left again, with the same
    beginning, and counts once. A disk that refuses costs the figure, never the agent's change of state.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._standing: dict[int, Agent] = {}

    def restore(self, agents: Mapping[int, Agent]) -> None:
        """Take the states the journal knew: they go on."""
        self._standing = dict(agents)

    def note(self, account_id: int, agent: Agent | None) -> None:
        """The agent stands as `agent` says now; None: signed out."""
        before = self._standing.pop(account_id, None)
        if agent is not None:
            self._standing[account_id] = agent
        if before is None:
            return
        if agent is None:
            self._leave(before, now_ms())
        elif (agent.state, agent.since_ms) != (before.state, before.since_ms):
            self._leave(before, agent.since_ms)

    def _leave(self, agent: Agent, ended_ms: int) -> None:
        if not 0 < agent.since_ms < ended_ms:
            return
        fact = StateFact(
            fact="state",
            tenant_id=agent.tenant_id,
            account_id=agent.account_id,
            name=agent.name,
            state=agent.state.value,
            reason=agent.reason,
            began_ms=agent.since_ms,
            ended_ms=ended_ms,
        )
        name = f"{agent.tenant_id}-{agent.account_id}-{agent.since_ms}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = self._folder / f".{name}.new"
            temporary.write_bytes(msgspec.json.encode(fact))
            os.replace(temporary, self._folder / f"{name}.json")
        except OSError as error:
            log.error("state_not_left", agent=agent.account_id, why=str(error))
