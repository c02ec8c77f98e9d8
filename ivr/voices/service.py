"""The voice library: taken in, renamed, replaced, deleted, reviewed (CTI-V1 to V4).

A sound is in the file store before its row is committed, and out of it after: a row never names a file that is not
there. What is approved is a document of calls (`core.documents.VoiceDoc`); publishing it is the caller's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from core.database import TenantSession, utc_now
from core.models import Tenant
from core.store import FileStore
from ivr.nodes.base import ReferenceKind
from ivr.usage import flows_using
from ivr.voices.convert import Sound
from ivr.voices.errors import (
    NotWaiting,
    ReasonMissing,
    SoundApproved,
    SoundReplaced,
    TooManyVoices,
    VoiceInUse,
    VoiceNameMissing,
    VoiceNameTaken,
    VoiceUnknown,
)
from ivr.voices.models import Voice, VoiceSource, VoiceState

NAME_LENGTH = 100
MAX_VOICES = 1000
"""Voices of a company."""
MAX_TOTAL_BYTES = 1 << 30
"""Stored sound of all of a company's voices."""
SEEN_LENGTH = 32
"""Characters of a sound's digest that stand for it while it is reviewed; 128 bits."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class VoiceChoice:
    """A voice as a picker offers it."""

    id: int
    name: str
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a sound comes from."""

    source: VoiceSource
    account_id: int | None
    text: str = ""
    language: str = ""


def approved(session: TenantSession) -> list[VoiceChoice]:
    """Return the voices that may be chosen in flows, by name."""
    query = (
        select(Voice.id, Voice.name, Voice.length_ms)
        .where(Voice.state == VoiceState.APPROVED)
        .order_by(Voice.name)
    )
    return [
        VoiceChoice(id=row_id, name=name, seconds=length_ms / 1000)
        for row_id, name, length_ms in session.execute(query)
    ]


