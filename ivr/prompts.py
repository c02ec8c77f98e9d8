"""From a prompt to files the switch can play. Never raises towards a caller: what cannot be said is replaced
(CTI-I16).
"""

from __future__ import annotations

import dataclasses
import datetime
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import structlog

from ivr.model import Flow, Prompt, SoundPrompt, SystemVariablePrompt, TextPrompt, VariablePrompt, VoicePrompt
from ivr.prompt_values import Reading, SystemVariable
from ivr.reading import read, read_system
from ivr.tts.patience import PATIENCE_S, of_one_caller
from ivr.tts.provider import Speaker, SpeechError

log = structlog.get_logger(__name__)

UNAVAILABLE = "prompt-unavailable"
"""The platform's own prompt said in place of one that cannot be played."""
CUT_AT = 500
"""Characters of a variable's value that are spoken: a caller cannot be read a novel to."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromptSources:
    """Where sounds come from; built once in a process's composition root."""

    speech: Speaker
    sound: Callable[[str, str], Path | None]
    """Name and language of one of the platform's own prompts to its file (`sounds.build.Manifest.prompt`)."""
    voice: Callable[[int, int], Path | None]
    """Tenant and id of an approved recording to its file on this cell's disk, or None."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromptContext:
    """What a call knows at the moment of playing."""

    sources: PromptSources
    tenant_id: int
    language: str
    now_ms: int
    timezone: str = "Asia/Shanghai"
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Flow and system variables (`ivr.engine.Run.variables`)."""


def resolve(prompt: Prompt, context: PromptContext) -> list[Path]:
    """Return the files of one prompt, in order; none when a variable is empty.

    The first time a text is spoken, the calling greenlet waits for the synthesis.
    """
    language = _language(prompt, context)
    match prompt:
        case VoicePrompt():
            path = context.sources.voice(context.tenant_id, prompt.voice_id)
            return _found(path, f"voice {prompt.voice_id}", language, context)
        case SoundPrompt():
            return _found(
                context.sources.sound(prompt.name, language), f"sound {prompt.name}", language, context
            )
        case TextPrompt():
            return _speak(read(prompt.text, prompt.reading, language), language, context)
        case VariablePrompt():
            value = context.variables.get(prompt.name, "")[:CUT_AT]
            return _speak(read(value, prompt.reading, language), language, context)
        case SystemVariablePrompt():
            return _speak(_system_value(prompt, language, context), language, context)


def resolve_all(prompts: Iterable[Prompt], context: PromptContext) -> list[Path]:
    """Return the files of a prompt list. Empty only when even the platform's own prompts are missing."""
    with of_one_caller(PATIENCE_S):
        files = [path for prompt in prompts for path in resolve(prompt, context)]
    return files or _found(None, "prompts without a sound", context.language, context)


def warm(flow: Flow, sources: PromptSources, languages: Iterable[str]) -> int:
    """Speak all texts of a flow into the cache, so that its first caller waits for none; return how many
    failed.
    """
    failed = 0
    texts = {
        (prompt.text, prompt.reading, language)
        for node in flow.nodes
        for prompts in node.prompt_lists().values()
        for prompt in prompts
        if isinstance(prompt, TextPrompt)
        for language in ([prompt.language] if prompt.language else languages)
    }
    for text, reading, language in sorted(texts):
        try:
            sources.speech.speak(read(text, reading, language), language)
        except SpeechError as error:
            log.warning("prompt not spoken", language=language, reason=str(error))
            failed += 1
    return failed


def _language(prompt: Prompt, context: PromptContext) -> str:
    chosen = prompt.language or context.language
    return chosen if chosen in {"zh", "en"} else "zh"


def _speak(text: str, language: str, context: PromptContext) -> list[Path]:
    if not any(character.isalnum() for character in text):
        return []
    try:
        return [context.sources.speech.speak(text, language)]
    except SpeechError as error:
        log.warning("prompt not spoken", tenant=context.tenant_id, language=language, reason=str(error))
        return _found(None, "a text", language, context)


def _found(path: Path | None, what: str, language: str, context: PromptContext) -> list[Path]:
    """Return the file, or the platform's apology for its absence."""
    if path is not None and path.is_file():
        return [path]
    log.warning("prompt missing", tenant=context.tenant_id, what=what)
    apology = context.sources.sound(UNAVAILABLE, language)
    return [apology] if apology is not None and apology.is_file() else []


def _system_value(prompt: SystemVariablePrompt, language: str, context: PromptContext) -> str:
    """Return a system variable in words; date and time are those of the tenant's zone."""
    if prompt.name is SystemVariable.DATE:
        return read(f"{_now(context):%Y-%m-%d}", Reading.DATE, language)
    if prompt.name is SystemVariable.TIME:
        return read(f"{_now(context):%H:%M}", Reading.NUMBER, language)
    value = context.variables.get(prompt.name.value, "")[:CUT_AT]
    return read_system(prompt.name, value, prompt.reading, language)


def _now(context: PromptContext) -> datetime.datetime:
    now = datetime.datetime.fromtimestamp(context.now_ms / 1000, datetime.UTC)
    try:
        return now.astimezone(zoneinfo.ZoneInfo(context.timezone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        log.warning("unknown time zone", tenant=context.tenant_id, timezone=context.timezone)
        return now
