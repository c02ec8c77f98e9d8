"""The call's state machine: one table from (phase, input) to what is done. Pure.

``advance(call, input, world)`` changes the call given (one greenlet owns it) and returns the effects in the order the
edge must carry them out. A pair that is not in the table raises :class:`UnexpectedInputError`; ignoring is a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.documents import DestinationKind
from cti.call import effects as fx
from cti.call import (
    holds,
    in_conference,
    in_consult,
    in_dial,
    in_flow,
    in_outside,
    in_queue,
    in_stop,
    in_takeover,
    in_talk,
    in_transfer,
    in_waiting,
    inputs,
    steps,
)
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
    held = holds.running(call)
    if isinstance(event, inputs.TimerDue) and steps.is_stop_timer(event.name):
        result = steps.stop_again(call, event.name, event.at_ms)
    else:
        ended = steps.playing_ended(call, event.step_id) if isinstance(event, inputs.StepDone) else []
        result = [*ended, *handler(call, event, world)]
    if holds.running(call) != held:
        holds.change(call, event.at_ms)
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


def _reject_offer(call: Call, event: inputs.HangupAsked, world: World) -> list[fx.Effect]:
    """Decline: ends the offer, never the caller's call; a late one meets another offer and means nothing."""
    if steps.open_offer(call, event.leg_id) is None:
        return []
    return [fx.KillLeg(leg_id=event.leg_id, cause="CALL_REJECTED")]


def _late_match(call: Call, event: inputs.Matched, world: World) -> list[fx.Effect]:
    """The match came when the call had left the queue."""
    return in_queue.late_offers(event.offer, *event.others)


def _late_offer(call: Call, event: inputs.OfferAdded, world: World) -> list[fx.Effect]:
    """Nobody is rung for this call any more, or all are no longer."""
    return in_queue.late_offers(event.offer)


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


def _lost_while_connecting(call: Call, event: inputs.AgentLost, world: World) -> list[fx.Effect]:
    if event.leg_id != call.agent_leg:
        return []
    return in_queue.give_up_connecting(call, "DESTINATION_OUT_OF_ORDER", world, event.at_ms)


def _late_route(call: Call, event: inputs.RouteGiven, world: World) -> list[fx.Effect]:
    call.tenant_id = event.tenant.tenant_id
    return [fx.LeaveRoute(route_id=event.route.id)]


def _keep_key(call: Call, event: inputs.KeyPressed, world: World) -> list[fx.Effect]:
    call.keys = (call.keys + event.digit)[-64:]
    return []


def _end(before: Handler | None) -> Handler:
    def handler(call: Call, event: inputs.CustomerGone, world: World) -> list[fx.Effect]:
        if call.phase is Phase.FLOW:
            call.ended_in = EndedIn.VOICEMAIL if call.left_message else EndedIn.FLOW
        result = before(call, event, world) if before else []
        result += in_transfer.over(call, event.at_ms)
        call.phase, call.cause, call.ended_ms = Phase.ENDED, event.cause, event.at_ms
        call.ended_in = call.ended_in or EndedIn.ROUTE
        call.step = None
        result += [*steps.close_segment(call, event.at_ms), *steps.drop_all_timers(call)]
        if call.route_id and not call.refusal:
            result.append(fx.LeaveRoute(route_id=call.route_id))
        if call.outbound:
            result.append(fx.LeaveTrunk(trunk_id=call.trunk_id))
        return [*result, fx.Finished()]

    return handler


def ignore(call: Call, event: inputs.Input, world: World) -> list[fx.Effect]:
    """A row that says: this may come here, and means nothing."""
    return []


def too_late(call: Call, event: inputs.Input, world: World) -> list[fx.Effect]:
    """A row that says: whoever asked for this did so before they could know how the call stands now."""
    return [fx.TooLate()]


