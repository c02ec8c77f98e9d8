"""What can happen to a call, as values.

The edge (`cti.controller`) makes them from the switch's events, timers and commands.
"""

from __future__ import annotations

import dataclasses

from core.documents import RouteDoc, TenantDoc
from cti.call.model import Offer, OfferResult


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
class StepDone(Input):
    """CHANNEL_EXECUTE_COMPLETE of the awaited application."""

    step_id: str
    ok: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyPressed(Input):
    """DTMF on the customer's leg."""

    digit: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimerDue(Input):
    """A timer of the call ran out."""

    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Queued(Input):
    """The call stands in the queue's waiting set with this order."""

    order: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueRefused(Input):
    """The queue took no more (``full``) or does not exist (``gone``)."""

    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Matched(Input):
    """An agent was claimed for this call; the originate was sent."""

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
class Parked(Input):
    """CHANNEL_PARK of the customer's leg while we already know the call: a bridge or an application was left."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BridgeMissing(Input):
    """Proof that customer and agent live but are not bridged, though they should be (after a restart of ours)."""
