"""A web application with two companies' agents, and a program that answers commands as a controller does."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from flask import Flask
from flask.testing import FlaskClient

from admin_web.app import create_app, make_parts
from agent_desktop import views
from core import accounts, bus, keys
from core.bus import Command
from core.crypto import Vault
from core.database import ALL_TENANTS, Database
from core.models import BuiltInRole
from core.settings import Settings
from core.views import Parts
from crm.models import Customer
from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd
from cti.endpoints import open_extension
from cti.models import EndpointKind, ExtensionAccount, Queue, SipEndpoint
from tests.support.redis import RedisServer

PASSWORD = "Sommer-2026-Regen"


class FakeController:
    """Reads the cell's commands and answers each by `rule`; keeps what it was sent."""

    def __init__(self, server: RedisServer, cell: str) -> None:
        self.commands: list[Command] = []
        self.rule: Callable[[Command], dict[str, Any]] = lambda command: {"ok": True}
        self._client = server.client()
        self._stream = keys.commands(cell)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        position = "0"
        while not self._stop.is_set():
            for _, entries in self._client.xread({self._stream: position}, block=20) or []:
                for entry_id, fields in entries:
                    position = entry_id
                    command = bus.decode_command(fields)
                    self.commands.append(command)
                    bus.reply(self._client, command.id, self.rule(command))


@dataclasses.dataclass
class World:
    """The application, ids by name, and the controller's stand-in."""

    app: Flask
    parts: Parts
    controller: FakeController
    ids: dict[str, int]

    def client(self, login: str, company: str = "one") -> FlaskClient:
        """Return a signed-in browser."""
        client = self.app.test_client()
        form = {"company": company, "login": login, "password": PASSWORD}
        assert client.post("/sign-in", data=form).status_code == 302
        return client

    def sign_in_agent(self, login: str = "anna", endpoint: str = "web", **changes: Any) -> Agent:
        """Put an agent into Redis as the controller does."""
        agent = Agent(
            tenant_id=self.ids["one"],
            account_id=self.ids[login],
            name=login,
            extension_id=self.ids["8001"],
            extension="8001",
            endpoint=endpoint,
            user="web-user",
            state=changes.pop("state", AgentState.READY),
            registered=True,
            **changes,
        )
        acd = Acd(self.parts.redis)
        acd.hold_extension(agent.tenant_id, agent.extension_id, agent.account_id)
        acd.save(agent, "")
        return agent


@pytest.fixture(scope="session")
def desk_home(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A home folder with its database filled once, to be copied."""
    home = tmp_path_factory.mktemp("desk")
    shutil.copyfile(migrated_sqlite, home / "zongji.db")
    settings = Settings(home=home)
    database = Database.from_settings(settings)
    ids = _fill(database, Vault.from_settings(settings))
    database.dispose()
    return home, ids


def _fill(database: Database, vault: Vault) -> dict[str, int]:
    ids = {}
    with database.transaction(ALL_TENANTS) as session:
        for code in ("one", "two"):
            ids[code] = accounts.open_tenant(session, code=code, name=code.title()).id
        session.commit()
    with database.transaction(ids["one"]) as session:
        people = {}
        for login, role in (
            ("anna", BuiltInRole.AGENT),
            ("bert", BuiltInRole.AGENT),
            ("carl", BuiltInRole.TENANT_ADMIN),
        ):
            people[login] = accounts.create_account(
                session, login=login, name=login.title(), role=role, password=PASSWORD
            )
        extension = open_extension(session, vault, "zongji.invalid", number="8001", account=people["anna"])
        session.add(ExtensionAccount(extension_id=extension.id, account_id=people["bert"].id))
        queue = Queue(code="sales", name="Sales", ring_timeout_s=25)
        customer = Customer(name="Chen", phone="+8613800138000", company="Acme", note="")
        session.add_all([queue, customer])
        session.flush()
        ids |= {login: account.id for login, account in people.items()}
        ids |= {"8001": extension.id, "sales": queue.id}
        session.commit()
    with database.transaction(ids["two"]) as session:
        accounts.create_account(session, login="dora", name="Dora", role=BuiltInRole.AGENT, password=PASSWORD)
        session.add(Customer(name="Elsewhere", phone="+8613900139000"))
        session.commit()
    return ids


@pytest.fixture
def world(
    desk_home: tuple[Path, dict[str, int]],
    tmp_path: Path,
    redis_server: RedisServer,
    redis: redis_py.Redis,
) -> Iterator[World]:
    """The application with its controller's stand-in, on an empty Redis."""
    source, ids = desk_home
    shutil.copytree(source, tmp_path / "home")
    settings = Settings(home=tmp_path / "home", redis_url=redis_server.url)
    parts = make_parts(settings)
    app = create_app(settings, blueprints=[views.blueprint], parts=parts)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    controller = FakeController(redis_server, settings.cell)
    yield World(app, parts, controller, dict(ids))
    controller.stop()
    parts.database.dispose()
    parts.redis.close()


def web_password(world: World) -> str:
    """Return the password of the extension's web user."""
    with world.parts.database.transaction(world.ids["one"], read_only=True) as session:
        row = session.query(SipEndpoint).filter(SipEndpoint.kind == EndpointKind.WEB).one()
        return world.parts.vault.open(row.password_encrypted)
