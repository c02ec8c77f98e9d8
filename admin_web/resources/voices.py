"""The voice library (CTI-V1 to V4): a company's recordings for its flows, their review's state, who plays them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for
from sqlalchemy import false, or_, select

from admin_web.resource import Action, BatchAction, Column, Filter, Options, Resource, Tag, ToolbarLink, pairs
from admin_web.stored_sound import store
from core import audit
from core.database import TenantSession
from core.errors import Conflict
from core.i18n import gettext, lazy
from core.models import Account
from core.permissions import Permission, Principal
from core.views import parts
from cti import publishing
from cti.models import Queue
from ivr.voices import service
from ivr.voices.models import Voice, VoiceSource, VoiceState

STATES = {
    VoiceState.PENDING: (lazy("Waits for review"), "amber"),
    VoiceState.APPROVED: (lazy("Approved"), "green"),
    VoiceState.REFUSED: (lazy("Not approved"), "red"),
}
REASON_SHOWN = 24
"""Characters of a refusal's reason in a list; the rest is where the voice is opened."""
SOURCES = {
    VoiceSource.UPLOAD: lazy("Uploaded"),
    VoiceSource.TEXT: lazy("Made from text"),
    VoiceSource.RECORDED: lazy("Recorded"),
    VoiceSource.PHONE: lazy("Recorded by telephone"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownSound:
    """What a row's play button needs."""

    href: str
    name: str
    waiting: bool = False


def state_options(session: TenantSession) -> Options:
    """Return the states of a review."""
    return [(state.value, str(text)) for state, (text, _colour) in STATES.items()]


def shown_state(row: Voice) -> Tag:
    """Return the state, with the beginning of a refusal's reason."""
    text, colour = STATES[row.state]
    reason = row.reason if len(row.reason) <= REASON_SHOWN else f"{row.reason[:REASON_SHOWN]}…"
    return Tag(text=f"{text} · {reason}" if reason else str(text), colour=colour)


def clock(row: Voice) -> str:
    """Return the length as minutes and seconds."""
    seconds = max(1, row.length_ms // 1000)
    return f"{seconds // 60}:{seconds % 60:02}"


def kilobytes(row: Voice) -> str:
    """Return the stored size."""
    return f"{max(1, round(row.bytes / 1024))}\u00a0KB"


def follow(session: TenantSession, voice: Voice) -> None:
    """Publish an approved voice to calls once the session commits, or withdraw one that is not."""
    change = publishing.publish if voice.state is VoiceState.APPROVED else publishing.withdraw
    change(session, parts().redis, voice)


def _sound(row: Voice, extras: Mapping[str, Any]) -> ShownSound:
    return ShownSound(
        href=url_for("voices.audio", voice_id=row.id),
        name=row.name,
        waiting=row.state is VoiceState.PENDING,
    )


def _extras(session: TenantSession, rows: Sequence[Voice]) -> Mapping[str, Any]:
    people = {row.created_by for row in rows}
    return {
        "people": pairs(session, select(Account.id, Account.name).where(Account.id.in_(people))),
        "flows": service.used_by(session, [row.id for row in rows]),
    }


def _users(row: Voice, extras: Mapping[str, Any]) -> str:
    return ", ".join(extras["flows"].get(row.id, ()))


class VoicePlayedError(Conflict):
    """Queues play the voice; `queues` names them."""

    id = "voice-played"
    sentence = lazy(
        "These queues play it, so it cannot be deleted: %(queues)s. Choose another voice there first."
    )


def queues_playing(session: TenantSession, voice_id: int) -> list[str]:
    """Return the names of the queues whose music or announcement the voice is."""
    plays = or_(Queue.music == f"voice:{voice_id}", Queue.announcement_voice_id == voice_id)
    return list(session.scalars(select(Queue.name).where(plays).order_by(Queue.name)))


def _delete(session: TenantSession, actor: Principal, row: Voice) -> None:
    queues = queues_playing(session, row.id)
    if queues:
        raise VoicePlayedError(queues=", ".join(queues))
    audit.record(session, actor, "voices.delete", row, {})
    publishing.withdraw(session, parts().redis, row)
    service.delete(session, store(), row)


VOICES = Resource(
    name="voices",
    path="/voices",
    title=lazy("Voices"),
    singular=lazy("Voice"),
    lead=lazy(
        "What flows can play besides spoken texts. Stored at the telephone's quality, as loud as speech."
    ),
    model=Voice,
    view=Permission.VOICES_VIEW,
    edit=Permission.VOICES_EDIT,
    remove=Permission.VOICES_EDIT,
    empty=lazy("No voice yet. Upload a recording, record one here or by telephone, or have a text spoken."),
    columns=(
        Column(name="sound", label=lazy("Listen"), kind="sound", value=_sound),
        Column(name="name", label=lazy("Name")),
        Column(name="state", label=lazy("State"), value=lambda row, _: shown_state(row)),
        Column(name="length", label=lazy("Length"), kind="number", value=lambda row, _: clock(row)),
        Column(name="size", label=lazy("Size"), kind="number", value=lambda row, _: kilobytes(row)),
        Column(name="source", label=lazy("Source"), value=lambda row, _: str(SOURCES[row.source])),
        Column(name="users", label=lazy("Played by"), value=_users),
        Column(
            name="created_by",
            label=lazy("By"),
            value=lambda row, extras: extras["people"].get(row.created_by, ""),
        ),
        Column(name="created_at", label=lazy("Created"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Name"),
            apply=lambda query, text: query.where(Voice.name.contains(text, autoescape=True)),
        ),
        Filter(
            name="state",
            label=lazy("State"),
            options=state_options,
            apply=lambda query, text: query.where(
                Voice.state == VoiceState(text) if text in set(VoiceState) else false()
            ),
        ),
    ),
    extras=_extras,
    links=(
        ToolbarLink(
            label=lazy("Upload"),
            icon="upload",
            endpoint="voices.upload",
            access=Permission.VOICES_EDIT,
            drawer=True,
        ),
        ToolbarLink(
            label=lazy("Record"),
            icon="microphone",
            endpoint="voices.record",
            access=Permission.VOICES_EDIT,
            drawer=True,
        ),
        ToolbarLink(
            label=lazy("Record by telephone"),
            icon="phone",
            endpoint="voices.phone",
            access=Permission.VOICES_EDIT,
            drawer=True,
        ),
        ToolbarLink(
            label=lazy("From text"),
            icon="file-text",
            endpoint="voices.text",
            access=Permission.VOICES_EDIT,
            drawer=True,
        ),
    ),
    actions=(
        Action(
            name="open",
            label=lazy("Open"),
            icon="eye",
            permission=Permission.VOICES_VIEW,
            opens=lambda row: url_for("voices.voice", voice_id=row.id),
            always=True,
        ),
    ),
    batch=(
        BatchAction(
            name="delete",
            label=lazy("Delete"),
            icon="trash",
            permission=Permission.VOICES_EDIT,
            run=lambda session, actor, row, values: _delete(session, actor, row),
            about=lazy("The sounds are deleted for good. A voice that a flow plays stays."),
            danger=True,
        ),
    ),
    delete=_delete,
)


def waiting_for(row: Voice) -> str:
    """Return what a voice's page says about its review."""
    if row.state is VoiceState.PENDING:
        return gettext(
            "The operator of this installation listens to it first; flows can use it once it is approved."
        )
    if row.state is VoiceState.REFUSED:
        return gettext("Not approved: %(reason)s", reason=row.reason)
    return ""
