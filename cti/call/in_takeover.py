"""A supervisor's hand on a call: taking the customer over from an agent, moving a call that waits. Pure.

Taking over never leaves the customer alone: the supervisor's leg is answered before, and only then do the two change
places. Should that leg be lost in the same moment, the customer's outlives the end of the agent's, and they wait again
as after any agent who is lost.
"""

from __future__ import annotations

import dataclasses

import msgspec

from cti.call import effects as fx
from cti.call import in_consult, in_queue, in_talk, in_transfer, inputs, steps
from cti.call.model import Call, Phase, TransferKind, TransferTarget
from cti.call.world import World

TAKEN_OVER = "TAKEN_OVER"
"""Cause of the end of an agent's talk that somebody took over."""
NO_LIMIT = 1_000_000
"""A call that is moved was let in before; it is not turned away now."""


def take_over(call: Call, event: inputs.TakenOver, world: World) -> list[fx.Effect]:
    """The customer talks with the supervisor from now on; the agent is free."""
    offer, new = steps.current_offer(call), event.offer
    if (
        offer is None
        or not call.agent_leg
        or call.agent_leg != event.from_leg
        or call.talk_over
        or call.consult
    ):
        return late(call, event, world)
    # The agent's part is over, as after a transfer to somebody who is there; what follows the talk stays to be done.
    to = TransferTarget(kind=TransferKind.AGENT, id=new.agent_id, extension_id=new.extension_id)
    in_transfer.note(call, to, event.at_ms, attended=True)
    in_transfer.reached(call, event.at_ms)
    # Before the new offer is there: it is the old one's talk that ends.
    asked = in_consult.drop(call, event.at_ms)
    freed = in_talk.end_talk(call, offer, TAKEN_OVER, world, event.at_ms, why="taken_over")
    # A held customer hears music, which has to end; unholding does both.
    bridge = fx.UnholdCustomer(leg_id=new.leg_id) if call.held else fx.Bridge(leg_id=new.leg_id, keep=True)
    call.phase, call.held, call.apart, call.step = Phase.CONNECTING, False, False, None
    taken = msgspec.structs.replace(new, offered_ms=event.at_ms, answered_ms=event.at_ms)
    call.offers = [*call.offers[-in_queue.MAX_OFFERS :], taken]
    call.agent_id, call.agent_leg, call.extension_id = new.agent_id, new.leg_id, new.extension_id
    return [
        *asked,
        *steps.drop_timer(call, in_talk.APART_TIMER),
        steps.set_timer(call, in_queue.OFFER_TIMER, event.at_ms + in_queue.OFFER_GRACE_MS),
        *freed,
        bridge,
        fx.KillLeg(leg_id=offer.leg_id, cause="NORMAL_CLEARING"),
    ]


def late(call: Call, event: inputs.TakenOver, world: World) -> list[fx.Effect]:
    """The talk ended or changed meanwhile: the supervisor is let go, nothing else happens."""
    offer = event.offer
    return [fx.WithdrawOffer(leg_id=offer.leg_id, agent_id=offer.agent_id, token=offer.token)]


def move(call: Call, event: inputs.MoveAsked, world: World) -> list[fx.Effect]:
    """Put a waiting call into another queue, or before the others; with an `order` it gets that place."""
    queue = world.queue(event.queue_id)
    if queue is None or queue.tenant_id != call.tenant_id:
        return [fx.TooLate()]
    leave = fx.LeaveQueue(queue_id=call.queue_id)
    if event.queue_id == call.queue_id:
        call.queue_order = event.order or call.queue_order
        return [leave, _let_in(in_queue.stand(call, queue))]
    stop = steps.stop_playing(call, event.at_ms) if call.step is not None else []
    entered = in_queue.enter(call, event.queue_id, world, event.at_ms)
    call.queue_order = event.order
    stands = [
        _let_in(in_queue.stand(call, queue)) if isinstance(effect, fx.Enqueue) else effect
        for effect in entered
    ]
    return [leave, *stop, *stands]


def _let_in(effect: fx.Enqueue) -> fx.Enqueue:
    return dataclasses.replace(effect, max_waiting=NO_LIMIT, staffed=False)
