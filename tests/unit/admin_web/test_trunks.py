"""Trunks and numbers through their pages (ACC-3): saved, refused, published, logged, and the operator's alone."""

from __future__ import annotations

import json

import msgspec
import pytest
from sqlalchemy import select

from core import documents, keys
from core.database import ALL_TENANTS
from core.models import AuditEntry, Tenant
from cti.controller.trunks import Standing, TrunkState
from cti.models import Extension, InboundRoute, TenantNumber, Trunk
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true"}
FORM = {
    "name": "East",
    "code": "east",
    "kind": "registration",
    "host": "sip.example",
    "port": "5060",
    "transport": "udp",
    "networks": "192.0.2.0/24\n192.0.2.9",
    "username": "021",
    "password": "s3cret!",
    "realm": "",
    "expires_s": "600",
    "codecs": ["PCMA", "PCMU"],
    "number_format": "national",
    "prefix": "",
    "concurrency": "30",
    "calls_per_second": "5",
    "note": "",
}


def _document(world: World, field: str):
    data = world.parts.redis.hget(documents.HASH, field)
    return None if data is None else documents.decode(data)


def _all(world: World, model):
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        return list(session.scalars(select(model)))


def _trunk(world: World) -> Trunk:
    answer = world.client("platform", "operator").post("/platform/trunks/new", data=FORM, headers=HTMX)
    assert answer.status_code == 200, answer.text
    return _all(world, Trunk)[0]


def _numbers(world: World, text: str, **more: str):
    form = {
        "numbers": text,
        "tenant_id": str(world.ids["one"]["tenants"]),
        "inbound": "on",
        "caller_id": "on",
    }
    return world.client("platform", "operator").post(
        "/platform/numbers/new", data={**form, **more}, headers=HTMX
    )


def test_a_trunk_is_published_and_its_password_is_nowhere_to_be_read(world: World) -> None:
    row = _trunk(world)
    made = _document(world, f"trunk:{row.id}")
    assert (made.code, made.register, made.networks) == ("east", True, ("192.0.2.0/24", "192.0.2.9/32"))
    assert world.parts.vault.open(made.password_encrypted) == "s3cret!"
    page = world.client("platform", "operator").get(f"/platform/trunks/{row.id}").text
    assert "s3cret!" not in page
    assert row.password_encrypted not in page
    log = [each.changes for each in _all(world, AuditEntry) if each.module == "trunks"]
    assert log
    assert all("s3cret!" not in each and row.password_encrypted not in each for each in log)


def test_an_empty_password_keeps_the_one_there_is(world: World) -> None:
    row = _trunk(world)
    client = world.client("platform", "operator")
    form = {**FORM, "password": "", "concurrency": "7"}
    assert client.post(f"/platform/trunks/{row.id}", data=form, headers=HTMX).status_code == 200
    made = _document(world, f"trunk:{row.id}")
    assert made.concurrency == 7
    assert world.parts.vault.open(made.password_encrypted) == "s3cret!"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "a b"), ("code", 'a"'), ("host", "a;b"), ("host", "a\nb"), ("networks", "0.0.0.0/0"),
        ("networks", "x"), ("username", "a@b"), ("username", ""), ("password", ""), ("password", "a b"),
        ("password", "${x}"),
        ("realm", "a b"), ("prefix", "abc"), ("port", "0"), ("transport", "tls"), ("codecs", "H264"),
    ],
)  # fmt: skip
def test_odd_values_are_refused_at_their_field(world: World, field: str, value: str) -> None:
    answer = world.client("platform", "operator").post(
        "/platform/trunks/new", data={**FORM, field: value}, headers=HTMX
    )
    assert "zj:close-drawer" not in answer.headers.get("HX-Trigger", "")
    assert _all(world, Trunk) == []


def test_the_list_shows_what_the_switch_says_and_the_calls_now(world: World) -> None:
    row = _trunk(world)
    redis, cell = world.parts.redis, world.parts.settings.cell
    client = world.client("platform", "operator")
    assert ">?<" in "".join(client.get("/platform/trunks").text.split())
    redis.hset(keys.cell(cell), "pid", "1")
    standing = Standing(code="east", state=TrunkState.FAILED, since_ms=1, status=403, reason="Forbidden")
    redis.hset(keys.trunks(cell), row.id, msgspec.json.encode(standing))
    redis.hset(keys.trunk_calls(row.id, "in"), "a", 1)
    page = client.get("/platform/trunks").text
    assert "403 Forbidden" in page
    assert "/ 30" in page


def test_a_trunk_is_switched_and_deleted_only_when_nothing_uses_it(world: World) -> None:
    row = _trunk(world)
    client = world.client("platform", "operator")
    answers = [client.post(f"/platform/trunks/{row.id}/disable", headers=HTMX) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409], "the second on a page from before"
    assert _document(world, f"trunk:{row.id}").enabled is False
    _numbers(world, "02160001000", trunk_id=str(row.id))
    answer = client.post(f"/platform/trunks/{row.id}/delete", headers=HTMX)
    assert answer.status_code == 409
    assert "021-60001000" in answer.headers["HX-Trigger"]
    number = _all(world, TenantNumber)[0]
    assert client.post(f"/platform/numbers/{number.id}/delete", headers=HTMX).status_code == 200
    with world.parts.database.transaction(ALL_TENANTS) as session:
        session.get_one(Tenant, world.ids["one"]["tenants"]).outbound_trunk_id = row.id
        session.commit()
    answer = client.post(f"/platform/trunks/{row.id}/delete", headers=HTMX)
    assert (answer.status_code, "One" in answer.headers["HX-Trigger"]) == (409, True)
    with world.parts.database.transaction(ALL_TENANTS) as session:
        session.get_one(Tenant, world.ids["one"]["tenants"]).outbound_trunk_id = None
        session.commit()
    assert client.post(f"/platform/trunks/{row.id}/delete", headers=HTMX).status_code == 200
    assert _document(world, f"trunk:{row.id}") is None


