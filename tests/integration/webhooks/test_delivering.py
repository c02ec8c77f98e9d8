"""Webhooks (ACC-13): signed, retried, claimed once, given up, switched off; on both databases, to a real receiver."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from admin_web.webhooks import deliverer as deliverer_module
from admin_web.webhooks import deliveries, service
from admin_web.webhooks.deliverer import Deliverer, prune
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from core import accounts
from core.announcements.models import Announcement, AnnouncementTarget
from core.database import Database
from core.errors import NotFound
from core.models import AuditEntry, BuiltInRole
from core.outbox.kinds import EventKind
from core.outbox.models import OutboxEvent, OutboxInterest
from core.permissions import Permission
from tests.integration.webhooks.stage import VAULT, Stage, verified
from tests.support.receiver import Receiver, receiving


@pytest.fixture
def stage(each_database: Database) -> Stage:
    return Stage(each_database)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def rows(stage: Stage) -> list[WebhookDelivery]:
    with stage.database.transaction(stage.tenant, read_only=True) as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def endpoint_row(stage: Stage, endpoint_id: int) -> WebhookEndpoint:
    with stage.database.transaction(stage.tenant, read_only=True) as session:
        return session.get_one(WebhookEndpoint, endpoint_id)


def test_what_nobody_wants_is_not_written(stage: Stage, receiver: Receiver) -> None:
    assert not stage.say("call.ended:1")
    stage.endpoint(receiver.url, EventKind.ACCOUNT_CREATED)
    assert not stage.say("call.ended:1")
    assert Stage(stage.database, "other").say("call.ended:1") is False


def test_a_delivery_is_signed_and_made_once(stage: Stage, receiver: Receiver) -> None:
    _, secret = stage.endpoint(receiver.url)
    assert stage.say("call.ended:1", call_id="1", caller="+8613800138000", called="+861065551234")
    assert not stage.say("call.ended:1", call_id="1"), "the same key twice is one event"
    stage.deliver()
    stage.deliver()
    (got,) = receiver.got
    assert verified(secret, got.headers, got.body)
    assert not verified(secret, got.headers, got.body + b" ")
    assert got.headers["content-type"] == "application/json"
    assert abs(int(got.headers["webhook-timestamp"]) - stage.now.timestamp()) < 2
    told = json.loads(got.body)
    assert told["type"] == "call.ended"
    assert told["data"] == {"call_id": "1", "caller": "+8613800138000", "called": "+861065551234"}
    (row,) = rows(stage)
    assert (row.state, row.attempts, row.last_status) == (DeliveryState.DELIVERED, 1, 200)


def test_a_change_that_is_rolled_back_tells_nothing(stage: Stage, receiver: Receiver) -> None:
    stage.endpoint(receiver.url, EventKind.ACCOUNT_CREATED, EventKind.ACCOUNT_DISABLED)
    with stage.database.transaction(stage.tenant) as session:
        accounts.create_account(
            session,
            login="gone",
            name="Gone",
            role=BuiltInRole.AGENT,
            password="",
            password_hash="x",
            strong=False,
        )
    kept = stage.account("kept", BuiltInRole.AGENT)
    with stage.database.transaction(stage.tenant) as session:
        accounts.set_enabled(session, stage.admin, accounts.account_of(session, kept.account_id), False)
        session.commit()
    stage.deliver()
    told = [json.loads(got.body) for got in receiver.got]
    assert [(each["type"], each["data"]["login"]) for each in told] == [
        ("account.created", "kept"),
        ("account.disabled", "kept"),
    ]
    assert "none" not in json.dumps(told), "no password, hashed or not"


def test_numbers_are_masked_unless_the_maker_may_see_them(stage: Stage, receiver: Receiver) -> None:
    maker = stage.account("maker", BuiltInRole.TENANT_ADMIN)
    stage.endpoint(receiver.url, actor=maker)
    stage.say("1", caller="+8613800138000")
    stage.deliver()
    stage.demote(maker, Permission.RECORDS_VIEW)
    stage.say("2", caller="+8613800138000")
    stage.deliver()
    callers = [json.loads(got.body)["data"]["caller"] for got in receiver.got]
    assert callers == ["+8613800138000", "138****8000"]


def test_two_secrets_sign_for_a_day(stage: Stage, receiver: Receiver) -> None:
    endpoint_id, old = stage.endpoint(receiver.url)
    with stage.database.transaction(stage.tenant) as session:
        new = service.rotate(session, VAULT, stage.admin, service.endpoint_of(session, endpoint_id))
        session.commit()
    stage.say("1")
    stage.deliver()
    stage.later(86_500)
    stage.say("2")
    stage.deliver()
    first, second = receiver.got
    assert verified(old, first.headers, first.body)
    assert verified(new, first.headers, first.body)
    assert not verified(old, second.headers, second.body)
    assert verified(new, second.headers, second.body)
    stored = endpoint_row(stage, endpoint_id)
    assert new not in (stored.secret_encrypted, stored.old_secret_encrypted)


def test_a_failed_delivery_is_tried_for_about_a_day_under_one_id(stage: Stage, receiver: Receiver) -> None:
    receiver.status = lambda got: 500
    stage.endpoint(receiver.url)
    stage.say("1")
    begun = stage.now
    for pause_s in (0, *deliveries.BACKOFF_S):
        stage.later(pause_s * 0.85)
        attempts = len(receiver.got)
        stage.deliver()
        if pause_s:
            assert len(receiver.got) == attempts, "not before its time"
        stage.later(pause_s * 0.3)
        stage.deliver()
    (row,) = rows(stage)
    assert (row.state, row.attempts, row.last_status) == (DeliveryState.FAILED, 8, 500)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    assert 0.75 < (stage.now - begun).total_seconds() / 86_400 < 1.1


def test_a_receiver_that_comes_back_gets_it(stage: Stage, receiver: Receiver) -> None:
    receiver.status = lambda got: 200 if len(receiver.got) > 1 else 503
    endpoint_id, _ = stage.endpoint(receiver.url)
    stage.say("1")
    stage.deliver()
    assert endpoint_row(stage, endpoint_id).failing_since is not None
    stage.later(6)
    stage.deliver()
    assert [row.state for row in rows(stage)] == [DeliveryState.DELIVERED]
    assert endpoint_row(stage, endpoint_id).failing_since is None


def test_gone_switches_off(stage: Stage, receiver: Receiver) -> None:
    receiver.status = lambda got: 410
    endpoint_id, _ = stage.endpoint(receiver.url)
    stage.say("1")
    stage.deliver()
    row = endpoint_row(stage, endpoint_id)
    assert (row.enabled, row.disabled_why) == (False, "gone")
    assert not stage.say("2"), "nobody wants it any more"
    with stage.database.transaction(stage.tenant, read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(OutboxInterest)) == 0
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
        assert actions[-1] == "webhook-disable"
        assert list(session.scalars(select(AnnouncementTarget.account_id))) == [stage.admin.account_id]


def test_three_days_of_failures_switch_off_and_tell_who_can_mend_it(stage: Stage, receiver: Receiver) -> None:
    agent = stage.account("agent", BuiltInRole.AGENT)
    receiver.status = lambda got: 500
    endpoint_id, _ = stage.endpoint(receiver.url)
    for day in range(4):
        stage.say(str(day))
        stage.deliver()
        assert endpoint_row(stage, endpoint_id).enabled is (day < 3)
        stage.later(86_400)
    with stage.database.transaction(stage.tenant, read_only=True) as session:
        (announcement,) = session.scalars(select(Announcement))
        assert receiver.url in announcement.body
        told = set(session.scalars(select(AnnouncementTarget.account_id)))
    assert told == {stage.admin.account_id}
    assert agent.account_id not in told


def test_two_schedulers_send_no_attempt_twice(stage: Stage, receiver: Receiver) -> None:
    stage.endpoint(receiver.url)
    for number in range(40):
        stage.say(str(number), n=number)
    deliverers = [stage.deliverer() for _ in range(2)]
    start = threading.Barrier(2)
    failures: list[BaseException] = []

    def work(deliverer) -> None:
        try:
            start.wait()
            stage.deliver(deliverer)
            stage.deliver(deliverer)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(each,)) for each in deliverers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    stage.deliver()
    assert sorted(json.loads(got.body)["data"]["n"] for got in receiver.got) == list(range(40))
    assert {row.attempts for row in rows(stage)} == {1}


def test_a_claim_is_had_by_one(stage: Stage, receiver: Receiver) -> None:
    stage.endpoint(receiver.url)
    stage.say("1")
    assert deliveries.fan_out(stage.database, stage.now) == 1
    assert deliveries.fan_out(stage.database, stage.now) == 0
    (row,) = rows(stage)
    first = deliveries.claim(stage.database, VAULT, row.id, stage.now)
    assert first is not None
    assert deliveries.claim(stage.database, VAULT, row.id, stage.now) is None
    stage.later(61)
    second = deliveries.claim(stage.database, VAULT, row.id, stage.now)
    assert second is not None, "a lost attempt is taken over"
    assert second.message == first.message
    ok = deliveries.Result(status=200)
    chance = stage.deliverer()._chance
    assert not deliveries.finish(stage.database, first, ok, stage.now, chance), (
        "whoever was late writes nothing"
    )
    assert deliveries.finish(stage.database, second, ok, stage.now, chance)


def test_a_slow_endpoint_holds_up_nobody_else(stage: Stage, receiver: Receiver) -> None:
    with receiving() as slow:
        slow.drip_s, slow.body = 0.5, b"x" * 100
        stage.endpoint(slow.url)
        for number in range(30):
            stage.say(f"slow-{number}")
        stage.endpoint(receiver.url, EventKind.RECORDING_READY)
        for number in range(10):
            stage.say(f"quick-{number}", EventKind.RECORDING_READY)
        deliverer = stage.deliverer(total_s=3.0)
        begun = time.monotonic()
        while len(receiver.got) < 10 and time.monotonic() - begun < 2.5:
            deliverer.step()
            time.sleep(0.02)
        assert len(receiver.got) == 10
        assert len(slow.got) <= 4
        assert deliverer.settle(10)


def working(deliverer: Deliverer, stop: threading.Event) -> threading.Thread:
    """Run it in a thread."""
    thread = threading.Thread(target=deliverer.run, args=(stop,), daemon=True)
    thread.start()
    return thread


def wait_for_count(receiver: Receiver, count: int, within_s: float) -> None:
    """Wait until it got `count` deliveries."""
    begun = time.monotonic()
    while len(receiver.got) < count and time.monotonic() - begun < within_s:
        time.sleep(0.01)


def test_a_quick_endpoint_is_not_made_to_wait_by_its_places(
    stage: Stage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop goes on when a place is free again; with this pause it would be slept through."""
    monkeypatch.setattr(deliverer_module, "IDLE_S", 20.0)
    held = threading.Event()
    with receiving() as slow:
        slow.status = lambda got: 200 if held.wait(30) else 500
        stage.endpoint(slow.url, EventKind.RECORDING_READY)
        for number in range(10):
            stage.say(f"slow-{number}", EventKind.RECORDING_READY)
        stage.endpoint(receiver.url)
        for number in range(40):
            stage.say(f"quick-{number}")
        stop = threading.Event()
        thread = working(stage.deliverer(total_s=25.0), stop)
        wait_for_count(receiver, 40, 10)
        slow_by_then = len(slow.got)
        stop.set()
        held.set()
        thread.join(10)
    assert not thread.is_alive()
    assert len(receiver.got) == 40, "and none waited for the slow one"
    assert slow_by_then == 4


