"""The programming interface's addresses, put together."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask
from werkzeug.routing import IntegerConverter, UnicodeConverter

from admin_web.api import accounts, call_records, calls, extensions, live, queues, recordings, view
from admin_web.api.documentation import DocumentView
from admin_web.api.schemas import MAX_ID
from admin_web.api.view import ApiView

ENDPOINTS: Final[tuple[tuple[str, type[ApiView]], ...]] = (
    ("accounts", accounts.AccountList),
    ("account", accounts.AccountOne),
    ("account_enable", accounts.AccountSwitch),
    ("account_disable", accounts.AccountOff),
    ("extensions", extensions.ExtensionList),
    ("extension", extensions.ExtensionOne),
    ("queues", queues.QueueList),
    ("queue", queues.QueueOne),
    ("queue_member", queues.QueueMemberOne),
    ("live_agents", live.LiveAgents),
    ("live_queues", live.LiveQueues),
    ("live_calls", live.LiveCalls),
    ("calls", calls.CallNew),
    ("call", calls.CallOne),
    ("call_hangup", calls.CallHangup),
    ("call_records", call_records.RecordList),
    ("call_record", call_records.RecordOne),
    ("recordings", call_records.RecordingList),
    ("recording", recordings.RecordingSound),
)
"""Name of each route and its view, in the order the document shows them."""


class IdConverter(IntegerConverter):
    """An id in an address: what no database can hold does not exist."""

    def __init__(self, map: object, **options: object) -> None:  # noqa: A002 - werkzeug's name
        super().__init__(map, min=1, max=MAX_ID)  # type: ignore[arg-type]


class CallConverter(UnicodeConverter):
    """A call's id in an address."""

    regex = call_records.CALL_ID


def blueprint(app: Flask) -> Blueprint:
    """Return the blueprint for `app`, which learns how ids are written in its addresses."""
    app.url_map.converters.update({"id": IdConverter, "call": CallConverter})
    view.install(app)
    app.extensions["zongji-api-endpoints"] = ENDPOINTS
    made = Blueprint("api", __name__, url_prefix="/api/v1")
    for name, kind in ENDPOINTS:
        made.add_url_rule(kind.rule, view_func=kind.as_view(name))
    made.add_url_rule("/openapi.json", view_func=DocumentView.as_view("document"))
    return made
