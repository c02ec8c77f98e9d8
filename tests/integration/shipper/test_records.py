"""From files to rows, each once (CTI-C1, C6)."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, select

from core.database import ALL_TENANTS
from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.outbox.models import OutboxEvent
from cti.call.model import EndedIn, LegKind, OfferResult, Phase
from cti.models import InboundRoute
from cti.records.models import RecordState
from cti.records.shipper import DatabaseAway, audiences
from cti.records.spool import REFUSED_FOR_S
from tests.integration.shipper.conftest import Cell, refused_files
from tests.support import records
from tests.support.records import ARRIVED_MS, answered_call


def test_a_call_becomes_one_record_with_its_legs_and_offers(each_cell: Cell) -> None:
    call = answered_call(each_cell.tenant_id)
    agent = records.cdr(
        call, leg_uuid=call.agent_leg, kind=LegKind.AGENT, variables={"zj_agent": "31", "zj_ext": "8001"}
    )
    records.write_cdr(each_cell.cdr_dir, agent)
    each_cell.ended(call)
    each_cell.shipper().step()
    (record,) = each_cell.records()
    assert (record.call_id, record.tenant_id, record.state) == (
        call.id,
        each_cell.tenant_id,
        RecordState.FINAL,
    )
    assert (record.length_s, record.wait_s, record.talk_s, record.missed_count) == (90, 20, 60, 1)
    assert (record.ended_in, record.caller, record.agent_id) == (EndedIn.AGENT, "+8613800138000", 31)
    assert json.loads(record.path)[0]["name"] == "主菜单"
    assert [(leg.kind, leg.extension) for leg in each_cell.legs()] == [
        (LegKind.AGENT, "8001"),
        (LegKind.CUSTOMER, ""),
    ]
    assert [offer.result for offer in each_cell.offers()] == [OfferResult.NO_ANSWER, OfferResult.ANSWERED]
    assert list(each_cell.cdr_dir.iterdir()) == []
    assert [ready.call_id for ready in each_cell.announced] == [call.id]


def test_who_talked_hears_of_a_record_or_else_whom_it_was_offered_to(cell: Cell) -> None:
    answered = answered_call(cell.tenant_id)
    lost = answered_call(
        cell.tenant_id,
        "11111111-aaaa-4bbb-8ccc-000000000002",
        agent_id=0,
        agent_leg="",
        talk_started_ms=0,
        offers=[
            records.offer(f"leg{n}", agent, ARRIVED_MS + 12_000 + n, OfferResult.NO_ANSWER)
            for n, agent in enumerate((30, 31, 30))
        ],
    )
    for call in (answered, lost):
        cell.ended(call)
    cell.shipper().step()
    heard = {ready.call_id: audiences(ready) for ready in cell.announced}
    assert heard == {
        answered.id: ["admin", "agent:31", "supervisors:7"],
        lost.id: ["admin", "agent:30", "agent:31", "supervisors:7"],
    }


def test_what_is_delivered_again_changes_nothing(each_cell: Cell) -> None:
    call = answered_call(each_cell.tenant_id)
    for _ in range(3):
        each_cell.ended(call)
        each_cell.shipper().step()
    assert len(each_cell.records()) == len(each_cell.legs()) == 1
    assert len(each_cell.offers()) == 2
    assert len(each_cell.announced) == 1


def test_a_late_record_supersedes_a_provisional_one(each_cell: Cell) -> None:
    call = answered_call(each_cell.tenant_id)
    each_cell.fact(answered_call(each_cell.tenant_id, ended_ms=ARRIVED_MS + 45_000, ended_in=EndedIn.SWITCH))
    each_cell.shipper().step()
    (provisional,) = each_cell.records()
    assert (provisional.state, provisional.ended_in, provisional.length_s) == (
        RecordState.PROVISIONAL,
        EndedIn.SWITCH,
        45,
    )
    assert [leg.provisional for leg in each_cell.legs()] == [True, True]
    each_cell.ended(call)
    each_cell.shipper().step()
    (final,) = each_cell.records()
    assert (final.id, final.state, final.ended_in, final.length_s) == (
        provisional.id,
        RecordState.FINAL,
        EndedIn.AGENT,
        90,
    )
    assert len(each_cell.offers()) == 2
    assert [(leg.leg_uuid, leg.provisional) for leg in each_cell.legs()] == [
        (call.id, False),
        (call.agent_leg, True),
    ]


def test_a_fact_never_overrules_the_switch(each_cell: Cell) -> None:
    call = answered_call(each_cell.tenant_id, ended_ms=ARRIVED_MS + 1)
    each_cell.ended(call)
    each_cell.fact(call)
    each_cell.shipper().step()
    (record,) = each_cell.records()
    assert (record.state, record.length_s) == (RecordState.FINAL, 90)
    assert list(each_cell.facts_dir.iterdir()) == []


def test_a_call_nobody_took_goes_to_whose_number_was_called(cell: Cell) -> None:
    with cell.database.transaction(cell.other_tenant_id) as session:
        session.add(InboundRoute(code="r", number="+864008001000"))
        session.commit()
    records.write_cdr(cell.cdr_dir, records.cdr(None, variables={"zj_fallback": "true"}))
    records.write_cdr(
        cell.cdr_dir, records.cdr(None, leg_uuid="33333333-aaaa-4bbb-8ccc-000000000003", dialled="95000")
    )
    cell.shipper().step()
    with cell.database.transaction(ALL_TENANTS, read_only=True):
        found = {record.call_id[:1]: record.tenant_id for record in cell.records()}
    assert found["2"] == cell.other_tenant_id
    assert found["3"] not in {cell.tenant_id, cell.other_tenant_id}


def test_the_far_half_of_a_loopback_is_no_record(cell: Cell) -> None:
    records.write_cdr(cell.cdr_dir, records.cdr(None, kind=None))
    cell.shipper().step()
    assert cell.records() == []
    assert cell.legs() == []
    assert list(cell.cdr_dir.iterdir()) == []


def test_a_leg_of_no_known_tenant_waits_for_another_and_is_kept_for_a_person(cell: Cell) -> None:
    call = answered_call(999)
    path = records.write_cdr(cell.cdr_dir, records.cdr(call, leg_uuid=call.agent_leg, kind=LegKind.AGENT))
    cell.now = ARRIVED_MS / 1000 + 100
    cell.shipper().step()
    assert path.exists()
    cell.now += 120
    cell.shipper().step()
    assert (cell.cdr_dir / "homeless" / path.name).exists()


def test_texts_a_database_refuses_do_not_hold_back_the_others(cell: Cell) -> None:
    call = answered_call(cell.tenant_id)
    long = {"sip_user_agent": "x" * 10_000 + "\x00\x1b中", "hangup_cause": "Y" * 500}
    records.write_cdr(cell.cdr_dir, records.cdr(call, variables=long))
    cell.shipper().step()
    assert len(cell.records()) == 1
    assert len(cell.legs()[0].user_agent) == 200


def test_one_record_the_database_refuses_is_put_aside_alone(cell: Cell) -> None:
    good = answered_call(cell.tenant_id)
    bad = answered_call(cell.tenant_id, call_id="99999999-aaaa-4bbb-8ccc-000000000009", queue_id=1 << 70)
    cell.ended(good)
    path = cell.ended(bad)
    cell.shipper().step()
    assert [record.call_id for record in cell.records()] == [good.id]
    assert (cell.cdr_dir / "bad" / path.name).exists()


def test_a_database_that_is_away_loses_nothing(cell: Cell) -> None:
    call = answered_call(cell.tenant_id)
    path = cell.ended(call)
    engine = cell.database.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE cti_call_record RENAME TO away")
    with pytest.raises(DatabaseAway):
        cell.shipper().step()
    assert path.exists()
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO cti_call_record")
    cell.shipper().step()
    assert len(cell.records()) == len(cell.legs()) == 1


def test_a_thousand_calls_are_written_in_few_transactions(cell: Cell) -> None:
    for number in range(1000):
        cell.ended(
            answered_call(
                cell.tenant_id, call_id=f"{number:08d}-aaaa-4bbb-8ccc-000000000000", phase=Phase.TALKING
            )
        )
    commits = []
    event.listen(cell.database.engine, "commit", lambda connection: commits.append(1))
    shipper = cell.shipper()
    while shipper.step():
        pass
    assert len(cell.records()) == 1000
    assert len(commits) == 5


def test_a_partial_file_waits_for_its_end(cell: Cell) -> None:
    path = cell.ended(answered_call(cell.tenant_id))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    cell.shipper().step()
    assert cell.records() == []
    path.write_bytes(data)
    cell.shipper().step()
    assert len(cell.records()) == 1


def test_a_recording_is_stored_with_its_outline_and_its_row(each_cell: Cell) -> None:
    call = answered_call(each_cell.tenant_id)
    path = each_cell.recorded(call, records.wav())
    _age(path, 10)
    each_cell.shipper().ship_recordings()
    assert each_cell.recordings() == []
    each_cell.ended(call)
    shipper = each_cell.shipper()
    shipper.step()
    shipper.ship_recordings()
    (recording,) = each_cell.recordings()
    assert (recording.call_id, recording.segment, recording.agent_id, recording.channels) == (
        call.id,
        1,
        31,
        2,
    )
    assert recording.length_ms == 2000
    assert b"".join(each_cell.store.read(recording.key)) == records.wav()
    outline = json.loads(b"".join(each_cell.store.read(recording.peaks_key)))
    assert [len(channel) for channel in outline["channels"]] == [20, 20]
    assert not path.exists()


def test_a_segment_still_written_to_stays(cell: Cell) -> None:
    call = answered_call(cell.tenant_id)
    cell.ended(call)
    path = cell.recorded(call, records.wav())
    shipper = cell.shipper()
    shipper.step()
    shipper.ship_recordings()
    assert path.exists()
    assert cell.recordings() == []


def test_a_segment_whose_call_has_no_record_ships_when_it_is_abandoned(cell: Cell) -> None:
    call = answered_call(cell.tenant_id)
    path = cell.recorded(call, records.wav(finished=False), number=2)
    _age(path, 600)
    cell.shipper().ship_recordings()
    (recording,) = cell.recordings()
    assert (recording.segment, recording.length_ms) == (2, 2000)


def test_what_is_no_recording_is_put_aside(cell: Cell) -> None:
    call = answered_call(cell.tenant_id)
    path = cell.recorded(call, b"nothing recorded")
    _age(path, 600)
    cell.shipper().ship_recordings()
    assert (path.parent / "bad" / path.name).exists()
    assert cell.recordings() == []


def _age(path: Path, seconds: float) -> None:
    written = path.stat().st_mtime - seconds
    os.utime(path, (written, written))


def test_what_happened_is_said_in_the_same_transaction(each_cell: Cell) -> None:
    """ACC-13: an ended call, its correction and its recording are in the outbox, once, if somebody wants them."""
    with each_cell.database.transaction(each_cell.tenant_id) as session:
        outbox.set_interest(session, "test", [*EventKind])
        session.commit()
    call = answered_call(each_cell.tenant_id)
    each_cell.ended(call)
    segment = each_cell.recorded(call, records.wav())
    os.utime(segment, (segment.stat().st_mtime - 10,) * 2)
    shipper = each_cell.shipper()
    while shipper.step() + shipper.ship_recordings():
        pass
    each_cell.ended(call)
    shipper.step()
    with each_cell.database.transaction(each_cell.tenant_id, read_only=True) as session:
        said = session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)).all()
    assert [(each.kind, each.key) for each in said] == [
        ("call.ended", f"call.ended:{call.id}"),
        ("recording.ready", f"recording.ready:{call.id}-1"),
    ]
    body = msgspec.json.decode(said[0].body)
    (record,) = each_cell.records()
    assert (body["call_id"], body["state"], body["caller"]) == (call.id, "final", record.caller)


def test_a_provisional_record_that_becomes_final_is_said_to_be_corrected(each_cell: Cell) -> None:
    with each_cell.database.transaction(each_cell.tenant_id) as session:
        outbox.set_interest(session, "test", [*EventKind])
        session.commit()
    call = answered_call(each_cell.tenant_id, ended_ms=ARRIVED_MS + 45_000, ended_in=EndedIn.SWITCH)
    each_cell.fact(call)
    each_cell.shipper().step()
    each_cell.ended(call)
    each_cell.shipper().step()
    with each_cell.database.transaction(each_cell.tenant_id, read_only=True) as session:
        said = session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)).all()
    states = [(each.kind, msgspec.json.decode(each.body)["state"]) for each in said]
    assert states == [("call.ended", "provisional"), ("call.corrected", "final")]


def test_a_record_the_disk_refuses_or_keeps_stops_nothing(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of one call can neither be read nor removed: the others are written, and recordings of no record too."""
    calls = [
        answered_call(cell.tenant_id, call_id=f"{number:08d}-aaaa-4bbb-8ccc-000000000000")
        for number in range(4)
    ]
    unread, stays, _ = (cell.ended(call) for call in calls[:3])
    _age(cell.recorded(calls[3], records.wav()), 600)
    reads, unlinks = Path.read_bytes, Path.unlink

    def read_bytes(self: Path) -> bytes:
        if self == unread:
            raise PermissionError(errno.EACCES, "no", str(self))
        return reads(self)

    def unlink(self: Path, *, missing_ok: bool = False) -> None:
        if self == stays:
            raise OSError(errno.EIO, "no", str(self))
        unlinks(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    monkeypatch.setattr(Path, "unlink", unlink)
    shipper = cell.shipper()
    cell.now = time.time()
    turns = [shipper.step() for _ in range(3)]
    assert turns == [1, 0, 0]
    assert {record.call_id for record in cell.records()} == {calls[1].id, calls[2].id}
    assert [record.call_id for record in cell.announced] == [calls[1].id, calls[2].id]
    assert refused_files(shipper.meters, "records") == 2
    assert shipper.ship_recordings() == 1, "it waits for no record the disk refuses"
    monkeypatch.undo()
    cell.now += REFUSED_FOR_S + 1
    assert shipper.step() == 2
    assert len(cell.records()) == 3
    assert refused_files(shipper.meters, "records") == 0
    assert list(cell.cdr_dir.glob("*.json")) == []


def test_a_folder_the_disk_refuses_keeps_no_other_waiting(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records of legs cannot be listed: what is left of calls without one is written."""
    lost = answered_call(cell.tenant_id, ended_ms=ARRIVED_MS + 45_000, ended_in=EndedIn.SWITCH)
    cell.fact(lost)
    kept = cell.ended(answered_call(cell.tenant_id, call_id="00000009-aaaa-4bbb-8ccc-000000000000"))
    scan = os.scandir

    def refused(folder: Any) -> Any:
        if Path(folder) == cell.cdr_dir:
            raise PermissionError(errno.EACCES, "no", str(folder))
        return scan(folder)

    shipper = cell.shipper()
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refused)
        with pytest.raises(PermissionError):
            shipper.step()
    assert [record.call_id for record in cell.records()] == [lost.id]
    assert kept.exists()
    assert shipper.step() == 1
