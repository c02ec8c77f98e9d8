"""A webhook sends what its maker may see by now, and stops where that ends (ACC-13); on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event, select

from admin_web.webhooks import deliveries, problems, service
from admin_web.webhooks.models import DeliveryState, WebhookDelivery
from core.announcements.models import Announcement, AnnouncementTarget
from core.database import ALL_TENANTS, Database, utc_now
from core.jobs.actor import principal_for
from core.models import AuditEntry, BuiltInRole, Tenant, TenantState
from core.outbox.kinds import EventKind
from core.permissions import Permission, Principal
from tests.integration.webhooks.stage import VAULT, Stage
from tests.support.receiver import Receiver, receiving


@pytest.fixture
def stage(each_database: Database) -> Stage:
    return Stage(each_database)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


ALL = (Permission.RECORDS_VIEW, Permission.SUPERVISE_VIEW, Permission.ACCOUNTS_VIEW)


@pytest.mark.parametrize(
    ("kind", "left", "values"),
    [
        (EventKind.CALL_ENDED, ALL[1:], {}),
        (EventKind.RECORDING_READY, ALL[1:], {}),
        (EventKind.AGENT_STATE, (ALL[0], ALL[2]), {}),
        (EventKind.ACCOUNT_CHANGED, ALL[:2], {}),
        (EventKind.CALL_ENDED, ALL, {"supervised_queues": "[1]"}),
        (EventKind.CALL_ENDED, ALL, {"enabled": False}),
        (EventKind.CALL_ENDED, ALL, {"deleted_at": utc_now()}),
    ],
)
def test_nothing_is_sent_that_its_maker_may_not_see_any_more(
    stage: Stage,
    receiver: Receiver,
    kind: EventKind,
    left: tuple[Permission, ...],
    values: dict[str, object],
) -> None:
    maker = stage.account("maker", BuiltInRole.TENANT_ADMIN)
    endpoint_id, _ = stage.endpoint(receiver.url, kind, actor=maker)
    stage.say("1", kind)
    stage.deliver()
    assert len(receiver.got) == 1
    stage.demote(maker, *left, **values)
    stage.say("2", kind)
    stage.say("3", kind)
    stage.deliver()
    assert len(receiver.got) == 1
    found = stage.deliveries()
    assert [row.state for row in found] == [DeliveryState.DELIVERED, *[DeliveryState.FAILED] * 2]
    assert {row.last_error for row in found[1:]} <= {problems.UNSEEN, problems.OFF}
    row = stage.row(endpoint_id)
    assert (row.enabled, row.disabled_why, row.failing_since) == (False, "unseen", None)
    assert not stage.say("4", kind), "nobody wants it any more"
    with stage.database.transaction(stage.tenant, read_only=True) as session:
        assert (
            list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))[-1] == "webhook-disable"
        )
        (announcement,) = session.scalars(select(Announcement))
        assert "maker" in announcement.body
        assert list(session.scalars(select(AnnouncementTarget.account_id))) == [stage.admin.account_id]
    saved(stage, endpoint_id, kind)
    stage.say("5", kind)
    stage.deliver()
    assert len(receiver.got) == 2
    assert stage.row(endpoint_id).account_id == stage.admin.account_id


def saved(stage: Stage, endpoint_id: int, *kinds: EventKind, actor: Principal | None = None) -> None:
    """Save an endpoint as it is, enabled, for `kinds`."""
    with stage.database.transaction(stage.tenant) as session:
        row = service.endpoint_of(session, endpoint_id)
        actor = actor or stage.admin
        service.change(session, actor, row, name=row.name, url=row.url, kinds=kinds, enabled=True)
        session.commit()


def test_a_webhook_is_taken_over_before_it_stops(stage: Stage, receiver: Receiver) -> None:
    maker = stage.account("maker", BuiltInRole.TENANT_ADMIN)
    endpoint_id, _ = stage.endpoint(receiver.url, actor=maker)
    saved(stage, endpoint_id, EventKind.CALL_ENDED)
    assert stage.row(endpoint_id).account_id == maker.account_id, "it has who answers for it"
    stage.demote(maker)
    saved(stage, endpoint_id, EventKind.CALL_ENDED, actor=stage.account("agent", BuiltInRole.AGENT))
    assert stage.row(endpoint_id).account_id == maker.account_id, "they may see it no more than the maker"
    saved(stage, endpoint_id, EventKind.CALL_ENDED)
    stage.say("1")
    stage.deliver()
    assert len(receiver.got) == 1


def test_a_stopped_webhook_led_elsewhere_by_who_may_see_it_blames_nobody(
    stage: Stage, receiver: Receiver
) -> None:
    maker = stage.account("maker", BuiltInRole.TENANT_ADMIN)
    endpoint_id, _ = stage.endpoint(receiver.url, actor=maker)
    stage.demote(maker)
    stage.say("1")
    stage.deliver()
    assert stage.row(endpoint_id).disabled_why == "unseen"
    with stage.database.transaction(stage.tenant) as session:
        row = service.endpoint_of(session, endpoint_id)
        kinds = service.kinds_of(row)
        service.change(
            session, stage.admin, row, name="Other", url=f"{receiver.url}/2", kinds=kinds, enabled=False
        )
        session.commit()
    row = stage.row(endpoint_id)
    assert (row.enabled, row.disabled_why, row.account_id) == (False, "", stage.admin.account_id)


def test_an_event_of_an_earlier_maker_is_not_sent_again_to_who_may_not_see_it(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint_id, _ = stage.endpoint(receiver.url, EventKind.ACCOUNT_CHANGED)
    stage.say("1", EventKind.ACCOUNT_CHANGED)
    stage.deliver()
    lesser = stage.account("lesser", BuiltInRole.TENANT_ADMIN)
    stage.demote(lesser, Permission.API_EDIT, Permission.RECORDS_VIEW)
    with stage.database.transaction(stage.tenant, read_only=True) as session:
        lesser = principal_for(session, lesser.account_id)
    saved(stage, endpoint_id, EventKind.CALL_ENDED, actor=lesser)
    with stage.database.transaction(stage.tenant) as session:
        (row,) = session.scalars(select(WebhookDelivery))
        service.redeliver(session, lesser, service.endpoint_of(session, endpoint_id), row)
        session.commit()
    stage.now = utc_now()
    stage.deliver()
    assert len(receiver.got) == 1
    assert [(row.state, row.last_error) for row in stage.deliveries()] == [
        (DeliveryState.FAILED, problems.UNSEEN)
    ]
    assert stage.row(endpoint_id).enabled, "what it is for now is theirs to see"
    stage.say("2")
    stage.deliver()
    assert len(receiver.got) == 2


def test_a_suspended_company_is_sent_nothing_and_its_webhooks_stay(stage: Stage, receiver: Receiver) -> None:
    endpoint_id, _ = stage.endpoint(receiver.url)
    stage.say("1")
    for state in (TenantState.SUSPENDED, TenantState.ACTIVE):
        with stage.database.transaction(ALL_TENANTS) as session:
            session.get_one(Tenant, stage.tenant).state = state
            session.commit()
        stage.deliver()
        stage.later(6)
        row = stage.row(endpoint_id)
        assert (row.enabled, row.failing_since) == (True, None)
        if state is TenantState.SUSPENDED:
            assert (receiver.got, stage.deliveries()[0].last_error) == ([], problems.SUSPENDED)
    assert [row.state for row in stage.deliveries()] == [DeliveryState.DELIVERED]


def test_who_may_see_what_is_asked_in_the_queries_there_were(stage: Stage, receiver: Receiver) -> None:
    """An attempt reads its account once, for its numbers and for its rights."""
    stage.endpoint(receiver.url)
    stage.say("1")
    deliveries.fan_out(stage.database, stage.now)
    ((delivery_id, _),) = deliveries.due(stage.database, stage.now, {}, 4)
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(stage.database.engine, "before_cursor_execute", note)
    deliveries.claim(stage.database, VAULT, delivery_id, stage.now)
    event.remove(stage.database.engine, "before_cursor_execute", note)
    assert len([text for text in seen if "FROM account " in text.replace("\n", " ")]) == 1, seen
