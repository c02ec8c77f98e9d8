"""An agent's own call (CTI-E5): checked by the rules, a place taken, the agent claimed, the call begun.

The claim is the one queue calls use, so neither a queue call nor a second dial meets it. What is refused leaves nothing
behind: no claim, no place, no key.
"""

from __future__ import annotations

import hashlib
import uuid

import structlog

from core import keys
from core.clock import now_ms
from core.documents import ExtensionDoc, TenantDoc, TrunkDoc
from core.settings import Settings
from cti import outbound
from cti.acd.agents import Agent, can_be_rung
from cti.acd.matching import Acd
from cti.call import inputs
from cti.call.model import Call, Offer
from cti.controller.board import Board
from cti.controller.documents import Documents
from cti.controller.limits import Limits
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.esl.client import SwitchClient

log = structlog.get_logger(__name__)

KEY_TTL_S = 600
"""How long a repeated key gives the same call."""


class DialRefused(Exception):
    """The call was not begun; `error` is the command's answer, `reason` says more, both stable ids."""

    def __init__(self, error: str, reason: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.reason = reason


def plan_of(documents: Documents, agent: Agent, to: str) -> outbound.Plan:
    """Return how the agent's extension may call the number `to` (CTI-E5). Raises :class:`DialRefused`."""
    tenant = documents.get(TenantDoc, agent.tenant_id)
    extension = documents.get(ExtensionDoc, agent.extension_id)
    if tenant is None or extension is None:
        raise DialRefused("outbound-not-allowed", "unknown")
    try:
        return outbound.plan(
            to, tenant=tenant, extension=extension, trunk=lambda number: documents.get(TrunkDoc, number)
        )
    except outbound.Refused as refusal:
        raise DialRefused(refusal.error, refusal.reason.value) from None


class Dialler:
    """Begins calls that agents ask for."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        redis: RedisGuard,
        acd: Acd,
        board: Board,
        limits: Limits,
    ) -> None:
        self._settings = settings
        self._switch = switch
        self._redis = redis
        self._acd = acd
        self._board = board
        self._limits = limits

    def dial(self, tenant_id: int, account_id: int, to: str, key: str) -> str:
        """Begin a call of the agent to the number `to` (as `core.phone` stores it); returns the call's id.

        The same `key` of the same agent gives the same call for :data:`KEY_TTL_S`. Raises :class:`DialRefused`.
        """
        agent = self._board.agents.get(account_id)
        if agent is None or agent.tenant_id != tenant_id:
            raise DialRefused("not-signed-in")
        if not self._switch.connected:
            raise DialRefused("switch-away")
        name = _key_name(tenant_id, account_id, key)
        call_id = str(uuid.uuid4())
        try:
            known = self._redis.run(lambda client: client.get(name))
            if known:
                return str(known.decode())
            plan = self._plan(agent, to)
            self._check_free(agent)
            # Taken before anything is done: of two with one key the second gets the first one's call.
            taken = self._redis.run(lambda client: client.set(name, call_id, nx=True, ex=KEY_TTL_S))
            if not taken:
                found = self._redis.run(lambda client: client.get(name))
                if not found:
                    raise DialRefused(
                        "not-ready", "busy"
                    )  # the first one with this key was refused meanwhile
                return str(found.decode())
        except RedisAwayError:
            raise DialRefused("switch-away", "redis") from None
        # Redis is asked in between: an audit then must not take the claim for one without a call.
        self._board.beginning.add(call_id)
        try:
            self._begin(agent, call_id, plan)
        except DialRefused:
            self._forget(name)
            raise
        finally:
            self._board.beginning.discard(call_id)
        log.info("dial_begun", call_id=call_id, agent=account_id, trunk=plan.trunk.code)
        return call_id

    def _plan(self, agent: Agent, to: str) -> outbound.Plan:
        return plan_of(self._board.documents, agent, to)

    @staticmethod
    def _check_free(agent: Agent) -> None:
        if not agent.registered:
            raise DialRefused("not-ready", "phone-away")
        if not can_be_rung(agent):
            raise DialRefused("not-ready", agent.state.value)

    def _begin(self, agent: Agent, call_id: str, plan: outbound.Plan) -> None:
        tenant = self._board.documents.get(TenantDoc, agent.tenant_id)
        assert tenant is not None
        refused = self._limits.take(call_id, tenant=tenant, trunk=plan.trunk)
        if refused is not None:
            raise DialRefused("limit-reached", refused.limit.value)
        token, at_ms = str(uuid.uuid4()), now_ms()
        try:
            won = self._redis.run(lambda _: self._acd.claim_agent(agent, token, token, call_id, at_ms))
        except RedisAwayError:
            # Whether the claim was made is not known: the audit frees one without a call.
            self._limits.release(call_id)
            raise DialRefused("switch-away", "redis") from None
        claimed = won and self._board.agents.claimed(
            agent.account_id, token=token, leg_id=token, call_id=call_id, at_ms=at_ms
        )
        if not claimed:
            self._limits.release(call_id)
            raise DialRefused("not-ready", "busy")
        offer = Offer(
            leg_id=token,
            agent_id=agent.account_id,
            extension_id=agent.extension_id,
            queue_id=0,
            endpoint=agent.rings_on,
            token=token,
            offered_ms=at_ms,
        )
        runner = self._board.add(Call(id=call_id, cell=self._settings.cell, direction="out"))
        runner.post(
            inputs.DialAsked(
                at_ms=at_ms,
                offer=offer,
                tenant_id=agent.tenant_id,
                language=tenant.language,
                called=plan.called,
                caller_id=plan.caller_id,
                trunk_id=plan.trunk.id,
                trunk_code=plan.trunk.code,
                dialled=plan.dialled,
                shown=plan.shown,
            )
        )

    def _forget(self, name: str) -> None:
        try:
            self._redis.run(lambda client: client.delete(name))
        except RedisAwayError:
            log.info("key_left_to_expire")


def _key_name(tenant_id: int, account_id: int, key: str) -> str:
    digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]
    return keys.dial(tenant_id, account_id, digest)
