"""Who supervises some queues sees the past calls of those alone: lists, pages, sounds, reports, exports, interface
(SUP-8, CTI-C1 to C9).
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import event

from admin_web.api.scopes import ApiScope
from core.database import ALL_TENANTS
from core.jobs.models import BackgroundJob
from core.models import Account
from core.permissions import Permission, encode_queues
from core.store import FileStore
from cti.call.model import EndedIn, SegmentKind
from cti.models import ExtensionAccount
from cti.records.models import Callback, Direction, Recording
from tests.unit.admin_web.api.support import program
from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_records import (
    AT,
    HTMX,
    MONTH,
    add,
    last_job,
    record_sound,
    worker,
)
from tests.unit.admin_web.test_supervised_queues import Floor

JSON = {"Accept": "application/json"}
OF_SALES = {"s-in", "s-direct"}
"""Inbound calls a supervisor of Sales sees: the queue's, and one put straight through to an extension in it."""


@pytest.fixture
def floor(world: World) -> Floor:
    """Two queues, a supervisor of each, and calls of October of both and of none."""
    made = Floor(world)
    sales, support = made.sales, made.support
    mine = world.ids["one"]["extensions"]
    with world.parts.database.transaction(made.tenant) as session:
        session.add(ExtensionAccount(extension_id=mine, account_id=made.seller))
        asked: dict[str, Any] = {"position": 1, "number": "+8613800138000", "asked_at": AT}
        session.add(Callback(call_id="w-sales", queue_id=sales, **asked))
        session.add(Callback(call_id="w-support", queue_id=support, **asked))
        session.commit()
    add(world, "s-in", queue_id=sales, queue_name="Sales", agent_id=made.seller, talk_at=AT, talk_s=60)
    add(world, "h-in", queue_id=support, queue_name="Support", agent_id=made.helper, talk_at=AT, talk_s=60)
    add(world, "s-direct", extension_id=mine, agent_id=made.seller, agent_name="seller", talk_at=AT)
    add(world, "h-direct", extension_id=mine + 1, agent_id=made.helper, agent_name="helper", talk_at=AT)
    add(world, "flow", ended_in=EndedIn.FLOW)
    out: dict[str, Any] = {"direction": Direction.OUT}
    add(world, "s-out", extension_id=mine, agent_id=made.seller, **out)
    add(world, "h-out", extension_id=mine + 1, agent_id=made.helper, **out)
    missed: dict[str, Any] = {"missed": True, "ended_in": EndedIn.OFFER}
    add(world, "s-missed", queue_id=sales, arrived_at=AT, **missed)
    add(world, "s-rang", last_extension_id=mine, **missed)
    add(world, "h-missed", queue_id=support, **missed)
    for call_id in ("s-in", "h-in"):
        record_sound(world, call_id, f"RIFF{call_id}".encode())
    for call_id, queue_id in (("s-left", sales), ("h-left", support)):
        add(world, call_id, queue_id=queue_id, ended_in=EndedIn.VOICEMAIL)
        record_sound(world, call_id, f"RIFF{call_id}".encode())
        with world.parts.database.transaction(made.tenant) as session:
            row = session.query(Recording).filter(Recording.call_id == call_id).one()
            row.kind = SegmentKind.VOICEMAIL
            session.commit()
    return made


def seen(text: str) -> set[str]:
    """Return which of the calls a page names."""
    names = (
        "s-in",
        "h-in",
        "s-direct",
        "h-direct",
        "flow",
        "s-out",
        "h-out",
        "s-missed",
        "s-rang",
        "h-missed",
    )
    return {name for name in (*names, "s-left", "h-left") if f"/records/calls/{name}" in text}


def test_lists_show_the_calls_of_their_queues_sup_8(floor: Floor) -> None:
    client, all_of_them = floor.world.client("one", "of-sales"), floor.world.client("one", "supervisor")

    def listed(who: Any, address: str) -> set[str]:
        return seen(who.get(address, query_string=MONTH, headers=HTMX).get_data(as_text=True))

    assert listed(client, "/records/inbound") == OF_SALES | {"s-missed", "s-rang", "s-left"}
    assert listed(client, "/records/outbound") == {"s-out"}
    assert listed(client, "/records/missed") == {"s-missed", "s-rang"}
    days = {"from": "2026-10-01", "to": "2026-10-31"}
    messages = client.get("/left-messages", query_string=days).get_data(as_text=True)
    assert "s-left" in messages
    assert "h-left" not in messages
    wishes = client.get("/left-messages/callbacks").get_data(as_text=True)
    assert wishes.count("/left-messages/callbacks/") > 0
    assert "Support" not in wishes
    assert {"h-in", "flow", "h-direct"} <= listed(all_of_them, "/records/inbound")
    assert listed(all_of_them, "/records/outbound") == {"s-out", "h-out"}
    bar = client.get("/records/inbound", query_string=MONTH).get_data(as_text=True)
    assert "Sales</option>" in bar
    assert "Support</option>" not in bar


