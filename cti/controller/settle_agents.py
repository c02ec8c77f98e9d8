"""Makes agents agree with what else is known: documents, registrations, calls, the switch's legs."""

from __future__ import annotations

import msgspec
import structlog

from core.clock import now_ms
from core.documents import AccountDoc, TenantDoc
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.call.model import Call, Phase
from cti.controller import claims
from cti.controller.board import Board
from cti.endpoint_kinds import user_of

log = structlog.get_logger(__name__)


class AgentSettler:
    """May be repeated at any time."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def settle(self) -> None:
        """Bring every agent in line with accounts, queues, registrations and calls, which are known."""
        for agent in self._board.agents:
            if agent.token and not claims.stands(self._board, agent, now_ms()):
                self._board.metrics.repairs.labels(what="claim-freed").inc()
                log.warning("claim_freed", agent=agent.account_id, call_id=agent.call_id)
                self._board.agents.free(agent.account_id, agent.token)
            if self._must_leave(agent) or self._board.agents.is_deserted(agent):
                self._board.agents.change(agent.account_id, lambda a: rules.ask_to_leave(a, now_ms()))
                continue
            self._board.agents.change(agent.account_id, self._as_it_is)
            runner = self._board.calls.get(agent.call_id)
            if (
                runner is not None
                and runner.call.phase is Phase.TALKING
                and agent.state is AgentState.RINGING
                and not _is_asked(runner.call, agent)
            ):
                self._board.agents.talk(agent.account_id, agent.token)

    def _must_leave(self, agent: Agent) -> bool:
        """Return whether the account, its right to the extension or its company's standing is gone."""
        documents = self._board.documents
        account = documents.get(AccountDoc, agent.account_id)
        extension = documents.extension(agent.extension_id)
        if account is None and extension is None:
            return False  # nothing is known yet: no document was loaded
        tenant = documents.get(TenantDoc, agent.tenant_id)
        enabled = account is not None and account.enabled and (tenant is None or tenant.active)
        return not enabled or extension is None or agent.account_id not in extension.account_ids

    def _as_it_is(self, agent: Agent) -> Agent:
        extension = self._board.documents.extension(agent.extension_id)
        user = user_of(extension, agent.endpoint) if extension is not None else agent.user
        standing = self._board.reach.standing(extension, agent.endpoint)
        documents = self._board.documents
        after = msgspec.structs.replace(
            agent,
            user=user,
            registered=standing.registered,
            by_number=standing.by_number,
            queue_ids=documents.queues_of_extension(agent.extension_id),
            places=documents.places_of_extension(agent.extension_id),
            timezone=documents.timezone(agent.tenant_id),
        )
        return rules.new_day(after, now_ms())


def _is_asked(call: Call, agent: Agent) -> bool:
    """Return whether the agent is asked by the call's agent and has not answered yet."""
    return call.consult is not None and call.consult.leg_id == agent.leg_id and not call.consult.answered_ms
