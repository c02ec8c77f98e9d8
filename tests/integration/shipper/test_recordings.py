"""Recordings after a time without the database, of transferred calls, on a bad disk; and legs without a tenant."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from core.clock import from_ms
from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.outbox.models import OutboxEvent
from cti.call.model import (
    Call,
    LegKind,
    OfferResult,
    Segment,
    SegmentKind,
    Transfer,
    TransferKind,
    TransferResult,
    TransferTarget,
)
from cti.records import recordings, wav
from cti.records.models import Recording
from cti.records.shipper import Shipper
from cti.records.spool import BATCH
from tests.integration.shipper.conftest import Cell
from tests.support import records
from tests.support.records import ARRIVED_MS, answered_call, offer

T = ARRIVED_MS


def call_number(cell: Cell, number: int) -> Call:
    return answered_call(cell.tenant_id, call_id=f"{number:08d}-aaaa-4bbb-8ccc-000000000000")


def transferred_call(cell: Cell) -> Call:
    """Return a call agent 31 gave to agent 32 after 100 s; both talks were recorded."""
    plain = answered_call(cell.tenant_id)
    second = offer(f"{plain.id}-c", 32, T + 101_000, OfferResult.ANSWERED, answered_ms=T + 109_000)
    given = Transfer(
        to=TransferTarget(kind=TransferKind.AGENT, id=32, extension_id=42),
        at_ms=T + 100_000,
        from_agent=31,
        from_extension=41,
        from_queue=7,
        from_entered_ms=T + 10_000,
        talk_ms=T + 30_000,
        result=TransferResult.DONE,
        ended_ms=T + 110_000,
    )
    name = f"{cell.tenant_id}/{plain.id}"
    return answered_call(
        cell.tenant_id,
        offers=[*plain.offers, second],
        transfers=[given],
        talk_started_ms=T + 110_000,
        agent_id=32,
        queue_id=0,
        segments=[
            Segment(name=f"{name}-1.wav", started_ms=T + 30_000, agent_id=31),
            Segment(name=f"{name}-2.wav", started_ms=T + 110_000, agent_id=32),
        ],
    )


def recorded_ago(cell: Cell, call: Call, seconds: float, number: int = 1) -> Path:
    path = cell.recorded(call, records.wav(), number)
    written = path.stat().st_mtime - seconds
    os.utime(path, (written, written))
    return path


def everything(shipper: Shipper) -> None:
    while shipper.step() + shipper.ship_recordings():
        pass


def want_events(cell: Cell) -> None:
    with cell.database.transaction(cell.tenant_id) as session:
        outbox.set_interest(session, "test", [*EventKind])
        session.commit()


def accounts_said(cell: Cell) -> list[int | None]:
    """Return the account of each recording that was said to be ready, by segment."""
    with cell.database.transaction(cell.tenant_id, read_only=True) as session:
        query = select(OutboxEvent.body).where(OutboxEvent.kind == EventKind.RECORDING_READY)
        bodies = [msgspec.json.decode(body) for body in session.scalars(query)]
    return [body["account_id"] for body in sorted(bodies, key=lambda body: body["segment"])]


def told(cell: Cell) -> list[tuple[str, int, int | None, str, str]]:
    """Return what was said of recordings, in order: key, segment, account, kind, start."""
    with cell.database.transaction(cell.tenant_id, read_only=True) as session:
        query = select(OutboxEvent).where(OutboxEvent.kind == EventKind.RECORDING_READY)
        events = session.scalars(query.order_by(OutboxEvent.at, OutboxEvent.id)).all()
        bodies = [(event.key, msgspec.json.decode(event.body)) for event in events]
    names = ("segment", "account_id", "kind", "started_at")
    return [(key.removeprefix("recording.ready:"), *(body[name] for name in names)) for key, body in bodies]


def whose(rows: list[Recording]) -> list[tuple[int, int]]:
    return [(row.segment, row.agent_id) for row in rows]


def test_a_turn_takes_some_recordings_and_leaves_the_others_for_the_next(cell: Cell) -> None:
    for number in range(50):
        recorded_ago(cell, call_number(cell, number), 600)
    shipper = cell.shipper()
    shipper.step()
    turns = []
    while done := shipper.ship_recordings():
        turns.append(done)
    assert turns == [20, 20, 10]
    assert len(cell.recordings()) == 50


def test_a_turn_of_long_recordings_ends_after_a_time(cell: Cell) -> None:
    for number in range(3):
        recorded_ago(cell, call_number(cell, number), 600)
    shipper = cell.shipper()
    assert shipper.ship_recordings(turn_s=0.0) == 1
    assert shipper.ship_recordings() == 2


def test_after_a_time_without_the_database_records_come_before_abandoned_recordings(cell: Cell) -> None:
    want_events(cell)
    calls = [call_number(cell, number) for number in range(BATCH + 10)]
    for number, call in enumerate(calls):
        path = cell.ended(call)
        os.utime(path, (path.stat().st_mtime - 600 + number / 10,) * 2)
    for call in (calls[0], calls[-1]):
        recorded_ago(cell, call, 600)
    shipper = cell.shipper()
    shipper.ship_recordings()
    assert cell.recordings() == []
    assert shipper.step() == BATCH
    shipper.ship_recordings()
    assert [row.call_id for row in cell.recordings()] == [calls[0].id]
    everything(shipper)
    assert [row.agent_id for row in cell.recordings()] == [31, 31]
    assert accounts_said(cell) == [31, 31]
    assert {row.started_at for row in cell.recordings()} == {from_ms(T + 30_000)}


def test_an_abandoned_recording_does_not_wait_for_legs_that_came_meanwhile(cell: Cell) -> None:
    shipper = cell.shipper()
    shipper.step()
    path = recorded_ago(cell, call_number(cell, 1), 600)
    cell.ended(call_number(cell, 2))
    shipper.step()
    cell.ended(call_number(cell, 3))  # came after the step; so it is at every look of a busy cell
    assert shipper.ship_recordings() == 1
    assert not path.exists()


def test_segments_of_later_parts_have_their_agents(each_cell: Cell) -> None:
    want_events(each_cell)
    call = transferred_call(each_cell)
    each_cell.ended(call, ended_ms=T + 300_000)
    for number in (1, 2):
        recorded_ago(each_cell, call, 10, number)
    everything(each_cell.shipper())
    assert len(each_cell.records()) == 2
    assert whose(each_cell.recordings()) == [(1, 31), (2, 32)]
    assert [row.started_at for row in each_cell.recordings()] == [from_ms(T + 30_000), from_ms(T + 110_000)]
    assert accounts_said(each_cell) == [31, 32]


def test_the_first_talk_waits_while_the_second_is_recorded(cell: Cell) -> None:
    want_events(cell)
    call = transferred_call(cell)
    first = recorded_ago(cell, call, 600, 1)
    recorded_ago(cell, call, 1, 2)
    shipper = cell.shipper()
    everything(shipper)
    assert first.exists()
    cell.ended(call, ended_ms=T + 300_000)
    everything(shipper)
    assert accounts_said(cell) == [31]


def test_a_record_says_who_talked_in_recordings_stored_before_it(each_cell: Cell) -> None:
    call = transferred_call(each_cell)
    other = call_number(each_cell, 5)
    for number in (1, 2):
        recorded_ago(each_cell, call, 600, number)
    recorded_ago(each_cell, other, 600, 3)
    shipper = each_cell.shipper()
    everything(shipper)
    assert whose(each_cell.recordings()) == [(1, 0), (2, 0), (3, 0)]
    for _ in range(2):
        each_cell.ended(call, ended_ms=T + 300_000)
        everything(shipper)
        assert whose(each_cell.recordings()) == [(1, 31), (2, 32), (3, 0)]
    begun = [row.started_at for row in each_cell.recordings()[:2]]
    assert begun == [from_ms(T + 30_000), from_ms(T + 110_000)]


def test_a_final_record_says_what_the_provisional_one_did_not_know(each_cell: Cell) -> None:
    known = transferred_call(each_cell)
    first = msgspec.structs.replace(known.segments[0], agent_id=0, kind=SegmentKind.VOICEMAIL)
    before = msgspec.structs.replace(known, segments=[first], transfers=[], ended_ms=T + 300_000)
    each_cell.fact(before)
    for number in (1, 2):
        recorded_ago(each_cell, known, 600, number)
    shipper = each_cell.shipper()
    everything(shipper)
    assert whose(each_cell.recordings()) == [(1, 0), (2, 0)]
    each_cell.ended(known, ended_ms=T + 300_000)
    everything(shipper)
    rows = each_cell.recordings()
    assert whose(rows) == [(1, 31), (2, 32)]
    assert {row.kind for row in rows} == {SegmentKind.TALK}


def test_what_a_record_corrects_is_said_again_once(each_cell: Cell) -> None:
    """ACC-13: who was told of a recording nobody's name was known of is told the name."""
    want_events(each_cell)
    call = transferred_call(each_cell)
    for number in (1, 2):
        recorded_ago(each_cell, call, 600, number)
    shipper = each_cell.shipper()
    everything(shipper)
    first = told(each_cell)
    assert [event[:4] for event in first] == [(f"{call.id}-{n}", n, None, "talk") for n in (1, 2)]
    begins = [msgspec.to_builtins(from_ms(T + after_ms)) for after_ms in (30_000, 110_000)]
    for _ in range(2):  # the second time the file was not removed after the commit
        each_cell.ended(call, ended_ms=T + 300_000)
        everything(shipper)
        assert told(each_cell)[2:] == [
            (f"{call.id}-{n}:final", n, account, "talk", begin)
            for n, account, begin in zip((1, 2), (31, 32), begins, strict=True)
        ]


