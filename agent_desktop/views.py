"""The desk's page and the requests of its scripts (``/desk/api``; shapes in ``frontend/wire.ts``).

Every change is a command to the controller; its effect reaches the page as a pushed event.
"""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlsplit

import msgspec
from flask import Blueprint, current_app, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from agent_desktop import (
    customers,
    own_extension,
    pops,
    service,
    simulator,
    snapshot,
    transfers,
    work,
    wrap_ups,
)
from core.errors import BadFieldError
from core.permissions import Permission
from core.views import View, current_principal, may, parts, session
from cti import refusals
from cti.desk import chat

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
    """Return the JSON object that was sent; without one there are no fields. Raises ``BadFieldError`` for what is no
    JSON (lone surrogates, nested without end).
    """
    if not request.is_json:
        return {}
    try:
        body = msgspec.json.decode(request.get_data())
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise BadFieldError(field="body") from None
    return body if isinstance(body, dict) else {}


def _text(field: str, limit: int = 200) -> str:
    value = _body().get(field, "")
    if not isinstance(value, str) or len(value) > limit:
        raise BadFieldError(field=field)
    return value


def _whole_number(field: str) -> int:
    value = _body().get(field)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadFieldError(field=field)
    return value


class Page(DeskView):
    """The agent's page."""

    def get(self) -> ResponseReturnValue:
        """Return the page; its content is an island of the desk's script."""
        wanted = {
            "inbound": "records.inbound",
            "outbound": "records.outbound",
            "missed": "records.missed",
            "messages": "left_messages.voicemails",
        }
        may_look = may((Permission.RECORDS_VIEW, Permission.RECORDS_OWN))
        known = current_app.view_functions if may_look else {}
        lists = {name: url_for(endpoint) for name, endpoint in wanted.items() if endpoint in known}
        return render_template("agent_desktop/desk.html", lists=lists)


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
        return jsonify(service.set_state(self.board, session(), _text("state"), _text("reason")))


class WrapUp(DeskView):
    """The wrap-up as a state."""

    def post(self) -> ResponseReturnValue:
        """End it early or make it longer, as ``do`` says."""
        return jsonify(service.wrap_up(self.board, _text("do")))


class WrapUps(DeskView):
    """The wrap-up forms of the account (DSK-9)."""

    def get(self) -> ResponseReturnValue:
        """Return the open drafts."""
        return jsonify({"drafts": wrap_ups.drafts(session(), current_principal())})

    def post(self, do: str) -> ResponseReturnValue:
        """``keep`` a draft, ``save`` the wrap-up, or ``discard`` a draft."""
        db, principal = session(), current_principal()
        if do == "discard":
            wrap_ups.discard(db, principal, _text("call_id", 64))
            db.commit()
            return jsonify({})
        if do not in ("keep", "save"):
            raise BadFieldError(field="do")
        form = wrap_ups.form_of(_body())
        write = wrap_ups.save if do == "save" else wrap_ups.keep
        row = write(db, parts().redis, principal, form)
        db.commit()
        return jsonify(wrap_ups.shown(row))


class Work(DeskView):
    """The work list."""

    def get(self) -> ResponseReturnValue:
        """Return its entries."""
        return jsonify({"entries": work.work_list(session(), current_principal())})

    def post(self, kind: str, entry_id: int, do: str) -> ResponseReturnValue:
        """``call`` the number of an entry (with ``key``), or say that it is ``done``, or ``open`` again."""
        db, principal = session(), current_principal()
        if do == "call":
            number = work.number_of(db, principal, kind, entry_id)
            return jsonify(service.dial_again(self.board, number, _text("key", 64)))
        if do not in ("done", "open"):
            raise BadFieldError(field="do")
        work.mark(db, principal, kind, entry_id, done=do == "done", remark=_text("remark", 500))
        db.commit()
        return jsonify({})


class Chats(DeskView):
    """Who wrote to the agent (SUP-9)."""

    def get(self) -> ResponseReturnValue:
        """Return the supervisors, the last one first, with what is unread."""
        return jsonify({"threads": chat.threads_of_agent(session(), current_principal().account_id)})


class Chat(DeskView):
    """What a supervisor and the agent wrote to each other."""

    def get(self, supervisor_id: int) -> ResponseReturnValue:
        """Return the last lines, or those before the line ``before``."""
        db = session()
        thread = chat.of_agent(db, current_principal(), supervisor_id)
        return jsonify(chat.page(db, thread, max(0, min(request.args.get("before", 0, int), 2**63 - 1))))

    def post(self, supervisor_id: int, do: str) -> ResponseReturnValue:
        """``write`` a ``text``, or note that lines ``up_to`` an id were ``read``."""
        db, made, me = session(), parts(), current_principal()
        thread = chat.of_agent(db, me, supervisor_id)
        if do == "write":
            text = _text("text", chat.LONGEST)
            return jsonify(chat.write(db, made.redis, made.throttle, me, thread, text))
        if do != "read":
            raise BadFieldError(field="do")
        chat.read_up_to(db, made.redis, me, thread, min(_whole_number("up_to"), 2**63 - 1))
        return jsonify({})


