"""Background jobs: claimed by one, taken over after a death, fenced, cancelled, cleaned up; on both databases."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from core import accounts
from core.database import ALL_TENANTS, Database, utc_now
from core.errors import NotFound
from core.i18n import lazy
from core.jobs import service
from core.jobs.errors import JobFailed, JobGone, JobStateError
from core.jobs.limits import FILE, Limits, decoded
from core.jobs.models import BackgroundJob, JobState
from core.jobs.worker import Meters, Run, Worker
from core.models import BuiltInRole
from core.permissions import Permission, encode, require
from core.store import FileStore, NoSuchFileError

LATER = datetime.timedelta(minutes=5)
NONE = Limits(needs=frozenset())


@pytest.fixture
def account(each_database: Database) -> tuple[int, int]:
    """Ids of a tenant and of its administrator."""
    with each_database.transaction(ALL_TENANTS) as session:
        tenant = accounts.open_tenant(session, code="acme", name="Acme")
        made = accounts.create_account(
            session,
            login="admin",
            name="Admin",
            role=BuiltInRole.TENANT_ADMIN,
            password="Tr0mbone-quartet",
            tenant_id=tenant.id,
        )
        session.commit()
        return tenant.id, made.id


def enqueue(database: Database, account: tuple[int, int], kind: str = "count") -> int:
    with database.transaction(account[0]) as session:
        job = service.enqueue(
            session, account_id=account[1], kind=kind, title="Counting", parameters={"language": "en"}
        )
        session.commit()
        return job.id


def job_of(database: Database, job_id: int) -> BackgroundJob:
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        return session.get_one(BackgroundJob, job_id)


def worker(database: Database, folder: Path, work: Callable[[Run], None], lease_s: float = 60) -> Worker:
    meters = Meters.make(CollectorRegistry())
    store = FileStore(folder / "store")
    return Worker(database, store, {"count": work}, lease_s=lease_s, files_days=7, meters=meters)


def test_a_job_is_claimed_by_one_of_many(each_database: Database, account: tuple[int, int]) -> None:
    for _ in range(3):
        enqueue(each_database, account)
    barrier = threading.Barrier(8)
    claims: list[service.Claim | None] = []

    def look() -> None:
        barrier.wait(10)
        claims.append(service.claim(each_database, {"count"}, lease_s=60))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    got = [claim.job_id for claim in claims if claim is not None]
    assert len(claims) == 8
    assert sorted(got) == sorted(set(got)), "one job, two workers"
    assert len(got) == 3


def test_only_kinds_one_can_do_are_claimed(each_database: Database, account: tuple[int, int]) -> None:
    enqueue(each_database, account, kind="unknown")
    assert service.claim(each_database, {"count"}, lease_s=60) is None


def test_a_dead_workers_job_is_taken_over_and_the_dead_one_can_write_no_more(
    each_database: Database, account: tuple[int, int]
) -> None:
    job_id = enqueue(each_database, account)
    first = service.claim(each_database, {"count"}, lease_s=60)
    assert first is not None
    with each_database.transaction(account[0]) as session:
        service.save(session, first, progress=4, total=10, result={"seen": 4})
        session.commit()
    assert service.claim(each_database, {"count"}, lease_s=60) is None, "the lease still runs"
    second = service.claim(each_database, {"count"}, lease_s=60, now=utc_now() + LATER)
    assert second is not None
    assert (second.job_id, second.attempt, second.progress) == (job_id, first.attempt + 1, 4)
    assert second.result == {"seen": 4}
    with each_database.transaction(account[0]) as session:
        for write in (
            lambda: service.save(session, first, progress=9, total=10),
            lambda: service.finish(session, first),
            lambda: service.fail(session, first, "late"),
            lambda: service.attach(
                session,
                first,
                key="jobs/1/x",
                name="x",
                expires_at=utc_now(),
                once=False,
                result={},
                limits=NONE,
            ),
        ):
            with pytest.raises(JobGone):
                write()
    with pytest.raises(JobGone):
        service.renew(each_database, first, 60)
    with each_database.transaction(account[0]) as session:
        service.finish(session, second)
        session.commit()
    assert job_of(each_database, job_id).state is JobState.DONE


def test_a_job_that_kills_its_workers_is_given_up(each_database: Database, account: tuple[int, int]) -> None:
    job_id = enqueue(each_database, account)
    now = utc_now()
    for _ in range(service.MAX_DEATHS):
        assert service.claim(each_database, {"count"}, lease_s=60, now=now) is not None
        now += LATER
    assert service.claim(each_database, {"count"}, lease_s=60, now=now) is None
    job = job_of(each_database, job_id)
    assert (job.state, job.error) == (JobState.FAILED, service.WORKER_DIED)


def test_a_worker_carries_out_and_leaves_a_file(
    each_database: Database, account: tuple[int, int], tmp_path: Path
) -> None:
    job_id = enqueue(each_database, account)

    def work(run: Run) -> None:
        for number in range(1, 4):
            run.tell(number, 3)
        run.result["counted"] = 3
        run.put_file("three.txt", [b"1", b"2", b"3"], limits=NONE)

    assert worker(each_database, tmp_path, work).step() is True
    job = job_of(each_database, job_id)
    assert (job.state, job.progress, job.total) == (JobState.DONE, 3, 3)
    assert json.loads(job.result) == {"counted": 3, FILE: {"needs": [], "queues": [], "groups": []}}
    store = FileStore(tmp_path / "store")
    assert b"".join(store.read(job.file_key)) == b"123"
    assert service.remove_old_files(each_database, store) == 0
    assert service.remove_old_files(each_database, store, utc_now() + datetime.timedelta(days=8)) == 1
    with pytest.raises(NoSuchFileError):
        store.open(job.file_key)
    assert job_of(each_database, job_id).file_key == ""


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (JobFailed(reason=lazy("The file is empty.")), "The file is empty."),
        (ZeroDivisionError("a bug"), "Something unexpected happened"),
    ],
)
def test_a_failure_is_seen_where_the_work_was_asked_for(
    each_database: Database, account: tuple[int, int], tmp_path: Path, error: Exception, shown: str
) -> None:
    job_id = enqueue(each_database, account)

    def work(run: Run) -> None:
        raise error

    worker(each_database, tmp_path, work).step()
    job = job_of(each_database, job_id)
    assert job.state is JobState.FAILED
    assert job.error.startswith(shown)
    with each_database.transaction(account[0]) as session:
        service.retry(session, session.get_one(BackgroundJob, job_id))
        session.commit()
    assert worker(each_database, tmp_path, lambda run: None).step() is True
    assert job_of(each_database, job_id).state is JobState.DONE


def test_a_cancelled_job_stops_at_its_next_piece(
    each_database: Database, account: tuple[int, int], tmp_path: Path
) -> None:
    job_id = enqueue(each_database, account)
    pieces = []

    def work(run: Run) -> None:
        for number in range(1, 10):
            run.tell(number, 10)
            pieces.append(number)
            if number == 2:
                with each_database.transaction(account[0]) as session:
                    service.cancel(session, session.get_one(BackgroundJob, job_id))
                    session.commit()

    worker(each_database, tmp_path, work).step()
    job = job_of(each_database, job_id)
    assert (pieces, job.state, job.progress) == ([1, 2], JobState.CANCELLED, 2)
    with each_database.transaction(account[0]) as session, pytest.raises(JobStateError):
        service.cancel(session, session.get_one(BackgroundJob, job_id))


def test_a_long_piece_keeps_its_lease(
    each_database: Database, account: tuple[int, int], tmp_path: Path
) -> None:
    job_id = enqueue(each_database, account)
    begun = utc_now()

    def work(run: Run) -> None:
        deadline = threading.Event()
        while job_of(each_database, job_id).lease_until <= begun + datetime.timedelta(seconds=1.5):
            assert not deadline.wait(0.05)
            run.check()

    worker(each_database, tmp_path, work, lease_s=0.9).step()
    assert job_of(each_database, job_id).state is JobState.DONE


def test_who_may_not_sign_in_any_more_has_no_work_done(
    each_database: Database, account: tuple[int, int], tmp_path: Path
) -> None:
    job_id = enqueue(each_database, account)
    with each_database.transaction(account[0]) as session:
        accounts.account_of(session, account[1]).enabled = False
        session.commit()
    done: list[Run] = []
    worker(each_database, tmp_path, done.append).step()
    job = job_of(each_database, job_id)
    assert (done, job.state) == ([], JobState.FAILED)


def test_acc_12_anothers_job_does_not_exist(each_database: Database, account: tuple[int, int]) -> None:
    job_id = enqueue(each_database, account)
    with each_database.transaction(account[0]) as session, pytest.raises(NotFound):
        service.job_of(session, job_id, account_id=account[1] + 1)
    with each_database.transaction(account[0] + 1) as session, pytest.raises(NotFound):
        service.job_of(session, job_id, account_id=None)


def test_a_file_keeps_the_limits_it_was_made_with_until_another_is_there(
    each_database: Database, account: tuple[int, int], tmp_path: Path
) -> None:
    job_id = enqueue(each_database, account)
    first = Limits(needs=frozenset([Permission.RECORDS_VIEW]), queues=frozenset([2, 1]))
    second = Limits(needs=frozenset([Permission.NUMBERS_FULL]), queues=None, groups=frozenset([5]))

    def breaks_after(limits: Limits, *, put: bool) -> Callable[[Run], None]:
        def work(run: Run) -> None:
            run.result = {"seen": 1}
            with run.database.transaction(account[0]) as session:
                run.save(session, 1, 2, result=True)
                session.commit()
            if put:
                run.put_file("one.txt", [b"1"], limits=limits)
            raise JobFailed(reason=lazy("Broken off."))

        return work

    for limits, put, wanted in ((first, True, first), (second, False, first), (second, True, second)):
        worker(each_database, tmp_path, breaks_after(limits, put=put)).step()
        job = job_of(each_database, job_id)
        assert job.state is JobState.FAILED
        assert service.limits_of(job) == wanted
        with each_database.transaction(account[0]) as session:
            service.retry(session, session.get_one(BackgroundJob, job_id))
            session.commit()
    assert worker(each_database, tmp_path, lambda run: run.result.clear()).step() is True
    job = job_of(each_database, job_id)
    assert (job.state, service.limits_of(job)) == (JobState.DONE, second)


def test_a_right_lost_before_the_work_is_named(
    each_database: Database, account: tuple[int, int], tmp_path: Path
) -> None:
    job_id = enqueue(each_database, account)
    with each_database.transaction(account[0]) as session:
        owner = accounts.account_of(session, account[1])
        owner.apply_role, owner.permissions = False, encode([Permission.RECORDS_OWN])
        session.commit()
    worker(each_database, tmp_path, lambda run: require(run.principal, Permission.RECORDS_VIEW)).step()
    job = job_of(each_database, job_id)
    assert (job.state, job.file_key) == (JobState.FAILED, "")
    assert job.error == (
        "The account that asked for it does not have the right any more: Call records: View."
    )


def test_limits_of_two_parts_are_those_of_both() -> None:
    some = Limits(needs=frozenset([Permission.ACCOUNTS_EDIT]), groups=frozenset([1]))
    more = Limits(needs=frozenset([Permission.NUMBERS_FULL]), queues=frozenset([3]), groups=frozenset([2]))
    both = some | more
    assert both == Limits(needs=some.needs | more.needs, queues=frozenset([3]), groups=frozenset([1, 2]))
    assert (some | Limits(needs=frozenset(), groups=None)).groups is None
    assert decoded(both.encoded()) == both
