"""The work list: missed and abandoned calls, messages, wishes to be called, reminders, in one list (DSK-7, DSK-9).

An agent sees what was offered to them and what came by their extension's queues; who may see all calls sees all, or
those of the queues they supervise. An entry is dealt with when somebody says so, or has talked with the number since.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import false, or_, select, true

from core import audit
from core.clock import to_ms
from core.database import TenantSession, utc_now
from core.errors import BadFieldError, NotFound
from core.models import Account
from core.permissions import Permission, Principal
from core.views import visible_number
from crm.models import Customer
from cti.call.model import EndedIn, SegmentKind
from cti.desk import marks
from cti.desk.customer_card import other_party
from cti.desk.models import CallWrapUp, WorkDone, WorkKind
from cti.models import ExtensionAccount, Queue, QueueMember
from cti.records import notes
from cti.records.models import Callback, CallbackState, CallOffer, CallRecord, Direction, Recording
from cti.records.owners import with_owner

SHOWN: Final = 100
"""Entries of a kind at most."""
BACK: Final = datetime.timedelta(days=7)
CALLBACK: Final = "callback"
KINDS: Final = (*(kind.value for kind in WorkKind), CALLBACK)


@dataclasses.dataclass(kw_only=True)
class Entry:
    """One entry; numbers are as they are stored."""

    kind: str
    id: int
    call_id: str
    number: str
    at: datetime.datetime
    queue: str = ""
    text: str = ""
    due: datetime.datetime | None = None
    heard: bool = False
    name: str = ""
    done_by: str = ""
    done_at: datetime.datetime | None = None
    by_call: bool = False
    """Nobody marked it: a later conversation with the number did."""

    def shown(self) -> dict[str, Any]:
        """Return it as pages get it."""
        return {
            "kind": self.kind,
            "id": self.id,
            "call_id": self.call_id,
            "number": visible_number(self.number),
            "name": self.name,
            "queue": self.queue,
            "text": self.text,
            "at_ms": to_ms(self.at),
            "due_ms": to_ms(self.due) if self.due else 0,
            "heard": self.heard,
            "done_by": self.done_by,
            "done_ms": to_ms(self.done_at) if self.done_at else 0,
            "by_call": self.by_call,
        }


def queues_of(session: TenantSession, account_id: int) -> list[int]:
    """Return the queues whose calls come to an account's extension."""
    query = (
        select(QueueMember.queue_id)
        .join(ExtensionAccount, ExtensionAccount.extension_id == QueueMember.extension_id)
        .where(ExtensionAccount.account_id == account_id)
    )
    return list(session.scalars(query))


def work_list(session: TenantSession, principal: Principal) -> list[dict[str, Any]]:
    """Return the entries of the last days, reminders first by their time, then the newest first."""
    found = [entry for kind in KINDS for entry in _entries(session, principal, kind)]
    spoken_for = {each.call_id for each in found if each.kind in (WorkKind.VOICEMAIL, CALLBACK)}
    lost = (WorkKind.MISSED, WorkKind.ABANDONED)
    found = [each for each in found if each.kind not in lost or each.call_id not in spoken_for]
    _name(session, found)
    _settle(session, found)
    found.sort(key=lambda each: (each.due is None, to_ms(each.due) if each.due else -to_ms(each.at)))
    return [each.shown() for each in found]


def number_of(session: TenantSession, principal: Principal, kind: str, entry_id: int) -> str:
    """Return the number to call for an entry the account sees. Raises ``NotFound``."""
    return _entry(session, principal, kind, entry_id).number


