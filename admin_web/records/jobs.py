"""The jobs behind the exports of call records. Each makes one file, and starts over after its worker's death; only
the file of the attempt that was kept is given to the job, so nothing is doubled.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from admin_web.accounts_transfer.workbook import chunks_then_removed, write_workbook
from admin_web.records import archive, exporting, filters, queries
from admin_web.records.filters import ListKind, RecordFilter
from core import audit
from core.database import utc_now
from core.i18n import LazyText, lazy
from core.jobs.errors import JobFailed
from core.jobs.limits import Limits
from core.jobs.worker import Run, Work
from core.permissions import Permission, require
from core.views import reading_as
from cti.records.reach import limits_of

EXPORT, ARCHIVE = "records.export", "records.archive"
TITLES: dict[tuple[str, ListKind], LazyText] = {
    (EXPORT, ListKind.INBOUND): lazy("Export of inbound calls"),
    (EXPORT, ListKind.OUTBOUND): lazy("Export of outbound calls"),
    (EXPORT, ListKind.MISSED): lazy("Export of missed calls"),
    (EXPORT, ListKind.MESSAGES): lazy("Export of messages left"),
    (ARCHIVE, ListKind.INBOUND): lazy("Recordings of inbound calls"),
    (ARCHIVE, ListKind.OUTBOUND): lazy("Recordings of outbound calls"),
    (ARCHIVE, ListKind.MESSAGES): lazy("Recordings of messages left"),
}
NAMES: dict[ListKind, LazyText] = {
    ListKind.INBOUND: lazy("Inbound calls"),
    ListKind.OUTBOUND: lazy("Outbound calls"),
    ListKind.MISSED: lazy("Missed calls"),
    ListKind.MESSAGES: lazy("Messages left"),
}
TELL_EVERY = 20
"""Recordings between two notes of how far an archive is."""


def kinds() -> Mapping[str, Work]:
    """Return what does each kind."""
    return {EXPORT: export_calls, ARCHIVE: export_recordings}


def _wanted(run: Run) -> RecordFilter:
    """Return what was asked for, as far as the account's present rights and queues reach. Raises ``Forbidden``."""
    actor = run.principal
    own = not actor.may(Permission.RECORDS_VIEW)
    if own:
        require(actor, Permission.RECORDS_OWN)
    kind = ListKind(run.parameters["list"])
    if own and kind is ListKind.MESSAGES:
        require(actor, Permission.RECORDS_VIEW)
    given: Mapping[str, str] = run.parameters["filters"]
    return filters.parse(
        kind,
        given,
        actor.timezone,
        own_of=actor.account_id if own else 0,
        limits=None if own else limits_of(actor),
    )


def _file_name(run: Run, wanted: RecordFilter, suffix: str) -> str:
    day = utc_now().astimezone(ZoneInfo(run.principal.timezone)).strftime("%Y%m%d-%H%M")
    return f"{NAMES[wanted.kind]}-{day}.{suffix}"


def export_calls(run: Run) -> None:
    """Write the filtered list into a workbook."""
    wanted = _wanted(run)
    with run.database.transaction(run.claim.tenant_id, read_only=True) as db, reading_as(run.principal):
        total = queries.count(db, wanted)
    if total > exporting.MAX_ROWS:
        raise JobFailed(
            reason=lazy(
                "There are %(rows)s calls; a workbook takes %(most)s. Choose a shorter time.",
                rows=total,
                most=exporting.MAX_ROWS,
            )
        )
    run.tell(0, total)
    written = 0

    def tell(progress: int, total: int) -> None:
        nonlocal written
        written = progress
        run.tell(progress, total)

    rows = exporting.export_rows(run.database, run.principal, wanted, total, tell)
    headings = [str(each) for each in exporting.HEADINGS[wanted.kind]]
    path = write_workbook(str(NAMES[wanted.kind]), headings, rows)
    run.result = {"rows": written}
    run.put_file(_file_name(run, wanted, "xlsx"), chunks_then_removed(path), limits=_limits(run, wanted))
    _log(run, wanted, {"rows": [None, written]})


def export_recordings(run: Run) -> None:
    """Write the recordings of the filtered list into one archive."""
    require(run.principal, Permission.RECORDINGS_DOWNLOAD)
    wanted = _wanted(run)
    with run.database.transaction(run.claim.tenant_id, read_only=True) as db, reading_as(run.principal):
        size = archive.size_of(db, wanted)
    _check_size(size)
    run.tell(0, size.files)
    counted = archive.Counted()

    def done(number: int) -> None:
        run.check()
        if number % TELL_EVERY == 0:
            run.tell(min(number, size.files), size.files)

    found = archive.entries(run.database, run.principal, wanted)
    run.result = {}
    chunks = archive.archive_chunks(run.store, found, counted, done)
    limits = _limits(run, wanted, Permission.RECORDINGS_DOWNLOAD)
    run.put_file(_file_name(run, wanted, "zip"), chunks, limits=limits)
    missing = {"missing": counted.missing} if counted.missing else {}
    run.result = {"files": counted.files} | missing
    _log(run, wanted, {"files": [None, counted.files]})


def _limits(run: Run, wanted: RecordFilter, *more: Permission) -> Limits:
    """Return what the file is made with: its owner's rights of now, and whose calls they reach."""
    full = [Permission.NUMBERS_FULL] if run.principal.may(Permission.NUMBERS_FULL) else []
    if wanted.own_of:
        return Limits(needs=frozenset([Permission.RECORDS_OWN, *more, *full]))
    return Limits(
        needs=frozenset([Permission.RECORDS_VIEW, *more, *full]),
        queues=wanted.limits.queues if wanted.limits else None,
    )


def _check_size(size: archive.Size) -> None:
    if not size.files:
        raise JobFailed(reason=lazy("None of these calls has a recording."))
    if size.files > archive.MAX_FILES or size.bytes > archive.MAX_BYTES:
        raise JobFailed(
            reason=lazy(
                "There are %(files)s recordings of %(size)s MB; an archive takes %(most)s of %(most_size)s MB."
                " Choose a shorter time.",
                files=size.files,
                size=size.bytes >> 20,
                most=archive.MAX_FILES,
                most_size=archive.MAX_BYTES >> 20,
            )
        )


def _log(run: Run, wanted: RecordFilter, counts: Mapping[str, list[Any]]) -> None:
    """Write into the log what was taken out of the company's records."""
    zone = ZoneInfo(run.principal.timezone)
    last = wanted.to_at - datetime.timedelta(minutes=1)
    changes: dict[str, list[Any]] = {
        **counts,
        "from": [None, wanted.from_at.astimezone(zone).strftime(filters.FORM)],
        "to": [None, last.astimezone(zone).strftime(filters.FORM)],
    }
    with run.database.transaction(run.claim.tenant_id) as session:
        entry = audit.record(session, run.principal, run.claim.kind, None, changes)
        entry.object_name = str(NAMES[wanted.kind])
        session.commit()
