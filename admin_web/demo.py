"""The test call page: what the demo is, a caller at the press of a button, and what happens then, live."""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.resources import destinations
from admin_web.shell import switch_kind
from core.permissions import Permission
from core.settings import SwitchKind
from core.views import View, current_principal, parts, sees_full_numbers, session
from crm.models import Customer
from cti import demo_call
from cti.models import InboundRoute

DEFAULT_CALLER = "13800138000"


class DemoPage(View):
    """Explains, and places a call."""

    access = Permission.DEMO_CALL

    def get(self) -> ResponseReturnValue:
        """Show the page."""
        db = session()
        routes = db.scalars(
            select(InboundRoute).where(InboundRoute.number.is_not(None)).order_by(InboundRoute.id)
        ).all()
        return render_template(
            "demo/page.html",
            routes=routes,
            names=destinations.names(db),
            customers=db.scalars(select(Customer).order_by(Customer.id).limit(20)).all()
            if sees_full_numbers()
            else (),  # what is picked is dialled, so a masked number is of no use
            simulated=switch_kind() == SwitchKind.SWITCHSIM.value,
            demo=current_app.extensions["zongji-demo"],
            default_caller=DEFAULT_CALLER,
        )

    def post(self) -> ResponseReturnValue:
        """Place the call; the page follows it by live events."""
        made = parts()
        key, at_s = request.form.get("key", "").strip(), request.form.get("key_at_s", 6.0, float)
        placed = demo_call.place(
            session(),
            made.redis,
            made.settings.cell,
            number=request.form.get("number", ""),
            caller=request.form.get("caller", ""),
            keys=[(at_s, key)] if key else [],
            hangup_after_s=request.form.get("hangup_after_s", 120.0, float),
            actor_id=current_principal().account_id,
        )
        return jsonify({"ok": True, "number": placed.number, "caller": placed.caller})


blueprint = Blueprint("demo", __name__)
blueprint.add_url_rule("/demo", view_func=DemoPage.as_view("page"))
