"""The list of outbound calls, and an agent's dial request (CTI-C2, CTI-E5)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from core.database import utc_now
from core.models import BuiltInRole
from cti.call.model import EndedIn
from cti.records.models import CallRecord, Direction, RecordState
from tests.unit.admin_web.conftest import World


def add(world: World, company: str, call_id: str, direction: Direction, **values: Any) -> None:
    """Write a record of today."""
    now = utc_now()
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        session.add(
            CallRecord(
                **{
                    "call_id": call_id,
                    "state": RecordState.FINAL,
                    "direction": direction,
                    "caller": "+861012345678",
                    "called": "+8613900139000",
                    "arrived_at": now,
                    "ended_at": now,
                    "ended_in": EndedIn.CALLED,
                    **values,
                }
            )
        )
        session.commit()


def test_outbound_calls_stand_in_their_own_list_cti_c2(world: World) -> None:
    add(
        world,
        "one",
        "out-1",
        Direction.OUT,
        caller_id="+861012345678",
        trunk_address="carrier1",
        cause="USER_BUSY",
        extension="8001",
        agent_name="Anna",
    )
    add(world, "one", "in-1", Direction.IN, ended_in=EndedIn.FLOW)
    add(world, "two", "out-2", Direction.OUT, called="+8613700137000")
    client = world.client("one", BuiltInRole.TENANT_ADMIN.value)
    page = client.get("/records/outbound").get_data(as_text=True)
    for shown in ("13900139000", "010-12345678", "carrier1", "USER_BUSY", "8001", "Anna"):
        assert shown in page
    assert "/records/calls/out-1" in page
    assert "in-1" not in page
    assert "13700137000" not in page, "another company's"
    assert "out-1" not in client.get("/records/inbound").get_data(as_text=True)
    own = client.get("/records/calls/out-1").get_data(as_text=True)
    assert "carrier1" in own
    assert client.get("/records/calls/out-2").status_code == 404


def test_outbound_calls_are_found_by_trunk_and_caller_id_cti_c5(world: World) -> None:
    at = {"arrived_at": datetime.datetime(2026, 10, 15, 8, 0, tzinfo=datetime.UTC)}
    add(world, "one", "out-1", Direction.OUT, caller_id="+861012345678", trunk_address="carrier1", **at)
    add(world, "one", "out-2", Direction.OUT, caller_id="+861087654321", trunk_address="carrier2", **at)
    client = world.client("one", BuiltInRole.TENANT_ADMIN.value)
    month = {"from": "2026-10-01 00:00", "to": "2026-10-31 23:59"}
    for asked in ({"trunk": "carrier1"}, {"caller_id": "010 1234 5678"}):
        page = client.get("/records/outbound", query_string={**month, **asked}).get_data(as_text=True)
        assert 'name="trunk"' in page
        assert ("/records/calls/out-1" in page, "/records/calls/out-2" in page) == (True, False), asked


@pytest.mark.parametrize("number", ["", "abc", "sip:1@evil"])
def test_a_dial_request_wants_a_number(world: World, number: str) -> None:
    client = world.client("one", BuiltInRole.AGENT.value)
    answer = client.post("/desk/api/dial", json={"to": number, "key": "k1"})
    assert answer.status_code == 422
    assert answer.get_json()["error"] == "invalid-number"
