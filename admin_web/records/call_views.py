"""A call's page and its recording: seen, played and downloaded by right; each play and download is logged (CTI-C8)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.records import queries
from admin_web.records.access import limits, own_only
from admin_web.records.filters import region_name
from admin_web.records.timeline import Moment, holds_of, note_moments, timeline
from admin_web.records.words import ENDED_IN, LEG_KINDS, OFFER_RESULTS
from admin_web.stored_sound import stored_sound
from core import audit
from core.database import TenantSession, utc_now
from core.errors import NotFound
from core.permissions import Permission
from core.store import FileStore, NoSuchFileError
from core.views import View, current_principal, may, parts, session
from cti.call.model import EndedIn, SegmentKind
from cti.desk import wrap_ups
from cti.desk.models import CallWrapUp
from cti.models import Extension, Queue
from cti.records.models import CallLeg, CallRecord, Recording
from cti.records.notes import notes_of

_ROW_ID = re.compile(r"[0-9]{1,18}")


class RecordPage(View):
    """One call: its story, its legs, its recording."""

    access = (Permission.RECORDS_VIEW, Permission.RECORDS_OWN)

    def get(self, call_id: str) -> ResponseReturnValue:
        """Show it."""
        db = session()
        call = queries.whole_call(db, call_id, own_of=own_only(), limits=limits())
        return render_template(
            "records/page.html",
            call=call,
            record=call.record,
            holds=len(holds_of(call.record)),
            moments=timeline(call, said_by_key(db, call_id)),
            ended_in=ENDED_IN,
            region=region_name(call.record.region),
            offer_results=OFFER_RESULTS,
            leg_kinds=LEG_KINDS,
            phones=phones_of(db, call.legs),
            may_play=may(Permission.RECORDINGS_PLAY),
            may_download=may(Permission.RECORDINGS_DOWNLOAD),
            wrap_ups=wrap_ups_of(db, call.record, own_only()),
        )


def phones_of(db: TenantSession, legs: Sequence[CallLeg]) -> dict[str, str]:
    """Return the extension's number of each leg to one, by the leg's id: what the switch dialled is a SIP user."""
    ids = {leg.leg_uuid: int(leg.extension) for leg in legs if _ROW_ID.fullmatch(leg.extension)}
    rows = db.execute(select(Extension.id, Extension.number).where(Extension.id.in_(set(ids.values()))))
    numbers = {row.id: row.number for row in rows} if ids else {}
    return {leg: numbers[extension] for leg, extension in ids.items() if extension in numbers}


def wrap_ups_of(db: TenantSession, record: CallRecord, own_of: int) -> list[CallWrapUp]:
    """Return the saved wrap-ups of a record; of a part of a transferred call those of its own agent, for who sees their
    own calls (`own_of`) their own.
    """
    found = wrap_ups.saved_of(db, record.source_call_id or record.call_id)
    if own_of:
        return [each for each in found if each.account_id == own_of]
    if record.source_call_id or record.ended_in is EndedIn.TRANSFERRED:
        return [each for each in found if each.account_id == record.agent_id]
    return found


def said_by_key(db: TenantSession, call_id: str) -> list[Moment]:
    """Return the notes of a call (CTI-I13) as moments."""
    found = notes_of(db, call_id)
    ids = {note.queue_id for note in found if note.queue_id}
    rows = db.execute(select(Queue.id, Queue.name).where(Queue.id.in_(ids))) if ids else ()
    return note_moments(found, {row[0]: row[1] for row in rows})


def recording_of(call_id: str, segment: int) -> Recording:
    """Return the segment of a call the account may see: by the id of the part it belongs to, or of the whole call,
    which lists of messages and webhooks give; then too the account must see that part. Raises ``NotFound``.
    """
    db = session()
    part = queries.part_of(db, call_id, segment)
    try:
        call = queries.whole_call(db, part, own_of=own_only(), limits=limits())
    except NotFound:
        raise NotFound(kind="call", id=call_id) from None  # which part it is in is theirs who see it
    found = next((each for each in call.recordings if each.segment == segment), None)
    if found is None:
        raise NotFound(kind="recording", id=call_id)
    return found


class RecordingSound(View):
    """The sound of a segment, by byte ranges; the first part played, and each download, is logged."""

    access = Permission.RECORDINGS_PLAY

    def get(self, call_id: str, segment: int) -> ResponseReturnValue:
        """Send the bytes asked for."""
        recording = recording_of(call_id, segment)
        response, start = sound(recording)
        if start == 0 and request.method == "GET":
            log_use("recordings.play", recording)
        return response


def sound(recording: Recording) -> tuple[Response, int]:
    """Return the answer with the bytes the request asks for, and where they begin.

    Raises ``NotFound``, :class:`RangeError`.
    """
    return stored_sound(recording.key)


def log_use(action: str, recording: Recording) -> None:
    """Write the log's line in a transaction of its own, for the request's session is a reading one; a message is heard
    by whoever plays or downloads it first (CTI-I10).
    """
    principal = current_principal()
    with parts().database.transaction(principal.scope) as own:
        own_row = own.get_one(Recording, recording.id)
        if own_row.kind is SegmentKind.VOICEMAIL and own_row.heard_at is None:
            own_row.heard_at, own_row.heard_by = utc_now(), principal.account_id
        entry = audit.record(own, principal, action, own_row, {})
        entry.object_name = recording.call_id
        own.commit()


class RecordingDownload(View):
    """A segment as a file."""

    access = Permission.RECORDINGS_DOWNLOAD

    def get(self, call_id: str, segment: int) -> ResponseReturnValue:
        """Send it."""
        recording = recording_of(call_id, segment)
        response, _ = sound(recording)
        if request.method == "GET":
            log_use("recordings.download", recording)
        response.headers["Content-Disposition"] = f"attachment; filename={call_id}-{segment}.wav"
        return response


class RecordingPeaks(View):
    """The waveform of a segment, made by the server."""

    access = Permission.RECORDINGS_PLAY

    def get(self, call_id: str, segment: int) -> ResponseReturnValue:
        """Send it."""
        recording = recording_of(call_id, segment)
        try:
            body = b"".join(FileStore(parts().settings.store_dir).read(recording.peaks_key))
        except (NoSuchFileError, ValueError):
            raise NotFound(kind="recording", id=call_id) from None
        return Response(
            body, content_type="application/json", headers={"Cache-Control": "private, max-age=3600"}
        )
