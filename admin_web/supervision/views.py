"""The supervisor's page, its state, and its requests (``/supervision/api``; shapes in ``frontend/supervision``)."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from admin_web.live import audience_of
from admin_web.supervision import service, state, thresholds, today
from core.errors import BadFieldError
from core.permissions import Permission, require
from core.views import View, current_principal, parts, session
from cti.desk import chat

blueprint = Blueprint("supervision", __name__, url_prefix="/supervision")
blueprint.record_once(lambda setup: today.set_up(setup.app))


class Page(View):
    """The page; what it shows comes by its script."""

    access = Permission.SUPERVISE_VIEW

    def get(self) -> ResponseReturnValue:
        """Show it."""
        return render_template("supervision/page.html", account_id=current_principal().account_id, wall=False)


class Wallboard(View):
    """The queues' figures for a screen on the wall."""

    access = Permission.SUPERVISE_VIEW

    def get(self) -> ResponseReturnValue:
        """Show it."""
        return render_template("supervision/page.html", account_id=current_principal().account_id, wall=True)


class State(View):
    """Everything as it is now."""

    access = Permission.SUPERVISE_VIEW

    def get(self) -> ResponseReturnValue:
        """Answer."""
        return jsonify(state.read(session(), parts().redis, current_principal()))


class Act(View):
    """What is done about agents and waiting calls."""

    access = Permission.SUPERVISE_ACT

    def post(self, action: str) -> ResponseReturnValue:
        """Do `action`; the fields are those of `service`'s function of that name."""
        made, sent = parts(), Sent()
        board = service.Board(
            session=session(), redis=made.redis, cell=made.settings.cell, principal=current_principal()
        )
        match action:
            case "start":
                done = service.start(board, sent.number("agent_id"), sent.text("mode"))
            case "mode":
                done = service.set_mode(board, sent.number("agent_id"), sent.text("mode"))
            case "stop":
                done = service.stop(board)
            case "hangup":
                done = service.hang_up(board, sent.number("agent_id"))
            case "take-over":
                done = service.take_over(board, sent.number("agent_id"))
            case "pick-up":
                done = service.pick_up(board, sent.text("call_id"))
            case "move":
                done = service.move(
                    board,
                    sent.text("call_id"),
                    sent.number("queue_id"),
                    front=sent.fields.get("front") is True,
                )
            case "set-state":
                done = service.set_state(board, sent.number("agent_id"), sent.text("state"))
            case "sign-out":
                done = service.sign_out(board, sent.number("agent_id"))
            case _:
                raise BadFieldError(field="action")
        return jsonify(done)


class Customer(View):
    """The card of who a call that is up is with (SUP-10)."""

    access = Permission.SUPERVISE_VIEW

    def get(self, call_id: str) -> ResponseReturnValue:
        """Answer as the desk's card is; numbers are masked alike."""
        me = current_principal()
        require(me, Permission.CUSTOMERS_VIEW)
        return jsonify(service.customer(session(), parts().redis, me, audience_of(me), call_id))


class Chat(View):
    """What the supervisor and an agent wrote to each other (SUP-9)."""

    access = Permission.SUPERVISE_CHAT

    def get(self, agent_id: int) -> ResponseReturnValue:
        """Answer with the last lines, or those before the line ``before``."""
        db = session()
        thread = chat.of_supervisor(db, current_principal(), agent_id)
        return jsonify(chat.page(db, thread, line_id(request.args.get("before", "0"))))

    def post(self, agent_id: int) -> ResponseReturnValue:
        """Take ``text`` and send it."""
        db, made, me = session(), parts(), current_principal()
        thread = chat.of_supervisor(db, me, agent_id)
        return jsonify(
            chat.write(db, made.redis, made.throttle, me, thread, Sent().text("text", chat.LONGEST))
        )


class ChatRead(View):
    """The supervisor saw an agent's answers."""

    access = Permission.SUPERVISE_CHAT

    def post(self, agent_id: int) -> ResponseReturnValue:
        """Take ``up_to``, the id of the last line seen."""
        db, me = session(), current_principal()
        thread = chat.of_supervisor(db, me, agent_id)
        chat.read_up_to(db, parts().redis, me, thread, Sent().number("up_to"))
        return jsonify({})


def line_id(text: str) -> int:
    """Return the id of a line in an address; 0 for none. Raises ``BadFieldError``."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadFieldError(field="before")
    return int(text)


class Thresholds(View):
    """When a queue turns amber and red."""

    access = Permission.SUPERVISE_ACT

    def post(self, queue_id: int) -> ResponseReturnValue:
        """Take the fields of `thresholds.LIMITS`."""
        thresholds.save(session(), current_principal(), queue_id, Sent().fields)
        return jsonify({})


class Sent:
    """The JSON object that was sent; what is no object has no fields."""

    def __init__(self) -> None:
        body: Any = {}
        if request.is_json:
            try:
                body = msgspec.json.decode(request.get_data())
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                raise BadFieldError(field="body") from None
        self.fields: dict[str, Any] = body if isinstance(body, dict) else {}

    def text(self, name: str, longest: int = 64) -> str:
        """Return a text of at most `longest` letters. Raises ``BadFieldError``."""
        value = self.fields.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            raise BadFieldError(field=name)
        return value

    def number(self, name: str) -> int:
        """Return an id. Raises ``BadFieldError``."""
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**63:
            raise BadFieldError(field=name)
        return value


blueprint.add_url_rule("", view_func=Page.as_view("page"))
blueprint.add_url_rule("/wallboard", view_func=Wallboard.as_view("wallboard"))
blueprint.add_url_rule("/api/state", view_func=State.as_view("state"))
blueprint.add_url_rule("/api/act/<action>", view_func=Act.as_view("act"))
blueprint.add_url_rule("/api/customer/<call_id>", view_func=Customer.as_view("customer"))
blueprint.add_url_rule("/api/chat/<int:agent_id>", view_func=Chat.as_view("chat"))
blueprint.add_url_rule("/api/chat/<int:agent_id>/read", view_func=ChatRead.as_view("chat_read"))
blueprint.add_url_rule("/api/thresholds/<int:queue_id>", view_func=Thresholds.as_view("thresholds"))
