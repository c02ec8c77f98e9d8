"""What a call's state machine asks the edge to do, in order. Values only; `cti.controller` carries them out."""

from __future__ import annotations

import dataclasses
from typing import Any

from ivr.model import Prompt


@dataclasses.dataclass(frozen=True, kw_only=True)
class Effect:
    """Base of all effects."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FindRoute(Effect):
    """Find the route and take a place on it; answered by RouteGiven or RouteRefused."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveRoute(Effect):
    """Give the place on the route back."""

    route_id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer(Effect):
    """Answer the customer's leg as step `step_id`."""

    step_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayPrompts(Effect):
    """Play prompts `loops` times as step `step_id`."""

    step_id: str
    prompts: tuple[Prompt, ...]
    loops: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlaySystem(Effect):
    """Play one of the platform's own prompts as step `step_id`."""

    step_id: str
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayMusic(Effect):
    """Play waiting music without end as step `step_id`; `name` is the queue's choice."""

    step_id: str
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayBackground(Effect):
    """Repeat prompts without end while a transfer connects, as step `step_id`."""

    step_id: str
    prompts: tuple[Prompt, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StopPlaying(Effect):
    """Break what the customer's leg plays; its step still completes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HangupCustomer(Effect):
    """End the customer's leg with `cause`."""

    cause: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class KillLeg(Effect):
    """End an agent's leg with `cause`."""

    leg_id: str
    cause: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Enqueue(Effect):
    """Stand in the queue's waiting set; `order` 0 takes a new place, another one returns to the old place.

    Answered by Queued or QueueRefused.
    """

    queue_id: int
    priority: int
    order: int
    max_waiting: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveQueue(Effect):
    """Leave the waiting set."""

    queue_id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShowQueue(Effect):
    """Tell the screens how many wait in the queue now."""

    queue_id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfferExtension(Effect):
    """Ring whoever is signed in on the extension; answered by Matched or MatchRefused."""

    extension_id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithdrawOffer(Effect):
    """Stop ringing: end the agent's leg and free the agent, who missed nothing."""

    leg_id: str
    agent_id: int
    token: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bridge(Effect):
    """Bridge the customer with `leg_id`; answered by Bridged."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class HoldCustomer(Effect):
    """Music to the customer, silence to the agent."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnholdCustomer(Effect):
    """Bring the two together again."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetachCustomer(Effect):
    """Let the customer survive the end of the agent's leg: it parks instead of hanging up."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartRecording(Effect):
    """Record both sides into the segment `name`."""

    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class StopRecording(Effect):
    """Close the segment `name`."""

    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentTalks(Effect):
    """The agent is in conversation on this call."""

    agent_id: int
    token: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentFreed(Effect):
    """The agent is done with the call: `wrap_up_s` of wrap-up, or at once; `missed` when an offer went unanswered."""

    agent_id: int
    token: str
    wrap_up_s: int = 0
    missed: bool = False
    unreachable: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetTimer(Effect):
    """Start or move the timer `name`."""

    name: str
    due_ms: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DropTimer(Effect):
    """Forget the timer `name`."""

    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Publish(Effect):
    """Tell the screens: one live event."""

    audience: tuple[str, ...]
    type: str
    data: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finished(Effect):
    """The call is over: forget it everywhere; the switch writes its record."""
