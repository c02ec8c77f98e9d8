"""What the operator's page of the platform's health finds: of itself, of neighbours that are away, of what is stuck."""

from __future__ import annotations

import datetime
import http.server
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis as redis_py
from prometheus_client import CollectorRegistry

from admin_web.system_health import Check, State, sorted_checks
from admin_web.webhooks.models import WebhookEndpoint
from core import accounts, keys
from core.clock import now_ms
from core.database import ALL_TENANTS, Database, utc_now
from core.i18n import use_language
from core.jobs.models import BackgroundJob, JobState
from core.models import Account
from core.outbox.models import OutboxEvent
from core.redis import connect
from core.settings import Settings
from cti.controller.trunks import Standing, TrunkState
from tests.support.redis import RedisServer
from zongji.doctor.spool import Spool, read_spool
from zongji.health import Health, cells, pages, work
from zongji.health import look as look_module
from zongji.health.named import well, wrong
from zongji.health.since import Since
from zongji.processes.scheduler import Turns
from zongji.processes.status_page import serve

NOWHERE = 1
"""A port nobody listens at."""


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with use_language("en"):
        yield


@pytest.fixture
def settings(migrated_sqlite: Path, tmp_path: Path, redis_server: RedisServer) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    (home / "zongji.db").write_bytes(migrated_sqlite.read_bytes())
    return Settings(
        home=home,
        redis_url=redis_server.url,
        switch_port=NOWHERE,
        web_port=NOWHERE,
        metrics_port=NOWHERE,
        shipper_metrics_port=NOWHERE,
        scheduler_metrics_port=NOWHERE,
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    made = Database.from_settings(settings)
    yield made
    made.dispose()


def by_key(checks: list[Check]) -> dict[str, Check]:
    found = {check.key: check for check in checks}
    assert len(found) == len(checks), "a key stands for one check"
    return found


def beat(redis: redis_py.Redis, cell: str, **changes: object) -> None:
    mark = {
        "heartbeat_ms": now_ms(),
        "connected": 1,
        "switch": "freeswitch",
        "core_uuid": "u",
        "started_ms": 1,
    }
    redis.hset(keys.cell(cell), mapping={**mark, **changes})  # type: ignore[arg-type]
    redis.sadd(keys.cells(), cell)


def test_everything_is_named_what_is_wrong_first(
    settings: Settings, database: Database, redis: redis_py.Redis
) -> None:
    beat(redis, "cell1")
    checks = Health(settings, database, redis, web=True).look()
    assert checks == sorted_checks(checks)
    found = by_key(checks)
    assert found["database"].state is State.WELL
    assert found["cell-cell1"].state is State.WELL
    for down in ("switch", "shipper", "scheduler"):
        assert found[down].state is State.WRONG, down
    assert {
        "redis",
        "spool",
        "outbox",
        "webhooks",
        "jobs",
        "disk",
        "web",
        "version",
        "gateways",
    } <= found.keys()
    for check in checks:
        assert check.since_ms
        assert bool(check.remedy) or check.state is State.WELL, check


def test_without_database_and_redis_the_rest_is_still_told(settings: Settings, tmp_path: Path) -> None:
    away = connect(f"unix://{tmp_path}/none.sock", reply_timeout_s=1)
    gone = Settings(
        home=settings.home,
        redis_url=f"unix://{tmp_path}/none.sock",
        database_url=f"sqlite:////{tmp_path}/none/none.db",
        switch_port=NOWHERE,
        shipper_metrics_port=NOWHERE,
        scheduler_metrics_port=NOWHERE,
    )
    found = by_key(Health(gone, Database.from_settings(gone), away, web=True).look())
    assert found["database"].state is State.WRONG
    assert found["redis"].state is State.WRONG
    assert found["cells"].how == found["gateways"].how == "not known while Redis is away"
    assert found["jobs"].how == found["events"].how == "not known while the database is away"
    assert found["disk"].state in State
    assert all(check.since_ms for check in found.values())


def test_a_check_that_breaks_or_hangs_takes_no_other_along(
    settings: Settings, database: Database, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_module, "WITHIN_S", 1.0)
    release = threading.Event()
    health = Health(settings, database, redis, web=True)

    def broken() -> list[Check]:
        raise KeyError("x")

    health._parts = {
        "disk": broken,
        "switch": lambda: [well("switch", "S", "fine")] if release.wait(20) else [],
        "version": lambda: [well("version", "V", "1")],
    }
    found = by_key(health.look())
    release.set()
    assert found["disk"].how == "could not be examined: KeyError"
    assert found["switch"].how == "no answer within 1 seconds"
    assert found["version"].state is State.WELL


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"heartbeat_ms": now_ms() - 40_000}, "silent for"),
        ({"heartbeat_ms": 0}, "silent for over a minute"),
        ({"connected": 0}, "not connected to the event socket"),
    ],
)
def test_a_controller_that_is_silent_or_cut_off(
    redis: redis_py.Redis, changes: dict[str, int], says: str
) -> None:
    beat(redis, "west", **changes)
    (check,) = cells.controllers(redis)
    assert (check.state, check.key) == (State.WRONG, "cell-west")
    assert says in check.how


