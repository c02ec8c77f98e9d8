"""Pages of webhooks (ACC-13): made, tested, given new secrets; closed to lesser roles and other companies."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event, select

from admin_web.webhooks import deliveries, problems, rights, service, views
from admin_web.webhooks.deliverer import Deliverer, Meters
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from core import accounts
from core.i18n import use_language
from core.models import Account, AuditEntry
from core.outbound_http import Outbound
from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.outbox.models import OutboxInterest
from core.permissions import Permission, encode, encode_queues
from core.tables import utc_now
from tests.integration.webhooks.stage import verified
from tests.support.receiver import Receiver, receiving
from tests.unit.admin_web.conftest import PASSWORD, World

FORM = {"name": "CRM", "kinds": ["call.ended", "call.offered"], "enabled": "1"}
URL = "https://crm.example.com/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def open_world(world: World) -> World:
    """The world whose operator opened loopback."""
    object.__setattr__(world.parts.settings, "outbound_allowed_networks", "127.0.0.0/8")
    return world


def make(world: World, url: str = URL, company: str = "one") -> tuple[int, str]:
    """Make a webhook by its form; return its id and the secret the page showed."""
    client = world.client(company, "tenant_admin")
    answer = client.post("/webhooks/new", data={**FORM, "url": url})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    shown = re.search(r'id="f-secret" value="(whsec_[^"]+)"', answer.get_data(as_text=True))
    assert shown
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        row = session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id.desc())).first()
        assert row is not None
        return row.id, html.unescape(shown[1])


def test_the_secret_is_shown_once_and_stored_sealed(world: World) -> None:
    row_id, secret = make(world)
    client = world.client("one", "tenant_admin")
    for address in ("/webhooks", f"/webhooks/{row_id}", f"/webhooks/{row_id}/deliveries"):
        page = client.get(address)
        assert page.status_code == 200
        assert secret not in page.get_data(as_text=True)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        row = session.get_one(WebhookEndpoint, row_id)
        assert secret not in row.secret_encrypted
        assert world.parts.vault.open(row.secret_encrypted) == secret
        lines = session.scalars(select(AuditEntry).where(AuditEntry.module == "api")).all()
        assert [line.action for line in lines] == ["webhook-create"]
        assert secret not in lines[0].changes
        assert row.secret_encrypted not in lines[0].changes
        wanted = set(session.scalars(select(OutboxInterest.kind)))
    assert wanted == {"call.ended", "call.offered"}


def test_a_test_event_is_sent_at_once_and_its_answer_shown(open_world: World, receiver: Receiver) -> None:
    row_id, secret = make(open_world, receiver.url)
    client = open_world.client("one", "tenant_admin")
    receiver.body = b"<b>received</b>"
    page = client.post(f"/webhooks/{row_id}/test").get_data(as_text=True)
    assert "&lt;b&gt;received&lt;/b&gt;" in page
    (got,) = receiver.got
    assert verified(secret, got.headers, got.body)
    assert json.loads(got.body)["type"] == "webhook.test"
    receiver.status = lambda got: 500
    assert "500" in client.post(f"/webhooks/{row_id}/test").get_data(as_text=True)
    with open_world.parts.database.transaction(open_world.ids["one"]["tenants"], read_only=True) as session:
        states = list(session.scalars(select(WebhookDelivery.state).order_by(WebhookDelivery.id)))
    assert states == [DeliveryState.DELIVERED, DeliveryState.FAILED], "a failed test is not repeated"


def test_inner_addresses_are_not_reached_without_the_operator(world: World, receiver: Receiver) -> None:
    row_id, _ = make(world, receiver.url)
    page = world.client("one", "tenant_admin").post(f"/webhooks/{row_id}/test").get_data(as_text=True)
    assert "alert-danger" in page
    assert receiver.got == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "https://user:pw@example.com/"}, "f-url-error"),
        ({"url": "gopher://example.com/"}, "f-url-error"),
        ({"url": ""}, "f-url-error"),
        ({"name": " "}, "f-name-error"),
        ({"kinds": []}, "f-kinds-error"),
        ({"kinds": ["no.such"]}, "f-kinds-error"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(world: World, change: dict, field: str) -> None:
    client = world.client("one", "tenant_admin")
    answer = client.post("/webhooks/new", data={**FORM, "url": URL, **change})
    assert answer.status_code == 422
    assert f'id="{field}"' in answer.get_data(as_text=True)


def test_a_new_secret_and_the_old_one_for_a_day(open_world: World, receiver: Receiver) -> None:
    row_id, old = make(open_world, receiver.url)
    client = open_world.client("one", "tenant_admin")
    page = client.post(f"/webhooks/{row_id}/secret").get_data(as_text=True)
    new = html.unescape(re.search(r'value="(whsec_[^"]+)"', page)[1])
    assert new != old
    client.post(f"/webhooks/{row_id}/test")
    (got,) = receiver.got
    assert verified(old, got.headers, got.body)
    assert verified(new, got.headers, got.body)


def test_deliveries_and_their_content(open_world: World, receiver: Receiver) -> None:
    row_id, _ = make(open_world, receiver.url)
    client = open_world.client("one", "tenant_admin")
    client.post(f"/webhooks/{row_id}/test")
    page = client.get(f"/webhooks/{row_id}/deliveries").get_data(as_text=True)
    assert "webhook.test" in page
    with open_world.parts.database.transaction(open_world.ids["one"]["tenants"], read_only=True) as session:
        delivery_id = session.scalars(select(WebhookDelivery.id)).one()
    content = client.get(f"/webhooks/{row_id}/deliveries/{delivery_id}").get_data(as_text=True)
    assert receiver.got[0].headers["webhook-id"] in content
    assert client.post(f"/webhooks/{row_id}/deliveries/{delivery_id}/redeliver").status_code == 303
    assert client.post(f"/webhooks/{row_id}/deliveries/{delivery_id}/redeliver").status_code == 409


def test_a_list_of_many_deliveries_asks_as_often_as_one_of_few(world: World) -> None:
    row_id, _ = make(world)
    tenant = world.ids["one"]["tenants"]

    def add(count: int) -> None:
        with world.parts.database.transaction(tenant) as session:
            for _ in range(count):
                outbox.say(session, EventKind.CALL_ENDED, {"caller": "+8613800138000"})
            session.commit()
        while deliveries.fan_out(world.parts.database, utc_now()):
            pass

    def queries() -> tuple[int, str]:
        seen: list[str] = []

        def note(connection, cursor, statement, *rest) -> None:
            seen.append(statement)

        engine = world.parts.database.engine
        event.listen(engine, "before_cursor_execute", note)
        page = client.get(f"/webhooks/{row_id}/deliveries").get_data(as_text=True)
        event.remove(engine, "before_cursor_execute", note)
        return len(seen), page

    client = world.client("one", "tenant_admin")
    add(2)
    client.get(f"/webhooks/{row_id}/deliveries")
    few, _ = queries()
    add(58)
    many, page = queries()
    assert many == few
    next_page = html.unescape(re.search(r'href="([^"]+before=[^"]+)"', page)[1])
    assert page.count('id="zj-row-') == 50
    assert client.get(next_page).get_data(as_text=True).count('id="zj-row-') == 10


@pytest.mark.parametrize("role", ["supervisor", "agent"])
def test_lesser_roles_see_nothing(world: World, role: str) -> None:
    row_id, _ = make(world)
    client = world.client("one", role)
    for address in ("/webhooks", f"/webhooks/{row_id}", f"/webhooks/{row_id}/deliveries"):
        assert client.get(address).status_code == 403
    for action in ("test", "secret", "delete"):
        assert client.post(f"/webhooks/{row_id}/{action}").status_code == 403


def test_another_companys_webhook_does_not_exist(world: World) -> None:
    row_id, _ = make(world, company="two")
    mine, _ = make(world)
    with world.parts.database.transaction(world.ids["two"]["tenants"]) as session:
        outbox.say(session, EventKind.CALL_ENDED, {"caller": "+8613800138000"})
        session.commit()
    deliveries.fan_out(world.parts.database, utc_now())
    with world.parts.database.transaction(world.ids["two"]["tenants"], read_only=True) as session:
        delivery_id = session.scalars(select(WebhookDelivery.id)).one()
    client = world.client("one", "tenant_admin")
    for end in ("", "/deliveries", f"/deliveries/{delivery_id}"):
        assert client.get(f"/webhooks/{row_id}{end}").status_code == 404
    assert client.get(f"/webhooks/{mine}/deliveries/{delivery_id}").status_code == 404
    for end in ("", "/test", "/secret", "/delete", f"/deliveries/{delivery_id}/redeliver"):
        assert client.post(f"/webhooks/{row_id}{end}", data={**FORM, "url": URL}).status_code == 404
    assert client.post(f"/webhooks/{mine}/deliveries/{delivery_id}/redeliver").status_code == 404
    page = client.get("/webhooks").get_data(as_text=True)
    assert page.count('id="zj-row-') == 1


def test_numbers_in_the_content_are_masked_for_who_may_not_see_them(world: World) -> None:
    """The maker may see them; an account with the rights to webhooks and records alone reads them masked."""
    row_id, _ = make(world)
    tenant = world.ids["one"]["tenants"]
    with world.parts.database.transaction(tenant) as session:
        made = accounts.create_account(
            session, login="integrator", name="Integrator", role=None, password=PASSWORD, apply_role=False
        )
        made.permissions = encode([Permission.API_VIEW, Permission.RECORDS_VIEW])
        outbox.say(session, EventKind.CALL_ENDED, {"caller": "+8613800138000"})
        session.commit()
    deliveries.fan_out(world.parts.database, utc_now())
    with world.parts.database.transaction(tenant, read_only=True) as session:
        delivery_id = session.scalars(select(WebhookDelivery.id)).one()
    address = f"/webhooks/{row_id}/deliveries/{delivery_id}"
    assert "+8613800138000" in world.client("one", "tenant_admin").get(address).get_data(as_text=True)
    masked = world.client("one", "integrator").get(address).get_data(as_text=True)
    assert "+8613800138000" not in masked
    assert "138****8000" in masked


def test_at_most_so_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_ENDPOINTS", 1)
    make(world)
    client = world.client("one", "tenant_admin")
    assert client.post("/webhooks/new", data={**FORM, "url": URL}).status_code == 409


def integrator(
    world: World, *permissions: Permission, queues: list[int] | None = None, group: int = 0
) -> None:
    """Add an account with these rights alone; with `group`, its administrator besides."""
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        made = accounts.create_account(
            session,
            login="integrator",
            name="Integrator",
            role=None,
            password=PASSWORD,
            apply_role=False,
            supervised_queues=encode_queues(queues),
        )
        made.permissions = encode(permissions)
        if group:
            made.group_id, made.is_group_admin = group, True
        session.commit()


def delivery(world: World, row_id: int, kind: EventKind = EventKind.CALL_ENDED) -> str:
    """Make a delivery with a body that can be found; return its page's address."""
    tenant = world.ids["one"]["tenants"]
    with world.parts.database.transaction(tenant) as session:
        assert outbox.say(session, kind, {"note": "all-of-it"})
        session.commit()
    while deliveries.fan_out(world.parts.database, utc_now()):
        pass
    with world.parts.database.transaction(tenant, read_only=True) as session:
        delivery_id = session.scalars(select(WebhookDelivery.id).order_by(WebhookDelivery.id.desc())).first()
    return f"/webhooks/{row_id}/deliveries/{delivery_id}"


