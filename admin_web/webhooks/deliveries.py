"""One delivery's life: made for an event, claimed in one step, sent, written down.

A claim is a compare-and-set of `attempts`: of two schedulers one gets the attempt, and only it may write how it
ended. Until then `next_at` is when the attempt counts as lost: a killed process's deliveries are sent again, under
the same ``webhook-id``.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
from typing import Any

import msgspec
from sqlalchemy import CursorResult, func, select, update

from admin_web.webhooks import payload, problems, rights, service, signing
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from core import outbound_http
from core.crypto import UnreadableSecretError, Vault
from core.database import ALL_TENANTS, Database
from core.jobs.actor import principal_for
from core.jobs.errors import ActorGoneError
from core.models import Tenant, TenantState
from core.outbound_http import Answer, Outbound, OutboundError, Target, UrlRefusedError
from core.outbox.models import OutboxEvent
from core.permissions import Permission, Principal
from core.tenancy import TenantSession

BACKOFF_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 6 * 3600.0, 12 * 3600.0)
"""Pauses after the first, second … failed attempt; about 19 hours in all."""
JITTER = 0.1
"""Pauses vary by this part of them, so that deliveries that failed together do not come back together."""
LEASE = datetime.timedelta(seconds=60)
"""An attempt that has not been written down for so long is lost; far longer than one takes."""
GONE = 410
"""RFC 9110 §15.5.11: the receiver wants no more of these."""
_BATCH = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """An attempt that is ours, and what it sends."""

    delivery_id: int
    tenant_id: int
    endpoint_id: int
    attempt: int
    target: Target | None
    """None: it cannot be sent; `problem` says why."""
    problem: str = ""
    message: str = ""
    body: bytes = b""
    secrets: tuple[str, ...] = dataclasses.field(default=(), repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """How an attempt ended."""

    status: int = 0
    """0: no answer came."""
    problem: str = ""
    """As `admin_web.webhooks.problems` reads it; empty: none."""
    answer: bytes = b""
    took_ms: int = 0

    @property
    def ok(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return 200 <= self.status < 300


def fan_out(database: Database, now: datetime.datetime) -> int:
    """Make the deliveries of events that have none yet; return how many events were dealt with, at most a batch."""
    waiting = (
        select(OutboxEvent.id).where(OutboxEvent.done_at.is_(None)).order_by(OutboxEvent.id).limit(_BATCH)
    )
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        ids = list(session.scalars(waiting))
    if not ids:
        return 0
    with database.transaction(ALL_TENANTS) as session:
        mine = [each for each in ids if _mark_done(session, each, now)]
        events = session.scalars(
            select(OutboxEvent).where(OutboxEvent.id.in_(mine)).order_by(OutboxEvent.id)
        ).all()
        tenants = {event.tenant_id for event in events}
        endpoints = session.scalars(
            select(WebhookEndpoint).where(
                WebhookEndpoint.tenant_id.in_(tenants), WebhookEndpoint.enabled.is_(True)
            )
        ).all()
        wishes = [(each, {kind.value for kind in service.kinds_of(each)}) for each in endpoints]
        session.add_all(
            WebhookDelivery(
                tenant_id=event.tenant_id, endpoint_id=endpoint.id, event_id=event.id, next_at=now
            )
            for event in events
            for endpoint, kinds in wishes
            if endpoint.tenant_id == event.tenant_id and event.kind in kinds
        )
        session.commit()
    return len(ids)


def _mark_done(session: TenantSession, event_id: int, now: datetime.datetime) -> bool:
    return _changed(
        session,
        update(OutboxEvent)
        .where(OutboxEvent.id == event_id, OutboxEvent.done_at.is_(None))
        .values(done_at=now),
    )


def due(
    database: Database, now: datetime.datetime, room: dict[int, int], default_room: int
) -> list[tuple[int, int]]:
    """Return deliveries to be attempted now, with their endpoints: at most as many of an endpoint as it has `room`, the
    longest waiting first; endpoints not in `room` have `default_room`.
    """
    waiting = (
        select(WebhookDelivery.endpoint_id)
        .where(WebhookDelivery.state == DeliveryState.PENDING, WebhookDelivery.next_at <= now)
        .group_by(WebhookDelivery.endpoint_id)
        .order_by(func.min(WebhookDelivery.next_at))
        .limit(_BATCH)
    )
    full = [endpoint_id for endpoint_id, places in room.items() if places <= 0]
    if full:
        waiting = waiting.where(WebhookDelivery.endpoint_id.not_in(full))
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        found: list[tuple[int, int]] = []
        for endpoint_id in session.scalars(waiting).all():
            ids = session.scalars(
                select(WebhookDelivery.id)
                .where(
                    WebhookDelivery.endpoint_id == endpoint_id,
                    WebhookDelivery.state == DeliveryState.PENDING,
                    WebhookDelivery.next_at <= now,
                )
                .order_by(WebhookDelivery.next_at, WebhookDelivery.id)
                .limit(room.get(endpoint_id, default_room))
            )
            found += [(each, endpoint_id) for each in ids]
        return found


def claim(database: Database, vault: Vault, delivery_id: int, now: datetime.datetime) -> Claim | None:
    """Take the next attempt of a delivery that is due; None when another was quicker."""
    with database.transaction(ALL_TENANTS) as session:
        row = session.get(WebhookDelivery, delivery_id)
        if row is None:
            return None
        taken = _changed(
            session,
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == delivery_id,
                WebhookDelivery.state == DeliveryState.PENDING,
                WebhookDelivery.attempts == row.attempts,
                WebhookDelivery.next_at <= now,
            )
            .values(
                attempts=row.attempts + 1,
                next_at=now + LEASE,
                attempted_at=now,
            ),
        )
        if not taken:
            return None
        found = prepare(session, vault, row, row.attempts + 1, now)
        session.commit()
    return found


def prepare(
    session: TenantSession, vault: Vault, row: WebhookDelivery, attempt: int, now: datetime.datetime
) -> Claim:
    """Return what attempt number `attempt` of `row` sends: nothing that the endpoint's maker may not see by now."""
    endpoint = session.get_one(WebhookEndpoint, row.endpoint_id)
    event = session.get_one(OutboxEvent, row.event_id)
    ours: dict[str, Any] = {
        "delivery_id": row.id,
        "tenant_id": row.tenant_id,
        "endpoint_id": row.endpoint_id,
        "attempt": attempt,
    }
    if not endpoint.enabled:
        return Claim(**ours, target=None, problem=problems.OFF)
    try:
        maker = principal_for(session, endpoint.account_id)
    except ActorGoneError:
        state = session.get_one(Tenant, endpoint.tenant_id).state
        gone = problems.UNSEEN if state is TenantState.ACTIVE else problems.SUSPENDED
        return Claim(**ours, target=None, problem=gone)
    if not _sees(maker, endpoint, event):
        return Claim(**ours, target=None, problem=problems.UNSEEN)
    try:
        target = outbound_http.parse(endpoint.url)
        keys = service.secrets_of(vault, endpoint, now)
    except (UrlRefusedError, UnreadableSecretError):
        return Claim(**ours, target=None, problem=problems.UNUSABLE)
    return Claim(
        **ours,
        target=target,
        message=message_of(event),
        body=_body(event, full=maker.may(Permission.NUMBERS_FULL)),
        secrets=tuple(keys),
    )


