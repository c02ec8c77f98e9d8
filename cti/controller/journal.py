"""Signed-in agents on the cell's own disk, so that they survive a controller's death together with Redis' memory.

One JSON line per change, the last one of an agent counts. Compacted at every start and whenever it has become long for
the agents it tells of. Half a line (a kill in the middle, a full disk) is ignored.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from cti.acd.agents import Agent
from cti.controller.state_spans import StateSpans

log = structlog.get_logger(__name__)

LINES_FREE = 1000
LINES_PER_AGENT = 20
"""It is compacted past so many lines: that costs a line per agent, so each change pays a twentieth of one."""


class _Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    account_id: int
    agent: Agent | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


class AgentJournal:
    """An append-only file of agents. No fsync: it guards against our death, not the host's.

    A disk that refuses costs what a restart would have known, never the agent's change of state: what could not be
    written is written with the first change after there is room again.
    """

    def __init__(self, path: Path, spans: StateSpans | None = None) -> None:
        self._path = path
        self._spans = spans
        self._known: dict[int, Agent] = {}
        self._unwritten: set[int] = set()
        """Accounts whose last word is not in the file yet."""
        self._lines = 0
        self._torn = False
        """The file may end in half a line: the next one begins with a line's end."""
        self._failing = False

    def load(self) -> dict[int, Agent]:
        """Return the agents signed in by the last word of the journal, and compact it. Comes before any note."""
        agents: dict[int, Agent] = {}
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            for line in file:
                try:
                    entry = _decode(line)
                except ValueError:  # msgspec's are, and so is that of a name cut within a letter
                    continue
                if entry.agent is None:
                    agents.pop(entry.account_id, None)
                else:
                    agents[entry.account_id] = entry.agent
        self._known = dict(agents)
        self._compact()
        if self._spans is not None:
            self._spans.restore(agents)
        return agents

    def note(self, account_id: int, agent: Agent | None) -> None:
        """Append the agent's present state; None when signed out. What they stood in before is left for reports.

        Raises nothing when the disk refuses.
        """
        if self._spans is not None:
            self._spans.note(account_id, agent)
        if agent is None:
            self._known.pop(account_id, None)
        else:
            self._known[account_id] = agent
        self._unwritten.add(account_id)
        try:
            self._append()
        except OSError as error:
            if not self._failing:
                self._failing = True
                log.error("journal_not_written", reason=str(error))
            return
        if self._failing:
            self._failing = False
            log.info("journal_written_again")
        if self._lines > LINES_FREE + LINES_PER_AGENT * len(self._known):
            self._compact()

    def _append(self) -> None:
        """Write what is not in the file yet, line by line: what went in before the disk refused stays in."""
        if self._failing:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            for account_id in tuple(self._unwritten):
                begin = b"\n" if self._torn else b""
                self._torn = True
                file.write(begin + self._line(account_id))
                file.flush()
                self._torn = False
                self._unwritten.discard(account_id)
                self._lines += 1

    def _compact(self) -> None:
        """Put a file with a line per known agent in the journal's place; refused or killed, the old one stays."""
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(b"".join(map(self._line, self._known)))
            os.replace(temporary, self._path)
        except OSError as error:
            log.error("journal_not_compacted", reason=str(error))
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            self._torn = True  # by whoever wrote before us
            self._lines = LINES_PER_AGENT * len(self._known)  # tried again LINES_FREE later
            return
        self._lines = len(self._known)
        self._torn = False
        self._unwritten.clear()

    def _line(self, account_id: int) -> bytes:
        return _encode(_Line(account_id=account_id, agent=self._known.get(account_id))) + b"\n"
