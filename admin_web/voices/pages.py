"""A voice's drawer and sound, for its company and for the operator."""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.resource_views import changed_list
from admin_web.resources.voices import SOURCES, clock, kilobytes, shown_state, waiting_for
from admin_web.stored_sound import stored_sound
from core import audit
from core.database import TenantSession
from core.errors import CallerFault
from core.i18n import lazy
from core.models import Account, Tenant
from core.permissions import Permission
from core.views import View, current_principal, may, parts, session
from cti import publishing
from ivr.voices import convert, service
from ivr.voices.models import Voice, VoiceState


class VoicePage(View):
    """One voice: its waveform, what it is, who plays it; renamed here."""

    access = Permission.VOICES_VIEW
    method_access = {"POST": Permission.VOICES_EDIT}

    def get(self, voice_id: int) -> ResponseReturnValue:
        """Show the drawer."""
        voice = service.voice_of(session(), voice_id)
        return self._drawer(voice, voice.name, "")

    def post(self, voice_id: int) -> ResponseReturnValue:
        """Rename it."""
        db = session()
        voice = service.voice_of(db, voice_id)
        given = request.form.get("name", "")[:200]
        try:
            service.rename(db, voice, given)
            changes = audit.changes_of(voice)
            db.flush()
            if changes:
                audit.record(db, current_principal(), "voices.rename", voice, changes)
                if voice.state is VoiceState.APPROVED:
                    publishing.publish(db, parts().redis, voice)
            db.commit()
        except CallerFault as error:
            db.rollback()
            return self._drawer(service.voice_of(db, voice_id), given, error.text()), 422
        return changed_list(lazy("Saved: %(name)s", name=voice.name), url_for("resources.voices"))

    @staticmethod
    def _drawer(voice: Voice, name: str, error: str) -> str:
        db = session()
        maker = db.get(Account, voice.created_by) if voice.created_by else None
        replaceable = voice.state is not VoiceState.APPROVED or not service.needs_review(db, voice.source)
        return render_template(
            "voices/voice.html",
            voice=voice,
            name=name,
            error=error,
            facts=facts(voice),
            made_by=maker.name if maker else "",
            users=service.used_by(db, [voice.id]).get(voice.id, []),
            note=waiting_for(voice),
            can_edit=may(Permission.VOICES_EDIT),
            replaceable=replaceable,
            limits=convert,
        )


def facts(voice: Voice) -> dict[str, object]:
    """Return what both drawers show of a voice."""
    return {
        "state": shown_state(voice),
        "length": clock(voice),
        "size": kilobytes(voice),
        "source": SOURCES[voice.source],
    }


class Audio(View):
    """The sound, by byte ranges, to whoever manages voices or builds flows with them."""

    access = (Permission.VOICES_VIEW, Permission.FLOWS_VIEW)

    def get(self, voice_id: int) -> ResponseReturnValue:
        """Send the bytes asked for."""
        return sound_of(service.voice_of(session(), voice_id))


class Peaks(View):
    """The waveform."""

    access = (Permission.VOICES_VIEW, Permission.FLOWS_VIEW)

    def get(self, voice_id: int) -> ResponseReturnValue:
        """Send its heights."""
        return peaks_of(service.voice_of(session(), voice_id))


class Download(View):
    """The sound as a file named after the voice."""

    access = Permission.VOICES_VIEW

    def get(self, voice_id: int) -> ResponseReturnValue:
        """Send it."""
        voice = service.voice_of(session(), voice_id)
        response = sound_of(voice)
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", voice.name).strip("_.") or f"voice-{voice.id}"
        name = quote(f"{voice.name}.wav", safe="")
        response.headers["Content-Disposition"] = f"attachment; filename={plain}.wav; filename*=UTF-8''{name}"
        return response


class ReviewPage(View):
    """A voice of any company, for the operator who reviews it."""

    access = Permission.VOICES_REVIEW
    all_tenants = True

    def get(self, voice_id: int) -> ResponseReturnValue:
        """Show the drawer."""
        db = session()
        voice = service.voice_of(db, voice_id)
        return render_template(
            "voices/review.html",
            voice=voice,
            seen=service.seen(voice),
            facts=facts(voice),
            company=_company(db, voice.tenant_id),
        )


class ReviewAudio(View):
    """The sound of a voice of any company."""

    access = Permission.VOICES_REVIEW
    all_tenants = True

    def get(self, voice_id: int) -> ResponseReturnValue:
        """Send the bytes asked for."""
        return sound_of(service.voice_of(session(), voice_id))


class ReviewPeaks(View):
    """The waveform of a voice of any company."""

    access = Permission.VOICES_REVIEW
    all_tenants = True

    def get(self, voice_id: int) -> ResponseReturnValue:
        """Send its heights."""
        return peaks_of(service.voice_of(session(), voice_id))


def sound_of(voice: Voice) -> Response:
    """Return the answer with a voice's sound; a replaced one is another file, so nothing old is kept."""
    response, _start = stored_sound(voice.file_key)
    response.headers["Cache-Control"] = "private, no-transform, no-cache"
    response.set_etag(voice.digest[:32])
    return response


def peaks_of(voice: Voice) -> Response:
    """Return the answer with a voice's waveform, as the player wants it."""
    body = f'{{"length_ms":{voice.length_ms},"channels":[{voice.peaks}]}}'
    return Response(body, content_type="application/json", headers={"Cache-Control": "private, no-cache"})


def _company(db: TenantSession, tenant_id: int) -> str:
    tenant = db.get(Tenant, tenant_id)
    return tenant.name if tenant else ""
