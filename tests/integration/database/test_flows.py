"""Lists and look-ups of flows, messages and call-backs on both engines (CTI-I1, I10, I13)."""

from __future__ import annotations

import datetime
import threading

import msgspec
import pytest

from admin_web.left_messages import queries
from admin_web.left_messages.queries import Wanted
from core.database import Database, utc_now
from cti.call.model import EndedIn, SegmentKind
from cti.records.models import Callback, CallRecord, Direction, Recording, RecordState
from ivr import model, service, usage
from ivr.nodes.base import ReferenceKind
from tests.support.database import open_two_tenants

QUEUE = {"type": "transfer", "code": "a", "name": "A", "to": "queue", "target_id": 7}


def document(**node: object) -> model.Flow:
    return msgspec.convert({"name": "F", "entry": "a", "nodes": [{**QUEUE, **node}]}, model.Flow)


def test_drafts_uses_and_deletion(each_database: Database) -> None:
    tenant, _ = open_two_tenants(each_database)
    with each_database.transaction(tenant) as session:
        flow = service.create_flow(session, "a_b%", "F", None, document())
        service.publish(session, flow.id, None)
        service.save_draft(session, flow.id, document(target_id=8), None)
        used = usage.flows_using(session, ReferenceKind.QUEUE, [7, 8, 9])
        assert used == {7: ["F"], 8: ["F"]}
        assert service.free_code(session, "a_b%") == "a_b%-2"
        assert service.free_code(session, "axb%") == "axb%"
        rows, more = service.versions(session, flow.id, count=1)
        assert ([row.version for row in rows], more) == ([2], 2)
        session.delete(flow)
        session.commit()
    with each_database.transaction(tenant, read_only=True) as session:
        assert usage.flows_using(session, ReferenceKind.QUEUE, [7, 8]) == {}


def test_of_two_who_save_at_once_one_is_told(each_database: Database) -> None:
    tenant, _ = open_two_tenants(each_database)
    with each_database.transaction(tenant) as session:
        flow_id = service.create_flow(session, "f", "F", None, document()).id
        session.commit()
    with each_database.transaction(tenant, read_only=True) as session:
        began = service.flow_of(session, flow_id).revision
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def save(queue_id: int) -> None:
        ready.wait()
        with each_database.transaction(tenant) as session:
            try:
                service.save_draft(session, flow_id, document(target_id=queue_id), None, revision=began)
                session.commit()
                outcomes.append("kept")
            except service.EditedMeanwhile:
                outcomes.append("told")

    threads = [threading.Thread(target=save, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "told"]


@pytest.mark.parametrize("minutes", [0, 1])
def test_messages_and_wishes_are_pages_by_key(each_database: Database, minutes: int) -> None:
    tenant, other = open_two_tenants(each_database)
    begin = utc_now() - datetime.timedelta(hours=3)
    for owner in (tenant, other):
        with each_database.transaction(owner) as session:
            for number in range(55):
                at = begin + datetime.timedelta(minutes=minutes * number)
                call_id = f"{owner}-{number}"
                common = {"call_id": call_id, "caller": "+8613800138000"}
                session.add(Callback(position=1, number="+8613800138000", asked_at=at, **common))
                session.add(
                    Recording(
                        call_id=call_id, segment=1, kind=SegmentKind.VOICEMAIL, started_at=at, length_ms=1,
                        key="k", bytes=1, sha256="0", channels=1, created_at=at,
                    )
                )  # fmt: skip
                session.add(
                    CallRecord(
                        state=RecordState.FINAL, direction=Direction.IN, arrived_at=at, ended_at=at,
                        ended_in=EndedIn.VOICEMAIL, **common,
                    )
                )  # fmt: skip
            session.commit()
    with each_database.transaction(tenant, read_only=True) as session:
        seen, before = [], None
        while True:
            page, last = queries.messages(session, Wanted(state="new", before=before))
            seen += [each.recording.call_id for each in page if each.record is not None]
            if last is None:
                break
            before = (last.started_at, last.id)
        assert seen == [f"{tenant}-{number}" for number in reversed(range(55))]
        first, end = queries.callbacks(session, Wanted(state="open"), None)
        assert end is not None
        rest, nothing = queries.callbacks(session, Wanted(before=(end.asked_at, end.id)), None)
        assert (len(first), len(rest), nothing) == (50, 5, None)
        assert queries.callbacks(session, Wanted(), [])[0] == []