def message_of(event: OutboxEvent) -> str:
    """Return the ``webhook-id`` of `event`."""
    return signing.message_id(event.tenant_id, event.key)


def _sees(maker: Principal, endpoint: WebhookEndpoint, event: OutboxEvent) -> bool:
    """Return whether `maker` may see what `event` tells; a test event fares as those the endpoint is for."""
    kinds = service.kinds_of(endpoint) if event.kind == service.TEST_KIND else (event.kind,)
    return all(rights.may_read(maker, kind) for kind in kinds)


def body_of(
    session: TenantSession, endpoint: WebhookEndpoint, event: OutboxEvent, *, reader_sees_numbers: bool
) -> bytes:
    """Return what is sent of `event` for somebody to look at: numbers in full only while the endpoint's maker may see
    them so, and `reader_sees_numbers`.
    """
    try:
        full = reader_sees_numbers and principal_for(session, endpoint.account_id).may(
            Permission.NUMBERS_FULL
        )
    except ActorGoneError:
        full = False
    return _body(event, full=full)


def _body(event: OutboxEvent, *, full: bool) -> bytes:
    return payload.wire(event.kind, event.at, msgspec.json.decode(event.body), full=full)


def send(outbound: Outbound, claimed: Claim, now: datetime.datetime) -> Result:
    """Send an attempt and return how it ended; never raises for what the receiver does."""
    if claimed.target is None:
        return Result(problem=claimed.problem)
    headers = signing.headers(claimed.secrets, claimed.message, int(now.timestamp()), claimed.body)
    try:
        answer: Answer = outbound.post(claimed.target, headers, claimed.body)
    except OutboundError as error:
        return Result(problem=str(error))
    problem = "" if 200 <= answer.status < 300 else f"{problems.STATUS}: {answer.status}"
    return Result(status=answer.status, problem=problem, answer=answer.body, took_ms=answer.took_ms)


def finish(
    database: Database,
    claimed: Claim,
    result: Result,
    now: datetime.datetime,
    chance: random.Random,
    *,
    last: bool = False,
) -> bool:
    """Write how an attempt ended; return whether it was still ours to write. With `last` it is not repeated."""
    values: dict[str, Any] = {"last_status": result.status, "last_error": result.problem[:200]}
    if result.ok:
        values |= {"state": DeliveryState.DELIVERED, "delivered_at": now}
    elif (
        last or claimed.problem in problems.FINAL or result.status == GONE or claimed.attempt > len(BACKOFF_S)
    ):
        values["state"] = DeliveryState.FAILED
    else:
        pause_s = BACKOFF_S[claimed.attempt - 1] * chance.uniform(1 - JITTER, 1 + JITTER)
        values["next_at"] = now + datetime.timedelta(seconds=pause_s)
    with database.transaction(ALL_TENANTS) as session:
        ours = _changed(
            session,
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == claimed.delivery_id,
                WebhookDelivery.attempts == claimed.attempt,
                WebhookDelivery.state == DeliveryState.PENDING,
            )
            .values(**values),
        )
        session.commit()
    return ours


def _changed(session: TenantSession, statement: Any) -> bool:
    done = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(done, CursorResult)
    return done.rowcount == 1
