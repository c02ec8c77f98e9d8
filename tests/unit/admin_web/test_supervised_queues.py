"""A supervisor of some queues sees and does nothing about others: page, JSON, events, commands, interface (SUP-8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from admin_web.live import audience_of
from core import accounts, bus, keys
from core.models import Account, AuditEntry, BuiltInRole
from core.permissions import Permission, encode_queues
from cti.call.model import Call, Phase, encode
from cti.endpoints import open_extension
from cti.models import Queue, QueueMember
from tests.unit.admin_web.conftest import PASSWORD, World

ACCEPT = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}
ACTIONS: dict[str, dict[str, Any]] = {
    "start": {"agent_id": 0, "mode": "monitor"},
    "mode": {"agent_id": 0, "mode": "whisper"},
    "stop": {},
    "hangup": {"agent_id": 0},
    "take-over": {"agent_id": 0},
    "pick-up": {"call_id": "c"},
    "move": {"call_id": "c", "queue_id": 0, "front": True},
    "set-state": {"agent_id": 0, "state": "break"},
    "sign-out": {"agent_id": 0},
}


class Floor:
    """Company one with a second queue, an agent and a call in each, and supervisors of one queue each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tenant = world.ids["one"]["tenants"]
        self.sales = world.ids["one"]["queues"]
        with world.parts.database.transaction(self.tenant) as session:
            support = Queue(code="support", name="Support")
            other = open_extension(session, world.parts.vault, "zongji.invalid", number="8002")
            session.add(support)
            session.flush()
            self.support = support.id
            members = {world.ids["one"]["extensions"]: self.sales, other.id: self.support}
            for extension_id, queue_id in members.items():
                session.add(QueueMember(extension_id=extension_id, queue_id=queue_id))
            self.seller = self._account(session, "seller", BuiltInRole.AGENT)
            self.helper = self._account(session, "helper", BuiltInRole.AGENT)
            self.of_sales = self._account(session, "of-sales", BuiltInRole.SUPERVISOR, self.sales)
            self.of_support = self._account(session, "of-support", BuiltInRole.SUPERVISOR, self.support)
            session.commit()
        extensions = sorted(members)
        self._signed_in(self.seller, "seller", extensions[0], self.sales)
        self._signed_in(self.helper, "helper", extensions[1], self.support)
        self._call("talk-sales", Phase.TALKING, self.sales, self.seller)
        self._call("talk-support", Phase.TALKING, self.support, self.helper)
        self._call("dialled", Phase.TALKING, 0, self.helper)
        self._call("waits-sales", Phase.WAITING, self.sales)
        self._call("waits-support", Phase.WAITING, self.support)
        watch = {
            "account_id": self.of_support,
            "agent_id": self.helper,
            "call_id": "talk-support",
            "leg_id": "w",
        }
        told = msgspec.json.encode({**watch, "mode": "monitor", "state": "on", "cause": ""})
        world.parts.redis.hset(keys.watches(self.tenant), str(self.of_support), told)

    @staticmethod
    def _account(session: Any, login: str, role: BuiltInRole, *queues: int) -> int:
        stored = encode_queues(queues) if queues else None
        made = accounts.create_account(
            session, login=login, name=login, role=role, password=PASSWORD, supervised_queues=stored
        )
        return made.id

    def _signed_in(self, account_id: int, name: str, extension_id: int, queue_id: int) -> None:
        data = {"account_id": account_id, "name": name, "extension_id": extension_id, "extension": "800"}
        state = msgspec.json.encode({**data, "state": "talking", "since_ms": 1, "queue_ids": [queue_id]})
        self.world.parts.redis.hset(keys.agent(self.tenant, account_id), "data", state)
        self.world.parts.redis.sadd(keys.agents(self.tenant), account_id)

    def _call(self, call_id: str, phase: Phase, queue_id: int, agent_id: int = 0) -> None:
        call = Call(
            id=call_id,
            tenant_id=self.tenant,
            phase=phase,
            queue_id=queue_id,
            agent_id=agent_id,
            caller="+8613900139000",
            queue_entered_ms=1,
        )
        self.world.parts.redis.set(keys.call(self.tenant, call_id), encode(call))
        self.world.parts.redis.sadd(keys.calls(self.tenant), call_id)

    def state(self, login: str) -> dict[str, Any]:
        """Return what the page is given."""
        answer = self.world.client("one", login).get("/supervision/api/state", headers=ACCEPT)
        assert answer.status_code == 200
        return dict(answer.get_json())

    def audience(self, login: str) -> Any:
        """Return whose events an account's pages get."""
        client = self.world.client("one", login)
        cookie = client.get_cookie("zj_session")
        assert cookie is not None
        return audience_of(self.world.parts.sessions.verify(cookie.value))


