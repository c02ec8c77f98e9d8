"""Live events for pages: a snapshot with its stream position, and the stream (server-sent events)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from admin_web import live_snapshot
from admin_web.live_hub import LiveHub
from admin_web.live_page import Audience, Page, order
from admin_web.live_platform import PlatformFeed, read_names
from admin_web.live_sessions import SessionWatch
from admin_web.requests import SESSION_COOKIE
from admin_web.shell import switch_kind
from core import keys, redis
from core.bus import (
    ADMIN,
    agent_audience,
    chat_audience,
    queue_audience,
    supervisors_audience,
    waiting_audience,
)
from core.clock import now_ms
from core.errors import CallerFault, TemporaryFault
from core.i18n import lazy
from core.permissions import Permission, Principal
from core.views import Open, Parts, View, current_principal, parts

EVERYBODY = "all"
"""Audience of every page of the tenant."""


MAX_STREAMS = 64
"""Streams one session may have open in a process: more than anybody has pages, fewer than would use up the process's
connections.
"""


class TooManyStreamsError(TemporaryFault):
    """The session has as many open pages as it may."""

    id = "too-many-streams"
    status = 429
    sentence = lazy("Too many pages are open in this browser; close some.")


class NoPositionError(CallerFault):
    """The position a stream should go on from is none."""

    id = "no-position"
    sentence = lazy("The position to go on from cannot be read; load a fresh snapshot.")


class Live:
    """What a web process has for its open pages; made once in the composition root."""

    def __init__(self, made: Parts) -> None:
        settings = made.settings
        self.hub = LiveHub(
            lambda: redis.from_settings(settings, reply_timeout_s=15.0),  # of its own, since its reads block
            f"{os.getpid()}",
            on_join=lambda page: self.watch.joined(page),
            on_sessions=lambda: self.watch.wake(),
        )
        self.platform = PlatformFeed(made.redis, lambda: read_names(made.database))
        self.watch = SessionWatch(
            made.sessions,
            lambda: [*self.hub.pages, *self.platform.pages],
            self.audience,
            self.hub.change_rights,
        )
        self._redis = made.redis

    def audience(self, principal: Principal) -> Audience:
        """Return what pages of the account may see now: :func:`audience_of`, and how many wait in the queues whose
        calls it takes where it is signed in.
        """
        allowed = audience_of(principal)
        if principal.may(Permission.SUPERVISE_VIEW):
            return allowed
        queues = live_snapshot.queues_of(self._redis, principal.tenant_id, principal.account_id)
        return dataclasses.replace(allowed, names=allowed.names.union(map(waiting_audience, queues)))


def live() -> Live:
    """Return what the process that serves this request has for open pages."""
    return cast(Live, current_app.extensions["zongji-live"])


def audience_of(principal: Principal) -> Audience:
    """Return what the account may see: its own events; with the right to supervise, everybody's and all queues, or
    those of the queues it supervises alone. Nobody else is told of other agents, of callers or of queues.

    Numbers are masked without the right to see them in full.
    """
    full = principal.may(Permission.NUMBERS_FULL)
    own = {agent_audience(principal.account_id), chat_audience(principal.account_id), EVERYBODY}
    if principal.may(Permission.SUPERVISE_VIEW):
        if principal.queues is not None:
            kinds = (queue_audience, supervisors_audience)
            some = {kind(queue_id) for queue_id in principal.queues for kind in kinds}
            return Audience(names=frozenset({*own, *some}), full=full)
        return Audience(names=frozenset({*own, ADMIN}), prefixes=("agent:", "queue:"), full=full)
    return Audience(names=frozenset(own), full=full)


class Snapshot(View):
    """The state now, and the position events go on from."""

    access = Open.SIGNED_IN

    def get(self) -> ResponseReturnValue:
        """Answer; the position is read first, so that an event may come twice but never be missed."""
        principal = current_principal()
        hub = live().hub
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
        hub = live().hub
        after = request.headers.get("Last-Event-ID") or request.args.get("after") or ""
        try:
            order(after or "0-0")
        except ValueError:
            raise NoPositionError() from None
        if sum(page.session_id == principal.session_id for page in hub.pages) >= MAX_STREAMS:
            raise TooManyStreamsError()
        after = after or hub.position(principal.tenant_id)
        return answer_stream(hub.stream(page_of(principal, live().audience(principal)), after))


def page_of(principal: Principal, audience: Audience, needs: Permission | None = None) -> Page:
    """Return a page for the request being served; without the right `needs` its stream ends."""
    return Page(
        principal.tenant_id,
        audience,
        principal.session_id,
        principal.account_id,
        token=request.cookies.get(SESSION_COOKIE, ""),
        ip=request.remote_addr or "",
        permissions=principal.permissions,
        needs=needs,
    )


def answer_stream(events: Iterator[bytes]) -> Response:
    """Return the answer that writes `events` as they come."""
    return Response(
        events,
        content_type="text/event-stream; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


blueprint = Blueprint("live", __name__, url_prefix="/live")
blueprint.add_url_rule("/snapshot", view_func=Snapshot.as_view("snapshot"))
blueprint.add_url_rule("/stream", view_func=Stream.as_view("stream"))
