"""A call with an agent: connecting, talking, holding, losing the agent, ending. Pure."""

from __future__ import annotations

from cti.call import effects as fx
from cti.call import in_conference, in_consult, in_flow, in_queue, in_transfer, inputs, steps
from cti.call.model import Call, EndedIn, Offer, OfferResult, Phase
from cti.call.world import World

COMPANY_STOPPED = "company-stopped"
"""Where a call ended, in one word more: the operator ended its company's calls."""
LEAVING_TIMER = "leaving"
LEAVING_MS = 3_000
"""How long the switch gets to end the customer's leg, or to park it, by itself."""
APART_TIMER = "apart"
APART_MS = 1_000
"""How long after the customer's leg left a talk the agent's end is awaited before the two are connected again."""


def bridged(call: Call, event: inputs.Bridged, world: World) -> list[fx.Effect]:
    """The two hear each other."""
    if in_conference.is_on(call):
        asked = call.consult is not None and event.leg_id == call.consult.leg_id
        return in_conference.connected(call, event, world) if asked else []
    offer = steps.current_offer(call)
    if offer is None or event.leg_id != call.agent_leg:
        return []
    first, talked = call.phase is Phase.CONNECTING, bool(call.talk_started_ms)
    call.phase, call.step, call.apart = Phase.TALKING, None, False
    result = [*steps.drop_timer(call, in_queue.OFFER_TIMER), *steps.drop_timer(call, APART_TIMER)]
    if call.held:
        # Hold was asked for between a called party's answer and the switch's bridge, which undid it.
        return [*result, fx.HoldCustomer(leg_id=event.leg_id)]
    if not first:
        return result
    kept = [fx.EndsWithTalk()] if talked else []
    return [*result, *kept, *_begin_talk(call, offer, world, event.at_ms)]


def customer_answered(call: Call, event: inputs.CustomerAnswered, world: World) -> list[fx.Effect]:
    """The called party answered; the switch has bridged the two, or does so now."""
    offer = steps.current_offer(call)
    if offer is None:
        return []
    call.phase, call.step, call.answered_ms = Phase.TALKING, None, event.at_ms
    return [*steps.drop_all_timers(call), *_begin_talk(call, offer, world, event.at_ms)]


def _begin_talk(call: Call, offer: Offer, world: World, now_ms: int) -> list[fx.Effect]:
    call.talk_started_ms, call.talk_ended_ms = now_ms, 0
    in_transfer.reached(call, now_ms)
    # What a queue does not record is not recorded after a transfer out of it either.
    came_from = call.transfers[-1].from_queue if call.transfers else 0
    queue = world.queue(offer.queue_id or came_from)
    record = (queue is None or queue.record) and not call.refuses_recording
    talking = steps.tell_agent(
        call,
        offer,
        "call.talking",
        started_ms=now_ms,
        direction=call.direction,
        caller=call.caller,
        called=call.called,
        queue=queue.name if queue and offer.queue_id else "",
        recording=record,
    )
    talks = fx.AgentTalks(agent_id=offer.agent_id, token=offer.token)
    return [talks, *([steps.open_segment(call, now_ms)] if record else []), talking]


def agent_gone(call: Call, event: inputs.AgentGone, world: World) -> list[fx.Effect]:
    """The agent's leg ended. Before the bridge the caller waits again; in a talk the call is over, or the flow has
    something to ask.
    """
    if call.consult is not None and event.leg_id == call.consult.leg_id:
        return in_consult.leg_gone(call, event, world)
    offer = steps.current_offer(call)
    if offer is None or event.leg_id != offer.leg_id:
        return []
    if call.phase is Phase.CONNECTING:
        call.agent_id, call.agent_leg = 0, ""
        lost = inputs.OfferFailed(
            at_ms=event.at_ms, leg_id=event.leg_id, result=OfferResult.LOST, cause=event.cause
        )
        return in_queue.offer_failed(call, lost, world)
    if in_conference.is_on(call):
        return in_conference.agent_left(call, event.cause, world, event.at_ms)
    dropped = in_consult.drop(call, event.at_ms)
    result = [*dropped, *end_talk(call, offer, event.cause, world, event.at_ms)]
    if call.after_talk and call.run is not None:
        return [*result, *_back_to_flow(call, world, event.at_ms)]
    call.phase, call.ended_in = Phase.LEAVING, EndedIn.AGENT
    if call.held:
        return [*result, fx.HangupCustomer(cause="NORMAL_CLEARING")]
    return [*result, steps.set_timer(call, LEAVING_TIMER, event.at_ms + LEAVING_MS)]


