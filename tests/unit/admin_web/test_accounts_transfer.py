"""Import and export of accounts through the pages, their jobs carried out by a worker here (ACC-4, ACC-8)."""

from __future__ import annotations

import csv
import io
import re
import zipfile

import msgspec
import pytest
from openpyxl import Workbook, load_workbook
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from admin_web.accounts_transfer import jobs, reading
from admin_web.accounts_transfer.columns import SKIP, guess
from admin_web.accounts_transfer.importing import generated_password
from admin_web.accounts_transfer.jobs import Neighbours, kinds
from admin_web.accounts_transfer.workbook import write_workbook
from core import accounts, passwords
from core.jobs.models import BackgroundJob
from core.jobs.worker import Meters, Worker
from core.models import Account, BuiltInRole
from core.permissions import Permission, encode
from core.store import FileStore
from tests.unit.admin_web.conftest import PASSWORD, World

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def work(world: World) -> None:
    """Carry out what waits."""
    parts = world.parts
    neighbours = Neighbours(
        settings=parts.settings, redis=parts.redis, sessions_changed=parts.sessions.changed
    )
    worker = Worker(
        parts.database,
        FileStore(parts.settings.store_dir),
        kinds(neighbours),
        lease_s=60,
        files_days=7,
        meters=Meters.make(CollectorRegistry()),
    )
    while worker.step():
        pass


def upload(client, text: str | bytes, **chosen: str):
    """Upload a file, take the guessed columns unless `chosen` says otherwise, and begin the trial."""
    data = text.encode() if isinstance(text, str) else text
    page = client.post("/accounts/import", data={"file": (io.BytesIO(data), "people.csv")})
    assert page.status_code == 200, page.get_data(as_text=True)
    html = page.get_data(as_text=True)
    form = {"token": re.search(r'name="token" value="([^"]+)"', html)[1]}
    for name, body in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        selected = re.search(r'value="(-?\d+)" selected', body)
        form[name] = selected[1] if selected else str(SKIP)
    return client.post("/accounts/import/check", data=form | chosen)


def result_of(world: World, company: str = "one") -> dict:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        job = session.scalars(select(BackgroundJob).order_by(BackgroundJob.id.desc())).first()
        return {"id": job.id, "state": job.state.value, **msgspec.json.decode(job.result)}


def people(world: World, company: str = "one") -> dict[str, Account]:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        return {account.login: account for account in session.scalars(select(Account))}


ROWS = """登录名,姓名,手机号码,角色,用户组,密码,邮箱
wang,王芳,13800138001,坐席,,Regen-Sommer-77,wang@example.com
AGENT,Again,,,,,
chen,,,,,,
li,李雷,123,,,,
zhao,赵六,,老板,,,
qian,钱七,,,北区,,
sun,孙八,,,,short,
wang,王芳二,,,,,
zhou,周九,13800138009,,North,,
"""


def test_acc_4_a_trial_says_of_each_row_what_would_happen_and_changes_nothing(world: World) -> None:
    client = world.client("one", "tenant_admin")
    before = people(world)
    answer = upload(client, ROWS.encode("gbk"))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    work(world)
    result = result_of(world)
    assert result["state"] == "done"
    assert result["counts"] == {"created": 2, "updated": 0, "refused": 7}
    why = {login: text for _, login, text in result["refused"]}
    assert set(why) == {"agent", "chen", "li", "zhao", "qian", "sun", "wang"}
    assert people(world).keys() == before.keys()
    page = client.get(answer.location).get_data(as_text=True)
    assert "/accounts/import/apply/" in page
    for text in why.values():
        assert text.split("'")[0][:10] in page


