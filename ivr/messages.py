"""What goes into the IVR engine (events) and what comes out of it (commands): see docs/contracts.md, IVR."""

from __future__ import annotations

import enum

import msgspec

from ivr.prompt_values import Prompt


class FailureReason(enum.StrEnum):
    """Why a transfer failed; told apart in the record (CTI-I7)."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    FULL = "full"
    CLOSED = "closed"
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"


class Event(msgspec.Struct, frozen=True, kw_only=False, tag_field="event"):
    """What all events have in common: nothing but their tag."""


class Enter(Event, frozen=True, tag="enter"):
    """The call is answered and the flow begins."""


class Key(Event, frozen=True, tag="key"):
    """The caller pressed a key: one of ``0-9 * # A-D``. Anything else is ignored."""

    digit: str


class Played(Event, frozen=True, tag="played"):
    """The one `Play` under way ended: heard to its end, stopped, or (``ok=False``) not playable."""

    ok: bool = True


class TimerFired(Event, frozen=True, tag="timer"):
    """A timer set with `StartTimer` ran out."""

    name: str


class TransferFailed(Event, frozen=True, tag="transfer_failed"):
    """The `Transfer` did not connect the caller; the caller is back and nothing is playing."""

    reason: FailureReason


class HungUp(Event, frozen=True, tag="hung_up"):
    """The caller's leg is gone."""


AnyEvent = Enter | Key | Played | TimerFired | TransferFailed | HungUp


class TargetKind(enum.StrEnum):
    """What a `TransferTarget` names."""

    QUEUE = "queue"
    EXTENSION = "extension"
    VALUE = "value"


class TransferTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a caller goes. A ``value`` is resolved by the controller: extension, queue code, outside number
    (CTI-I7).
    """

    kind: TargetKind
    id: int = 0
    """Primary key of the queue or extension."""
    value: str = ""
    """A variable's value, for ``kind=value``."""


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """What all commands have in common: nothing but their tag."""


class Play(Command, frozen=True, kw_only=True, tag="play"):
    """Play the prompts in order, `loops` times; report one `Played`. Never sent while one is under way."""

    prompts: list[Prompt]
    interruptible: bool = False
    """Whether a key may end it. The engine itself sends `StopPlaying`; the switch must not stop by itself."""
    loops: int = 1


class StopPlaying(Command, frozen=True, kw_only=True, tag="stop_playing"):
    """End the `Play` under way; its `Played` still comes."""


class StartTimer(Command, frozen=True, kw_only=True, tag="start_timer"):
    """Send ``TimerFired(name)`` in `ms` milliseconds. Names are never used twice in a run."""

    name: str
    ms: int


class CancelTimer(Command, frozen=True, kw_only=True, tag="cancel_timer"):
    """Forget the timer; a `TimerFired` that is already on its way does no harm."""

    name: str


class Transfer(Command, frozen=True, kw_only=True, tag="transfer"):
    """Hand the caller over. The run rests; only `TransferFailed` (or `HungUp`) goes on with it."""

    target: TransferTarget
    background: list[Prompt] = []
    """Heard while it connects; a queue's own music replaces it once queued."""
    failure: str = ""
    """Code of the node a failure leads to; empty means that the queue's own ending comes first."""


class Hangup(Command, frozen=True, kw_only=True, tag="hangup"):
    """End the call with this cause (a name of the switch's table, such as ``NORMAL_CLEARING``)."""

    cause: str = "NORMAL_CLEARING"


AnyCommand = Play | StopPlaying | StartTimer | CancelTimer | Transfer | Hangup
