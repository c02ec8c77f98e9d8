"""A called number finds its route however the carrier writes it (CTI-R1)."""

from __future__ import annotations

import pytest

from core import phone
from core.documents import RouteDoc, TenantDoc
from cti.routing import Decision, Refusal, decide

TENANT = TenantDoc(id=1, tenant_id=1, version=1, code="t", name="T", active=True)
ROUTES = (
    RouteDoc(id=1, tenant_id=1, version=1, code="fixed", number="+862160001000"),
    RouteDoc(id=2, tenant_id=1, version=1, code="service", number="95588"),
    RouteDoc(id=3, tenant_id=1, version=1, code="free", number="+864008001000"),
)


def routed(called: str) -> str:
    found = decide(
        ROUTES,
        lambda tenant: TENANT,
        caller="+8613800138000",
        called=phone.from_switch(called).stored,
        dialled=called,
        trunk_address="",
    )
    assert isinstance(found, Decision | Refusal)
    return found.route.code if isinstance(found, Decision) else found.reason


@pytest.mark.parametrize(
    ("called", "route"),
    [
        ("02160001000", "fixed"),
        ("+862160001000", "fixed"),
        ("862160001000", "fixed"),
        ("00862160001000", "fixed"),
        ("4008001000", "free"),
        ("+864008001000", "free"),
        ("00864008001000", "free"),
        ("95588", "service"),
        ("02160001001", "unknown-number"),
        ("", "unknown-number"),
    ],
)
def test_every_way_a_carrier_writes_it(called: str, route: str) -> None:
    assert routed(called) == route
