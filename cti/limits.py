"""Which places a call needs before it may be: on its route, in its company, on its trunk; and how many may begin in
a second (CTI-R4, ACC-3). Pure; `cti.controller.limits` checks and takes them in one step.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from core import keys
from core.documents import RouteDoc, TenantDoc, TrunkDoc

UNLIMITED = -1
RATE_WINDOW_MS = 1000
"""Calls per second are counted over every second, not over every second of the clock."""


class Limit(enum.StrEnum):
    """What was full; the value is the reason a refused call is recorded with."""

    ROUTE = "over-limit"
    TENANT = "tenant-over-limit"
    TRUNK = "trunk-over-limit"
    FLOW = "flow-over-limit"
    TENANT_RATE = "tenant-over-rate"
    TRUNK_RATE = "trunk-over-rate"


class Direction(enum.StrEnum):
    """Seen from the platform."""

    IN = "in"
    OUT = "out"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One of the `allowed` places under `key` (a Redis hash, member to how many legs hold it)."""

    limit: Limit
    key: str
    member: str
    allowed: int = UNLIMITED
    shared: tuple[str, ...] = ()
    """Other keys whose members count against the same limit."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """At most `allowed` beginnings within :data:`RATE_WINDOW_MS` under `key`."""

    limit: Limit
    key: str
    allowed: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """All a leg needs: it gets all of it or nothing."""

    leg_id: str
    call_id: str
    places: tuple[Place, ...]
    rates: tuple[Rate, ...] = ()


class FlowShare(msgspec.Struct, frozen=True, kw_only=True):
    """So many legs to outside numbers may a flow's transfers have at once (CTI-I7)."""

    flow_id: int
    allowed: int


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """No place: `limit` was full. A rate may be tried again after `retry_ms`; 0: nobody knows when."""

    limit: Limit
    retry_ms: int = 0


def wanted(
    call_id: str,
    *,
    tenant: TenantDoc,
    trunk: TrunkDoc | None,
    route: RouteDoc | None,
    direction: Direction,
    leg_id: str = "",
    share: FlowShare | None = None,
) -> Wanted:
    """Return what a leg needs. A call counts once in its company however many legs it has, each leg once on its
    trunk; rates count calls to the outside only.
    """
    leg_id = leg_id or call_id
    places: list[Place] = []
    rates: list[Rate] = []
    if route is not None:
        key = keys.route_calls(route.tenant_id, route.id)
        places.append(Place(limit=Limit.ROUTE, key=key, member=call_id, allowed=route.concurrency))
    places.append(
        Place(
            limit=Limit.TENANT,
            key=keys.tenant_calls(tenant.id),
            member=call_id,
            allowed=_or_unlimited(tenant.max_calls),
        )
    )
    if trunk is not None:
        other = Direction.OUT if direction is Direction.IN else Direction.IN
        places.append(
            Place(
                limit=Limit.TRUNK,
                key=keys.trunk_calls(trunk.id, direction.value),
                member=leg_id,
                allowed=_or_unlimited(trunk.concurrency),
                shared=(keys.trunk_calls(trunk.id, other.value),),
            )
        )
    if share is not None:
        key = keys.flow_outside(tenant.id, share.flow_id)
        places.append(Place(limit=Limit.FLOW, key=key, member=leg_id, allowed=share.allowed))
    if direction is Direction.OUT:
        rates += _rate(Limit.TENANT_RATE, keys.tenant_rate(tenant.id), tenant.calls_per_second)
        if trunk is not None:
            rates += _rate(Limit.TRUNK_RATE, keys.trunk_rate(trunk.id), trunk.calls_per_second)
    return Wanted(leg_id=leg_id, call_id=call_id, places=tuple(places), rates=tuple(rates))


def _or_unlimited(limit: int) -> int:
    return limit or UNLIMITED


def _rate(limit: Limit, key: str, allowed: int) -> list[Rate]:
    return [Rate(limit=limit, key=key, allowed=allowed)] if allowed else []


def verdict(
    asked: Wanted, held: Iterable[Wanted], begun_ms: Mapping[str, Sequence[int]], now_ms: int
) -> Refused | None:
    """Return why `asked` cannot be had beside `held`, None when it can: what is decided while Redis is away, from
    this cell's own legs. `begun_ms` are the last beginnings by a rate's key, oldest first.
    """
    members: dict[str, set[str]] = {}
    for each in held:
        if each.leg_id == asked.leg_id:
            return None
        for place in each.places:
            members.setdefault(place.key, set()).add(place.member)
    for place in asked.places:
        if place.allowed == UNLIMITED or place.member in members.get(place.key, ()):
            continue
        if sum(len(members.get(key, ())) for key in (place.key, *place.shared)) >= place.allowed:
            return Refused(limit=place.limit)
    for rate in asked.rates:
        recent = begun_ms.get(rate.key, ())
        if len(recent) >= rate.allowed and now_ms - recent[-rate.allowed] < RATE_WINDOW_MS:
            return Refused(limit=rate.limit, retry_ms=RATE_WINDOW_MS - (now_ms - recent[-rate.allowed]))
    return None
