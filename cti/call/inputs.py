"""What can happen to a call, as values.

The edge (`cti.controller`) makes them from the switch's events, timers and commands.
"""

from __future__ import annotations

import dataclasses

from core.documents import RouteDoc, TenantDoc
from cti.call.model import Offer, OfferResult, Outside, TransferTarget
from ivr.messages import Answered, FailureReason
from ivr.model import Prompt


@dataclasses.dataclass(frozen=True, kw_only=True)
class Input:
    """Base of all inputs; `at_ms` is when it happened, by the switch's clock where the switch said it."""

    at_ms: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arrived(Input):
    """CHANNEL_PARK of a first leg nobody knew."""

    caller: str
    called: str
    trunk_address: str
    demo: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class RouteGiven(Input):
    """A route was found and a place on it was taken."""

    route: RouteDoc
    tenant: TenantDoc
    priority: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class RouteRefused(Input):
    """No route, or none for this caller now."""

    reason: str
    cause: str
    tenant_id: int = 0
    route_id: int = 0
    route_code: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WayOut(Input):
    """The caller may be put through to the outside number, and places for that were taken."""

    to: Outside
    background: tuple[Prompt, ...]
    extension_id: int = 0
    """Whose bound number it is: nobody is signed in on that extension; 0: the number a flow's transfer names."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoWayOut(Input):
    """They may not: ``not_found`` (no number), ``not_allowed``, ``full`` (no place), ``unreachable`` (no line)."""

    reason: FailureReason


@dataclasses.dataclass(frozen=True, kw_only=True)
class DialAsked(Input):
    """An agent dialled a number: the agent was claimed, a place on the trunk taken, the agent's leg originated."""

    offer: Offer
    tenant_id: int
    language: str
    called: str
    caller_id: str
    trunk_id: int
    trunk_code: str
    dialled: str
    shown: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepDone(Input):
    """CHANNEL_EXECUTE_COMPLETE of the awaited application."""

    step_id: str
    ok: bool = True
    cause: str = ""
    """Of a dial: why nobody was reached."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyPressed(Input):
    """DTMF on the customer's leg."""

    digit: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestAnswered(Input):
    """A flow's HTTP request ended, with an answer or without."""

    answer: Answered


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimerDue(Input):
    """A timer of the call ran out."""

    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Queued(Input):
    """The call stands in the queue's waiting set with this order."""

    order: int
    position: int = 0
    """How many stand there up to this call, as far as this cell knows."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueRefused(Input):
    """The queue took no more (``full``) or does not exist (``gone``)."""

    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Matched(Input):
    """An agent was claimed for this call; the originate was sent."""

    offer: Offer
    others: tuple[Offer, ...] = ()
    """Offers to more agents, who are rung at the same time."""
    background: tuple[Prompt, ...] | None = None
    """What the caller is to hear from now on; None: they hear something already."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfferAdded(Input):
    """One more agent was claimed and is being rung, because all of the queue are rung for this call."""

    offer: Offer


@dataclasses.dataclass(frozen=True, kw_only=True)
class MatchRefused(Input):
    """A direct call to an extension found nobody who could be rung; `reason` is ``busy``, ``unreachable``."""

    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentAnswered(Input):
    """The agent's leg parked after its answer and won the token."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfferFailed(Input):
    """The agent's leg ended, or never came to be, before it was bridged."""

    leg_id: str
    result: OfferResult
    cause: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bridged(Input):
    """CHANNEL_BRIDGE of the customer with `leg_id`."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomerAnswered(Input):
    """CHANNEL_ANSWER of the called party's leg; early media was bridged before, or the bridge follows at once."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentGone(Input):
    """CHANNEL_HANGUP_COMPLETE of an agent's leg that was bridged or about to be."""

    leg_id: str
    cause: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentLost(Input):
    """The agent's endpoint vanished in the middle of the talk and did not come back in time."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomerGone(Input):
    """CHANNEL_HANGUP_COMPLETE of the customer's leg, or proof that it is no more."""

    cause: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class HoldAsked(Input):
    """The agent wants the customer on hold, or back."""

    hold: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class HangupAsked(Input):
    """Somebody with the right to wants the call ended, as seen from the agent's leg `leg_id`."""

    by: int
    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferAsked(Input):
    """The agent on the leg `leg_id` hands the customer over (DSK-3); the target was checked, places were taken."""

    leg_id: str
    to: TransferTarget


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsultAsked(Input):
    """The agent on `leg_id` wants to ask somebody first: who is claimed, or places for the number are taken."""

    leg_id: str
    to: TransferTarget
    offer: Offer | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsultCancelAsked(Input):
    """The agent on `leg_id` wants the customer back."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class JoinAsked(Input):
    """The agent on `leg_id` wants customer and the one who was asked in one talk."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferCompleteAsked(Input):
    """The agent on `leg_id` connects the customer with whom they asked."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentParked(Input):
    """CHANNEL_PARK of the agent's leg of a talk."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutsideAnswered(Input):
    """CHANNEL_ANSWER of a leg the switch made from another one: a transfer to a number, or somebody who is asked."""

    leg_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TakenOver(Input):
    """A supervisor takes the customer over from the agent on `from_leg` (SUP-6); the supervisor's leg is there."""

    offer: Offer
    """The supervisor's, answered."""
    from_leg: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class MoveAsked(Input):
    """A supervisor puts a waiting call into a queue, or before the others (SUP-9)."""

    queue_id: int
    order: int = 0
    """Its place there; 0: the old one in its own queue, the last one in another."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EndAsked(Input):
    """The operator ends all calls of the call's company."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parked(Input):
    """CHANNEL_PARK of the customer's leg while we already know the call: a bridge or an application was left."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BridgeMissing(Input):
    """Proof that customer and agent live but are not bridged, though they should be (after a restart of ours)."""