ALL_READING = (Permission.RECORDS_VIEW, Permission.SUPERVISE_VIEW, Permission.ACCOUNTS_VIEW)


@pytest.mark.parametrize("limited", [True, False])
def test_the_content_is_read_by_who_may_see_the_records_of_all_queues(world: World, limited: bool) -> None:
    row_id, _ = make(world)
    queues = [world.ids["one"]["queues"]] if limited else None
    integrator(world, Permission.API_VIEW, *ALL_READING, queues=queues)
    address = delivery(world, row_id)
    answer = world.client("one", "integrator").get(address)
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert "webhook-id" in page
    assert "call.ended" in page
    assert ("all-of-it" in page) is not limited


@pytest.mark.parametrize(
    "kind",
    [EventKind.CALL_ENDED, EventKind.RECORDING_READY, EventKind.AGENT_STATE, EventKind.ACCOUNT_CREATED],
)
def test_the_content_needs_the_right_for_its_kind(world: World, kind: EventKind) -> None:
    needed = rights.NEEDED[kind.subject]
    others = [each for each in ALL_READING if each is not needed]
    integrator(world, Permission.API_VIEW, *others)
    answer = world.client("one", "tenant_admin").post(
        "/webhooks/new", data={**FORM, "url": URL, "kinds": [kind.value]}
    )
    assert answer.status_code == 200
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        row_id = session.scalars(select(WebhookEndpoint.id)).one()
    address = delivery(world, row_id, kind)
    assert "all-of-it" in world.client("one", "tenant_admin").get(address).get_data(as_text=True)
    client = world.client("one", "integrator")
    assert "all-of-it" not in client.get(address).get_data(as_text=True)
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        account = session.scalars(select(Account).where(Account.login == "integrator")).one()
        account.permissions = encode([Permission.API_VIEW, needed])
        session.commit()
    assert "all-of-it" in world.client("one", "integrator").get(address).get_data(as_text=True)


