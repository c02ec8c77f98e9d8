"""Live events for pages: a snapshot with its stream position, and the stream (server-sent events)."""

from __future__ import annotations

import os
from typing import Any, cast

import gevent
import structlog
from flask import Blueprint, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from admin_web import live_snapshot
from admin_web.live_hub import Audience, LiveHub, Page, order
from admin_web.requests import SESSION_COOKIE
from admin_web.shell import switch_kind
from core import keys, redis
from core.bus import ADMIN, agent_audience
from core.clock import now_ms
from core.errors import CallerFault
from core.i18n import lazy
from core.permissions import Permission, Principal
from core.sessions import SessionOverError
from core.settings import Settings
from core.views import Open, Parts, View, current_principal, parts

CHECK_SESSIONS_S = 5.0
"""How often open streams are checked against sessions; their cache makes a check one look at Redis."""

EVERYBODY = "all"
"""Audience of every page of the tenant."""

log = structlog.get_logger(__name__)


class NoPositionError(CallerFault):
    """The position a stream should go on from is none."""

    id = "no-position"
    sentence = lazy("The position to go on from cannot be read; load a fresh snapshot.")


def make_hub(settings: Settings) -> LiveHub:
    """Return this process's hub; it reads with a client of its own, since its reads block."""
    return LiveHub(lambda: redis.from_settings(settings, reply_timeout_s=15.0), f"{os.getpid()}")


def audience_of(principal: Principal) -> Audience:
    """Return what the account may see: its own events; with the right to supervise, everybody's and all queues."""
    own = agent_audience(principal.account_id)
    if principal.may(Permission.SUPERVISE_VIEW):
        return Audience(names=frozenset({own, ADMIN, EVERYBODY}), prefixes=("agent:", "queue:"))
    return Audience(names=frozenset({own, EVERYBODY}), prefixes=("queue:",))


class Snapshot(View):
    """The state now, and the position events go on from."""

    access = Open.SIGNED_IN

    def get(self) -> ResponseReturnValue:
        """Answer; the position is read first, so that an event may come twice but never be missed."""
        principal = current_principal()
        hub = cast(LiveHub, current_app.extensions["zongji-live"])
        position = hub.position(principal.tenant_id)
        state = live_snapshot.read(parts().redis, principal.tenant_id, audience_of(principal))
        cell: Any = parts().redis.hget(keys.cell(parts().settings.cell), "connected")
        switch = {"kind": switch_kind(), "connected": cell == b"1"}
        return jsonify({"position": position, "now_ms": now_ms(), "switch": switch, **state})


class Stream(View):
    """The events after a position, for as long as the page and its session live."""

    access = Open.SIGNED_IN

    def get(self) -> ResponseReturnValue:
        """Answer with the stream."""
        principal = current_principal()
        hub = cast(LiveHub, current_app.extensions["zongji-live"])
        after = request.headers.get("Last-Event-ID") or request.args.get("after") or ""
        try:
            order(after or "0-0")
        except ValueError:
            raise NoPositionError() from None
        after = after or hub.position(principal.tenant_id)
        page = Page(principal.tenant_id, audience_of(principal), principal.session_id, principal.account_id)
        page.token = request.cookies.get(SESSION_COOKIE, "")
        _watch(current_app.extensions, hub, parts())
        return Response(
            hub.stream(page, after),
            content_type="text/event-stream; charset=utf-8",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _watch(extensions: dict[str, Any], hub: LiveHub, made: Parts) -> None:
    """Have one greenlet of this process close the streams of sessions that are over."""
    watcher = extensions.get("zongji-live-watcher")
    if watcher is None or watcher.dead:
        extensions["zongji-live-watcher"] = gevent.spawn(_close_ended, hub, made)


def _close_ended(hub: LiveHub, made: Parts) -> None:
    gevent.sleep(0)
    while True:
        pages = hub.pages
        for page in pages:
            try:
                made.sessions.verify(page.token, activity=False)
            except SessionOverError as error:
                page.over(error.id)
        gevent.sleep(CHECK_SESSIONS_S)
        if not hub.pages:
            return


blueprint = Blueprint("live", __name__, url_prefix="/live")
blueprint.add_url_rule("/snapshot", view_func=Snapshot.as_view("snapshot"))
blueprint.add_url_rule("/stream", view_func=Stream.as_view("stream"))
