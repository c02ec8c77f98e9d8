"""Companies (ACC-3): opened with limits, suspended, closed, reopened; who is in is out at once."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from core import bus, documents, keys
from core.database import ALL_TENANTS
from core.models import Account, AuditEntry, Tenant, TenantState
from tests.unit.admin_web.conftest import PASSWORD, World

HTMX = {"HX-Request": "true"}
LIST = "/platform/companies"
NEW = {
    "code": "three",
    "name": "Three",
    "language": "zh",
    "max_calls": "20",
    "calls_per_second": "2",
    "outbound_countries": "hk， cn",
    "admin_login": "chief",
    "admin_password": "Winter-2026-Regen",
}


def tenant(world: World, code: str) -> Tenant:
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        return session.scalars(select(Tenant).where(Tenant.code == code)).one()


def test_acc_3_a_company_is_opened_with_its_limits_and_a_first_administrator(world: World) -> None:
    operator = world.client("platform", "operator")
    assert operator.post(f"{LIST}/new", data=NEW, headers=HTMX).status_code == 200
    made = tenant(world, "three")
    assert (made.max_calls, made.calls_per_second, made.outbound_countries) == (20, 2, "CN,HK")
    document = documents.decode(world.parts.redis.hget(documents.HASH, f"tenant:{made.id}"))
    assert isinstance(document, documents.TenantDoc)
    assert (document.max_calls, document.outbound_countries) == (20, ("CN", "HK"))
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        chief = session.scalars(select(Account).where(Account.login == "chief")).one()
    assert chief.must_change_password


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outbound_countries", "CN, ZZ"),
        ("max_calls", "-1"),
        ("calls_per_second", "a"),
        ("outbound_trunk_id", "77"),
        ("admin_login", ""),
        ("admin_password", "123"),
        ("code", "one"),
    ],
)
def test_acc_3_what_cannot_be_used_is_said_and_nothing_is_made(world: World, field: str, value: str) -> None:
    operator = world.client("platform", "operator")
    answer = operator.post(f"{LIST}/new", data={**NEW, field: value}, headers=HTMX)
    assert answer.status_code == 422
    assert 'class="zj-error"' in answer.get_data(as_text=True) or 'role="alert"' in answer.get_data(
        as_text=True
    )
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.scalar(select(Tenant.id).where(Tenant.code == "three")) is None


def test_acc_3_suspending_puts_people_out_at_once_and_resuming_lets_them_in(world: World) -> None:
    one, operator = tenant(world, "one"), world.client("platform", "operator")
    agent = world.client("one", "agent")
    assert agent.get("/live/snapshot").status_code == 200
    done = operator.post(f"{LIST}/{one.id}/suspend", data={"note": "unpaid"}, headers=HTMX)
    assert done.status_code == 200, done.get_data(as_text=True)
    assert agent.get("/live/snapshot").status_code == 401
    refused = world.app.test_client().post(
        "/sign-in", data={"company": "one", "login": "agent", "password": PASSWORD}
    )
    assert refused.status_code == 401
    document = documents.decode(world.parts.redis.hget(documents.HASH, f"tenant:{one.id}"))
    assert isinstance(document, documents.TenantDoc)
    assert not document.active
    assert "unpaid" in operator.get(LIST).get_data(as_text=True)
    assert operator.post(f"{LIST}/{one.id}/resume", headers=HTMX).status_code == 200
    assert agent.get("/live/snapshot").status_code == 401, "a session that ended does not come back"
    assert world.client("one", "agent").get("/live/snapshot").status_code == 200
    with world.parts.database.transaction(one.id, read_only=True) as session:
        logged = session.scalars(select(AuditEntry.action).where(AuditEntry.module == "tenants")).all()
    assert logged.count("state") == 2


def test_acc_3_its_calls_can_be_ended_by_every_cell(world: World) -> None:
    one, redis = tenant(world, "one"), world.parts.redis
    redis.sadd(keys.cells(), "east", "west")
    asked: list[tuple[str, int]] = []

    def answer(cell: str) -> None:
        entries = redis.xread({keys.commands(cell): "0"}, block=8000, count=1)
        command = bus.decode_command(entries[0][1][0][1])
        asked.append((command.kind, command.tenant))
        bus.reply(redis, command.id, {"ok": True, "ended": 1})

    cells = [threading.Thread(target=answer, args=(cell,)) for cell in ("east", "west")]
    for each in cells:
        each.start()
    operator = world.client("platform", "operator")
    assert operator.post(f"{LIST}/{one.id}/suspend", data={"end_calls": "1"}, headers=HTMX).status_code == 200
    for each in cells:
        each.join(10)
    assert asked == [("tenant.end_calls", one.id)] * 2


def test_acc_3_closing_asks_for_the_code_and_comes_after_suspending(world: World) -> None:
    one, operator = tenant(world, "one"), world.client("platform", "operator")
    assert operator.post(f"{LIST}/{one.id}/close", data={"code": "one"}, headers=HTMX).status_code == 409
    operator.post(f"{LIST}/{one.id}/suspend", headers=HTMX)
    assert operator.post(f"{LIST}/{one.id}/close", data={"code": "two"}, headers=HTMX).status_code == 422
    assert tenant(world, "one").state is TenantState.SUSPENDED
    assert operator.post(f"{LIST}/{one.id}/close", data={"code": "One "}, headers=HTMX).status_code == 200
    assert tenant(world, "one").state is TenantState.CLOSED
    assert operator.post(f"{LIST}/{one.id}/resume", headers=HTMX).status_code == 409
    assert operator.post(f"{LIST}/{one.id}/reopen", headers=HTMX).status_code == 200
    assert tenant(world, "one").state is TenantState.SUSPENDED


def test_acc_3_the_platforms_own_company_stays(world: World) -> None:
    own, operator = tenant(world, "platform"), world.client("platform", "operator")
    assert operator.post(f"{LIST}/{own.id}/suspend", headers=HTMX).status_code in (409, 422)
    assert tenant(world, "platform").state is TenantState.ACTIVE


def test_acc_3_a_company_that_lost_its_administrators_gets_one(world: World) -> None:
    one, operator = tenant(world, "one"), world.client("platform", "operator")
    form = {"login": "tenant_admin", "password": "Herbst-2026-Laub"}
    assert operator.post(f"{LIST}/{one.id}/way-in", data=form, headers=HTMX).status_code == 200
    assert (
        operator.post(f"{LIST}/{one.id}/way-in", data={**form, "password": "x"}, headers=HTMX).status_code
        == 422
    )
    with world.parts.database.transaction(one.id, read_only=True) as session:
        account = session.scalars(select(Account).where(Account.login == "tenant_admin")).one()
    assert account.must_change_password
    assert account.enabled


def test_acc_3_only_operators(world: World) -> None:
    one = tenant(world, "one")
    for login in ("tenant_admin", "supervisor", "agent"):
        client = world.client("one", login)
        assert client.get(LIST).status_code == 403
        assert client.post(f"{LIST}/{one.id}/suspend", headers=HTMX).status_code == 403
