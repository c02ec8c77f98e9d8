"""Views of messages left and of wishes to be called back."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.left_messages import queries
from admin_web.records import export_views
from admin_web.records.filters import ListKind, default_range
from admin_web.records.views import limits, own_only
from admin_web.resource import Options, ShownField
from admin_web.resource_views import changed_list
from core import audit
from core.database import TenantSession, utc_now
from core.errors import CallerFault
from core.i18n import gettext, lazy
from core.permissions import Permission
from core.views import View, current_principal, may, sees_full_numbers, session
from cti.models import Queue
from cti.records import notes
from cti.records.models import CallbackState

HIGHEST_ID = 2**63
LAST_YEAR = 9000
"""Later days are nobody's."""


LABELS = {"queue_id": lazy("Queue"), "flow_id": lazy("Flow")}


class LeftList(View):
    """What both lists share: filters from the address, a page by key, the table alone for htmx."""

    access = (Permission.RECORDS_VIEW, Permission.RECORDS_OWN)
    endpoint: str
    states: Mapping[str, Any] = {}

    def wanted(self) -> tuple[queries.Wanted, dict[str, str]]:
        """Return what is asked for, and the filters as they were typed."""
        names = ("number", "state", "queue_id", "flow_id", "from", "to")
        given = {name: request.args.get(name, "").strip()[:32] for name in names}
        zone = ZoneInfo(current_principal().timezone)
        end = _day(given["to"], zone)
        wanted = queries.Wanted(
            number=given["number"],
            state=given["state"] if given["state"] in self.states else "",
            queue_id=_id("queue_id"),
            flow_id=_id("flow_id"),
            begin=_day(given["from"], zone),
            end=end + datetime.timedelta(days=1) if end else None,
            before=_position(request.args.get("before", "")),
            limits=limits(),
        )
        return wanted, given

    def filters(self, given: Mapping[str, str], **options: Options) -> list[ShownField]:
        """Return the filter bar."""
        states = [(name, str(text)) for name, text in self.states.items()]
        fields = [
            ShownField(name="number", label=gettext("Number"), kind="text", value=given["number"]),
            ShownField(
                name="state", label=gettext("State"), kind="select", value=given["state"], options=states
            ),
        ]
        fields += [
            ShownField(name=name, label=str(LABELS[name]), kind="select", value=given[name], options=choices)
            for name, choices in options.items()
        ]
        return [
            *fields,
            ShownField(name="from", label=gettext("From"), kind="date", value=given["from"]),
            ShownField(name="to", label=gettext("To"), kind="date", value=given["to"]),
        ]

    def page(
        self, name: str, given: Mapping[str, str], last: tuple[datetime.datetime, int] | None, **more: Any
    ) -> str:
        """Return the page, or the table alone."""
        kept: dict[str, Any] = {key: value for key, value in given.items() if value}
        following: dict[str, Any] = {} if last is None else {"before": f"{last[0].isoformat()}_{last[1]}"}
        part = request.headers.get("HX-Target") == "zj-list"
        return render_template(
            f"left_messages/{name}_table.html" if part else f"left_messages/{name}.html",
            home=url_for(self.endpoint),
            here=request.full_path,
            filtered=bool(kept),
            first_href=url_for(self.endpoint, **kept) if request.args.get("before") else "",
            next_href=url_for(self.endpoint, **kept, **following) if last else "",
            all_calls=not own_only(),
            **more,
        )


class Voicemails(LeftList):
    """Messages, newest first. Who sees their own calls only has none: they belong to nobody."""

    endpoint = "left_messages.voicemails"
    states = {"new": lazy("Not heard yet"), "heard": lazy("Heard")}

    def get(self) -> ResponseReturnValue:
        """Show a page of the list."""
        if own_only():
            return redirect(url_for("left_messages.callbacks"))
        db = session()
        wanted, given = self.wanted()
        rows, last = queries.messages(db, wanted)
        return self.page(
            "voicemails",
            given,
            (last.started_at, last.id) if last else None,
            rows=rows,
            filters=self.filters(given, flow_id=queries.flow_options(db)),
            may_play=may(Permission.RECORDINGS_PLAY),
            may_download=may(Permission.RECORDINGS_DOWNLOAD),
            exports=export_views.links(ListKind.MESSAGES, _exported(given)),
        )


def _exported(given: Mapping[str, str]) -> dict[str, str]:
    """Return what an export of the filtered list takes: within one month (CTI-C5). With one day named that is the rest
    of its month on the other side, with none this month.
    """
    zone = ZoneInfo(current_principal().timezone)
    first, last = _day(given["from"], zone), _day(given["to"], zone)
    named = first or last
    if named is None:
        begin, end = default_range(utc_now(), str(zone))
    else:
        days_in_it = calendar.monthrange(named.year, named.month)[1]
        begin = f"{first or named.replace(day=1):%Y-%m-%d} 00:00"
        end = f"{last or named.replace(day=days_in_it):%Y-%m-%d} 23:59"
    kept = {
        "from": begin,
        "to": end,
        "number": given["number"],
        "flow_id": given["flow_id"],
        "heard": {"heard": "yes", "new": "no"}.get(given["state"], ""),
    }
    return {name: text for name, text in kept.items() if text}