def test_acc_4_an_import_makes_accounts_that_choose_their_own_password(world: World) -> None:
    client = world.client("one", "tenant_admin")
    upload(client, ROWS)
    work(world)
    applied = client.post(f"/accounts/import/apply/{result_of(world)['id']}")
    assert applied.status_code == 303
    work(world)
    made = people(world)
    assert (made["wang"].name, made["wang"].mobile) == ("王芳", "+8613800138001")
    assert made["wang"].must_change_password
    assert made["zhou"].must_change_password
    assert made["zhou"].group_id == world.ids["one"]["groups"]
    assert passwords.verify_password(made["wang"].password_hash, "Regen-Sommer-77")

    job_id = result_of(world)["id"]
    assert client.get(f"/jobs/{job_id}/file").status_code == 404, "secrets are not given to a mere link"
    file = client.post(f"/jobs/{job_id}/file")
    assert file.status_code == 200
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    rows = {row[1].value: row for row in load_workbook(io.BytesIO(file.data)).active.iter_rows(min_row=2)}
    assert passwords.verify_password(made["zhou"].password_hash, rows["zhou"][5].value)
    assert rows["wang"][5].value is None, "a password that was given is not repeated"
    assert client.post(f"/jobs/{job_id}/file").status_code == 404, "once"
    assert client.post(f"/accounts/import/apply/{job_id - 1}").status_code == 410, "a trial is imported once"


def test_acc_4_existing_accounts_are_changed_only_if_asked_and_empty_cells_keep_what_there_is(
    world: World,
) -> None:
    client = world.client("one", "tenant_admin")
    text = "login,name,mobile,employee number\nagent,Renamed,,77\nsupervisor,,13900139000,\n"
    upload(client, text, update="1")
    work(world)
    client.post(f"/accounts/import/apply/{result_of(world)['id']}")
    work(world)
    after = people(world)
    assert result_of(world)["counts"] == {"created": 0, "updated": 2, "refused": 0}
    assert (after["agent"].name, after["agent"].employee_number) == ("Renamed", "77")
    assert (after["supervisor"].name, after["supervisor"].mobile) == ("supervisor", "+8613900139000")
    assert passwords.verify_password(after["agent"].password_hash, PASSWORD), "its password stays"


def test_acc_8_a_groups_administrator_imports_into_the_own_group_without_giving_more(world: World) -> None:
    ids = world.ids["one"]
    with world.parts.database.transaction(ids["tenants"]) as session:
        head = session.scalars(select(Account).where(Account.login == "agent")).one()
        head.group_id, head.is_group_admin = ids["groups"], True
        session.commit()
    world.parts.sessions.changed()
    client = world.client("one", "agent")
    text = "login,name,role,group\nnew1,New,,\nnew2,New,管理员,\nsupervisor,Taken over,,\n"
    upload(client, text, update="1")
    work(world)
    client.post(f"/accounts/import/apply/{result_of(world)['id']}")
    work(world)
    result = result_of(world)
    assert result["counts"] == {"created": 1, "updated": 0, "refused": 2}
    assert people(world)["new1"].group_id == ids["groups"]
    assert people(world)["supervisor"].name == "supervisor"


def test_acc_4_rights_that_were_taken_away_meanwhile_count(world: World) -> None:
    client = world.client("one", "tenant_admin")
    upload(client, "login,name\nnew1,New\n")
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        admin = session.scalars(select(Account).where(Account.login == "tenant_admin")).one()
        admin.role_id = accounts.built_in_role(session, admin.tenant_id, BuiltInRole.AGENT).id
        session.commit()
    work(world)
    assert result_of(world)["state"] == "failed"


@pytest.mark.parametrize("change", [{"enabled": False}, {"apply_role": False}, {"narrowed": True}])
def test_acc_5_rights_taken_away_during_an_import_count_from_the_next_piece(
    world: World, monkeypatch: pytest.MonkeyPatch, change: dict[str, bool]
) -> None:
    monkeypatch.setattr(jobs, "IMPORT_PIECE", 1)
    hashes, pieces = jobs._Import._hashes, []

    def take_away_before_the_second(job, rows, repeated):
        pieces.append(rows)
        if len(pieces) == 2:
            with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
                admin = session.scalars(select(Account).where(Account.login == "tenant_admin")).one()
                if change.pop("narrowed", False):
                    admin.group_id, admin.is_group_admin = world.ids["one"]["groups"], True
                    admin.role_id = accounts.built_in_role(session, admin.tenant_id, BuiltInRole.AGENT).id
                for name, value in change.items():
                    setattr(admin, name, value)
                session.commit()
        return hashes(job, rows, repeated)

    monkeypatch.setattr(jobs._Import, "_hashes", take_away_before_the_second)
    client, narrowed = world.client("one", "tenant_admin"), "narrowed" in change
    upload(client, "login,name,role\nnew1,New,supervisor\nnew2,New,supervisor\nnew3,New,agent\n")
    work(world)
    assert client.post(f"/accounts/import/apply/{result_of(world)['id']}").status_code == 303
    work(world)
    made = {login for login in people(world) if login.startswith("new")}
    assert made == ({"new1", "new3"} if narrowed else {"new1"})
    result = result_of(world)
    assert (result["state"], result["outcomes"]) == (("done", "crc") if narrowed else ("failed", "c"))
    if narrowed:
        assert people(world)["new3"].group_id == world.ids["one"]["groups"], "within reach by then"


