"""What the outbox says of records and recordings; fields are named as the programming interface names them."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from typing import Any

from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.tenancy import TenantSession
from cti.records.models import CallRecord, Recording, RecordState


def tell_records(
    session: TenantSession, written: Sequence[CallRecord], corrected: Collection[CallRecord]
) -> None:
    """Say that calls ended, and of those `corrected` that their provisional record is final now.

    Runs in the transaction that writes them; for a batch that nobody wants to hear of it costs one query.
    """
    kinds = (EventKind.CALL_ENDED, EventKind.CALL_CORRECTED)
    wanted = outbox.wanted(session, {record.tenant_id for record in written}, kinds) if written else set()
    for record in written:
        kind = EventKind.CALL_CORRECTED if record in corrected else EventKind.CALL_ENDED
        if (record.tenant_id, kind) in wanted:
            key = f"{kind.value}:{record.call_id}"
            outbox.say(session, kind, record_body(record), key, tenant_id=record.tenant_id)


def record_body(record: CallRecord) -> dict[str, Any]:
    """Return a record's event: times in UTC (RFC 3339), lengths in seconds."""
    return {
        "call_id": record.call_id,
        "source_call_id": record.source_call_id,
        "state": record.state.value,
        "direction": record.direction.value,
        "caller": record.caller,
        "called": record.called,
        "arrived_at": record.arrived_at,
        "answered_at": record.answered_at,
        "talk_at": record.talk_at,
        "ended_at": record.ended_at,
        "length_s": record.length_s,
        "wait_s": record.wait_s,
        "talk_s": record.talk_s,
        "ended_in": record.ended_in.value,
        "ended_detail": record.ended_detail,
        "cause": record.cause,
        "refusal": record.refusal,
        "route_id": record.route_id or None,
        "queue_id": record.queue_id or None,
        "queue": record.queue_name,
        "account_id": record.agent_id or None,
        "agent": record.agent_name,
        "extension": record.extension,
        "missed": record.missed,
    }


def tell_recording(
    session: TenantSession,
    recording: Recording,
    now: datetime.datetime,
    corrected_by: RecordState | None = None,
) -> None:
    """Say that a segment was stored, or of one that was what the call's record then said of it (`corrected_by`).

    Runs in the transaction that writes the row, which has its tenant. Each is said once; of a segment's events the one
    with the latest instant counts.
    """
    body = {
        "call_id": recording.call_id,
        "segment": recording.segment,
        "kind": recording.kind.value,
        "account_id": recording.agent_id or None,
        "started_at": recording.started_at,
        "length_ms": recording.length_ms,
        "channels": recording.channels,
        "bytes": recording.bytes,
        "sha256": recording.sha256,
    }
    key = f"{EventKind.RECORDING_READY.value}:{recording.call_id}-{recording.segment}"
    if corrected_by is not None:
        key += f":{corrected_by.value}"
    outbox.say(session, EventKind.RECORDING_READY, body, key, tenant_id=recording.tenant_id, at=now)
