"""What nobody types by accident: it is refused or finds nothing, and is never a fault of ours (ACC-12)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from admin_web import live
from admin_web.live_hub import LiveHub
from core.database import ALL_TENANTS
from core.models import Account, AuditEntry, WebSession
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true"}
DIGITS_OF_OTHER_SCRIPTS = ("²", "١", "９" * 30, "1" * 100)


@pytest.mark.parametrize("text", DIGITS_OF_OTHER_SCRIPTS)
@pytest.mark.parametrize(
    "address",
    [
        "/platform/numbers?tenant=",
        "/platform/numbers?trunk=",
        "/platform/routes?tenant=",
        "/platform/extensions?tenant=",
    ],
)
def test_acc_3_a_filter_by_what_is_no_id_finds_nothing(world: World, address: str, text: str) -> None:
    assert world.client("platform", "operator").get(address + text).status_code == 200


@pytest.mark.parametrize("text", DIGITS_OF_OTHER_SCRIPTS)
@pytest.mark.parametrize("name", ["role", "group"])
def test_acc_4_accounts_of_what_is_no_role_or_group_are_none(world: World, name: str, text: str) -> None:
    answer = world.client("one", "tenant_admin").get("/accounts", query_string={name: text})
    assert answer.status_code == 200
    assert 'id="zj-row-' not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "position",
    [
        "2026-11-01T00:00:00_5",
        "0001-01-01T00:00:00+14:00_5",
        "9999-12-31T23:59:59-14:00_5",
        "2026-11-01T00:00:00+00:00_" + "9" * 30,
        "2026-11-01T00:00:00+00:00_" + "9" * 5000,
        "_",
    ],
)
def test_cti_c5_a_page_from_an_impossible_place_is_no_fault(world: World, position: str) -> None:
    answer = world.client("one", "tenant_admin").get("/records/inbound", query_string={"before": position})
    assert answer.status_code in (200, 404)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("field", ["since", "until"])
def test_acc_10_the_first_and_the_last_day_are_days(world: World, field: str, day: str) -> None:
    client = world.client("one", "tenant_admin")
    assert client.get("/log", query_string={field: day}).status_code in (200, 404, 422)
    times = {"from": f"{day} 00:00", "to": f"{day} 10:00"}
    assert client.get("/records/inbound", query_string=times).status_code == 200


def test_acc_9_an_announcement_for_a_number_of_any_length_is_refused(world: World) -> None:
    given = {"title": "t", "body": "b", "targets": ["9" * 5000, "²"]}
    assert world.client("one", "tenant_admin").post("/announcements/new", data=given).status_code == 422


def test_acc_8_no_group_is_chosen_on_purpose(world: World) -> None:
    """A batch without a group chosen asks for one; "no group" takes the accounts out of theirs."""
    client = world.client("one", "tenant_admin")
    with world.parts.database.transaction(ALL_TENANTS) as session:
        agent = session.scalars(
            select(Account).where(Account.tenant_id == world.ids["one"]["tenants"], Account.login == "agent")
        ).one()
        agent.group_id = world.ids["one"]["groups"]
        session.commit()

    def group() -> int | None:
        with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
            return session.scalars(select(Account.group_id).where(Account.id == agent.id)).one()

    unchosen = client.post("/accounts/batch/group", data={"ids": agent.id, "group": ""}, headers=HTMX)
    assert unchosen.status_code == 422
    assert group() == world.ids["one"]["groups"]
    taken_out = client.post("/accounts/batch/group", data={"ids": agent.id, "group": "none"}, headers=HTMX)
    assert taken_out.status_code == 200
    assert group() is None


@pytest.mark.parametrize("text", ["Ev\x00il", "Li\u202eieL", "Li\u2066", "Li\u200b"])
@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/accounts/new", {"login": "odd", "password": "Winter-2027-Schnee", "supervises": "all"}),
        ("/roles/new", {}),
        ("/groups/new", {"parent": ""}),
        ("/access-control/new", {"network": "127.0.0.0/8"}),
        ("/announcements/new", {"body": "b", "everybody": "1"}),
    ],
)
def test_acc_4_a_name_with_signs_nobody_sees_is_refused_at_its_field(
    world: World, address: str, form: dict[str, str], text: str
) -> None:
    client = world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    answer = client.post(address, data={**form, "name": text, "title": text}, headers=HTMX)
    assert answer.status_code == 422
    assert "A name has no line breaks" in answer.get_data(as_text=True)


@pytest.mark.parametrize("text", ["-1", "blocked", "BLOCK"])
def test_cti_r4_rules_of_a_kind_that_is_none_are_none(world: World, text: str) -> None:
    answer = world.client("one", "tenant_admin").get("/caller-rules", query_string={"kind": text})
    assert answer.status_code == 200
    assert 'id="zj-row-' not in answer.get_data(as_text=True)


@pytest.mark.parametrize("length", ["nan", "inf", "-1", "301", "1e308"])
def test_demo_no_caller_stays_on_the_line_without_end(world: World, length: str) -> None:
    given = {"number": "01065551201", "caller": "13800138000", "hangup_after_s": length}
    answer = world.client("one", "tenant_admin").post("/demo", data=given, headers=HTMX)
    assert answer.status_code == 422


def test_acc_3_nobody_becomes_an_operator_by_the_right_on_companies(world: World) -> None:
    operator, own = world.client("platform", "operator"), world.ids["platform"]["tenants"]
    answer = operator.post(
        f"/platform/companies/{own}/way-in",
        data={"login": "intruder", "password": "Winter-2026-Regen"},
        headers=HTMX,
    )
    assert answer.status_code == 409, "what a row does not offer is not done, whatever a service would say"
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.scalar(select(Account.id).where(Account.login == "intruder")) is None
        assert session.scalar(select(AuditEntry.id).where(AuditEntry.action == "way-in")) is None


@pytest.mark.parametrize("address", ["/", "/sign-in", "/api/v1/accounts", "/live/snapshot", "/healthz"])
def test_acc_12_a_host_that_is_no_name_is_refused_in_plain_words(world: World, address: str) -> None:
    answer = world.client().get(address, environ_overrides={"HTTP_HOST": "a" * 300})
    assert answer.status_code == 400
    assert "<" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "address",
    [
        f"/{name}/0"
        for name in ("accounts", "roles", "routes", "extensions", "queues", "customers", "caller-rules")
    ]
    + ["/groups/0", "/groups/0/new", "/groups/0/recharge", "/groups/0/history", "/announcements/0"],
)
def test_acc_12_nothing_is_made_at_the_address_of_something_there_is(world: World, address: str) -> None:
    """Creating has rights of its own (routes and extensions are opened by the operator)."""
    client = world.client("one", "tenant_admin")
    given = {
        "code": "zero",
        "name": "zero",
        "login": "zero",
        "number": "8099",
        "title": "zero",
        "body": "zero",
    }
    assert client.get(address).status_code == 404
    assert client.post(address, data=given, headers=HTMX).status_code in (404, 405)


def test_acc_12_one_session_does_not_use_up_the_streams_of_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, other = world.client("one", "agent"), world.client("one", "supervisor")
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        agent = select(Account.id).where(
            Account.tenant_id == world.ids["one"]["tenants"], Account.login == "agent"
        )
        own = session.scalars(
            select(WebSession.id).where(WebSession.account_id == agent.scalar_subquery())
        ).one()
    audience = live.Audience(names=frozenset())
    pages = [live.Page(world.ids["one"]["tenants"], audience, own, 0) for _ in range(live.MAX_STREAMS)]
    monkeypatch.setattr(LiveHub, "pages", pages)
    refused = client.get("/live/stream")
    assert (refused.status_code, refused.get_json()["error"]) == (429, "too-many-streams")
    assert other.get("/live/stream").status_code == 200
    monkeypatch.setattr(LiveHub, "pages", pages[1:])
    assert client.get("/live/stream").status_code == 200