def test_a_groups_administrator_reads_no_deliveries_of_accounts(world: World) -> None:
    answer = world.client("one", "tenant_admin").post(
        "/webhooks/new", data={**FORM, "url": URL, "kinds": ["account.created"]}
    )
    assert answer.status_code == 200
    integrator(world, Permission.API_VIEW, Permission.API_EDIT, group=world.ids["one"]["groups"])
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        row_id = session.scalars(select(WebhookEndpoint.id)).one()
    client = world.client("one", "integrator")
    assert "all-of-it" not in client.get(delivery(world, row_id, EventKind.ACCOUNT_CREATED)).get_data(
        as_text=True
    )
    refused = client.post("/webhooks/new", data={**FORM, "url": URL, "kinds": ["account.created"]})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("permissions", "limited", "kinds", "status"),
    [
        ((), False, ["call.ended"], 422),
        ((), False, ["recording.ready"], 422),
        ((), False, ["agent.state"], 422),
        ((), False, ["account.changed"], 422),
        ((Permission.RECORDS_VIEW,), False, ["call.ended", "agent.state"], 422),
        ((Permission.RECORDS_VIEW,), False, ["call.ended", "recording.ready"], 200),
        ((Permission.RECORDS_OWN,), False, ["call.ended"], 422),
        ((Permission.SUPERVISE_VIEW,), False, ["agent.state"], 200),
        ((Permission.ACCOUNTS_VIEW,), False, ["account.changed"], 200),
        (ALL_READING, True, ["call.offered"], 422),
        (ALL_READING, True, ["agent.state"], 422),
        (ALL_READING, True, ["account.changed"], 200),
    ],
)
def test_nobody_has_sent_what_they_may_not_see(
    world: World, permissions: tuple[Permission, ...], limited: bool, kinds: list[str], status: int
) -> None:
    queues = [world.ids["one"]["queues"]] if limited else None
    integrator(world, Permission.API_VIEW, Permission.API_EDIT, *permissions, queues=queues)
    client = world.client("one", "integrator")
    answer = client.post("/webhooks/new", data={**FORM, "url": URL, "kinds": kinds})
    assert answer.status_code == status
    assert ('id="f-kinds-error"' in answer.get_data(as_text=True)) is (status == 422)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert len(session.scalars(select(WebhookEndpoint)).all()) == (status == 200)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"url": "https://mine.example.net/"}, 422),
        ({"kinds": ["call.ended"]}, 422),
        ({"kinds": ["account.changed"]}, 422),
        ({"name": "Renamed"}, 303),
        ({"enabled": ""}, 303),
        ({"enabled": "", "url": "https://mine.example.net/"}, 422),
    ],
)
def test_a_webhook_is_led_elsewhere_only_by_who_may_see_what_it_tells(
    world: World, change: dict, status: int
) -> None:
    row_id, _ = make(world)
    integrator(world, Permission.API_VIEW, Permission.API_EDIT)
    client = world.client("one", "integrator")
    answer = client.post(f"/webhooks/{row_id}", data={**FORM, "url": URL, **change})
    assert answer.status_code == status
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        row = session.get_one(WebhookEndpoint, row_id)
        assert row.url == URL
        assert service.kinds_of(row) == {EventKind.CALL_ENDED, EventKind.CALL_OFFERED}
        assert row.enabled is (change.get("enabled", "1") == "1" or status == 422)
    if not row.enabled:
        again = client.post(f"/webhooks/{row_id}", data={**FORM, "url": URL})
        assert again.status_code == 422, "and enabled only by them"
    admin = world.client("one", "tenant_admin")
    assert (
        admin.post(f"/webhooks/{row_id}", data={**FORM, "url": URL, **change, "enabled": "1"}).status_code
        == 303
    )


