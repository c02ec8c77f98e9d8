"""The calls of a filtered list as rows of a workbook."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select

from admin_web.records import queries
from admin_web.records.filters import ListKind, RecordFilter, region_name
from admin_web.records.words import ENDED_IN
from core.database import Database, TenantSession
from core.i18n import LazyText, gettext, lazy
from core.models import Account
from core.permissions import Principal
from core.views import reading_as, shown_number
from cti.desk.customer_card import other_party
from cti.records.models import CallRecord, Recording

BATCH = 1000
MAX_ROWS = 200_000
"""Rows of one workbook; who wants more chooses a shorter time."""

Tell = Callable[[int, int], None]
Cell = str | int

_INBOUND = (
    *(lazy("Time"), lazy("Caller"), lazy("Region"), lazy("Route"), lazy("Called")),
    *(lazy("Length (seconds)"), lazy("Ended in"), lazy("Queue"), lazy("Waited (seconds)")),
    *(lazy("Talked (seconds)"), lazy("Extension"), lazy("Account"), lazy("Note"), lazy("Recording")),
    *(lazy("Cause"), lazy("Call id")),
)
_OUTBOUND = (
    *(lazy("Time"), lazy("Campaign"), lazy("Called"), lazy("Region"), lazy("Caller ID"), lazy("Trunk")),
    *(lazy("Length (seconds)"), lazy("Ended in"), lazy("Extension"), lazy("Account"), lazy("Note")),
    *(lazy("Recording"), lazy("Cause"), lazy("Call id")),
)
_MISSED = (
    *(lazy("Time"), lazy("Number"), lazy("Region"), lazy("Route"), lazy("Queue"), lazy("Extension")),
    *(lazy("Account"), lazy("Note"), lazy("Handled by"), lazy("Handled"), lazy("Remark"), lazy("Call id")),
)
_MESSAGES = (
    *(lazy("Time"), lazy("Caller"), lazy("Region"), lazy("Route"), lazy("Called")),
    *(lazy("Length of the call (seconds)"), lazy("Length of the message (seconds)")),
    *(lazy("Heard"), lazy("Heard by"), lazy("Call id")),
)
HEADINGS: dict[ListKind, Sequence[LazyText]] = {
    ListKind.INBOUND: _INBOUND,
    ListKind.OUTBOUND: _OUTBOUND,
    ListKind.MISSED: _MISSED,
    ListKind.MESSAGES: _MESSAGES,
}


def export_rows(
    database: Database, actor: Principal, wanted: RecordFilter, total: int, tell: Tell
) -> Iterator[list[Cell]]:
    """Yield the rows, newest first, a page of the database at a time; `tell` gets how many of `total` were read."""
    zone, done = ZoneInfo(actor.timezone), 0
    page: list[list[Cell]] = []
    while True:
        with database.transaction(actor.tenant_id, read_only=True) as db, reading_as(actor):
            if wanted.kind is ListKind.MESSAGES:
                page, last = _messages(db, wanted, zone)
            else:
                page, last = _calls(db, wanted, zone)
        yield from page
        done += len(page)
        tell(min(done, total), total)
        if last is None:
            return
        wanted = dataclasses.replace(wanted, before=last)


def _calls(
    db: TenantSession, wanted: RecordFilter, zone: ZoneInfo
) -> tuple[list[list[Cell]], tuple[datetime.datetime, int] | None]:
    rows, more = queries.page(db, wanted, BATCH)
    last = (more.arrived_at, more.id) if more else None
    if wanted.kind is ListKind.MISSED:
        marks = queries.handled_of(db, rows)
        found: list[list[Cell]] = []
        for row in rows:
            mark = marks.get(row.id)
            by = (mark.account_name, _time(mark.done_at, zone), mark.remark) if mark else ("", "", "")
            found.append([*_missed(row, zone), *by, row.call_id])
        return found, last
    recorded = queries.recorded_calls(db, rows)
    cells = _outbound if wanted.kind is ListKind.OUTBOUND else _inbound
    yes = gettext("Yes")
    return [cells(row, zone, yes if row.call_id in recorded else "") for row in rows], last


def _inbound(row: CallRecord, zone: ZoneInfo, recorded: str) -> list[Cell]:
    return [
        _time(row.arrived_at, zone),
        shown_number(row.caller),
        region_name(row.region),
        row.route_code,
        shown_number(row.called),
        row.length_s,
        _ended(row),
        row.queue_name,
        row.wait_s,
        row.talk_s,
        row.extension,
        row.agent_name,
        row.note,
        recorded,
        row.cause,
        row.call_id,
    ]


def _outbound(row: CallRecord, zone: ZoneInfo, recorded: str) -> list[Cell]:
    return [
        _time(row.arrived_at, zone),
        "",
        shown_number(row.called),
        region_name(row.region),
        shown_number(row.caller_id),
        row.trunk_address,
        row.length_s,
        _ended(row),
        row.extension,
        row.agent_name,
        row.note,
        recorded,
        row.cause,
        row.call_id,
    ]


def _missed(row: CallRecord, zone: ZoneInfo) -> list[Cell]:
    return [
        _time(row.arrived_at, zone),
        shown_number(other_party(row)),
        region_name(row.region),
        row.route_code,
        row.queue_name,
        row.last_extension,
        row.last_agent_name,
        row.note,
    ]


def _messages(
    db: TenantSession, wanted: RecordFilter, zone: ZoneInfo
) -> tuple[list[list[Cell]], tuple[datetime.datetime, int] | None]:
    newest_first = queries.messages(wanted).order_by(Recording.started_at.desc(), Recording.id.desc())
    rows = [(row[0], row[1]) for row in db.execute(newest_first.limit(BATCH + 1))]
    shown = rows[:BATCH]
    ids = {recording.heard_by for recording, _ in shown if recording.heard_by}
    people = dict(db.execute(select(Account.id, Account.name).where(Account.id.in_(ids))).tuples().all())
    found = [_message(recording, record, people, zone) for recording, record in shown]
    more = shown[-1][0] if len(rows) > BATCH else None
    return found, (more.started_at, more.id) if more else None


def _message(
    recording: Recording, record: CallRecord | None, people: dict[int, str], zone: ZoneInfo
) -> list[Cell]:
    return [
        _time(recording.started_at, zone),
        shown_number(record.caller) if record else "",
        region_name(record.region) if record else "",
        record.route_code if record else "",
        shown_number(record.called) if record else "",
        record.length_s if record else "",
        round(recording.length_ms / 1000),
        _time(recording.heard_at, zone) if recording.heard_at else "",
        people.get(recording.heard_by, ""),
        recording.call_id,
    ]


def _ended(row: CallRecord) -> str:
    return f"{ENDED_IN[row.ended_in]} {row.ended_detail}".strip()


def _time(moment: datetime.datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
