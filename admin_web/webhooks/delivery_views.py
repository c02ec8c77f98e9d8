"""Pages of what was delivered to a webhook and what not, and of a test event (ACC-13)."""

from __future__ import annotations

import dataclasses
import json
import random
import secrets
from typing import Any

import msgspec
from flask import make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.resource import ShownField, Tag
from admin_web.resource_views import PAGE_ROWS, changed_list
from admin_web.webhooks import deliveries, problems, rights, service
from admin_web.webhooks.health import FAILING_DAYS
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from admin_web.webhooks.shown import STATES, advice_on, state_of, tag_of
from core.errors import NotFound
from core.i18n import gettext, lazy
from core.outbound_http import Outbound
from core.outbox.models import OutboxEvent
from core.permissions import Permission
from core.tables import utc_now
from core.tenancy import TenantSession
from core.views import View, current_principal, may, parts, session


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownDelivery:
    """A line of the list of deliveries."""

    row: WebhookDelivery
    kind: str
    state: Tag
    problem: str


class TestEndpoint(View):
    """A test event, sent at once, whose answer is shown."""

    access = Permission.API_EDIT

    def post(self, row_id: int) -> ResponseReturnValue:
        """Send it; no transaction is open while the receiver takes its time."""
        db, now = session(), utc_now()
        row = service.endpoint_of(db, row_id)
        if not row.enabled:
            raise service.EndpointOffError()
        event = OutboxEvent(
            key=f"{service.TEST_KIND}:{secrets.token_hex(12)}",
            kind=service.TEST_KIND,
            body=msgspec.json.encode({"webhook_id": row.id, "name": row.name}).decode(),
            at=now,
            done_at=now,
        )
        db.add(event)
        db.flush()
        # As a claimed first attempt: should this process die, the scheduler sends it.
        delivery = WebhookDelivery(
            endpoint_id=row.id,
            event_id=event.id,
            attempts=1,
            next_at=now + deliveries.LEASE,
            attempted_at=now,
        )
        db.add(delivery)
        db.flush()
        claimed = deliveries.prepare(db, parts().vault, delivery, 1, now)
        db.commit()
        result = deliveries.send(Outbound.from_settings(parts().settings), claimed, now)
        deliveries.finish(parts().database, claimed, result, utc_now(), random.SystemRandom(), last=True)
        response = make_response(
            render_template(
                "webhooks/tested.html",
                endpoint=row,
                result=result,
                problem=problems.sentence(result.problem),
                answer=result.answer.decode("utf-8", "replace"),
                sent=_pretty(claimed.body) if claimed.body else "",
            )
        )
        response.headers["HX-Trigger"] = json.dumps({"zj:changed": {}})
        return response


class DeliveryList(View):
    """What was sent to a webhook in the last week, newest first; keyset pages."""

    access = Permission.API_VIEW

    def get(self, row_id: int) -> ResponseReturnValue:
        """Show a page of it."""
        db = session()
        endpoint = service.endpoint_of(db, row_id)
        before = request.args.get("before", 0, int)
        state = request.args.get("state", "")
        query = (
            select(WebhookDelivery, OutboxEvent.kind)
            .join(OutboxEvent, OutboxEvent.id == WebhookDelivery.event_id)
            .where(WebhookDelivery.endpoint_id == endpoint.id)
            .order_by(WebhookDelivery.id.desc())
            .limit(PAGE_ROWS + 1)
        )
        if before:
            query = query.where(WebhookDelivery.id < before)
        if state in set(DeliveryState):
            query = query.where(WebhookDelivery.state == DeliveryState(state))
        rows = [
            ShownDelivery(row=row, kind=kind, state=tag_of(row), problem=problems.sentence(row.last_error))
            for row, kind in db.execute(query)
        ]
        home = url_for("webhooks.deliveries", row_id=endpoint.id)
        kept: dict[str, Any] = {"state": state} if state else {}
        more = len(rows) > PAGE_ROWS
        next_href = (
            url_for("webhooks.deliveries", row_id=endpoint.id, before=rows[PAGE_ROWS - 1].row.id, **kept)
            if more
            else ""
        )
        page = "deliveries_table" if request.headers.get("HX-Target") == "zj-list" else "deliveries"
        return render_template(
            f"webhooks/{page}.html",
            endpoint=endpoint,
            state=state_of(endpoint),
            advice=advice_on(db, endpoint),
            days=FAILING_DAYS,
            rows=rows[:PAGE_ROWS],
            filters=[_state_filter(state)],
            home=home,
            here=request.full_path,
            first_href=url_for("webhooks.deliveries", row_id=endpoint.id, **kept) if before else "",
            next_href=next_href,
            filtered=bool(state),
        )


class DeliveryPage(View):
    """One delivery: what is sent, and how the last attempt ended."""

    access = Permission.API_VIEW

    def get(self, row_id: int, delivery_id: int) -> ResponseReturnValue:
        """Show it; its content only to who may read such events, numbers in full only to who may see them so."""
        db = session()
        endpoint, delivery, event = _delivery(db, row_id, delivery_id)
        body = None
        if rights.may_read(current_principal(), event.kind):
            full = may(Permission.NUMBERS_FULL)
            body = _pretty(deliveries.body_of(db, endpoint, event, reader_sees_numbers=full))
        return render_template(
            "webhooks/delivery.html",
            endpoint=endpoint,
            delivery=delivery,
            event=event,
            state=tag_of(delivery),
            problem=problems.sentence(delivery.last_error),
            message=deliveries.message_of(event),
            body=body,
        )


class Redeliver(View):
    """A delivery once more."""

    access = Permission.API_EDIT

    def post(self, row_id: int, delivery_id: int) -> ResponseReturnValue:
        """Have it sent."""
        db = session()
        endpoint, delivery, _ = _delivery(db, row_id, delivery_id)
        service.redeliver(db, current_principal(), endpoint, delivery)
        db.commit()
        return changed_list(lazy("It is sent once more."), url_for("webhooks.deliveries", row_id=endpoint.id))


def _delivery(
    db: TenantSession, row_id: int, delivery_id: int
) -> tuple[WebhookEndpoint, WebhookDelivery, OutboxEvent]:
    endpoint = service.endpoint_of(db, row_id)
    delivery = service.delivery_of(db, endpoint.id, delivery_id)
    event = db.get(OutboxEvent, delivery.event_id)
    if event is None:
        raise NotFound(kind="delivery", id=delivery_id)
    return endpoint, delivery, event


def _pretty(body: bytes) -> str:
    return msgspec.json.format(body, indent=2).decode()


def _state_filter(state: str) -> ShownField:
    options = [(each.value, str(text)) for each, (text, _) in STATES.items()]
    return ShownField(name="state", label=gettext("State"), kind="select", value=state, options=options)
