"""Views of the lists of calls (CTI-C1 to C3), and the routes of the folder."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.records import export_views, filters, handled, queries
from admin_web.records.access import RECORDS, limits, own_only
from admin_web.records.call_views import (
    RecordingDownload,
    RecordingPeaks,
    RecordingSound,
    RecordPage,
    log_use,
    recording_of,
    sound,
)
from admin_web.records.filters import ListKind
from admin_web.records.words import ENDED_IN
from admin_web.stored_sound import RangeError
from core.database import TenantSession, utc_now
from core.errors import InvalidField
from core.i18n import LazyText, lazy
from core.permissions import Permission
from core.views import View, current_principal, may, sees_full_numbers, session
from cti.desk.customer_card import other_party
from cti.records.models import CallRecord

__all__ = ["RangeError", "blueprint", "limits", "log_use", "own_only", "recording_of", "sound"]


class RecordList(View):
    """A list of calls; without a time in its address it shows this month."""

    access = RECORDS
    kind = ListKind.INBOUND
    title: LazyText = lazy("Inbound calls")

    def get(self) -> ResponseReturnValue:
        """Show a page of the list."""
        db, zone = session(), current_principal().timezone
        begin, end = filters.default_range(utc_now(), zone)
        given = {"from": begin, "to": end} | self._given()
        errors: dict[str, str] = {}
        rows: list[CallRecord] = []
        more: CallRecord | None = None
        try:
            wanted = filters.parse(
                self.kind, given | self._before(), zone, own_of=own_only(), limits=limits()
            )
            rows, more = queries.page(db, wanted)
        except InvalidField as problem:
            errors[str(problem.details["field"])] = problem.text()
        partial = request.headers.get("HX-Target") == "zj-list"
        page = render_template(
            "records/table.html" if partial else "records/list.html",
            title_text=self.title,
            kind=self.kind.value,
            bar=([], []) if partial else self._bar(db, given, errors),
            rows=rows,
            error=next(iter(errors.values()), ""),
            ended_in=ENDED_IN,
            region_name=filters.region_name,
            other_party=other_party,
            recorded={} if self.kind is ListKind.MISSED else queries.recorded_calls(db, rows),
            handled=queries.handled_of(db, rows) if self.kind is ListKind.MISSED else {},
            may_dial=may(Permission.DESK_USE),
            may_play=may(Permission.RECORDINGS_PLAY),
            may_download=may(Permission.RECORDINGS_DOWNLOAD),
            full_numbers=sees_full_numbers(),
            **self._links(given, more),
        )
        return page, 422 if errors and partial else 200

    def _bar(self, db: TenantSession, given: dict[str, str], errors: dict[str, str]) -> Any:
        return filters.shown(db, self.kind, given, errors, own=bool(own_only()), limits=limits())

    def _given(self) -> dict[str, str]:
        names = ("from", "to", *filters.FIELDS[self.kind])
        return {name: request.args[name].strip()[:100] for name in names if name in request.args}

    @staticmethod
    def _before() -> dict[str, str]:
        return {"before": request.args.get("before", "")}

    def _links(self, given: dict[str, str], more: CallRecord | None) -> dict[str, Any]:
        kept: dict[str, Any] = {name: value for name, value in given.items() if value}
        endpoint = f"records.{self.kind.value}"
        after: dict[str, Any] = {"before": f"{more.arrived_at.isoformat()}_{more.id}"} if more else {}
        here: dict[str, Any] = self._before() if request.args.get("before") else {}
        return {
            "home": url_for(endpoint),
            "here": url_for(endpoint, **kept, **here),
            "first_href": url_for(endpoint, **kept) if here else "",
            "next_href": url_for(endpoint, **kept, **after) if more else "",
            "exports": export_views.links(self.kind, kept),
        }


class MissedList(RecordList):
    """Calls offered to an agent and answered by none, one row each, with the extension last offered (CTI-C3)."""

    kind = ListKind.MISSED
    title = lazy("Missed calls")


class OutboundList(RecordList):
    """Calls agents made to the outside (CTI-C2)."""

    kind = ListKind.OUTBOUND
    title = lazy("Outbound calls")


blueprint = Blueprint("records", __name__, url_prefix="/records")
blueprint.add_url_rule("/inbound", view_func=RecordList.as_view("inbound"))
blueprint.add_url_rule("/missed", view_func=MissedList.as_view("missed"))
blueprint.add_url_rule("/outbound", view_func=OutboundList.as_view("outbound"))
blueprint.add_url_rule("/missed/<int:row_id>/handled", view_func=handled.Handled.as_view("handled"))
blueprint.add_url_rule("/missed/<int:row_id>/open", view_func=handled.Reopened.as_view("reopened"))
blueprint.add_url_rule("/export/<kind>", view_func=export_views.Export.as_view("export"))
blueprint.add_url_rule(
    "/export/<kind>/recordings", view_func=export_views.ExportRecordings.as_view("archive")
)
blueprint.add_url_rule("/calls/<call_id>", view_func=RecordPage.as_view("page"))
blueprint.add_url_rule("/calls/<call_id>/recordings/<int:segment>", view_func=RecordingSound.as_view("sound"))
blueprint.add_url_rule(
    "/calls/<call_id>/recordings/<int:segment>/file", view_func=RecordingDownload.as_view("download")
)
blueprint.add_url_rule(
    "/calls/<call_id>/recordings/<int:segment>/peaks", view_func=RecordingPeaks.as_view("peaks")
)
