"""The page of the speech service over HTTP (CTI-I17), for the operator: set up, tried, switched off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.resource import Field, ShownField, field_of_error, parse_form
from core import audit
from core.database import TenantSession
from core.errors import CallerFault
from core.i18n import lazy
from core.outbound_http import networks
from core.permissions import Permission
from core.views import View, current_principal, may, parts, session
from cti import publishing
from ivr.tts.chain import OnlineSpeech
from ivr.tts.http import HttpSpeech
from ivr.tts.provider import SpeechError
from ivr.voices import speech_service
from ivr.voices.errors import TextNotSpoken
from ivr.voices.models import SpeechService, SpeechShape

SHAPES = {
    SpeechShape.OPENAI: lazy("OpenAI's speech endpoint, or one like it"),
    SpeechShape.TEMPLATE: lazy("A request of your own"),
}
TEXT_TO_TRY = {
    "zh": "您好，这是语音服务的测试，一二三。",
    "en": "Hello, this is a test of the speech service. One, two, three.",
}

FIELDS: tuple[Field, ...] = (
    Field(name="enabled", label=lazy("Use it for texts in calls"), kind="checkbox"),
    Field(
        name="shape",
        label=lazy("Kind"),
        kind="select",
        required=True,
        options=lambda db: [(each.value, str(text)) for each, text in SHAPES.items()],
    ),
    Field(
        name="url",
        label=lazy("Address"),
        required=True,
        max_length=500,
        hint=lazy(
            "Such as https://api.example.com/v1/audio/speech. It may hold {text}, {voice} and {language}."
        ),
    ),
    Field(
        name="key",
        label=lazy("Key"),
        kind="password",
        max_length=400,
        hint=lazy("Kept encrypted and never shown. Empty: it stays as it is. In headers and address: {key}."),
    ),
    Field(name="voice_zh", label=lazy("Voice for Chinese"), max_length=100),
    Field(name="voice_en", label=lazy("Voice for English"), max_length=100),
    Field(
        name="timeout_s",
        label=lazy("Longest wait for an answer, in seconds"),
        kind="number",
        minimum=1,
        maximum=30,
        default=10,
        hint=lazy("A caller waits 3 seconds at most, then hears the built-in voice."),
    ),
    Field(
        name="model", label=lazy("Model"), max_length=100, hint=lazy("For OpenAI's endpoint, such as tts-1.")
    ),
    Field(
        name="method",
        label=lazy("Method"),
        kind="select",
        required=True,
        options=lambda db: [("POST", "POST"), ("GET", "GET")],
        hint=lazy("This and what follows: for a request of your own."),
    ),
    Field(
        name="headers",
        label=lazy("Headers"),
        kind="textarea",
        max_length=2000,
        hint=lazy("A line each, such as Content-Type: application/json or X-Api-Key: {key}."),
    ),
    Field(
        name="body",
        label=lazy("Body"),
        kind="textarea",
        max_length=4000,
        hint=lazy('Such as {"input": "{text}", "voice": "{voice}"}. The answer has to be a sound file.'),
    ),
)


def online_speech(db: TenantSession, folder: Path) -> OnlineSpeech:
    """Return the service's cache below `folder`; None inside while none is in use."""
    service = speech_service.service_of(db)
    document = speech_service.document_of(service) if service is not None and service.enabled else None
    settings = parts().settings
    return OnlineSpeech(
        folder,
        lambda: document,
        lambda sealed: parts().vault.open(sealed),
        networks(settings.outbound_allowed_networks),
    )


def _values(service: SpeechService | None) -> dict[str, Any]:
    if service is None:
        return {each.name: each.default for each in FIELDS} | {
            "shape": SpeechShape.OPENAI.value,
            "method": "POST",
        }
    values = {each.name: getattr(service, each.name) for each in FIELDS if each.name != "key"}
    return values | {"shape": service.shape.value, "key": ""}


class SpeechPage(View):
    """The form, and a button that tries it."""

    access = Permission.SYSTEM_VIEW
    method_access = {"POST": Permission.SYSTEM_EDIT}

    def get(self) -> ResponseReturnValue:
        """Show it."""
        service = speech_service.service_of(session())
        return self._page(_values(service), {})

    def post(self) -> ResponseReturnValue:
        """Keep it; cells use it at once."""
        db, principal = session(), current_principal()
        options = {each.name: each.options(db) for each in FIELDS if each.options}
        values, errors = parse_form(FIELDS, request.form.to_dict(flat=False), options)
        message = ""
        if not errors:
            key = values.pop("key")
            try:
                service = speech_service.set_up(db, parts().vault, speech_service.checked(values), key)
                changes = audit.changes_of(service)
                if "key_encrypted" in changes:
                    changes["key_encrypted"] = [audit.HIDDEN, audit.HIDDEN]
                db.flush()
                audit.record(db, principal, "platform.speech-service", service, changes)
                change = publishing.publish if service.enabled else publishing.withdraw
                change(db, parts().redis, service)
                db.commit()
                return redirect(url_for("voices.speech", saved=1), 303)
            except CallerFault as error:
                place = field_of_error(error, FIELDS)
                errors, message = ({place: error.text()}, "") if place else ({}, error.text())
        db.rollback()
        return self._page({**request.form, "key": ""}, errors, message), 422

    @staticmethod
    def _page(values: Mapping[str, Any], errors: Mapping[str, str], message: str = "") -> str:
        db = session()
        service = speech_service.service_of(db)
        can_edit = may(Permission.SYSTEM_EDIT)
        shown = [
            ShownField(
                name=each.name,
                label=str(each.label),
                kind=each.kind,
                value=values.get(each.name, ""),
                required=each.required,
                hint=str(each.hint or ""),
                max_length=each.max_length,
                min=each.minimum,
                max=each.maximum,
                options=each.options(db) if each.options else (),
                error=errors.get(each.name, ""),
            )
            for each in FIELDS
        ]
        return render_template(
            "voices/speech.html",
            fields=shown,
            message=message,
            service=service,
            can_edit=can_edit,
            saved="saved" in request.args and not errors,
            texts=TEXT_TO_TRY,
        )


class TrySpeech(View):
    """The service as it is saved, asked once: what comes back is heard, or said why not."""

    access = Permission.SYSTEM_EDIT

    def post(self) -> ResponseReturnValue:
        """Send the sound. Raises `SpeechServiceMissing`, `TextNotSpoken`."""
        service = speech_service.service_of(session())
        if service is None:
            raise speech_service.SpeechServiceMissing()
        settings = parts().settings
        language = "en" if request.form.get("language") == "en" else "zh"
        provider = HttpSpeech(
            speech_service.document_of(service),
            parts().vault.open,
            networks(settings.outbound_allowed_networks),
        )
        try:
            sound = provider.synthesise(TEXT_TO_TRY[language], language, provider.voice_for(language))
        except SpeechError as error:
            raise SpeechTryFailed(reason=str(error)) from error
        return Response(sound, content_type="audio/wav")


class SpeechTryFailed(TextNotSpoken):
    """The service did not speak; `reason` is for whoever sets it up."""

    id = "speech-try-failed"
    sentence = lazy("It did not work: %(reason)s.")
