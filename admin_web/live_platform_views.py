"""The operator's live view of every company and every cell (ACC-3): its page, its snapshot and its stream."""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from admin_web.live import answer_stream, live, page_of
from admin_web.live_page import Audience
from core.permissions import Permission
from core.views import View, current_principal

NOTHING = Audience(names=frozenset())
"""The page gets what the feed offers, no company's events."""


class PlatformView(View):
    """For the operator's people who may see the system; others are refused."""

    access = Permission.SYSTEM_VIEW
    all_tenants = True


class Overview(PlatformView):
    """The page; its rows come by the stream."""

    def get(self) -> ResponseReturnValue:
        """Show it."""
        return render_template("platform_live/page.html")


class Snapshot(PlatformView):
    """All figures now."""

    def get(self) -> ResponseReturnValue:
        """Answer."""
        return jsonify(live().platform.snapshot())


class Stream(PlatformView):
    """All figures, then what changes, for as long as the page, its session and the right live."""

    def get(self) -> ResponseReturnValue:
        """Answer with the stream."""
        made = live()
        page = page_of(current_principal(), NOTHING, Permission.SYSTEM_VIEW)
        return answer_stream(made.platform.stream(page, made.watch.joined))


blueprint = Blueprint("platform_live", __name__)
blueprint.add_url_rule("/platform/live", view_func=Overview.as_view("page"))
blueprint.add_url_rule("/live/platform/snapshot", view_func=Snapshot.as_view("snapshot"))
blueprint.add_url_rule("/live/platform/stream", view_func=Stream.as_view("stream"))
