"""Keys (ACC-13): who they let in, for what, until when; all of it with the next request."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from admin_web.api import keys
from admin_web.api.models import ApiKey
from admin_web.api.scopes import MEANINGS, ApiScope
from core.access.models import AccessRange
from core.crypto import token_hash
from core.database import ALL_TENANTS, utc_now
from core.models import Account, AuditEntry, BuiltInRole, Role, Tenant, TenantState
from core.permissions import Permission
from tests.unit.admin_web.api.support import error_of, principal_of, program
from tests.unit.admin_web.conftest import World


def _change(world: World, table: Any, row_id: int, **values: Any) -> None:
    with world.parts.database.transaction(ALL_TENANTS) as session:
        session.execute(update(table).where(table.id == row_id).values(**values))
        session.commit()


def _maker(world: World) -> int:
    return principal_of(world, "one", "tenant_admin").account_id


def test_a_key_is_shown_once_and_only_its_hash_is_kept(world: World) -> None:
    asked = program(world)
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        row = session.get_one(ApiKey, asked.key_id)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.module == "api")).one()
    assert asked.token.startswith(f"{row.prefix}_")
    assert row.token_hash == token_hash(asked.token)
    secret = asked.token.removeprefix(row.prefix)
    assert all(secret not in str(value) for value in vars(row).values())
    assert secret not in entry.changes
    assert row.token_hash not in entry.changes


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (None, "key-missing"),
        ("", "key-missing"),
        ("Basic YTpi", "key-missing"),
        ("Bearer", "key-missing"),
        ("Bearer zj_nonsense", "key-invalid"),
        ("Bearer zj_abcdefgh_" + "A" * 43, "key-invalid"),
        ("Bearer zj_abcdefgh_" + "A" * 43 + "'--", "key-invalid"),
    ],
)
def test_without_a_key_nothing_opens(world: World, header: str | None, error: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = world.app.test_client().get("/api/v1/queues", headers=headers)
    assert answer.status_code == 401
    assert error_of(answer) == error
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_cookie_opens_nothing(world: World) -> None:
    browser = world.client("one", "tenant_admin")
    answer = browser.get("/api/v1/queues")
    assert answer.status_code == 401
    assert error_of(answer) == "key-missing"


def test_a_disabled_key_is_out_at_once(world: World) -> None:
    ask = program(world)
    assert ask.get("/queues").status_code == 200
    _change(world, ApiKey, ask.key_id, enabled=False)
    assert error_of(ask.get("/queues")) == "key-disabled"


def test_an_expired_key_is_out(world: World) -> None:
    ask = program(world, days=30)
    assert ask.get("/queues").status_code == 200
    _change(world, ApiKey, ask.key_id, expires_at=utc_now() - datetime.timedelta(seconds=1))
    assert error_of(ask.get("/queues")) == "key-expired"


@pytest.mark.parametrize("change", [{"enabled": False}, {"deleted_at": utc_now()}])
def test_a_disabled_or_deleted_maker_shuts_the_key(world: World, change: dict[str, Any]) -> None:
    ask = program(world)
    assert ask.get("/queues").status_code == 200
    _change(world, Account, _maker(world), **change)
    answer = ask.get("/queues")
    assert (answer.status_code, error_of(answer)) == (401, "key-maker-disabled")


@pytest.mark.parametrize("state", [TenantState.SUSPENDED, TenantState.CLOSED])
def test_a_suspended_company_is_out_at_once(world: World, state: TenantState) -> None:
    ask = program(world)
    _change(world, Tenant, world.ids["one"]["tenants"], state=state)
    answer = ask.get("/queues")
    assert (answer.status_code, error_of(answer)) == (401, "company-inactive")


def test_a_key_loses_what_its_maker_loses(world: World) -> None:
    ask = program(world)
    assert ask.get("/accounts").status_code == 200
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        agent = session.scalars(select(Role.id).where(Role.built_in == BuiltInRole.AGENT)).one()
    _change(world, Account, _maker(world), role_id=agent)
    answer = ask.get("/accounts")
    assert (answer.status_code, error_of(answer)) == (403, "right-missing")


@pytest.mark.parametrize("scope", list(ApiScope))
def test_a_key_may_no_more_than_its_scopes(world: World, scope: ApiScope) -> None:
    ask = program(world, [scope])
    lists = {
        "/accounts": {ApiScope.ACCOUNTS_READ},
        "/extensions": {ApiScope.EXTENSIONS_READ},
        "/queues": {ApiScope.QUEUES_READ},
        "/live/calls": {ApiScope.LIVE_READ},
        "/call-records": {ApiScope.RECORDS_READ},
        "/calls/x": {ApiScope.CALLS_MAKE},
        "/call-records/x/recordings": {ApiScope.RECORDINGS_READ},
    }
    for path, wanted in lists.items():
        answer = ask.get(path)
        if scope in wanted:
            assert answer.status_code in {200, 404}, path
        else:
            assert (answer.status_code, error_of(answer)) == (403, "scope-missing"), path
            assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


def test_only_what_the_maker_may_can_be_given(world: World) -> None:
    agent = principal_of(world, "one", "agent")
    with world.parts.database.transaction(agent.tenant_id) as session, pytest.raises(keys.NoScopeError):
        keys.make(session, agent, name="x", wanted=[ApiScope.ACCOUNTS_READ], days=0, per_minute=60)
    with world.parts.database.transaction(agent.tenant_id) as session:
        keys.make(session, agent, name="x", wanted=[ApiScope.CALLS_MAKE], days=0, per_minute=60)


def test_every_scope_stands_on_a_right(world: World) -> None:
    assert set(MEANINGS) == set(ApiScope)
    operators = {Permission.TENANTS_EDIT, Permission.TRUNKS_EDIT, Permission.SYSTEM_VIEW}
    for meaning in MEANINGS.values():
        assert meaning.needed
        assert not operators & meaning.gives


def test_a_key_with_more_rights_is_not_switched_on_by_less(world: World) -> None:
    ask = program(world)
    _change(world, ApiKey, ask.key_id, enabled=False)
    less = principal_of(world, "one", "agent")
    with world.parts.database.transaction(less.tenant_id) as session:
        row = keys.key_of(session, ask.key_id)
        with pytest.raises(Exception, match="rights you do not have"):
            keys.set_enabled(session, less, row, True)


def test_access_ranges_hold_for_programs_too(world: World) -> None:
    ask = program(world)
    tenant_id = world.ids["one"]["tenants"]
    with world.parts.database.transaction(tenant_id) as session:
        session.add(AccessRange(name="office", network="203.0.113.0/24"))
        session.commit()
    answer = ask.get("/queues")
    assert (answer.status_code, error_of(answer)) == (403, "address-refused")
    inside = ask.get("/queues", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert inside.status_code == 200


def test_use_is_written_down(world: World) -> None:
    ask = program(world)
    ask.get("/queues", environ_base={"REMOTE_ADDR": "198.51.100.4"})
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        row = session.get_one(ApiKey, ask.key_id)
    assert row.last_used_ip == "198.51.100.4"
    assert row.last_used_at is not None
    assert utc_now() - row.last_used_at < datetime.timedelta(seconds=30)


def test_texts_follow_the_language_asked_for(world: World) -> None:
    client = world.app.test_client()
    zh = client.get("/api/v1/queues", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}).get_json()
    en = client.get("/api/v1/queues", headers={"Accept-Language": "en"}).get_json()
    assert zh["id"] == en["id"] == "key-missing"
    assert zh["title"] != en["title"]
    assert "API key" in en["title"]


def test_the_page_makes_switches_and_deletes_a_key(world: World) -> None:
    browser = world.client("one", "tenant_admin")
    form = {"name": "ERP", "scopes": ["queues:read"], "days": "90", "per_minute": "60"}
    made = browser.post("/api-keys/new", data=form).get_data(as_text=True)
    token = made.split('id="f-key" value="')[1].split('"')[0]
    ask = world.app.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    assert ask.get("/api/v1/queues", headers=headers).status_code == 200
    page = browser.get("/api-keys").get_data(as_text=True)
    assert "ERP" in page
    assert token not in page
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        key_id = session.scalars(select(ApiKey.id)).one()
    for _ in range(2):  # the second on a page from before the first
        browser.post(f"/api-keys/{key_id}/disable")
        assert error_of(ask.get("/api/v1/queues", headers=headers)) == "key-disabled"
    browser.post(f"/api-keys/{key_id}/enable")
    assert ask.get("/api/v1/queues", headers=headers).status_code == 200
    browser.post(f"/api-keys/{key_id}/delete")
    assert error_of(ask.get("/api/v1/queues", headers=headers)) == "key-invalid"
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        done = list(session.scalars(select(AuditEntry.action).where(AuditEntry.module == "api")))
    assert done == ["create", "disable", "enable", "delete"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"name": "x" * 101},
        {"scopes": []},
        {"scopes": ["all"]},
        {"days": "7"},
        {"per_minute": "0"},
    ],
)
def test_the_form_says_what_is_wrong(world: World, change: dict[str, Any]) -> None:
    browser = world.client("one", "tenant_admin")
    form = {"name": "ERP", "scopes": ["queues:read"], "days": "90", "per_minute": "60", **change}
    answer = browser.post("/api-keys/new", data=form)
    assert answer.status_code == 422
    assert "zj-error" in answer.get_data(as_text=True)


def test_another_companys_key_does_not_exist(world: World) -> None:
    theirs = program(world, company="two")
    browser = world.client("one", "tenant_admin")
    for action in ("switch", "delete"):
        assert browser.post(f"/api-keys/{theirs.key_id}/{action}").status_code == 404
    assert theirs.get("/queues").status_code == 200
