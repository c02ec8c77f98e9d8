"""What a node type is: a validated value, a pure step, and its own checks.

A node type is one file in this folder with one subclass of `Node` (``tag=`` is its type in documents). It is
found by being there; nothing else has to be edited. The engine owns everything around the step: jumps,
type-ahead, timers, stopping a prompt, the path, bounds and the fallback.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ivr.messages import Answered, FailureReason, Method, Note, TransferTarget
from ivr.nodes.form import Field, Group
from ivr.problems import Problem
from ivr.prompt_values import Prompt
from ivr.surroundings import Surroundings

if TYPE_CHECKING:
    from ivr.model import Flow


class TypeAhead(enum.StrEnum):
    """What a node does, as it is entered, with keys that were pressed before."""

    KEEP = "keep"
    FLUSH = "flush"


class Signal(enum.StrEnum):
    """Why a node's step is called."""

    ENTERED = "entered"
    KEYS = "keys"  # the buffer has at least one key
    PLAYED = "played"
    PLAY_FAILED = "play_failed"
    TIMER = "timer"
    TRANSFER_FAILED = "transfer_failed"
    ANSWERED = "answered"  # the node's request, or its message, was answered
    TALK_ENDED = "talk_ended"  # the agent hung up first and the node said where to go on


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What a step may look at besides its node and its state."""

    signal: Signal
    keys: str
    """Keys pressed and not used up yet, oldest first; also those pressed ahead."""
    variables: dict[str, str]
    """Values of flow and system variables. Not to be changed: see `Turn.assign`."""
    now_ms: int
    language: str
    reason: FailureReason | None = None
    """With ``TRANSFER_FAILED``."""
    answer: Answered | None = None
    """With ``ANSWERED``."""
    surroundings: Surroundings = Surroundings()


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag_field="do"):
    """What a step wants done next; exactly one. A prompt under way is stopped first, except for `Stay`."""


class Stay(Outcome, frozen=True, kw_only=True, tag="stay"):
    """Nothing changes: what plays goes on playing, the timer goes on running."""


class Say(Outcome, frozen=True, kw_only=True, tag="say"):
    """Play; the step is called with PLAYED or PLAY_FAILED. No prompts at all count as played at once."""

    prompts: list[Prompt]
    interruptible: bool = False
    loops: int = 1


class Listen(Outcome, frozen=True, kw_only=True, tag="listen"):
    """Wait for a key; after `ms` the step is called with TIMER."""

    ms: int


class Go(Outcome, frozen=True, kw_only=True, tag="go"):
    """Leave through the exit named `exit` to the node `target`; an empty or unknown target is a failure."""

    exit: str
    target: str


class HandOver(Outcome, frozen=True, kw_only=True, tag="hand_over"):
    """Transfer the caller; the step is called with TRANSFER_FAILED if that fails."""

    target: TransferTarget
    background: list[Prompt] = []
    failure: str = ""
    after_talk: str = ""
    """Node for a caller whose agent hung up first; the step is called with TALK_ENDED then."""
    outside: int = 0
    """See `ivr.messages.Transfer.outside`."""


class RecordMessage(Outcome, frozen=True, kw_only=True, tag="record"):
    """Record the caller; the step is called with PLAYED when it is done, PLAY_FAILED when it could not be."""

    max_s: int
    silence_s: int = 0


class Ask(Outcome, frozen=True, kw_only=True, tag="ask"):
    """Make an HTTP request and play `background` meanwhile; the step is called with ANSWERED, and with PLAYED
    or PLAY_FAILED when the background ends before that.
    """

    method: Method
    url: str
    headers: dict[str, str] = {}
    body: str = ""
    content_type: str = ""
    timeout_s: int
    fields: dict[str, str] = {}
    background: list[Prompt] = []
    patience_ms: int = 1_000
    """Without a background: time after which the step is called with TIMER."""


class Send(Outcome, frozen=True, kw_only=True, tag="send"):
    """Have a short message sent; the step is called with ANSWERED as soon as it is known whether it is kept."""

    number: str
    text: str


class Continue(Outcome, frozen=True, kw_only=True, tag="continue"):
    """Go on in another flow; this run is over."""

    flow_id: int


class End(Outcome, frozen=True, kw_only=True, tag="end"):
    """Hang up."""

    cause: str = "NORMAL_CLEARING"


class Fail(Outcome, frozen=True, kw_only=True, tag="fail"):
    """The node cannot go on and has no exit for it: the flow's fallback takes the caller (CTI-I16)."""

    reason: str


