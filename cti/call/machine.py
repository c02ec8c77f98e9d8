"""The call's state machine: one table from (phase, input) to what is done. Pure.

``advance(call, input, world)`` changes the call given (one greenlet owns it) and returns the effects in the order the
edge must carry them out. A pair that is not in the table raises :class:`UnexpectedInputError`; ignoring is a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.documents import DestinationKind
from cti.call import effects as fx
from cti.call import in_flow, in_queue, in_talk, inputs, steps
from cti.call.model import Call, EndedIn, Phase
from cti.call.outcome import offer_result
from cti.call.world import World

Handler = Callable[[Call, Any, World], list[fx.Effect]]


class UnexpectedInputError(Exception):
    """The input has no row for the call's phase: a bug of ours or a switch that surprises."""


def advance(call: Call, event: inputs.Input, world: World) -> list[fx.Effect]:
    """Take one input; return the effects. Raises :class:`UnexpectedInputError`."""
    handler = TABLE.get((call.phase, type(event)))
    if handler is None:
        raise UnexpectedInputError(f"{type(event).__name__} in phase {call.phase}")
    result = handler(call, event, world)
    call.rev += 1
    return result


def _arrived(call: Call, event: inputs.Arrived, world: World) -> list[fx.Effect]:
    call.caller, call.called, call.trunk_address = event.caller, event.called, event.trunk_address
    call.arrived_ms, call.demo = event.at_ms, event.demo
    return [fx.FindRoute()]


def _route_given(call: Call, event: inputs.RouteGiven, world: World) -> list[fx.Effect]:
    route = event.route
    call.tenant_id, call.language = event.tenant.tenant_id, event.tenant.language
    call.route_id, call.route_code, call.priority = route.id, route.code, event.priority
    match route.destination:
        case DestinationKind.FLOW:
            return in_flow.enter(call, route.destination_id, world, event.at_ms)
        case DestinationKind.QUEUE:
            return in_queue.enter(call, route.destination_id, world, event.at_ms)
        case DestinationKind.EXTENSION:
            return in_queue.offer_extension(call, route.destination_id, (), world, event.at_ms)
    raise UnexpectedInputError(f"destination {route.destination}")


def _route_refused(call: Call, event: inputs.RouteRefused, world: World) -> list[fx.Effect]:
    call.tenant_id, call.route_id, call.route_code = event.tenant_id, event.route_id, event.route_code
    call.refusal, call.ended_in = event.reason, EndedIn.ROUTE
    call.phase = Phase.LEAVING
    return [fx.HangupCustomer(cause=event.cause)]


def _hangup_asked(call: Call, event: inputs.HangupAsked, world: World) -> list[fx.Effect]:
    if event.leg_id != call.agent_leg:
        return []
    return [fx.HangupCustomer(cause="NORMAL_CLEARING")]


def _reject_offer(call: Call, event: inputs.HangupAsked, world: World) -> list[fx.Effect]:
    """Decline: ends the offer, never the caller's call; a late one meets another offer and means nothing."""
    offer = steps.current_offer(call)
    if offer is None or offer.leg_id != event.leg_id:
        return []
    return [fx.KillLeg(leg_id=offer.leg_id, cause="CALL_REJECTED")]


