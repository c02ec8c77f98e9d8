"""Prompts of a live call as files: what the call knows goes in, `ivr.prompts` does the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.clock import now_ms
from core.documents import TenantDoc
from cti.call.model import Call
from ivr.prompt_values import Prompt, SoundPrompt
from ivr.prompts import PromptContext, PromptSources, resolve_all

DEFAULT_TIMEZONE = "Asia/Shanghai"


class PromptSpeech:
    """Implements `cti.controller.desk.Speech`."""

    def __init__(self, sources: PromptSources, tenant_of: Callable[[int], TenantDoc | None]) -> None:
        self._sources = sources
        self._tenant_of = tenant_of

    def files(self, call: Call, prompts: tuple[Prompt, ...]) -> list[Path]:
        """Return the files of a flow's prompts; a text spoken for the first time takes its synthesis."""
        return resolve_all(prompts, self._context(call))

    def system(self, call: Call, name: str) -> list[Path]:
        """Return the files of one of the platform's own prompts."""
        return resolve_all((SoundPrompt(name=name),), self._context(call))

    def _context(self, call: Call) -> PromptContext:
        tenant = self._tenant_of(call.tenant_id)
        run = call.run or {}
        return PromptContext(
            sources=self._sources,
            tenant_id=call.tenant_id,
            language=run.get("language", call.language),
            now_ms=now_ms(),
            timezone=tenant.timezone if tenant else DEFAULT_TIMEZONE,
            variables=run.get("variables", {}),
        )