def test_both_records_correct_what_was_said_of_a_message(each_cell: Cell) -> None:
    """A message has no agent: the final record may correct what the provisional one said, and says nothing twice."""
    want_events(each_cell)
    known = transferred_call(each_cell)
    left = msgspec.structs.replace(known.segments[0], agent_id=0, kind=SegmentKind.VOICEMAIL)
    before = msgspec.structs.replace(known, segments=[left], transfers=[], ended_ms=T + 300_000)
    recorded_ago(each_cell, known, 600, 1)
    shipper = each_cell.shipper()
    everything(shipper)
    for _ in range(2):
        each_cell.fact(before)
        everything(shipper)
    assert [event[0] for event in told(each_cell)] == [f"{known.id}-1", f"{known.id}-1:provisional"]
    each_cell.ended(known, ended_ms=T + 300_000)
    everything(shipper)
    assert [(event[0], *event[2:4]) for event in told(each_cell)[1:]] == [
        (f"{known.id}-1:provisional", None, "voicemail"),
        (f"{known.id}-1:final", 31, "talk"),
    ]


def test_what_a_record_confirms_is_not_said_again(cell: Cell) -> None:
    want_events(cell)
    call = call_number(cell, 1)
    left = msgspec.structs.replace(call.segments[0], agent_id=0, kind=SegmentKind.VOICEMAIL)
    call = msgspec.structs.replace(call, segments=[left])
    cell.fact(msgspec.structs.replace(call, ended_ms=T + 90_000))
    recorded_ago(cell, call, 600)
    shipper = cell.shipper()
    everything(shipper)
    cell.ended(call)
    everything(shipper)
    assert [event[0] for event in told(cell)] == [f"{call.id}-1"]