def test_an_end_between_the_look_and_the_wait_is_not_missed(
    stage: Stage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is under way ends after the places were counted and before the loop waits."""
    monkeypatch.setattr(deliverer_module, "IDLE_S", 20.0)
    stage.endpoint(receiver.url)
    for number in range(12):
        stage.say(str(number))
    deliverer, stop = stage.deliverer(), threading.Event()
    due, answers = deliveries.due, threading.Event()
    receiver.status = lambda got: 200 if answers.wait(10) else 500

    def slow_look(*arguments: Any) -> list[tuple[int, int]]:
        found = due(*arguments)
        if not found:
            answers.set()
            deliverer.settle(10)
        return found

    monkeypatch.setattr(deliveries, "due", slow_look)
    thread = working(deliverer, stop)
    wait_for_count(receiver, 12, 10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert len(receiver.got) == 12


def test_once_more_under_the_same_id(stage: Stage, receiver: Receiver) -> None:
    endpoint_id, _ = stage.endpoint(receiver.url)
    stage.say("1")
    stage.deliver()
    (row,) = rows(stage)
    with stage.database.transaction(stage.tenant) as session:
        endpoint = service.endpoint_of(session, endpoint_id)
        service.redeliver(session, stage.admin, endpoint, service.delivery_of(session, endpoint_id, row.id))
        with pytest.raises(service.StillPendingError):
            service.redeliver(
                session, stage.admin, endpoint, service.delivery_of(session, endpoint_id, row.id)
            )
        session.commit()
    stage.now = max(stage.now, rows(stage)[0].next_at)
    stage.deliver()
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    other = Stage(stage.database, "other")
    with other.database.transaction(other.tenant) as session, pytest.raises(NotFound):
        service.delivery_of(session, endpoint_id, row.id)


def test_old_events_go_with_their_deliveries(stage: Stage, receiver: Receiver) -> None:
    stage.endpoint(receiver.url)
    stage.say("1")
    stage.deliver()
    stage.later(6 * 86_400)
    assert prune(stage.database, stage.now) == 0
    stage.say("2")
    stage.deliver()
    stage.later(1.1 * 86_400)
    assert prune(stage.database, stage.now) == 1
    assert len(rows(stage)) == 1
    with stage.database.transaction(stage.tenant, read_only=True) as session:
        assert list(session.scalars(select(OutboxEvent.key))) == ["2"]


def test_a_deleted_endpoint_takes_its_deliveries_along(stage: Stage, receiver: Receiver) -> None:
    endpoint_id, _ = stage.endpoint(receiver.url)
    stage.say("1")
    stage.deliver()
    with stage.database.transaction(stage.tenant) as session:
        service.remove(session, stage.admin, service.endpoint_of(session, endpoint_id))
        session.commit()
    assert rows(stage) == []
    assert not stage.say("2")
