"""The sums of a report, made by the database over the same rows the lists of calls show (CTI-C9).

Every figure counts in the interval in which its call came in. One query for each source and span of constant clock.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, case, exists, func, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from admin_web.reports.figures import NAMES, Row, Subject, Sums
from admin_web.reports.intervals import LENGTHS_S, Interval, Span, spans, start_of
from core.database import TenantSession
from core.models import Account
from cti.call.model import EndedIn, OfferResult
from cti.models import InboundRoute, Queue
from cti.records.models import AgentStateSpan, Callback, CallOffer, CallRecord, Direction
from cti.records.reach import SomeQueues

STATES: Mapping[str, str] = {
    "ready": "ready_s",
    "not_ready": "not_ready_s",
    "break": "break_s",
    "away": "away_s",
    "not_responding": "away_s",
    "ringing": "ringing_s",
    "reserved": "reserved_s",
    "talking": "talking_s",
    "wrap_up": "wrap_up_s",
}
"""States of agents who are signed in, and the sum each adds to."""


class EpochSeconds(FunctionElement[int]):
    """Whole seconds since the epoch of an instant's column, on both databases."""

    type = Integer()
    name = "epoch_seconds"
    inherit_cache = True


@compiles(EpochSeconds)
def _sqlite(element: EpochSeconds, compiler: Any, **options: Any) -> str:
    # Without the fraction: strftime rounds to milliseconds, into the next second.
    return f"CAST(strftime('%s', substr({compiler.process(element.clauses, **options)}, 1, 19)) AS INTEGER)"


@compiles(EpochSeconds, "mysql")
def _mariadb(element: EpochSeconds, compiler: Any, **options: Any) -> str:
    return f"TIMESTAMPDIFF(SECOND, '1970-01-01', {compiler.process(element.clauses, **options)})"


Found = dict[tuple[int, int], dict[str, int]]
"""Sums by beginning of the interval and key."""


def report(
    db: TenantSession,
    subject: Subject,
    interval: Interval,
    begin: datetime.datetime,
    end: datetime.datetime,
    zone: ZoneInfo,
    key: int = 0,
    limits: SomeQueues | None = None,
) -> list[Row]:
    """Return the rows of a report in order of time and name; `key` is one queue, account or route, 0 all. With `limits`
    it counts the calls of those queues, and the states of their agents.
    """
    found: Found = {}
    names: dict[int, str] = {}
    for span in spans(begin, end, zone):
        for query in _queries(subject, interval, span, key, limits):
            for mapping in db.execute(query).mappings():
                sums = dict(mapping)
                local_s, row_key = int(sums.pop("local_s")), int(sums.pop("row_key"))
                names[row_key] = str(sums.pop("row_name") or "") or names.get(row_key, "")
                start_s = start_of(interval, local_s, span.offset_s, zone)
                into = found.setdefault((start_s, row_key), dict.fromkeys(NAMES, 0))
                for name, value in sums.items():
                    into[name] += int(value or 0)
    names |= _present_names(db, subject, names)
    rows = [
        Row(start_s=start_s, key=row_key, name=names[row_key], sums=Sums(**sums))
        for (start_s, row_key), sums in found.items()
    ]
    return sorted(rows, key=lambda row: (row.start_s, row.name, row.key))


def _present_names(db: TenantSession, subject: Subject, keys: Iterable[int]) -> dict[int, str]:
    """Return the names of what still exists; the others keep the name of their last calls."""
    model: Any = {Subject.QUEUE: Queue, Subject.AGENT: Account, Subject.ROUTE: InboundRoute}[subject]
    text = InboundRoute.code if subject is Subject.ROUTE else model.name
    ids = [key for key in keys if key]
    if not ids:
        return {}
    return {row[0]: row[1] for row in db.execute(select(model.id, text).where(model.id.in_(ids)))}


def _queries(
    subject: Subject, interval: Interval, span: Span, key: int, limits: SomeQueues | None
) -> list[Any]:
    if subject is Subject.AGENT:
        calls = [_offers(interval, span, key), _talks(interval, span, key)]
        states = _states(interval, span, key)
        if limits is not None:
            calls = [query.where(limits.has()) for query in calls]
            own = AgentStateSpan.account_id == limits.account_id
            states = states.where(or_(own, AgentStateSpan.account_id.in_(limits.agents())))
        return [*calls, states]
    query = _calls(subject, interval, span, key)
    if limits is not None:
        queues = CallRecord.queue_id.in_(sorted(limits.queues))
        query = query.where(queues if subject is Subject.QUEUE else limits.has())
    return [query]


def _bucket(column: Any, interval: Interval, span: Span) -> ColumnElement[int]:
    """Return the interval of a row, in seconds on the span's local clock; whole numbers only, as division rounds."""
    if interval is Interval.TOTAL:
        return literal(0)
    local = EpochSeconds(column) + span.offset_s
    return local - local % LENGTHS_S[interval]


