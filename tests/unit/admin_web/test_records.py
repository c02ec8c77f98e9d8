"""The lists of calls, their filters, marks and exports (CTI-C1 to C5, C8), through the pages and a worker here."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from typing import Any

import pytest
from openpyxl import load_workbook
from prometheus_client import CollectorRegistry
from sqlalchemy import event, select

from admin_web.records import archive, exporting
from admin_web.records import jobs as records
from admin_web.reports import jobs as reports
from core.database import utc_now
from core.jobs import service
from core.jobs.models import BackgroundJob, JobState
from core.jobs.worker import Meters, Worker
from core.models import Account, AuditEntry
from core.store import FileStore
from cti.call.model import EndedIn, LegKind, OfferResult
from cti.desk.models import CallWrapUp
from cti.models import Extension
from cti.records.models import CallLeg, CallOffer, CallRecord, Direction, Recording, RecordState
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true", "HX-Target": "zj-list"}
MONTH = {"from": "2026-10-01 00:00", "to": "2026-10-31 23:59"}
AT = datetime.datetime(2026, 10, 20, 4, tzinfo=datetime.UTC)


def add(
    world: World, call_id: str, company: str = "one", *, offered: list[int] | None = None, **values: Any
) -> int:
    """Write a record of October and return its id."""
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        row = CallRecord(
            **{
                "call_id": call_id,
                "state": RecordState.FINAL,
                "direction": Direction.IN,
                "caller": "+8613900139000",
                "called": "+861065551200",
                "arrived_at": AT,
                "ended_at": AT,
                "ended_in": EndedIn.AGENT,
                **values,
            }
        )
        session.add(row)
        session.flush()
        for position, agent in enumerate(offered or [], 1):
            session.add(
                CallOffer(
                    record_id=row.id,
                    position=position,
                    leg_uuid=f"{call_id}-{position}",
                    agent_id=agent,
                    extension_id=1,
                    queue_id=1,
                    offered_at=AT,
                    result=OfferResult.NO_ANSWER,
                )
            )
        session.commit()
        return row.id


def record_sound(
    world: World, call_id: str, data: bytes = b"RIFFdata", company: str = "one", segment: int = 1
) -> str:
    """Store a recording of a call and return its key."""
    key = f"recordings/{company}-{call_id}-{segment}.wav"
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        session.add(
            Recording(
                call_id=call_id,
                segment=segment,
                started_at=AT,
                length_ms=1000,
                key=key,
                bytes=len(data),
                sha256="0" * 64,
                channels=2,
                created_at=AT,
            )
        )
        session.commit()
    FileStore(world.parts.settings.store_dir).put(key, [data])
    return key


def account_id(world: World, login: str) -> int:
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        return session.scalars(select(Account.id).where(Account.login == login)).one()


def worker(world: World) -> Worker:
    return Worker(
        world.parts.database,
        FileStore(world.parts.settings.store_dir),
        {**records.kinds(), **reports.kinds()},
        lease_s=60,
        files_days=7,
        meters=Meters.make(CollectorRegistry()),
    )


def last_job(world: World) -> BackgroundJob:
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        return session.scalars(select(BackgroundJob).order_by(BackgroundJob.id.desc())).first()


def log_of(world: World) -> list[str]:
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        return [f"{each.module}.{each.action}" for each in session.scalars(select(AuditEntry))]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"from": "", "to": "2026-10-31 23:59"}, "选择"),
        ({"from": "2026-10-01 00:00", "to": "31.10.2026"}, "2026-11-30 18:00"),
        ({"from": "2026-10-20 00:00", "to": "2026-10-01 00:00"}, "早于"),
        ({"from": "2026-10-31 00:00", "to": "2026-11-01 00:00"}, "一个自然月"),
    ],
)
def test_a_time_beyond_one_month_is_refused_in_the_users_language_cti_c5(
    world: World, given: dict[str, str], words: str
) -> None:
    client = world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "zh")
    answer = client.get("/records/inbound", query_string=given, headers=HTMX)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)


def test_every_column_of_a_list_can_be_filtered_cti_c5(world: World) -> None:
    agent = account_id(world, "agent")
    ids = world.ids["one"]
    add(
        world,
        "yes-1",
        region="广东/深圳",
        route_id=ids["routes"],
        queue_id=ids["queues"],
        extension_id=ids["extensions"],
        agent_id=agent,
        length_s=100,
        note="← Anna",
        agent_name="=HYPERLINK",
    )
    add(world, "no-1", caller="+8613700000000", ended_in=EndedIn.FLOW, length_s=5)
    record_sound(world, "yes-1")
    client = world.client("one", "tenant_admin")
    fits = {
        "number": "13900139000",
        "region": "广东",
        "route_id": ids["routes"],
        "queue_id": ids["queues"],
        "extension_id": ids["extensions"],
        "agent_id": agent,
        "ended_in": "agent",
        "length_from": "50",
        "note": "Anna",
        "recorded": "yes",
    }
    for name, value in fits.items():
        page = client.get("/records/inbound", query_string={**MONTH, name: value}, headers=HTMX)
        text = page.get_data(as_text=True)
        assert "/records/calls/yes-1" in text, name
        assert "/records/calls/no-1" not in text, name
    other = client.get("/records/inbound", query_string={**MONTH, "length_to": "50"}, headers=HTMX)
    assert "/records/calls/yes-1" not in other.get_data(as_text=True)
    odd = client.get("/records/inbound", query_string={**MONTH, "length_to": "ten"}, headers=HTMX)
    assert odd.status_code == 422
    whole = client.get("/records/inbound", query_string=MONTH).get_data(as_text=True)
    for name in ("from", "to", *fits, "length_to"):
        assert f'name="{name}"' in whole
    assert "no-1" in client.get("/records/inbound", query_string={**MONTH, "recorded": "no"}).get_data(
        as_text=True
    )


def test_missed_calls_have_one_row_with_the_extension_last_offered_cti_c3(world: World) -> None:
    agent = account_id(world, "agent")
    missed = {"missed": True, "ended_in": EndedIn.OFFER}
    row_id = add(
        world,
        "m-1",
        offered=[agent, 999],
        last_agent_name="Zoe",
        last_extension="8002",
        last_agent_id=999,
        **missed,
    )
    add(world, "m-2", offered=[999], last_agent_name="Zoe", **missed)
    add(world, "a-1", offered=[agent], agent_id=999)
    theirs = add(world, "m-3", "two", offered=[1], **missed)
    admin, own = world.client("one", "tenant_admin"), world.client("one", "agent")
    page = admin.get("/records/missed", query_string=MONTH).get_data(as_text=True)
    assert page.count("/records/calls/m-1") == 1
    assert "8002" in page
    assert "a-1" not in page, "an agent answered it"
    assert "data-dial=" in page
    last = admin.get("/records/missed", query_string={**MONTH, "agent_id": agent}, headers=HTMX)
    assert "m-1" not in last.get_data(as_text=True), "it was offered to somebody else last"
    mine = own.get("/records/missed", query_string=MONTH).get_data(as_text=True)
    assert "m-1" in mine, "it was offered to them"
    assert "m-2" not in mine
    address = f"/records/missed/{row_id}"
    assert 'name="remark"' in own.get(f"{address}/handled").get_data(as_text=True)
    assert own.post(f"{address}/handled", data={"remark": "x" * 501}).status_code == 422
    done = own.post(f"{address}/handled", data={"remark": "Called him"}, headers={"HX-Request": "true"})
    assert "zj:changed" in done.headers["HX-Trigger"]
    admin.post(f"{address}/handled", data={"remark": "Twice"}, headers={"HX-Request": "true"})
    page = admin.get("/records/missed", query_string={**MONTH, "handled": "yes"}).get_data(as_text=True)
    assert "Twice" in page
    assert "agent" in page, "who did it first stays"
    assert "m-2" not in page
    assert admin.post(f"{address}/open").status_code == 303
    assert admin.post(f"{address}/open").status_code == 409
    for client, row in ((own, row_id + 1), (admin, theirs), (admin, row_id + 2)):
        assert client.post(f"/records/missed/{row}/handled").status_code == 404
    assert {"records.handled", "records.reopened"} <= set(log_of(world))


def test_a_missed_call_an_agent_dialled_and_handed_over_is_called_back_at_the_customers_number_cti_c3(
    world: World,
) -> None:
    numbers = {"caller": "+861087654321", "called": "+8613911112222", "direction": Direction.OUT}
    add(world, "out-2", source_call_id="out", offered=[999], missed=True, ended_in=EndedIn.OFFER, **numbers)
    admin = world.client("one", "tenant_admin")
    page = admin.get("/records/missed", query_string=MONTH).get_data(as_text=True)
    assert 'data-dial="+8613911112222"' in page
    assert "13911112222</td>" in page.replace(" </td>", "</td>")
    assert "87654321" not in page, "the company's own number"
    admin.post("/records/export/missed", data=MONTH)
    worker(world).step()
    data = b"".join(FileStore(world.parts.settings.store_dir).read(last_job(world).file_key))
    (_, row) = load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True)
    assert row[1] == "13911112222"


def test_a_calls_page_says_which_extension_rang_cti_c7(world: World) -> None:
    add(world, "rang")
    extension = world.ids["one"]["extensions"]
    times = {"call_id": "rang", "direction": Direction.OUT, "started_at": AT, "ended_at": AT}
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        number = session.get_one(Extension, extension).number
        hidden = {"from_number": "anonymous", "to_number": "anonymous"}
        rang = CallLeg(leg_uuid="l-1", kind=LegKind.AGENT, extension=str(extension), **hidden, **times)
        session.add_all([rang, CallLeg(leg_uuid="l-2", kind=LegKind.AGENT, extension="9" * 20, **times)])
        session.commit()
    page = world.client("one", "tenant_admin").get("/records/calls/rang").get_data(as_text=True)
    assert re.search(rf"<dd>\s*→ \S+ {number}</dd>", page)
    assert "Number withheld" not in page


def test_lists_are_pages_by_key_with_a_fixed_number_of_queries(world: World) -> None:
    for number in range(120):
        add(world, f"c-{number:03}", arrived_at=AT + datetime.timedelta(seconds=number // 3), missed=True)
    client, statements = world.client("one", "tenant_admin"), []
    event.listen(world.parts.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    for name, count in (("inbound", 2), ("outbound", 1), ("missed", 2)):
        statements.clear()
        client.get(f"/records/{name}", query_string=MONTH, headers=HTMX)
        assert len([text for text in statements if "FROM cti_" in text or "FROM desk_" in text]) == count, (
            name
        )
    page, seen = client.get("/records/inbound", query_string=MONTH, headers=HTMX).get_data(as_text=True), []
    for _ in range(4):
        seen += re.findall(r"/records/calls/c-(\d+)", page)
        following = re.findall(r'href="(/records/inbound\?[^"]*before=[^"]*)"', page)
        page = (
            client.get(following[-1].replace("&amp;", "&"), headers=HTMX).get_data(as_text=True)
            if following
            else ""
        )
    assert sorted(map(int, seen)) == list(range(120))


def test_an_export_is_a_workbook_in_which_nothing_is_a_formula_cti_c5(world: World) -> None:
    for number, text in enumerate(("=1+1", "+1", "-1", "@SUM(A1)")):
        add(world, f"c-{number}", note=text, length_s=7)
    add(world, "theirs", "two", note="other company")
    client = world.client("one", "supervisor")
    drawer = client.get("/records/export/inbound", query_string={**MONTH, "ended_in": "agent"})
    assert "2026-10-31 23:59" in drawer.get_data(as_text=True)
    assert client.post("/records/export/inbound", data={"from": "x"}).status_code == 422
    assert client.post("/records/export/nothing", data=MONTH).status_code == 404
    assert client.post("/records/export/inbound", data=MONTH).status_code == 303
    worker(world).step()
    job = last_job(world)
    assert (job.state, job.progress, job.total) == (JobState.DONE, 4, 4)
    body = client.get(f"/jobs/{job.id}/file").data
    assert world.client("two", "tenant_admin").get(f"/jobs/{job.id}/file").status_code == 404
    sheet = load_workbook(io.BytesIO(body)).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s", "n"}, "no formula"
    values = {cell.value for cell in cells}
    assert {"=1+1", "+1", "-1", "@SUM(A1)", 7} <= values
    assert "other company" not in values
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(body)).read("xl/worksheets/sheet1.xml")
    assert {"jobs.records-export", "records.export", "jobs.download"} <= set(log_of(world))


def test_an_export_masks_numbers_and_has_own_calls_only_by_right(world: World) -> None:
    agent = account_id(world, "agent")
    add(world, "mine", agent_id=agent)
    add(world, "others", agent_id=999)
    client = world.client("one", "agent")
    assert client.post("/records/export/messages", data=MONTH).status_code == 404
    assert client.post("/records/export/inbound/recordings", data=MONTH).status_code == 403
    client.post("/records/export/inbound", data=MONTH)
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        row = session.get_one(Account, agent)
        row.apply_role, row.permissions = False, '["records.own"]'
        session.commit()
    worker(world).step()
    job = last_job(world)
    data = b"".join(FileStore(world.parts.settings.store_dir).read(job.file_key))
    values = {cell.value for row in load_workbook(io.BytesIO(data)).active.iter_rows() for cell in row}
    assert "mine" in values
    assert "others" not in values
    assert "139****9000" in values


def test_recordings_become_one_archive_and_a_killed_worker_doubles_nothing_cti_c5(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        add(world, f"c-{number}")
        record_sound(world, f"c-{number}", f"RIFF{number}".encode())
    gone = record_sound(world, "c-2", segment=2)
    FileStore(world.parts.settings.store_dir).delete(gone)
    add(world, "theirs", "two")
    record_sound(world, "theirs", b"RIFFtheirs", "two")
    client = world.client("one", "supervisor")
    assert client.post("/records/export/inbound/recordings", data=MONTH).status_code == 303
    job_id = last_job(world).id
    claim = service.claim(world.parts.database, {records.ARCHIVE}, lease_s=1)
    assert claim is not None, "a worker that then died"
    later = utc_now() + datetime.timedelta(minutes=5)
    monkeypatch.setattr(service, "utc_now", lambda: later)
    worker(world).step()
    job = last_job(world)
    assert (job.id, job.state, job.attempts) == (job_id, JobState.DONE, 2)
    body = client.get(f"/jobs/{job.id}/file").data
    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        assert opened.testzip() is None
        sounds = sorted(name for name in opened.namelist() if name.endswith(".wav"))
        assert len(sounds) == 3
        assert sorted(opened.read(name) for name in sounds) == [b"RIFF0", b"RIFF1", b"RIFF2"]
        listed = list(load_workbook(io.BytesIO(opened.read("index.xlsx"))).active.iter_rows(values_only=True))
    assert len(listed) == 5, "a heading, three sounds and one that is gone"
    assert log_of(world).count("records.archive") == 1


def test_what_is_too_much_or_nothing_is_refused_in_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(world, "c-1")
    add(world, "c-2")
    client = world.client("one", "supervisor")
    client.post("/records/export/inbound/recordings", data=MONTH)
    worker(world).step()
    assert last_job(world).state is JobState.FAILED
    record_sound(world, "c-1")
    monkeypatch.setattr(archive, "MAX_BYTES", 3)
    client.post("/records/export/inbound/recordings", data=MONTH)
    worker(world).step()
    assert last_job(world).state is JobState.FAILED
    monkeypatch.setattr(exporting, "MAX_ROWS", 1)
    client.post("/records/export/inbound", data=MONTH)
    worker(world).step()
    job = last_job(world)
    assert job.state is JobState.FAILED
    assert "2" in job.error


def test_a_report_is_shown_and_exported_with_the_same_figures_cti_c9(world: World) -> None:
    queue = world.ids["one"]["queues"]
    for number in range(4):
        talk = AT if number else None
        ended = EndedIn.AGENT if number else EndedIn.QUEUE
        add(
            world,
            f"c-{number}",
            queue_id=queue,
            talk_at=talk,
            ended_in=ended,
            talk_s=60 if number else 0,
            wait_s=5,
            service_level_s=20,
        )
    client = world.client("one", "supervisor")
    page = client.get("/reports/queue", query_string={**MONTH, "interval": "day"}).get_data(as_text=True)
    for shown in ("Sales", "2026-10-20", "75.0 %", "data-chart="):
        assert shown in page
    for subject in ("agent", "route"):
        assert client.get(f"/reports/{subject}", query_string=MONTH).status_code == 200
    long = {"from": "2026-01-01 00:00", "to": "2026-03-01 00:00", "interval": "hour"}
    assert client.get("/reports/queue", query_string=long, headers=HTMX).status_code == 422
    chosen = {"from": "2026-09-01 00:00", "to": "2026-09-02 00:00", "interval": "hour"}
    part = client.get("/reports/queue", query_string=chosen, headers=HTMX).get_data(as_text=True)
    assert 'id="zj-report-tabs"' in part, "the other reports are of what was just asked for"
    assert re.search(r'href="/reports/agent\?from=2026-09-01[^"]*interval=hour"', part)
    assert client.get("/reports/nothing").status_code == 404
    assert world.client("one", "agent").get("/reports").status_code == 403
    client.post("/reports/queue/export", data={**MONTH, "interval": "day"})
    worker(world).step()
    body = client.get(f"/jobs/{last_job(world).id}/file").data
    rows = list(load_workbook(io.BytesIO(body)).active.iter_rows(values_only=True))
    assert rows[1][:5] == ("2026-10-20", "Sales", 4, 3, 1)
    assert rows[-1][2:5] == (4, 3, 1)


def test_each_part_of_a_transferred_call_has_its_own_recordings_and_wrap_ups_cti_c6(world: World) -> None:
    parts = {
        "ended_in": EndedIn.TRANSFERRED,
        "agent_id": 31,
        "segments": '[{"name":"1/t-1.wav","started_ms":1}]',
    }
    add(world, "t", **parts)
    add(world, "t-2", source_call_id="t", agent_id=32)
    record_sound(world, "t")
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        for agent in (31, 32):
            session.add(
                CallWrapUp(
                    call_id="t", account_id=agent, number="+86", note=f"by {agent}", saved_at=utc_now()
                )
            )
        session.commit()
    client = world.client("one", "tenant_admin")

    def listed(recorded: str) -> list[bool]:
        page = client.get("/records/inbound", query_string={**MONTH, "recorded": recorded}).get_data(
            as_text=True
        )
        return [f'/records/calls/{call_id}"' in page for call_id in ("t", "t-2")]

    assert (listed("yes"), listed("no")) == ([True, False], [False, True])
    every = client.get("/records/inbound", query_string=MONTH).get_data(as_text=True)
    assert re.findall(r'(?:data-sound|download href)="([^"]+)"', every) == [
        "/records/calls/t/recordings/1",
        "/records/calls/t/recordings/1/file",
    ], "played and downloaded from the list"
    pages = [client.get(f"/records/calls/{call_id}").get_data(as_text=True) for call_id in ("t", "t-2")]
    assert [[f"by {agent}" in page for agent in (31, 32)] for page in pages] == [[True, False], [False, True]]
