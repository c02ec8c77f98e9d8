"""What a flow of a company may refer to: for the editor's pickers, and for the checks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.database import TenantSession
from core.i18n import current_language, gettext
from cti.models import Extension, Queue
from ivr import checks
from ivr.calendar import CHINA
from ivr.field_words import SYSTEM_VARIABLES, translated
from ivr.models import Calendar, Flow
from ivr.nodes.base import ReferenceKind
from ivr.region import PROVINCES
from ivr.voices.models import Voice, VoiceState
from sounds.texts import TEXTS


def known(db: TenantSession, flow_id: int = 0) -> checks.Known:
    """Return what a flow of this company may refer to; `flow_id` may lead to itself before it is published."""
    published = set(db.scalars(select(Flow.id).where(Flow.published_version > 0)))
    approved = select(Voice.id).where(Voice.state == VoiceState.APPROVED)
    return {
        ReferenceKind.QUEUE: set(db.scalars(select(Queue.id))),
        ReferenceKind.EXTENSION: set(db.scalars(select(Extension.id))),
        ReferenceKind.VOICE: set(db.scalars(approved)),
        ReferenceKind.FLOW: published | {flow_id},
        ReferenceKind.CALENDAR: set(db.scalars(select(Calendar.id))),
    }


def pickers(db: TenantSession) -> dict[str, list[dict[str, Any]]]:
    """Return what the editor offers, by kind, in the order it is offered."""
    queues = db.execute(select(Queue.id, Queue.name, Queue.code).order_by(Queue.code))
    extensions = db.execute(select(Extension.id, Extension.number).order_by(Extension.number))
    voices = db.execute(
        select(Voice.id, Voice.name, Voice.length_ms)
        .where(Voice.state == VoiceState.APPROVED)
        .order_by(Voice.name)
    )
    flows = db.execute(select(Flow.id, Flow.name, Flow.published_version).order_by(Flow.code))
    calendars = db.execute(select(Calendar.id, Calendar.name).order_by(Calendar.name))
    return {
        "queues": [{"id": row_id, "name": name, "code": code} for row_id, name, code in queues],
        "extensions": [{"id": row_id, "name": number} for row_id, number in extensions],
        "voices": [
            {"id": row_id, "name": name, "seconds": length_ms / 1000, "url": f"/voices/{row_id}/audio"}
            for row_id, name, length_ms in voices
        ],
        "flows": [
            {"id": row_id, "name": name, "published": published > 0} for row_id, name, published in flows
        ],
        "calendars": [
            {"id": CHINA, "name": gettext("China's public holidays")},
            *({"id": str(row_id), "name": name} for row_id, name in calendars),
        ],
        "regions": regions(current_language()),
        "sounds": [{"name": name, "label": texts[current_language()]} for name, texts in TEXTS.items()],
    }


def regions(language: str) -> list[dict[str, Any]]:
    """Return the provinces with their cities: what rules name them by, and their names in `language`."""
    return [
        {
            "province": province.key,
            "name": province.key if language == "zh" else province.name_en,
            "cities": [
                {"city": city, "name": city if language == "zh" else english}
                for key, english in province.cities.items()
                for city in [key.partition("/")[2]]
            ],
        }
        for province in PROVINCES
    ]


def system_variables() -> list[dict[str, str]]:
    """Return the system's variables with their names for the reader."""
    return [{"name": name.value, "label": translated(label)} for name, label in SYSTEM_VARIABLES.items()]
