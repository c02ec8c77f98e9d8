"""Which route takes an arriving call, or why none does (CTI-R4, R5, R6). Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from core.documents import RouteDoc, TenantDoc

UNKNOWN_NUMBER_CAUSE = "UNALLOCATED_NUMBER"
PAUSED_CAUSE = "NORMAL_TEMPORARY_FAILURE"
BLOCKED_CAUSE = "CALL_REJECTED"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """The call may enter `route`, if a place is free."""

    route: RouteDoc
    tenant: TenantDoc
    priority: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusal:
    """The call is refused and recorded with this reason and hang-up cause."""

    reason: str
    cause: str
    tenant_id: int = 0
    route_id: int = 0
    route_code: str = ""


def decide(
    routes: Iterable[RouteDoc],
    tenant_of: Callable[[int], TenantDoc | None],
    *,
    caller: str,
    called: str,
    dialled: str,
    trunk_address: str,
) -> Decision | Refusal:
    """Return the decision for a call to `called` (E.164 or short number; `dialled` is the same as it came).

    A route by number goes before one by trunk address. Every refusal names its reason: nothing is dropped silently.
    """
    route = _find(routes, (called, dialled), trunk_address)
    if route is None:
        return Refusal(reason="unknown-number", cause=UNKNOWN_NUMBER_CAUSE)

    def refuse(reason: str, cause: str) -> Refusal:
        return Refusal(
            reason=reason, cause=cause, tenant_id=route.tenant_id, route_id=route.id, route_code=route.code
        )

    tenant = tenant_of(route.tenant_id)
    if tenant is None or not tenant.active:
        return refuse("tenant-suspended", PAUSED_CAUSE)
    if not route.enabled:
        return refuse("route-paused", PAUSED_CAUSE)
    if any(_matches(rule, caller) for rule in tenant.blocked_callers):
        return refuse("blocked", BLOCKED_CAUSE)
    vip = [priority for rule, priority in tenant.vip_callers.items() if _matches(rule, caller)]
    priority = min(99, max([route.priority, *vip]))
    return Decision(route=route, tenant=tenant, priority=priority)


def _find(routes: Iterable[RouteDoc], numbers: tuple[str, ...], trunk_address: str) -> RouteDoc | None:
    by_trunk: RouteDoc | None = None
    for route in routes:
        if route.number and route.number in numbers:
            return route
        if route.trunk_address and route.trunk_address == trunk_address:
            by_trunk = by_trunk or route
    return by_trunk


def _matches(rule: str, caller: str) -> bool:
    if rule.endswith("*"):
        return caller.startswith(rule[:-1])
    return bool(caller) and caller == rule
