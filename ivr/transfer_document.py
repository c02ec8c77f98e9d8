"""A flow as one JSON document that other companies can import: what it uses is named, not numbered. Pure.

In a database a flow refers to queues, extensions, voices, flows and calendars by id. The exported document keeps those
ids and adds a table that says what each of them was (`Used`): code or number, name, digest. Whoever imports it finds
their own ids for these (`replaced`); what they do not have is left empty and named to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from core.errors import CallerFault
from core.i18n import lazy
from ivr import checks
from ivr.field_words import fields_of
from ivr.model import Flow, FlowUnreadableError, decode, encode
from ivr.nodes.base import ReferenceKind
from ivr.nodes.form import Field, Kind
from ivr.prompt_values import VoicePrompt

FORMAT = "zongji-flow"
VERSION = 1
MAX_BYTES = 3_000_000
"""Largest document: a flow of the largest size and the table beside it."""
MAX_USED = 5000

Ids = Mapping[tuple[ReferenceKind, int], int]
"""What was used, by its id there, to the id here."""

_KINDS = {
    Kind.QUEUE: ReferenceKind.QUEUE,
    Kind.EXTENSION: ReferenceKind.EXTENSION,
    Kind.FLOW: ReferenceKind.FLOW,
    Kind.CALENDAR: ReferenceKind.CALENDAR,
}


class NotAFlowFile(CallerFault):
    """What was given for import is no exported flow."""

    id = "not-a-flow-file"
    status = 422
    sentence = lazy("This is no exported flow: %(reason)s")


class Used(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something outside the flow, as its own company knew it."""

    kind: ReferenceKind
    id: int
    code: str = ""
    """Code of a queue or flow, number of an extension."""
    name: str = ""
    digest: str = ""
    """Of a voice: SHA-256 of the recording."""
    itself: bool = False
    """The flow leads to itself."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """The document."""

    format: str
    version: int
    code: str
    name: str
    flow: msgspec.Raw
    uses: list[Used] = []


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """An exported flow as it was read."""

    code: str
    name: str
    flow: Flow
    uses: list[Used]


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Something the flow used there and does not find here, with the names of the nodes that used it."""

    used: Used
    nodes: list[str]


def write(code: str, name: str, flow: Flow, uses: Iterable[Used]) -> bytes:
    """Return the document, indented so that people can read it and compare it."""
    body = Exported(
        format=FORMAT,
        version=VERSION,
        code=code,
        name=name,
        flow=msgspec.Raw(encode(flow)),
        uses=sorted(uses, key=lambda used: (used.kind, used.id)),
    )
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def read(data: bytes) -> Import:
    """Return the flow in `data`. Raises `NotAFlowFile`, whatever `data` is."""
    if len(data) > MAX_BYTES:
        raise NotAFlowFile(reason=f"> {MAX_BYTES} bytes")
    try:
        found = msgspec.json.decode(data, type=Exported)
        flow = decode(bytes(found.flow))
    except (msgspec.MsgspecError, FlowUnreadableError, UnicodeDecodeError, RecursionError) as error:
        raise NotAFlowFile(reason=str(error)[:200]) from error
    if found.format != FORMAT or found.version != VERSION:
        raise NotAFlowFile(reason=f"{found.format[:40]} {found.version}")
    if len(found.uses) > MAX_USED:
        raise NotAFlowFile(reason=f"uses > {MAX_USED}")
    return Import(code=found.code.strip()[:64], name=found.name.strip()[:100], flow=flow, uses=found.uses)


def replaced(flow: Flow, ids: Ids) -> Flow:
    """Return `flow` with every id replaced by the one of `ids`; what is not in there is left empty."""
    return msgspec.structs.replace(
        flow, nodes=[_replaced_in(node, fields_of(node), ids) for node in flow.nodes]
    )


def missing(flow: Flow, uses: Iterable[Used], ids: Ids) -> list[Missing]:
    """Return what `flow` uses and `ids` does not have, with the nodes; also what the document does not name."""
    named = {(used.kind, used.id): used for used in uses}
    names = {node.code: node.name or node.code for node in flow.nodes}
    found: dict[tuple[ReferenceKind, int], list[str]] = {}
    for code, reference in checks.references(flow):
        key = (reference.kind, reference.id)
        if reference.id and key not in ids:
            found.setdefault(key, []).append(names[code])
    return [
        Missing(used=named.get(key) or Used(kind=key[0], id=key[1]), nodes=list(dict.fromkeys(nodes)))
        for key, nodes in found.items()
    ]


def _replaced_in(holder: Any, fields: Iterable[Field], ids: Ids) -> Any:
    changes = {}
    for field in fields:
        value = getattr(holder, field.name)
        new = _replaced(field, value, ids)
        if new != value:
            changes[field.name] = new
    return msgspec.structs.replace(holder, **changes) if changes else holder


def _replaced(field: Field, value: Any, ids: Ids) -> Any:
    match field.kind:
        case Kind.QUEUE | Kind.EXTENSION | Kind.FLOW:
            return ids.get((_KINDS[field.kind], value), 0)
        case Kind.CALENDAR:
            return _calendar(value, ids)
        case Kind.PROMPTS:
            return [_prompt(prompt, ids) for prompt in value]
        case Kind.ROWS:
            return [_replaced_in(row, field.of, ids) for row in value]
        case _:
            return value


def _calendar(calendar_id: str, ids: Ids) -> str:
    if not (calendar_id.isascii() and calendar_id.isdigit()):
        return calendar_id
    found = ids.get((ReferenceKind.CALENDAR, int(calendar_id[:18])))
    return str(found) if found else ""


def _prompt(prompt: Any, ids: Ids) -> Any:
    if not isinstance(prompt, VoicePrompt):
        return prompt
    return msgspec.structs.replace(prompt, voice_id=ids.get((ReferenceKind.VOICE, prompt.voice_id), 0))
