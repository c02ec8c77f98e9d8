"""What callers said by key, and messages they left, each written once (CTI-I10, CTI-I13)."""

from __future__ import annotations

import datetime
import io
import wave

import pytest
from sqlalchemy import select

from core.clock import from_ms
from core.database import ALL_TENANTS
from core.errors import NotFound
from cti.call.model import Call, EndedIn, KeyedNote, Phase, Segment, SegmentKind
from cti.records.models import Callback, CallbackState, CallNote
from cti.records.notes import NoteShown, finish_callback, notes_of
from ivr.messages import NoteKind
from tests.integration.shipper.conftest import Cell
from tests.support.records import ARRIVED_MS, answered_call

NOW = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.UTC)


def noting_call(tenant_id: int) -> Call:
    """Return a call that gave a score after its talk and wants to be called back."""
    return answered_call(
        tenant_id,
        phase=Phase.FLOW,
        talk_ended_ms=ARRIVED_MS + 70_000,
        notes=[
            KeyedNote(
                kind=NoteKind.SURVEY,
                value="5",
                at_ms=ARRIVED_MS + 80_000,
                flow_id=1,
                node="menu",
                agent_id=31,
            ),
            KeyedNote(
                kind=NoteKind.CALLBACK,
                value="+8613900139000",
                at_ms=ARRIVED_MS + 85_000,
                flow_id=1,
                node="gone",
                queue_id=7,
                agent_id=31,
            ),
        ],
    )


def mono(seconds: float) -> bytes:
    """Return a recording of one channel, as the switch makes of a message."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x10\x20" * int(8000 * seconds))
    return data.getvalue()


def callbacks(cell: Cell) -> list[Callback]:
    """Return all wishes to be called back."""
    with cell.database.transaction(ALL_TENANTS, read_only=True) as session:
        return list(session.scalars(select(Callback)))


def test_notes_go_on_the_record_and_a_wish_becomes_a_task(each_cell: Cell) -> None:
    call = noting_call(each_cell.tenant_id)
    for _ in range(2):
        each_cell.ended(call)
        each_cell.shipper().step()
    with each_cell.database.transaction(each_cell.tenant_id, read_only=True) as session:
        shown = notes_of(session, call.id)
    assert shown == [
        NoteShown(
            kind=NoteKind.SURVEY,
            value="5",
            node_name="主菜单",
            agent_id=31,
            queue_id=0,
            noted_at=from_ms(ARRIVED_MS + 80_000),
        ),
        NoteShown(
            kind=NoteKind.CALLBACK,
            value="+8613900139000",
            node_name="gone",
            agent_id=31,
            queue_id=7,
            noted_at=from_ms(ARRIVED_MS + 85_000),
        ),
    ]
    (wish,) = callbacks(each_cell)
    assert (wish.number, wish.caller, wish.queue_id, wish.state) == (
        "+8613900139000",
        call.caller,
        7,
        CallbackState.OPEN,
    )
    (record,) = each_cell.records()
    assert (record.talk_s, record.length_s) == (40, 90), "the talk ended before the call did"


def test_another_company_sees_no_note(cell: Cell) -> None:
    call = noting_call(cell.tenant_id)
    cell.ended(call)
    cell.shipper().step()
    with cell.database.transaction(cell.other_tenant_id, read_only=True) as session:
        assert notes_of(session, call.id) == []


def test_a_late_record_keeps_what_became_of_a_wish(each_cell: Cell) -> None:
    call = noting_call(each_cell.tenant_id)
    ended = noting_call(each_cell.tenant_id)
    ended.ended_ms, ended.ended_in, ended.notes = ARRIVED_MS + 86_000, EndedIn.SWITCH, call.notes
    each_cell.fact(ended)
    each_cell.shipper().step()
    (wish,) = callbacks(each_cell)
    with each_cell.database.transaction(each_cell.tenant_id) as session:
        finish_callback(session, wish.id, 31, "reached\x00", NOW)
        session.commit()
    each_cell.ended(call)
    each_cell.shipper().step()
    (wish,) = callbacks(each_cell)
    assert (wish.state, wish.done_by, wish.done_at, wish.remark) == (CallbackState.DONE, 31, NOW, "reached")
    with each_cell.database.transaction(ALL_TENANTS, read_only=True) as session:
        assert len(list(session.scalars(select(CallNote)))) == 2


def test_who_called_back_first_stays(cell: Cell) -> None:
    cell.ended(noting_call(cell.tenant_id))
    cell.shipper().step()
    (wish,) = callbacks(cell)
    later = NOW + datetime.timedelta(hours=1)
    with cell.database.transaction(cell.tenant_id) as session:
        finish_callback(session, wish.id, 31, "", NOW)
        done = finish_callback(session, wish.id, 32, "again", later)
        assert (done.done_by, done.done_at, done.remark) == (31, NOW, "again")
    with cell.database.transaction(cell.other_tenant_id) as session, pytest.raises(NotFound):
        finish_callback(session, wish.id, 32, "", later)


def test_a_message_is_stored_as_one_nobody_has_heard(each_cell: Cell) -> None:
    name = f"{each_cell.tenant_id}/11111111-aaaa-4bbb-8ccc-000000000001-1.wav"
    call = answered_call(
        each_cell.tenant_id,
        phase=Phase.FLOW,
        agent_id=0,
        talk_started_ms=0,
        offers=[],
        segments=[Segment(name=name, started_ms=ARRIVED_MS + 5_000, kind=SegmentKind.VOICEMAIL)],
    )
    each_cell.ended(call)
    path = each_cell.recorded(call, mono(2.0))
    each_cell.shipper().step()
    each_cell.now = path.stat().st_mtime + 10
    for _ in range(2):
        each_cell.shipper().ship_recordings()
    (recording,) = each_cell.recordings()
    assert (recording.kind, recording.channels, recording.heard_at, recording.heard_by) == (
        SegmentKind.VOICEMAIL,
        1,
        None,
        0,
    )
    (record,) = each_cell.records()
    assert record.ended_in is EndedIn.VOICEMAIL


def test_a_message_whose_record_is_late_is_a_message_all_the_same(each_cell: Cell) -> None:
    call = answered_call(each_cell.tenant_id, phase=Phase.FLOW, agent_id=0, talk_started_ms=0, offers=[])
    path = each_cell.recorded(call, mono(2.0))
    each_cell.now = path.stat().st_mtime + 3600
    each_cell.shipper().ship_recordings()
    assert [recording.kind for recording in each_cell.recordings()] == [SegmentKind.VOICEMAIL]