def mark(
    session: TenantSession, principal: Principal, kind: str, entry_id: int, *, done: bool, remark: str
) -> None:
    """Note that an entry is dealt with, or is open again; who was first stays, and is no error. Raises ``NotFound``."""
    entry = _entry(session, principal, kind, entry_id)
    action = "desk.work-done" if done else "desk.work-reopen"
    if kind == CALLBACK:
        row = session.get_one(Callback, entry_id, with_for_update=True)
        if done == (row.state is CallbackState.DONE):
            return
        if done:
            notes.finish_callback(session, row.id, principal.account_id, remark, utc_now())
        else:
            row.state, row.done_by, row.done_at = CallbackState.OPEN, 0, None
        audit.record(session, principal, action, row, {}).object_name = row.call_id
        return
    if done:
        made, new = marks.mark(session, principal, WorkKind(kind), entry_id, remark)
        if new:
            audit.record(session, principal, action, made, {}).object_name = entry.call_id
        return
    found = marks.mark_of(session, WorkKind(kind), entry_id)
    if found is not None and marks.unmark(session, found):
        audit.record(session, principal, action, found, {}).object_name = entry.call_id


def _entry(session: TenantSession, principal: Principal, kind: str, entry_id: int) -> Entry:
    if kind not in KINDS:
        raise BadFieldError(field="kind")
    found = _entries(session, principal, kind, entry_id)
    if not found:
        raise NotFound(kind=kind, id=entry_id)
    return found[0]


def _entries(session: TenantSession, principal: Principal, kind: str, entry_id: int = 0) -> list[Entry]:
    """Return a kind's entries, or the one with the id, as far as the account sees them."""
    own = None
    if not principal.may(Permission.RECORDS_VIEW):
        own = queues_of(session, principal.account_id)
    elif principal.queues is not None:
        own = sorted({*principal.queues, *queues_of(session, principal.account_id)})
    match kind:
        case WorkKind.MISSED | WorkKind.ABANDONED:
            return _lost(session, principal, WorkKind(kind), own, entry_id)
        case WorkKind.VOICEMAIL:
            return _messages(session, own, entry_id)
        case WorkKind.REMINDER:
            return _reminders(session, principal, entry_id)
        case _:
            return _callbacks(session, own, entry_id)


def _narrowed(query: Any, at: Any, row_id: Any, entry_id: int) -> Any:
    query = query.where(row_id == entry_id) if entry_id else query.where(at >= utc_now() - BACK)
    return query.order_by(at.desc(), row_id.desc()).limit(SHOWN)


def _lost(
    session: TenantSession, principal: Principal, kind: WorkKind, own: list[int] | None, entry_id: int
) -> list[Entry]:
    missed = kind is WorkKind.MISSED
    # A call an agent dialled is lost to nobody (it has that agent) until it is handed over.
    query = select(CallRecord).where(
        CallRecord.agent_id == 0,
        CallRecord.talk_at.is_(None),
        CallRecord.missed == (true() if missed else false()),
    )
    if not missed:
        query = query.where(CallRecord.queue_id != 0, CallRecord.ended_in != EndedIn.VOICEMAIL)
    if own is not None:
        offered = select(CallOffer.record_id).where(CallOffer.agent_id == principal.account_id)
        query = query.where(or_(CallRecord.queue_id.in_(own), CallRecord.id.in_(offered)))
    rows = session.scalars(_narrowed(query, CallRecord.arrived_at, CallRecord.id, entry_id))
    return [
        Entry(
            kind=kind.value,
            id=row.id,
            call_id=row.call_id,
            number=other_party(row),
            at=row.arrived_at,
            queue=row.queue_name,
        )
        for row in rows
    ]


def _messages(session: TenantSession, own: list[int] | None, entry_id: int) -> list[Entry]:
    query = with_owner(select(Recording, CallRecord).select_from(Recording), needed=True).where(
        Recording.kind == SegmentKind.VOICEMAIL
    )
    if own is not None:
        query = query.where(CallRecord.queue_id.in_(own))
    rows = session.execute(_narrowed(query, Recording.started_at, Recording.id, entry_id))
    return [
        Entry(
            kind=WorkKind.VOICEMAIL.value,
            id=recording.id,
            call_id=record.call_id,
            number=other_party(record),
            at=recording.started_at,
            queue=record.queue_name,
            heard=recording.heard_at is not None,
        )
        for recording, record in rows
    ]


