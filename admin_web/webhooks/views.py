"""Pages of webhooks (ACC-13): endpoints, their secrets (shown once), a test event, what was delivered and what not."""

from __future__ import annotations

import dataclasses
import json
import random
import secrets
from typing import Any

import msgspec
from flask import Blueprint, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.resource import ShownField, Tag
from admin_web.resource_views import PAGE_ROWS, changed_list
from admin_web.webhooks import deliveries, problems, rights, service
from admin_web.webhooks.health import FAILING_DAYS
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from core.errors import CallerFault, NotFound
from core.i18n import gettext, lazy
from core.outbound_http import Outbound
from core.outbox.kinds import EXPLANATIONS, SUBJECTS, EventKind
from core.outbox.models import OutboxEvent
from core.permissions import Permission
from core.tables import utc_now
from core.tenancy import TenantSession
from core.views import View, current_principal, may, parts, session

STATES = {
    DeliveryState.PENDING: (lazy("On its way"), "amber"),
    DeliveryState.DELIVERED: (lazy("Delivered"), "green"),
    DeliveryState.FAILED: (lazy("Failed"), "red"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownDelivery:
    """A line of the list of deliveries."""

    row: WebhookDelivery
    kind: str
    state: Tag
    problem: str


def state_of(row: WebhookEndpoint) -> Tag:
    """Return how the endpoint fares, in a word."""
    if not row.enabled:
        words = {
            "gone": gettext("Disabled: the receiver wants no more"),
            "failing": gettext("Disabled: failed for days"),
            problems.UNSEEN: gettext("Disabled: its account may not see what it tells"),
        }
        return Tag(
            text=words.get(row.disabled_why, gettext("Disabled")),
            colour="red" if row.disabled_why else "grey",
        )
    if row.failing_since is not None:
        return Tag(text=gettext("Failing"), colour="amber")
    return Tag(text=gettext("Enabled"), colour="green")


class EndpointList(View):
    """The company's webhooks; at most `service.MAX_ENDPOINTS`, so the list comes whole."""

    access = Permission.API_VIEW

    def get(self) -> ResponseReturnValue:
        """Show it."""
        rows = session().scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id.desc())).all()
        shown = [
            {
                "row": row,
                "state": state_of(row),
                "kinds": sorted(kind.value for kind in service.kinds_of(row)),
            }
            for row in rows
        ]
        part = request.headers.get("HX-Target") == "zj-list"
        return render_template(
            "webhooks/table.html" if part else "webhooks/list.html", endpoints=shown, days=FAILING_DAYS
        )


class NewEndpoint(View):
    """The form of a new webhook, and then its secret."""

    access = Permission.API_EDIT

    def get(self) -> ResponseReturnValue:
        """Show the form."""
        return _form(None, {"enabled": True}, frozenset(), {})

    def post(self) -> ResponseReturnValue:
        """Make it and show its secret, this once."""
        db = session()
        try:
            endpoint, secret = service.create(
                db,
                parts().vault,
                current_principal(),
                name=request.form.get("name", ""),
                url=request.form.get("url", ""),
                kinds=_kinds(),
                enabled=bool(request.form.get("enabled")),
            )
            db.commit()
        except CallerFault as error:
            db.rollback()
            return _again(None, error)
        return _secret(endpoint, secret, rotated=False)


class EditEndpoint(View):
    """The form of a webhook."""

    access = Permission.API_VIEW
    method_access = {"POST": Permission.API_EDIT}

    def get(self, row_id: int) -> ResponseReturnValue:
        """Show it."""
        row = service.endpoint_of(session(), row_id)
        values: dict[str, str | bool] = {"name": row.name, "url": row.url, "enabled": row.enabled}
        return _form(row, values, service.kinds_of(row), {}, _advice(session(), row))

    def post(self, row_id: int) -> ResponseReturnValue:
        """Save it."""
        db = session()
        row = service.endpoint_of(db, row_id)
        try:
            service.change(
                db,
                current_principal(),
                row,
                name=request.form.get("name", ""),
                url=request.form.get("url", ""),
                kinds=_kinds(),
                enabled=bool(request.form.get("enabled")),
            )
            db.commit()
        except CallerFault as error:
            db.rollback()
            return _again(service.endpoint_of(db, row_id), error)
        return changed_list(lazy("Saved: %(name)s", name=row.name), url_for("webhooks.endpoints"))


class RotateSecret(View):
    """A new secret for a webhook."""

    access = Permission.API_EDIT

    def post(self, row_id: int) -> ResponseReturnValue:
        """Make it and show it, this once."""
        db = session()
        row = service.endpoint_of(db, row_id, lock=True)
        secret = service.rotate(db, parts().vault, current_principal(), row)
        db.commit()
        return _secret(row, secret, rotated=True)


