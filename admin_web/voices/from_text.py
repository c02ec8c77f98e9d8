"""Voices made from text: heard before they are kept (CTI-V4)."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.resource import Field, ShownField, field_of_error, parse_form
from admin_web.resource_views import changed_list
from admin_web.resources.voices import follow
from admin_web.stored_sound import store
from admin_web.voices.speech import online_speech
from core import audit
from core.database import TenantSession
from core.errors import CallerFault
from core.i18n import current_language, lazy
from core.permissions import Permission
from core.views import View, current_principal, session
from ivr.voices import service
from ivr.voices.models import VoiceSource
from ivr.voices.speaking import MAX_TEXT, SERVICE, Speaking, TextToSpeak

SPEAKERS = {
    SERVICE: lazy("The speech service"),
    "woman": lazy("A woman (built in)"),
    "man": lazy("A man (built in)"),
}


@contextlib.contextmanager
def speaking(db: TenantSession) -> Iterator[Speaking]:
    """Yield what speaks texts here. Nothing of it stays on the disk: what people try out would fill it."""
    with tempfile.TemporaryDirectory(prefix="speech-") as folder:
        yield Speaking(Path(folder), online_speech(db, Path(folder)))


def fields(made: Speaking) -> tuple[Field, ...]:
    """Return the form's fields."""
    speakers = [(name, str(SPEAKERS[name])) for name in made.speakers()]
    return (
        Field(name="name", label=lazy("Name"), required=True, max_length=service.NAME_LENGTH),
        Field(
            name="text",
            label=lazy("Text"),
            kind="textarea",
            required=True,
            max_length=MAX_TEXT,
            hint=lazy("Numbers, sums, dates and times are read as people say them."),
        ),
        Field(
            name="language",
            label=lazy("Language"),
            kind="select",
            required=True,
            options=lambda db: [("zh", "中文"), ("en", "English")],
        ),
        Field(
            name="speaker", label=lazy("Spoken by"), kind="select", required=True, options=lambda db: speakers
        ),
    )


class FromText(View):
    """The drawer: name, text, language, speaker."""

    access = Permission.VOICES_EDIT

    def get(self) -> ResponseReturnValue:
        """Show it."""
        with speaking(session()) as made:
            first = {"language": current_language(), "speaker": made.speakers()[0]}
            return self._drawer(fields(made), first, {})

    def post(self) -> ResponseReturnValue:
        """Speak the text and keep it."""
        with speaking(session()) as made:
            return self._spoken(made)

    def _spoken(self, made: Speaking) -> ResponseReturnValue:
        db, principal = session(), current_principal()
        asked = fields(made)
        values, errors = parse_form(
            asked,
            request.form.to_dict(flat=False),
            {each.name: each.options(db) for each in asked if each.options},
        )
        message = ""
        if not errors:
            wanted = TextToSpeak(text=values["text"], language=values["language"], speaker=values["speaker"])
            origin = service.Origin(
                source=VoiceSource.TEXT,
                account_id=principal.account_id,
                text=wanted.text,
                language=wanted.language,
            )
            try:
                service.require_free(db, service.clean_name(values["name"]))
                voice = service.add(db, store(), values["name"], made.speak(wanted), origin)
                audit.record(db, principal, "voices.add", voice, {})
                follow(db, voice)
                db.commit()
                return changed_list(lazy("Saved: %(name)s", name=voice.name), url_for("resources.voices"))
            except CallerFault as error:
                place = field_of_error(error, asked)
                errors, message = ({place: error.text()}, "") if place else ({}, error.text())
                db.rollback()
        return self._drawer(asked, request.form, errors, message), 422

    @staticmethod
    def _drawer(
        asked: tuple[Field, ...], values: Mapping[str, str], errors: Mapping[str, str], message: str = ""
    ) -> str:
        db = session()
        shown = [
            ShownField(
                name=each.name,
                label=str(each.label),
                kind=each.kind,
                value=values.get(each.name, ""),
                required=each.required,
                hint=str(each.hint or ""),
                max_length=each.max_length,
                options=each.options(db) if each.options else (),
                error=errors.get(each.name, ""),
            )
            for each in asked
        ]
        return render_template("voices/text.html", fields=shown, message=message)


class Preview(View):
    """The text spoken, to be heard before it is kept."""

    access = Permission.VOICES_EDIT

    def post(self) -> ResponseReturnValue:
        """Send the sound. Raises `TextNotSpoken`."""
        form = request.form
        language = form.get("language", "")
        wanted = TextToSpeak(
            text=form.get("text", ""),
            language=language if language in ("zh", "en") else current_language(),
            speaker=form.get("speaker", ""),
        )
        with speaking(session()) as made:
            return Response(made.speak(wanted).data, content_type="audio/wav")
