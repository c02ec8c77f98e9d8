"""Sounds that come in: uploaded, recorded in the page, or replacing another (CTI-V1, V4).

A file is the request's whole body, not a form's part: its name and kind are arguments, its size is known before
a byte is read, and the page can show how far it is.
"""

from __future__ import annotations

from flask import Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from admin_web.resources.voices import STATES, follow
from admin_web.stored_sound import store
from core import audit
from core.errors import InvalidField
from core.permissions import Permission
from core.views import View, current_principal, session
from ivr.voices import convert, service
from ivr.voices.errors import SoundTooLarge
from ivr.voices.models import Voice, VoiceSource

_SOURCES = {"upload": VoiceSource.UPLOAD, "recorded": VoiceSource.RECORDED}


def body() -> bytes:
    """Return the file that was sent. Raises `SoundTooLarge`."""
    if (request.content_length or 0) > convert.MAX_BYTES:
        raise SoundTooLarge(megabytes=convert.MAX_BYTES // 1024 // 1024)
    request.max_content_length = convert.MAX_BYTES
    return request.get_data(cache=False)


def origin() -> service.Origin:
    """Return where the sound of this request comes from."""
    source = _SOURCES.get(request.args.get("source", "upload"))
    if source is None:
        raise InvalidField(field="source")
    return service.Origin(source=source, account_id=current_principal().account_id)


def answer(voice: Voice, status: int) -> Response:
    """Return what the page gets of a voice it sent."""
    made = jsonify(
        {"id": voice.id, "name": voice.name, "state": voice.state.value, "text": str(STATES[voice.state][0])}
    )
    made.status_code = status
    return made


class Upload(View):
    """Files dropped or chosen, one request each."""

    access = Permission.VOICES_EDIT

    def get(self) -> ResponseReturnValue:
        """Show the drawer they are dropped into."""
        return render_template("voices/upload.html", limits=convert, converter=bool(convert.ffmpeg()))

    def post(self) -> ResponseReturnValue:
        """Take one; its name is the argument ``name``."""
        db, principal = session(), current_principal()
        name = service.clean_name(request.args.get("name", ""))
        service.require_free(db, name)
        given = origin()
        sound = convert.convert(body())
        voice = service.add(db, store(), name, sound, given)
        audit.record(db, principal, "voices.add", voice, {})
        follow(db, voice)
        db.commit()
        return answer(voice, 201)


class Record(View):
    """The drawer that records from the microphone; what is recorded is sent to `Upload`."""

    access = Permission.VOICES_EDIT

    def get(self) -> ResponseReturnValue:
        """Show it."""
        return render_template("voices/record.html", limits=convert)


class Replace(View):
    """Another sound for a voice, such as after a refusal."""

    access = Permission.VOICES_EDIT

    def post(self, voice_id: int) -> ResponseReturnValue:
        """Take it."""
        db, principal = session(), current_principal()
        voice = service.voice_of(db, voice_id)
        given = origin()
        service.replace(db, store(), voice, convert.convert(body()), given)
        audit.record(db, principal, "voices.replace", voice, {})
        follow(db, voice)
        db.commit()
        return answer(voice, 200)
