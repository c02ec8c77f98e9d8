"""A company's own words on the desk (DSK-1, DSK-9), outside pages (DSK-6), wrap-ups on a call's page."""

from __future__ import annotations

from sqlalchemy import select

from core.database import utc_now
from core.models import AuditEntry
from cti.call.model import EndedIn
from cti.desk.models import BreakReason, BreakState, CallWrapUp, Disposition
from cti.models import Extension, PopTime, Queue
from cti.records.models import CallRecord, RecordState
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true"}


def test_dsk_1_a_company_makes_its_reasons(world: World) -> None:
    client, tenant = world.client("one", "tenant_admin"), world.ids["one"]["tenants"]
    form = {"name": "Lunch", "state": "break", "position": "2", "active": "on"}
    assert client.post("/break-reasons/new", data=form, headers=HTMX).status_code == 200
    assert client.post("/break-reasons/new", data=form, headers=HTMX).status_code == 422, (
        "a name is there once"
    )
    with world.parts.database.transaction(tenant, read_only=True) as session:
        row = session.scalars(select(BreakReason)).one()
        assert (row.name, row.state, row.position, row.active) == ("Lunch", BreakState.BREAK, 2, True)
        lines = [f"{each.module}.{each.action}" for each in session.scalars(select(AuditEntry))]
    assert lines[-1] == "desk.reason-create"
    assert client.get(f"/break-reasons/{row.id}", headers=HTMX).status_code == 200
    assert world.client("two", "tenant_admin").get(f"/break-reasons/{row.id}").status_code == 404
    assert world.client("one", "agent").get("/break-reasons").status_code == 403
    assert client.post(f"/break-reasons/{row.id}/delete", headers=HTMX).status_code == 200


def test_dsk_9_a_key_chooses_one_disposition(world: World) -> None:
    client, tenant = world.client("one", "tenant_admin"), world.ids["one"]["tenants"]
    form = {"name": "Sold", "digit": "1", "position": "0", "active": "on"}
    assert client.post("/dispositions/new", data=form, headers=HTMX).status_code == 200
    other = {**form, "name": "Lost", "needs_note": "on"}
    refused = client.post("/dispositions/new", data=other, headers=HTMX)
    assert refused.status_code == 422
    assert "Sold" in refused.get_data(as_text=True)
    del other["active"]
    assert client.post("/dispositions/new", data=other, headers=HTMX).status_code == 200, (
        "one switched off has it"
    )
    with world.parts.database.transaction(tenant, read_only=True) as session:
        rows = {row.name: row for row in session.scalars(select(Disposition))}
    assert (rows["Lost"].needs_note, rows["Lost"].active, rows["Sold"].digit) == (True, False, "1")
    assert "Sold" in client.get("/dispositions").get_data(as_text=True)


def test_dsk_6_pages_of_other_systems_are_set_with_a_queue_and_an_extension(world: World) -> None:
    client, ids = world.client("one", "tenant_admin"), world.ids["one"]
    form = {"pop_on": "answer", "pop_url": "https://crm.example.com/?phone={caller}"}
    bad = {**form, "pop_url": "javascript:alert(1)"}
    assert client.post(f"/extensions/{ids['extensions']}", data=bad, headers=HTMX).status_code == 422
    assert client.post(f"/extensions/{ids['extensions']}", data=form, headers=HTMX).status_code == 200
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        extension = session.get_one(Extension, ids["extensions"])
        assert (extension.pop_on, extension.pop_url) == (PopTime.ANSWER, form["pop_url"])
        assert session.get_one(Queue, ids["queues"]).pop_on is None


def test_a_calls_page_shows_what_was_saved_and_no_draft(world: World) -> None:
    tenant, account = world.ids["one"]["tenants"], world.ids["one"]["accounts"]
    now = utc_now()
    record = CallRecord(
        call_id="c-1",
        state=RecordState.FINAL,
        caller="+8613800138000",
        called="4008001000",
        arrived_at=now,
        ended_at=now,
        ended_in=EndedIn.AGENT,
    )
    saved = CallWrapUp(
        call_id="c-1",
        account_id=account,
        account_name="Anna",
        disposition="Sold",
        note="ten boxes",
        saved_at=now,
    )
    draft = CallWrapUp(call_id="c-1", account_id=account + 1, note="not yet said")
    with world.parts.database.transaction(tenant) as session:
        session.add_all([record, saved, draft])
        session.commit()
    page = world.client("one", "supervisor").get("/records/calls/c-1").get_data(as_text=True)
    assert "ten boxes" in page
    assert "Sold" in page
    assert "not yet said" not in page