def _back_to_flow(call: Call, world: World, now_ms: int) -> list[fx.Effect]:
    """The flow goes on with the caller (CTI-I13): at once if they hear hold music or their leg parked already."""
    held, call.held, call.agent_leg = call.held, False, ""
    if held:
        stop = steps.stop_playing(call, now_ms)
        call.step = None
        return [*stop, *_go_on(call, world, now_ms)]
    if call.apart:
        return _go_on(call, world, now_ms)
    call.talk_over = True
    return [steps.set_timer(call, LEAVING_TIMER, now_ms + LEAVING_MS)]


def _go_on(call: Call, world: World, now_ms: int) -> list[fx.Effect]:
    call.talk_over = call.apart = False
    dropped = [*steps.drop_timer(call, LEAVING_TIMER), *steps.drop_timer(call, APART_TIMER)]
    return [*dropped, *in_flow.talk_ended(call, world, now_ms)]


def agent_lost(call: Call, event: inputs.AgentLost, world: World) -> list[fx.Effect]:
    """The agent's browser or phone vanished: the customer is kept and will wait again once the leg has parked."""
    if call.consult is not None and event.leg_id == call.consult.leg_id:
        return [fx.KillLeg(leg_id=event.leg_id, cause="DESTINATION_OUT_OF_ORDER")]
    offer = steps.current_offer(call)
    if offer is None or event.leg_id != offer.leg_id:
        return []
    if in_conference.is_on(call):
        return in_conference.leave(call, "DESTINATION_OUT_OF_ORDER")
    detach = detached(call, offer)
    asked = in_consult.drop(call, event.at_ms)
    steps.change_offer(call, offer.leg_id, ended_ms=event.at_ms, cause="AGENT_LOST")
    call.agent_leg, call.talk_ended_ms = "", event.at_ms
    parked, call.held, call.apart = call.held or call.apart, False, False
    result = [
        *asked,
        *steps.drop_timer(call, APART_TIMER),
        detach,
        *steps.close_segment(call, event.at_ms),
        fx.KillLeg(leg_id=offer.leg_id, cause="DESTINATION_OUT_OF_ORDER"),
        fx.AgentFreed(agent_id=offer.agent_id, token=offer.token, unreachable=True),
        steps.tell_agent(call, offer, "call.over", why="lost", cause="AGENT_LOST"),
    ]
    if parked:
        # Waiting music would stand behind that of the hold, and be played over the next talk.
        result += in_transfer.stop_music(call, event.at_ms)
        result += in_queue.wait_again(call, world, event.at_ms)
    return result


def detached(call: Call, offer: Offer) -> fx.Effect:
    """Return what lets the customer's leg outlive the agent's: one that takes part in a talk is parked at once."""
    return (
        fx.HoldCustomer(leg_id=offer.leg_id) if in_conference.customer_joined(call) else fx.DetachCustomer()
    )


def parked(call: Call, event: inputs.Parked, world: World) -> list[fx.Effect]:
    """The customer's leg fell out of the bridge."""
    if in_conference.is_on(call):
        return []
    if call.held:
        return [_hold_music(call, in_queue.HOLD_MUSIC, event.at_ms)]
    if not call.agent_leg and call.ended_detail == COMPANY_STOPPED:
        return stopped(call, EndedIn.AGENT, event.at_ms)
    if call.talk_over:
        return _go_on(call, world, event.at_ms)
    if not call.agent_leg and call.transfer is not None:
        return in_transfer.go_on(call, world, event.at_ms)
    if not call.agent_leg:
        return in_queue.wait_again(call, world, event.at_ms)
    if call.after_talk:
        # Most likely the agent hung up, and the word of that is on its way.
        call.apart = True
        return [steps.set_timer(call, APART_TIMER, event.at_ms + APART_MS)]
    return [fx.Bridge(leg_id=call.agent_leg)]


def stopped(call: Call, where: EndedIn, now_ms: int) -> list[fx.Effect]:
    """Tell a customer that the number cannot be reached any more, and hang up."""
    return in_queue.farewell(call, "unavailable", where, COMPANY_STOPPED, now_ms)