def test_a_page_is_as_many_queries_as_without_limits(floor: Floor) -> None:
    statements: list[str] = []
    event.listen(
        floor.world.parts.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2])
    )
    counts = {}
    for login in ("supervisor", "of-sales"):
        client = floor.world.client("one", login)
        for name in ("inbound", "outbound", "missed"):
            statements.clear()
            client.get(f"/records/{name}", query_string=MONTH, headers=HTMX)
            counts[login, name] = len([text for text in statements if "cti_" in text or "desk_" in text])
    for name, most in (("inbound", 2), ("outbound", 2), ("missed", 2)):
        assert counts["of-sales", name] == counts["supervisor", name] == most, counts


def test_another_queues_call_is_not_found_by_any_address_sup_8(floor: Floor) -> None:
    client = floor.world.client("one", "of-sales")
    for call_id, status in (("s-in", 200), ("h-in", 404), ("flow", 404), ("no-such-call", 404)):
        for address in ("", "/recordings/1", "/recordings/1/file"):
            if call_id == "flow" and address:
                continue
            answer = client.get(f"/records/calls/{call_id}{address}")
            assert answer.status_code == status, (call_id, address)
    assert client.get("/records/calls/h-in/recordings/1/peaks").status_code == 404
    assert client.get("/records/calls/s-direct").status_code == 200
    assert client.get("/records/calls/h-direct").status_code == 404
    with floor.world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        wish = session.query(Callback).filter(Callback.call_id == "w-support").one().id
    assert client.post(f"/left-messages/callbacks/{wish}/done", data={"remark": ""}).status_code == 404
    with floor.world.parts.database.transaction(floor.tenant) as session:
        session.get_one(Account, floor.of_sales).supervised_queues = encode_queues({floor.support})
        session.commit()
    floor.world.parts.sessions.changed()
    assert client.get("/records/calls/s-in").status_code == 404
    assert client.get("/records/calls/h-in").status_code == 200


def test_a_missed_call_of_another_queue_cannot_be_marked(floor: Floor) -> None:
    theirs = add(floor.world, "h-2", queue_id=floor.support, missed=True, ended_in=EndedIn.OFFER)
    ours = add(floor.world, "s-2", queue_id=floor.sales, missed=True, ended_in=EndedIn.OFFER)
    client = floor.world.client("one", "of-sales")
    for row, status in ((theirs, 404), (ours, 200)):
        answer = client.post(f"/records/missed/{row}/handled", data={"remark": ""}, headers=HTMX)
        assert answer.status_code == status


def test_parts_of_other_queues_are_not_shown_cti_c6(floor: Floor) -> None:
    add(floor.world, "p", queue_id=floor.sales, ended_in=EndedIn.TRANSFERRED)
    add(floor.world, "p-2", queue_id=floor.support, source_call_id="p")
    text = floor.world.client("one", "of-sales").get("/records/calls/p").get_data(as_text=True)
    assert "p-2" not in text
    assert "p-2" in floor.world.client("one", "supervisor").get("/records/calls/p").get_data(as_text=True)


def test_reports_count_the_calls_of_their_queues_cti_c9(floor: Floor) -> None:
    client, query = floor.world.client("one", "of-sales"), {**MONTH, "interval": "total"}
    queues = client.get("/reports/queue", query_string=query).get_data(as_text=True)
    assert "Sales" in queues
    assert "Support" not in queues
    agents = client.get("/reports/agent", query_string=query, headers=HTMX).get_data(as_text=True)
    assert "seller" in agents
    assert "helper" not in agents
    client.post("/reports/route/export", data=query)
    worker(floor.world).step()
    job = last_job(floor.world)
    data = b"".join(FileStore(floor.world.parts.settings.store_dir).read(job.file_key))
    rows = list(load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True))
    assert rows[-1][2] == 5, "the queue's call, the direct ones, the missed one and the message"