def _grouped(
    interval: Interval, span: Span, at: Any, key_column: Any, name: Any, key: int, *columns: Any
) -> Any:
    bucket = _bucket(at, interval, span).label("local_s")
    query = (
        select(bucket, key_column.label("row_key"), func.max(name).label("row_name"), *columns)
        .where(at >= span.begin, at < span.end)
        .group_by(key_column)
    )
    if interval is not Interval.TOTAL:
        query = query.group_by(bucket)
    return query.where(key_column == key) if key else query


def _count(name: str, *conditions: ColumnElement[bool]) -> Any:
    """Return how many rows fit all conditions."""
    both = conditions[0]
    for each in conditions[1:]:
        both = both & each
    return func.sum(case((both, 1), else_=0)).label(name)


def _came() -> ColumnElement[bool]:
    """Return the condition that a call came to its agent or queue: from outside, or handed over by who dialled it."""
    return or_(CallRecord.direction == Direction.IN, CallRecord.source_call_id != "")


def _calls(subject: Subject, interval: Interval, span: Span, key: int) -> Any:
    """Calls by queue, those handed over into it among them; by route inbound ones, a transferred call once, where it
    came in (CTI-C6). Who asked to be called back is not lost.
    """
    queue = subject is Subject.QUEUE
    column = CallRecord.queue_id if queue else CallRecord.route_id
    name = CallRecord.queue_name if queue else CallRecord.route_code
    answered = CallRecord.talk_at.is_not(None)
    queued = CallRecord.queue_id != 0
    wish = exists().where(Callback.tenant_id == CallRecord.tenant_id, Callback.call_id == CallRecord.call_id)
    message = CallRecord.ended_in == EndedIn.VOICEMAIL
    lost = ~answered & ~wish
    query = _grouped(
        interval,
        span,
        CallRecord.arrived_at,
        column,
        name,
        key,
        func.count().label("offered"),
        _count("answered", answered),
        _count(
            "lost_in_flow",
            lost,
            CallRecord.ended_in == EndedIn.FLOW,
            ~CallRecord.ended_by.startswith("send_", autoescape=True),
        ),
        _count("lost_in_queue", lost, CallRecord.ended_in == EndedIn.QUEUE),
        _count("lost_ringing", lost, CallRecord.ended_in == EndedIn.OFFER),
        _count("messages", ~answered, message),
        _count("callbacks", ~answered, ~message, wish),
        _count("queued", queued),
        _count("within", answered, queued, CallRecord.wait_s <= CallRecord.service_level_s),
        func.sum(case((answered, CallRecord.wait_s), else_=0)).label("wait_s"),
        func.sum(CallRecord.talk_s).label("talk_s"),
        _count("handled", answered),
    )
    if queue:
        return query.where(queued)
    return query.where(CallRecord.direction == Direction.IN, CallRecord.source_call_id == "")


def _offers(interval: Interval, span: Span, key: int) -> Any:
    """How often agents were rung for calls that came to them."""
    return (
        _grouped(
            interval,
            span,
            CallRecord.arrived_at,
            CallOffer.agent_id,
            CallOffer.agent_name,
            key,
            func.count().label("offered"),
            _count("answered", CallOffer.result == OfferResult.ANSWERED),
            _count("missed", CallOffer.result.in_((OfferResult.NO_ANSWER, OfferResult.REJECTED))),
        )
        .join(CallRecord, CallRecord.id == CallOffer.record_id)
        .where(_came())
    )


def _talks(interval: Interval, span: Span, key: int) -> Any:
    """Calls agents talked in, and those they dialled: one that is handed over was dialled once (CTI-C6)."""
    came, dialled = _came(), ~_came()
    talked = CallRecord.talk_at.is_not(None)
    return _grouped(
        interval,
        span,
        CallRecord.arrived_at,
        CallRecord.agent_id,
        CallRecord.agent_name,
        key,
        _count("handled", came, talked),
        func.sum(case((came, CallRecord.talk_s), else_=0)).label("talk_s"),
        _count("out_calls", dialled),
        _count("out_reached", dialled, talked),
        func.sum(case((dialled, CallRecord.talk_s), else_=0)).label("out_talk_s"),
    ).where(CallRecord.agent_id != 0)


def _states(interval: Interval, span: Span, key: int) -> Any:
    """How long agents stood in which state; no piece crosses a quarter of an hour (`cti.records.states`)."""
    length = EpochSeconds(AgentStateSpan.ended_at) - EpochSeconds(AgentStateSpan.began_at)
    columns: dict[str, list[str]] = {}
    for state, name in STATES.items():
        columns.setdefault(name, []).append(state)
    sums = [
        func.sum(case((AgentStateSpan.state.in_(states), length), else_=0)).label(name)
        for name, states in columns.items()
    ]
    return _grouped(
        interval,
        span,
        AgentStateSpan.began_at,
        AgentStateSpan.account_id,
        AgentStateSpan.account_name,
        key,
        *sums,
    )