class DeleteEndpoint(View):
    """A webhook gone for good."""

    access = Permission.API_EDIT

    def post(self, row_id: int) -> ResponseReturnValue:
        """Delete it with its deliveries."""
        db = session()
        row = service.endpoint_of(db, row_id, lock=True)
        name = row.name
        service.remove(db, current_principal(), row)
        db.commit()
        return changed_list(
            lazy("The webhook %(name)s is deleted.", name=name), url_for("webhooks.endpoints")
        )


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
            ShownDelivery(row=row, kind=kind, state=_tag(row), problem=problems.sentence(row.last_error))
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
            advice=_advice(db, endpoint),
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
            state=_tag(delivery),
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


def _advice(db: TenantSession, row: WebhookEndpoint) -> str:
    """Return what is to be done about an endpoint the platform switched off, or ``""``."""
    if row.enabled or not row.disabled_why:
        return ""
    if row.disabled_why == problems.UNSEEN:
        return service.advice(db, row)
    return gettext("Enable it again once the receiver works.")


def _tag(row: WebhookDelivery) -> Tag:
    text, colour = STATES[row.state]
    return Tag(text=str(text), colour=colour)


def _delivery(
    db: TenantSession, row_id: int, delivery_id: int
) -> tuple[WebhookEndpoint, WebhookDelivery, OutboxEvent]:
    endpoint = service.endpoint_of(db, row_id)
    delivery = service.delivery_of(db, endpoint.id, delivery_id)
    event = db.get(OutboxEvent, delivery.event_id)
    if event is None:
        raise NotFound(kind="delivery", id=delivery_id)
    return endpoint, delivery, event


def _kinds() -> frozenset[EventKind]:
    known = {kind.value for kind in EventKind}
    return frozenset(EventKind(each) for each in request.form.getlist("kinds") if each in known)


def _pretty(body: bytes) -> str:
    return msgspec.json.format(body, indent=2).decode()


def _secret(endpoint: WebhookEndpoint, secret: str, *, rotated: bool) -> ResponseReturnValue:
    page = render_template("webhooks/secret.html", endpoint=endpoint, secret=secret, rotated=rotated)
    response = make_response(page)
    response.headers["HX-Trigger"] = json.dumps({"zj:changed": {}})
    return response


def _again(row: WebhookEndpoint | None, error: CallerFault) -> tuple[str, int]:
    values: dict[str, str | bool] = {name: request.form.get(name, "") for name in ("name", "url")}
    values["enabled"] = bool(request.form.get("enabled"))
    field = str(error.details.get("field", ""))
    errors = {field: error.text()} if field else {}
    return _form(row, values, _kinds(), errors, "" if field else error.text()), error.status


def _form(
    row: WebhookEndpoint | None,
    values: dict[str, str | bool],
    kinds: frozenset[EventKind],
    errors: dict[str, str],
    message: str = "",
) -> str:
    fields = [
        ShownField(
            name="name",
            label=gettext("Name"),
            kind="text",
            value=values.get("name", ""),
            required=True,
            max_length=100,
            hint=gettext("What it is for, such as the system that receives the events."),
            error=errors.get("name", ""),
        ),
        ShownField(
            name="url",
            label=gettext("Address"),
            kind="text",
            value=values.get("url", ""),
            required=True,
            max_length=500,
            hint=gettext(
                "Begins with https://. It must be on the public internet, or in a network the operator opened."
            ),
            error=errors.get("url", ""),
        ),
        ShownField(
            name="enabled", label=gettext("Enabled"), kind="checkbox", value=values.get("enabled", True)
        ),
    ]
    groups = [
        (str(heading), [(kind, str(EXPLANATIONS[kind])) for kind in EventKind if kind.subject == subject])
        for subject, heading in SUBJECTS.items()
    ]
    return render_template(
        "webhooks/form.html",
        row=row,
        fields=fields,
        groups=groups,
        kinds=kinds,
        kinds_error=errors.get("kinds", ""),
        message=message,
        action=url_for("webhooks.edit", row_id=row.id) if row else url_for("webhooks.new"),
    )


def _state_filter(state: str) -> ShownField:
    options = [(each.value, str(text)) for each, (text, _) in STATES.items()]
    return ShownField(name="state", label=gettext("State"), kind="select", value=state, options=options)


blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")
blueprint.add_url_rule("", view_func=EndpointList.as_view("endpoints"))
blueprint.add_url_rule("/new", view_func=NewEndpoint.as_view("new"))
blueprint.add_url_rule("/<int:row_id>", view_func=EditEndpoint.as_view("edit"))
blueprint.add_url_rule("/<int:row_id>/secret", view_func=RotateSecret.as_view("secret"))
blueprint.add_url_rule("/<int:row_id>/delete", view_func=DeleteEndpoint.as_view("delete"))
blueprint.add_url_rule("/<int:row_id>/test", view_func=TestEndpoint.as_view("test"))
blueprint.add_url_rule("/<int:row_id>/deliveries", view_func=DeliveryList.as_view("deliveries"))
blueprint.add_url_rule(
    "/<int:row_id>/deliveries/<int:delivery_id>", view_func=DeliveryPage.as_view("delivery")
)
blueprint.add_url_rule(
    "/<int:row_id>/deliveries/<int:delivery_id>/redeliver", view_func=Redeliver.as_view("redeliver")
)
