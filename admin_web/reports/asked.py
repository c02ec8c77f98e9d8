"""What a report is asked for: read from an address or a job's parameters."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from admin_web.records.filters import TimeRangeError, default_range, typed_range
from admin_web.reports.figures import Subject
from admin_web.reports.intervals import LONGEST_DAYS, Interval
from admin_web.resource import Options, ShownField
from core.database import TenantSession, utc_now
from core.i18n import LazyText, gettext, lazy
from core.models import Account
from cti.models import InboundRoute, Queue
from cti.records.reach import SomeQueues

INTERVALS: dict[Interval, LazyText] = {
    Interval.TOTAL: lazy("Whole time"),
    Interval.QUARTER: lazy("Quarter of an hour"),
    Interval.HOUR: lazy("Hour"),
    Interval.DAY: lazy("Day"),
    Interval.MONTH: lazy("Month"),
}
SUBJECTS: dict[Subject, LazyText] = {
    Subject.QUEUE: lazy("Queues"),
    Subject.AGENT: lazy("Agents"),
    Subject.ROUTE: lazy("Inbound routes"),
}
HEADS: dict[Subject, LazyText] = {
    Subject.QUEUE: lazy("Queue"),
    Subject.AGENT: lazy("Account"),
    Subject.ROUTE: lazy("Route"),
}
NAMES = ("from", "to", "interval", "key")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A report's question. Times are aware; the end is excluded."""

    subject: Subject
    interval: Interval
    begin: datetime.datetime
    end: datetime.datetime
    zone: ZoneInfo
    key: int = 0


def defaults(zone: str) -> dict[str, str]:
    """Return what is asked when nothing was typed: this month by day."""
    begin, end = default_range(utc_now(), zone)
    return {"from": begin, "to": end, "interval": Interval.DAY.value}


def parse(subject: Subject, given: Mapping[str, str], zone: str) -> Asked:
    """Return the question. Raises ``TimeRangeError``."""
    begin, end = typed_range(given.get("from", ""), given.get("to", ""), zone)
    known = {each.value for each in Interval}
    interval = Interval(given["interval"]) if given.get("interval", "") in known else Interval.DAY
    days = LONGEST_DAYS[interval]
    if end - begin > datetime.timedelta(days=days, hours=1):
        raise TimeRangeError(
            field="to",
            reason=lazy("By this interval a report covers %(days)s days at most.", days=days),
        )
    text = given.get("key", "")
    key = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    return Asked(subject=subject, interval=interval, begin=begin, end=end, zone=ZoneInfo(zone), key=key)


def shown(
    db: TenantSession,
    subject: Subject,
    given: Mapping[str, str],
    errors: Mapping[str, str],
    limits: SomeQueues | None = None,
) -> list[ShownField]:
    """Return the filter bar."""
    fields = [
        ShownField(
            name=name,
            label=gettext("From") if name == "from" else gettext("To"),
            kind="datetime",
            value=given.get(name, ""),
            required=True,
            error=errors.get(name, ""),
        )
        for name in ("from", "to")
    ]
    intervals = [(each.value, str(text)) for each, text in INTERVALS.items()]
    return [
        *fields,
        ShownField(
            name="interval",
            label=gettext("Interval"),
            kind="select",
            value=given.get("interval", ""),
            options=intervals,
            required=True,
        ),
        ShownField(
            name="key",
            label=str(HEADS[subject]),
            kind="select",
            value=given.get("key", ""),
            options=_choices(db, subject, limits),
        ),
    ]


def _choices(db: TenantSession, subject: Subject, limits: SomeQueues | None) -> Options:
    row_id, text = {
        Subject.QUEUE: (Queue.id, Queue.name),
        Subject.AGENT: (Account.id, Account.name),
        Subject.ROUTE: (InboundRoute.id, InboundRoute.code),
    }[subject]
    query = select(row_id, text).order_by(text, row_id)
    if limits is not None and subject is Subject.QUEUE:
        query = query.where(row_id.in_(sorted(limits.queues)))
    elif limits is not None and subject is Subject.AGENT:
        query = query.where(or_(row_id == limits.account_id, row_id.in_(limits.agents())))
    return [(str(row[0]), row[1]) for row in db.execute(query)]