class Pop(DeskView):
    """What opens for a call."""

    def get(self) -> ResponseReturnValue:
        """Return it for ``call``, one that is offered to the account or up."""
        made = parts()
        agent = service.signed_in_agent(made.redis, current_principal())
        call_id = request.args.get("call", "")[:64]
        return jsonify(pops.pop_of(session(), made.redis, current_principal(), agent, call_id))


class OwnExtension(DeskView):
    """The account's own extension (DSK-8): bound number, forwarding, when its page opens; the rest needs the right."""

    def get(self) -> ResponseReturnValue:
        """Return the settings."""
        return jsonify(own_extension.settings_of(session(), current_principal()))

    def post(self) -> ResponseReturnValue:
        """Change them."""
        db = session()
        own_extension.change(db, parts().redis, current_principal(), own_extension.form_of(_body()))
        db.commit()
        return jsonify(own_extension.settings_of(db, current_principal()))


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


class TransferTargets(DeskView):
    """Whom a customer can be handed to."""

    def get(self) -> ResponseReturnValue:
        """Return agents, queues and flows that have ``q`` in name, number or code."""
        query = request.args.get("q", "")[:64]
        return jsonify(transfers.targets(session(), parts().redis, current_principal(), query))


class Transfer(DeskView):
    """Handing the customer over, or asking somebody first (DSK-3)."""

    def post(self, leg_id: str, first: bool) -> ResponseReturnValue:
        """Take ``kind`` and ``id``, of a number ``number``."""
        kind = _text("kind", 16)
        number, target_id = ("", _whole_number("id")) if kind != "number" else (_text("number", 64), 0)
        do = transfers.consult if first else transfers.blind
        return jsonify(do(self.board, leg_id[:64], kind, target_id, number))


class Dial(DeskView):
    """A call to a number the agent typed or clicked."""

    def post(self) -> ResponseReturnValue:
        """Take ``to``, or ``call`` whose other party is called, and ``key``, random for each click."""
        to, call_id = _text("to", 64), _text("call", 64)
        if call_id:
            number = customers.number_of_call(session(), parts().redis, current_principal(), call_id)
            return jsonify(service.dial_again(self.board, number, _text("key", 64)))
        return jsonify(service.dial(self.board, to, _text("key", 64)))


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
        except refusals.NotSignedInError:
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
        """Return the card of ``number``, or of the other party of ``call``: pages that see numbers masked name it."""
        number, call_id = (request.args.get(name, "")[:64] for name in ("number", "call"))
        if call_id:
            number = customers.number_of_call(session(), parts().redis, current_principal(), call_id)
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
    ("/api/wrap-up", "wrap_up", WrapUp),
    ("/api/pop", "pop", Pop),
    ("/api/extension", "own_extension", OwnExtension),
    ("/api/legs/<leg_id>/<action>", "leg", Leg),
    ("/api/transfer-targets", "transfer_targets", TransferTargets),
    ("/api/dial", "dial", Dial),
    ("/api/credentials", "credentials", Credentials),
    ("/api/simulator/<action>", "simulator", Simulator),
    ("/api/customer", "customer", Customer),
    ("/api/today", "today", Today),
    ("/api/chat", "chats", Chats),
):
    blueprint.add_url_rule(_rule, view_func=_view.as_view(_name))
blueprint.add_url_rule("/api/wrap-ups", view_func=WrapUps.as_view("wrap_ups"), methods=["GET"])
blueprint.add_url_rule("/api/wrap-ups/<do>", view_func=WrapUps.as_view("wrap_up_form"), methods=["POST"])
blueprint.add_url_rule("/api/chat/<int:supervisor_id>", view_func=Chat.as_view("chat"), methods=["GET"])
blueprint.add_url_rule(
    "/api/chat/<int:supervisor_id>/<do>", view_func=Chat.as_view("chat_do"), methods=["POST"]
)
blueprint.add_url_rule("/api/work", view_func=Work.as_view("work"), methods=["GET"])
blueprint.add_url_rule(
    "/api/work/<kind>/<int:entry_id>/<do>", view_func=Work.as_view("work_entry"), methods=["POST"]
)
for _rule, _first in (("transfer", False), ("consult", True)):
    blueprint.add_url_rule(
        f"/api/legs/<leg_id>/{_rule}", view_func=Transfer.as_view(_rule), defaults={"first": _first}
    )