P = Phase
TABLE: dict[tuple[Phase, type[inputs.Input]], Handler] = {
    (P.ARRIVED, inputs.Arrived): _arrived,
    (P.ARRIVED, inputs.RouteGiven): _route_given,
    (P.ARRIVED, inputs.RouteRefused): _route_refused,
    (P.ARRIVED, inputs.KeyPressed): _keep_key,
    (P.ARRIVED, inputs.CustomerGone): _end(None),
    (P.ARRIVED, inputs.DialAsked): in_dial.dial_asked,
    (P.CALLING, inputs.AgentAnswered): in_dial.agent_answered,
    (P.CALLING, inputs.AgentGone): in_dial.agent_gone,
    (P.CALLING, inputs.AgentLost): in_dial.agent_lost,
    (P.CALLING, inputs.TimerDue): in_dial.timer_due,
    (P.CALLING, inputs.HangupAsked): in_dial.hangup_asked,
    (P.CALLING, inputs.EndAsked): in_stop.dialling,
    (P.CALLING, inputs.CustomerGone): in_dial.customer_gone,
    (P.DIALLING, inputs.CustomerAnswered): in_talk.customer_answered,
    (P.DIALLING, inputs.TimerDue): in_dial.timer_due,
    (P.DIALLING, inputs.StepDone): in_dial.step_done,
    (P.DIALLING, inputs.AgentGone): in_dial.agent_gone,
    (P.DIALLING, inputs.AgentLost): in_dial.agent_lost,
    (P.DIALLING, inputs.HangupAsked): in_dial.hangup_asked,
    (P.DIALLING, inputs.EndAsked): in_stop.dialling,
    (P.DIALLING, inputs.CustomerGone): in_dial.customer_gone,
    (P.FAILED, inputs.StepDone): in_dial.step_done,
    (P.FAILED, inputs.AgentGone): in_dial.agent_gone,
    (P.FAILED, inputs.AgentLost): in_dial.agent_lost,
    (P.FAILED, inputs.TimerDue): in_dial.timer_due,
    (P.FAILED, inputs.HangupAsked): in_dial.hangup_asked,
    (P.FAILED, inputs.EndAsked): in_stop.dialling,
    (P.FAILED, inputs.CustomerGone): in_dial.customer_gone,
    (P.FLOW, inputs.StepDone): in_flow.step_done,
    (P.FLOW, inputs.KeyPressed): in_flow.key_pressed,
    (P.FLOW, inputs.TimerDue): in_flow.timer_due,
    (P.FLOW, inputs.RequestAnswered): in_flow.answered,
    (P.FLOW, inputs.EndAsked): in_stop.in_menu,
    (P.FLOW, inputs.CustomerGone): _end(None),
    (P.WAITING, inputs.Queued): in_queue.queued,
    (P.WAITING, inputs.QueueRefused): in_queue.refused,
    (P.WAITING, inputs.Matched): in_queue.matched,
    (P.WAITING, inputs.MatchRefused): in_queue.match_refused,
    (P.WAITING, inputs.WayOut): in_outside.forwarded,
    (P.WAITING, inputs.StepDone): in_queue.step_done,
    (P.WAITING, inputs.KeyPressed): in_waiting.key_pressed,
    (P.WAITING, inputs.TimerDue): in_queue.timer_due,
    (P.WAITING, inputs.EndAsked): in_stop.on_the_way,
    (P.WAITING, inputs.CustomerGone): _end(in_queue.customer_gone),
    (P.OFFERING, inputs.Queued): in_queue.queued,
    (P.OFFERING, inputs.AgentAnswered): in_queue.agent_answered,
    (P.OFFERING, inputs.OfferAdded): in_queue.joined,
    (P.OFFERING, inputs.OfferFailed): in_queue.offer_failed,
    (P.OFFERING, inputs.AgentGone): _offer_leg_ended,
    (P.OFFERING, inputs.StepDone): in_queue.step_done,
    (P.OFFERING, inputs.KeyPressed): _keep_key,
    (P.OFFERING, inputs.TimerDue): in_queue.timer_due,
    (P.OFFERING, inputs.HangupAsked): _reject_offer,
    (P.OFFERING, inputs.AgentLost): _lost_while_ringing,
    (P.OFFERING, inputs.EndAsked): in_stop.on_the_way,
    (P.OFFERING, inputs.CustomerGone): _end(in_queue.customer_gone),
    (P.CONNECTING, inputs.Bridged): in_talk.bridged,
    (P.CONNECTING, inputs.StepDone): in_waiting.greeted,
    (P.CONNECTING, inputs.BridgeMissing): in_talk.bridge_missing,
    (P.CONNECTING, inputs.AgentGone): in_talk.agent_gone,
    (P.CONNECTING, inputs.OfferFailed): in_queue.offer_failed,
    (P.CONNECTING, inputs.AgentLost): _lost_while_connecting,
    (P.CONNECTING, inputs.TimerDue): in_queue.timer_due,
    (P.CONNECTING, inputs.KeyPressed): _keep_key,
    (P.CONNECTING, inputs.HangupAsked): in_talk.hangup_asked,
    (P.CONNECTING, inputs.EndAsked): in_stop.connecting,
    (P.CONNECTING, inputs.CustomerGone): _end(in_talk.customer_gone),
    (P.TALKING, inputs.Bridged): in_talk.bridged,
    (P.TALKING, inputs.StepDone): in_talk.step_done,
    (P.TALKING, inputs.BridgeMissing): in_talk.bridge_missing,
    (P.TALKING, inputs.AgentGone): in_talk.agent_gone,
    (P.TALKING, inputs.AgentLost): in_talk.agent_lost,
    (P.TALKING, inputs.Parked): in_talk.parked,
    (P.TALKING, inputs.HoldAsked): in_talk.hold,
    (P.TALKING, inputs.TimerDue): in_talk.overdue,
    (P.TALKING, inputs.HangupAsked): in_talk.hangup_asked,
    (P.TALKING, inputs.EndAsked): in_stop.talking,
    (P.TALKING, inputs.CustomerGone): _end(in_talk.customer_gone),
    (P.TALKING, inputs.TransferAsked): in_transfer.asked,
    (P.TALKING, inputs.ConsultAsked): in_consult.asked,
    (P.TALKING, inputs.ConsultCancelAsked): in_consult.cancel_asked,
    (P.TALKING, inputs.TransferCompleteAsked): in_consult.complete_asked,
    (P.TALKING, inputs.JoinAsked): in_conference.asked,
    (P.TALKING, inputs.AgentParked): in_consult.agent_parked,
    (P.TALKING, inputs.OutsideAnswered): in_consult.answered,
    (P.TALKING, inputs.TakenOver): in_takeover.take_over,
    (P.WAITING, inputs.MoveAsked): in_takeover.move,
    (P.FORWARDING, inputs.StepDone): in_transfer.step_done,
    (P.FORWARDING, inputs.OutsideAnswered): in_transfer.outside_answered,
    (P.FORWARDING, inputs.TimerDue): in_transfer.timer_due,
    (P.FORWARDING, inputs.EndAsked): in_transfer.end_asked,
    (P.FORWARDING, inputs.CustomerGone): _end(in_transfer.customer_gone),
    (P.FORWARDED, inputs.AgentGone): in_transfer.outside_gone,
    (P.FORWARDED, inputs.EndAsked): in_transfer.end_asked,
    (P.FORWARDED, inputs.CustomerGone): _end(in_transfer.customer_gone),
    (P.OUTSIDE, inputs.WayOut): in_outside.way_out,
    (P.OUTSIDE, inputs.NoWayOut): in_outside.no_way_out,
    (P.OUTSIDE, inputs.Bridged): in_outside.bridged,
    (P.OUTSIDE, inputs.StepDone): in_outside.step_done,
    (P.OUTSIDE, inputs.KeyPressed): _keep_key,
    (P.OUTSIDE, inputs.AgentGone): in_outside.leg_gone,
    (P.OUTSIDE, inputs.Parked): in_outside.parked,
    (P.OUTSIDE, inputs.TimerDue): in_outside.timer_due,
    (P.OUTSIDE, inputs.EndAsked): in_outside.end_asked,
    (P.OUTSIDE, inputs.CustomerGone): _end(in_outside.customer_gone),
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
    inputs.CustomerAnswered,
    inputs.AgentGone,
    inputs.AgentLost,
    inputs.OfferFailed,
    inputs.Queued,
    inputs.QueueRefused,
    inputs.MatchRefused,
    inputs.HangupAsked,
    inputs.EndAsked,
    inputs.KeyPressed,
    inputs.RequestAnswered,
    inputs.OutsideAnswered,
    inputs.AgentParked,
)
"""What may come after the phase that asked for it: where no row above says otherwise, it means nothing any more. To end
what is over is done: nobody is refused for it.
"""
REFUSED = (
    inputs.HoldAsked,
    inputs.ConsultCancelAsked,
    inputs.TransferCompleteAsked,
    inputs.JoinAsked,
    inputs.MoveAsked,
)
"""What somebody asks for by a command: where no row above does it, they are told that it came too late."""

