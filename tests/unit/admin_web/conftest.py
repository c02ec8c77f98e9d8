"""A whole web application over a migrated SQLite file, with two companies, the operator's own, and a Redis."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_py
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from admin_web import system_health
from admin_web.app import create_app, make_parts
from agent_desktop import views as desk
from core import accounts
from core.crypto import Vault
from core.database import ALL_TENANTS, Database, utc_now
from core.documents import DestinationKind
from core.groups.models import UserGroup
from core.models import Account, BuiltInRole, Tenant
from core.settings import Settings
from core.views import Parts
from crm.models import Customer
from cti.endpoints import open_extension
from cti.models import CallerRule, CallerRuleKind, InboundRoute, Queue
from cti.records.models import Callback
from ivr import service as flows
from ivr.models import Calendar
from tests.support.redis import RedisServer
from zongji.health import Health

PASSWORD = "Sommer-2026-Regen"
OPERATORS = "platform"
"""The operator's company; its accounts have the second factor set up."""

TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclasses.dataclass
class World:
    """The application and ids of what the companies own."""

    app: Flask
    parts: Parts
    ids: dict[str, dict[str, int]]

    def client(self, company: str = "", login: str = "") -> FlaskClient:
        """Return a browser, signed in when an account is named; an operator with the second factor given."""
        client = self.app.test_client()
        if company == OPERATORS:
            self._let_in(client, login)
        elif login:
            form = {"company": company, "login": login, "password": PASSWORD}
            answer = client.post("/sign-in", data=form)
            assert answer.status_code == 302, answer.get_data(as_text=True)
        return client

    def _let_in(self, client: FlaskClient, login: str) -> None:
        with self.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
            account_id = session.scalars(
                select(Account.id).join(Tenant).where(Tenant.code == OPERATORS, Account.login == login)
            ).one()
        token = self.parts.sessions.begin(account_id, ip="127.0.0.1", user_agent="")
        client.set_cookie("zj_session", self.parts.sessions.rotate(token, second_factor=True))


def _fill(database: Database, vault: Vault, code: str, *, operator: bool = False) -> dict[str, int]:
    with database.transaction(ALL_TENANTS) as session:
        tenant = accounts.open_tenant(session, code=code, name=code.title(), is_operator=operator)
        session.commit()
    ids = {"tenants": tenant.id}
    with database.transaction(tenant.id) as session:
        roles = (
            [BuiltInRole.OPERATOR]
            if operator
            else [BuiltInRole.TENANT_ADMIN, BuiltInRole.SUPERVISOR, BuiltInRole.AGENT]
        )
        for role in roles:
            made = accounts.create_account(
                session, login=role.value, name=role.value, role=role, password=PASSWORD
            )
            ids["accounts"] = made.id
            if operator:
                made.totp_secret_encrypted = vault.seal(TOTP_SECRET)
                made.totp_confirmed_at = utc_now()
        queue = Queue(code="sales", name="Sales")
        session.add(queue)
        session.flush()
        route = InboundRoute(
            code="hotline",
            number=f"+8610655512{tenant.id:02}",
            destination=DestinationKind.QUEUE,
            destination_id=queue.id,
        )
        rule = CallerRule(kind=CallerRuleKind.BLOCK, pattern="+861012345678")
        customer = Customer(name="Chen", phone="+8613800138000")
        group = UserGroup(name="North")
        calendar = Calendar(name="Holidays")
        wish = Callback(call_id=f"call-{code}", position=1, number="+8613800138000", asked_at=utc_now())
        session.add_all([route, rule, customer, group, calendar, wish])
        extension = open_extension(session, vault, "zongji.invalid", number="8001")
        flow = flows.create_flow(session, "welcome", "Welcome", None)
        session.flush()
        ids |= {"queues": queue.id, "routes": route.id, "caller_rules": rule.id, "customers": customer.id}
        ids |= {"groups": group.id, "calendars": calendar.id, "left_messages": wish.id}
        ids |= {"extensions": extension.id, "flows": flow.id}
        session.commit()
    return ids


@pytest.fixture(scope="session")
def filled_home(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, dict[str, int]]]:
    """A home folder with the database filled once (hashing passwords takes its time), to be copied."""
    home = tmp_path_factory.mktemp("home")
    shutil.copyfile(migrated_sqlite, home / "zongji.db")
    settings = Settings(home=home)
    database = Database.from_settings(settings)
    vault = Vault.from_settings(settings)
    ids = {
        code: _fill(database, vault, code, operator=code == "platform") for code in ("one", "two", "platform")
    }
    database.dispose()
    return home, ids


@pytest.fixture
def world(
    filled_home: tuple[Path, dict[str, dict[str, int]]],
    tmp_path: Path,
    redis_server: RedisServer,
    redis: redis_py.Redis,
) -> Iterator[World]:
    """The application with companies ``one`` and ``two`` and the operator's ``platform``."""
    source, ids = filled_home
    shutil.copytree(source, tmp_path / "home")
    settings = Settings(home=tmp_path / "home", redis_url=redis_server.url)
    parts = make_parts(settings)
    health = system_health.make_blueprint(Health(settings, parts.database, parts.redis, web=True).look)
    app = create_app(
        settings, blueprints=[desk.blueprint, health], shell_entries=[desk.SHELL_ENTRY], parts=parts
    )
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, ZONGJI_ANSWER_FLOOR_S=0)
    yield World(app, parts, ids)
    parts.database.dispose()
    parts.redis.close()
