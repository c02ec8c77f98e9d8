"""Trying a flow out of the editor (CTI-I15): what it sends is played by the real engine; nothing is kept."""

from __future__ import annotations

import datetime
import functools
import time
from zoneinfo import ZoneInfo

import msgspec
from flask import jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.flows.answers import JsonView, body_of
from admin_web.flows.names import names_of
from core import phone
from core.clock import now_ms, to_ms
from core.database import TenantSession
from core.errors import InvalidField
from core.i18n import LANGUAGES, current_language, lazy
from core.models import Tenant
from core.permissions import Permission
from core.views import session
from ivr import company_calendars, service
from ivr.calendar import Calendar as CalendarValue
from ivr.models import Calendar, Flow
from ivr.surroundings import Surroundings
from ivr.trial import Followed, TrialEvent, TrialSetting, try_flow
from sounds.texts import TEXTS

LONGEST_S = 2.0
"""How long one try may take."""


class Trying(msgspec.Struct):
    """What the editor sends."""

    document: msgspec.Raw
    language: str = "zh"
    """The caller's."""
    now: str = ""
    """Local time of the company the call comes in at, ISO 8601 without a zone; empty: now."""
    caller: str = ""
    called: str = ""
    events: list[TrialEvent] = []


class NotATimeError(InvalidField):
    """The time of the trial cannot be read."""

    id = "not-a-time"
    sentence = lazy("This is not a time.")


class Try(JsonView):
    """Plays a document that may never have been saved."""

    access = Permission.FLOWS_VIEW

    def post(self, flow_id: int) -> ResponseReturnValue:
        """Answer with the transcript, the way and where the caller is."""
        db = session()
        service.flow_of(db, flow_id)
        given = body_of(Trying)
        document = service.read_document(bytes(given.document))
        around = surroundings(db)
        setting = TrialSetting(
            language=given.language if given.language in LANGUAGES else LANGUAGES[0],
            reader=current_language(),
            now_ms=_now_ms(given.now, around.timezone),
            surroundings=around,
            caller=_number(given.caller),
            called=_number(given.called),
            names=names_of(db, document),
            sounds=TEXTS,
            flow_id=flow_id,
            follow=functools.cache(functools.partial(followed, db)),
        )
        end_s = time.monotonic() + LONGEST_S
        trial = try_flow(document, given.events, setting, lambda: time.monotonic() < end_s)
        return jsonify(msgspec.to_builtins(trial))


def followed(db: TenantSession, flow_id: int) -> Followed | None:
    """Return a flow's newest published version, as calls enter it; None when it has none."""
    row = db.scalars(select(Flow).where(Flow.id == flow_id, Flow.published_version > 0)).one_or_none()
    if row is None:
        return None
    document = service.document_of(service.version_of(db, flow_id, row.published_version))
    return Followed(flow=document, names=names_of(db, document))


def surroundings(db: TenantSession) -> Surroundings:
    """Return the company's clock and calendars, as its calls have them."""
    timezone = db.scalars(select(Tenant.timezone)).one()
    calendars = {
        str(row.id): CalendarValue(
            china=row.china, days=company_calendars.as_map(company_calendars.decode_days(row.days))
        )
        for row in db.scalars(select(Calendar))
    }
    return Surroundings(timezone=timezone, calendars=calendars)


def _now_ms(text: str, timezone: str) -> int:
    if not text:
        return now_ms()
    try:
        local = datetime.datetime.fromisoformat(text)
        at = local if local.tzinfo is not None else local.replace(tzinfo=ZoneInfo(timezone))
        return to_ms(at)
    except (ValueError, OverflowError):
        raise NotATimeError(field="now") from None


def _number(text: str) -> str:
    try:
        return phone.parse(text).stored
    except phone.InvalidNumberError:
        return text.strip()[:32]
