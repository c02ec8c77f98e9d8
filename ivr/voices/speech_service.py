"""The speech service over HTTP: set up by the operator, tried, published to the cells (CTI-I17)."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from core.crypto import Vault
from core.database import TenantSession
from core.documents import SPEECH_ID, SpeechDoc
from core.errors import CallerFault, InvalidField
from core.i18n import lazy
from core.outbound_http import UrlRefusedError, parse
from ivr.voices.models import SpeechService, SpeechShape

MAX_TEXT = 2000
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


class SpeechServiceIncomplete(InvalidField):
    """A field of the service cannot be used; `reason` says why."""

    id = "speech-service-incomplete"
    sentence = lazy("%(reason)s")


class SpeechServiceMissing(CallerFault):
    """There is no service to try."""

    id = "speech-service-missing"
    status = 422
    sentence = lazy("Save the service first.")


def service_of(session: TenantSession) -> SpeechService | None:
    """Return the service that was set up, in use or not."""
    return session.scalar(select(SpeechService).where(SpeechService.id == SPEECH_ID))


def checked(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a form as they are kept. Raises `SpeechServiceIncomplete` naming the field."""
    values = dict(values)
    values["shape"] = SpeechShape(values["shape"])
    try:
        parse(values["url"])
    except UrlRefusedError as error:
        raise SpeechServiceIncomplete(field="url", reason=error.details["reason"]) from None
    for line in values["headers"].splitlines():
        name, colon, value = line.partition(":")
        fine = _HEADER.match(name.strip()) and value.strip().isascii() and value.isprintable()
        if line.strip() and not (colon and fine):
            raise SpeechServiceIncomplete(
                field="headers", reason=lazy("Each line is a header, such as Content-Type: application/json.")
            )
    if values["shape"] is SpeechShape.TEMPLATE:
        where = values["url"] + (values["body"] if values["method"] == "POST" else "")
        if "{text}" not in where:
            field = "body" if values["method"] == "POST" else "url"
            raise SpeechServiceIncomplete(
                field=field, reason=lazy("{text} has to stand where the text goes.")
            )
    elif not values["model"]:
        raise SpeechServiceIncomplete(field="model", reason=lazy("This field is needed."))
    return values


def set_up(session: TenantSession, vault: Vault, values: dict[str, Any], key: str) -> SpeechService:
    """Keep the service as `values` (of `checked`) say; an empty `key` leaves the one there is. The caller commits and
    publishes. Raises `SpeechServiceIncomplete`.
    """
    key = key.strip()
    if not key.isascii() or not key.isprintable() or len(key) > 400:
        raise SpeechServiceIncomplete(field="key", reason=lazy("A key has at most 400 ASCII characters."))
    service = service_of(session) or SpeechService(id=SPEECH_ID)
    for name, value in values.items():
        setattr(service, name, value)
    if key:
        service.key_encrypted = vault.seal(key)
    session.add(service)
    return service


def document_of(service: SpeechService) -> SpeechDoc:
    """Return the service as providers take it, in use or not."""
    return SpeechDoc(
        id=SPEECH_ID,
        tenant_id=0,
        version=0,
        shape=service.shape.value,
        url=service.url,
        key_encrypted=service.key_encrypted,
        model=service.model,
        voice_zh=service.voice_zh,
        voice_en=service.voice_en,
        method=service.method,
        headers=service.headers,
        body=service.body,
        timeout_s=service.timeout_s,
    )