def test_a_list_with_a_range_is_added_at_once_and_reaches_the_companys_calls(world: World) -> None:
    answer = _numbers(world, "021 6000 1000 ~ 021 6000 1009, 4008001000\n+8602160001005")
    assert "zj:close-drawer" in json.loads(answer.headers["HX-Trigger"])
    assert len(_all(world, TenantNumber)) == 11
    document = _document(world, f"tenant:{world.ids['one']['tenants']}")
    assert len(document.caller_ids) == 11
    assert set(document.caller_ids.values()) == {0}


@pytest.mark.parametrize(
    "text",
    ["12", "02160001000 ~ 02160000999", "02160001000 ~ 02160009999", "02160001000, x", ",,", "1 ~ 2 ~ 3"],
)
def test_a_list_with_a_fault_adds_nothing(world: World, text: str) -> None:
    assert "zj:close-drawer" not in _numbers(world, text).headers.get("HX-Trigger", "")
    assert _all(world, TenantNumber) == []


def test_a_number_of_somebody_else_is_refused_naming_the_company(world: World) -> None:
    _numbers(world, "02160001000")
    answer = _numbers(world, "02160000999, 02160001000", tenant_id=str(world.ids["two"]["tenants"]))
    assert "One" in answer.text
    assert len(_all(world, TenantNumber)) == 1


def test_a_number_leaves_its_company_only_when_no_route_or_extension_uses_it(world: World) -> None:
    ids, client = world.ids["one"], world.client("platform", "operator")
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        used = session.get_one(InboundRoute, ids["routes"]).number
    _numbers(world, used)
    number = _all(world, TenantNumber)[0]
    form = {"tenant_id": str(world.ids["two"]["tenants"]), "inbound": "on", "caller_id": "on"}
    answer = client.post(f"/platform/numbers/{number.id}", data=form, headers=HTMX)
    assert "hotline" in answer.text
    with world.parts.database.transaction(ALL_TENANTS) as session:
        session.get_one(InboundRoute, ids["routes"]).number = None
        session.get_one(InboundRoute, ids["routes"]).trunk_address = "192.0.2.1"
        session.get_one(Extension, ids["extensions"]).caller_id = used
        session.commit()
    assert "8001" in client.post(f"/platform/numbers/{number.id}", data=form, headers=HTMX).text
    assert client.post(f"/platform/numbers/{number.id}/delete", headers=HTMX).status_code == 409
    with world.parts.database.transaction(ALL_TENANTS) as session:
        session.get_one(Extension, ids["extensions"]).caller_id = ""
        session.commit()
    answer = client.post(f"/platform/numbers/{number.id}", data=form, headers=HTMX)
    assert "zj:close-drawer" in answer.headers["HX-Trigger"]
    assert [each.tenant_id for each in _all(world, TenantNumber)] == [world.ids["two"]["tenants"]]
    assert _document(world, f"tenant:{ids['tenants']}").caller_ids == {}
    assert _document(world, f"tenant:{world.ids['two']['tenants']}").caller_ids == {used: 0}


def test_cti_e2_an_extension_shows_one_of_the_companys_numbers(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    _numbers(world, "02160001000")
    _numbers(world, "02160001001", tenant_id=str(world.ids["two"]["tenants"]))
    form = {"pop_on": "ring", "outbound_allowed": "on", "caller_id": "+862160001000"}
    answer = client.post(f"/extensions/{ids['extensions']}", data=form, headers=HTMX)
    assert "zj:close-drawer" in answer.headers["HX-Trigger"], answer.text
    made = _document(world, f"extension:{ids['extensions']}")
    assert (made.caller_id, made.outbound_allowed) == ("+862160001000", True)
    answer = client.post(
        f"/extensions/{ids['extensions']}", data={**form, "caller_id": "+862160001001"}, headers=HTMX
    )
    assert "zj:close-drawer" not in answer.headers.get("HX-Trigger", "")


def test_a_route_takes_a_number_of_its_company_and_a_new_one_is_given_to_it(world: World) -> None:
    client = world.client("platform", "operator")
    _numbers(world, "02160001000")
    form = {
        "tenant_id": str(world.ids["two"]["tenants"]),
        "code": "second",
        "number": "02160001000",
        "concurrency": "3",
    }
    refused = client.post("/platform/routes/new", data=form, headers=HTMX)
    assert "One" in refused.text
    taken = client.post("/platform/routes/new", data={**form, "number": "02160001001"}, headers=HTMX)
    assert "zj:close-drawer" in taken.headers["HX-Trigger"]
    owners = {each.number: each.tenant_id for each in _all(world, TenantNumber)}
    assert owners["+862160001001"] == world.ids["two"]["tenants"]


def test_a_companys_people_see_their_numbers_and_nothing_of_the_operators(world: World) -> None:
    row = _trunk(world)
    _numbers(world, "02160001000")
    _numbers(world, "02160001001", tenant_id=str(world.ids["two"]["tenants"]))
    client = world.client("one", "tenant_admin")
    page = client.get("/numbers").text
    assert "021-60001000" in page
    assert "021-60001001" not in page
    for address in ("/platform/trunks", f"/platform/trunks/{row.id}", "/platform/numbers"):
        assert client.get(address).status_code == 403
    for address in (
        "new",
        f"{row.id}",
        f"{row.id}/enable",
        f"{row.id}/disable",
        f"{row.id}/register",
        f"{row.id}/delete",
    ):
        assert client.post(f"/platform/trunks/{address}", data=FORM, headers=HTMX).status_code == 403
