"""Values of nodes' fields as people read them: names for codes and ids, texts for prompts. Pure.

Everything here speaks the current language (`core.i18n`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core.i18n import LazyText, gettext
from ivr.model import Flow
from ivr.nodes.base import Node, ReferenceKind
from ivr.nodes.form import Field, Kind
from ivr.problems import N_
from ivr.prompt_values import (
    Prompt,
    PromptItem,
    SoundPrompt,
    SystemVariable,
    SystemVariablePrompt,
    TextPrompt,
    VariablePrompt,
    VoicePrompt,
)

Names = Mapping[tuple[ReferenceKind, int], str]
"""Names of what flows refer to."""

_COMMON = frozenset({"code", "name", "type_ahead"})
_KINDS = {
    Kind.QUEUE: ReferenceKind.QUEUE,
    Kind.EXTENSION: ReferenceKind.EXTENSION,
    Kind.FLOW: ReferenceKind.FLOW,
}
WEEKDAYS = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)
SYSTEM_VARIABLES: dict[SystemVariable, str] = {
    SystemVariable.CALLER_NUMBER: N_("Caller's number"),
    SystemVariable.CALLED_NUMBER: N_("Number called"),
    SystemVariable.CALLER_REGION: N_("Caller's region"),
    SystemVariable.DATE: N_("Date"),
    SystemVariable.TIME: N_("Time"),
    SystemVariable.QUEUE_POSITION: N_("Place in the queue"),
    SystemVariable.LAST_AGENT: N_("Last agent"),
    SystemVariable.CALL_ID: N_("Call id"),
}
"""What the system's variables are called: English message ids."""


def translated(message: str) -> str:
    """Return an English message id in the current language; nothing stays nothing."""
    return str(LazyText(message, {})) if message else ""


def fields_of(node: Node) -> list[Field]:
    """Return the fields of a node that say something as it is: of two for one value, the one that applies."""
    found: dict[str, Field] = {}
    for field in node.form:
        applies = all(str(getattr(node, name, "")) == value for name, value in field.when.items())
        if applies or field.name not in found:
            found[field.name] = field
    for info in msgspec.structs.fields(node):
        if info.name not in _COMMON and info.name not in found:
            found[info.name] = Field(name=info.name, kind=Kind.TEXT, label=info.name)
    return list(found.values())


def field_label(field: Field, value: Any) -> dict[str, str]:
    """Return the labels of the parts :meth:`Words.values` makes of `value`."""
    label = translated(field.label)
    if field.kind is Kind.KEY_NODES:
        return {f"{field.name}.{key}": gettext("Key %(key)s", key=key) for key in value}
    return {field.name: label}


class Words:
    """Words for the values of one document; with `codes`, nodes are told by their codes instead of their names."""

    def __init__(self, flow: Flow, names: Names, *, codes: bool = False) -> None:
        self._nodes = {} if codes else {node.code: node.name or node.code for node in flow.nodes}
        self._names = names

    def values(self, field: Field, value: Any) -> dict[str, str]:
        """Return the parts of a field's value, each as one text."""
        if field.kind is Kind.KEY_NODES:
            return {f"{field.name}.{key}": self.node(code) for key, code in sorted(value.items())}
        return {field.name: self.value(field, value)}

    def value(self, field: Field, value: Any) -> str:
        """Return a field's value as one text; nothing chosen is nothing."""
        match field.kind:
            case Kind.NODE:
                return self.node(value)
            case Kind.QUEUE | Kind.EXTENSION | Kind.FLOW:
                return self.reference(_KINDS[field.kind], value)
            case Kind.CALENDAR:
                return self.calendar(value)
            case Kind.PROMPTS:
                return "\n".join(self.prompt(each) for each in value)
            case Kind.BOOLEAN:
                return gettext("Yes") if value else gettext("No")
            case Kind.CHOICE:
                return self._choice(field, value)
            case Kind.ROWS:
                return "\n".join(self._row(field.of, row) for row in value)
            case _:
                return self._plain(field.kind, value)

    def node(self, code: str) -> str:
        """Return a node's name; one that does not exist has its code."""
        return self._nodes.get(code, code)

    def reference(self, kind: ReferenceKind, used_id: int) -> str:
        """Return the name of what a node uses; what is gone has its number."""
        return self._names.get((kind, used_id), f"#{used_id}") if used_id else ""

    def calendar(self, calendar_id: str) -> str:
        """Return a calendar's name."""
        if calendar_id.isascii() and calendar_id.isdigit():
            return self.reference(ReferenceKind.CALENDAR, int(calendar_id[:18]))
        return gettext("China's public holidays") if calendar_id else ""

    def prompt(self, prompt: Prompt | PromptItem) -> str:
        """Return a prompt as it is written in a list."""
        match prompt:
            case VoicePrompt():
                name = self.reference(ReferenceKind.VOICE, prompt.voice_id)
                return gettext("Recording “%(name)s”", name=name or gettext("none"))
            case TextPrompt():
                return prompt.text
            case VariablePrompt():
                return gettext("Variable %(name)s", name=prompt.name)
            case SystemVariablePrompt():
                return translated(SYSTEM_VARIABLES[prompt.name])
            case SoundPrompt():
                return gettext("Platform's prompt “%(name)s”", name=prompt.name)
        return ""

    def _choice(self, field: Field, value: Any) -> str:
        for choice in field.choices:
            if choice.value == str(value):
                return translated(choice.label)
        return str(value)

    def _row(self, fields: Sequence[Field], row: Any) -> str:
        parts = []
        for field in fields:
            text = self.value(field, getattr(row, field.name))
            if text:
                parts.append(f"{translated(field.label)}: {text}" if field.label else text)
        return ", ".join(parts)

    def _plain(self, kind: Kind, value: Any) -> str:
        if kind is Kind.WEEKDAYS:
            return ", ".join(translated(WEEKDAYS[day - 1]) for day in value if 1 <= day <= 7)
        if isinstance(value, list) and kind is Kind.PAIRS:
            return "\n".join(f"{pair.name} = {pair.value}" for pair in value)
        if isinstance(value, list):
            return ", ".join(str(each) for each in value)
        return str(value)
