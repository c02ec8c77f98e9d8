"""A program with a key."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from admin_web.api import keys
from admin_web.api.scopes import ApiScope
from core.models import Account, Role
from core.permissions import Principal, of_account
from tests.unit.admin_web.conftest import World

EVERYTHING = tuple(ApiScope)


@dataclasses.dataclass
class Program:
    """Sends requests with a key."""

    client: FlaskClient
    token: str
    key_id: int

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        """Return the answer to a request below ``/api/v1``."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET."""
        return self("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        """POST."""
        return self("POST", path, **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        """PATCH."""
        return self("PATCH", path, **options)


def principal_of(world: World, company: str, login: str) -> Principal:
    """Return the account as somebody signed in."""
    tenant_id = world.ids[company]["tenants"]
    with world.parts.database.transaction(tenant_id, read_only=True) as session:
        account = session.scalars(select(Account).where(Account.login == login)).one()
        role = session.get(Role, account.role_id)
    return Principal(
        account_id=account.id, tenant_id=tenant_id, tenant_code=company, tenant_name=company, login=login,
        name=account.name, role_name="", built_in_role=None if role is None else role.built_in,
        permissions=of_account(account, role, is_operator=company == "platform"), language="en",
        timezone="Asia/Shanghai", session_id=0,
    )  # fmt: skip


def program(
    world: World,
    scopes: Iterable[ApiScope] | None = None,
    *,
    company: str = "one",
    login: str = "tenant_admin",
    days: int = 0,
    per_minute: int = 6000,
) -> Program:
    """Return a program with a new key of the account; by default with every scope its maker can give."""
    actor = principal_of(world, company, login)
    if scopes is None:
        from admin_web.api.scopes import grantable

        scopes = grantable(actor.permissions)
    with world.parts.database.transaction(actor.tenant_id) as session:
        made = keys.make(session, actor, name="crm", wanted=list(scopes), days=days, per_minute=per_minute)
        session.commit()
    return Program(world.app.test_client(), made.token, made.row.id)


def error_of(answer: TestResponse) -> str:
    """Return the id of the problem an answer carries."""
    assert answer.content_type == "application/problem+json", answer.get_data(as_text=True)
    problem = answer.get_json()
    assert problem["status"] == answer.status_code
    return str(problem["id"])


def fields_of(answer: TestResponse) -> dict[str, str]:
    """Return which fields a problem names, and why."""
    return {each["field"]: each["code"] for each in answer.get_json().get("errors", [])}
