"""What a call's state machine asks the edge to do, in order. Values only; `cti.controller` carries them out."""

from __future__ import annotations

import dataclasses
from typing import Any

from cti.call.model import Consult, Offer, Outside
from ivr.messages import Request, SendSms
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
class Announce(Effect):
    """Say to a caller who waits what the queue says, as step `step_id`: prompts, then place, expected wait and the
    key for being called back where they are wanted.
    """

    step_id: str
    queue_id: int
    prompts: tuple[Prompt, ...]
    position: bool = False
    wait: bool = False
    callback_key: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordMessage(Effect):
    """Record what the caller says into the segment `name` as step `step_id`, for at most `max_s` seconds.

    `silence_s` seconds of silence end it (0: none do), and so does StopPlaying; a hang-up keeps what was said.
    """

    step_id: str
    name: str
    max_s: int
    silence_s: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MakeRequest(Effect):
    """Make a flow's HTTP request; answered by RequestAnswered."""

    request: Request
    key: str
    """Value of the header ``Idempotency-Key``: the call's id and the request's name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveSms(Effect):
    """Leave a flow's short message for sending; answered by RequestAnswered."""

    sms: SendSms
    flow_id: int


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
    last_agent: bool = False
    """Whether who talked with the caller last goes before the queue's rule."""
    staffed: bool = False
    """Whether somebody must be signed in for the queue; refused with ``nobody`` when nobody is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveQueue(Effect):
    """Leave the waiting set."""

    queue_id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueServed(Effect):
    """An agent answered a caller of the queue who had entered at `entered_ms`: remembered for expected waits and for
    the caller's next call.
    """

    queue_id: int
    entered_ms: int
    agent_id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShowQueue(Effect):
    """Tell the screens how many wait in the queue now."""

    queue_id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfferExtension(Effect):
    """Ring whoever is signed in on the extension; answered by Matched, MatchRefused, or WayOut when nobody is and its
    bound number can be called in their place.
    """

    extension_id: int
    agent_id: int = 0
    """Only this account; 0: whoever it is."""
    background: tuple[Prompt, ...] | None = None
    """What the caller is to hear as soon as it is known who rings; None: they hear it already."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithdrawOffer(Effect):
    """Stop ringing: end the agent's leg and free the agent, who missed nothing."""

    leg_id: str
    agent_id: int
    token: str
    cause: str = "ORIGINATOR_CANCEL"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bridge(Effect):
    """Bridge the customer with `leg_id`; answered by Bridged. With `keep` the customer, who is in another talk,
    outlives that talk's end until `EndsWithTalk`: `leg_id` may be lost in this moment, and nobody else holds them.
    """

    leg_id: str
    keep: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class CallAgent(Effect):
    """Originate the leg to the agent who dialled; answered by AgentAnswered or AgentGone."""

    offer: Offer
    ring_s: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dial(Effect):
    """Have the agent's leg call the customer through the trunk and bridge on answer, as step `step_id`.

    Sent at most once in a call's life: an originate to the outside whose outcome is unknown is never repeated.
    """

    step_id: str
    leg_id: str
    ring_s: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Forward(Effect):
    """Have the customer's leg call an outside number and bridge on the answer, as step `step_id`; sent at most once."""

    step_id: str
    outside: Outside
    ring_s: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ask(Effect):
    """Have the agent's leg call whom they ask and bridge on the answer; sent at most once."""

    leg_id: str
    consult: Consult
    ring_s: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeavePlaces(Effect):
    """Give the places on trunk and tenant back that were taken for a leg."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class FindWayOut(Effect):
    """Ask the rules whether the caller may be put through to `number` (as typed) and take places for it.

    `allowed` legs to outside numbers may the flow have at once. Answered by WayOut or NoWayOut.
    """

    number: str
    flow_id: int
    allowed: int
    background: tuple[Prompt, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DialOutside(Effect):
    """Have the customer's leg call the outside number and bridge on answer, as step `step_id`.

    They hear the background, over and over, else ringing. Sent at most once, like Dial.
    """

    step_id: str
    to: Outside
    ring_s: int
    background: tuple[Prompt, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutsideTalks(Effect):
    """The outside number answered: the customer's leg needs no fallback any more."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveOutside(Effect):
    """The leg to the outside number is over: forget it and give its places back."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayTone(Effect):
    """Let the agent hear by a tone that nobody was reached, as step `step_id`."""

    step_id: str
    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveTrunk(Effect):
    """Give the places on trunk and tenant back."""

    trunk_id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoteUndialled(Effect):
    """Leave a fact for the record: the customer's leg never was, so the switch writes none of it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HoldCustomer(Effect):
    """Music to the customer, silence to the agent."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnholdCustomer(Effect):
    """Bring the two together again."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class JoinCustomer(Effect):
    """Have the held customer take part in the talk of the agent's leg with `other`.

    When the agent's leg ends, the switch connects the two who stay by itself.
    """

    leg_id: str
    other: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class EndsWithCustomer(Effect):
    """Of three in a talk the agent left: from now on the end of the customer's leg ends `leg_id`."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetachCustomer(Effect):
    """Let the customer survive the end of the agent's leg: it parks instead of hanging up."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EndsWithTalk(Effect):
    """The bridge the customer was kept for is there: what becomes of their leg after it is as in any talk."""


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
    missed_limit: int = 0
    """Misses in a row after which they are away; 0: after the first they are not responding."""


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
class TooLate(Effect):
    """What was asked for does not fit the call any more, and is not done: whoever asked is told so."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finished(Effect):
    """The call is over: forget it everywhere; the switch writes its record."""
