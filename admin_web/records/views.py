"""Views of call records."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from werkzeug.datastructures import Range

from admin_web.records import queries
from admin_web.records.timeline import ENDED_IN, LEG_KINDS, OFFER_RESULTS, timeline
from admin_web.resource import Options, ShownField
from core import audit
from core.database import TenantSession, utc_now
from core.errors import CallerFault, NotFound
from core.i18n import LazyText, gettext, lazy
from core.models import Account
from core.permissions import Permission
from core.store import FileStore, NoSuchFileError
from core.views import View, current_principal, may, parts, session
from cti.models import InboundRoute, Queue
from cti.records.models import CallRecord, Recording


def own_only() -> int:
    """Return the account whose calls alone may be seen; 0: everybody's."""
    return 0 if may(Permission.RECORDS_VIEW) else current_principal().account_id


def _options(db: TenantSession) -> dict[str, Options]:
    def rows(query: Any) -> Options:
        return [(str(row_id), name) for row_id, name in db.execute(query)]

    return {
        "route_id": rows(select(InboundRoute.id, InboundRoute.code).order_by(InboundRoute.code)),
        "queue_id": rows(select(Queue.id, Queue.name).order_by(Queue.name)),
        "agent_id": rows(select(Account.id, Account.name).order_by(Account.name)),
        "ended_in": [(kind.value, str(text)) for kind, text in ENDED_IN.items()],
    }


class RecordList(View):
    """Inbound calls; a subclass shows the missed ones."""

    access = (Permission.RECORDS_VIEW, Permission.RECORDS_OWN)
    endpoint = "records.inbound"
    title: LazyText = lazy("Inbound calls")
    missed = False

    def get(self) -> ResponseReturnValue:
        """Show a page of the list."""
        zone = current_principal().timezone
        begin, end = queries.this_month(utc_now(), zone)
        last = end - datetime.timedelta(minutes=1)
        given = {
            "from": request.args.get("from", begin.strftime(queries.FORM)),
            "to": request.args.get("to", last.strftime(queries.FORM)),
        }
        error = ""
        rows: list[CallRecord] = []
        more: CallRecord | None = None
        try:
            begin, end = queries.parse_range(given["from"], given["to"], zone)
            rows, more = queries.page(session(), self._wanted(begin, end))
        except queries.TimeRangeError as problem:
            error = problem.text()
        names = ("number", "route_id", "queue_id", "agent_id", "ended_in")
        given |= {name: request.args.get(name, "") for name in names}
        kept: dict[str, Any] = {name: value for name, value in given.items() if value}
        after: dict[str, Any] = {} if more is None else {"before": f"{more.arrived_at.isoformat()}_{more.id}"}
        partial = request.headers.get("HX-Target") == "zj-list"
        return render_template(
            "records/table.html" if partial else "records/list.html",
            title_text=self.title,
            filters=self._filters(given, error),
            rows=rows,
            error=error,
            missed=self.missed,
            ended_in=ENDED_IN,
            recorded=recorded_calls(session(), rows),
            home=url_for(self.endpoint),
            first_href=url_for(self.endpoint, **kept) if request.args.get("before") else "",
            next_href=url_for(self.endpoint, **kept, **after) if more else "",
        ), 422 if error and partial else 200

    def _wanted(self, begin: datetime.datetime, end: datetime.datetime) -> queries.RecordFilter:
        numbers = {name: request.args.get(name, 0, int) for name in ("route_id", "queue_id", "agent_id")}
        numbers["agent_id"] = own_only() or numbers["agent_id"]
        return queries.RecordFilter(
            from_at=begin,
            to_at=end,
            number=request.args.get("number", "").strip()[:32],
            ended_in=request.args.get("ended_in", ""),
            missed=self.missed,
            before=_position(request.args.get("before", "")),
            **numbers,
        )

    def _filters(self, given: dict[str, str], error: str) -> list[ShownField]:
        options = _options(session())
        fields = [
            ShownField(
                name="from", label=gettext("From"), kind="datetime", value=given["from"], required=True
            ),
            ShownField(
                name="to", label=gettext("To"), kind="datetime", value=given["to"], required=True, error=error
            ),
            ShownField(name="number", label=gettext("Number"), kind="text", value=given["number"]),
        ]
        labels = {
            "route_id": gettext("Route"),
            "queue_id": gettext("Queue"),
            "agent_id": gettext("Account"),
            "ended_in": gettext("Ended in"),
        }
        if own_only():
            del labels["agent_id"]
        fields += [
            ShownField(name=name, label=label, kind="select", value=given[name], options=options[name])
            for name, label in labels.items()
        ]
        return fields


class MissedList(RecordList):
    """Calls offered to an agent and answered by none (CTI-C3)."""

    endpoint = "records.missed"
    title = lazy("Missed calls")
    missed = True


def _position(text: str) -> tuple[datetime.datetime, int] | None:
    moment, _, row_id = text.rpartition("_")
    try:
        return datetime.datetime.fromisoformat(moment), int(row_id)
    except ValueError:
        return None


