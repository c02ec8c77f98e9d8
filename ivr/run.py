"""A caller's way through a flow, as a value: what the engine remembers between two events."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from ivr.model import MAX_VALUE
from ivr.nodes.base import AnyOutcome
from ivr.prompt_values import SystemVariable

MAX_STEPS = 200
"""Nodes one call may enter: a caller (or a machine) that goes round and round is let go. Bounds the path in
the record too.
"""
MAX_TURNS = 512
"""Decisions on one event: more than a chain of `MAX_STEPS` nodes takes that do not wait for anything."""
MAX_FLOW_CHANGES = 10
"""How often a call goes on in another flow, whoever drives it: flows that name each other end."""
MAX_TYPE_AHEAD = 64
"""Keys kept; later ones are dropped."""
MAX_VALUES = 4000
"""Characters of all the flow's variables together; what would be over is cut."""
SPARE_MS = 3_000
"""How long the key that closes an entry is waited for, once its length has ended it."""
REQUEST_GRACE_MS = 5_000
"""How long after its own time limit an answer is given up."""
SMS_GRACE_MS = 5_000
"""How long it is waited whether a message is kept; it takes no time unless something broke."""
RECORD_GRACE_MS = 10_000
"""How long after its longest length a recording's end is given up, and how long a stopped one is waited for."""
KEYS = "0123456789*#ABCD"
APOLOGY = "system-busy"
"""The platform's own prompt (`sounds`) said before the engine gives a call up."""


class Status(enum.StrEnum):
    """Where a run stands."""

    NEW = "new"  # start() made it; Enter begins it
    ACTIVE = "active"  # a node plays, listens or decides
    STOPPING = "stopping"  # StopPlaying was sent; Played goes on with what is pending
    AWAY = "away"  # the caller was handed over; TransferFailed or TalkEnded brings them back
    LEAVING = "leaving"  # the apology plays; Played hangs up
    ENDED = "ended"  # a hang-up or another flow was sent, or the caller hung up


class PathStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node the caller went through (CTI-I15)."""

    node: str
    name: str = ""
    at_ms: int = 0
    keys: str = ""
    """Keys this node used up, in order."""
    exit: str = ""
    """How it was left: ``next``, ``key:1``, ``failure:timeout``, ``transfer``, ``after-talk``, ``flow``,
    ``failed:<reason>``, ``hangup``, ``caller-hung-up``; empty while in it.
    """


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A caller's way through a flow: everything needed to go on after any process died. Survives JSON."""

    status: Status = Status.NEW
    language: str = "zh"
    node: str = ""
    """Code of the node the caller is in."""
    state: dict[str, object] = {}
    """The node's own state."""
    variables: dict[str, str] = {}
    keys: str = ""
    """Type-ahead: pressed, not used up."""
    spare: str = ""
    """The key that closes an entry its length had ended already: should it come next, it is used up."""
    spare_until_ms: int = 0
    playing: bool = False
    """A `Play` or a `Record` is under way."""
    recording: bool = False
    """It is a `Record`."""
    request: str = ""
    """Name of the request, or the message, whose answer is awaited."""
    requests: int = 0
    """Requests and messages so far, for names that are never used twice."""
    sms: int = 0
    """Short messages the call has caused so far."""
    timer: str = ""
    """Name of the running timer."""
    guard: str = ""
    """Name of the timer that goes on when a recording's end or a request's answer is lost."""
    timers: int = 0
    """Timers started so far, for names that are never used twice."""
    pending: AnyOutcome | None = None
    """Decided, waiting for the prompt to stop."""
    fell_back: bool = False
    """The flow's fallback was used; a second failure ends the call."""
    path: list[PathStep] = []


SYSTEM = frozenset(variable.value for variable in SystemVariable)


def bounded(values: Mapping[str, str]) -> dict[str, str]:
    """Return `values` with each cut to its limit, and without what no document can hold (lone surrogates)."""
    left = MAX_VALUES
    bounded = {}
    for name, value in values.items():
        text = value[:MAX_VALUE].encode("utf-8", "replace").decode()
        if name not in SYSTEM:
            text = text[: max(left, 0)]
            left -= len(text)
        bounded[name] = text
    return bounded
