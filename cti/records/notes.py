"""What callers said by key, on the record and after it: notes, and the wishes to be called back (CTI-I13)."""

from __future__ import annotations

import dataclasses
import datetime

from sqlalchemy import delete, select

from core.clock import from_ms
from core.database import TenantSession
from core.errors import NotFound
from cti.records.fitting import fit
from cti.records.models import Callback, CallbackState, CallNote, CallRecord
from cti.records.story import Story
from ivr.messages import NoteKind

REMARK_LENGTH = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoteShown:
    """A note as a call's page shows it."""

    kind: NoteKind
    value: str
    node_name: str
    agent_id: int
    queue_id: int
    noted_at: datetime.datetime


def write_notes(session: TenantSession, record: CallRecord, story: Story) -> None:
    """Write the notes of a record that was made or superseded; a callback that exists keeps what became of it."""
    session.execute(delete(CallNote).where(CallNote.record_id == record.id))
    names = {(step.flow_id, step.node): step.name for step in story.path}
    for position, note in enumerate(story.notes, start=1):
        value = fit(note.value, 200)
        row = CallNote(
            tenant_id=record.tenant_id,
            record_id=record.id,
            call_id=record.call_id,
            position=position,
            kind=note.kind,
            value=value,
            flow_id=note.flow_id,
            node=fit(note.node, 64),
            node_name=fit(names.get((note.flow_id, note.node), ""), 100),
            queue_id=note.queue_id,
            agent_id=note.agent_id,
            noted_at=from_ms(note.at_ms),
        )
        session.add(row)
        if note.kind is NoteKind.CALLBACK:
            _write_callback(session, record, row)
    session.flush()


def _write_callback(session: TenantSession, record: CallRecord, note: CallNote) -> None:
    exists = select(Callback.id).where(
        Callback.tenant_id == record.tenant_id,
        Callback.call_id == record.call_id,
        Callback.position == note.position,
    )
    if session.scalar(exists) is None:
        session.add(
            Callback(
                tenant_id=record.tenant_id,
                call_id=record.call_id,
                position=note.position,
                number=note.value[:32],
                caller=record.caller,
                queue_id=note.queue_id,
                asked_at=note.noted_at,
            )
        )


def notes_of(session: TenantSession, call_id: str) -> list[NoteShown]:
    """Return the notes of a call of the session's tenant, in order."""
    rows = session.scalars(select(CallNote).where(CallNote.call_id == call_id).order_by(CallNote.position))
    return [
        NoteShown(
            kind=row.kind,
            value=row.value,
            node_name=row.node_name or row.node,
            agent_id=row.agent_id,
            queue_id=row.queue_id,
            noted_at=row.noted_at,
        )
        for row in rows
    ]


def finish_callback(
    session: TenantSession, callback_id: int, account_id: int, remark: str, now: datetime.datetime
) -> Callback:
    """Note that a caller was called back, or need not be; who did it first stays. Raises ``NotFound``."""
    row = session.get(Callback, callback_id, with_for_update=True)
    if row is None:
        raise NotFound()
    if row.state is CallbackState.OPEN:
        row.state, row.done_by, row.done_at = CallbackState.DONE, account_id, now
    row.remark = fit(remark, REMARK_LENGTH)
    return row
