"""Where calls go and what they take: routes of arrived calls, ways to outside numbers, places of both."""

from __future__ import annotations

import dataclasses
import time

from core import phone
from core.clock import now_ms
from core.documents import RouteDoc, TenantDoc, TrunkDoc
from core.settings import Settings
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call
from cti.controller import way_out
from cti.controller.admission import Admission
from cti.controller.documents import Documents
from cti.controller.limits import Limits
from cti.controller.metrics import Metrics
from cti.esl.client import SwitchClient
from cti.limits import Direction, Refused
from cti.routing import Decision, decide
from cti.trunks import trunk_of

OVERLOAD = "overload"
"""Reason of a refusal because the cell would become slow for every call."""


class Places:
    """Decides by the documents, counts by `cti.controller.limits`."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        documents: Documents,
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self._admission = Admission(
            max_lag_s=settings.switch_max_lag_ms / 1000, max_per_s=settings.switch_max_calls_per_s
        )
        self._switch = switch
        self._documents = documents
        self._limits = limits
        self._metrics = metrics

    def find_route(self, call: Call) -> inputs.Input:
        """Find a route for an arrived call and take its places (`cti.limits`)."""
        caller = phone.from_switch(call.caller).stored
        called = phone.from_switch(call.called).stored
        decision = decide(
            self._documents.all(RouteDoc),
            lambda tenant: self._documents.get(TenantDoc, tenant),
            caller=caller,
            called=called,
            dialled=call.called,
            trunk_address=call.trunk_address,
        )
        call.caller, call.called = caller, called
        at_ms = now_ms()
        if not isinstance(decision, Decision):
            self._metrics.refused.labels(reason=decision.reason).inc()
            return inputs.RouteRefused(at_ms=at_ms, **dataclasses.asdict(decision))
        route = decision.route
        if not self._admission.admits(lag_s=self._switch.lag_s, now=time.monotonic()):
            reason, cause = OVERLOAD, "NORMAL_TEMPORARY_FAILURE"  # 503: the carrier may try elsewhere
        else:
            refused = self._take(decision, call)
            reason, cause = (refused.limit.value if refused is not None else ""), route.refusal_cause
        if reason:
            self._metrics.refused.labels(reason=reason).inc()
            return inputs.RouteRefused(
                at_ms=at_ms,
                reason=reason,
                cause=cause,
                tenant_id=route.tenant_id,
                route_id=route.id,
                route_code=route.code,
            )
        return inputs.RouteGiven(at_ms=at_ms, route=route, tenant=decision.tenant, priority=decision.priority)

    def _take(self, decision: Decision, call: Call) -> Refused | None:
        trunk = trunk_of(self._documents.all(TrunkDoc), call.trunk_address)
        return self._limits.take(
            call.id, tenant=decision.tenant, trunk=trunk, route=decision.route, direction=Direction.IN
        )

    def leave(self, leg_id: str) -> None:
        """Give back what a leg holds of routes', companies' and trunks' places."""
        self._limits.release(leg_id)

    def hold(self, call: Call) -> None:
        """Count a call that came in and is up, whatever became of what was counted."""
        tenant = self._documents.get(TenantDoc, call.tenant_id)
        route = self._documents.get(RouteDoc, call.route_id)
        if tenant is not None and route is not None:
            trunk = trunk_of(self._documents.all(TrunkDoc), call.trunk_address)
            self._limits.hold(call.id, tenant=tenant, trunk=trunk, route=route, direction=Direction.IN)

    def find_way_out(self, call: Call, asked: fx.FindWayOut) -> inputs.Input:
        """Ask the rules whether the caller may be put through to an outside number, and take places for it."""
        return way_out.find(self._documents, self._limits, call, asked)
