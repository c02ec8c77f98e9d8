"""Flows are exported and imported as one JSON document, with what they use by name (issue 4)."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cti.models import Queue
from ivr import model, service
from ivr.models import Calendar, Flow
from ivr.voices.models import Voice, VoiceState
from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_flows import HTMX, bye, logged

PATH = "/flows/import"


def voice(world: World, company: str, name: str, digest: str, **values: Any) -> int:
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        row = Voice(
            name=name,
            digest=digest,
            length_ms=900,
            bytes=9,
            file_key=f"voices/{name}",
            **{"state": VoiceState.APPROVED, **values},
        )
        session.add(row)
        session.commit()
        return row.id


def everything(world: World, voice_id: int) -> dict[str, Any]:
    """Return a document that uses one of each kind of company ``one``."""
    ids = world.ids["one"]
    rule = {"start": "09:00", "end": "18:00", "calendar": str(ids["calendars"]), "target": "to"}
    to = {"failure": "bye", "type": "transfer"}
    return {
        "name": "Everything",
        "entry": "hours",
        "nodes": [
            {"type": "time", "code": "hours", "name": "Hours", "rules": [rule], "otherwise": "say"},
            {**to, "code": "to", "name": "To sales", "to": "queue", "target_id": ids["queues"]},
            {**to, "code": "ext", "name": "To 8001", "to": "extension", "target_id": ids["extensions"]},
            {
                "type": "playback",
                "code": "say",
                "name": "Closed",
                "prompts": [{"kind": "voice", "voice_id": voice_id}],
                "next": "on",
            },
            {"type": "flow", "code": "on", "name": "Elsewhere", "flow_id": ids["flows"]},
            {"type": "flow", "code": "again", "name": "Again", "flow_id": 0},
            *bye()["nodes"],
        ],
    }


def add(world: World, company: str, code: str, document: dict[str, Any]) -> int:
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        flow = service.create_flow(session, code, "Everything", None)
        nodes = document["nodes"]
        for node in nodes:
            if node["code"] == "again":
                node["flow_id"] = flow.id
        service.save_draft(session, flow.id, msgspec.convert(document, model.Flow), None)
        session.commit()
        return flow.id


def imported(world: World, company: str, code: str) -> model.Flow:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        flow = session.scalars(select(Flow).where(Flow.code == code)).one()
        assert flow.published_version == 0
        return service.load_draft(session, flow.id)


def send(client: FlaskClient, data: bytes, **form: str) -> Any:
    file = (io.BytesIO(data), "shared.flow.json")
    return client.post(PATH, data={"file": file, **form}, content_type="multipart/form-data")


def test_a_flow_is_carried_to_another_company_by_names(world: World) -> None:
    own_voice = voice(world, "one", "Closed", "a" * 64)
    flow_id = add(world, "one", "all", everything(world, own_voice))
    answer = world.client("one", "tenant_admin").get(f"/flows/{flow_id}/export")
    assert answer.headers["Content-Disposition"] == "attachment; filename=all.flow.json"
    uses = {each["kind"]: each for each in answer.get_json()["uses"] if not each.get("itself")}
    assert uses["queue"] == {
        "kind": "queue",
        "id": world.ids["one"]["queues"],
        "code": "sales",
        "name": "Sales",
    }
    assert (uses["voice"]["name"], uses["voice"]["digest"]) == ("Closed", "a" * 64)
    theirs = voice(world, "two", "Another name", "a" * 64)
    voice(world, "two", "Closed", "b" * 64)
    client = world.client("two", "tenant_admin")
    page = send(client, answer.data).get_data(as_text=True)
    ids = world.ids["two"]
    flow = imported(world, "two", "all")
    values = {node.code: msgspec.to_builtins(node) for node in flow.nodes}
    assert values["to"]["target_id"] == ids["queues"]
    assert values["ext"]["target_id"] == ids["extensions"]
    assert values["hours"]["rules"][0]["calendar"] == str(ids["calendars"])
    assert values["say"]["prompts"][0]["voice_id"] == theirs, "the same recording under another name"
    assert values["on"]["flow_id"] == ids["flows"]
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        own = session.scalars(select(Flow.id).where(Flow.code == "all")).one()
    assert values["again"]["flow_id"] == own, "what led to itself leads to itself"
    assert "<table" not in page, "nothing is missing"
    assert logged(world, "two")[-1] == "flows.import"


def test_what_is_not_found_is_left_empty_and_listed(world: World) -> None:
    waiting = voice(world, "one", "Waiting", "c" * 64, state=VoiceState.PENDING)
    flow_id = add(world, "one", "all", everything(world, waiting))
    data = world.client("one", "tenant_admin").get(f"/flows/{flow_id}/export").data
    with world.parts.database.transaction(world.ids["two"]["tenants"]) as session:
        session.delete(session.scalars(select(Calendar)).one())
        session.scalars(select(Queue)).one().code = "other"
        session.commit()
    voice(world, "two", "Waiting", "c" * 64, state=VoiceState.PENDING)
    page = send(world.client("two", "tenant_admin"), data).get_data(as_text=True)
    values = {node.code: msgspec.to_builtins(node) for node in imported(world, "two", "all").nodes}
    assert values["to"]["target_id"] == 0
    assert values["hours"]["rules"][0]["calendar"] == ""
    assert values["say"]["prompts"][0]["voice_id"] == 0, "a voice that was not approved cannot be chosen"
    for name in ("Sales", "Holidays", "Waiting", "To sales", "Hours", "Closed"):
        assert name in page


def test_a_code_that_is_taken_is_asked_for_again(world: World) -> None:
    flow_id = add(world, "one", "all", bye())
    client = world.client("one", "tenant_admin")
    data = client.get(f"/flows/{flow_id}/export").data
    clash = send(client, data)
    assert clash.status_code == 409
    assert 'value="all-2"' in clash.get_data(as_text=True)
    assert send(client, data, code="all-2", name="Mine").status_code == 200
    assert imported(world, "one", "all-2").name == "Mine"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"PK\x03\x04",
        b"[" * 100_000,
        json.dumps(
            {
                "format": "zongji-flow",
                "version": 1,
                "code": "x",
                "name": "x",
                "flow": {"nodes": [{"type": "hangup", "code": f"n{n}"} for n in range(1001)]},
            }
        ).encode(),
    ],
)
def test_what_is_no_exported_flow_is_refused_and_makes_nothing(world: World, data: bytes) -> None:
    client = world.client("one", "tenant_admin")
    assert send(client, data).status_code == 422
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert session.scalars(select(Flow.code)).all() == ["welcome"]


def test_a_form_without_a_file_is_refused(world: World) -> None:
    client = world.client("one", "tenant_admin")
    assert client.get(PATH, headers=HTMX).status_code == 200
    assert client.post(PATH, data={"code": "x"}).status_code == 422


def test_who_may_not_edit_imports_nothing(world: World) -> None:
    assert send(world.client("one", "agent"), b"{}").status_code == 403
