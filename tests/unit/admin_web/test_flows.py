"""The editor's interface: drafts, checks, versions, nobody overwrites anybody (CTI-I1, I14)."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from core import documents
from core.documents import DestinationKind
from core.models import AuditEntry
from cti.models import InboundRoute
from ivr import service
from ivr.models import Flow, FlowVersion
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true"}


def bye(name: str = "Welcome", said: str = "Bye") -> dict[str, Any]:
    """Return the smallest flow that can be published."""
    node = {
        "type": "hangup",
        "code": "bye",
        "name": "Goodbye",
        "prompts": [{"kind": "text", "text": said}],
    }
    return {"name": name, "entry": "bye", "nodes": [node]}


@pytest.fixture
def admin(world: World) -> FlaskClient:
    return world.client("one", "tenant_admin")


@pytest.fixture
def address(world: World) -> str:
    return f"/flows/{world.ids['one']['flows']}"


def revision(client: FlaskClient, address: str) -> int:
    return int(editor(client, address)["revision"])


def editor(client: FlaskClient, address: str) -> dict[str, Any]:
    """Return what the editor's page begins with."""
    page = client.get(address).get_data(as_text=True)
    found = re.search(r'data-boot="(.*?)"', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(html.unescape(found[1]))
    return data


def save(client: FlaskClient, address: str, document: dict[str, Any]) -> dict[str, Any]:
    answer = client.put(address, json={"document": document, "revision": revision(client, address)})
    assert answer.status_code == 200, answer.get_json()
    data: dict[str, Any] = answer.get_json()
    return data


def seen(client: FlaskClient, address: str) -> dict[str, int]:
    """Return what the editor says of the draft it shows."""
    return {"revision": revision(client, address)}


def publish(client: FlaskClient, address: str, note: str = "") -> TestResponse:
    return client.post(f"{address}/publish", json={"note": note, **seen(client, address)})


def published(world: World, flow_id: int) -> documents.AnyDocument | None:
    data = world.parts.redis.hget(documents.HASH, f"flow:{flow_id}")
    return documents.decode(data) if data else None  # type: ignore[arg-type]


def logged(world: World, company: str = "one") -> list[str]:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [f"{row.module}.{row.action}" for row in rows]


def test_cti_i14_a_flow_is_drafted_checked_and_published(
    world: World, admin: FlaskClient, address: str
) -> None:
    broken = {**bye(), "entry": "nowhere"}
    saved = save(admin, address, broken)
    assert saved["problems"][0] == {
        "node": "",
        "field": "entry",
        "severity": "error",
        "text": saved["problems"][0]["text"],
    }
    refused = publish(admin, address)
    assert refused.status_code == 422
    assert refused.get_json()["problems"]
    assert save(admin, address, bye())["problems"] == []
    answer = publish(admin, address, "The first one")
    assert answer.get_json()["version"] == 1
    document = published(world, world.ids["one"]["flows"])
    assert document is not None
    assert document.version == 1
    again = publish(admin, address)
    assert (again.status_code, again.get_json()["error"]) == (409, "nothing-to-publish")
    assert logged(world)[-1] == "flows.publish"


def test_cti_i14_a_document_is_checked_without_being_kept(admin: FlaskClient, address: str) -> None:
    before = editor(admin, address)
    answer = admin.post(f"{address}/check", json={"document": {**bye(), "entry": ""}})
    assert [each["field"] for each in answer.get_json()["problems"]] == ["entry"]
    assert editor(admin, address)["document"] == before["document"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"document": 3, "revision": 1}',
        b'{"document": {"nodes": [{"type": "unheard-of", "code": "a"}]}, "revision": 1}',
        json.dumps({"document": {"nodes": [{"type": "hangup", "code": "a"}] * 1001}, "revision": 1}).encode(),
    ],
)
def test_what_is_no_flow_is_refused_with_a_reason(admin: FlaskClient, address: str, body: bytes) -> None:
    answer = admin.put(address, data=body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.get_json()["error"] == "flow-unreadable"


def test_nobody_overwrites_what_somebody_else_saved(world: World, admin: FlaskClient, address: str) -> None:
    began = revision(admin, address)
    save(world.client("one", "tenant_admin"), address, bye(said="Theirs"))
    late = admin.put(address, json={"document": bye(said="Mine"), "revision": began})
    assert late.status_code == 409
    answer = late.get_json()
    assert (answer["error"], answer["by"]) == ("edited-meanwhile", "tenant_admin")
    assert answer["at"] >= "2020"
    assert editor(admin, address)["document"]["nodes"][0]["prompts"][0]["text"] == "Theirs"
    kept = admin.put(address, json={"document": bye(said="Mine"), "revision": answer["revision"]})
    assert kept.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/publish"), ("POST", "/versions/1/restore"), ("DELETE", "/draft")]
)
def test_nobody_publishes_restores_or_discards_a_draft_they_have_not_seen(
    world: World, admin: FlaskClient, address: str, method: str, path: str
) -> None:
    save(admin, address, bye(said="One"))
    publish(admin, address)
    began = save(admin, address, bye(said="Mine"))["revision"]
    save(world.client("one", "tenant_admin"), address, bye(said="Theirs"))
    before = logged(world)
    late = admin.open(address + path, method=method, json={"revision": began})
    assert late.status_code == 409
    answer = late.get_json()
    assert (answer["error"], answer["by"]) == ("edited-meanwhile", "tenant_admin")
    assert answer["at"] >= "2020"
    data = editor(admin, address)
    assert data["document"]["nodes"][0]["prompts"][0]["text"] == "Theirs"
    assert (data["flow"]["published_version"], data["draft"]["version"]) == (1, 2)
    assert logged(world) == before
    unsaid = admin.open(address + path, method=method, json={})
    assert (unsaid.status_code, unsaid.get_json()["error"]) == (422, "flow-unreadable")
    now = admin.open(address + path, method=method, json={"revision": answer["revision"]})
    assert now.status_code == 200


