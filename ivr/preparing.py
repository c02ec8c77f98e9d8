"""What calls will need is made before they come: approved voices copied to the cell, flows' texts spoken (CTI-I16).

And what they need no longer is removed, once an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import structlog

from core.documents import FlowDoc, SpeechDoc, TenantDoc, VoiceDoc
from ivr import model
from ivr.prompts import PromptSources, warm
from ivr.voices.local import LocalVoices

log = structlog.get_logger(__name__)

TIDY_S = 3600.0
AGAIN_S = 60.0
"""A flow with a text that could not be spoken is tried again after so long."""


class Preparing:
    """Looks at the published documents; `look` is called every few seconds, and waits while a text is spoken."""

    def __init__(
        self,
        sources: PromptSources,
        voices: LocalVoices,
        *,
        flows: Callable[[], Iterable[FlowDoc]],
        published_voices: Callable[[], Iterable[VoiceDoc]],
        tenant: Callable[[int], TenantDoc | None],
        speech: Callable[[], SpeechDoc | None],
    ) -> None:
        self._sources = sources
        self._voices = voices
        self._flows = flows
        self._published_voices = published_voices
        self._tenant = tenant
        self._speech = speech
        self._done: dict[int, tuple[object, ...]] = {}
        self._again: dict[int, float] = {}
        self._tidied = 0.0

    def look(self) -> None:
        """Prepare what is new since the last look."""
        documents = list(self._published_voices())
        for document in documents:
            self._voices.path_of(document)
        for flow in list(self._flows()):
            self._prepare(flow)
        if time.monotonic() - self._tidied > TIDY_S:
            self._tidied = time.monotonic()
            self._voices.tidy(documents)
            removed = self._sources.speech.tidy()
            if removed:
                log.info("spoken_texts_removed", files=removed)

    def _prepare(self, document: FlowDoc) -> None:
        tenant, speech = self._tenant(document.tenant_id), self._speech()
        language = tenant.language if tenant is not None else "zh"
        state = (document.version, language, speech.version if speech is not None else 0)
        if self._done.get(document.id) == state or time.monotonic() < self._again.get(document.id, 0.0):
            return
        try:
            flow = model.decode(bytes(document.body))
        except model.FlowUnreadableError as error:
            log.error("flow_unreadable", flow=document.id, version=document.version, reason=str(error))
            self._done[document.id] = state
            return
        if warm(flow, self._sources, [language]):
            self._again[document.id] = time.monotonic() + AGAIN_S
        else:
            self._done[document.id] = state
