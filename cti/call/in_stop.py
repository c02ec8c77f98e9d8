"""The operator ends a company's calls (ACC-3): who hears us is told, who talks is parted, then each is let go. Pure."""

from __future__ import annotations

from cti.call import effects as fx
from cti.call import in_consult, in_queue, in_talk, inputs, steps
from cti.call.model import Call, EndedIn, Phase
from cti.call.world import World

CAUSE = "MANAGER_REQUEST"


def in_menu(call: Call, event: inputs.EndAsked, world: World) -> list[fx.Effect]:
    """The flow goes no further."""
    return [*steps.drop_all_timers(call), *in_talk.stopped(call, EndedIn.FLOW, event.at_ms)]


def on_the_way(call: Call, event: inputs.EndAsked, world: World) -> list[fx.Effect]:
    """The caller waits, or an agent is being rung for them: nobody is rung any more."""
    left = in_queue.customer_gone(call, inputs.CustomerGone(at_ms=event.at_ms, cause=CAUSE), world)
    where = call.ended_in or EndedIn.EXTENSION
    return [*steps.drop_all_timers(call), *left, *in_talk.stopped(call, where, event.at_ms)]


def connecting(call: Call, event: inputs.EndAsked, world: World) -> list[fx.Effect]:
    """Whether the two are bridged yet is not known: the end of the customer's leg ends both."""
    call.ended_detail = in_talk.COMPANY_STOPPED
    return [fx.HangupCustomer(cause=CAUSE)]


def talking(call: Call, event: inputs.EndAsked, world: World) -> list[fx.Effect]:
    """The agent is let go; the customer is told once their leg has parked."""
    call.ended_detail = in_talk.COMPANY_STOPPED
    offer = steps.current_offer(call)
    if offer is None:
        return []  # the agent is gone already and the customer's leg about to park
    detach = in_talk.detached(call, offer)
    asked = in_consult.drop(call, event.at_ms)
    parked, call.held, call.apart, call.agent_leg = call.held or call.apart, False, False, ""
    result = [
        *asked,
        *steps.drop_timer(call, in_talk.APART_TIMER),
        detach,
        *in_talk.end_talk(call, offer, CAUSE, world, event.at_ms),
        fx.KillLeg(leg_id=offer.leg_id, cause=CAUSE),
    ]
    return result + in_talk.stopped(call, EndedIn.AGENT, event.at_ms) if parked else result


def dialling(call: Call, event: inputs.EndAsked, world: World) -> list[fx.Effect]:
    """Nobody was reached: the end of the agent's own leg ends the dialling."""
    call.ended_detail = in_talk.COMPANY_STOPPED
    offer = call.offers[-1]
    if offer.ended_ms:
        return []
    # Told by its own name too, the called party's leg has the cause in its record.
    called = [fx.HangupCustomer(cause=CAUSE)] if call.phase is Phase.DIALLING else []
    return [*called, fx.KillLeg(leg_id=offer.leg_id, cause=CAUSE)]