def test_a_gateway_that_is_down_is_named_with_the_carriers_words(redis: redis_py.Redis) -> None:
    beat(redis, "cell1")
    told = {
        7: Standing(code="north", state=TrunkState.FAILED, since_ms=5, status=403, reason="Forbidden"),
        8: Standing(code="south", state=TrunkState.REGISTERED, since_ms=5),
        9: Standing(code="east", state=TrunkState.OFF, since_ms=5),
    }
    redis.hset(keys.trunks("cell1"), mapping={n: msgspec.json.encode(each) for n, each in told.items()})
    down, rest = cells.gateways(redis)
    assert (down.key, down.state, down.since_ms) == ("gateway-cell1-7", State.WRONG, 5)
    assert "north" in down.name
    assert down.how.endswith("403 · Forbidden")
    assert rest.how.startswith("2 ")


def test_how_busy_a_switch_is() -> None:
    status = (
        "UP 0 years\nFreeSWITCH is ready\n12 session(s) since startup\n"
        "%s session(s) - peak 9, last 5min 4 \n0 session(s) per Sec out of max 100, peak 1\n"
        "2000 session(s) max\nmin idle cpu 0.00/%s\n"
    )
    assert cells.load("c", status % (10, "97.40")).how == "10 of 2000 sessions, processor 97% free"
    assert cells.load("c", status % (10, "97.40")).state is State.WELL
    assert cells.load("c", status % (1900, "97.40")).state is State.WRONG
    assert cells.load("c", status % (10, "3.00")).state is State.NOTE


def test_files_that_wait_long_on_the_disk(settings: Settings) -> None:
    assert read_spool(settings) == Spool(0, 0.0, 0)
    settings.cdr_dir.mkdir(parents=True)
    for n in range(3):
        (settings.cdr_dir / f"{n}.cdr.json").write_text("{}")
    (settings.cdr_dir / "half.tmp").touch()
    os.utime(settings.cdr_dir / "1.cdr.json", (time.time() - 120, time.time() - 120))
    spool = read_spool(settings)
    assert (spool.waiting, round(spool.oldest_s / 10)) == (3, 12)
    found = list(pages.shipper(settings))
    assert [check.key for check in found] == ["shipper", "spool"]
    assert found[1].state is State.WRONG
    assert abs(found[1].since_ms - (now_ms() - 120_000)) < 5000
    fine = well("spool", "R", "")
    assert pages.backlog(Spool(5, 1.0, 0), fine).state is State.WELL
    assert pages.backlog(Spool(5, 30.0, 0), fine).state is State.NOTE
    assert pages.backlog(Spool(0, 0.0, 0), fine).how == "nothing waits"
    assert pages.backlog(Spool(0, 0.0, 2), wrong("spool", "R", "2 aside", "look")).state is State.WRONG