def test_publishing_is_no_change_others_have_to_load(admin: FlaskClient, address: str) -> None:
    saved = save(admin, address, bye())
    assert publish(admin, address).get_json()["revision"] == saved["revision"]
    following = admin.put(address, json={"document": bye(said="2"), "revision": saved["revision"]})
    assert following.status_code == 200


def test_cti_i14_versions_are_listed_compared_and_gone_back_to(
    world: World, admin: FlaskClient, address: str
) -> None:
    for said in ("one", "two"):
        save(admin, address, bye(said=said))
        publish(admin, address, f"says {said}")
    save(admin, address, bye(said="three"))
    rows = admin.get(f"{address}/versions").get_json()["versions"]
    assert [(row["version"], row["state"], row["note"], row["by"]) for row in rows] == [
        (3, "draft", "", "tenant_admin"),
        (2, "published", "says two", "tenant_admin"),
        (1, "published", "says one", "tenant_admin"),
    ]
    assert rows[0]["published_at"] is None
    older = admin.get(f"{address}/versions?before=3").get_json()
    assert [row["version"] for row in older["versions"]] == [2, 1]
    differences = admin.get(f"{address}/versions/1/compare/3").get_json()["differences"]
    assert [(each["what"], each["node"], each["name"]) for each in differences] == [
        ("changed", "bye", "Goodbye")
    ]
    assert [(each["field"], each["before"], each["after"]) for each in differences[0]["fields"]] == [
        ("prompts", "one", "three")
    ]
    back = admin.post(f"{address}/versions/1/restore", json=seen(admin, address)).get_json()
    assert back["document"]["nodes"][0]["prompts"][0]["text"] == "one"
    assert editor(admin, address)["revision"] == back["revision"]
    assert admin.get(f"{address}/versions/9").status_code == 404
    assert logged(world)[-1] == "flows.restore"


