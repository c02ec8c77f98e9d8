"""An import survives the scheduler's death: a real process, killed in the middle, its work gone on with (ACC-4, R1)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from sqlalchemy import func, select

from admin_web.accounts_transfer.columns import guess
from admin_web.accounts_transfer.jobs import IMPORT
from admin_web.accounts_transfer.reading import read_table
from core import accounts, passwords
from core.database import ALL_TENANTS, Database
from core.jobs import service
from core.jobs.models import BackgroundJob, JobState
from core.models import Account, AuditEntry, BuiltInRole
from core.settings import Settings
from core.store import FileStore
from tests.support import clock
from tests.support.cell import free_port
from tests.support.redis import RedisServer

ROOT = Path(__file__).resolve().parents[3]
ROWS = 100
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def place(migrated_database_url: str, tmp_path: Path, redis_server: RedisServer) -> Iterator[SimpleNamespace]:
    """A migrated database with a company, a store with an upload, and how a scheduler is started."""
    database = Database(migrated_database_url)
    settings = Settings(
        home=tmp_path / "home", database_url=migrated_database_url, redis_url=redis_server.url
    )
    with database.transaction(ALL_TENANTS) as session:
        tenant = accounts.open_tenant(session, code="acme", name="Acme")
        admin = accounts.create_account(
            session,
            login="admin",
            name="Admin",
            role=BuiltInRole.TENANT_ADMIN,
            password="Tr0mbone-quartet",
            tenant_id=tenant.id,
        )
        session.commit()
    running: list[subprocess.Popen[bytes]] = []
    environ = {key: value for key, value in os.environ.items() if not key.startswith("ZONGJI_")}
    environ |= {
        "ZONGJI_HOME": str(settings.home),
        "ZONGJI_DATABASE_URL": migrated_database_url,
        "ZONGJI_REDIS_URL": redis_server.url,
    }

    def start(lease_s: int = 6) -> subprocess.Popen[bytes]:
        """Run a worker; only one that is to die needs a short lease."""
        environ["ZONGJI_JOB_LEASE_S"] = str(lease_s)
        with (tmp_path / "scheduler.log").open("ab") as log:
            environ["ZONGJI_SCHEDULER_METRICS_PORT"] = str(free_port())
            process = subprocess.Popen(
                [sys.executable, "-m", "zongji.processes", "scheduler"],
                cwd=ROOT,
                env=environ,
                stdout=log,
                stderr=log,
            )
        running.append(process)
        return process

    yield SimpleNamespace(
        database=database, settings=settings, tenant_id=tenant.id, admin_id=admin.id, start=start
    )
    for process in running:
        process.kill()
        process.wait()
    database.dispose()


def until(what: str, holds: Callable[[], bool], within_s: float = 60) -> None:
    deadline = clock.now_s() + within_s
    while not holds():
        assert clock.now_s() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.02)


def test_acc_4_killed_twice_an_import_takes_every_row_once(place: SimpleNamespace) -> None:
    lines = ["Account,Name,Mobile"] + [f"clerk{number},Clerk {number},," for number in range(ROWS)]
    lines[51] = lines[10]
    lines[52] = "with space,Nobody,"
    data = "\n".join(lines).encode()
    store = FileStore(place.settings.store_dir)
    store.put("uploads/1/file", [data])
    with place.database.transaction(place.tenant_id) as session:
        job_id = service.enqueue(
            session,
            account_id=place.admin_id,
            kind=IMPORT,
            title="Import",
            parameters={"mapping": guess(read_table(data).header), "update": False, "language": "en"},
            input_key="uploads/1/file",
        ).id
        session.commit()

    def job() -> BackgroundJob:
        with place.database.transaction(ALL_TENANTS, read_only=True) as session:
            return session.get_one(BackgroundJob, job_id)

    for goal in (20, 60):
        process = place.start()
        until(f"{goal} rows", lambda goal=goal: job().progress >= goal)  # type: ignore[misc]
        process.kill()
        process.wait()
        assert job().state is JobState.RUNNING, "it was killed in the middle"
    place.start(lease_s=60)
    until("done", lambda: job().state is not JobState.RUNNING)

    ended = job()
    result = msgspec.json.decode(ended.result)
    assert (ended.state, ended.error, ended.attempts, ended.deaths) == (JobState.DONE, "", 3, 2)
    assert result["counts"] == {"created": ROWS - 2, "updated": 0, "refused": 2}
    assert [row for row, _, _ in result["refused"]] == [52, 53]
    with place.database.transaction(place.tenant_id, read_only=True) as session:
        made = session.scalars(select(Account).where(Account.login.like("clerk%"))).all()
        logged = session.scalar(
            select(func.count()).where(AuditEntry.action == "create", AuditEntry.account_id == place.admin_id)
        )
    assert len({account.login for account in made}) == len(made) == ROWS - 2
    assert logged == ROWS - 2, "one line in the log for each"
    assert all(account.must_change_password for account in made)

    rows = read_table(b"".join(store.read(ended.file_key))).rows
    told = {cells[1]: cells[5] for _, cells in rows if cells[3] == "created"}
    assert ended.file_once, "it holds passwords"
    assert set(told) == {account.login for account in made}
    for account in made[::20]:
        assert passwords.verify_password(account.password_hash, told[account.login]), (
            "also of those before the deaths"
        )
    assert not (place.settings.store_dir / "uploads/1/file").exists(), "the upload is gone"
