"""A job's file has the limits of the attempt that made it, whatever its owner could when they asked (ACC-14, SUP-8)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from admin_web.accounts_transfer import jobs as transfer
from core import accounts
from core.groups.models import UserGroup
from core.jobs import service
from core.jobs.limits import FILE
from core.jobs.models import BackgroundJob, JobState
from core.models import Account, BuiltInRole
from core.permissions import ROLE_PERMISSIONS, Permission, encode, encode_queues
from core.store import FileStore
from tests.unit.admin_web.conftest import PASSWORD, World
from tests.unit.admin_web.test_accounts_transfer import result_of, upload, work
from tests.unit.admin_web.test_records import MONTH, add, last_job, record_sound, worker

JSON = {"Accept": "application/json"}
OWN, VIEW, FULL = Permission.RECORDS_OWN, Permission.RECORDS_VIEW, Permission.NUMBERS_FULL
DOWNLOAD = Permission.RECORDINGS_DOWNLOAD


class Clerk:
    """An account whose rights the tests set."""

    def __init__(self, world: World) -> None:
        self.world, self.tenant = world, world.ids["one"]["tenants"]
        with world.parts.database.transaction(self.tenant) as session:
            made = accounts.create_account(
                session, login="clerk", name="Clerk", role=None, password=PASSWORD, apply_role=False
            )
            session.commit()
            self.id = made.id

    def may(self, *permissions: Permission, queues: Iterable[int] | None = None, group: int = 0) -> None:
        """Give these rights in place of those there are; with `group`, its administration besides."""
        with self.world.parts.database.transaction(self.tenant) as session:
            row = session.get_one(Account, self.id)
            row.permissions, row.supervised_queues = encode(permissions), encode_queues(queues)
            row.group_id, row.is_group_admin = group or None, bool(group)
            session.commit()
        self.world.parts.sessions.changed()

    def asks(self, address: str, data: dict[str, str]) -> None:
        assert self.world.client("one", "clerk").post(address, data=data).status_code == 303

    def file(self) -> Any:
        """Try to get the newest job's file."""
        return self.world.client("one", "clerk").get(f"/jobs/{last_job(self.world).id}/file", headers=JSON)

    def cells(self) -> set[Any]:
        """Return what is in the file, got or not."""
        data = b"".join(FileStore(self.world.parts.settings.store_dir).read(last_job(self.world).file_key))
        return {
            cell for row in load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True) for cell in row
        }


@pytest.fixture
def clerk(world: World) -> Clerk:
    return Clerk(world)


@pytest.mark.parametrize(
    ("asked", "made", "later", "status"),
    [
        pytest.param({VIEW}, {VIEW, FULL}, {VIEW}, 403, id="numbers came in full since, and went"),
        pytest.param({VIEW, FULL}, {VIEW}, {VIEW}, 200, id="numbers are masked in it"),
        pytest.param({OWN}, {VIEW, OWN}, {OWN}, 403, id="it has everybody's calls"),
        pytest.param({VIEW, OWN}, {OWN}, {OWN}, 200, id="it has one's own calls"),
        pytest.param({VIEW}, {VIEW}, {OWN}, 403, id="as it was asked for"),
    ],
)
def test_the_rights_an_export_of_calls_needs_are_those_it_was_made_with(
    clerk: Clerk, asked: set[Permission], made: set[Permission], later: set[Permission], status: int
) -> None:
    add(clerk.world, "mine", agent_id=clerk.id)
    add(clerk.world, "others", agent_id=999)
    clerk.may(*asked)
    clerk.asks("/records/export/inbound", MONTH)
    clerk.may(*made)
    worker(clerk.world).step()
    cells = clerk.cells()
    assert ("others" in cells) is (VIEW in made)
    assert ("139****9000" in cells) is (FULL not in made)
    clerk.may(*later)
    assert clerk.file().status_code == status


