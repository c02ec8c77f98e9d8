"""A call's page tells when the customer was on hold, and for how long in all (CTI-C7)."""

from __future__ import annotations

from core.clock import to_ms
from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_records import AT, add


def test_holds_stand_on_the_timeline_and_are_counted(world: World) -> None:
    at = to_ms(AT)
    holds = f"[[{at + 4_000},{at + 9_000}],[{at + 20_000},{at + 27_000}]]"
    add(world, "held-1", holds=holds, hold_s=12)
    add(world, "never-held")
    client = world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    page = client.get("/records/calls/held-1").get_data(as_text=True)
    assert page.count("Put on hold.") == 2
    assert "No longer on hold, after 0:05." in page
    assert "0:12 (2 times)" in page
    assert "On hold" not in client.get("/records/calls/never-held").get_data(as_text=True)
