"""The desk's page and the requests of its scripts (``/desk/api``; shapes in ``frontend/wire.ts``).

Every change is a command to the controller; its effect reaches the page as a pushed event.
"""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from agent_desktop import customers, errors, service, simulator, snapshot
from core.permissions import Permission
from core.views import View, current_principal, parts, session

blueprint = Blueprint("agent_desktop", __name__, url_prefix="/desk", template_folder="templates")

SHELL_ENTRY = "agent_desktop/frontend/main.ts"
"""Script for every page of signed-in people: phone, push connection, desk."""


class DeskView(View):
    """What all views of the desk have: the right to use it, and the switchboard."""

    access = Permission.DESK_USE

    @property
    def board(self) -> service.Switchboard:
        """The controller of this cell, asked as the signed-in account."""
        made = parts()
        return service.Switchboard(redis=made.redis, cell=made.settings.cell, principal=current_principal())


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def _text(field: str, limit: int = 200) -> str:
    value = _body().get(field, "")
    if not isinstance(value, str) or len(value) > limit:
        raise errors.BadFieldError(field=field)
    return value


def _whole_number(field: str) -> int:
    value = _body().get(field)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise errors.BadFieldError(field=field)
    return value


class Page(DeskView):
    """The agent's page."""

    def get(self) -> ResponseReturnValue:
        """Return the page; its content is an island of the desk's script."""
        return render_template("agent_desktop/desk.html")


class State(DeskView):
    """The state a desk starts from."""

    def get(self) -> ResponseReturnValue:
        """Return it, with the stream position it was read at."""
        made = parts()
        return jsonify(snapshot.desk_state(session(), made.redis, made.settings, current_principal()))


class SignIn(DeskView):
    """Signing in on an extension."""

    def post(self) -> ResponseReturnValue:
        """Take ``extension_id`` and ``endpoint``."""
        return jsonify(service.sign_in(self.board, _whole_number("extension_id"), _text("endpoint")))


class SignOut(DeskView):
    """Signing out of the extension."""

    def post(self) -> ResponseReturnValue:
        """At once, or when the call ends."""
        return jsonify(service.sign_out(self.board))


class SetState(DeskView):
    """Choosing a state."""

    def post(self) -> ResponseReturnValue:
        """Take ``state`` and ``reason``."""
        return jsonify(service.set_state(self.board, _text("state"), _text("reason")))


class Presence(DeskView):
    """The desk's heartbeat."""

    def post(self) -> ResponseReturnValue:
        """Take ``page``, a random id of the browser."""
        return jsonify(service.heartbeat(self.board, _text("page")))


class Leg(DeskView):
    """Call control: the same for the browser's phone and a SIP phone (DSK-3, DSK-4)."""

    def post(self, leg_id: str, action: str) -> ResponseReturnValue:
        """Do `action` with the agent's leg; ``digits`` for ``dtmf``."""
        return jsonify(service.act_on_leg(self.board, leg_id, action, _text("digits")))


class Credentials(DeskView):
    """What the browser's phone registers with."""

    def get(self) -> ResponseReturnValue:
        """Return them to the agent who is signed in with the browser's phone."""
        made = parts()
        agent = service.signed_in_agent(made.redis, current_principal())
        host = urlsplit(f"//{request.host}").hostname or made.settings.web_host
        found = service.credentials(
            session(),
            agent,
            made.settings,
            made.vault,
            host=f"[{host}]" if ":" in host else host,
            secure=request.is_secure,
        )
        return jsonify(dataclasses.asdict(found))


class Simulator(DeskView):
    """The buttons of the simulated phone; only while the switch is the simulator."""

    def post(self, action: str) -> ResponseReturnValue:
        """Do `action` (``register``, ``unregister``, ``answer``, ``hangup``, ``dtmf``) with the agent's phone."""
        made = parts()
        try:
            agent = service.signed_in_agent(made.redis, current_principal())
        except errors.NotSignedInError:
            if action != "unregister":
                raise
            return jsonify({})  # the phone follows a sign-out: there is none any more, it lapses by itself
        kind = snapshot.switch_now(made.redis, made.settings)["kind"]
        phone = simulator.SimulatedPhone(kind, made.settings, agent)
        return jsonify(phone.press(action, _text("leg_id"), _text("digits")))


class Customer(DeskView):
    """The caller's card."""

    access = Permission.CUSTOMERS_VIEW

    def get(self) -> ResponseReturnValue:
        """Return the card of ``number``."""
        number = request.args.get("number", "")[:64]
        return jsonify(customers.customer_card(session(), current_principal(), number))


class Today(DeskView):
    """The agent's own day."""

    def get(self) -> ResponseReturnValue:
        """Return figures and last calls."""
        return jsonify(customers.today(session(), current_principal()))


for _rule, _name, _view in (
    ("", "desk", Page),
    ("/api/state", "state", State),
    ("/api/sign-in", "sign_in", SignIn),
    ("/api/sign-out", "sign_out", SignOut),
    ("/api/set-state", "set_state", SetState),
    ("/api/presence", "presence", Presence),
    ("/api/legs/<leg_id>/<action>", "leg", Leg),
    ("/api/credentials", "credentials", Credentials),
    ("/api/simulator/<action>", "simulator", Simulator),
    ("/api/customer", "customer", Customer),
    ("/api/today", "today", Today),
):
    blueprint.add_url_rule(_rule, view_func=_view.as_view(_name))