def voice_of(session: TenantSession, voice_id: int, *, lock: bool = False) -> Voice:
    """Return the voice in the session's scope; with `lock` nobody else changes it until the transaction ends.

    Raises `VoiceUnknown`.
    """
    query = select(Voice).where(Voice.id == voice_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    voice = session.scalar(query)
    if voice is None:
        raise VoiceUnknown()
    return voice


def clean_name(text: str) -> str:
    """Return a name as it is kept: printable, one space between words. Raises `VoiceNameMissing`."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    name = " ".join(printable.split())[:NAME_LENGTH].strip()
    if not name:
        raise VoiceNameMissing(field="name")
    return name


def require_free(session: TenantSession, name: str, voice_id: int = 0) -> None:
    """Raise `VoiceNameTaken` when another voice than `voice_id` has the name."""
    if session.scalar(select(Voice.id).where(Voice.name == name, Voice.id != voice_id)) is not None:
        raise VoiceNameTaken(name=name)


def needs_review(session: TenantSession, source: VoiceSource) -> bool:
    """Return whether the operator hears such a sound first: what is made from text says what it says."""
    if source is VoiceSource.TEXT:
        return False
    return bool(session.scalars(select(Tenant.voices_need_review)).one())


def add(
    session: TenantSession, store: FileStore, name: str, sound: Sound, origin: Origin, *, key: str = ""
) -> Voice:
    """Add a voice, flushed; the caller commits. Raises `VoiceNameMissing`, `VoiceNameTaken`, `TooManyVoices`.

    `key` names the sound's file where what is done may be done again: then it is the same file.
    """
    name = clean_name(name)
    require_free(session, name)
    _require_room(session, sound)
    voice = Voice(name=name, created_by=origin.account_id)
    _fill(session, voice, sound, origin)
    _keep(session, store, voice, sound, key)
    return voice


def replace(
    session: TenantSession, store: FileStore, voice: Voice, sound: Sound, origin: Origin, *, key: str = ""
) -> None:
    """Give the voice another sound, which is reviewed anew. An approved one that would have to wait for its review
    stays as it is, because callers would miss it meanwhile: raises `SoundApproved`. Raises `TooManyVoices`.
    `key` as for `add`.
    """
    _require_room(session, sound, voice.id)
    voice_of(session, voice.id, lock=True)
    if voice.state is VoiceState.APPROVED and needs_review(session, origin.source):
        raise SoundApproved()
    old_key = voice.file_key
    _fill(session, voice, sound, origin)
    _keep(session, store, voice, sound, key)
    session.after_commit(lambda: store.delete(old_key))


def rename(session: TenantSession, voice: Voice, name: str) -> None:
    """Give the voice another name. Raises `VoiceNameMissing`, `VoiceNameTaken`."""
    name = clean_name(name)
    require_free(session, name, voice.id)
    voice.name = name


def delete(session: TenantSession, store: FileStore, voice: Voice) -> None:
    """Delete the voice and, after the commit, its file. Raises `VoiceInUse` naming the flows that play it."""
    users = used_by(session, [voice.id]).get(voice.id)
    if users:
        raise VoiceInUse(flows=", ".join(users))
    key = voice.file_key
    session.delete(voice)
    session.flush()
    session.after_commit(lambda: store.delete(key))


def used_by(session: TenantSession, ids: Iterable[int]) -> Mapping[int, list[str]]:
    """Return the names of the flows whose draft or published version plays each voice."""
    return flows_using(session, ReferenceKind.VOICE, ids)


def seen(voice: Voice) -> str:
    """Return what stands for the voice's sound where a reviewer is shown it; another sound has another."""
    return voice.digest[:SEEN_LENGTH]


def approve(session: TenantSession, voice: Voice, reviewer_id: int, heard: str) -> None:
    """Let flows use the voice; `heard` is what `seen` said of the sound the reviewer was shown.

    Raises `NotWaiting` when flows may already, `SoundReplaced` when it is another sound by now.
    """
    _require_seen(session, voice, heard)
    if voice.state is VoiceState.APPROVED:
        raise NotWaiting()
    _judge(voice, VoiceState.APPROVED, reviewer_id, "")


def refuse(session: TenantSession, voice: Voice, reviewer_id: int, reason: str, heard: str) -> None:
    """Keep flows from using the voice; calls say "not available" in its place. `heard` as for `approve`.

    Raises `NotWaiting`, `ReasonMissing`, `SoundReplaced`.
    """
    _require_seen(session, voice, heard)
    reason = " ".join(reason.split())[:500]
    if not reason:
        raise ReasonMissing(field="reason")
    if voice.state is VoiceState.REFUSED:
        raise NotWaiting()
    _judge(voice, VoiceState.REFUSED, reviewer_id, reason)


def _require_room(session: TenantSession, sound: Sound, voice_id: int = 0) -> None:
    """Raise `TooManyVoices` when the company has no room for the sound, beside its voices other than `voice_id`.

    Nobody else adds one until the transaction ends.
    """
    session.execute(select(Tenant.id).with_for_update()).one()
    others = session.execute(
        select(func.count(Voice.id), func.coalesce(func.sum(Voice.bytes), 0)).where(Voice.id != voice_id)
    ).one()
    if others[0] >= MAX_VOICES or int(others[1]) + len(sound.data) > MAX_TOTAL_BYTES:
        raise TooManyVoices(voices=MAX_VOICES, megabytes=MAX_TOTAL_BYTES // 1024 // 1024)


def _require_seen(session: TenantSession, voice: Voice, heard: str) -> None:
    voice_of(session, voice.id, lock=True)
    if heard != seen(voice):
        raise SoundReplaced()


def _judge(voice: Voice, state: VoiceState, reviewer_id: int, reason: str) -> None:
    voice.state, voice.reason = state, reason
    voice.reviewed_by, voice.reviewed_at = reviewer_id, utc_now()


def _fill(session: TenantSession, voice: Voice, sound: Sound, origin: Origin) -> None:
    waits = needs_review(session, origin.source)
    voice.state = VoiceState.PENDING if waits else VoiceState.APPROVED
    voice.reason, voice.reviewed_by, voice.reviewed_at = "", None, None
    voice.source, voice.text, voice.language = origin.source, origin.text, origin.language
    voice.length_ms, voice.bytes, voice.digest = sound.length_ms, len(sound.data), sound.digest
    voice.peaks = "[" + ",".join(str(each) for each in sound.peaks) + "]"


def _keep(session: TenantSession, store: FileStore, voice: Voice, sound: Sound, key: str = "") -> None:
    """Store the sound under a new key and flush the row; nothing is left behind when the database refuses."""
    tenant_id = session.scalars(select(Tenant.id)).one()
    voice.file_key = f"voices/{tenant_id}/{key or secrets.token_hex(16)}.wav"
    store.put(voice.file_key, [sound.data])
    session.add(voice)
    try:
        session.flush()
    except BaseException as error:
        with contextlib.suppress(OSError):
            store.delete(voice.file_key)
        if isinstance(error, IntegrityError):
            raise VoiceNameTaken(name=voice.name) from error
        raise
