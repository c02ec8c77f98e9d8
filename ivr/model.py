"""A flow as a document: nodes, jumps by node code, variables (CTI-I1 to I3). JSON in the database, in Redis,
in exports.
"""

from __future__ import annotations

import msgspec

from ivr.nodes import NODE_TYPES, AnyNode
from ivr.nodes.base import Node
from ivr.places import MAX_VALUE
from ivr.prompt_values import (
    Prompt,
    Reading,
    SoundPrompt,
    SystemVariable,
    SystemVariablePrompt,
    TextPrompt,
    VariablePrompt,
    VoicePrompt,
)

__all__ = [
    "MAX_VALUE",
    "MAX_VARIABLES",
    "NODE_TYPES",
    "Flow",
    "FlowUnreadableError",
    "FlowVariable",
    "Node",
    "Prompt",
    "Reading",
    "SoundPrompt",
    "SystemVariable",
    "SystemVariablePrompt",
    "TextPrompt",
    "VariablePrompt",
    "VoicePrompt",
    "decode",
    "encode",
]

MAX_DOCUMENT_BYTES = 2_000_000
"""A flow of 200 full nodes is some 200 KB; more than this is no flow."""
MAX_VARIABLES = 100


class FlowUnreadableError(Exception):
    """The bytes are no flow document. The text names the place, for the log and the importing user."""


class FlowVariable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of the flow (CTI-I3)."""

    name: str
    """Letters, digits and underscore; not the name of a system variable."""
    description: str = ""
    initial: str = ""


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A flow. A draft may be incomplete; `ivr.checks` says what is missing before it is published."""

    name: str = ""
    entry: str = ""
    """Code of the first node."""
    fallback: str = ""
    """Code of the node a failing node without a failure exit leads to; empty means an apology and hang-up."""
    variables: list[FlowVariable] = []
    nodes: list[AnyNode] = []
    layout: dict[str, tuple[int, int]] = {}
    """Places on the editor's canvas by node code; calls ignore it."""

    def node(self, code: str) -> Node | None:
        """Return the node with this code, or None."""
        return next((node for node in self.nodes if node.code == code), None)

    def variable_names(self) -> set[str]:
        """Return the names of the flow's own variables."""
        return {variable.name for variable in self.variables}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Flow)


def encode(flow: Flow) -> bytes:
    """Return the flow as JSON."""
    return _encoder.encode(flow)


def decode(data: bytes | str) -> Flow:
    """Return the flow in `data`. Raises `FlowUnreadableError`."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise FlowUnreadableError(f"a flow of more than {MAX_DOCUMENT_BYTES} bytes")
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FlowUnreadableError(str(error)) from error
