"""The wrap-up form (DSK-9): a draft from the first second, saved once somebody says so; one for each call and account.

A page names the revision it knows. What another page wrote meanwhile is never overwritten: the page is told, and
shows it.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Final

import redis as redis_py
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from agent_desktop import customers, errors
from core import audit
from core.clock import from_ms, to_ms
from core.database import TenantSession, utc_now
from core.errors import BadFieldError
from core.permissions import Principal
from core.views import visible_number
from cti.desk.models import CallWrapUp, Disposition

NOTE_LENGTH: Final = 4000
DRAFTS_SHOWN: Final = 10
DRAFTS_KEPT: Final = datetime.timedelta(days=7)
"""Older drafts stay in the database and are not shown any more."""
FURTHEST: Final = datetime.timedelta(days=3 * 366)
"""A next call is within this."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Form:
    """What the form holds; `next_call_ms` 0 is none."""

    call_id: str
    revision: int
    disposition_id: int
    note: str
    next_call_ms: int
    queue_id: int = 0


def drafts(session: TenantSession, principal: Principal) -> list[dict[str, Any]]:
    """Return the account's open drafts, the newest first."""
    query = (
        select(CallWrapUp)
        .where(
            CallWrapUp.account_id == principal.account_id,
            CallWrapUp.saved_at.is_(None),
            CallWrapUp.updated_at >= utc_now() - DRAFTS_KEPT,
        )
        .order_by(CallWrapUp.updated_at.desc())
        .limit(DRAFTS_SHOWN)
    )
    return [shown(row) for row in session.scalars(query)]


def shown(row: CallWrapUp) -> dict[str, Any]:
    """Return a wrap-up as pages get it."""
    return {
        "id": row.id,
        "call_id": row.call_id,
        "number": visible_number(row.number),
        "queue_id": row.queue_id,
        "disposition_id": row.disposition_id,
        "note": row.note,
        "next_call_ms": to_ms(row.next_call_at) if row.next_call_at else 0,
        "revision": row.revision,
        "saved": row.saved_at is not None,
        "at_ms": to_ms(row.created_at),
    }


def keep(session: TenantSession, redis: redis_py.Redis, principal: Principal, form: Form) -> CallWrapUp:
    """Write a draft. Raises ``WrapUpChangedError`` with what stands there, ``WrapUpSavedError``, ``NotFound``."""
    row = _row(session, redis, principal, form)
    if row.saved_at is not None:
        raise errors.WrapUpSavedError()
    _write(session, row, form)
    session.flush()
    return row


def save(session: TenantSession, redis: redis_py.Redis, principal: Principal, form: Form) -> CallWrapUp:
    """Save the wrap-up, or change a saved one; it is in the log. Raises as :func:`keep`, and what the form lacks."""
    row = _row(session, redis, principal, form)
    chosen = _disposition(session, form.disposition_id)
    if (
        chosen is None
        and session.scalar(select(Disposition.id).where(Disposition.active).limit(1)) is not None
    ):
        raise errors.NoDispositionError(field="disposition_id")
    if chosen is not None and chosen.needs_note and not form.note.strip():
        raise errors.NoteNeededError(field="note", disposition=chosen.name)
    now = utc_now()
    before = to_ms(row.next_call_at) if row.next_call_at else 0
    if form.next_call_ms not in (0, before) and form.next_call_ms < to_ms(now):
        raise errors.NextCallPastError(field="next_call_ms")
    first = row.saved_at is None
    _write(session, row, form)
    row.saved_at = now
    changes = {name: pair for name, pair in audit.changes_of(row).items() if name in _LOGGED}
    session.flush()
    entry = audit.record(session, principal, "desk.wrap-up" if first else "desk.wrap-up-edit", row, changes)
    entry.object_name = row.call_id
    return row


_LOGGED = frozenset({"disposition", "note", "next_call_at"})


def discard(session: TenantSession, principal: Principal, call_id: str) -> None:
    """Throw the account's draft of a call away; a saved one stays."""
    row = _own(session, principal, call_id)
    if row is not None and row.saved_at is None:
        session.delete(row)
        session.flush()


def _own(session: TenantSession, principal: Principal, call_id: str) -> CallWrapUp | None:
    return session.scalar(
        select(CallWrapUp).where(CallWrapUp.call_id == call_id, CallWrapUp.account_id == principal.account_id)
    )


def _row(session: TenantSession, redis: redis_py.Redis, principal: Principal, form: Form) -> CallWrapUp:
    row = _own(session, principal, form.call_id)
    if row is None:
        row = CallWrapUp(
            call_id=form.call_id,
            account_id=principal.account_id,
            account_name=principal.name,
            number=customers.number_of_call(session, redis, principal, form.call_id),
            queue_id=form.queue_id,
            note="",
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:  # another page made it just now
            made = _own(session, principal, form.call_id)
            if made is None:
                raise
            row = made
    if row.revision != form.revision:
        raise errors.WrapUpChangedError(now=shown(row))
    return row


def _write(session: TenantSession, row: CallWrapUp, form: Form) -> None:
    chosen = _disposition(session, form.disposition_id)
    row.disposition_id = chosen.id if chosen else 0
    row.disposition = chosen.name if chosen else ""
    row.note = form.note
    row.next_call_at = from_ms(form.next_call_ms) if form.next_call_ms else None
    row.revision += 1


def _disposition(session: TenantSession, disposition_id: int) -> Disposition | None:
    """Return the chosen one. Raises ``BadFieldError`` for one that is not the company's or not offered any more."""
    if not disposition_id:
        return None
    found = session.get(Disposition, disposition_id)
    if found is None or not found.active:
        raise BadFieldError(field="disposition_id")
    return found


def form_of(body: dict[str, Any]) -> Form:
    """Return the form in a request's body. Raises ``BadFieldError``."""
    call_id, note = body.get("call_id"), body.get("note", "")
    if not isinstance(call_id, str) or not 0 < len(call_id) <= 64:
        raise BadFieldError(field="call_id")
    if not isinstance(note, str) or len(note) > NOTE_LENGTH:
        raise BadFieldError(field="note")
    numbers = {name: body.get(name, 0) for name in ("revision", "disposition_id", "next_call_ms", "queue_id")}
    for name, value in numbers.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
            raise BadFieldError(field=name)
    if numbers["next_call_ms"] > to_ms(utc_now() + FURTHEST):
        raise BadFieldError(field="next_call_ms")
    return Form(call_id=call_id, note=note, **numbers)
