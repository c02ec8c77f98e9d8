"""What a leg needs, and what this cell decides alone while Redis is away (CTI-R4, ACC-3)."""

from __future__ import annotations

from core.documents import RouteDoc, TenantDoc, TrunkDoc
from cti.limits import UNLIMITED, Direction, FlowShare, Limit, Wanted, verdict, wanted

TENANT = TenantDoc(id=1, tenant_id=1, version=1, code="t", name="T", active=True, max_calls=2)
FAST = TenantDoc(id=2, tenant_id=2, version=1, code="f", name="F", active=True, calls_per_second=3)
TRUNK = TrunkDoc(id=7, tenant_id=0, version=1, code="c", concurrency=2, calls_per_second=2)
ROUTE = RouteDoc(id=5, tenant_id=1, version=1, code="r", concurrency=0)


def leg(name: str, *, call: str = "", direction: Direction = Direction.OUT, **more: object) -> Wanted:
    given: dict[str, object] = {"tenant": FAST, "trunk": None, "route": None, **more}
    return wanted(call or name, direction=direction, leg_id=name, **given)  # type: ignore[arg-type]


def test_no_limit_is_no_limit_but_a_route_of_zero_calls_takes_none() -> None:
    asked = leg("a", tenant=FAST, route=ROUTE, direction=Direction.IN)
    assert [place.allowed for place in asked.places] == [0, UNLIMITED]
    assert verdict(asked, [], {}, 0).limit is Limit.ROUTE  # type: ignore[union-attr]


def test_a_call_counts_once_in_its_company_however_many_legs_it_has() -> None:
    held = [leg("a", tenant=TENANT), leg("b", tenant=TENANT, call="a")]
    assert verdict(leg("c", tenant=TENANT), held, {}, 0) is None
    held.append(leg("c", tenant=TENANT))
    assert verdict(leg("d", tenant=TENANT), held, {}, 0).limit is Limit.TENANT  # type: ignore[union-attr]
    assert verdict(leg("d", tenant=TENANT, call="c"), held, {}, 0) is None


def test_calls_in_and_out_share_the_trunks_places() -> None:
    held = [leg("a", trunk=TRUNK), leg("b", trunk=TRUNK, direction=Direction.IN)]
    for direction in Direction:
        assert verdict(leg("c", trunk=TRUNK, direction=direction), held[:1], {}, 0) is None
        assert verdict(leg("c", trunk=TRUNK, direction=direction), held, {}, 0).limit is Limit.TRUNK  # type: ignore[union-attr]


def test_who_holds_a_place_is_not_asked_again() -> None:
    held = [leg("a", trunk=TRUNK), leg("b", trunk=TRUNK)]
    assert verdict(held[0], held, {}, 0) is None


def test_a_rate_is_over_any_second_and_says_when_to_try_again() -> None:
    asked = leg("x", trunk=TRUNK)
    tenant_key, trunk_key = (rate.key for rate in asked.rates)
    begun = {tenant_key: [100, 600], trunk_key: [100, 600]}
    refused = verdict(asked, [], begun, 1_050)
    assert refused is not None
    assert (refused.limit, refused.retry_ms) == (Limit.TRUNK_RATE, 50)
    assert verdict(asked, [], begun, 1_100) is None


def test_calls_that_come_in_have_no_rate() -> None:
    assert leg("x", trunk=TRUNK, direction=Direction.IN).rates == ()


def test_a_flow_has_a_share_of_its_own_cti_i7() -> None:
    share = FlowShare(flow_id=9, allowed=1)
    held = [leg("a", share=share)]
    assert verdict(leg("b", share=share), held, {}, 0).limit is Limit.FLOW  # type: ignore[union-attr]
    assert verdict(leg("b", share=FlowShare(flow_id=10, allowed=1)), held, {}, 0) is None
    assert verdict(leg("b", share=FlowShare(flow_id=9, allowed=2)), held, {}, 0) is None