def test_an_export_has_the_queues_of_the_time_it_runs_cti_c5(floor: Floor) -> None:
    world = floor.world
    client = world.client("one", "of-sales")
    client.post("/records/export/inbound", data=MONTH)
    client.post("/records/export/inbound/recordings", data=MONTH)
    client.post("/records/export/messages/recordings", data=MONTH)
    with world.parts.database.transaction(floor.tenant) as session:
        session.get_one(Account, floor.of_sales).supervised_queues = encode_queues({floor.support})
        session.commit()
    for _ in range(3):
        assert worker(world).step()
    with world.parts.database.transaction(floor.tenant, read_only=True) as session:
        keys = [job.file_key for job in session.query(BackgroundJob).order_by(BackgroundJob.id)]
    table, calls, messages = (b"".join(FileStore(world.parts.settings.store_dir).read(key)) for key in keys)
    cells = {
        cell for row in load_workbook(io.BytesIO(table)).active.iter_rows(values_only=True) for cell in row
    }
    assert "h-in" in cells
    assert "s-in" not in cells
    for data, wanted in ((calls, {b"RIFFh-in", b"RIFFh-left"}), (messages, {b"RIFFh-left"})):
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            sounds = {opened.read(name) for name in opened.namelist() if name.endswith(".wav")}
        assert sounds == wanted


def test_a_finished_export_stays_with_who_still_supervises_its_queues(floor: Floor) -> None:
    world = floor.world
    everything, sales = world.client("one", "supervisor"), world.client("one", "of-sales")
    for who in (everything, sales):
        who.post("/records/export/inbound", data=MONTH)
        who.post("/records/export/inbound/recordings", data=MONTH)
        who.post("/reports/queue/export", data={**MONTH, "interval": "total"})
    while worker(world).step():
        pass
    with world.parts.database.transaction(floor.tenant, read_only=True) as session:
        jobs = [(job.id, job.account_id) for job in session.query(BackgroundJob)]
    assert len(jobs) == 6

    def statuses(who: Any, *, own: bool) -> set[int]:
        """Of the files of who supervises Sales alone (`own`), or of who supervised all."""
        wanted = [job_id for job_id, account in jobs if (account == floor.of_sales) is own]
        return {who.get(f"/jobs/{job_id}/file").status_code for job_id in wanted}

    def supervises(account_id: int, queues: set[int] | None) -> None:
        with world.parts.database.transaction(floor.tenant) as session:
            session.get_one(Account, account_id).supervised_queues = encode_queues(queues)
            session.commit()

    all_id = next(account for _, account in jobs if account != floor.of_sales)
    assert (statuses(everything, own=False), statuses(sales, own=True)) == ({200}, {200})
    supervises(all_id, {floor.sales, floor.support})
    supervises(floor.of_sales, {floor.support})
    everything, sales = world.client("one", "supervisor"), world.client("one", "of-sales")
    assert (statuses(everything, own=False), statuses(sales, own=True)) == ({403}, {403})
    refused = sales.get(f"/jobs/{jobs[-1][0]}/file", headers=JSON)
    assert refused.get_json()["error"] == "queues-taken-away"
    supervises(floor.of_sales, {floor.support, floor.sales})
    assert statuses(world.client("one", "of-sales"), own=True) == {200}


def test_the_interface_shows_the_calls_of_their_queues(floor: Floor) -> None:
    asking = program(floor.world, login="of-sales", scopes=(ApiScope.RECORDS_READ, ApiScope.RECORDINGS_READ))
    times = {"from": "2026-10-01T00:00:00Z", "to": "2026-10-31T00:00:00Z"}
    answer = asking.get("/call-records", query_string=times)
    found = {each["call_id"] for each in answer.get_json()["items"]}
    assert found == OF_SALES | {"s-out", "s-missed", "s-rang", "s-left"}
    paged: list[str] = []
    following: dict[str, str] = {}
    while True:
        page = asking.get("/call-records", query_string={**times, "limit": "2", **following}).get_json()
        paged += [each["call_id"] for each in page["items"]]
        if not page["next"]:
            break
        following = {"cursor": page["next"]}
    assert sorted(paged) == sorted(found)
    for call_id, status in (("s-in", 200), ("h-in", 404)):
        for address in ("", "/recordings", "/recordings/1"):
            assert asking.get(f"/call-records/{call_id}{address}").status_code == status


def test_the_desk_names_no_number_of_another_queues_call(floor: Floor) -> None:
    world = floor.world
    with world.parts.database.transaction(floor.tenant) as session:
        row = session.get_one(Account, floor.of_sales)
        row.apply_role = False
        rights = (Permission.RECORDS_VIEW, Permission.DESK_USE, Permission.CUSTOMERS_VIEW)
        row.permissions = json.dumps([each.value for each in rights])
        session.commit()
    world.parts.sessions.changed()
    client = world.client("one", "of-sales")
    work = client.get("/desk/api/work", headers=JSON)
    assert work.status_code == 200
    for call_id, status in (
        ("s-in", 200),
        ("h-in", 404),
        ("talk-sales", 200),
        ("talk-support", 404),
        ("dialled", 404),
    ):
        answer = client.get("/desk/api/customer", query_string={"call": call_id}, headers=JSON)
        assert answer.status_code == status, (call_id, answer.get_data(as_text=True))
