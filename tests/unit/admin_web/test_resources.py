"""Resources through their pages: what is saved, refused, published, logged; ledger rows in the names."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import delete, func, select

from core import accounts, documents
from core.database import ALL_TENANTS
from core.documents import DestinationKind
from core.models import Account, AuditEntry, BuiltInRole, Tenant
from cti.models import EndpointKind, Extension, ExtensionAccount, InboundRoute, Queue, SipEndpoint
from tests.unit.admin_web.conftest import PASSWORD, World

HTMX = {"HX-Request": "true"}


def _row(world: World, model, row_id: int):
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        return session.get_one(model, row_id)


def _published(world: World, field: str):
    data = world.parts.redis.hget(documents.HASH, field)
    return None if data is None else documents.decode(data)


def test_cti_r2_the_tenant_sets_destination_concurrency_priority_and_note(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    form = {
        "goal": f"extension:{ids['extensions']}",
        "concurrency": "7",
        "refusal_cause": "NORMAL_TEMPORARY_FAILURE",
        "priority": "90",
        "note": "night",
        "code": "stolen",
        "number": "+861065550000",
        "enabled": "",
    }
    answer = client.post(f"/routes/{ids['routes']}", data=form, headers=HTMX)
    assert answer.status_code == 200
    assert "zj:close-drawer" in json.loads(answer.headers["HX-Trigger"])
    route = _row(world, InboundRoute, ids["routes"])
    assert (route.destination_id, route.concurrency, route.priority, route.note) == (
        ids["extensions"],
        7,
        90,
        "night",
    )
    assert (route.code, route.enabled) == ("hotline", True), (
        "code, number and state are read-only for the tenant"
    )
    assert _published(world, f"route:{ids['routes']}").concurrency == 7
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.module, entry.action) == ("routes", "edit")
    assert json.loads(entry.changes)["concurrency"] == [30, 7]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("concurrency", "-1", "A whole number from 0 to 99999."),
        ("concurrency", "٣", "A whole number from 0 to 99999."),
        ("priority", "100", "A whole number from 0 to 99."),
        ("goal", "queue:999999", "Choose one of the list."),
        ("goal", "", "This field is needed."),
        ("note", "x" * 501, "At most 500 characters."),
    ],
)
def test_a_wrong_value_is_said_at_its_field(world: World, field: str, value: str, sentence: str) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    form = {
        "goal": f"queue:{ids['queues']}",
        "concurrency": "5",
        "refusal_cause": "USER_BUSY",
        "priority": "1",
    }
    answer = client.post(f"/routes/{ids['routes']}", data={**form, field: value}, headers=HTMX)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'id="f-{field}-error">{sentence}' in page
    assert _row(world, InboundRoute, ids["routes"]).concurrency == 30


def test_another_companys_queue_is_no_destination(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    form = {
        "goal": f"queue:{world.ids['two']['queues']}",
        "concurrency": "5",
        "refusal_cause": "USER_BUSY",
        "priority": "1",
    }
    assert client.post(f"/routes/{ids['routes']}", data=form, headers=HTMX).status_code == 422


def test_cti_r3_only_the_operator_opens_switches_and_closes_routes(world: World) -> None:
    ids, tenant, operator = (
        world.ids["one"],
        world.client("one", "tenant_admin"),
        world.client("platform", "operator"),
    )
    new = {"tenant_id": str(ids["tenants"]), "code": "new", "number": "010-65559999", "concurrency": "3"}
    for path in ("new", *(f"{ids['routes']}/{what}" for what in ("enable", "disable", "delete"))):
        assert tenant.post(f"/platform/routes/{path}", data=new, headers=HTMX).status_code == 403
    assert operator.post("/platform/routes/new", data=new, headers=HTMX).status_code == 200
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        made = session.scalars(select(InboundRoute).where(InboundRoute.code == "new")).one()
    assert made.number == "+861065559999"
    answers = [operator.post(f"/platform/routes/{made.id}/disable", headers=HTMX) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409], "the second on a page from before"
    assert _published(world, f"route:{made.id}").enabled is False
    assert operator.post(f"/platform/routes/{made.id}/delete", headers=HTMX).status_code == 200
    assert _published(world, f"route:{made.id}") is None
    again = operator.post(
        "/platform/routes/new", data={**new, "number": "010-6555 12 " + f"{ids['tenants']:02}"}, headers=HTMX
    )
    assert again.status_code == 422, "a number belongs to one route of the platform"


def test_cti_r6_a_caller_rule_is_part_of_the_tenants_document(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    form = {"pattern": "138 0013 8000", "kind": "vip", "priority": "95"}
    assert client.post("/caller-rules/new", data=form, headers=HTMX).status_code == 200
    document = _published(world, f"tenant:{ids['tenants']}")
    assert document.vip_callers == {"+8613800138000": 95}
    assert document.blocked_callers == ("+861012345678",)
    assert client.post(f"/caller-rules/{ids['caller_rules']}/delete", headers=HTMX).status_code == 200
    assert _published(world, f"tenant:{ids['tenants']}").blocked_callers == ()
    assert client.post("/caller-rules/new", data={**form, "pattern": "${x}"}, headers=HTMX).status_code == 422


def test_cti_q3_members_and_cti_q7_a_used_queue_stays(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    form = {
        "name": "Sales",
        "members": str(ids["extensions"]),
        "max_waiting": "0",
        "timeout_s": "30",
        "ring_timeout_s": "15",
        "wrap_up_s": "5",
        "service_level_s": "20",
    }
    assert client.post(f"/queues/{ids['queues']}", data=form, headers=HTMX).status_code == 200
    document = _published(world, f"queue:{ids['queues']}")
    assert (document.extension_ids, document.max_waiting, document.record) == ((ids["extensions"],), 0, False)
    refused = client.post(f"/queues/{ids['queues']}/delete", headers=HTMX)
    assert refused.status_code == 409
    assert "hotline" in json.loads(refused.headers["HX-Trigger"])["zj:toast"]["text"]
    assert _row(world, Queue, ids["queues"]).max_waiting == 0


def test_cti_e2_an_account_is_listed_on_one_extension_only(world: World) -> None:
    ids, operator = world.ids["one"], world.client("platform", "operator")
    opened = operator.post(
        "/platform/extensions/new", data={"tenant_id": str(ids["tenants"]), "number": "8002"}, headers=HTMX
    )
    assert opened.status_code == 200
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        other = session.scalars(select(Extension).where(Extension.number == "8002")).one()
        kinds = set(session.scalars(select(SipEndpoint.kind).where(SipEndpoint.extension_id == other.id)))
    assert kinds == set(EndpointKind)
    client = world.client("one", "tenant_admin")
    form = {"accounts": str(ids["accounts"]), "pop_on": "ring"}
    assert client.post(f"/extensions/{ids['extensions']}", data=form, headers=HTMX).status_code == 200
    assert client.post(f"/extensions/{other.id}", data=form, headers=HTMX).status_code == 422
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(ExtensionAccount)) == 1


def test_an_extension_callers_are_led_to_is_not_closed(world: World) -> None:
    ids, operator = world.ids["one"], world.client("platform", "operator")
    way = f"extension:{ids['extensions']}"
    with world.parts.database.transaction(ids["tenants"]) as session:
        session.add(Queue(code="out", name="Way out", overflow_timeout=way))
        route = session.get_one(InboundRoute, ids["routes"])
        route.destination, route.destination_id = DestinationKind.EXTENSION, ids["extensions"]
        code = route.code
        session.commit()
    address = f"/platform/extensions/{ids['extensions']}/delete"

    def told() -> str:
        answer = operator.post(address, headers=HTMX)
        assert answer.status_code == 409
        return str(json.loads(answer.headers["HX-Trigger"])["zj:toast"]["text"])

    sentence = told()
    assert code in sentence
    assert "Way out" in sentence
    with world.parts.database.transaction(ids["tenants"]) as session:
        route = session.get_one(InboundRoute, ids["routes"])
        route.destination, route.destination_id = DestinationKind.QUEUE, ids["queues"]
        session.commit()
    assert code not in told()
    with world.parts.database.transaction(ids["tenants"]) as session:
        session.execute(delete(Queue).where(Queue.code == "out"))
        session.commit()
    assert operator.post(address, headers=HTMX).status_code == 200


def test_the_sip_password_is_shown_to_who_may_edit_only(world: World) -> None:
    ids = world.ids["one"]
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        endpoint = session.scalars(select(SipEndpoint).where(SipEndpoint.kind == EndpointKind.SIP)).one()
    password = world.parts.vault.open(endpoint.password_encrypted)
    address = f"/extensions/{ids['extensions']}"
    assert password in world.client("one", "tenant_admin").get(address).get_data(as_text=True)
    page = world.client("one", "supervisor").get(address).get_data(as_text=True)
    assert endpoint.user in page
    assert password not in page


def test_acc_4_accounts_are_made_and_their_passwords_are_never_shown_again(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        agent = accounts.built_in_role(session, ids["tenants"], BuiltInRole.AGENT).id
    form = {
        "login": "Neu",
        "name": "Neu",
        "role": str(agent),
        "employee_number": "1014",
        "supervises": "all",
        "password": PASSWORD + "x",
    }
    assert client.post("/accounts/new", data=form, headers=HTMX).status_code == 200
    taken = client.post("/accounts/new", data=form, headers=HTMX)
    assert taken.status_code == 422
    assert PASSWORD not in taken.get_data(as_text=True)
    weak = client.post("/accounts/new", data={**form, "login": "weak", "password": "12345678"}, headers=HTMX)
    assert weak.status_code == 422
    with world.parts.database.transaction(world.ids["platform"]["tenants"], read_only=True) as session:
        kept = accounts.built_in_role(session, world.ids["platform"]["tenants"], BuiltInRole.OPERATOR).id
    operator_role = client.post(
        "/accounts/new", data={**form, "login": "boss", "role": str(kept)}, headers=HTMX
    )
    assert operator_role.status_code == 422
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 4


def test_acc_3_a_suspended_companys_people_are_out(world: World) -> None:
    ids, agent, operator = (
        world.ids["one"],
        world.client("one", "agent"),
        world.client("platform", "operator"),
    )
    assert operator.post(f"/platform/companies/{ids['tenants']}/suspend", headers=HTMX).status_code == 200
    assert agent.get("/customers").status_code == 302
    assert _row(world, Tenant, ids["tenants"]).state.value == "suspended"
    assert _published(world, f"tenant:{ids['tenants']}").active is False
    own = world.ids["platform"]["tenants"]
    assert operator.post(f"/platform/companies/{own}/suspend", headers=HTMX).status_code == 409


def test_lists_are_pages_by_key_with_a_fixed_number_of_queries(world: World) -> None:
    from sqlalchemy import event

    from crm.models import Customer

    ids = world.ids["one"]
    with world.parts.database.transaction(ids["tenants"]) as session:
        session.add_all(Customer(name=f"C{n:03}", phone=f"+86138001{n:05}") for n in range(120))
        session.commit()
    client = world.client("one", "tenant_admin")
    statements: list[str] = []
    event.listen(world.parts.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    first = client.get("/customers").get_data(as_text=True)
    assert len([text for text in statements if "crm_customer" in text]) == 1
    assert first.count("zj-row-actions") == 51
    second = client.get("/customers?before=" + first.rsplit("before=", 1)[1].split('"')[0]).get_data(
        as_text=True
    )
    third = client.get("/customers?before=" + second.rsplit("before=", 1)[1].split('"')[0]).get_data(
        as_text=True
    )
    seen = [name for page in (first, second, third) for n in range(120) if (name := f"C{n:03}") in page]
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("0139 1234 5678", "+8613912345678"),
        ("021 6000 1000", "+862160001000"),
        ("110", None),
        ("10086", None),
        ("+977 984-1234567", None),
        ("139 1234 5678;sofia/gateway/x", None),
    ],
)
def test_cti_e2_a_bound_number_is_one_that_can_be_rung(world: World, typed: str, stored: str | None) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    form = {"pop_on": "ring", "bound_number": typed, "forward_when_offline": "on", "press_to_take": "on"}
    answer = client.post(f"/extensions/{ids['extensions']}", data=form, headers=HTMX)
    assert answer.status_code == (200 if stored else 422)
    row = _row(world, Extension, ids["extensions"])
    assert row.bound_number == (stored or "")
    if stored is None:
        return
    document = _published(world, f"extension:{row.id}")
    assert (document.bound_number, document.forward_when_offline) == (stored, True)
    assert document.press_to_take
