"""The job that writes a report into a workbook; it starts over after its worker's death."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from admin_web.accounts_transfer.workbook import chunks_then_removed, write_workbook
from admin_web.reports import asked as asking
from admin_web.reports.aggregates import report
from admin_web.reports.columns import COLUMNS
from admin_web.reports.figures import Subject, total
from admin_web.reports.intervals import label
from core import audit
from core.database import utc_now
from core.i18n import gettext
from core.jobs.limits import Limits
from core.jobs.worker import Run, Work
from core.permissions import Permission, require
from cti.records.reach import limits_of

EXPORT = "reports.export"


def kinds() -> Mapping[str, Work]:
    """Return what does each kind."""
    return {EXPORT: export_report}


def export_report(run: Run) -> None:
    """Write the report: times as text, figures as numbers (seconds, percent), the totals last."""
    require(run.principal, Permission.RECORDS_VIEW)
    subject = Subject(run.parameters["subject"])
    limits = limits_of(run.principal)
    wanted = asking.parse(subject, run.parameters["asked"], run.principal.timezone)
    with run.database.transaction(run.claim.tenant_id, read_only=True) as db:
        rows = report(
            db,
            subject,
            wanted.interval,
            wanted.begin,
            wanted.end,
            wanted.zone,
            key=wanted.key,
            limits=limits,
        )
    columns = COLUMNS[subject]
    run.tell(0, len(rows))
    lines: list[list[str | int | float]] = [
        [
            label(wanted.interval, row.start_s, wanted.zone),
            row.name or gettext("None"),
            *(column.exported(row.sums) for column in columns),
        ]
        for row in rows
    ]
    sums = total(row.sums for row in rows)
    lines.append([gettext("Total"), "", *(column.exported(sums) for column in columns)])
    headings = [str(asking.INTERVALS[wanted.interval]), str(asking.HEADS[subject])]
    title = str(asking.SUBJECTS[subject])
    path = write_workbook(title, [*headings, *(column.heading for column in columns)], lines)
    day = utc_now().astimezone(ZoneInfo(run.principal.timezone)).strftime("%Y%m%d-%H%M")
    name = gettext("Report: %(subject)s", subject=title).replace(": ", "-").replace("：", "-")
    run.result = {"rows": len(rows)}
    made_with = Limits(needs=frozenset([Permission.RECORDS_VIEW]), queues=limits.queues if limits else None)
    run.put_file(f"{name}-{day}.xlsx", chunks_then_removed(path), limits=made_with)
    with run.database.transaction(run.claim.tenant_id) as session:
        audit.record(session, run.principal, EXPORT, None, {"rows": [None, len(rows)]})
        session.commit()