def test_a_retried_archive_has_the_queues_of_the_attempt_that_made_it(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, queue = clerk.world, clerk.world.ids["one"]["queues"]
    add(world, "one", queue_id=queue)
    add(world, "two", queue_id=queue + 1)
    record_sound(world, "one")
    record_sound(world, "two")
    clerk.may(VIEW, DOWNLOAD, queues=[queue])
    clerk.asks("/records/export/inbound/recordings", MONTH)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("admin_web.records.jobs._log", broken)
        worker(world).step()
    assert last_job(world).state is JobState.FAILED, "with the file of one queue"
    assert clerk.file().status_code == 200
    clerk.may(VIEW, DOWNLOAD, FULL)
    job = last_job(world)
    assert world.client("one", "clerk").post(f"/jobs/{job.id}/retry").status_code == 303
    assert clerk.file().status_code == 200
    worker(world).step()
    assert last_job(world).state is JobState.DONE, "with the file of all queues, numbers in full"
    clerk.may(VIEW, DOWNLOAD, FULL, queues=[queue])
    assert clerk.file().get_json()["error"] == "queues-taken-away"
    clerk.may(VIEW, DOWNLOAD)
    assert clerk.file().status_code == 403
    clerk.may(VIEW, DOWNLOAD, FULL)
    assert clerk.file().status_code == 200


@pytest.mark.parametrize(
    ("asked", "address", "left", "missing"),
    [
        ((VIEW,), "/records/export/inbound", (FULL,), "Call records: View one's own"),
        ((VIEW,), "/records/export/messages", (OWN,), "Call records: View"),
        ((VIEW, DOWNLOAD), "/records/export/inbound/recordings", (VIEW,), "Recordings: Download"),
        ((VIEW,), "/reports/queue/export", (OWN,), "Call records: View"),
    ],
)
def test_a_right_lost_before_the_work_ends_it_in_words(
    clerk: Clerk, asked: tuple[Permission, ...], address: str, left: tuple[Permission, ...], missing: str
) -> None:
    add(clerk.world, "mine", agent_id=clerk.id)
    record_sound(clerk.world, "mine")
    clerk.may(*asked)
    clerk.asks(address, MONTH)
    with clerk.world.parts.database.transaction(clerk.tenant) as session:
        session.scalars(select(BackgroundJob)).one().parameters = last_job(clerk.world).parameters.replace(
            '"language":"zh"', '"language":"en"'
        )
        session.commit()
    clerk.may(*left)
    worker(clerk.world).step()
    job = last_job(clerk.world)
    assert (job.state, job.file_key) == (JobState.FAILED, "")
    assert job.error == f"The account that asked for it does not have the right any more: {missing}."


def test_an_export_of_all_accounts_is_not_had_by_a_groups_administrator(clerk: Clerk) -> None:
    group = clerk.world.ids["one"]["groups"]
    clerk.may(Permission.ACCOUNTS_VIEW)
    clerk.asks("/accounts/export", {})
    work(clerk.world)
    assert "agent" in clerk.cells()
    clerk.may(group=group)
    refused = clerk.file()
    assert (refused.status_code, refused.get_json()["error"]) == (403, "groups-taken-away")
    clerk.may(Permission.ACCOUNTS_VIEW)
    assert clerk.file().status_code == 200


def test_an_export_of_a_group_is_had_by_who_administers_it_and_those_below(clerk: Clerk) -> None:
    world, group = clerk.world, clerk.world.ids["one"]["groups"]
    with world.parts.database.transaction(clerk.tenant) as session:
        other = UserGroup(name="Elsewhere", parent_id=None)
        session.add(other)
        session.flush()
        below = UserGroup(name="Below", parent_id=group)
        session.add(below)
        session.commit()
        elsewhere, below_id = other.id, below.id
    clerk.may(Permission.ACCOUNTS_VIEW)
    clerk.asks("/accounts/export", {})
    clerk.may(group=group)
    work(world)
    assert "agent" not in clerk.cells()
    for rights, reach, status in (
        ((), group, 200),
        ((), below_id, 403),
        ((), elsewhere, 403),
        ((Permission.ACCOUNTS_VIEW,), 0, 200),
        ((), 0, 403),
    ):
        clerk.may(*rights, group=reach)
        assert clerk.file().status_code == status, (rights, reach)
    with world.parts.database.transaction(clerk.tenant) as session:
        session.get_one(UserGroup, below_id).parent_id = elsewhere
        session.commit()
    clerk.may(group=group)
    assert clerk.file().status_code == 403, "a part of it is another's now"


def test_an_imports_report_has_the_limits_of_all_its_attempts(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, group = clerk.world, clerk.world.ids["one"]["groups"]
    everything = {*ROLE_PERMISSIONS[BuiltInRole.AGENT], Permission.ACCOUNTS_VIEW, Permission.ACCOUNTS_EDIT}
    clerk.may(*everything)
    upload(world.client("one", "clerk"), "login,name,password\nnew1,One,\nnew2,Two,\n")
    work(world)
    client = world.client("one", "clerk")
    client.post(f"/accounts/import/apply/{result_of(world)['id']}")
    monkeypatch.setattr(transfer, "IMPORT_PIECE", 1)
    real, pieces = transfer._Import._piece, []

    def once(self: Any, *given: Any) -> None:
        if pieces:
            raise ZeroDivisionError
        pieces.append(1)
        real(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(transfer._Import, "_piece", once)
        work(world)
    job = last_job(world)
    assert (job.state, job.file_key) == (JobState.FAILED, "")
    clerk.may(FULL, group=group)
    client = world.client("one", "clerk")
    assert client.post(f"/jobs/{job.id}/retry").status_code == 303
    work(world)
    job = last_job(world)
    assert job.state is JobState.DONE
    assert service.limits_of(job).groups is None, "its first row was made with the whole company in reach"
    assert client.post(f"/jobs/{job.id}/file", headers=JSON).get_json()["error"] == "groups-taken-away"
    clerk.may(*everything)
    got = world.client("one", "clerk").post(f"/jobs/{job.id}/file")
    assert (got.status_code, job.file_once) == (200, True)


def test_a_file_of_before_has_the_limits_noted_then(clerk: Clerk) -> None:
    add(clerk.world, "one", queue_id=1)
    clerk.may(VIEW, FULL, queues=[1, 2])
    clerk.asks("/records/export/inbound", MONTH)
    worker(clerk.world).step()
    with clerk.world.parts.database.transaction(clerk.tenant) as session:
        job = session.scalars(select(BackgroundJob)).one()
        given = msgspec.json.decode(job.parameters, type=dict[str, Any])
        made = msgspec.json.decode(job.result, type=dict[str, Any])
        limits = made.pop(FILE)
        job.parameters = msgspec.json.encode(given | {"needs": limits["needs"]}).decode()
        job.result = msgspec.json.encode(made | {"queues": limits["queues"]}).decode()
        session.commit()
    assert clerk.file().status_code == 200
    clerk.may(VIEW, queues=[1, 2])
    assert clerk.file().status_code == 403
    clerk.may(VIEW, FULL, queues=[1])
    assert clerk.file().get_json()["error"] == "queues-taken-away"
