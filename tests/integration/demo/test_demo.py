"""The demo tenant: complete, made once, reachable."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest
import redis as redis_py
from sqlalchemy import func, select

from core import bus, crypto, documents, keys
from core.crypto import Vault
from core.database import ALL_TENANTS, Database
from core.models import Account, BuiltInRole, Role, Tenant
from core.settings import Settings
from core.sign_in import authenticate
from crm.models import Customer
from cti import endpoints
from cti.models import Queue, SipEndpoint
from cti.publishing import Repaired, republish_missing
from ivr.models import FlowUse
from ivr.nodes.base import ReferenceKind
from tests.support.redis import RedisServer
from zongji import demo


@pytest.fixture
def settings(migrated_database_url: str, tmp_path: Path, redis_server: RedisServer) -> Settings:
    return Settings(home=tmp_path, database_url=migrated_database_url, redis_url=redis_server.url)


@pytest.fixture
def seeded(settings: Settings) -> Database:
    assert demo.seed(settings)
    return Database.from_settings(settings)


def test_it_is_made_once_and_the_operators_password_is_shown_once(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.seed(settings)
    company, login, password = capsys.readouterr().out.strip().splitlines()[-1].split()
    assert not demo.seed(settings)
    assert capsys.readouterr().out == ""
    database = Database.from_settings(settings)
    assert authenticate(database, company, login, password, "")
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Tenant)) == 2
        kind = (
            select(Role.built_in).join(Account, Account.role_id == Role.id).where(Account.login == "operator")
        )
        assert session.scalar(kind) is BuiltInRole.OPERATOR
    database.dispose()


def test_without_the_demo_there_is_an_operator_alone(settings: Settings) -> None:
    assert not demo.seed(dataclasses.replace(settings, demo=False))
    database = Database.from_settings(settings)
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.scalars(select(Tenant.code)).all() == ["operator"]
    database.dispose()


def test_every_printed_login_works(seeded: Database) -> None:
    for line in demo.LOGINS:
        authenticate(seeded, *line.split(), "")
    seeded.dispose()


def test_cti_q7_the_demos_queues_are_known_to_be_used(seeded: Database) -> None:
    """A queue a flow leads to is not deleted, in the demo company no more than in any other."""
    with seeded.transaction(ALL_TENANTS, read_only=True) as session:
        used = session.scalars(select(FlowUse.used_id).where(FlowUse.kind == ReferenceKind.QUEUE.value)).all()
        assert sorted(used) == sorted(session.scalars(select(Queue.id)).all())
    seeded.dispose()


def test_all_a_call_needs_is_published(seeded: Database, redis: redis_py.Redis) -> None:
    republish_missing(seeded, redis, thorough=True)
    held = [documents.decode(body) for body in redis.hgetall(documents.HASH).values()]
    kinds = [documents.kind_of(type(each)) for each in held]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "tenant": 2, "account": 6, "queue": 2, "extension": 4, "route": 1, "flow": 1,
    }  # fmt: skip
    by_field = {documents.field_of(each): each for each in held}
    route = next(each for each in held if isinstance(each, documents.RouteDoc))
    assert by_field[f"flow:{route.destination_id}"].tenant_id == route.tenant_id
    for queue in (each for each in held if isinstance(each, documents.QueueDoc)):
        assert all(f"extension:{extension_id}" in by_field for extension_id in queue.extension_ids)
    assert republish_missing(seeded, redis) == Repaired(set=0, removed=0)
    seeded.dispose()


def test_phones_can_register_with_what_is_shown(seeded: Database, settings: Settings) -> None:
    """CTI-E2: users unique over all tenants, the digest fits the password."""
    vault = Vault.from_settings(settings)
    with seeded.transaction(ALL_TENANTS, read_only=True) as session:
        rows = session.scalars(select(SipEndpoint)).all()
        customers = session.scalar(select(func.count()).select_from(Customer))
    assert len({row.user for row in rows}) == len(rows) == 8
    for row in rows:
        password = endpoints.password_of(row, vault)
        assert row.a1_hash == crypto.a1_hash(row.user, settings.sip_domain, password)
    assert customers == 4
    seeded.dispose()


def test_a_test_call_is_a_command_to_the_cell(
    seeded: Database, settings: Settings, redis: redis_py.Redis
) -> None:
    seen: list[bus.Command] = []

    def controller() -> None:
        reply = redis.xread({keys.commands(settings.cell): "0"}, block=5000)
        seen.append(bus.decode_command(reply[0][1][0][1]))
        bus.reply(redis, seen[0].id, {"ok": True})

    thread = threading.Thread(target=controller)
    thread.start()
    sentence = demo.place_call(settings, to="", caller="", keys=[(8.0, "1")])
    thread.join()
    assert "4008001000" in sentence
    assert seen[0].kind == "demo.call"
    assert seen[0].body == {
        "number": "+864008001000",
        "caller": "+8613800138000",
        "keys": [[8.0, "1"]],
        "hangup_after_s": 0,
    }
    with pytest.raises(SystemExit, match="13912345678"):
        demo.place_call(settings, to="13912345678", caller="", keys=[])
    seeded.dispose()