def test_a_recording_with_its_agent_stays_as_it_is(cell: Cell) -> None:
    call = answered_call(cell.tenant_id)
    cell.fact(msgspec.structs.replace(call, ended_ms=T + 90_000))
    recorded_ago(cell, call, 600)
    shipper = cell.shipper()
    everything(shipper)
    other = msgspec.structs.replace(call.segments[0], agent_id=77, started_ms=T)
    cell.ended(msgspec.structs.replace(call, segments=[other]))
    everything(shipper)
    (row,) = cell.recordings()
    assert (row.agent_id, row.started_at) == (31, from_ms(T + 30_000))


@pytest.mark.parametrize("where", ["inspect", "repaired", "peaks"])
@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_a_file_the_disk_refuses_keeps_no_other_waiting(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, where: str, number: int
) -> None:
    bad, good = (recorded_ago(cell, call_number(cell, n), 600) for n in (1, 2))
    tried = refuse(monkeypatch, where, bad, number)
    shipper = cell.shipper()
    cell.now = bad.stat().st_mtime + 600
    for _ in range(3):
        shipper.ship_recordings()
    assert bad.exists()
    assert not good.exists()
    assert [row.call_id for row in cell.recordings()] == [call_number(cell, 2).id]
    assert len(tried) == 1
    monkeypatch.undo()
    cell.now += 61
    assert shipper.ship_recordings() == 1
    assert len(cell.recordings()) == 2


def refuse(monkeypatch: pytest.MonkeyPatch, where: str, bad: Path, number: int) -> list[Path]:
    """Let reading `bad` fail with `number` in the function `where` of `wav`; return its tries."""
    works = getattr(wav, where)
    tried: list[Path] = []

    def wrapped(asked: Any) -> Any:
        path = asked if isinstance(asked, Path) else asked.path
        if path != bad:
            return works(asked)
        tried.append(path)
        if where == "repaired":
            return broken()
        raise OSError(number, os.strerror(number), str(path))

    def broken() -> Any:
        yield b"RIFF"
        raise OSError(number, os.strerror(number), str(bad))

    monkeypatch.setattr(wav, where, wrapped)
    return tried


