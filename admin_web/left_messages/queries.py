"""Reading messages and wishes to be called back: one tenant, newest first, by keyset pages."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_, select, tuple_

from admin_web.number_search import number_matches
from admin_web.records.queries import through_flow
from core.database import TenantSession
from core.errors import NotFound
from core.models import Account
from cti.call.model import PathStep, SegmentKind
from cti.models import ExtensionAccount, Queue, QueueMember
from cti.records.models import Callback, CallbackState, CallNote, CallRecord, Recording
from cti.records.owners import with_owner
from cti.records.reach import SomeQueues
from ivr.models import Flow

PAGE_MESSAGES = 20
"""Each has a player of its own."""
PAGE_CALLBACKS = 50

Position = tuple[datetime.datetime, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a list shows; `before` is the last row of the page above."""

    number: str = ""
    state: str = ""
    """``new`` or ``heard`` of messages, ``open`` or ``done`` of wishes."""
    queue_id: int = 0
    flow_id: int = 0
    """Of messages a flow the call went through; of wishes the flow that asked."""
    begin: datetime.datetime | None = None
    end: datetime.datetime | None = None
    before: Position | None = None
    limits: SomeQueues | None = None
    """Queues whose calls' messages alone are shown."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Message:
    """A message as the list shows it."""

    recording: Recording
    record: CallRecord | None
    """That of the part it was left in; None while the call's record has not come yet."""
    flow: str
    """Name of the flow it was left in, and of the node."""
    node: str
    heard_by: str


def messages(db: TenantSession, wanted: Wanted) -> tuple[list[Message], Recording | None]:
    """Return a page of messages, and its last one if more follow."""
    query = (
        with_owner(select(Recording, CallRecord).select_from(Recording))
        .where(Recording.kind == SegmentKind.VOICEMAIL)
        .order_by(Recording.started_at.desc(), Recording.id.desc())
        .limit(PAGE_MESSAGES + 1)
    )
    if wanted.number:
        query = query.where(_any_number(wanted.number, CallRecord.caller, CallRecord.called))
    if wanted.state:
        heard = Recording.heard_at.is_not(None)
        query = query.where(heard if wanted.state == "heard" else ~heard)
    if wanted.flow_id:
        query = query.where(through_flow(wanted.flow_id))
    if wanted.limits is not None:
        query = query.where(wanted.limits.has())
    query = _within(query, Recording.started_at, Recording.id, wanted)
    rows = [(row[0], row[1]) for row in db.execute(query)]
    shown = rows[:PAGE_MESSAGES]
    return _named(db, shown), shown[-1][0] if len(rows) > PAGE_MESSAGES else None


def _named(db: TenantSession, rows: Sequence[tuple[Recording, CallRecord | None]]) -> list[Message]:
    steps = {recording.id: _step(recording, record) for recording, record in rows}
    flows = _names(db, Flow, {step.flow_id for step in steps.values() if step is not None})
    people = _names(db, Account, {recording.heard_by for recording, _ in rows})
    found = []
    for recording, record in rows:
        step = steps[recording.id]
        found.append(
            Message(
                recording=recording,
                record=record,
                flow=flows.get(step.flow_id, "") if step else "",
                node=(step.name or step.node) if step else "",
                heard_by=people.get(recording.heard_by, ""),
            )
        )
    return found


def _step(recording: Recording, record: CallRecord | None) -> PathStep | None:
    """Return the node the message was left in: the last one entered before it began."""
    if record is None:
        return None
    path = msgspec.json.decode(record.path or "[]", type=list[PathStep])
    began_ms = recording.started_at.timestamp() * 1000 + 1000
    before = [step for step in path if step.at_ms <= began_ms]
    return before[-1] if before else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """A wish to be called back as the list shows it."""

    row: Callback
    queue: str
    done_by: str


def callbacks(
    db: TenantSession, wanted: Wanted, own_queues: Sequence[int] | None
) -> tuple[list[Wish], Callback | None]:
    """Return a page of wishes, of these queues only unless None, and its last one if more follow."""
    query = select(Callback).order_by(Callback.asked_at.desc(), Callback.id.desc()).limit(PAGE_CALLBACKS + 1)
    if own_queues is not None:
        query = query.where(Callback.queue_id.in_(own_queues))
    if wanted.number:
        query = query.where(_any_number(wanted.number, Callback.number, Callback.caller))
    if wanted.state:
        query = query.where(Callback.state == CallbackState(wanted.state))
    if wanted.queue_id:
        query = query.where(Callback.queue_id == wanted.queue_id)
    if wanted.flow_id:
        asked_by = select(CallNote.id).where(
            CallNote.tenant_id == Callback.tenant_id,
            CallNote.call_id == Callback.call_id,
            CallNote.position == Callback.position,
            CallNote.flow_id == wanted.flow_id,
        )
        query = query.where(asked_by.exists())
    rows = list(db.scalars(_within(query, Callback.asked_at, Callback.id, wanted)))
    shown = rows[:PAGE_CALLBACKS]
    queues = _names(db, Queue, {row.queue_id for row in shown})
    people = _names(db, Account, {row.done_by for row in shown})
    wishes = [
        Wish(row=row, queue=queues.get(row.queue_id, ""), done_by=people.get(row.done_by, ""))
        for row in shown
    ]
    return wishes, shown[-1] if len(rows) > PAGE_CALLBACKS else None


def callback_of(db: TenantSession, row_id: int, own_queues: Sequence[int] | None) -> Callback:
    """Return a wish the account may deal with. Raises ``NotFound``."""
    query = select(Callback).where(Callback.id == row_id)
    if own_queues is not None:
        query = query.where(Callback.queue_id.in_(own_queues))
    row = db.scalar(query)
    if row is None:
        raise NotFound(kind="callback", id=row_id)
    return row


def flow_options(db: TenantSession) -> list[tuple[str, str]]:
    """Return the company's flows for a picker."""
    rows = db.execute(select(Flow.id, Flow.name).order_by(Flow.name, Flow.id))
    return [(str(row_id), name) for row_id, name in rows]


def queues_of(db: TenantSession, account_id: int) -> list[int]:
    """Return the queues whose calls come to an account's extension."""
    query = (
        select(QueueMember.queue_id)
        .join(ExtensionAccount, ExtensionAccount.extension_id == QueueMember.extension_id)
        .where(ExtensionAccount.account_id == account_id)
    )
    return list(db.scalars(query))


def _within(query: Any, at: Any, row_id: Any, wanted: Wanted) -> Any:
    if wanted.begin is not None:
        query = query.where(at >= wanted.begin)
    if wanted.end is not None:
        query = query.where(at < wanted.end)
    if wanted.before is not None:
        # Said twice: MariaDB finds no beginning in an index from a comparison of rows.
        query = query.where(at <= wanted.before[0], tuple_(at, row_id) < wanted.before)
    return query


def _any_number(text: str, *columns: Any) -> ColumnElement[bool]:
    return or_(*(number_matches(column, text) for column in columns))


def _names(db: TenantSession, model: Any, ids: Iterable[int]) -> dict[int, str]:
    wanted = {each for each in ids if each}
    if not wanted:
        return {}
    found = db.execute(select(model.id, model.name).where(model.id.in_(wanted)))
    return {row[0]: row[1] for row in found}
