"""Access control (ACC-11): the list, the guard against locking oneself out, and that it holds everywhere at once."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from core.access import service
from core.access.models import AccessRange
from core.database import ALL_TENANTS
from core.models import AuditEntry, Tenant
from core.permissions import Permission
from core.sessions import WrongAddressError
from tests.unit.admin_web.conftest import PASSWORD, World

HERE = "127.0.0.1"
HOME = "198.51.100.7"


def add(client: FlaskClient, network: str, name: str = "Office", **more: Any) -> TestResponse:
    return client.post("/access-control/new", data={"name": name, "network": network, **more})


def ranges(world: World, company: str = "one") -> list[str]:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        return list(session.scalars(select(AccessRange.network).order_by(AccessRange.id)))


def sign_in(world: World, company: str, login: str, address: str = HERE) -> TestResponse:
    form = {"company": company, "login": login, "password": PASSWORD}
    return world.client().post("/sign-in", data=form, environ_overrides={"REMOTE_ADDR": address})


def test_acc_11_an_empty_list_means_anywhere(world: World) -> None:
    assert sign_in(world, "one", "agent", HOME).status_code == 302
    page = world.client("one", "tenant_admin").get("/access-control").get_data(as_text=True)
    assert HERE in page


def test_acc_11_a_range_is_normalised_searched_and_deleted(world: World) -> None:
    client = world.client("one", "tenant_admin")
    assert add(client, "127.0.0.77/8").status_code == 303
    assert add(client, "203.0.113.7", "Branch").status_code == 303
    assert ranges(world) == ["127.0.0.0/8", "203.0.113.7"]
    for query, found in (
        ("name=bra", {"203.0.113.7"}),
        ("ip=203.0", {"203.0.113.7"}),
        ("ip=127.5.5.5", {"127.0.0.0/8"}),
        ("name=bra&ip=127", set()),
        ("ip=::1", set()),
        ("name=%25", set()),
    ):
        page = client.get(f"/access-control?{query}", headers={"HX-Target": "zj-list"}).get_data(as_text=True)
        assert {network for network in ranges(world) if network in page} == found, query
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        branch = session.scalars(select(AccessRange.id).where(AccessRange.name == "Branch")).one()
        logged = session.scalars(select(AuditEntry.changes).where(AuditEntry.module == "access")).all()
    assert "127.0.0.0/8" in logged[0]
    assert client.post(f"/access-control/{branch}/delete").status_code == 303
    assert ranges(world) == ["127.0.0.0/8"]


@pytest.mark.parametrize(
    "form",
    [
        {"network": "office"},
        {"network": ""},
        {"network": "127.0.0.0/8", "name": " "},
        {"network": "1.2.3.4/99"},
    ],
)
def test_acc_11_what_is_no_range_is_said_at_its_field(world: World, form: dict[str, str]) -> None:
    answer = add(world.client("one", "tenant_admin"), **form)
    assert answer.status_code == 422
    assert "zj-error" in answer.get_data(as_text=True)
    assert ranges(world) == []


def test_acc_11_one_network_stands_once(world: World) -> None:
    client = world.client("one", "tenant_admin")
    add(client, "127.0.0.0/8")
    assert add(client, "127.1.2.3/8").status_code == 422
    assert ranges(world) == ["127.0.0.0/8"]


def test_acc_11_nobody_locks_themselves_out_unawares(world: World) -> None:
    client = world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    refused = add(client, "203.0.113.0/24")
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert f"Your present address {HERE} would not be allowed" in page
    assert 'name="sure"' in page
    assert ranges(world) == []
    add(client, "127.0.0.0/8")
    add(client, "203.0.113.0/24")
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        own, other = session.scalars(select(AccessRange.id).order_by(AccessRange.id))
    question = client.get(f"/access-control/{own}/delete").get_data(as_text=True)
    assert 'name="sure"' in question
    assert HERE in question
    assert client.post(f"/access-control/{own}/delete").status_code == 422
    assert client.post(f"/access-control/{other}/delete").status_code == 303
    assert client.post(f"/access-control/{own}/delete").status_code == 303, "the last one opens the door"
    assert add(client, "203.0.113.0/24", sure="1").status_code == 303
    answer = client.get("/access-control")
    assert "why=wrong-address" in answer.location
    assert HERE in client.get(answer.location).get_data(as_text=True)


def test_acc_11_it_holds_for_open_sessions_streams_and_sign_in_at_once(world: World) -> None:
    admin, agent = world.client("one", "tenant_admin"), world.client("one", "agent")
    away = {"REMOTE_ADDR": HOME}
    for path in ("/customers", "/desk", "/live/snapshot"):
        assert agent.get(path, environ_overrides=away).status_code == 200, path
    add(admin, "127.0.0.0/8")
    for path in ("/customers", "/desk"):
        assert "why=wrong-address" in agent.get(path, environ_overrides=away).location
    stream = agent.get("/live/stream", environ_overrides=away)
    assert stream.status_code == 403
    assert stream.get_json()["error"] == "wrong-address"
    assert agent.get("/customers").status_code == 200, "back in the office the session goes on"
    token = agent.get_cookie("zj_session").value
    with pytest.raises(WrongAddressError):  # as the watch over open pages asks
        world.parts.sessions.verify(token, ip=HOME, activity=False)
    mapped = {"REMOTE_ADDR": "::ffff:127.0.0.1"}
    assert agent.get("/customers", environ_overrides=mapped).status_code == 200
    assert sign_in(world, "two", "agent", HOME).status_code == 302, "another company's list is its own"


def test_acc_11_from_elsewhere_the_answer_is_that_of_a_wrong_password_and_locks_nobody(world: World) -> None:
    add(world.client("one", "tenant_admin"), "127.0.0.0/8")
    right = sign_in(world, "one", "agent", HOME)
    wrong = sign_in(world, "one", "nobody", HOME)
    assert right.status_code == wrong.status_code == 401
    for _ in range(12):
        world.client().post(
            "/sign-in",
            data={"company": "one", "login": "agent", "password": "x"},
            environ_overrides={"REMOTE_ADDR": HOME},
        )
    assert sign_in(world, "one", "agent").status_code == 302


def test_acc_11_another_companys_ranges_do_not_exist(world: World) -> None:
    add(world.client("one", "tenant_admin"), "127.0.0.0/8")
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        theirs = session.scalars(select(AccessRange.id)).one()
    client = world.client("two", "tenant_admin")
    assert "127.0.0.0/8" not in client.get("/access-control").get_data(as_text=True)
    for method in ("get", "post"):
        answer = getattr(client, method)(f"/access-control/{theirs}/delete", data={"sure": "1"})
        assert answer.status_code == 404
    assert ranges(world) == ["127.0.0.0/8"]


def test_acc_11_an_operator_clears_a_companys_list(world: World) -> None:
    add(world.client("one", "tenant_admin"), "127.0.0.0/8")
    operator = world.client("platform", "operator")
    answer = operator.post(f"/platform/companies/{world.ids['one']['tenants']}/clear-ranges")
    assert answer.status_code in {200, 303}
    assert ranges(world) == []
    assert sign_in(world, "one", "agent", HOME).status_code == 302
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        line = session.scalars(select(AuditEntry).where(AuditEntry.action == "clear")).one()
    assert (line.tenant_id, line.module) == (world.ids["one"]["tenants"], "access")
    admin = world.client("one", "tenant_admin")
    assert admin.post(f"/platform/companies/{world.ids['one']['tenants']}/clear-ranges").status_code == 403


def test_acc_11_ranges_are_read_with_the_session_not_with_each_request(world: World) -> None:
    add(world.client("one", "tenant_admin"), "127.0.0.0/8")
    client = world.client("one", "agent")
    client.get("/me/second-factor")
    statements: list[str] = []
    event.listen(
        world.parts.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    client.get("/me/second-factor")
    assert not [each for each in statements if "access_range" in each or "web_session" in each]


def test_acc_11_the_list_has_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_RANGES", 1)
    client = world.client("one", "tenant_admin")
    add(client, "127.0.0.0/8")
    assert add(client, "203.0.113.7").status_code == 422


def test_acc_11_rights_to_see_and_to_change_differ(world: World) -> None:
    with world.parts.database.transaction(ALL_TENANTS) as session:
        from core.models import Account

        account = session.scalars(
            select(Account).join(Tenant).where(Tenant.code == "one", Account.login == "agent")
        ).one()
        account.apply_role = False
        account.permissions = f'["{Permission.ACCESS_VIEW.value}"]'
        session.commit()
    client = world.client("one", "agent")
    page = client.get("/access-control")
    assert page.status_code == 200
    assert "/access-control/new" not in page.get_data(as_text=True)
    assert add(client, "127.0.0.0/8").status_code == 403
