"""A call as a value: everything needed to go on with it, or to write its record, after any process died.

The value is kept in Redis (`core.keys.call`) and on the customer's channel (variables ``zj_state`` and ``zj_more``:
the JSON, packed, in base64url), so that Redis can be rebuilt from the switch and the switch's own record of the leg
tells the whole story.
Times are milliseconds since the epoch, UTC, taken from the switch's events where one caused the change.
"""

from __future__ import annotations

import base64
import enum
from typing import Any

import msgspec

from cti.acd.dispatch import Why
from cti.call.packing import FORM, pack, unpack
from ivr.messages import NoteKind

MAX_STATE = 40_000
"""Letters a written state has at most without leaving something out (see :func:`slim`); the switch's commands take
65,536. Two hundred steps of a usual flow, with notes, have 7,000.
"""
TOLD_STEPS = 20
"""Steps of the path, the last ones, that keep names and keys when a state has to become smaller."""


class LegKind(enum.StrEnum):
    """What a leg is for; set at creation, never changed. Records and bills count these."""

    CUSTOMER = "customer"
    AGENT = "agent"
    CONSULT = "consult"
    SUPERVISOR = "supervisor"
    OUTSIDE = "outside"
    """To an outside number a flow put its caller through to."""
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
    FORWARDING = (
        "forwarding"  # transferred to an outside number, which the customer's leg was told to bridge to
    )
    FORWARDED = "forwarded"  # CHANNEL_ANSWER of the outside number's leg
    CALLING = "calling"  # an agent dials: their own leg is being originated or rings
    DIALLING = "dialling"  # that leg parked and won the token; it was told to bridge to the called party
    FAILED = (
        "failed"  # the called party was not reached; ends with CHANNEL_HANGUP_COMPLETE of the agent's leg
    )
    OUTSIDE = "outside"  # a flow's transfer named an outside number; the caller's leg bridges to it, or talks with it
    LEAVING = "leaving"  # a hang-up was sent to the customer's leg
    ENDED = "ended"  # CHANNEL_HANGUP_COMPLETE of the customer's leg


class EndedIn(enum.StrEnum):
    """Where a call ended, as the records show it (CTI-C1)."""

    ROUTE = "route"
    FLOW = "flow"
    QUEUE = "queue"
    OFFER = "offer"
    AGENT = "agent"
    CALLED = "called"
    """The called party of an outbound call: busy, no answer, refused, no such number."""
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
    ELSEWHERE = "elsewhere"
    """Another agent answered, where all were rung."""
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
    why: Why | None = None
    """Why this agent was chosen; None where nobody chose."""


class TransferKind(enum.StrEnum):
    """What a customer is transferred to."""

    AGENT = "agent"
    QUEUE = "queue"
    FLOW = "flow"
    NUMBER = "number"


class TransferResult(enum.StrEnum):
    """What became of a transfer."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    """The target was not reached; `Transfer.back` says where the customer went."""
    CALLER_GONE = "caller_gone"


class Outside(msgspec.Struct, kw_only=True):
    """How an outside number is called (CTI-E5): what `cti.outbound.Plan` chose, and the leg that will be."""

    leg_id: str
    number: str
    caller_id: str
    trunk_id: int
    trunk_code: str
    dialled: str
    shown: str


class TransferTarget(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whom a customer is transferred to, or an agent asks first."""

    kind: TransferKind
    id: int = 0
    """Account, queue or flow."""
    extension_id: int = 0
    """Of an agent."""
    outside: Outside | None = None
    """Of a number."""


class Transfer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One transfer out of a talk. It closes a part of the call: the fields `from_…` are what that part was."""

    to: TransferTarget
    at_ms: int
    attended: bool = False
    from_agent: int = 0
    from_extension: int = 0
    from_queue: int = 0
    from_order: int = 0
    from_entered_ms: int = 0
    talk_ms: int = 0
    """When the talk it ended began."""
    result: TransferResult = TransferResult.PENDING
    reason: str = ""
    """Why the target was not reached: an `ivr.messages.FailureReason` or the switch's cause."""
    back: str = ""
    """Where the customer went then: ``agent``, ``queue``, ``end``."""
    ended_ms: int = 0
    """When it was settled, one way or another; 0: not yet."""


class ConsultState(enum.StrEnum):
    """How far asking somebody is while the customer hears music."""

    PARTING = "parting"  # customer and agent are being parted
    DIALLING = "dialling"  # the agent's leg was told to bridge to the one who is asked
    TALKING = "talking"  # CHANNEL_ANSWER of that one's leg
    CONFERENCE = "conference"  # the customer's leg was told to take part: a three-way talk
    OVER = (
        "over"  # CHANNEL_HANGUP_COMPLETE of it, or its end was asked for; the agent's leg is about to be told
    )