class Callbacks(LeftList):
    """Callers who want to be called back, newest first; who sees their own calls only: those of their queues, and who
    supervises some queues: of those.
    """

    endpoint = "left_messages.callbacks"
    states = {
        CallbackState.OPEN.value: lazy("Waiting to be called"),
        CallbackState.DONE.value: lazy("Called back"),
    }

    def get(self) -> ResponseReturnValue:
        """Show a page of the list."""
        db = session()
        wanted, given = self.wanted()
        rows, last = queries.callbacks(db, wanted, _own_queues(db))
        queues = db.execute(select(Queue.id, Queue.name).order_by(Queue.name))
        mine = current_principal()
        options = [(str(row_id), name) for row_id, name in queues if mine.supervises((row_id,))]
        return self.page(
            "callbacks",
            given,
            (last.asked_at, last.id) if last else None,
            rows=rows,
            filters=self.filters(given, queue_id=options, flow_id=queries.flow_options(db)),
            may_dial=may(Permission.DESK_USE),
            full=sees_full_numbers(),
        )


class Done(View):
    """A wish is dealt with: somebody called back, or nobody need."""

    access = (Permission.RECORDS_VIEW, Permission.RECORDS_OWN)

    def get(self, row_id: int) -> ResponseReturnValue:
        """Show the drawer that asks for a remark."""
        db = session()
        row = queries.callback_of(db, row_id, _own_queues(db))
        return self._page(row.remark, "")

    def post(self, row_id: int) -> ResponseReturnValue:
        """Keep it."""
        db, principal = session(), current_principal()
        row = queries.callback_of(db, row_id, _own_queues(db))
        remark = request.form.get("remark", "").strip()
        if len(remark) > notes.REMARK_LENGTH:
            return self._page(
                remark, gettext("At most %(maximum)s characters.", maximum=notes.REMARK_LENGTH)
            ), 422
        before = row.state
        notes.finish_callback(db, row.id, principal.account_id, remark, utc_now())
        audit.record(
            db,
            principal,
            "records.callback-done",
            row,
            {"state": [before, row.state], "remark": [None, remark]},
        )
        db.commit()
        return changed_list(lazy("Saved."), url_for("left_messages.callbacks"))

    @staticmethod
    def _page(remark: str, error: str) -> str:
        field = ShownField(
            name="remark",
            label=gettext("Remark"),
            kind="textarea",
            value=remark,
            max_length=notes.REMARK_LENGTH,
            error=error,
        )
        return render_template(
            "resource/dialog.html",
            title=gettext("Called back"),
            button=gettext("Mark as done"),
            fields=[field],
            can_do=True,
        )


class NotDoneError(CallerFault):
    """The wish is open: there is nothing to take back."""

    id = "not-done"
    status = 409
    sentence = lazy("This is open already.")


class Reopen(View):
    """A wish that was said to be dealt with is open again."""

    access = (Permission.RECORDS_VIEW, Permission.RECORDS_OWN)

    def post(self, row_id: int) -> ResponseReturnValue:
        """Do it."""
        db, principal = session(), current_principal()
        row = queries.callback_of(db, row_id, _own_queues(db))
        if row.state is CallbackState.OPEN:
            raise NotDoneError()
        row.state, row.done_by, row.done_at = CallbackState.OPEN, 0, None
        audit.record(
            db, principal, "records.callback-reopen", row, {"state": [CallbackState.DONE, row.state]}
        )
        db.commit()
        return changed_list(lazy("Saved."), url_for("left_messages.callbacks"))


def _own_queues(db: TenantSession) -> list[int] | None:
    """Return the queues whose wishes the account may see, or None for all."""
    account_id, within = own_only(), limits()
    if account_id:
        return queries.queues_of(db, account_id)
    return None if within is None else sorted(within.queues)


def _id(name: str) -> int:
    asked = request.args.get(name, 0, int)
    return asked if 0 < asked < HIGHEST_ID else 0


def _day(text: str, zone: ZoneInfo) -> datetime.datetime | None:
    try:
        day = datetime.datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError:
        return None
    return day if day.year < LAST_YEAR else None


def _position(text: str) -> tuple[datetime.datetime, int] | None:
    moment, _, row_id = text.rpartition("_")
    try:
        at, last_id = datetime.datetime.fromisoformat(moment), int(row_id)
    except ValueError:
        return None
    return None if at.tzinfo is None else (at, last_id)


blueprint = Blueprint("left_messages", __name__, url_prefix="/left-messages")
blueprint.add_url_rule("", view_func=Voicemails.as_view("voicemails"))
blueprint.add_url_rule("/callbacks", view_func=Callbacks.as_view("callbacks"))
blueprint.add_url_rule("/callbacks/<int:row_id>/done", view_func=Done.as_view("done"))
blueprint.add_url_rule("/callbacks/<int:row_id>/reopen", view_func=Reopen.as_view("reopen"))
