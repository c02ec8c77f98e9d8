"""Customer, agent and the one who was asked in one talk (DSK-3). Pure.

The customer's leg takes part in the agent's talk by itself (the switch's ``eavesdrop``, heard by both), so the three
talk on while no controller lives. Who leaves decides what follows: the agent, and the two who stay are connected by
the switch, which completes the transfer; the one who was asked, and the agent has the customer; the customer, and the
consultation is over for all, as ever.
"""

from __future__ import annotations

import msgspec

from cti.call import effects as fx
from cti.call import in_consult, in_talk, inputs, steps
from cti.call.model import Call, Conference, ConsultState, Phase
from cti.call.world import World

MAX_CONFERENCES = 20
"""Three-way talks a call remembers: its state must fit on the leg."""


def asked(call: Call, event: inputs.JoinAsked, world: World) -> list[fx.Effect]:
    """Bring the customer in, once the one who is asked has answered."""
    consult, offer = call.consult, steps.current_offer(call)
    if consult is None or offer is None or event.leg_id != call.agent_leg:
        return [fx.TooLate()]
    if consult.state is not ConsultState.TALKING:
        return [fx.TooLate()]
    consult.state, consult.joined_ms = ConsultState.CONFERENCE, event.at_ms
    call.held, call.step = False, None
    talk = Conference(to=consult.to, agent_id=call.agent_id, at_ms=event.at_ms)
    call.conferences = [*call.conferences[1 - MAX_CONFERENCES :], talk]
    told = [steps.tell_agent(call, consult.offer, "call.joined")] if consult.offer is not None else []
    return [
        fx.JoinCustomer(leg_id=offer.leg_id, other=consult.leg_id),
        steps.tell_agent(call, offer, "call.held", held=False),
        in_consult.tell(call, world),
        *told,
    ]


def is_on(call: Call) -> bool:
    """Return whether the three talk."""
    return call.consult is not None and call.consult.state is ConsultState.CONFERENCE


def customer_joined(call: Call) -> bool:
    """Return whether the customer's leg takes part in the agent's talk, though it may be about to be over."""
    return call.consult is not None and call.consult.joined_ms > 0


def leave(call: Call, cause: str = "NORMAL_CLEARING") -> list[fx.Effect]:
    """The agent leaves: the end of their leg is all the switch has to be told."""
    return [fx.KillLeg(leg_id=call.agent_leg, cause=cause)]


def agent_left(call: Call, cause: str, world: World, now_ms: int) -> list[fx.Effect]:
    """The agent's leg is gone; the switch connects the customer with who was asked."""
    consult, offer = call.consult, steps.current_offer(call)
    assert consult is not None
    assert offer is not None
    over(call, now_ms)
    handed = in_consult.hand_over(call, consult, offer, cause, world, now_ms)
    return [*handed, fx.EndsWithCustomer(leg_id=consult.leg_id)]


def connected(call: Call, event: inputs.Bridged, world: World) -> list[fx.Effect]:
    """The switch has connected the two who stay before the agent's end was told."""
    left = leave(call)
    left += agent_left(call, "NORMAL_CLEARING", world, event.at_ms)
    return [*left, *in_talk.bridged(call, event, world)] if call.phase is Phase.CONNECTING else left


def bridge_over(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """The agent's bridge ended: one of its two has left, and that leg's end is on its way."""
    assert call.consult is not None
    call.consult.parted = True
    return [steps.set_timer(call, in_consult.TIMER, event.at_ms + in_consult.OVER_MS)]


def over(call: Call, now_ms: int) -> None:
    """They are three no more."""
    if call.conferences and not call.conferences[-1].ended_ms:
        last = msgspec.structs.replace(call.conferences[-1], ended_ms=now_ms)
        call.conferences = [*call.conferences[:-1], last]