def recorded_calls(db: TenantSession, rows: Sequence[CallRecord]) -> set[str]:
    """Return which of the calls have a recording."""
    ids = [row.call_id for row in rows]
    return set(db.scalars(select(Recording.call_id).where(Recording.call_id.in_(ids)))) if ids else set()


class RecordPage(View):
    """One call: its story, its legs, its recording."""

    access = (Permission.RECORDS_VIEW, Permission.RECORDS_OWN)

    def get(self, call_id: str) -> ResponseReturnValue:
        """Show it."""
        call = queries.whole_call(session(), call_id, own_of=own_only())
        return render_template(
            "records/page.html",
            call=call,
            record=call.record,
            moments=timeline(call),
            ended_in=ENDED_IN,
            offer_results=OFFER_RESULTS,
            leg_kinds=LEG_KINDS,
            may_play=may(Permission.RECORDINGS_PLAY),
            may_download=may(Permission.RECORDINGS_DOWNLOAD),
        )


def _recording(call_id: str, segment: int) -> Recording:
    call = queries.whole_call(session(), call_id, own_of=own_only())
    found = next((each for each in call.recordings if each.segment == segment), None)
    if found is None:
        raise NotFound(kind="recording", id=call_id)
    return found


class RangeError(CallerFault):
    """The bytes asked for are not in the file."""

    id = "range"
    status = 416
    sentence = lazy("The recording has no such part.")


class RecordingSound(View):
    """The sound of a segment, by byte ranges; the first part played, and each download, is logged."""

    access = Permission.RECORDINGS_PLAY

    def get(self, call_id: str, segment: int) -> ResponseReturnValue:
        """Send the bytes asked for."""
        return self._send(call_id, segment, "recordings.play", {})

    def _send(self, call_id: str, segment: int, action: str, headers: dict[str, str]) -> ResponseReturnValue:
        recording = _recording(call_id, segment)
        store = FileStore(parts().settings.store_dir)
        try:
            size = store.size(recording.key)
        except NoSuchFileError:
            raise NotFound(kind="recording", id=call_id) from None
        start, end, partial = _part(request.range, size)
        if start == 0 and request.method == "GET":
            _log(action, recording)
        response = Response(
            store.read(recording.key, start, end), 206 if partial else 200, content_type="audio/wav"
        )
        response.headers.update({"Accept-Ranges": "bytes", "Content-Length": str(end - start), **headers})
        response.headers["Cache-Control"] = "private, no-transform, max-age=3600"
        if partial:
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        return response


def _part(wanted: Range | None, size: int) -> tuple[int, int, bool]:
    """Return first byte, byte after the last, and whether that is a part. Raises :class:`RangeError`."""
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return 0, size, False
    found = wanted.range_for_length(size)
    if found is None or found[0] is None:
        raise RangeError()
    return found[0], found[1], True


def _log(action: str, recording: Recording) -> None:
    """Write the log's line in a transaction of its own: the request's session is a reading one."""
    principal = current_principal()
    with parts().database.transaction(principal.scope) as own:
        own_row = own.get_one(Recording, recording.id)
        entry = audit.record(own, principal, action, own_row, {})
        entry.object_name = recording.call_id
        own.commit()


class RecordingDownload(RecordingSound):
    """A segment as a file."""

    access = Permission.RECORDINGS_DOWNLOAD

    def get(self, call_id: str, segment: int) -> ResponseReturnValue:
        """Send it."""
        name = f"attachment; filename={call_id}-{segment}.wav"
        return self._send(call_id, segment, "recordings.download", {"Content-Disposition": name})


class RecordingPeaks(View):
    """The waveform of a segment, made by the server."""

    access = Permission.RECORDINGS_PLAY

    def get(self, call_id: str, segment: int) -> ResponseReturnValue:
        """Send it."""
        recording = _recording(call_id, segment)
        try:
            body = b"".join(FileStore(parts().settings.store_dir).read(recording.peaks_key))
        except (NoSuchFileError, ValueError):
            raise NotFound(kind="recording", id=call_id) from None
        return Response(
            body, content_type="application/json", headers={"Cache-Control": "private, max-age=3600"}
        )


blueprint = Blueprint("records", __name__, url_prefix="/records")
blueprint.add_url_rule("/inbound", view_func=RecordList.as_view("inbound"))
blueprint.add_url_rule("/missed", view_func=MissedList.as_view("missed"))
blueprint.add_url_rule("/calls/<call_id>", view_func=RecordPage.as_view("page"))
blueprint.add_url_rule("/calls/<call_id>/recordings/<int:segment>", view_func=RecordingSound.as_view("sound"))
blueprint.add_url_rule(
    "/calls/<call_id>/recordings/<int:segment>/file", view_func=RecordingDownload.as_view("download")
)
blueprint.add_url_rule(
    "/calls/<call_id>/recordings/<int:segment>/peaks", view_func=RecordingPeaks.as_view("peaks")
)