def test_a_draft_is_thrown_away(world: World, admin: FlaskClient, address: str) -> None:
    save(admin, address, bye(said="one"))
    refused = admin.delete(f"{address}/draft", json=seen(admin, address))
    assert (refused.status_code, refused.get_json()["error"]) == (409, "nothing-to-discard")
    publish(admin, address)
    save(admin, address, bye(name="Other", said="two"))
    answer = admin.delete(f"{address}/draft", json=seen(admin, address)).get_json()
    assert answer["document"]["nodes"][0]["prompts"][0]["text"] == "one"
    data = editor(admin, address)
    assert (data["draft"], data["flow"]["name"]) == (None, "Welcome")
    assert data["revision"] == answer["revision"]
    assert logged(world)[-1] == "flows.discard"


def test_the_editor_is_given_what_it_offers(world: World, admin: FlaskClient, address: str) -> None:
    data = editor(admin, address)
    assert data["pickers"]["queues"] == [{"id": world.ids["one"]["queues"], "name": "Sales", "code": "sales"}]
    assert data["pickers"]["calendars"][0]["id"] == "cn"
    assert [each["name"] for each in data["system_variables"]][:2] == ["caller_number", "called_number"]
    guangdong = next(each for each in data["pickers"]["regions"] if each["province"] == "广东")
    assert "深圳" in [each["city"] for each in guangdong["cities"]]
    assert data["rights"] == {"edit": True}
    assert {each["type"] for each in data["node_types"]} >= {"menu", "playback", "transfer", "hangup"}
    for name, url in data["urls"].items():
        if name not in {"voices", "draft", "publish", "check", "try", "try_it"}:
            assert admin.get(url).status_code == 200, name
    assert editor(world.client("one", "tenant_admin"), address)["draft"]["saved_by"] == ""


def test_cti_i1_the_list_shows_state_entry_and_users(world: World, admin: FlaskClient, address: str) -> None:
    save(admin, address, bye())
    publish(admin, address)
    save(admin, address, bye(said="changed"))
    flow_id = world.ids["one"]["flows"]
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        route = session.get_one(InboundRoute, world.ids["one"]["routes"])
        route.destination, route.destination_id = DestinationKind.FLOW, flow_id
        session.commit()
    page = admin.get("/flows", headers={"Accept-Language": "en"}).get_data(as_text=True)
    for text in ("welcome", "Goodbye", "hotline", "tenant_admin"):
        assert text in page
    assert admin.get("/flows?q=nothing-like-it").get_data(as_text=True).count(address) == 0
    assert address in admin.get("/flows?q=WELC&state=draft").get_data(as_text=True) or (
        address in admin.get("/flows?q=welc&state=draft").get_data(as_text=True)
    )
    assert address not in admin.get("/flows?state=unpublished").get_data(as_text=True)


def test_the_list_asks_a_fixed_number_of_queries(world: World, admin: FlaskClient) -> None:
    tenant = world.ids["one"]["tenants"]

    def queries() -> int:
        statements: list[str] = []

        def note(*arguments: Any) -> None:
            statements.append(arguments[2])

        event.listen(world.parts.database.engine, "before_cursor_execute", note)
        page = admin.get("/flows").get_data(as_text=True)
        event.remove(world.parts.database.engine, "before_cursor_execute", note)
        assert page.count("zj-row-actions") > 1
        tables = ("ivr_", "cti_inbound_route")
        return len([text for text in statements if any(f"FROM {name}" in text for name in tables)])

    few = queries()
    with world.parts.database.transaction(tenant) as session:
        for number in range(60):
            service.create_flow(session, f"f{number}", f"F{number}", None)
        session.commit()
    assert queries() == few == 4
    first = admin.get("/flows").get_data(as_text=True)
    assert "F59" in first
    assert "F9<" not in first
    second = admin.get("/flows?before=" + first.rsplit("before=", 1)[1].split('"')[0]).get_data(as_text=True)
    assert "F9<" in second


