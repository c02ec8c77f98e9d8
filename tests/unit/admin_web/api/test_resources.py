"""The resources: reading, changing, pages, versions, masked numbers, odd input, another company's ids."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from sqlalchemy import event, select

from admin_web.api import paging
from admin_web.api.blueprint import ENDPOINTS
from admin_web.api.scopes import ApiScope
from core import accounts
from core.database import ALL_TENANTS
from core.models import Account, AuditEntry, BuiltInRole, Role, WebSession
from cti.models import Extension, Queue
from tests.unit.admin_web.api.support import error_of, fields_of, program
from tests.unit.admin_web.api.world import ARRIVED, CALL, CALLER, SOUND, add_record
from tests.unit.admin_web.conftest import PASSWORD, World

MASKED = "138****8000"


def _role(world: World, kind: BuiltInRole, company: str = "one") -> int:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        return session.scalars(select(Role.id).where(Role.built_in == kind)).one()


def _audited(world: World, module: str) -> list[str]:
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        query = select(AuditEntry).where(AuditEntry.module == module).order_by(AuditEntry.id)
        return [
            f"{each.action} by {each.account_name}"
            for each in session.scalars(query)
            if "API" in each.account_name
        ]


def test_pages_go_through_everything_once(world: World) -> None:
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        session.add_all(Queue(code=f"q{n}", name=f"Q{n}") for n in range(7))
        session.commit()
    ask, seen, cursor = program(world), [], ""
    while True:
        answer = ask.get(f"/queues?limit=3{cursor}").get_json()
        assert len(answer["items"]) <= 3
        seen += [each["code"] for each in answer["items"]]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert seen == ["sales", *(f"q{n}" for n in range(7))]


@pytest.mark.parametrize("path", ["/accounts", "/extensions", "/queues", "/call-records"])
@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", {"limit": "invalid"}),
        ("limit=201", {"limit": "invalid"}),
        ("limit=ten", {"limit": "invalid"}),
        ("limit=1&limit=2", {"limit": "invalid"}),
        ("limit=99999999999999999999999", {"limit": "invalid"}),
        ("cursor=!!!", {"cursor": "invalid"}),
        ("cursor=W10", {"cursor": "invalid"}),
        ("cursor=" + paging.encode(paging.IdPosition(-1)), {"cursor": "invalid"}),
        ("cursor=" + paging.encode(paging.IdPosition(2**70)), {"cursor": "invalid"}),
        ("sort=name", {"sort": "unknown"}),
    ],
)
def test_odd_parameters_are_named(world: World, path: str, query: str, fields: dict[str, str]) -> None:
    answer = program(world).get(f"{path}?{query}")
    assert (answer.status_code, error_of(answer)) == (422, "invalid-request")
    assert fields_of(answer) == fields


@pytest.mark.parametrize(
    ("data", "status", "error"),
    [
        (b"", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b"null", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b"[" * 60_000, 400, "malformed"),
        (b'{"name": "\xff"}', 400, "malformed"),
        (b'{"name": "\\ud800"}', 400, "malformed"),
        (b" " * 65_537, 413, "too-large"),
        (b'{"name": 1}', 422, "invalid-request"),
        (b'{"name": "\\u0000"}', 422, "invalid-request"),
        (b'{"name": ""}', 422, "invalid-request"),
        (b'{"max_waiting": "5"}', 422, "invalid-request"),
        (b'{"max_waiting": 5.5}', 422, "invalid-request"),
        (b'{"max_waiting": 1e300}', 422, "invalid-request"),
        (b'{"max_waiting": 100000000000000000000000000}', 422, "invalid-request"),
        (b'{"max_waiting": true}', 422, "invalid-request"),
        (b'{"record": 1}', 422, "invalid-request"),
        (b'{"code": "new"}', 422, "invalid-request"),
        (b'{"tenant_id": 2}', 422, "invalid-request"),
        (b'{"members": [1, "2"]}', 422, "invalid-request"),
    ],
)
def test_odd_bodies_change_nothing(world: World, data: bytes, status: int, error: str) -> None:
    ask, path = program(world), f"/queues/{world.ids['one']['queues']}"
    before = ask.get(path).get_data()
    answer = ask.patch(path, data=data, content_type="application/json")
    assert (answer.status_code, error_of(answer)) == (status, error)
    assert ask.get(path).get_data() == before


def test_a_body_of_another_type_is_refused(world: World) -> None:
    answer = program(world).patch(f"/queues/{world.ids['one']['queues']}", data={"name": "x"})
    assert (answer.status_code, error_of(answer)) == (415, "media-type")


def test_every_problem_of_a_body_is_told_at_once(world: World) -> None:
    body = {"name": 5, "colour": "red", "password": PASSWORD}
    answer = program(world).post("/accounts", json=body)
    assert fields_of(answer) == {"name": "invalid", "colour": "unknown", "login": "missing"}


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63), "9" * 40, "1.0", "%00"])
def test_ids_that_cannot_be_do_not_exist(world: World, number: str) -> None:
    answer = program(world).get(f"/queues/{number}")
    assert (answer.status_code, error_of(answer)) == (404, "not-found")


def test_wrong_methods_and_addresses_are_problems_too(world: World) -> None:
    ask = program(world)
    answer = ask("DELETE", "/queues")
    assert (answer.status_code, error_of(answer)) == (405, "wrong-method")
    assert "GET" in answer.headers["Allow"]
    assert error_of(ask.get("/nowhere")) == "not-found"


def test_another_companys_ids_in_addresses_do_not_exist(world: World) -> None:
    ask, theirs = program(world), world.ids["two"]
    add_record(world, "their-call", company="two")
    values = {
        "account_id": theirs["accounts"],
        "extension_id": theirs["extensions"],
        "queue_id": theirs["queues"],
        "call_id": "their-call",
        "segment": 1,
    }
    bodies: dict[str, dict[str, Any]] = {"PATCH": {}}
    tried = 0
    for _, kind in ENDPOINTS:
        if "<" not in kind.rule:
            continue
        path = kind.rule
        for name, value in values.items():
            path = path.replace(f"<id:{name}>", str(value)).replace(f"<call:{name}>", str(value))
        for method in kind.operations:
            answer = ask(method, path, json=bodies.get(method)) if method in bodies else ask(method, path)
            assert (answer.status_code, error_of(answer)) == (404, "not-found"), f"{method} {path}"
            tried += 1
    assert tried >= 14
    mixed = f"/queues/{world.ids['one']['queues']}/members/{theirs['extensions']}"
    assert ask("PUT", mixed).status_code == 404


def test_another_companys_ids_in_bodies_do_not_exist(world: World) -> None:
    ask, mine, theirs = program(world), world.ids["one"], world.ids["two"]
    account = {"login": "bert", "name": "Bert", "password": PASSWORD}
    for method, path, body, field in (
        ("PATCH", f"/queues/{mine['queues']}", {"members": [theirs["extensions"]]}, "members[0]"),
        ("PATCH", f"/extensions/{mine['extensions']}", {"accounts": [theirs["accounts"]]}, "accounts[0]"),
        ("POST", "/accounts", {**account, "role_id": _role(world, BuiltInRole.AGENT, "two")}, "role_id"),
        ("POST", "/accounts", {**account, "group_id": 99}, "group_id"),
        (
            "PATCH",
            f"/accounts/{mine['accounts']}",
            {"role_id": _role(world, BuiltInRole.AGENT, "two")},
            "role_id",
        ),
        ("POST", "/calls", {"agent": theirs["accounts"], "to": "13800138000"}, "agent"),
    ):
        answer = ask(method, path, json=body)
        assert answer.status_code == 422, path
        assert fields_of(answer) == {field: "invalid"}, path


def test_a_change_of_what_was_changed_meanwhile_is_refused(world: World) -> None:
    ask, path = program(world), f"/queues/{world.ids['one']['queues']}"
    read = ask.get(path)
    assert (
        ask.patch(path, json={"wrap_up_s": 5}, headers={"If-Match": read.headers["ETag"]}).status_code == 200
    )
    late = ask.patch(path, json={"wrap_up_s": 9}, headers={"If-Match": read.headers["ETag"]})
    assert (late.status_code, error_of(late)) == (412, "changed-meanwhile")
    assert ask.get(path).get_json()["wrap_up_s"] == 5
    assert ask.patch(path, json={"wrap_up_s": 9}, headers={"If-Match": "*"}).status_code == 200


def test_queues_are_changed_with_their_members(world: World) -> None:
    ask, ids = program(world), world.ids["one"]
    path = f"/queues/{ids['queues']}"
    changed = ask.patch(path, json={"name": " Service ", "timeout_s": 90, "members": [ids["extensions"]]})
    assert changed.status_code == 200
    assert changed.get_json()["name"] == "Service"
    assert changed.get_json()["members"] == [ids["extensions"]]
    assert changed.get_json()["max_waiting"] == 100, "what was left out stays"
    member = f"{path}/members/{ids['extensions']}"
    for _ in range(2):
        assert ask("DELETE", member).get_json()["members"] == []
    for _ in range(2):
        assert ask("PUT", member).get_json()["members"] == [ids["extensions"]]
    logged = _audited(world, "queues")
    assert logged.count("edit by tenant_admin (API: crm)") == 1
    assert logged.count("members by tenant_admin (API: crm)") == 3, (
        "in, out, in: what changed nothing is not told"
    )
    assert len(logged) == 4


def test_extensions_are_changed_but_not_what_the_operator_decides(world: World) -> None:
    ask, ids = program(world), world.ids["one"]
    path = f"/extensions/{ids['extensions']}"
    body = {"accounts": [ids["accounts"]], "bound_number": "138 0013 8000", "pop_on": "answer"}
    changed = ask.patch(path, json=body).get_json()
    assert changed["accounts"] == [ids["accounts"]]
    assert changed["bound_number"] == CALLER
    assert changed["pop_on"] == "answer"
    for field, value in (("outbound_allowed", True), ("caller_id", CALLER), ("number", "9999")):
        assert fields_of(ask.patch(path, json={field: value})) == {field: "unknown"}
    assert fields_of(ask.patch(path, json={"bound_number": "letters"})) == {"bound_number": "invalid"}
    assert [each["number"] for each in ask.get("/extensions?number=8001").get_json()["items"]] == ["8001"]
    assert ask.get("/extensions?number=8").get_json()["items"] == []


def test_an_account_listed_elsewhere_is_refused(world: World) -> None:
    ask, ids = program(world), world.ids["one"]
    with world.parts.database.transaction(ids["tenants"]) as session:
        other = Extension(number="8002")
        session.add(other)
        session.commit()
    ask.patch(f"/extensions/{other.id}", json={"accounts": [ids["accounts"]]})
    answer = ask.patch(f"/extensions/{ids['extensions']}", json={"accounts": [ids["accounts"]]})
    assert (answer.status_code, error_of(answer)) == (409, "listed-elsewhere")


def test_accounts_are_created_changed_and_switched(world: World) -> None:
    ask = program(world)
    body = {
        "login": "bert",
        "name": "Bert",
        "password": PASSWORD,
        "role_id": _role(world, BuiltInRole.AGENT),
        "mobile": "13800138000",
        "employee_number": "77",
    }
    made = ask.post("/accounts", json=body)
    assert made.status_code == 201
    account = made.get_json()
    assert (account["role"], account["mobile"], account["enabled"]) == ("agent", CALLER, True)
    path = f"/accounts/{account['id']}"
    assert made.headers["Location"] == f"/api/v1{path}"
    assert PASSWORD not in made.get_data(as_text=True)
    changed = ask.patch(
        path, json={"name": "Berta", "language": "en", "role_id": _role(world, BuiltInRole.SUPERVISOR)}
    )
    assert changed.status_code == 200, changed.get_data(as_text=True)
    assert (changed.get_json()["name"], changed.get_json()["role"]) == ("Berta", "supervisor")
    assert [each["login"] for each in ask.get("/accounts?login=BERT").get_json()["items"]] == ["bert"]
    assert not ask.post(f"{path}/disable").get_json()["enabled"]
    assert [each["id"] for each in ask.get("/accounts?enabled=false").get_json()["items"]] == [account["id"]]
    assert ask.post(f"{path}/enable").get_json()["enabled"]
    taken = ask.post("/accounts", json=body)
    assert (taken.status_code, error_of(taken)) == (409, "login-taken")
    assert {line.split()[0] for line in _audited(world, "accounts")} == {
        "create",
        "edit",
        "disable",
        "enable",
    }


def test_disabling_by_a_program_signs_out_at_once(world: World) -> None:
    ask, account_id = program(world), world.ids["one"]["accounts"]
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        login = session.get_one(Account, account_id).login
    token = world.parts.sessions.begin(account_id, ip="127.0.0.1", user_agent="")
    assert world.parts.sessions.verify(token).login == login
    assert ask.post(f"/accounts/{account_id}/disable").status_code == 200
    with pytest.raises(Exception, match="session was ended"):
        world.parts.sessions.verify(token)
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.scalars(select(WebSession)).one().account_id == account_id


def test_a_key_gives_no_rights_its_maker_lacks(world: World) -> None:
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        role = Role(
            code="clerk",
            name="Clerk",
            built_in=None,
            permissions='["accounts.view","accounts.edit","api.edit"]',
        )
        session.add(role)
        session.flush()
        accounts.create_account(session, login="clerk", name="Clerk", role=role, password=PASSWORD)
        session.commit()
    ask = program(world, login="clerk")
    body = {
        "login": "boss",
        "name": "Boss",
        "password": PASSWORD,
        "role_id": _role(world, BuiltInRole.TENANT_ADMIN),
    }
    answer = ask.post("/accounts", json=body)
    assert (answer.status_code, error_of(answer)) == (403, "too-much-given")
    assert ask.get("/accounts?login=boss").get_json()["items"] == []


def test_numbers_are_masked_without_the_right(world: World) -> None:
    add_record(world)
    scopes = [ApiScope.RECORDS_READ, ApiScope.EXTENSIONS_WRITE, ApiScope.EXTENSIONS_READ]
    full, masked = program(world), program(world, scopes)
    path = f"/extensions/{world.ids['one']['extensions']}"
    assert full.patch(path, json={"bound_number": CALLER}).get_json()["bound_number"] == CALLER
    assert masked.get(path).get_json()["bound_number"] == MASKED
    assert masked.patch(path, json={"forward_when_offline": True}).status_code == 200
    assert full.get(path).get_json()["bound_number"] == CALLER, "what was shown masked was not stored masked"
    whole = masked.get(f"/call-records/{CALL}").get_data(as_text=True)
    listed = masked.get("/call-records?from=2026-11-01T00:00:00Z").get_data(as_text=True)
    for text in (whole, listed):
        assert MASKED in text
        assert "13800138000" not in text
    assert "13800138000" in full.get(f"/call-records/{CALL}").get_data(as_text=True)


def test_records_are_listed_by_time_and_filters(world: World) -> None:
    ask, ids = program(world), world.ids["one"]
    for n in range(5):
        add_record(world, f"call-{n}", arrived_at=ARRIVED + datetime.timedelta(minutes=n), missed=n == 3)
    base = "/call-records?from=2026-11-01T00:00:00Z&to=2026-11-30T00:00:00Z"
    first = ask.get(f"{base}&limit=2").get_json()
    assert [each["call_id"] for each in first["items"]] == ["call-4", "call-3"]
    second = ask.get(f"{base}&limit=3&cursor={first['next']}").get_json()
    assert [each["call_id"] for each in second["items"]] == ["call-2", "call-1", "call-0"]
    assert second["next"] is None
    for query, count in (
        ("missed=true", 1),
        ("number=13800138000", 5),
        ("number=13900139000", 0),
        (f"queue_id={ids['queues']}", 5),
        ("queue_id=999999", 0),
        (f"account_id={ids['accounts']}", 5),
        ("direction=out", 0),
        ("ended_in=agent", 5),
        ("ended_in=queue", 0),
    ):
        assert len(ask.get(f"{base}&{query}").get_json()["items"]) == count, query


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-11-01T00:00:00Z&to=2026-10-01T00:00:00Z",
        "from=2026-10-01T00:00:00Z&to=2026-12-01T00:00:00Z",
        "from=9999-12-31T23:59:59Z",
        "to=0001-01-01T00:00:00Z",
        "from=2026-11-01",
        "from=2026-11-01T00:00:00",
        "from=1700000000",
        "ended_in=nowhere",
    ],
)
def test_odd_times_and_filters_are_refused(world: World, query: str) -> None:
    answer = program(world).get("/call-records?" + query)
    assert (answer.status_code, error_of(answer)) == (422, "invalid-request")


def test_a_record_has_its_story(world: World) -> None:
    add_record(world)
    record = program(world).get(f"/call-records/{CALL}", headers={"Accept-Language": "en"}).get_json()
    assert [each["kind"] for each in record["legs"]] == ["customer"]
    assert [each["result"] for each in record["offers"]] == ["answered"]
    assert record["story"][0]["text"] == "13800138000 called 4008001000."
    assert record["arrived_at"] == "2026-11-03T08:00:00Z"


def test_an_agents_key_reads_the_agents_own_calls(world: World) -> None:
    mine = world.ids["one"]["accounts"]
    add_record(world, "mine", agent_id=mine)
    add_record(world, "another", agent_id=mine - 1)
    ask = program(world, login="agent")
    listed = ask.get("/call-records?from=2026-11-01T00:00:00Z").get_json()["items"]
    assert [each["call_id"] for each in listed] == ["mine"]
    assert ask.get(f"/call-records?from=2026-11-01T00:00:00Z&account_id={mine - 1}").get_json()["items"] == []


def test_recordings_come_by_ranges_and_each_download_is_logged(world: World) -> None:
    add_record(world)
    ask = program(world)
    listed = ask.get(f"/call-records/{CALL}/recordings").get_json()["items"]
    assert [(each["segment"], each["bytes"]) for each in listed] == [(1, len(SOUND))]
    path = f"/call-records/{CALL}/recordings/1"
    whole = ask.get(path)
    assert (whole.status_code, whole.content_type, whole.get_data()) == (200, "audio/wav", SOUND)
    part = ask.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.get_data()) == (206, SOUND[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(SOUND)}"
    beyond = ask.get(path, headers={"Range": f"bytes={len(SOUND)}-"})
    assert (beyond.status_code, error_of(beyond)) == (416, "range")
    assert _audited(world, "recordings") == ["download by tenant_admin (API: crm)"] * 2


@pytest.mark.parametrize(
    "path", ["/accounts", "/extensions", "/queues", "/call-records?from=2026-11-01T00:00:00Z"]
)
def test_the_number_of_queries_of_a_list_is_fixed(world: World, path: str) -> None:
    add_record(world)
    ask = program(world)
    ask.get(path)  # use of the key is written down once

    def count() -> int:
        seen: list[str] = []
        engine = world.parts.database.engine

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        assert ask.get(path).status_code == 200
        event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    few = count()
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        session.add_all(Queue(code=f"q{n}", name=f"Q{n}") for n in range(30))
        session.add_all(Extension(number=f"90{n:02}") for n in range(30))
        session.commit()
    add_record(world, "another")
    assert count() == few <= 5
