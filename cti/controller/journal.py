"""Signed-in agents on the cell's own disk, so that they survive a controller's death together with Redis' memory.

One JSON line per change, the last one of an agent counts; compacted at every start. A half-written last line (a kill in
the middle) is ignored.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from cti.acd.agents import Agent
from cti.controller.state_spans import StateSpans


class _Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    account_id: int
    agent: Agent | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


class AgentJournal:
    """An append-only file of agents. No fsync: it guards against our death, not the host's."""

    def __init__(self, path: Path, spans: StateSpans | None = None) -> None:
        self._path = path
        self._spans = spans

    def load(self) -> dict[int, Agent]:
        """Return the agents signed in by the last word of the journal, and compact it."""
        agents: dict[int, Agent] = {}
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            try:
                entry = _decode(line)
            except msgspec.MsgspecError:
                continue
            if entry.agent is None:
                agents.pop(entry.account_id, None)
            else:
                agents[entry.account_id] = entry.agent
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.writelines(
                _encode(_Line(account_id=key, agent=agent)) + b"\n" for key, agent in agents.items()
            )
        os.replace(temporary, self._path)
        if self._spans is not None:
            self._spans.restore(agents)
        return agents

    def note(self, account_id: int, agent: Agent | None) -> None:
        """Append the agent's present state; None when signed out. What they stood in before is left for reports."""
        if self._spans is not None:
            self._spans.note(account_id, agent)
        with self._path.open("ab") as file:
            file.write(_encode(_Line(account_id=account_id, agent=agent)) + b"\n")
