"""Prompts become files, and what cannot be played is replaced (CTI-I4, I16)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ivr.model import (
    Prompt,
    Reading,
    SoundPrompt,
    SystemVariable,
    SystemVariablePrompt,
    TextPrompt,
    VariablePrompt,
    VoicePrompt,
)
from ivr.prompts import UNAVAILABLE, PromptContext, PromptSources, resolve, resolve_all, warm
from ivr.tts.cache import SpeechCache
from tests.unit.ivr.flows import shop
from tests.unit.ivr.test_tts import CountingProvider


class HearingProvider(CountingProvider):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, str]] = []

    def synthesise(self, text: str, language: str, voice: str) -> bytes:
        self.said.append((language, text))
        return super().synthesise(text, language, voice)


@pytest.fixture
def provider() -> HearingProvider:
    return HearingProvider()


@pytest.fixture
def context(tmp_path: Path, provider: HearingProvider) -> PromptContext:
    for name in (f"zh-{UNAVAILABLE}", f"en-{UNAVAILABLE}", "en-goodbye", "voice-3"):
        (tmp_path / name).touch()
    sources = PromptSources(
        speech=SpeechCache(tmp_path, provider),
        sound=lambda name, language: tmp_path / f"{language}-{name}",
        voice=lambda tenant, voice: tmp_path / f"voice-{voice}" if tenant == 1 else None,
    )
    return PromptContext(
        sources=sources,
        tenant_id=1,
        language="zh",
        now_ms=1_795_257_000_000,  # 2026-11-21 18:30 in Shanghai
        variables={"amount": "12.5", "empty": "", "caller_number": "110", "queue_position": "12"},
    )


def names(files: list[Path]) -> list[str]:
    return [path.name for path in files]


def test_recordings_and_own_prompts_are_files(context: PromptContext) -> None:
    assert names(resolve(VoicePrompt(voice_id=3), context)) == ["voice-3"]
    assert names(resolve(SoundPrompt(name="goodbye", language="en"), context)) == ["en-goodbye"]


@pytest.mark.parametrize(
    ("prompt", "language", "text"),
    [
        (TextPrompt(text="第2位，共2位"), "zh", "第二位，共两位"),
        (TextPrompt(text="No. 2", language="en"), "en", "No. two"),
        (VariablePrompt(name="amount", reading=Reading.MONEY), "zh", "十二元五角"),
        (SystemVariablePrompt(name=SystemVariable.CALLER_NUMBER), "zh", "幺幺零"),
        (SystemVariablePrompt(name=SystemVariable.QUEUE_POSITION), "zh", "十二"),
        (SystemVariablePrompt(name=SystemVariable.DATE), "zh", "二〇二六年十一月二十一日"),
        (SystemVariablePrompt(name=SystemVariable.TIME, language="en"), "en", "six thirty p m"),
    ],
)
def test_what_is_spoken(
    context: PromptContext, provider: HearingProvider, prompt: Prompt, language: str, text: str
) -> None:
    assert len(resolve(prompt, context)) == 1
    assert provider.said == [(language, text)]


@pytest.mark.parametrize(
    ("stored", "spoken"),
    [
        ("+8613800138000", "幺三八零零幺三八零零零"),
        ("+861012345678", "零幺零，幺二三四五六七八"),
        ("+14155550100", "加幺，四幺五，五五五，零幺零零"),
        ("10086", "幺零零八六"),
        ("8001", "八零零幺"),
    ],
)
def test_a_callers_number_is_said_as_it_is_dialled(
    context: PromptContext, provider: HearingProvider, stored: str, spoken: str
) -> None:
    called = dataclasses.replace(context, variables={"caller_number": stored})
    resolve(SystemVariablePrompt(name=SystemVariable.CALLER_NUMBER), called)
    assert provider.said == [("zh", spoken)]


def test_a_withheld_number_is_not_spoken(context: PromptContext) -> None:
    withheld = dataclasses.replace(context, variables={"caller_number": "anonymous"})
    assert resolve(SystemVariablePrompt(name=SystemVariable.CALLER_NUMBER), withheld) == []


def test_an_empty_variable_is_skipped_but_a_list_never_is_silence(context: PromptContext) -> None:
    empty: list[Prompt] = [VariablePrompt(name="empty"), VariablePrompt(name="unset")]
    assert resolve(empty[0], context) == []
    assert names(resolve_all([*empty, VoicePrompt(voice_id=3)], context)) == ["voice-3"]
    assert names(resolve_all(empty, context)) == [f"zh-{UNAVAILABLE}"]


@pytest.mark.parametrize(
    "prompt", [VoicePrompt(voice_id=9), SoundPrompt(name="nope"), TextPrompt(text="hello")]
)
def test_what_cannot_be_played_is_replaced(
    context: PromptContext, provider: HearingProvider, prompt: Prompt
) -> None:
    provider.fail = True
    assert names(resolve(prompt, context)) == [f"zh-{UNAVAILABLE}"]


def test_another_tenants_recording_is_not_played(context: PromptContext) -> None:
    other = dataclasses.replace(context, tenant_id=2)
    assert names(resolve(VoicePrompt(voice_id=3), other)) == [f"zh-{UNAVAILABLE}"]


def test_an_unknown_zone_or_language_does_not_raise(
    context: PromptContext, provider: HearingProvider
) -> None:
    odd = dataclasses.replace(context, timezone="Nowhere/../etc", language="tlh")
    assert len(resolve(SystemVariablePrompt(name=SystemVariable.TIME), odd)) == 1
    assert provider.said == [("zh", "十点三十分")]


def test_a_flows_texts_are_spoken_ahead(context: PromptContext, provider: HearingProvider) -> None:
    assert warm(shop(), context.sources, ["zh", "en"]) == 0
    assert len(provider.said) == 10
    provider.fail = True
    assert warm(shop(), context.sources, ["zh"]) == 0