def test_acc_12_anothers_job_and_upload_do_not_exist(world: World) -> None:
    client = world.client("one", "tenant_admin")
    answer = upload(client, "login,name\nnew1,New\n")
    work(world)
    job_id = result_of(world)["id"]
    for other in (world.client("one", "supervisor"), world.client("two", "tenant_admin")):
        assert other.get(answer.location).status_code == 404
        assert other.get(f"/jobs/{job_id}/file").status_code == 404
        assert other.post(f"/jobs/{job_id}/cancel").status_code == 404
        assert other.post(f"/accounts/import/apply/{job_id}").status_code in {403, 404}
    page = client.post("/accounts/import", data={"file": (io.BytesIO(b"login,name\na,b\n"), "x.csv")})
    token = re.search(r'name="token" value="([^"]+)"', page.get_data(as_text=True))[1]
    form = {"token": token, "login": "0", "name": "1"}
    assert world.client("two", "tenant_admin").post("/accounts/import/check", data=form).status_code == 410
    assert client.post("/accounts/import/check", data=form | {"token": token + "x"}).status_code == 410


def test_acc_4_columns_must_be_chosen_and_only_once(world: World) -> None:
    client = world.client("one", "tenant_admin")
    assert upload(client, "a,b\n1,2\n").status_code == 422
    assert upload(client, "login,name\n1,2\n", mobile="1").status_code == 422


def test_acc_8_an_export_has_the_filtered_rows_as_text_and_within_reach(world: World) -> None:
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        agent = session.scalars(select(Account).where(Account.login == "agent")).one()
        agent.name, agent.employee_number = "=cmd|'/c calc'!A1", "0042"
        session.commit()
    client = world.client("one", "tenant_admin")
    assert client.get("/accounts/export?q=agent").status_code == 200
    answer = client.post("/accounts/export", data={"q": "agent"})
    work(world)
    job_id = int(answer.location.rsplit("/", 1)[1])
    file = client.get(f"/jobs/{job_id}/file")
    assert file.content_type == XLSX
    cells = list(load_workbook(io.BytesIO(file.data)).active.iter_rows())
    assert len(cells) == 2
    assert [each.data_type for each in cells[1] if each.value is not None].count("f") == 0
    assert (cells[1][1].value, cells[1][3].value) == ("=cmd|'/c calc'!A1", "0042")
    text = b"".join(zipfile.ZipFile(io.BytesIO(file.data)).read("xl/worksheets/sheet1.xml").split())
    assert b"<f>" not in text


@pytest.mark.parametrize("kept", [Permission.ACCOUNTS_VIEW, Permission.NUMBERS_FULL, None])
def test_acc_14_a_file_made_before_a_right_was_taken_away_is_not_given_after(
    world: World, kept: Permission | None
) -> None:
    client = world.client("one", "tenant_admin")
    answer = client.post("/accounts/export", data={})
    work(world)
    address = f"{answer.location}/file"
    assert client.get(address).status_code == 200
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        admin = session.scalars(select(Account).where(Account.login == "tenant_admin")).one()
        admin.apply_role, admin.permissions = False, encode([kept] if kept else [])
        session.commit()
    world.parts.sessions.changed()
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 403