AnyOutcome = Stay | Say | Listen | Go | HandOver | RecordMessage | Ask | Send | Continue | End | Fail


class NoState(msgspec.Struct, frozen=True):
    """State of a node that needs none."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a step decided."""

    outcome: AnyOutcome
    state: Any = None
    """The node's next state (its `state_type`); None keeps the present one."""
    take: int = 0
    """Keys used up, from the front of `Moment.keys`; they are recorded on the path."""
    spare: str = ""
    """A key that belongs to what was entered though its length ended it; nobody else gets it if it comes next."""
    assign: dict[str, str] = {}
    """Variables to set."""
    notes: list[Note] = []
    """What goes on the call's record."""


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """An arrow of the graph."""

    field: str
    """The field that holds the target, such as ``next`` or ``keys.1``."""
    target: str
    waits: bool = False
    """True when the caller had time to press a key before this exit is taken: such an arrow cannot make a
    loop spin.
    """
    required: bool = True
    """An empty target is an error when publishing."""


class ReferenceKind(enum.StrEnum):
    """Kinds of things outside a flow that a node may use."""

    QUEUE = "queue"
    EXTENSION = "extension"
    VOICE = "voice"
    FLOW = "flow"
    CALENDAR = "calendar"


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Something outside the flow that a node uses: it must exist, and cannot be deleted meanwhile."""

    kind: ReferenceKind
    id: int
    field: str
    """Where the node names it."""


class VariableUse(msgspec.Struct, frozen=True, kw_only=True):
    """A variable a node names outside its prompts: it must exist, and cannot be deleted meanwhile (CTI-I3)."""

    name: str
    field: str
    own: bool = False
    """True when it must be one of the flow's own, because the node sets it."""


class Node(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all nodes have. A draft may be incomplete (CTI-I14), so every field has a default and `check` does
    the judging.
    """

    code: str
    """Identity inside the flow; never changes, names and types may."""
    name: str = ""
    type_ahead: TypeAhead = TypeAhead.KEEP

    state_type: ClassVar[type[msgspec.Struct]] = NoState
    label: ClassVar[str] = ""
    """What the type is called: an English message id, as `description`."""
    description: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    """Name of the icon in the editor."""
    group: ClassVar[Group] = Group.SPEAK
    form: ClassVar[tuple[Field, ...]] = ()
    """The fields in the order they are edited; without code, name and type_ahead, which all nodes have."""

    def step(self, state: Any, moment: Moment) -> Turn:
        """Decide what happens next. Pure; never raises for any state of `state_type` and any moment."""
        raise NotImplementedError

    def exits(self) -> tuple[Exit, ...]:
        """Return the node's arrows, also the empty ones."""
        return ()

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """Return the node's prompt lists by field name."""
        return {}

    def references(self) -> tuple[Reference, ...]:
        """Return what the node uses from outside, besides the recordings in its prompt lists."""
        return ()

    def variable_uses(self) -> tuple[VariableUse, ...]:
        """Return the variables the node names; an empty name is one that was not chosen yet."""
        return ()

    def patterns(self) -> tuple[tuple[str, str], ...]:
        """Return the node's patterns (`ivr.patterns`), each with its field."""
        return ()

    def check(self, flow: Flow) -> Iterator[Problem]:
        """Yield what is wrong with the node's own values; arrows, prompts, references, variables and patterns
        are checked by `ivr.checks`.
        """
        yield from ()
