"""What is told of a record: the same as the API gives, so that a receiver can tell the parts of a call apart."""

from __future__ import annotations

import datetime

from admin_web.api.call_records import RecordOut
from cti.call.model import EndedIn
from cti.records.models import CallRecord, Direction, RecordState
from cti.records.telling import record_body

AT = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)


def test_cti_c6_an_ended_part_names_the_whole_call_and_has_what_the_api_gives() -> None:
    part = CallRecord(
        call_id="a-2",
        source_call_id="a",
        state=RecordState.FINAL,
        direction=Direction.IN,
        arrived_at=AT,
        ended_at=AT,
        ended_in=EndedIn.AGENT,
    )
    told = record_body(part)
    assert (told["call_id"], told["source_call_id"]) == ("a-2", "a")
    assert set(told) == set(RecordOut.__struct_fields__) - {"reference"}
