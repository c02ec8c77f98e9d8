"""Pages of webhooks (ACC-13): endpoints and their secrets, shown once."""

from __future__ import annotations

import json

from flask import Blueprint, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.resource import ShownField
from admin_web.resource_views import changed_list
from admin_web.webhooks import delivery_views, service
from admin_web.webhooks.health import FAILING_DAYS
from admin_web.webhooks.models import WebhookEndpoint
from admin_web.webhooks.shown import advice_on, state_of
from core.errors import CallerFault
from core.i18n import gettext, lazy
from core.outbox.kinds import EXPLANATIONS, SUBJECTS, EventKind
from core.permissions import Permission
from core.views import View, current_principal, parts, session


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
        return _form(row, values, service.kinds_of(row), {}, advice_on(session(), row))

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


def _kinds() -> frozenset[EventKind]:
    known = {kind.value for kind in EventKind}
    return frozenset(EventKind(each) for each in request.form.getlist("kinds") if each in known)


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


blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")
blueprint.add_url_rule("", view_func=EndpointList.as_view("endpoints"))
blueprint.add_url_rule("/new", view_func=NewEndpoint.as_view("new"))
blueprint.add_url_rule("/<int:row_id>", view_func=EditEndpoint.as_view("edit"))
blueprint.add_url_rule("/<int:row_id>/secret", view_func=RotateSecret.as_view("secret"))
blueprint.add_url_rule("/<int:row_id>/delete", view_func=DeleteEndpoint.as_view("delete"))
blueprint.add_url_rule("/<int:row_id>/test", view_func=delivery_views.TestEndpoint.as_view("test"))
blueprint.add_url_rule(
    "/<int:row_id>/deliveries", view_func=delivery_views.DeliveryList.as_view("deliveries")
)
blueprint.add_url_rule(
    "/<int:row_id>/deliveries/<int:delivery_id>", view_func=delivery_views.DeliveryPage.as_view("delivery")
)
blueprint.add_url_rule(
    "/<int:row_id>/deliveries/<int:delivery_id>/redeliver",
    view_func=delivery_views.Redeliver.as_view("redeliver"),
)
