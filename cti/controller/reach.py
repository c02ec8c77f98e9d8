"""Where an agent is rung: a registered phone, or the landline or mobile bound to the extension (CTI-E3, DSK-2).

An extension whose agent signed in with a landline is always rung there; one whose phone is not registered, if it
forwards when offline. The leg to an outside number takes its places like any other way out and gives them back with its
end (`cti.controller.agent_legs`).
"""

from __future__ import annotations

import dataclasses

import structlog

from core.documents import ExtensionDoc, RouteDoc, TenantDoc, TrunkDoc
from cti import outbound
from cti.acd.agents import Agent
from cti.call.model import Call, Outside
from cti.controller.documents import Documents
from cti.controller.limits import Limits
from cti.controller.registrations import Registrations
from cti.endpoint_kinds import LANDLINE, user_of
from cti.esl import commands

log = structlog.get_logger(__name__)

NOT_REGISTERED = "USER_NOT_REGISTERED"
BARRED = "OUTGOING_CALL_BARRED"
"""The rules refuse the bound number: like a phone that is away, nothing the agent missed."""
CONGESTED = "NORMAL_CIRCUIT_CONGESTION"
"""No place is free on the company or its trunk."""


class NotReachedError(Exception):
    """The agent cannot be rung now; `cause` is what the leg ends with."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """Whether an endpoint can be rung, and whether that is by the bound number."""

    registered: bool
    by_number: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Way:
    """Where one leg to an agent goes."""

    target: commands.Target
    plan: outbound.Plan | None = None
    """Of a leg to the bound number."""
    press: bool = False
    """Who picks up takes the call with a key."""

    @property
    def by_number(self) -> bool:
        """Whether it leads to the bound number, by a trunk."""
        return self.plan is not None


class Reach:
    """Decides by the documents and registrations; takes places by `cti.controller.limits`."""

    def __init__(self, documents: Documents, registrations: Registrations, limits: Limits) -> None:
        self._documents = documents
        self._registrations = registrations
        self._limits = limits

    def standing(self, extension: ExtensionDoc | None, endpoint: str) -> Standing:
        """Return how the extension's `endpoint` stands now."""
        if extension is None:
            return Standing(registered=False)
        if endpoint != LANDLINE and self._registrations.registered(user_of(extension, endpoint)):
            return Standing(registered=True)
        rung = _rings_number(extension, endpoint) and self._can_be_called(extension)
        return Standing(registered=rung, by_number=rung)

    def refusal(self, extension: ExtensionDoc) -> str:
        """Return why the bound number cannot be rung, a reason's id (`cti.outbound.Reason`); empty: it can."""
        try:
            self._plan(extension, "")
        except outbound.Refused as refused:
            return refused.reason.value
        return ""

    def way(self, call: Call, agent: Agent, leg_id: str) -> Way:
        """Return where the agent is rung, with the places of a way to the outside taken for the leg.

        Raises :class:`NotReachedError`; then nothing is taken.
        """
        contact = self._registrations.contact(agent.user) if agent.user else None
        if contact is not None:
            return Way(target=contact)
        extension = self._documents.extension(agent.extension_id)
        if extension is None or not _rings_number(extension, agent.endpoint):
            raise NotReachedError(NOT_REGISTERED)
        plan = self._taken(call, extension, leg_id)
        target = commands.Gateway(name=plan.trunk.code, number=plan.dialled)
        return Way(target=target, plan=plan, press=extension.press_to_take)

    def forward(self, call: Call, extension_id: int, leg_id: str) -> Outside | None:
        """Return the way to the bound number of an extension nobody is signed in on, with its places taken.

        None when the extension does not forward, or its number cannot be called now.
        """
        extension = self._documents.extension(extension_id)
        if extension is None or extension.tenant_id != call.tenant_id:
            return None
        if not extension.forward_when_offline or not extension.bound_number:
            return None
        try:
            plan = self._taken(call, extension, leg_id)
        except NotReachedError:
            return None
        return Outside(
            leg_id=leg_id,
            number=plan.called,
            caller_id=plan.caller_id,
            trunk_id=plan.trunk.id,
            trunk_code=plan.trunk.code,
            dialled=plan.dialled,
            shown=plan.shown,
        )

    def leave(self, leg_id: str) -> None:
        """Give back what a leg to a bound number holds."""
        self._limits.release(leg_id)

    def _taken(self, call: Call, extension: ExtensionDoc, leg_id: str) -> outbound.Plan:
        tenant = self._documents.get(TenantDoc, extension.tenant_id)
        try:
            plan = self._plan(extension, call.called)
        except outbound.Refused as refused:
            log.warning("bound_number_refused", extension=extension.id, reason=refused.reason.value)
            raise NotReachedError(BARRED) from None
        assert tenant is not None  # no plan is made without one
        full = self._limits.take(call.id, leg_id=leg_id, tenant=tenant, trunk=plan.trunk)
        if full is not None:
            log.warning("bound_number_refused", extension=extension.id, reason=full.limit.value)
            raise NotReachedError(CONGESTED)
        return plan

    def _can_be_called(self, extension: ExtensionDoc) -> bool:
        return not self.refusal(extension)

    def _plan(self, extension: ExtensionDoc, called: str) -> outbound.Plan:
        tenant = self._documents.get(TenantDoc, extension.tenant_id)
        if tenant is None:
            raise outbound.Refused(outbound.Reason.NO_TRUNK)
        return outbound.plan_for_bound_number(
            extension,
            called=called,
            tenant=tenant,
            trunk=lambda number: self._documents.get(TrunkDoc, number),
            is_ours=lambda number: self._is_routed(tenant.id, number),
        )

    def _is_routed(self, tenant_id: int, number: str) -> bool:
        routes = self._documents.all(RouteDoc)
        return any(route.number == number and route.tenant_id == tenant_id for route in routes)


def _rings_number(extension: ExtensionDoc, endpoint: str) -> bool:
    return bool(extension.bound_number) and (endpoint == LANDLINE or extension.forward_when_offline)