@pytest.fixture
def floor(world: World) -> Floor:
    """Two queues."""
    return Floor(world)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Collect what goes to the controller, which does it all."""
    bodies: list[dict[str, Any]] = []

    def send(_redis: Any, _cell: str, _kind: str, _tenant: int, _actor: int, body: Any) -> dict[str, Any]:
        bodies.append(dict(body))
        return {"ok": True}

    monkeypatch.setattr(bus, "send_command", send)
    return bodies


def ids(rows: list[dict[str, Any]], name: str = "id") -> set[Any]:
    """Return one field of each."""
    return {row[name] for row in rows}


def test_the_page_and_the_wallboard_show_the_own_queues_alone(floor: Floor) -> None:
    mine, theirs, all_ = floor.state("of-sales"), floor.state("of-support"), floor.state("supervisor")
    assert ids(mine["queues"]) == {floor.sales}
    assert ids(theirs["queues"]) == {floor.support}
    assert ids(all_["queues"]) == {floor.sales, floor.support}
    assert ids(mine["extensions"], "number") == {"8001"}
    assert ids(mine["agents"], "account_id") == {floor.seller}
    assert ids(mine["calls"]) == {"talk-sales", "waits-sales"}
    assert ids(theirs["calls"]) == {"talk-support", "waits-support", "dialled"}
    assert len(all_["calls"]) == 5
    assert (len(mine["watches"]), len(theirs["watches"]), len(all_["watches"])) == (0, 1, 1)


def test_the_live_snapshot_shows_the_same(floor: Floor) -> None:
    answer = floor.world.client("one", "of-sales").get("/live/snapshot", headers=ACCEPT).get_json()
    assert ids(answer["agents"], "account_id") == {floor.seller}
    assert ids(answer["calls"]) == {"talk-sales", "waits-sales"}
    assert ids(answer["queues"], "queue_id") == {floor.sales}


def test_no_event_of_another_queue_is_for_their_pages(floor: Floor) -> None:
    mine, all_ = floor.audience("of-sales"), floor.audience("supervisor")
    theirs = (
        f"agent:{floor.helper},admin,queue:{floor.support}",
        f"agent:{floor.helper},admin,queue:{floor.support},{bus.supervisors_audience(floor.support)}",
        f"agent:{floor.of_support},admin,{bus.supervisors_audience(floor.support)}",
        f"queue:{floor.support},admin",
        "admin",
        "supervisors:",
        f"queue:{floor.sales}0",
    )
    for audiences in theirs:
        assert not mine.sees(audiences), audiences
        assert all_.sees(audiences) or "admin" not in audiences
    for audiences in (f"queue:{floor.sales},admin", bus.supervisors_audience(floor.sales), "all"):
        assert mine.sees(audiences)
    assert mine.sees(f"agent:{floor.of_sales},admin")
    agent = floor.audience("seller")
    assert not agent.sees(bus.supervisors_audience(floor.sales)), "an agent is not told who listens"


def test_an_agent_is_told_of_nobody_else_and_of_the_length_of_the_own_queues_alone(floor: Floor) -> None:
    client = floor.world.client("one", "seller")
    cookie = client.get_cookie("zj_session")
    assert cookie is not None
    live = floor.world.app.extensions["zongji-live"]
    principal = floor.world.parts.sessions.verify(cookie.value)
    seen = live.audience(principal)
    sales, support = (bus.waiting_audience(queue) for queue in (floor.sales, floor.support))
    assert seen.sees(f"queue:{floor.sales},{sales},admin")
    for audiences in (
        f"queue:{floor.support},{support},admin",
        f"agent:{floor.helper},admin,queue:{floor.sales}",
        f"queue:{floor.sales},admin",
        "agent:,admin",
    ):
        assert not seen.sees(audiences), audiences
    assert seen.sees(f"agent:{floor.seller},admin,queue:{floor.sales}")
    assert seen.sees("all")
    floor.world.parts.redis.delete(keys.agent(floor.tenant, floor.seller))
    assert not live.audience(principal).sees(sales), "who is signed out takes no calls"


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_says_which_queues_it_may_be_about(floor: Floor, sent: list[Any], action: str) -> None:
    for login, queue, wanted in (
        ("of-sales", floor.sales, [floor.sales]),
        ("supervisor", floor.support, None),
    ):
        body = {**ACTIONS[action]}
        body |= {"agent_id": floor.seller} if "agent_id" in body else {}
        body |= {"queue_id": queue} if "queue_id" in body else {}
        client = floor.world.client("one", login)
        answer = client.post(f"/supervision/api/act/{action}", json={**body, "queues": None}, headers=ACCEPT)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        assert sent.pop()["queues"] == wanted
    agent = floor.world.client("one", "seller").post(
        f"/supervision/api/act/{action}", json={}, headers=ACCEPT
    )
    assert agent.status_code == 403
    assert sent == []


def test_another_queue_is_not_found(floor: Floor, sent: list[Any]) -> None:
    client = floor.world.client("one", "of-sales")
    body = {"call_id": "waits-sales", "queue_id": floor.support, "front": False}
    assert client.post("/supervision/api/act/move", json=body, headers=ACCEPT).status_code == 404
    address = f"/supervision/api/thresholds/{floor.support}"
    assert client.post(address, json={"wait_red_s": 5}, headers=ACCEPT).status_code == 404
    address = f"/supervision/api/thresholds/{floor.sales}"
    assert client.post(address, json={"wait_red_s": 5}, headers=ACCEPT).status_code == 200
    assert sent == []


def test_what_the_controller_refuses_is_said(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "send_command", lambda *_what: {"ok": False, "error": "other-queue"})
    client = floor.world.client("one", "of-sales")
    answer = client.post("/supervision/api/act/hangup", json={"agent_id": floor.seller}, headers=ACCEPT)
    assert (answer.status_code, answer.get_json()["error"]) == (409, "other-queue")


def _form(name: str, **values: Any) -> dict[str, Any]:
    return {"code": "", "name": name, "role": "", "group": "", **values}


def _role(world: World, kind: BuiltInRole) -> str:
    tenant = world.ids["one"]["tenants"]
    with world.parts.database.transaction(tenant, read_only=True) as session:
        return str(accounts.built_in_role(session, tenant, kind).id)


def test_the_account_form_sets_them_at_once_and_the_log_says_so(floor: Floor) -> None:
    admin, page = floor.world.client("one", "tenant_admin"), floor.world.client("one", "of-sales")
    shown = admin.get(f"/accounts/{floor.of_sales}").get_data(as_text=True)
    assert re.search(r'<option value="some" selected>', shown)
    assert re.search(rf'<option value="{floor.sales}" selected>Sales', shown)
    role = _role(floor.world, BuiltInRole.SUPERVISOR)
    form = _form("Li", role=role, apply_role="1", supervises="some", queues=[str(floor.support)])
    assert admin.post(f"/accounts/{floor.of_sales}", data=form, headers=HTMX).status_code == 200
    state = page.get("/supervision/api/state", headers=ACCEPT).get_json()
    assert ids(state["queues"]) == {floor.support}
    for wrong in ({"supervises": "all"}, {"queues": []}, {"queues": ["999"]}, {"supervises": "none"}):
        answer = admin.post(f"/accounts/{floor.of_sales}", data={**form, **wrong}, headers=HTMX)
        assert answer.status_code == 422, wrong
    form = _form("Li", role=role, apply_role="1", supervises="all")
    assert admin.post(f"/accounts/{floor.of_sales}", data=form, headers=HTMX).status_code == 200
    state = page.get("/supervision/api/state", headers=ACCEPT).get_json()
    assert len(state["queues"]) == 2
    with floor.world.parts.database.transaction(floor.tenant, read_only=True) as session:
        lines = [each.changes for each in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]
    assert any(f"[{floor.support}]" in line and "supervised_queues" in line for line in lines)


def test_who_supervises_some_queues_gives_nobody_others(floor: Floor) -> None:
    world = floor.world
    with world.parts.database.transaction(floor.tenant) as session:
        boss = session.get_one(Account, floor.of_sales)
        boss.role_id, boss.apply_role = int(_role(world, BuiltInRole.TENANT_ADMIN)), True
        session.commit()
    world.parts.sessions.changed()
    client, supervisor = world.client("one", "of-sales"), _role(world, BuiltInRole.SUPERVISOR)
    form = _form("Nina", login="nina", password=PASSWORD + "x", role=supervisor, apply_role="1")
    shown = client.get("/accounts/new").get_data(as_text=True)
    assert "Sales</option>" in shown
    assert "Support</option>" not in shown
    refused = client.post("/accounts/new", data={**form, "supervises": "all"}, headers=HTMX)
    assert refused.status_code == 422
    foreign = {**form, "supervises": "some", "queues": [str(floor.support)]}
    assert client.post("/accounts/new", data=foreign, headers=HTMX).status_code == 422
    fine = {**form, "supervises": "some", "queues": [str(floor.sales)]}
    assert client.post("/accounts/new", data=fine, headers=HTMX).status_code == 200
    own = _form("Li", role=_role(world, BuiltInRole.TENANT_ADMIN), apply_role="1", supervises="all")
    assert client.post(f"/accounts/{floor.of_sales}", data=own, headers=HTMX).status_code == 422
    raised = _form("Seller", role=supervisor, apply_role="1", supervises="all")
    client.post(f"/accounts/{floor.seller}", data=raised, headers=HTMX)
    client.post(f"/accounts/{floor.of_support}/disable", headers=HTMX)
    rights = {"name": "All", "code": "", "permissions": [Permission.SUPERVISE_VIEW.value]}
    client.post("/roles/new", data=rights, headers=HTMX)
    with world.parts.database.transaction(floor.tenant, read_only=True) as session:
        assert session.get_one(Account, floor.seller).role_id == int(_role(world, BuiltInRole.AGENT))
        assert session.get_one(Account, floor.of_support).enabled
        assert session.get_one(Account, floor.of_sales).supervised_queues == f"[{floor.sales}]"
        nina = session.scalars(select(Account).where(Account.login == "nina")).one()
        assert nina.supervised_queues == f"[{floor.sales}]"
    assert "All</td>" not in client.get("/roles").get_data(as_text=True)


def test_the_customers_card_opens_by_right_and_queue_sup_10(floor: Floor) -> None:
    def card(login: str, call_id: str, company: str = "one") -> Any:
        client = floor.world.client(company, login)
        return client.get(f"/supervision/api/customer/{call_id}", headers=ACCEPT)

    known = card("of-sales", "talk-sales")
    assert known.status_code == 200
    assert set(known.get_json()) == {"known", "name", "number", "region", "level", "fields", "recent"}
    assert card("of-sales", "waits-sales").status_code == 200
    for login, call_id, company in (
        ("of-sales", "talk-support", "one"),
        ("of-sales", "dialled", "one"),
        ("of-sales", "no-such-call", "one"),
        ("of-sales", "x" * 65, "one"),
        ("supervisor", "talk-sales", "two"),
    ):
        assert card(login, call_id, company).status_code in (404, 422), (login, call_id)
    assert card("seller", "talk-sales").status_code == 403


def test_the_card_is_the_customers_with_masked_numbers_as_the_desk_masks_them(floor: Floor) -> None:
    world = floor.world
    call = Call(
        id="chen", tenant_id=floor.tenant, phase=Phase.WAITING, queue_id=floor.sales, caller="+8613800138000"
    )
    world.parts.redis.set(keys.call(floor.tenant, "chen"), encode(call))
    with world.parts.database.transaction(floor.tenant) as session:
        account = session.get_one(Account, floor.of_sales)
        account.apply_role = False
        account.permissions = '["supervise.view", "customers.view"]'
        session.commit()
    world.parts.sessions.changed()
    client = world.client("one", "of-sales")
    answer = client.get("/supervision/api/customer/chen", headers=ACCEPT).get_json()
    assert (answer["known"], answer["name"]) == (True, "Chen")
    assert "*" in answer["number"]
    assert "13800138000" not in str(answer)
    with world.parts.database.transaction(floor.tenant) as session:
        session.get_one(Account, floor.of_sales).permissions = '["supervise.view"]'
        session.commit()
    world.parts.sessions.changed()
    assert client.get("/supervision/api/customer/chen", headers=ACCEPT).status_code == 403
    assert client.get("/supervision/api/state", headers=ACCEPT).get_json()["me"]["may_see_customers"] is False