def bridge_missing(call: Call, event: inputs.BridgeMissing, world: World) -> list[fx.Effect]:
    """The legs are apart and nobody wanted that."""
    if in_conference.is_on(call) or call.held or not call.agent_leg:
        return []
    return [fx.Bridge(leg_id=call.agent_leg)]


def step_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """Hold music ended by itself (no file: a tone replaces it), or the agent's bridge to whom they ask."""
    if call.consult is not None and call.consult.step_id and event.step_id == call.consult.step_id:
        return in_consult.bridge_over(call, event, world)
    if not call.held or call.step is None or event.step_id != call.step.id:
        return []
    return [_hold_music(call, in_queue.MUSIC_FALLBACK, event.at_ms)]


def hold(call: Call, event: inputs.HoldAsked, world: World) -> list[fx.Effect]:
    """Put the customer on hold, or take them back."""
    offer = steps.current_offer(call)
    if offer is None or call.consult is not None:
        return [fx.TooLate()]
    if event.hold == call.held:
        return []
    call.held, call.step = event.hold, None
    move = fx.HoldCustomer(leg_id=offer.leg_id) if event.hold else fx.UnholdCustomer(leg_id=offer.leg_id)
    return [move, steps.tell_agent(call, offer, "call.held", held=event.hold)]


def customer_gone(call: Call, event: inputs.CustomerGone, world: World) -> list[fx.Effect]:
    """The customer hung up, or was."""
    offer = steps.current_offer(call)
    if offer is None:
        call.ended_in = call.ended_in or EndedIn.AGENT
        return []
    call.ended_in = EndedIn.AGENT
    return [
        *in_consult.drop(call, event.at_ms),
        fx.KillLeg(leg_id=offer.leg_id, cause="NORMAL_CLEARING"),
        *end_talk(call, offer, event.cause, world, event.at_ms),
    ]


def overdue(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """In a talk that is over the switch did not park the customer's leg, or its word was lost; or they are apart and
    the agent's leg lives.
    """
    if event.name == in_consult.TIMER:
        return in_consult.timer_due(call, event, world)
    if event.name == LEAVING_TIMER and call.talk_over:
        return parked(call, inputs.Parked(at_ms=event.at_ms), world)
    if event.name == APART_TIMER and call.apart and call.agent_leg:
        call.apart = False
        return [fx.Bridge(leg_id=call.agent_leg)]
    return []


def hangup_asked(call: Call, event: inputs.HangupAsked, world: World) -> list[fx.Effect]:
    """The agent ends the talk: both are let go, or only the agent if the flow has something to ask the caller."""
    if call.consult is not None and event.leg_id == call.consult.leg_id:
        cause = "NORMAL_CLEARING" if call.consult.answered_ms else "CALL_REJECTED"
        return [fx.KillLeg(leg_id=event.leg_id, cause=cause)]
    if event.leg_id != call.agent_leg:
        return []
    if in_conference.is_on(call):
        return in_conference.leave(call)
    if call.after_talk and call.run is not None:
        return [fx.KillLeg(leg_id=call.agent_leg, cause="NORMAL_CLEARING")]
    return [fx.HangupCustomer(cause="NORMAL_CLEARING")]


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """The switch did not end the customer's leg by itself."""
    return [fx.HangupCustomer(cause="NORMAL_CLEARING")] if event.name == LEAVING_TIMER else []


def _hold_music(call: Call, name: str, now_ms: int) -> fx.PlayMusic:
    return fx.PlayMusic(step_id=steps.begin_step(call, "hold", now_ms), name=name)


def end_talk(
    call: Call, offer: Offer, cause: str, world: World, now_ms: int, *, why: str = "ended"
) -> list[fx.Effect]:
    """Close what the talk had open and let its agent go."""
    steps.change_offer(call, offer.leg_id, ended_ms=now_ms, cause=cause)
    call.talk_ended_ms = now_ms
    queue = world.queue(offer.queue_id)
    return [
        *steps.close_segment(call, now_ms),
        fx.AgentFreed(agent_id=offer.agent_id, token=offer.token, wrap_up_s=queue.wrap_up_s if queue else 0),
        steps.tell_agent(call, offer, "call.over", why=why, cause=cause),
    ]