def test_a_webhook_whose_maker_lost_the_right_says_so_and_what_to_do(
    open_world: World, receiver: Receiver
) -> None:
    world, tenant = open_world, open_world.ids["one"]["tenants"]
    integrator(world, Permission.API_VIEW, Permission.API_EDIT, Permission.RECORDS_VIEW)
    client = world.client("one", "integrator")
    assert client.post("/webhooks/new", data={**FORM, "url": receiver.url}).status_code == 200
    with world.parts.database.transaction(tenant) as session:
        row_id = session.scalars(select(WebhookEndpoint.id)).one()
        account = session.scalars(select(Account).where(Account.login == "integrator")).one()
        account.permissions = encode([Permission.API_VIEW, Permission.API_EDIT])
        session.commit()
    world.parts.sessions.changed()
    admin = world.client("one", "tenant_admin")
    tested = admin.post(f"/webhooks/{row_id}/test").get_data(as_text=True)
    with use_language("zh"):
        assert problems.sentence(problems.UNSEEN) in html.unescape(tested)
    delivery(world, row_id)
    deliverer = Deliverer(
        world.parts.database, world.parts.vault, Outbound(()), Meters.make(CollectorRegistry())
    )
    while deliverer.step():
        assert deliverer.settle(10)
    assert receiver.got == []
    with world.parts.database.transaction(tenant, read_only=True) as session, use_language("zh"):
        row = session.get_one(WebhookEndpoint, row_id)
        state, told = views.state_of(row), service.advice(session, row)
    assert (row.enabled, row.disabled_why, state.colour) == (False, "unseen", "red")
    assert "Integrator" in told
    assert state.text in admin.get("/webhooks").get_data(as_text=True)
    for address in (f"/webhooks/{row_id}/deliveries", f"/webhooks/{row_id}"):
        assert told in html.unescape(admin.get(address).get_data(as_text=True))
    change = {**FORM, "url": receiver.url}
    assert client.post(f"/webhooks/{row_id}", data=change).status_code == 422, "not by who may not see it"
    assert admin.post(f"/webhooks/{row_id}", data=change).status_code == 303
    assert told not in html.unescape(admin.get(f"/webhooks/{row_id}").get_data(as_text=True))
    assert "200" in admin.post(f"/webhooks/{row_id}/test").get_data(as_text=True)
    assert len(receiver.got) == 1
