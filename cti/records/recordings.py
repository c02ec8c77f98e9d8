"""Moves closed segments of recordings from the cell's disk into the store: copy, row, commit, and only then unlink.

Killed anywhere, the next run does the same again: the key follows from the segment, so a copy is replaced by an equal
one, and a row that is there means that only the unlinking is left.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from pathlib import Path

import msgspec
from sqlalchemy import Select, select

from core.clock import from_ms
from core.database import ALL_TENANTS, Database
from core.models import Tenant
from core.store import FileStore
from cti.call.model import Segment, SegmentKind
from cti.records import wav
from cti.records.models import CallRecord, Recording
from cti.records.telling import tell_recording

_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]{7,63})-([1-9][0-9]{0,3})\.wav\Z")
_segments = msgspec.json.Decoder(list[Segment])


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentFile:
    """A file in the recordings folder: ``<tenant>/<call id>-<n>.wav``."""

    path: Path
    tenant_id: int
    call_id: str
    segment: int


def recognise(path: Path) -> SegmentFile | None:
    """Return what `path` is by its name, None when it is no segment."""
    match = _NAME.match(path.name)
    if match is None or not path.parent.name.isdigit():
        return None
    return SegmentFile(path=path, tenant_id=int(path.parent.name), call_id=match[1], segment=int(match[2]))


def is_over(database: Database, file: SegmentFile) -> bool:
    """Return whether the call has its record, after which nothing is added to the segment."""
    with database.transaction(file.tenant_id, read_only=True) as session:
        return session.scalar(select(CallRecord.id).where(CallRecord.call_id == file.call_id)) is not None


def ship(database: Database, store: FileStore, file: SegmentFile, now: datetime.datetime) -> bool:
    """Store a closed segment, commit its row and remove the file; return whether the row is new.

    Raises ``NotAWavError`` for a file that is no recording, ``LookupError`` when its tenant does not exist, and what
    the database and the disk raise.
    """
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        if session.get(Tenant, file.tenant_id) is None:
            raise LookupError(f"there is no tenant {file.tenant_id}")
        shipped = session.scalar(_row(file))
        record = session.scalar(
            select(CallRecord).where(
                CallRecord.tenant_id == file.tenant_id, CallRecord.call_id == file.call_id
            )
        )
    if shipped is None:
        row = _store(store, file, record, now)
        with database.transaction(file.tenant_id) as session:
            session.add(row)
            session.flush()
            tell_recording(session, row, now)
            session.commit()
    file.path.unlink(missing_ok=True)
    return shipped is None


def _row(file: SegmentFile) -> Select[Recording]:
    return select(Recording).where(
        Recording.tenant_id == file.tenant_id,
        Recording.call_id == file.call_id,
        Recording.segment == file.segment,
    )


def _store(
    store: FileStore, file: SegmentFile, record: CallRecord | None, now: datetime.datetime
) -> Recording:
    sound = wav.inspect(file.path)
    written_ms = int(file.path.stat().st_mtime * 1000)
    known = _known(file, record)
    started_ms = known.started_ms if known else written_ms - sound.length_ms
    month = from_ms(started_ms).strftime("%Y-%m")
    key = f"recordings/{file.tenant_id}/{month}/{file.call_id}-{file.segment}"
    stored = store.put(f"{key}.wav", wav.repaired(sound))
    outline = {"length_ms": sound.length_ms, "channels": wav.peaks(sound)}
    store.put(f"{key}.peaks.json", [msgspec.json.encode(outline)])
    return Recording(
        call_id=file.call_id,
        segment=file.segment,
        agent_id=known.agent_id if known else 0,
        kind=known.kind if known else _kind(sound.channels),
        started_at=from_ms(started_ms),
        length_ms=sound.length_ms,
        key=stored.key,
        peaks_key=f"{key}.peaks.json",
        bytes=stored.bytes,
        sha256=stored.sha256,
        channels=sound.channels,
        created_at=now,
    )


def _kind(channels: int) -> SegmentKind:
    """Return what a file is whose call has no record yet: a talk has both sides, a message one."""
    return SegmentKind.VOICEMAIL if channels == 1 else SegmentKind.TALK


def _known(file: SegmentFile, record: CallRecord | None) -> Segment | None:
    """Return what the call's record says of the segment."""
    if record is None:
        return None
    name = f"{file.tenant_id}/{file.path.name}"
    return next((segment for segment in _segments.decode(record.segments) if segment.name == name), None)