def far_cell() -> bytes:
    book, data = Workbook(), io.BytesIO()
    book.active["A1"], book.active["XFD1048576"] = "a", "b"
    book.save(data)
    return data.getvalue()


def bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (reading.MAX_UNPACKED_BYTES + 1))
    return data.getvalue()


def repacked(sheet: bytes = b"", called: str = "sheet1.xml", packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook whose sheet is `sheet` (else one with a far cell) or stands under another name."""
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(far_cell())) as old, zipfile.ZipFile(data, "w", packing) as new:
        for each in old.infolist():
            mine = each.filename == "xl/worksheets/sheet1.xml"
            name = each.filename.replace("sheet1.xml", called) if mine else each.filename
            new.writestr(name, sheet if mine and sheet else old.read(each))
    return data.getvalue()


MAIN = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


def nameless_cells() -> bytes:
    """A wide row above many rows, none of whose cells says where it is."""
    wide = b"<row>" + b"<c><v>1</v></c>" * 4000 + b"</row>"
    return repacked(MAIN + wide + b"<row><c><v>1</v></c></row>" * 20_000 + b"</sheetData></worksheet>")


def with_entities() -> bytes:
    cell = b'<row r="1"><c r="A1"><v>1</v></c></row></sheetData></worksheet>'
    return repacked(b'<!DOCTYPE x [<!ENTITY a "A1">]>' + MAIN + cell)


def other_archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    return data.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"login,name\n",
        b"PK\x03\x04 broken",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old or encrypted workbook",
        b"%PDF-1.7\x00\x01",
        b"\xff\xd8\xff\xe0 a picture",
        b'login,name\n"never closed',
        ("login,name\n" + "a,b\n" * (reading.MAX_ROWS + 1)).encode(),
        far_cell(),
        repacked(called="sheet1.XML"),
        repacked(called="SHEET1.xml"),
        nameless_cells(),
        with_entities(),
        repacked(packing=zipfile.ZIP_LZMA),
        bomb(),
        other_archive(),
    ],
    ids=[
        "empty",
        "a head only",
        "a broken archive",
        "an old workbook",
        "a PDF",
        "a picture",
        "a quote never closed",
        "too many rows",
        "a far cell",
        "a far cell in a sheet called XML",
        "a far cell in a SHEET",
        "cells that do not say where they are",
        "a document type",
        "packed in a way of its own",
        "a bomb",
        "another archive",
    ],
)
def test_fil_4_a_file_that_is_not_what_it_claims_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(reading.UnreadableFileError) as error:
        reading.read_table(data)
    assert error.value.text("en") not in {"", "%(reason)s"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_the_encodings_people_have(encoding: str, delimiter: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(
        [["登录名", "姓名"], ["wang", "王芳, 女"], ["", ""], ["li", "李"]]
    )
    table = reading.read_table(text.getvalue().encode(encoding))
    assert table.header == ["登录名", "姓名"]
    assert table.rows == [(2, ["wang", "王芳, 女"]), (4, ["li", "李"])]


def test_numbers_and_text_of_a_workbook_come_as_they_are_shown() -> None:
    path = write_workbook("x", ["a", "b"], [["007", "=1+1"]])
    try:
        assert reading.read_table(path.read_bytes()).rows == [(2, ["007", "=1+1"])]
    finally:
        path.unlink()
    book, data = Workbook(), io.BytesIO()
    book.active.append(["a", "b"])
    book.active.append([13800138000, True])
    book.save(data)
    assert reading.read_table(data.getvalue()).rows == [(2, ["13800138000", "TRUE"])]


def test_the_templates_headings_are_recognised(world: World) -> None:
    answer = world.client("one", "tenant_admin").get("/accounts/import/template")
    table = reading.read_table(answer.data)
    assert SKIP not in guess(table.header).values()


def test_generated_passwords_are_strong_distinct_and_the_same_again() -> None:
    made = [generated_password(b"key", 7, row) for row in range(2000)]
    assert len(set(made)) == 2000
    assert made == [generated_password(b"key", 7, row) for row in range(2000)]
    assert made[0] != generated_password(b"other", 7, 0)
    assert all(passwords.weakness(each) is None for each in made)
