"""Views of the reports (CTI-C9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.errors import is_htmx
from admin_web.records.filters import TimeRangeError
from admin_web.reports import asked as asking
from admin_web.reports.aggregates import report
from admin_web.reports.asked import Asked
from admin_web.reports.columns import COLUMNS
from admin_web.reports.figures import Row, Subject, total
from admin_web.reports.intervals import Interval, label
from admin_web.reports.jobs import EXPORT
from core import audit
from core.errors import NotFound
from core.i18n import current_language, gettext
from core.jobs import service
from core.permissions import Permission
from core.views import View, current_principal, session
from cti.records.reach import limits_of

MAX_ROWS = 2000
"""Lines a page shows; more are for a workbook."""


def _subject(text: str) -> Subject:
    if text not in {each.value for each in Subject}:
        raise NotFound(kind="report", id=text)
    return Subject(text)


class Report(View):
    """A report as a chart and, with the same figures, a table."""

    access = Permission.RECORDS_VIEW

    def get(self, subject: str) -> ResponseReturnValue:
        """Show it."""
        which, zone, db = _subject(subject), current_principal().timezone, session()
        limits = limits_of(current_principal())
        given = asking.defaults(zone) | {
            name: request.args[name].strip()[:32] for name in asking.NAMES if name in request.args
        }
        errors: dict[str, str] = {}
        rows: list[Row] = []
        wanted: Asked | None = None
        try:
            wanted = asking.parse(which, given, zone)
            rows = report(
                db,
                which,
                wanted.interval,
                wanted.begin,
                wanted.end,
                wanted.zone,
                key=wanted.key,
                limits=limits,
            )
        except TimeRangeError as problem:
            errors[str(problem.details["field"])] = problem.text()
        partial = request.headers.get("HX-Target") == "zj-list"
        kept: dict[str, Any] = {name: value for name, value in given.items() if value}
        page = render_template(
            "reports/report.html" if partial else "reports/page.html",
            partial=partial,
            subject=which.value,
            subjects=[(each.value, text) for each, text in asking.SUBJECTS.items()],
            fields=[] if partial else asking.shown(db, which, given, errors, limits),
            home=url_for("reports.report", subject=which.value),
            head=asking.HEADS[which],
            timed=wanted is not None and wanted.interval is not Interval.TOTAL,
            columns=COLUMNS[which],
            rows=_lines(wanted, rows[:MAX_ROWS]) if wanted else [],
            too_many=len(rows) > MAX_ROWS,
            most=MAX_ROWS,
            sums=[column.shown(total(row.sums for row in rows)) for column in COLUMNS[which]],
            chart=chart_data(wanted, rows) if wanted and rows else "",
            error=next(iter(errors.values()), ""),
            export_href=url_for("reports.export", subject=which.value),
            kept=kept,
        )
        return page, 422 if errors and partial else 200


def _lines(wanted: Asked, rows: Sequence[Row]) -> list[tuple[str, str, list[str]]]:
    """Return each line: its interval, its name, its figures."""
    return [
        (
            label(wanted.interval, row.start_s, wanted.zone),
            row.name or gettext("None"),
            [column.shown(row.sums) for column in COLUMNS[wanted.subject]],
        )
        for row in rows
    ]


def chart_data(wanted: Asked, rows: Sequence[Row]) -> str:
    """Return what the chart shows as JSON: by interval, or by name where the time is not cut, the calls answered and
    not as bars, the service level (of agents the occupancy) in percent as a line.
    """
    timed = wanted.interval is not Interval.TOTAL
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.start_s if timed else (row.name, row.key), []).append(row)
    sums = {key: total(row.sums for row in group) for key, group in groups.items()}
    agents = wanted.subject is Subject.AGENT
    line = [each.occupancy if agents else each.service_level for each in sums.values()]
    return msgspec.json.encode(
        {
            "labels": [
                label(wanted.interval, key, wanted.zone) if timed else key[0] or gettext("None")
                for key in sums
            ],
            "bars": [
                {"name": gettext("Answered"), "data": [each.answered for each in sums.values()]},
                {
                    "name": gettext("Not answered"),
                    "data": [each.offered - each.answered for each in sums.values()],
                },
            ],
            "timed": timed,
            "line": {
                "name": gettext("Occupancy") if agents else gettext("Service level"),
                "data": [None if value is None else round(value * 100, 1) for value in line],
            },
        }
    ).decode()


class Export(View):
    """The report as a workbook, made in the background."""

    access = Permission.RECORDS_VIEW

    def post(self, subject: str) -> ResponseReturnValue:
        """Begin it. Raises ``TimeRangeError``."""
        which, db, principal = _subject(subject), session(), current_principal()
        given = {name: request.form.get(name, "").strip()[:32] for name in asking.NAMES}
        asking.parse(which, given, principal.timezone)
        title = gettext("Report: %(subject)s", subject=asking.SUBJECTS[which])
        job = service.enqueue(
            db,
            account_id=principal.account_id,
            kind=EXPORT,
            title=title,
            parameters={"subject": which.value, "asked": given, "language": current_language()},
        )
        changes: dict[str, list[Any]] = {name: [None, text] for name, text in given.items() if text}
        audit.record(db, principal, "jobs.reports-export", job, changes)
        db.commit()
        address = url_for("jobs.job", job_id=job.id)
        if is_htmx() and request.headers.get("HX-Target") != "zj-main":
            return Response("", headers={"HX-Location": f'{{"path": "{address}", "target": "#zj-main"}}'})
        return redirect(address, 303)


blueprint = Blueprint("reports", __name__, url_prefix="/reports")
blueprint.add_url_rule("", defaults={"subject": Subject.QUEUE.value}, view_func=Report.as_view("first"))
blueprint.add_url_rule("/<subject>", view_func=Report.as_view("report"))
blueprint.add_url_rule("/<subject>/export", view_func=Export.as_view("export"))