def test_cti_i1_a_flow_is_made_copied_and_renamed(world: World, admin: FlaskClient, address: str) -> None:
    made = admin.post("/flows/new", data={"code": "night", "name": "Night"}, headers=HTMX)
    assert made.status_code == 200
    location = json.loads(made.headers["HX-Location"])["path"]
    assert editor(admin, location)["flow"]["name"] == "Night"
    clash = admin.post("/flows/new", data={"code": "night", "name": "Again"}, headers=HTMX)
    assert clash.status_code == 422
    assert "night" in clash.get_data(as_text=True)
    save(admin, address, bye(said="as it was"))
    flow_id = world.ids["one"]["flows"]
    form = admin.get(f"/flows/{flow_id}/copy", headers=HTMX).get_data(as_text=True)
    assert 'value="welcome-2"' in form
    answer = admin.post(f"/flows/{flow_id}/copy", data={"code": "w2", "name": "Second"}, headers=HTMX)
    assert answer.status_code == 200
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        copy = session.scalars(select(Flow).where(Flow.code == "w2")).one()
        assert service.load_draft(session, copy.id).nodes[0].prompts[0].text == "as it was"  # type: ignore[attr-defined]
        assert copy.name == "Second"
        assert copy.published_version == 0
    publish(admin, address)
    began = revision(admin, address)
    admin.post(f"/flows/{flow_id}/rename", data={"name": "Day"}, headers=HTMX)
    data = editor(admin, address)
    assert (data["flow"]["name"], data["document"]["name"]) == ("Day", "Day")
    assert data["revision"] > began, "an editor that is open has the old name and must not write it back"
    document = published(world, flow_id)
    assert document is not None
    assert document.name == "Day"  # type: ignore[union-attr]
    assert logged(world)[-3:] == ["flows.copy", "flows.publish", "flows.rename"]


def test_cti_i1_deletion_is_refused_while_used_and_names_the_users(
    world: World, admin: FlaskClient, address: str
) -> None:
    ids, flow_id = world.ids["one"], world.ids["one"]["flows"]
    save(admin, address, bye())
    publish(admin, address)
    with world.parts.database.transaction(ids["tenants"]) as session:
        route = session.get_one(InboundRoute, ids["routes"])
        route.destination, route.destination_id = DestinationKind.FLOW, flow_id
        leading = service.create_flow(session, "other", "Leads there", None)
        other = service.read_document(
            json.dumps(
                {"entry": "a", "nodes": [{"type": "flow", "code": "a", "name": "A", "flow_id": flow_id}]}
            )
        )
        service.save_draft(session, leading.id, other, None)
        session.commit()
    refused = admin.delete(address, headers={"Accept-Language": "en"})
    assert (refused.status_code, refused.get_json()["error"]) == (409, "flow-used")
    assert "hotline" in refused.get_json()["users"]
    assert "Leads there" in refused.get_json()["users"]
    assert admin.post(f"{address}/delete", headers=HTMX).status_code == 409
    with world.parts.database.transaction(ids["tenants"]) as session:
        session.get_one(InboundRoute, ids["routes"]).destination = DestinationKind.QUEUE
        service.save_draft(session, leading.id, service.read_document(b"{}"), None)
        session.commit()
    assert admin.post(f"{address}/delete", headers=HTMX).status_code == 200
    assert admin.get(address).status_code == 404
    assert published(world, flow_id) is None
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        assert session.scalars(select(FlowVersion).where(FlowVersion.flow_id == flow_id)).all() == []
    assert logged(world)[-1] == "flows.delete"


def test_another_companys_flow_does_not_exist(world: World, admin: FlaskClient) -> None:
    other = f"/flows/{world.ids['two']['flows']}"
    assert admin.get(other).status_code == 404
    for path, body in (("/check", {"document": bye()}), ("/publish", {}), ("/versions/1/restore", {})):
        assert admin.post(other + path, json=body).status_code == 404
    assert admin.put(other, json={"document": bye(), "revision": 1}).status_code == 404
    for path in ("/live", "/versions", "/versions/1", "/versions/1/compare/1", "/export"):
        assert admin.get(other + path).status_code == 404
    assert admin.delete(other).status_code == 404
    assert admin.delete(f"{other}/draft").status_code == 404


def test_who_may_only_look_changes_nothing(world: World, address: str) -> None:
    operator = world.client("one", "supervisor")
    assert operator.get(address, headers={"Accept": "application/json"}).status_code == 403
