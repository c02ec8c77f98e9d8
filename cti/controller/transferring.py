"""Transfers agents ask for (DSK-3): the target checked, places for an outside number taken, the call told.

What is refused leaves nothing behind. Whether the target is reached after all is the call's affair
(`cti.call.in_transfer`).
"""

from __future__ import annotations

import uuid
from typing import Any

from core.clock import now_ms
from core.documents import QueueDoc, TenantDoc
from cti.acd.agents import Agent, can_be_rung
from cti.acd.matching import Acd
from cti.call import inputs
from cti.call.model import Call, ConsultState, Offer, Outside, Phase, TransferKind, TransferTarget
from cti.controller.board import Board
from cti.controller.dialling import DialRefused, plan_of
from cti.controller.limits import Limits
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.esl.client import SwitchClient


class Transferrer:
    """Begins transfers out of an agent's talk."""

    def __init__(
        self, *, switch: SwitchClient, redis: RedisGuard, acd: Acd, board: Board, limits: Limits
    ) -> None:
        self._switch = switch
        self._redis = redis
        self._acd = acd
        self._board = board
        self._limits = limits

    def blind(self, agent: Agent, leg_id: str, to: dict[str, Any]) -> None:
        """Hand the agent's customer over to `to` (docs/contracts.md). Raises :class:`DialRefused`."""
        call = self._talk(agent, leg_id)
        target = self._target(agent, call, to)
        asked = inputs.TransferAsked(at_ms=now_ms(), leg_id=leg_id, to=target)
        if not self._board.ask(call.id, asked):
            self._give_back(None, target)
            raise _late()

    def consult(self, agent: Agent, leg_id: str, to: dict[str, Any]) -> None:
        """Call `to` (an agent or a number) from the agent's leg; the customer is held. Raises :class:`DialRefused`."""
        call = self._talk(agent, leg_id)
        target = self._target(agent, call, to)
        if target.kind not in (TransferKind.AGENT, TransferKind.NUMBER):
            raise DialRefused("no-such-target", "not-a-person")
        offer = self._claim(call, target.id) if target.kind is TransferKind.AGENT else None
        asked = inputs.ConsultAsked(at_ms=now_ms(), leg_id=leg_id, to=target, offer=offer)
        if not self._board.ask(call.id, asked):
            self._give_back(offer, target)
            raise _late()

    def _give_back(self, offer: Offer | None, target: TransferTarget) -> None:
        """Let go of what was taken for a command that is not done; the call may have done so already."""
        if offer is not None:
            self._board.agents.free(offer.agent_id, offer.token)
        if target.outside is not None:
            self._limits.release(target.outside.leg_id)

    def cancel(self, agent: Agent, leg_id: str) -> None:
        """Take the customer back. Raises :class:`DialRefused`."""
        call = self._consulting(agent, leg_id)
        if not self._board.ask(call.id, inputs.ConsultCancelAsked(at_ms=now_ms(), leg_id=leg_id)):
            raise _late()

    def complete(self, agent: Agent, leg_id: str) -> None:
        """Connect the customer with whom the agent asked. Raises :class:`DialRefused`."""
        call = self._consulting(agent, leg_id)
        if call.consult is None or call.consult.state not in (ConsultState.TALKING, ConsultState.CONFERENCE):
            raise DialRefused("wrong-state", "dialling")
        if not self._board.ask(call.id, inputs.TransferCompleteAsked(at_ms=now_ms(), leg_id=leg_id)):
            raise _late()

    def join(self, agent: Agent, leg_id: str) -> None:
        """Bring the customer into the agent's talk with whom they asked. Raises :class:`DialRefused`."""
        call = self._consulting(agent, leg_id)
        if call.consult is None or call.consult.state is not ConsultState.TALKING:
            raise DialRefused("wrong-state", "dialling")
        if not self._board.ask(call.id, inputs.JoinAsked(at_ms=now_ms(), leg_id=leg_id)):
            raise _late()

    def _claim(self, call: Call, account_id: int) -> Offer:
        agent = self._board.agents.get(account_id)
        assert agent is not None  # just looked at, and nothing waited since
        token, at_ms = str(uuid.uuid4()), now_ms()
        try:
            won = self._redis.run(lambda _: self._acd.claim_agent(agent, token, token, call.id, at_ms))
        except RedisAwayError:
            raise DialRefused("switch-away", "redis") from None
        claimed = won and self._board.agents.claimed(
            account_id, token=token, leg_id=token, call_id=call.id, at_ms=at_ms
        )
        if not claimed:
            raise DialRefused("target-busy", "taken")
        return Offer(
            leg_id=token,
            agent_id=account_id,
            extension_id=agent.extension_id,
            queue_id=0,
            endpoint=agent.rings_on,
            token=token,
            offered_ms=at_ms,
        )

    def _consulting(self, agent: Agent, leg_id: str) -> Call:
        runner = self._board.calls.get(agent.call_id)
        if runner is None or runner.call.consult is None or runner.call.agent_leg != leg_id:
            raise DialRefused("wrong-state", agent.state.value)
        return runner.call

    def _talk(self, agent: Agent, leg_id: str) -> Call:
        runner = self._board.calls.get(agent.call_id)
        call = runner.call if runner is not None else None
        if (
            call is None
            or call.phase is not Phase.TALKING
            or call.agent_leg != leg_id
            or call.consult is not None
        ):
            raise DialRefused("wrong-state", agent.state.value)
        if not self._switch.connected:
            raise DialRefused("switch-away")
        return call

    def _target(self, agent: Agent, call: Call, to: dict[str, Any]) -> TransferTarget:
        kind = TransferKind(str(to["kind"]))
        if kind is TransferKind.NUMBER:
            return TransferTarget(kind=kind, outside=self._outside(agent, call, str(to["number"])))
        number = int(to["id"])
        if kind is TransferKind.AGENT:
            return TransferTarget(kind=kind, id=number, extension_id=self._reachable(agent, number))
        if kind is TransferKind.QUEUE:
            queue = self._board.documents.get(QueueDoc, number)
            known = queue is not None and queue.tenant_id == agent.tenant_id
        else:
            known = self._board.documents.flow_version(agent.tenant_id, number) > 0
        if not known:
            raise DialRefused("no-such-target", kind.value)
        return TransferTarget(kind=kind, id=number)

    def _reachable(self, agent: Agent, account_id: int) -> int:
        """Return the extension of the agent asked for, who must be there and free."""
        target = self._board.agents.get(account_id)
        if account_id == agent.account_id:
            raise DialRefused("no-such-target", "self")
        if target is None or target.tenant_id != agent.tenant_id:
            raise DialRefused("target-away")
        if not target.registered:
            raise DialRefused("target-away", "phone-away")
        if not can_be_rung(target):
            raise DialRefused("target-busy", target.state.value)
        return target.extension_id

    def _outside(self, agent: Agent, call: Call, number: str) -> Outside:
        documents = self._board.documents
        plan = plan_of(documents, agent, number)
        tenant = documents.get(TenantDoc, agent.tenant_id)
        assert tenant is not None  # plan_of refuses without one
        leg_id = str(uuid.uuid4())
        refused = self._limits.take(call.id, tenant=tenant, trunk=plan.trunk, leg_id=leg_id)
        if refused is not None:
            raise DialRefused("limit-reached", refused.limit.value)
        return Outside(
            leg_id=leg_id,
            number=plan.called,
            caller_id=plan.caller_id,
            trunk_id=plan.trunk.id,
            trunk_code=plan.trunk.code,
            dialled=plan.dialled,
            shown=plan.shown,
        )


def _late() -> DialRefused:
    """The call stood differently by the time it was told."""
    return DialRefused("wrong-state", "too-late")
