"""What a flow can say: the items of a prompt list (CTI-I4), as values.

One union for every node that speaks. Turning an item into files is `ivr.prompts`; how numbers are read is
`ivr.reading`.
"""

from __future__ import annotations

import enum

import msgspec

MAX_SPOKEN = 2000
"""Characters of the longest text that is spoken, its numbers written out; some seven minutes of speech."""


class Reading(enum.StrEnum):
    """How numbers in a text or a variable are read (CTI-I4)."""

    DIGITS = "digits"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"


class SystemVariable(enum.StrEnum):
    """Variables every flow has (CTI-I3). Their names are reserved: a flow's own variable cannot take them."""

    CALLER_NUMBER = "caller_number"
    CALLED_NUMBER = "called_number"
    CALLER_REGION = "caller_region"
    DATE = "date"
    TIME = "time"
    QUEUE_POSITION = "queue_position"
    LAST_AGENT = "last_agent"
    CALL_ID = "call_id"


class PromptItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What all items have."""

    language: str = ""
    """``zh`` or ``en``; empty means the call's language."""


class VoicePrompt(PromptItem, frozen=True, kw_only=True, tag="voice"):
    """A recording of the tenant's voice library."""

    voice_id: int = 0


class TextPrompt(PromptItem, frozen=True, kw_only=True, tag="text"):
    """A text, spoken; numbers inside it are read as `reading` says."""

    text: str = ""
    reading: Reading = Reading.NUMBER


class VariablePrompt(PromptItem, frozen=True, kw_only=True, tag="variable"):
    """A flow variable's value at the moment of playing, spoken."""

    name: str = ""
    reading: Reading = Reading.DIGITS


class SystemVariablePrompt(PromptItem, frozen=True, kw_only=True, tag="system"):
    """A system variable's value at the moment of playing, spoken."""

    name: SystemVariable = SystemVariable.CALLER_NUMBER
    reading: Reading = Reading.DIGITS


class SoundPrompt(PromptItem, frozen=True, kw_only=True, tag="sound"):
    """One of the platform's own prompts, by its name in `sounds`."""

    name: str = ""


Prompt = VoicePrompt | TextPrompt | VariablePrompt | SystemVariablePrompt | SoundPrompt
"""One item of a prompt list."""