def _music_while_connecting(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """The bridge broke the music off: that it ended is noted, and only a bridge that fails starts it again."""
    if call.step is not None and event.step_id == call.step.id:
        call.step = None
    return []


def _late_match(call: Call, event: inputs.Matched, world: World) -> list[fx.Effect]:
    """The match came when the call had left the queue: nobody is rung for a caller who is gone."""
    offer = event.offer
    return [fx.WithdrawOffer(leg_id=offer.leg_id, agent_id=offer.agent_id, token=offer.token)]


def _late_answer(call: Call, event: inputs.AgentAnswered, world: World) -> list[fx.Effect]:
    return [fx.KillLeg(leg_id=event.leg_id, cause="LOSE_RACE")]


def _second_answer(call: Call, event: inputs.AgentAnswered, world: World) -> list[fx.Effect]:
    """The leg that won may be told of twice (its park, and a look at the switch); any other lost."""
    return [] if event.leg_id == call.agent_leg else _late_answer(call, event, world)


def _farewell_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    if call.step is None or event.step_id != call.step.id or call.step.what != "farewell":
        return []
    call.step = None
    return [fx.HangupCustomer(cause="NORMAL_CLEARING")]


def _offer_leg_ended(call: Call, event: inputs.AgentGone, world: World) -> list[fx.Effect]:
    failed = inputs.OfferFailed(
        at_ms=event.at_ms, leg_id=event.leg_id, result=offer_result(event.cause), cause=event.cause
    )
    return in_queue.offer_failed(call, failed, world)


def _lost_while_ringing(call: Call, event: inputs.AgentLost, world: World) -> list[fx.Effect]:
    return [fx.KillLeg(leg_id=event.leg_id, cause="DESTINATION_OUT_OF_ORDER")]


def _late_route(call: Call, event: inputs.RouteGiven, world: World) -> list[fx.Effect]:
    call.tenant_id = event.tenant.tenant_id
    return [fx.LeaveRoute(route_id=event.route.id)]


def _keep_key(call: Call, event: inputs.KeyPressed, world: World) -> list[fx.Effect]:
    call.keys = (call.keys + event.digit)[-64:]
    return []


def _end(before: Handler | None) -> Handler:
    def handler(call: Call, event: inputs.CustomerGone, world: World) -> list[fx.Effect]:
        if call.phase is Phase.FLOW:
            call.ended_in = EndedIn.FLOW
        result = before(call, event, world) if before else []
        call.phase, call.cause, call.ended_ms = Phase.ENDED, event.cause, event.at_ms
        call.ended_in = call.ended_in or EndedIn.ROUTE
        call.step = None
        result += [*steps.close_segment(call, event.at_ms), *steps.drop_all_timers(call)]
        if call.route_id and not call.refusal:
            result.append(fx.LeaveRoute(route_id=call.route_id))
        return [*result, fx.Finished()]

    return handler


def ignore(call: Call, event: inputs.Input, world: World) -> list[fx.Effect]:
    """A row that says: this may come here, and means nothing."""
    return []


P = Phase
TABLE: dict[tuple[Phase, type[inputs.Input]], Handler] = {
    (P.ARRIVED, inputs.Arrived): _arrived,
    (P.ARRIVED, inputs.RouteGiven): _route_given,
    (P.ARRIVED, inputs.RouteRefused): _route_refused,
    (P.ARRIVED, inputs.KeyPressed): _keep_key,
    (P.ARRIVED, inputs.CustomerGone): _end(None),
    (P.FLOW, inputs.StepDone): in_flow.step_done,
    (P.FLOW, inputs.KeyPressed): in_flow.key_pressed,
    (P.FLOW, inputs.TimerDue): in_flow.timer_due,
    (P.FLOW, inputs.CustomerGone): _end(None),
    (P.WAITING, inputs.Queued): in_queue.queued,
    (P.WAITING, inputs.QueueRefused): in_queue.refused,
    (P.WAITING, inputs.Matched): in_queue.matched,
    (P.WAITING, inputs.MatchRefused): in_queue.match_refused,
    (P.WAITING, inputs.StepDone): in_queue.step_done,
    (P.WAITING, inputs.KeyPressed): _keep_key,
    (P.WAITING, inputs.TimerDue): in_queue.timer_due,
    (P.WAITING, inputs.CustomerGone): _end(in_queue.customer_gone),
    (P.OFFERING, inputs.Queued): in_queue.queued,
    (P.OFFERING, inputs.AgentAnswered): in_queue.agent_answered,
    (P.OFFERING, inputs.OfferFailed): in_queue.offer_failed,
    (P.OFFERING, inputs.AgentGone): _offer_leg_ended,
    (P.OFFERING, inputs.StepDone): in_queue.step_done,
    (P.OFFERING, inputs.KeyPressed): _keep_key,
    (P.OFFERING, inputs.TimerDue): in_queue.timer_due,
    (P.OFFERING, inputs.HangupAsked): _reject_offer,
    (P.OFFERING, inputs.AgentLost): _lost_while_ringing,
    (P.OFFERING, inputs.CustomerGone): _end(in_queue.customer_gone),
    (P.CONNECTING, inputs.Bridged): in_talk.bridged,
    (P.CONNECTING, inputs.StepDone): _music_while_connecting,
    (P.CONNECTING, inputs.BridgeMissing): in_talk.bridge_missing,
    (P.CONNECTING, inputs.AgentGone): in_talk.agent_gone,
    (P.CONNECTING, inputs.OfferFailed): in_queue.offer_failed,
    (P.CONNECTING, inputs.AgentLost): _lost_while_ringing,
    (P.CONNECTING, inputs.TimerDue): in_queue.timer_due,
    (P.CONNECTING, inputs.KeyPressed): _keep_key,
    (P.CONNECTING, inputs.HangupAsked): _hangup_asked,
    (P.CONNECTING, inputs.CustomerGone): _end(in_talk.customer_gone),
    (P.TALKING, inputs.Bridged): in_talk.bridged,
    (P.TALKING, inputs.StepDone): in_talk.step_done,
    (P.TALKING, inputs.BridgeMissing): in_talk.bridge_missing,
    (P.TALKING, inputs.AgentGone): in_talk.agent_gone,
    (P.TALKING, inputs.AgentLost): in_talk.agent_lost,
    (P.TALKING, inputs.Parked): in_talk.parked,
    (P.TALKING, inputs.HoldAsked): in_talk.hold,
    (P.TALKING, inputs.HangupAsked): _hangup_asked,
    (P.TALKING, inputs.CustomerGone): _end(in_talk.customer_gone),
    (P.LEAVING, inputs.StepDone): _farewell_done,
    (P.LEAVING, inputs.TimerDue): in_talk.timer_due,
    (P.LEAVING, inputs.CustomerGone): _end(None),
}

LATE = (
    inputs.StepDone,
    inputs.Parked,
    inputs.TimerDue,
    inputs.Bridged,
    inputs.BridgeMissing,
    inputs.AgentGone,
    inputs.AgentLost,
    inputs.OfferFailed,
    inputs.Queued,
    inputs.QueueRefused,
    inputs.MatchRefused,
    inputs.HangupAsked,
    inputs.HoldAsked,
    inputs.KeyPressed,
)
"""What may come after the phase that asked for it: where no row above says otherwise, it means nothing any more."""

for _phase in (P.ARRIVED, P.FLOW, P.LEAVING, P.ENDED, P.OFFERING, P.CONNECTING, P.TALKING):
    TABLE[(_phase, inputs.Matched)] = _late_match
for _phase in (P.ARRIVED, P.FLOW, P.WAITING, P.LEAVING, P.ENDED):
    TABLE[(_phase, inputs.AgentAnswered)] = _late_answer
for _phase in (P.CONNECTING, P.TALKING):
    TABLE[(_phase, inputs.AgentAnswered)] = _second_answer
TABLE[(P.LEAVING, inputs.RouteRefused)] = ignore
for _phase in (P.FLOW, P.WAITING, P.OFFERING, P.CONNECTING, P.TALKING, P.LEAVING):
    for _type in LATE:
        TABLE.setdefault((_phase, _type), ignore)
for _type in (inputs.StepDone, inputs.Parked, inputs.TimerDue, inputs.HangupAsked):
    TABLE[(P.ARRIVED, _type)] = ignore
for _phase in (P.LEAVING, P.ENDED):
    TABLE[(_phase, inputs.RouteGiven)] = _late_route
for _type in vars(inputs).values():
    if isinstance(_type, type) and issubclass(_type, inputs.Input) and _type is not inputs.Input:
        TABLE.setdefault((P.ENDED, _type), ignore)
