"""Voices recorded by telephone (CTI-V4): one of the company's phones is rung, and the page follows what happens."""

from __future__ import annotations

import dataclasses
import json
import uuid
from typing import Any

import msgspec
from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.resources.voices import STATES
from admin_web.voices import phone_words
from core import audit, bus, keys
from core.errors import CallerFault, InvalidField, ZongjiError
from core.i18n import LazyText, current_language, gettext
from core.permissions import Permission
from core.redis import RedisError
from core.views import View, current_principal, parts, session
from cti.models import Extension
from cti.refusals import SwitchAwayError
from cti.takes.model import End, Shown, TakeState
from ivr.voices import service
from ivr.voices.errors import SoundApproved
from ivr.voices.models import Voice, VoiceSource, VoiceState, VoiceTake


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """What the page shows of a take."""

    text: str | LazyText
    kind: str = "info"
    """``info``, ``success`` or ``danger``."""
    over: bool = False
    voice: Voice | None = None


class ByPhone(View):
    """The drawer: a name, and which telephone rings."""

    access = Permission.VOICES_EDIT

    def get(self) -> ResponseReturnValue:
        """Show it; with the argument ``voice`` that voice gets another sound."""
        voice = _replaceable(request.args.get("voice", 0, int))
        return _form(voice, name="", phone="", take_id=str(uuid.uuid4()))

    def post(self) -> ResponseReturnValue:
        """Have the telephone ring."""
        form = request.form
        voice = _replaceable(form.get("voice", 0, int))
        take_id, name, phone = (
            _take_id(form.get("take", "")),
            form.get("name", "")[:200],
            form.get("phone", ""),
        )
        try:
            if voice is None:
                name = service.clean_name(name)
                service.require_free(session(), name)
            extension = _extension(phone)
            _ring(take_id, voice, voice.name if voice else name, extension, phone.partition(":")[2])
        except ZongjiError as error:
            session().rollback()
            return _form(_replaceable(form.get("voice", 0, int)), name, phone, take_id, error), 422
        return render_template("voices/phone_take.html", take_id=take_id, progress=_progress(take_id))


class Take(View):
    """How far a take is: the part of the drawer that asks again by itself until it is over."""

    access = Permission.VOICES_EDIT

    def get(self, take_id: str) -> ResponseReturnValue:
        """Show it."""
        return _shown_take(_take_id(take_id))


class StopTake(View):
    """The telephone is to stop ringing, or the recording to end without a voice."""

    access = Permission.VOICES_EDIT

    def post(self, take_id: str) -> ResponseReturnValue:
        """End it; one that is over already stays as it is."""
        result = _command("voice.stop", take_id=_take_id(take_id))
        if not result["ok"] and result["error"] != "no-such-take":
            raise phone_words.refusal(result)
        return _shown_take(_take_id(take_id))


def _replaceable(voice_id: int) -> Voice | None:
    """Return the voice that gets another sound; None for 0. Raises `VoiceUnknown`, `SoundApproved`."""
    if not voice_id:
        return None
    voice = service.voice_of(session(), voice_id)
    if voice.state is VoiceState.APPROVED and service.needs_review(session(), VoiceSource.PHONE):
        raise SoundApproved()
    return voice


def _take_id(given: str) -> str:
    """Return the id the form was made with: sent twice, the telephone rings once."""
    try:
        return str(uuid.UUID(given))
    except ValueError:
        raise InvalidField(field="take") from None


def _extension(phone: str) -> Extension:
    """Return the extension of ``<id>:<endpoint>``. Raises `PhoneUnknownError`."""
    number, _, endpoint = phone.partition(":")
    found = session().get(Extension, int(number)) if number.isdecimal() and len(number) < 19 else None
    if found is None or endpoint not in ("sip", "web"):
        raise phone_words.PhoneUnknownError()
    return found


def _ring(take_id: str, voice: Voice | None, name: str, extension: Extension, endpoint: str) -> None:
    result = _command(
        "voice.record",
        take_id=take_id,
        extension_id=extension.id,
        endpoint=endpoint,
        name=name,
        voice_id=voice.id if voice else 0,
        language=current_language(),
    )
    if not result["ok"]:
        raise phone_words.refusal(result)
    changes = {"name": ["", name], "extension": ["", extension.number]}
    audit.record(
        session(),
        current_principal(),
        "voices.phone",
        voice,
        changes,
        tenant_id=current_principal().tenant_id,
    )
    session().commit()


def _command(kind: str, **body: Any) -> dict[str, Any]:
    me = current_principal()
    sent = {"account_id": me.account_id, **body}
    try:
        return bus.send_command(parts().redis, parts().settings.cell, kind, me.tenant_id, me.account_id, sent)
    except RedisError as error:
        raise SwitchAwayError() from error


def _form(voice: Voice | None, name: str, phone: str, take_id: str, error: ZongjiError | None = None) -> str:
    phones: list[tuple[str, str]] = []
    try:
        result = _command("voice.phones")
        phones = [phone_words.choice(each) for each in result.get("phones", ())]
    except ZongjiError as silent:
        error = error or silent
    at_name = isinstance(error, CallerFault) and error.id.startswith("voice-name")
    return render_template(
        "voices/phone.html",
        voice=voice,
        name=name,
        phone=phone,
        phones=phones,
        take_id=take_id,
        name_error=error.text() if error and at_name else "",
        error=error.text() if error and not at_name else "",
    )


def _shown_take(take_id: str) -> Response:
    progress = _progress(take_id)
    response = make_response(
        render_template("voices/phone_progress.html", take_id=take_id, progress=progress)
    )
    if progress.voice is not None:
        response.headers["HX-Trigger"] = json.dumps({"zj:changed": {}})
    return response


def _progress(take_id: str) -> Progress:
    """Return how far it is: by the library, which has the last word, else by the controller."""
    row = session().scalar(select(VoiceTake).where(VoiceTake.take == take_id))
    if row is not None:
        return _outcome(row)
    try:
        value: Any = parts().redis.get(keys.take(current_principal().tenant_id, take_id))
    except RedisError:
        return Progress(text=gettext("The telephone system does not answer at the moment."))
    shown = msgspec.json.decode(value, type=Shown) if value else Shown(state=TakeState.OVER, end=End.LOST)
    if shown.end is End.KEPT:
        return Progress(text=gettext("It is being put into the library."))
    if shown.state is TakeState.OVER:
        return Progress(text=phone_words.ENDS[shown.end or End.LOST], kind="danger", over=True)
    return Progress(text=phone_words.STEPS[shown.state])


def _outcome(row: VoiceTake) -> Progress:
    if row.refusal:
        return Progress(text=phone_words.library_refusal(row.refusal, row.details), kind="danger", over=True)
    voice = session().get(Voice, row.voice_id)
    if voice is None:
        return Progress(text=gettext("The voice was deleted meanwhile."), kind="danger", over=True)
    text = gettext("Kept as %(name)s: %(state)s.", name=voice.name, state=str(STATES[voice.state][0]))
    return Progress(text=text, kind="success", over=True, voice=voice)
