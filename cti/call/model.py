"""A call as a value: everything needed to go on with it, or to write its record, after any process died.

The value is kept in Redis (`core.keys.call`) and on the customer's channel (variable ``zj_state``: the JSON, packed,
in base64url), so that Redis can be rebuilt from the switch and the switch's own record of the leg tells the whole
story.
Times are milliseconds since the epoch, UTC, taken from the switch's events where one caused the change.
"""

from __future__ import annotations

import base64
import enum
from typing import Any

import msgspec

from cti.call.packing import pack, unpack

PACKED = "1"
"""First letter of a packed ``zj_state``; base64url of plain JSON, the earlier form, starts with ``ey``."""


class LegKind(enum.StrEnum):
    """What a leg is for; set at creation, never changed. Records and bills count these."""

    CUSTOMER = "customer"
    AGENT = "agent"
    CONSULT = "consult"
    SUPERVISOR = "supervisor"
    TIE = "tie"
    PROBE = "probe"


class Phase(enum.StrEnum):
    """Where a call stands. The comment is the switch event (or decision) that enters it."""

    ARRIVED = "arrived"  # CHANNEL_PARK of an unknown first leg
    FLOW = "flow"  # the route or a transfer names an IVR flow; CHANNEL_ANSWER follows
    WAITING = "waiting"  # entered a queue
    OFFERING = "offering"  # claimed an agent; the agent's leg is being originated or rings
    CONNECTING = "connecting"  # the agent's leg answered and won the token; bridge was sent
    TALKING = "talking"  # CHANNEL_BRIDGE of customer and agent
    LEAVING = "leaving"  # a hang-up was sent to the customer's leg
    ENDED = "ended"  # CHANNEL_HANGUP_COMPLETE of the customer's leg


class EndedIn(enum.StrEnum):
    """Where a call ended, as the records show it (CTI-C1)."""

    ROUTE = "route"
    FLOW = "flow"
    QUEUE = "queue"
    OFFER = "offer"
    AGENT = "agent"
    EXTENSION = "extension"
    VOICEMAIL = "voicemail"
    TRANSFERRED = "transferred"
    SWITCH = "switch"


class OfferResult(enum.StrEnum):
    """How an offer to an agent ended."""

    RINGING = "ringing"
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    CALLER_GONE = "caller_gone"
    LOST = "lost"


class Offer(msgspec.Struct, kw_only=True):
    """One attempt to reach one agent: a fact of ours, leg or no leg."""

    leg_id: str
    agent_id: int
    extension_id: int
    queue_id: int
    endpoint: str
    token: str
    offered_ms: int
    result: OfferResult = OfferResult.RINGING
    answered_ms: int = 0
    ended_ms: int = 0
    cause: str = ""


class PathStep(msgspec.Struct, kw_only=True):
    """One node a caller went through (CTI-I15)."""

    flow_id: int
    version: int
    node: str
    name: str = ""
    at_ms: int = 0
    keys: str = ""
    exit: str = ""


class Segment(msgspec.Struct, kw_only=True):
    """One closed or running piece of a recording; a new one after each takeover."""

    name: str
    """File name below the recordings folder: ``<tenant>/<call id>-<n>.wav``."""
    started_ms: int
    ended_ms: int = 0
    agent_id: int = 0


class Step(msgspec.Struct, kw_only=True):
    """An application sent to a leg whose completion is awaited."""

    id: str
    what: str
    sent_ms: int


class Timer(msgspec.Struct, kw_only=True):
    """A running timer; `due_ms` is an instant, so that it survives a restart."""

    name: str
    due_ms: int


class Call(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A call's whole state. `id` is the first leg's uuid."""

    id: str
    tenant_id: int = 0
    cell: str = ""
    rev: int = 0
    """Grows with every transition; of two copies the larger one is the newer."""
    phase: Phase = Phase.ARRIVED
    direction: str = "in"
    caller: str = ""
    called: str = ""
    trunk_address: str = ""
    route_id: int = 0
    route_code: str = ""
    priority: int = 50
    arrived_ms: int = 0
    answered_ms: int = 0
    ended_ms: int = 0
    cause: str = ""
    ended_in: EndedIn | None = None
    ended_detail: str = ""
    refusal: str = ""
    """Why a call was refused (``over-limit``, ``route-paused``, ``unknown-number``, ``blocked``…), else empty."""
    flow_id: int = 0
    flow_version: int = 0
    run: dict[str, Any] | None = None
    """The engine's state (`ivr.engine.Run` as builtins) while in a flow, and afterwards for failure exits."""
    queue_id: int = 0
    queue_entered_ms: int = 0
    queue_order: int = 0
    """Score in the waiting set; kept when an unanswered call goes back, so that nobody loses their place."""
    missed: int = 0
    after_failure: str = ""
    """Node a transfer's failure leads to; empty means the queue's own ending."""
    offers: list[Offer] = []
    talk_started_ms: int = 0
    held: bool = False
    agent_id: int = 0
    agent_leg: str = ""
    extension_id: int = 0
    path: list[PathStep] = []
    segments: list[Segment] = []
    keys: str = ""
    """Keys pressed while nothing consumed them: the type-ahead between steps."""
    step: Step | None = None
    step_counter: int = 0
    timers: list[Timer] = []
    language: str = "zh"
    demo: bool = False


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Call)


def encode(call: Call) -> bytes:
    """Return the call as JSON."""
    return _encoder.encode(call)


def decode(data: bytes | str) -> Call:
    """Return the call in `data`. Raises ``msgspec.DecodeError``."""
    return _decoder.decode(data)


def to_variable(call: Call) -> str:
    """Return the call as the value of ``zj_state``: letters, digits, ``-`` and ``_`` only."""
    return PACKED + base64.urlsafe_b64encode(pack(encode(call))).decode("ascii").rstrip("=")


def from_variable(text: str) -> Call:
    """Return the call in the channel variable's `text`, packed or in the earlier plain form. Raises ``ValueError``."""
    letters = text.removeprefix(PACKED)
    try:
        data = base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
        return decode(unpack(data) if text.startswith(PACKED) else data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError("zj_state holds no call") from error