def _callbacks(session: TenantSession, own: list[int] | None, entry_id: int) -> list[Entry]:
    query = select(Callback)
    if own is not None:
        query = query.where(Callback.queue_id.in_(own))
    rows = session.scalars(_narrowed(query, Callback.asked_at, Callback.id, entry_id)).all()
    queues = _names(session, Queue, (row.queue_id for row in rows))
    people = _names(session, Account, (row.done_by for row in rows))
    return [
        Entry(
            kind=CALLBACK,
            id=row.id,
            call_id=row.call_id,
            number=row.number,
            at=row.asked_at,
            queue=queues.get(row.queue_id, ""),
            text=row.remark,
            done_by=people.get(row.done_by, "") if row.state is CallbackState.DONE else "",
            done_at=row.done_at,
        )
        for row in rows
    ]


def _reminders(session: TenantSession, principal: Principal, entry_id: int) -> list[Entry]:
    """Return the account's own next calls, drafts' too: those of the last days and all to come."""
    query = select(CallWrapUp).where(
        CallWrapUp.account_id == principal.account_id, CallWrapUp.next_call_at.is_not(None)
    )
    rows = session.scalars(_narrowed(query, CallWrapUp.next_call_at, CallWrapUp.id, entry_id)).all()
    return [
        Entry(
            kind=WorkKind.REMINDER.value,
            id=row.id,
            call_id=row.call_id,
            number=row.number,
            at=row.created_at,
            due=row.next_call_at,
            text=row.note[:200],
        )
        for row in rows
    ]


def _names(session: TenantSession, model: Any, ids: Iterable[int]) -> dict[int, str]:
    wanted = {each for each in ids if each}
    if not wanted:
        return {}
    rows = session.execute(select(model.id, model.name).where(model.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}


def _name(session: TenantSession, found: list[Entry]) -> None:
    numbers = {each.number for each in found}
    if numbers:
        rows = session.execute(select(Customer.phone, Customer.name).where(Customer.phone.in_(numbers)))
        names = {row[0]: row[1] for row in rows}
        for each in found:
            each.name = names.get(each.number, "")


def _settle(session: TenantSession, found: list[Entry]) -> None:
    """Note who dealt with what: by a mark, or else by the first conversation with the number afterwards."""
    ids = {each.id for each in found if each.kind != CALLBACK}
    marks = {}
    if ids:
        rows = session.scalars(select(WorkDone).where(WorkDone.object_id.in_(ids)))
        marks = {(row.kind.value, row.object_id): row for row in rows}
    talks = _talks(session, found)
    for each in found:
        mark = marks.get((each.kind, each.id))
        if mark is not None:
            each.done_by, each.done_at = mark.account_name, mark.done_at
        elif not each.done_at:
            # A reminder is for its own time: what was said before does not settle it.
            after = each.due or each.at
            later = [talk for talk in talks.get(each.number, ()) if talk[0] > after]
            if later:
                each.done_at, each.done_by = min(later)
                each.by_call = True


def _talks(session: TenantSession, found: list[Entry]) -> dict[str, list[tuple[datetime.datetime, str]]]:
    open_ones = [each for each in found if not each.done_at and each.number]
    numbers = {each.number for each in open_ones}
    talks: dict[str, list[tuple[datetime.datetime, str]]] = {}
    if not numbers:
        return talks
    since = min(each.at for each in open_ones)
    rows = session.execute(
        select(
            CallRecord.direction,
            CallRecord.caller,
            CallRecord.called,
            CallRecord.talk_at,
            CallRecord.agent_name,
        ).where(
            CallRecord.arrived_at > since,
            CallRecord.talk_at.is_not(None),
            or_(CallRecord.caller.in_(numbers), CallRecord.called.in_(numbers)),
        )
    )
    for direction, caller, called, talk_at, agent in rows:
        number = called if direction is Direction.OUT else caller
        assert talk_at is not None
        talks.setdefault(number, []).append((talk_at, agent))
    return talks