def test_what_the_scheduler_does_again_and_again_is_late_when_it_stopped(settings: Settings) -> None:
    registry = CollectorRegistry()
    turns = Turns(registry)
    turns.expected("webhooks", 60)()
    turns.expected("old-files", 7260)
    server = serve(0, registry, lambda: "")
    try:
        object.__setattr__(settings, "scheduler_metrics_port", server.server_address[1])
        found = by_key(list(pages.scheduler(settings)))
    finally:
        server.shutdown()
        server.server_close()
    assert found["scheduler"].state is State.WELL
    assert found["scheduler-webhooks"].state is State.WELL
    assert found["scheduler-old-files"].how == "has not ended well yet"
    late = pages.turn("webhooks", 1000.0, 60.0, 1061.5)
    assert (late.state, late.since_ms) == (State.WRONG, 1_000_000)
    assert pages.turn("webhooks", 1000.0, 60.0, 1059.0).state is State.WELL


def test_a_page_that_is_no_metrics_page_is_no_failure_of_ours(settings: Settings) -> None:
    class Odd(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{ not metrics")

        def log_message(self, *arguments: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        object.__setattr__(settings, "scheduler_metrics_port", server.server_address[1])
        assert [check.key for check in pages.scheduler(settings)] == ["scheduler"]
    finally:
        server.shutdown()
        server.server_close()


def fill(database: Database, age: datetime.timedelta) -> None:
    then = utc_now() - age
    with database.transaction(ALL_TENANTS) as session:
        tenant = accounts.open_tenant(session, code="one", name="One")
        session.commit()
    with database.transaction(tenant.id) as session:
        account = Account(login="a", name="A", code="1", password_hash="x")
        session.add(account)
        session.flush()
        session.add_all(
            [
                OutboxEvent(key="k", kind="call.ended", body="{}", at=then),
                BackgroundJob(account_id=account.id, kind="accounts.export", title="t", created_at=then),
                BackgroundJob(
                    account_id=account.id, kind="accounts.import", title="t", state=JobState.FAILED, ended_at=then
                ),
                WebhookEndpoint(
                    account_id=account.id, name="w", url="https://x.example", secret_encrypted="s",
                    failing_since=then,
                ),
            ]
        )  # fmt: skip
        session.commit()


def test_work_that_waits_for_nobody(database: Database) -> None:
    assert {check.state for check in [*work.events(database), *work.jobs(database)]} == {State.WELL}
    fill(database, datetime.timedelta(minutes=5))
    found = by_key([*work.events(database), *work.jobs(database)])
    assert found["outbox"].state is State.WRONG
    assert found["jobs"].state is State.WRONG
    assert now_ms() - found["jobs"].since_ms > 290_000
    assert "accounts.import of One" in found["jobs-failed"].how
    assert found["webhooks"].state is State.NOTE
    assert "1 receivers do not answer" in found["webhooks"].how


def test_work_of_now_is_no_backlog(database: Database) -> None:
    fill(database, datetime.timedelta(seconds=1))
    found = by_key([*work.events(database), *work.jobs(database)])
    assert found["outbox"].state is found["jobs"].state is State.WELL


def test_since_when_is_kept_until_the_state_changes(redis: redis_py.Redis) -> None:
    first, other = Since(redis), Since(redis)
    (begun,) = first.filled([well("disk", "D", "fine")])
    time.sleep(0.005)
    assert other.filled([well("disk", "D", "fine")])[0].since_ms == begun.since_ms
    (broken,) = other.filled([wrong("disk", "D", "full", "mend")])
    assert broken.since_ms > begun.since_ms
    assert first.filled([wrong("disk", "D", "fuller", "mend")])[0].since_ms == broken.since_ms
    assert first.filled([wrong("disk", "D", "full", "mend", 42)])[0].since_ms == 42
    assert redis.ttl(keys.health()) > 0


def test_since_when_without_redis_is_what_the_process_saw(tmp_path: Path) -> None:
    since = Since(connect(f"unix://{tmp_path}/none.sock", reply_timeout_s=1))
    (begun,) = since.filled([well("disk", "D", "fine")])
    time.sleep(0.005)
    assert since.filled([well("disk", "D", "fine")])[0].since_ms == begun.since_ms