class Consult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whom the agent asks before handing the customer over (DSK-3)."""

    to: TransferTarget
    leg_id: str
    """Of the one who is asked."""
    offer: Offer | None = None
    """The claim on an agent who is asked; None of a number."""
    state: ConsultState = ConsultState.PARTING
    step_id: str = ""
    """The bridge that the agent's leg runs."""
    at_ms: int = 0
    answered_ms: int = 0
    joined_ms: int = 0
    """When the customer joined the two; 0: never."""
    parted: bool = False
    """The agent's bridge ended, and who left is about to be told."""
    back: bool = False
    """The customer is taken off hold when it is over."""
    let_go: bool = False
    """The one who was asked is free, places are given back."""
    cause: str = ""


class Conference(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A time in which customer, agent and the one who was asked talked with each other (DSK-3)."""

    to: TransferTarget
    agent_id: int
    at_ms: int
    ended_ms: int = 0
    """0: it lasted as long as the call."""


class PathStep(msgspec.Struct, kw_only=True):
    """One node a caller went through (CTI-I15)."""

    flow_id: int
    version: int
    node: str
    name: str = ""
    at_ms: int = 0
    keys: str = ""
    exit: str = ""


class SegmentKind(enum.StrEnum):
    """What was recorded."""

    TALK = "talk"
    """A conversation; one more after each takeover."""
    VOICEMAIL = "voicemail"
    """A message the caller left (CTI-I10)."""


class Segment(msgspec.Struct, kw_only=True):
    """One closed or running piece of a recording."""

    name: str
    """File name below the recordings folder: ``<tenant>/<call id>-<n>.wav``."""
    started_ms: int
    ended_ms: int = 0
    agent_id: int = 0
    kind: SegmentKind = SegmentKind.TALK


class KeyedNote(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a caller said by key that goes on the record (CTI-I13)."""

    kind: NoteKind
    value: str
    """Of a survey the score's key, of a consent ``yes`` or ``no``, of a callback and a short message the number in
    stored form.
    """
    at_ms: int
    flow_id: int = 0
    node: str = ""
    """Code of the node that asked."""
    queue_id: int = 0
    """Of a callback: whose agents call back; of a survey: the queue the caller came from."""
    agent_id: int = 0
    """Who had talked with the caller by then."""


class Step(msgspec.Struct, kw_only=True):
    """An application sent to a leg whose completion is awaited."""

    id: str
    what: str
    sent_ms: int


class Timer(msgspec.Struct, kw_only=True):
    """A running timer; `due_ms` is an instant, so that it survives a restart."""

    name: str
    due_ms: int


class OutsideCall(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An outside number a flow put its caller through to (CTI-I7), or that of an extension nobody is signed in on."""

    to: Outside
    extension_id: int = 0
    """Of the extension whose bound number it is (CTI-E3)."""
    talk_ms: int = 0
    """When it answered; 0: not yet, or never."""
    ended_ms: int = 0
    cause: str = ""


class Call(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A call's whole state. `id` is the customer's leg's uuid; an outbound call has it before that leg exists."""

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
    """The engine's state (`ivr.engine.Run` as builtins, without its path, which is the end of `path`) while in a flow,
    and afterwards for failure exits.
    """
    queue_id: int = 0
    queue_entered_ms: int = 0
    queue_order: int = 0
    """Score in the waiting set; kept when an unanswered call goes back, so that nobody loses their place."""
    queue_position: int = 0
    """Place in the queue when the call came to stand in it last: 1 is the first; 0: never stood in one."""
    missed: int = 0
    overflows: int = 0
    """Ways out of a queue that were taken."""
    after_failure: str = ""
    """Node a transfer's failure leads to; empty means the queue's own ending."""
    after_talk: str = ""
    """Node the caller goes to when the agent ends the talk; empty: they are hung up."""
    talk_over: bool = False
    """The agent ended the talk; the flow goes on once the caller's leg has parked."""
    apart: bool = False
    """The caller's leg parked out of a talk whose end was not told yet."""
    flow_changes: int = 0
    """How often the call went on in another flow."""
    sms: int = 0
    """Short messages its flows have caused so far: a flow the call comes to again does not begin anew."""
    path_from: int = 0
    """Steps of `path` that are those of flows before the present one."""
    notes: list[KeyedNote] = []
    outside: OutsideCall | None = None
    """The outside number a flow put the caller through to last."""
    offers: list[Offer] = []
    talk_started_ms: int = 0
    talk_ended_ms: int = 0
    """When the last talk ended though the caller stayed; 0 while they talk."""
    held: bool = False
    holds: list[int] = []
    """When the customer was on hold: see `cti.call.holds`."""
    holds_more: int = 0
    """Length of the holds that are too many for that, in tenths of a second."""
    agent_id: int = 0
    agent_leg: str = ""
    extension_id: int = 0
    path: list[PathStep] = []
    segments: list[Segment] = []
    transfers: list[Transfer] = []
    consult: Consult | None = None
    conferences: list[Conference] = []
    keys: str = ""
    """Keys pressed while nothing consumed them: the type-ahead between steps."""
    step: Step | None = None
    step_counter: int = 0
    timers: list[Timer] = []
    language: str = "zh"
    demo: bool = False
    caller_id: str = ""
    """Outbound: number shown to the called party (`called`, as `core.phone` stores it)."""
    trunk_id: int = 0
    trunk_code: str = ""
    dialled: str = ""
    """Outbound: the called number as the trunk wants it, and so `shown` for the caller ID."""
    shown: str = ""
    dialled_ms: int = 0
    """Outbound: when the switch was told to make the customer's leg; 0: never."""
    leg_ended: bool = False
    """Outbound: the customer's leg existed and is over, so the switch writes its record."""

    @property
    def outbound(self) -> bool:
        """Whether an agent began the call."""
        return self.direction == "out"

    @property
    def refuses_recording(self) -> bool:
        """Whether the caller, asked last, did not consent to being recorded."""
        asked = [note.value for note in self.notes if note.kind is NoteKind.CONSENT]
        return bool(asked) and asked[-1] == "no"

    @property
    def transfer(self) -> Transfer | None:
        """The transfer that is under way, if one is."""
        return self.transfers[-1] if self.transfers and not self.transfers[-1].ended_ms else None

    @property
    def left_message(self) -> bool:
        """Whether the last that was recorded is a message the caller left."""
        return bool(self.segments) and self.segments[-1].kind is SegmentKind.VOICEMAIL

    @property
    def state_leg(self) -> str:
        """Uuid of the leg that carries this state: the agent's until an outbound call is a conversation."""
        if self.phase in (Phase.CALLING, Phase.DIALLING, Phase.FAILED) and self.offers:
            return self.offers[-1].leg_id
        return self.id


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Call)


def encode(call: Call) -> bytes:
    """Return the call as JSON."""
    return _encoder.encode(call)


def decode(data: bytes | str) -> Call:
    """Return the call in `data`. Raises ``msgspec.DecodeError``."""
    return _decoder.decode(data)


class Written:
    """What a call's leg carries: the whole state (``zj_state``), and since then only what changed (``zj_more``).

    A change is packed with the whole state as what it may refer to, never with another change: one that is lost
    harms no other. A change that names another whole state's revision than the leg carries means nothing.
    """

    def __init__(self) -> None:
        self._base = b""
        self._base_rev = 0
        self._base_size = 0

    def forget(self) -> None:
        """Have the next state written whole: nobody knows what the leg carries."""
        self._base = b""

    def variables(self, call: Call) -> dict[str, str]:
        """Return the variables to set for `call` as it is; they count as written."""
        data = encode(call)
        if self._base:
            more = f"{self._base_rev}.{_letters(pack(data, self._base))}"
            if len(more) <= self._base_size:
                return {"zj_more": more}
        text = FORM + _letters(pack(data))
        if len(text) > MAX_STATE:
            data = encode(slim(call))
            text = FORM + _letters(pack(data))
        self._base, self._base_rev, self._base_size = data, call.rev, len(text)
        return {"zj_state": text}


def slim(call: Call) -> Call:
    """Return the call without names and keys of its older steps: the record will show codes in their place."""
    told = len(call.path) - TOLD_STEPS
    path = [
        msgspec.structs.replace(step, name="", keys="") if position < told else step
        for position, step in enumerate(call.path)
    ]
    return msgspec.structs.replace(call, path=path)


def to_variable(call: Call) -> str:
    """Return the whole call as the value of ``zj_state``: letters, digits, ``-`` and ``_`` only."""
    return Written().variables(call)["zj_state"]


def from_variables(state: str, more: str = "") -> Call:
    """Return the call in ``zj_state`` and ``zj_more``. Raises ``ValueError`` when there is none in ``zj_state``.

    What is not readable in ``zj_more`` is left out: the call is then as it was when its state was written whole.
    """
    base, call = _whole(state)
    rev, _, letters = more.partition(".")
    if rev != str(call.rev):
        return call
    try:
        return decode(unpack(_bytes(letters), base, state[0]))
    except (msgspec.MsgspecError, ValueError):
        return call


def _whole(text: str) -> tuple[bytes, Call]:
    """Return the state in ``zj_state``, packed or in the earlier plain form, as JSON and as a call."""
    try:
        # The first form of all was plain JSON in letters.
        data = _bytes(text) if text.startswith("ey") else unpack(_bytes(text[1:]), form=text[:1])
        return data, decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError("zj_state holds no call") from error


def _letters(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _bytes(letters: str) -> bytes:
    return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
