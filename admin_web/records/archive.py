"""The recordings of a filtered list as one archive, written as a stream: nothing of it is kept in memory."""

from __future__ import annotations

import dataclasses
import datetime
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, cast
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from admin_web.accounts_transfer.workbook import chunks_then_removed, write_workbook
from admin_web.records import queries
from admin_web.records.filters import ListKind, RecordFilter
from core.database import Database, TenantSession
from core.i18n import gettext
from core.permissions import Principal
from core.store import FileStore, NoSuchFileError
from core.views import reading_as, shown_number
from cti.records.models import CallRecord, Direction, Recording

BATCH = 200
MAX_FILES = 20_000
MAX_BYTES = 4 * 1024**3
"""What one archive holds at most; who wants more chooses a shorter time."""
_PLAIN = re.compile(r"[^0-9A-Za-z+]+")


@dataclasses.dataclass(frozen=True)
class Size:
    """How much an archive would hold."""

    files: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class Entry:
    """One recording with what the archive says of it."""

    recording: Recording
    name: str
    row: list[str]


def size_of(db: TenantSession, wanted: RecordFilter) -> Size:
    """Return how many recordings the result has, and their bytes."""
    query = select(func.count(Recording.id), func.coalesce(func.sum(Recording.bytes), 0))
    if wanted.kind is ListKind.MESSAGES:
        ids = queries.messages(wanted).with_only_columns(Recording.id)
        query = query.where(Recording.id.in_(ids))
    else:
        if wanted.recorded is False:
            return Size(0, 0)
        recorded = dataclasses.replace(wanted, recorded=True)
        calls = queries.narrowed(recorded).with_only_columns(queries.root_id())
        query = query.where(Recording.call_id.in_(calls))
    files, size = db.execute(query).one()
    return Size(int(files), int(size))


def entries(database: Database, actor: Principal, wanted: RecordFilter) -> Iterator[Entry]:
    """Yield the recordings of the result, those of the newest call first."""
    zone = ZoneInfo(actor.timezone)
    while True:
        with database.transaction(actor.tenant_id, read_only=True) as db, reading_as(actor):
            found, last = _page(db, wanted)
            made = [_entry(recording, record, zone) for recording, record in found]
        yield from made
        if last is None:
            return
        wanted = dataclasses.replace(wanted, before=last)


Pairs = list[tuple[Recording, CallRecord | None]]


def _page(db: TenantSession, wanted: RecordFilter) -> tuple[Pairs, tuple[datetime.datetime, int] | None]:
    if wanted.kind is ListKind.MESSAGES:
        newest_first = queries.messages(wanted).order_by(Recording.started_at.desc(), Recording.id.desc())
        rows: Pairs = [(row[0], row[1]) for row in db.execute(newest_first.limit(BATCH + 1))]
        more = rows[BATCH - 1][0] if len(rows) > BATCH else None
        return rows[:BATCH], (more.started_at, more.id) if more else None
    records, last = queries.page(db, wanted, BATCH)
    roots = {queries.root_of(record) for record in records}
    found = db.scalars(select(Recording).where(Recording.call_id.in_(roots)).order_by(Recording.segment))
    by_call: dict[str, list[Recording]] = {}
    for recording in found:
        by_call.setdefault(recording.call_id, []).append(recording)
    pairs: Pairs = [
        (recording, record)
        for record in records
        for recording in by_call.get(queries.root_of(record), [])
        if not queries.is_part(record) or recording.segment in queries.segments_of(record)
    ]
    return pairs, (last.arrived_at, last.id) if last else None


def _entry(recording: Recording, record: CallRecord | None, zone: ZoneInfo) -> Entry:
    at = recording.started_at.astimezone(zone)
    out = record is not None and record.direction is Direction.OUT
    number = "" if record is None else shown_number(record.called if out else record.caller)
    plain = _PLAIN.sub("", number.replace("*", "x")) or "unknown"
    name = f"{at:%Y%m%d-%H%M%S}_{plain}_{_PLAIN.sub('', recording.call_id)}-{recording.segment}.wav"
    row = [
        f"{at:%Y-%m-%d %H:%M:%S}",
        "" if record is None else shown_number(record.caller),
        "" if record is None else shown_number(record.called),
        "" if record is None else record.agent_name,
        recording.call_id,
    ]
    return Entry(recording, name, row)


class _Drain:
    """What a `ZipFile` writes to: its bytes are taken out again after each write."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take `data`."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        data, self._parts = b"".join(self._parts), []
        return data


@dataclasses.dataclass
class Counted:
    """What became of an archive."""

    files: int = 0
    missing: int = 0


def archive_chunks(
    store: FileStore, found: Iterator[Entry], counted: Counted, done: Callable[[int], None]
) -> Iterator[bytes]:
    """Yield the archive's bytes: a workbook that lists what is in it, after the recordings; `done` hears how many
    were dealt with after each.
    """
    drain, listed = _Drain(), []
    with zipfile.ZipFile(cast(IO[bytes], drain), "w", zipfile.ZIP_STORED) as archive:
        for entry in found:
            missing = ""
            try:
                yield from _written(archive, drain, entry.name, store.read(entry.recording.key))
                counted.files += 1
            except NoSuchFileError:
                counted.missing += 1
                missing = gettext("The recording is no longer there.")
            listed.append([*entry.row, "" if missing else entry.name, missing])
            done(counted.files + counted.missing)
        headings = [
            *(gettext("Time"), gettext("Caller"), gettext("Called"), gettext("Account"), gettext("Call id")),
            *(gettext("File"), gettext("Remark")),
        ]
        index = write_workbook(gettext("Recordings"), headings, listed)
        yield from _written(archive, drain, "index.xlsx", chunks_then_removed(index))
    yield drain.taken()


def _written(archive: zipfile.ZipFile, drain: _Drain, name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Write one file into the archive; yield the archive's bytes as they come."""
    with archive.open(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True) as file:
        for chunk in chunks:
            file.write(chunk)
            yield drain.taken()
    yield drain.taken()