def test_a_file_that_is_gone_keeps_no_other_waiting(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, good = (recorded_ago(cell, call_number(cell, n), 600) for n in (1, 2))
    refuse(monkeypatch, "inspect", gone, errno.ENOENT)
    assert cell.shipper().ship_recordings() == 1
    assert not good.exists()


def test_a_file_that_cannot_be_removed_or_put_aside_keeps_no_other_waiting(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, spoilt, good = (recorded_ago(cell, call_number(cell, n), 600) for n in (1, 2, 3))
    spoilt.write_bytes(b"nothing recorded")
    os.utime(spoilt, (good.stat().st_mtime,) * 2)
    unlink, replace = Path.unlink, Path.replace

    def refused(self: Path, *args: Any, **options: Any) -> Any:
        if self in (stays, spoilt):
            raise PermissionError(errno.EACCES, "no")
        return (replace if args else unlink)(self, *args, **options)

    monkeypatch.setattr(Path, "unlink", refused)
    monkeypatch.setattr(Path, "replace", refused)
    assert cell.shipper().ship_recordings() == 1
    assert stays.exists()
    assert spoilt.exists()
    assert not good.exists()
    monkeypatch.undo()
    assert cell.shipper().ship_recordings() == 2
    assert len(cell.recordings()) == 2
    assert (spoilt.parent / "bad" / spoilt.name).exists()


def test_a_store_that_refuses_is_no_fault_of_the_file(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recorded_ago(cell, call_number(cell, 1), 600)

    def full(*args: Any) -> Any:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("core.store.FileStore.put", full)
    shipper = cell.shipper()
    with pytest.raises(OSError, match="full"):
        shipper.ship_recordings()
    monkeypatch.undo()
    assert shipper.ship_recordings() == 1
    assert not path.exists()


def test_a_folder_the_disk_refuses_keeps_no_other_waiting(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = recorded_ago(cell, call_number(cell, 1), 600)
    refused = cell.recordings_dir / str(cell.other_tenant_id)
    refused.mkdir()
    scandir = os.scandir

    def broken(folder: Any) -> Any:
        if Path(folder) == refused:
            raise OSError(errno.EIO, "input/output error")
        return scandir(folder)

    monkeypatch.setattr(recordings.os, "scandir", broken)
    assert cell.shipper().ship_recordings() == 1
    assert not good.exists()


def homeless_leg(cell: Cell, number: int) -> Path:
    call = answered_call(999, call_id=f"{number:08d}-bbbb-4bbb-8ccc-000000000000")
    leg = records.cdr(call, leg_uuid=f"{call.id}-b", kind=LegKind.AGENT, ended_ms=T + 90_000)
    path = records.write_cdr(cell.cdr_dir, leg)
    os.utime(path, (path.stat().st_mtime - 600,) * 2)
    return path


def test_legs_without_a_tenant_keep_no_newer_one_waiting_and_are_not_counted(cell: Cell) -> None:
    cell.now = T / 1000 + 100
    waiting = [homeless_leg(cell, number) for number in range(BATCH + 50)]
    cell.ended(call_number(cell, 1))
    shipper = cell.shipper()
    steps = [shipper.step() for _ in range(3)]
    assert sum(steps) == 1
    assert steps[-1] == 0
    assert [record.call_id for record in cell.records()] == [call_number(cell, 1).id]
    assert all(path.exists() for path in waiting)
    cell.now += 120
    for _ in range(3):
        shipper.step()
    assert list(cell.cdr_dir.glob("*.json")) == []
    assert len(list((cell.cdr_dir / "homeless").glob("*.json"))) == BATCH + 50


def test_a_leg_without_a_tenant_is_written_when_another_of_its_call_says_whose_it_is(cell: Cell) -> None:
    cell.now = T / 1000 + 100
    call = answered_call(cell.tenant_id)
    nobodys = msgspec.structs.replace(call, tenant_id=999)
    records.write_cdr(
        cell.cdr_dir, records.cdr(nobodys, leg_uuid=call.agent_leg, kind=LegKind.AGENT, ended_ms=T + 90_000)
    )
    shipper = cell.shipper()
    assert shipper.step() == 0
    cell.ended(call)
    assert shipper.step() == 2
    assert len(cell.legs()) == 2
    assert list(cell.cdr_dir.iterdir()) == []


def test_an_abandoned_recording_does_not_wait_for_legs_without_a_tenant(cell: Cell) -> None:
    path = recorded_ago(cell, call_number(cell, 1), 600)
    cell.now = path.stat().st_mtime + 600
    ended_ms = int(cell.now * 1000)
    call = answered_call(999)
    leg = records.cdr(call, leg_uuid=call.agent_leg, kind=LegKind.AGENT, ended_ms=ended_ms)
    records.write_cdr(cell.cdr_dir, leg)
    shipper = cell.shipper()
    shipper.step()
    assert shipper.ship_recordings() == 1
