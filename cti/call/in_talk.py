"""A call with an agent: connecting, talking, holding, losing the agent, ending. Pure."""

from __future__ import annotations

from cti.call import effects as fx
from cti.call import in_queue, inputs, steps
from cti.call.model import Call, EndedIn, Offer, OfferResult, Phase
from cti.call.world import World

LEAVING_TIMER = "leaving"
LEAVING_MS = 3_000
"""How long the switch gets to end the customer's leg by itself before it is told to."""


def bridged(call: Call, event: inputs.Bridged, world: World) -> list[fx.Effect]:
    """The two hear each other."""
    offer = steps.current_offer(call)
    if offer is None or event.leg_id != call.agent_leg:
        return []
    first = call.phase is Phase.CONNECTING
    call.phase, call.step = Phase.TALKING, None
    result = steps.drop_timer(call, in_queue.OFFER_TIMER)
    if not first:
        return result
    call.talk_started_ms = event.at_ms
    queue = world.queue(offer.queue_id)
    record = queue is None or queue.record
    result.append(fx.AgentTalks(agent_id=offer.agent_id, token=offer.token))
    if record:
        result.append(steps.open_segment(call, event.at_ms))
    talking = steps.tell_agent(
        call,
        offer,
        "call.talking",
        started_ms=event.at_ms,
        caller=call.caller,
        queue=queue.name if queue else "",
        recording=record,
    )
    return [*result, talking]


def agent_gone(call: Call, event: inputs.AgentGone, world: World) -> list[fx.Effect]:
    """The agent's leg ended. Before the bridge the caller waits again; in a talk the call is over."""
    offer = steps.current_offer(call)
    if offer is None or event.leg_id != offer.leg_id:
        return []
    if call.phase is Phase.CONNECTING:
        call.agent_id, call.agent_leg = 0, ""
        lost = inputs.OfferFailed(
            at_ms=event.at_ms, leg_id=event.leg_id, result=OfferResult.LOST, cause=event.cause
        )
        return in_queue.offer_failed(call, lost, world)
    result = _end_talk(call, offer, event.cause, world, event.at_ms)
    call.phase, call.ended_in = Phase.LEAVING, EndedIn.AGENT
    if call.held:
        return [*result, fx.HangupCustomer(cause="NORMAL_CLEARING")]
    return [*result, steps.set_timer(call, LEAVING_TIMER, event.at_ms + LEAVING_MS)]


def agent_lost(call: Call, event: inputs.AgentLost, world: World) -> list[fx.Effect]:
    """The agent's browser or phone vanished: the customer is kept and will wait again once the leg has parked."""
    offer = steps.current_offer(call)
    if offer is None or event.leg_id != offer.leg_id:
        return []
    steps.change_offer(call, offer.leg_id, ended_ms=event.at_ms, cause="AGENT_LOST")
    call.agent_leg = ""
    held, call.held = call.held, False
    result = [
        fx.DetachCustomer(),
        *steps.close_segment(call, event.at_ms),
        fx.KillLeg(leg_id=offer.leg_id, cause="DESTINATION_OUT_OF_ORDER"),
        fx.AgentFreed(agent_id=offer.agent_id, token=offer.token, unreachable=True),
        steps.tell_agent(call, offer, "call.over", why="lost", cause="AGENT_LOST"),
    ]
    if held:
        result += in_queue.wait_again(call, world, event.at_ms)
    return result


def parked(call: Call, event: inputs.Parked, world: World) -> list[fx.Effect]:
    """The customer's leg fell out of the bridge."""
    if call.held:
        return [_hold_music(call, in_queue.HOLD_MUSIC, event.at_ms)]
    if not call.agent_leg:
        return in_queue.wait_again(call, world, event.at_ms)
    return [fx.Bridge(leg_id=call.agent_leg)]


def bridge_missing(call: Call, event: inputs.BridgeMissing, world: World) -> list[fx.Effect]:
    """The legs are apart and nobody wanted that."""
    return [] if call.held or not call.agent_leg else [fx.Bridge(leg_id=call.agent_leg)]


def step_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """Hold music ended by itself: its file is missing, so a tone replaces it."""
    if not call.held or call.step is None or event.step_id != call.step.id:
        return []
    return [_hold_music(call, in_queue.MUSIC_FALLBACK, event.at_ms)]


def hold(call: Call, event: inputs.HoldAsked, world: World) -> list[fx.Effect]:
    """Put the customer on hold, or take them back."""
    offer = steps.current_offer(call)
    if offer is None or event.hold == call.held:
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
        fx.KillLeg(leg_id=offer.leg_id, cause="NORMAL_CLEARING"),
        *_end_talk(call, offer, event.cause, world, event.at_ms),
    ]


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """The switch did not end the customer's leg by itself."""
    return [fx.HangupCustomer(cause="NORMAL_CLEARING")] if event.name == LEAVING_TIMER else []


def _hold_music(call: Call, name: str, now_ms: int) -> fx.PlayMusic:
    return fx.PlayMusic(step_id=steps.begin_step(call, "hold", now_ms), name=name)


def _end_talk(call: Call, offer: Offer, cause: str, world: World, now_ms: int) -> list[fx.Effect]:
    steps.change_offer(call, offer.leg_id, ended_ms=now_ms, cause=cause)
    queue = world.queue(offer.queue_id)
    return [
        *steps.close_segment(call, now_ms),
        fx.AgentFreed(agent_id=offer.agent_id, token=offer.token, wrap_up_s=queue.wrap_up_s if queue else 0),
        steps.tell_agent(call, offer, "call.over", why="ended", cause=cause),
    ]