for _phase in set(P) - {P.WAITING}:
    TABLE[(_phase, inputs.Matched)] = _late_match
for _phase in set(P) - {P.OFFERING}:
    TABLE[(_phase, inputs.OfferAdded)] = _late_offer
for _phase in (P.ARRIVED, P.FLOW, P.WAITING, P.OUTSIDE, P.FORWARDING, P.FORWARDED, P.LEAVING, P.ENDED):
    TABLE[(_phase, inputs.AgentAnswered)] = _late_answer
for _phase in (P.CONNECTING, P.TALKING, P.DIALLING, P.FAILED):
    TABLE[(_phase, inputs.AgentAnswered)] = _second_answer
for _phase in set(P) - {P.TALKING}:
    TABLE[(_phase, inputs.TransferAsked)] = in_transfer.late
    TABLE[(_phase, inputs.ConsultAsked)] = in_consult.refused
    TABLE[(_phase, inputs.TakenOver)] = in_takeover.late
TABLE[(P.LEAVING, inputs.RouteRefused)] = ignore
for _phase in set(P) - {P.ARRIVED}:
    for _command in REFUSED:
        TABLE.setdefault((_phase, _command), too_late)
for _phase in set(P) - {P.ARRIVED, P.ENDED}:
    for _type in LATE:
        TABLE.setdefault((_phase, _type), ignore)
for _type in (inputs.StepDone, inputs.Parked, inputs.TimerDue, inputs.HangupAsked):
    TABLE[(P.ARRIVED, _type)] = ignore
for _phase in (P.LEAVING, P.ENDED):
    TABLE[(_phase, inputs.RouteGiven)] = _late_route
for _type in vars(inputs).values():
    if isinstance(_type, type) and issubclass(_type, inputs.Input) and _type is not inputs.Input:
        TABLE.setdefault((P.ENDED, _type), ignore)
