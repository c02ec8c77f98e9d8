"""Moves closed segments of recordings from the cell's disk into the store: copy, row, commit, and only then unlink.

Killed anywhere, the next run does the same again: the key follows from the segment, so a copy is replaced by an equal
one, and a row that is there means that only the unlinking is left.

A segment can be stored before its call has a record. The record's transaction then says who talked (`complete`).
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import Select, and_, or_, select

from core.clock import from_ms
from core.database import ALL_TENANTS, Database, TenantSession, utc_now
from core.models import Tenant
from core.store import FileStore
from cti.call.model import Segment, SegmentKind
from cti.records import wav
from cti.records.models import CallRecord, Recording, RecordState
from cti.records.telling import tell_recording

_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]{7,63})-([1-9][0-9]{0,3})\.wav\Z")
_segments = msgspec.json.Decoder(list[Segment])
logger = structlog.get_logger(__name__)


class UnreadableError(Exception):
    """The disk refuses a segment's file; the others can be shipped all the same."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentFile:
    """A file in the recordings folder: ``<tenant>/<call id>-<n>.wav``."""

    path: Path
    tenant_id: int
    call_id: str
    """The whole call's, also of a segment of a later part."""
    segment: int
    written_s: float = 0.0
    """When somebody last wrote to it, epoch."""


def recognise(path: Path) -> SegmentFile | None:
    """Return what `path` is by its name, None when it is no segment."""
    match = _NAME.match(path.name)
    if match is None or not path.parent.name.isdigit():
        return None
    return SegmentFile(path=path, tenant_id=int(path.parent.name), call_id=match[1], segment=int(match[2]))


def listed(folder: Path) -> list[SegmentFile]:
    """Return the segments below `folder`, by name. A tenant's folder or a file the disk refuses is left out.

    Raises ``OSError`` when `folder` itself is refused.
    """
    found: list[SegmentFile] = []
    for tenant in _entries(folder):
        if tenant.name.isdigit():
            try:
                found += _of_tenant(Path(tenant.path))
            except OSError as error:
                logger.warning("recordings cannot be looked at", folder=tenant.path, why=str(error))
    return sorted(found, key=lambda file: file.path)


def _of_tenant(folder: Path) -> list[SegmentFile]:
    found = []
    refused: list[OSError] = []
    for entry in _entries(folder):
        file = recognise(Path(entry.path))
        if file is None:
            continue
        try:
            found.append(dataclasses.replace(file, written_s=entry.stat().st_mtime))
        except FileNotFoundError:
            continue
        except OSError as error:
            refused.append(error)
    if refused:
        logger.warning("recordings cannot be looked at", count=len(refused), why=str(refused[0]))
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def with_record(database: Database, files: Collection[SegmentFile]) -> set[tuple[int, str]]:
    """Return tenant and call id of those calls that have their record, after which nothing is added to a segment."""
    wanted = {(file.tenant_id, file.call_id) for file in files}
    if not wanted:
        return set()
    query = select(CallRecord.tenant_id, CallRecord.call_id).where(
        CallRecord.tenant_id.in_({tenant_id for tenant_id, _ in wanted}),
        CallRecord.call_id.in_({call_id for _, call_id in wanted}),
    )
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        return wanted & {(tenant_id, call_id) for tenant_id, call_id in session.execute(query)}


def ship(database: Database, store: FileStore, file: SegmentFile, now: datetime.datetime) -> bool:
    """Store a closed segment, commit its row and remove the file; return whether the row is new.

    Raises ``NotAWavError`` for a file that is no recording, ``LookupError`` when its tenant does not exist,
    :class:`UnreadableError` when the disk refuses this file, and what the database and the store raise.
    """
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        if session.get(Tenant, file.tenant_id) is None:
            raise LookupError(f"there is no tenant {file.tenant_id}")
        shipped = session.scalar(_row(file))
        known = _known(session, file) if shipped is None else None
    if shipped is None:
        row = _store(store, file, known, now)
        with database.transaction(file.tenant_id) as session:
            session.add(row)
            session.flush()
            tell_recording(session, row, now)
            session.commit()
    try:
        file.path.unlink(missing_ok=True)
    except OSError as error:
        raise UnreadableError(str(error)) from error
    return shipped is None


def complete(
    session: TenantSession, tenant_id: int, root_id: str, segments: Sequence[Segment], by: RecordState
) -> None:
    """Say who talked in the segments that were stored before it was known, what they are and when they began; of those
    it changes, others are told again.

    `root_id` is the whole call's id. Runs in the transaction that writes the record with `segments`, which is in state
    `by`; a recording that has its agent stays as it is.
    """
    if not segments:
        return
    by_name = {segment.name: segment for segment in segments}
    rows = session.scalars(
        select(Recording).where(
            Recording.tenant_id == tenant_id, Recording.call_id == root_id, Recording.agent_id == 0
        )
    )
    for row in rows:
        segment = by_name.get(f"{tenant_id}/{root_id}-{row.segment}.wav")
        if segment is None:
            continue
        said = (segment.agent_id, segment.kind, from_ms(segment.started_ms))
        if said != (row.agent_id, row.kind, row.started_at):
            row.agent_id, row.kind, row.started_at = said
            tell_recording(session, row, utc_now(), corrected_by=by)


def _row(file: SegmentFile) -> Select[Recording]:
    return select(Recording).where(
        Recording.tenant_id == file.tenant_id,
        Recording.call_id == file.call_id,
        Recording.segment == file.segment,
    )


def _store(store: FileStore, file: SegmentFile, known: Segment | None, now: datetime.datetime) -> Recording:
    try:
        sound = wav.inspect(file.path)
        written_ms = int(file.path.stat().st_mtime * 1000)
    except OSError as error:
        raise UnreadableError(str(error)) from error
    started_ms = known.started_ms if known else written_ms - sound.length_ms
    month = from_ms(started_ms).strftime("%Y-%m")
    key = f"recordings/{file.tenant_id}/{month}/{file.call_id}-{file.segment}"
    stored = store.put(f"{key}.wav", _read(wav.repaired(sound)))
    try:
        outline = {"length_ms": sound.length_ms, "channels": wav.peaks(sound)}
    except OSError as error:
        raise UnreadableError(str(error)) from error
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


def _read(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield them; that the file cannot be read is told apart from a store that cannot be written."""
    try:
        yield from chunks
    except OSError as error:
        raise UnreadableError(str(error)) from error


def _kind(channels: int) -> SegmentKind:
    """Return what a file is whose call has no record yet: a talk has both sides, a message one."""
    return SegmentKind.VOICEMAIL if channels == 1 else SegmentKind.TALK


def _known(session: TenantSession, file: SegmentFile) -> Segment | None:
    """Return what the call's records say of the segment: it may be of a later part (`cti.records.parts`)."""
    # A later part's id begins with the whole call's, which is what the index knows.
    later = and_(CallRecord.call_id.startswith(f"{file.call_id}-"), CallRecord.source_call_id == file.call_id)
    found = session.scalars(
        select(CallRecord.segments).where(
            CallRecord.tenant_id == file.tenant_id, or_(CallRecord.call_id == file.call_id, later)
        )
    )
    name = f"{file.tenant_id}/{file.path.name}"
    return next(
        (segment for each in found for segment in _segments.decode(each) if segment.name == name), None
    )
