"""An agent asks somebody before handing the customer over (DSK-3). Pure.

The customer is on hold as ever. The agent's leg runs the switch's own bridge to the one who is asked: ringing is
heard, an answer connects, an end leads back into its park, also while no controller lives. Then the agent takes the
customer back, asks somebody else, or connects the two and is free.
"""

from __future__ import annotations

import msgspec

from cti.call import effects as fx
from cti.call import in_conference, in_queue, in_talk, in_transfer, inputs, steps
from cti.call.model import Call, Consult, ConsultState, Offer, OfferResult, Phase, TransferKind
from cti.call.outcome import offer_result
from cti.call.world import World

RING_S = 45
"""How long whoever is asked may ring."""
TIMER = "consult"
OVER_MS = 1_500
"""How long the end of the agent's bridge is awaited after the end of who was asked."""


def asked(call: Call, event: inputs.ConsultAsked, world: World) -> list[fx.Effect]:
    """Hold the customer, then call; at once when they hear music already."""
    offer = steps.current_offer(call)
    if offer is None or event.leg_id != call.agent_leg or call.consult is not None or call.apart:
        return refused(call, event, world)
    outside = event.to.outside
    leg_id = event.offer.leg_id if event.offer is not None else outside.leg_id if outside is not None else ""
    call.consult = Consult(to=event.to, leg_id=leg_id, offer=event.offer, at_ms=event.at_ms)
    due_ms = event.at_ms + RING_S * 1000 + in_queue.OFFER_GRACE_MS
    result: list[fx.Effect] = [steps.set_timer(call, TIMER, due_ms)]
    if event.offer is not None:
        result.append(_offered(call, world, due_ms))
    if call.held:
        return [*result, *_dial(call, world)]
    call.held, call.step = True, None
    held = steps.tell_agent(call, offer, "call.held", held=True)
    return [*result, fx.HoldCustomer(leg_id=offer.leg_id), held, tell(call, world)]


def refused(call: Call, event: inputs.ConsultAsked, world: World) -> list[fx.Effect]:
    """The talk is over, or somebody is asked already: what was taken is given back."""
    freed: list[fx.Effect] = [fx.TooLate()]
    if event.offer is not None:
        freed.append(fx.AgentFreed(agent_id=event.offer.agent_id, token=event.offer.token))
    return [*freed, *in_transfer.leave_places(event.to)]


def agent_parked(call: Call, event: inputs.AgentParked, world: World) -> list[fx.Effect]:
    """The agent's leg waits alone: now it may call."""
    consult = call.consult
    if consult is None or consult.state is not ConsultState.PARTING or event.leg_id != call.agent_leg:
        return []
    return _dial(call, world)


def answered(call: Call, event: inputs.OutsideAnswered, world: World) -> list[fx.Effect]:
    """Agent and the one who was asked talk; the customer hears music."""
    consult = call.consult
    if consult is None or event.leg_id != consult.leg_id or consult.state is not ConsultState.DIALLING:
        return []
    consult.state, consult.answered_ms = ConsultState.TALKING, event.at_ms
    result = [*steps.drop_timer(call, TIMER), tell(call, world)]
    if consult.offer is None:
        return result
    consult.offer.result, consult.offer.answered_ms = OfferResult.ANSWERED, event.at_ms
    talks = fx.AgentTalks(agent_id=consult.offer.agent_id, token=consult.offer.token)
    return [*result, talks, _talking(call, world, event.at_ms)]


def leg_gone(call: Call, event: inputs.AgentGone, world: World) -> list[fx.Effect]:
    """Who was asked hung up, or was not reached; the agent's bridge is about to end."""
    consult = call.consult
    assert consult is not None
    freed = _let_go(call, event.cause, event.at_ms)
    in_conference.over(call, event.at_ms)
    consult.state = ConsultState.OVER
    if consult.parted:
        return [*freed, *_finish(call, event.cause, world, event.at_ms)]
    return [*freed, steps.set_timer(call, TIMER, event.at_ms + OVER_MS)]


def bridge_over(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """The agent's leg is back in its park, or gone."""
    if in_conference.is_on(call):
        return in_conference.bridge_over(call, event, world)
    return _finish(call, event.cause or "NORMAL_CLEARING", world, event.at_ms)


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """It rang too long and the switch did not give up, or an end was never told."""
    consult = call.consult
    if consult is None or event.name != TIMER:
        return []
    if consult.state is ConsultState.OVER:
        return _finish(call, consult.cause or "NORMAL_CLEARING", world, event.at_ms)
    consult.state = ConsultState.OVER
    consult.cause = "NORMAL_CLEARING" if consult.answered_ms else "NO_ANSWER"
    return [
        fx.KillLeg(leg_id=consult.leg_id, cause=consult.cause),
        steps.set_timer(call, TIMER, event.at_ms + OVER_MS),
    ]


def cancel_asked(call: Call, event: inputs.ConsultCancelAsked, world: World) -> list[fx.Effect]:
    """End it, and take the customer back as soon as the agent's leg is free."""
    consult = call.consult
    if consult is None or event.leg_id != call.agent_leg:
        return [fx.TooLate()]
    consult.back = True
    if consult.state is ConsultState.PARTING:
        return _finish(call, "ORIGINATOR_CANCEL", world, event.at_ms)
    consult.state = ConsultState.OVER
    return [
        fx.KillLeg(
            leg_id=consult.leg_id, cause="NORMAL_CLEARING" if consult.answered_ms else "ORIGINATOR_CANCEL"
        ),
        steps.set_timer(call, TIMER, event.at_ms + OVER_MS),
    ]


def complete_asked(call: Call, event: inputs.TransferCompleteAsked, world: World) -> list[fx.Effect]:
    """Connect the customer with who was asked; the agent is free."""
    consult, offer = call.consult, steps.current_offer(call)
    if consult is None or offer is None or event.leg_id != call.agent_leg:
        return [fx.TooLate()]
    if consult.state is ConsultState.CONFERENCE:
        return in_conference.leave(call)
    if consult.state is not ConsultState.TALKING:
        return [fx.TooLate()]
    handed = hand_over(call, consult, offer, "NORMAL_CLEARING", world, event.at_ms)
    let_go = fx.KillLeg(leg_id=offer.leg_id, cause="NORMAL_CLEARING")
    return [*handed, fx.UnholdCustomer(leg_id=consult.leg_id), let_go]


def hand_over(
    call: Call, consult: Consult, offer: Offer, cause: str, world: World, now_ms: int
) -> list[fx.Effect]:
    """The customer is with who was asked from now on: the agent of `offer` is free."""
    in_transfer.begin(call, consult.to, now_ms, attended=True)
    ended = in_talk.end_talk(call, offer, cause, world, now_ms, why="transferred")
    over = tell(call, world, state="over", cause="", leg_id=offer.leg_id, agent_id=offer.agent_id)
    dropped = steps.drop_timer(call, TIMER)
    call.held, call.step, call.consult = False, None, None
    call.agent_id, call.agent_leg, call.queue_id = 0, "", 0
    if consult.offer is None:
        call.phase, call.extension_id = Phase.FORWARDED, 0
        in_transfer.reached(call, now_ms)
        return [*ended, over, *dropped]
    call.phase = Phase.CONNECTING
    # To the customer's story they come with the transfer; before that the two agents talked (CTI-C6).
    handed = msgspec.structs.replace(consult.offer, offered_ms=now_ms, answered_ms=now_ms)
    call.offers = [*call.offers[-in_queue.MAX_OFFERS :], handed]
    call.agent_id, call.agent_leg = consult.offer.agent_id, consult.leg_id
    call.extension_id = consult.offer.extension_id
    timer = steps.set_timer(call, in_queue.OFFER_TIMER, now_ms + in_queue.OFFER_GRACE_MS)
    return [*ended, over, *dropped, timer]


def drop(call: Call, now_ms: int) -> list[fx.Effect]:
    """The customer or the agent is gone: nobody is asked any more."""
    consult = call.consult
    if consult is None:
        return []
    freed = _let_go(call, "ORIGINATOR_CANCEL", now_ms)
    in_conference.over(call, now_ms)
    call.consult = None
    return [
        *steps.drop_timer(call, TIMER),
        fx.KillLeg(leg_id=consult.leg_id, cause="NORMAL_CLEARING"),
        *freed,
    ]


def _dial(call: Call, world: World) -> list[fx.Effect]:
    consult = call.consult
    assert consult is not None
    consult.state, consult.step_id = ConsultState.DIALLING, steps.next_id(call)
    return [fx.Ask(leg_id=call.agent_leg, consult=consult, ring_s=RING_S), tell(call, world)]


def _finish(call: Call, cause: str, world: World, now_ms: int) -> list[fx.Effect]:
    consult, offer = call.consult, steps.current_offer(call)
    assert consult is not None
    result = [*steps.drop_timer(call, TIMER), *_let_go(call, cause, now_ms)]
    result.append(tell(call, world, state="over", cause="" if consult.joined_ms else consult.cause))
    in_conference.over(call, now_ms)
    call.consult = None
    if consult.joined_ms and offer is not None:
        return [*result, fx.Bridge(leg_id=offer.leg_id)]
    if consult.back and offer is not None:
        call.held, call.step = False, None
        result += [
            fx.UnholdCustomer(leg_id=offer.leg_id),
            steps.tell_agent(call, offer, "call.held", held=False),
        ]
    return result


def _let_go(call: Call, cause: str, now_ms: int) -> list[fx.Effect]:
    """Free who was asked, once."""
    consult = call.consult
    if consult is None or consult.let_go:
        return []
    consult.let_go, consult.cause = True, consult.cause or cause
    result = in_transfer.leave_places(consult.to)
    offer = consult.offer
    if offer is None:
        return result
    failed = OfferResult.ANSWERED if offer.answered_ms else offer_result(consult.cause)
    offer.result, offer.ended_ms, offer.cause = failed, now_ms, consult.cause
    missed = failed in (OfferResult.NO_ANSWER, OfferResult.REJECTED)
    freed = fx.AgentFreed(
        agent_id=offer.agent_id,
        token=offer.token,
        missed=missed,
        unreachable=failed is OfferResult.UNREACHABLE,
    )
    why = "missed" if missed else "ended" if offer.answered_ms else "caller_gone"
    return [*result, freed, steps.tell_agent(call, offer, "call.over", why=why, cause=consult.cause)]


# --- what the screens are told --------------------------------------------------------------------------------------


def tell(
    call: Call, world: World, *, state: str = "", cause: str = "", leg_id: str = "", agent_id: int = 0
) -> fx.Publish:
    """Make the live event of how far asking somebody is, for the agent who asks."""
    consult = call.consult
    assert consult is not None
    account_id = agent_id or call.agent_id
    shown = {ConsultState.PARTING: "dialling"}.get(consult.state, consult.state.value)
    return fx.Publish(
        audience=(f"agent:{account_id}", "admin"),
        type="call.consulting",
        data={
            "call_id": call.id,
            "leg_id": leg_id or call.agent_leg,
            "account_id": account_id,
            "state": state or shown,
            "to": shown_target(consult, world),
            "cause": cause,
        },
    )


def shown_target(consult: Consult, world: World) -> dict[str, str | int]:
    """Return whom the agent asks as events tell it; a telephone number has a field of its own, which may be masked."""
    to = consult.to
    account = None if to.kind is TransferKind.NUMBER else world.account(to.id)
    return {
        "kind": to.kind.value,
        "id": to.id,
        "name": account.name if account is not None else "",
        "number": to.outside.number if to.outside is not None else "",
    }


def _offered(call: Call, world: World, deadline_ms: int) -> fx.Publish:
    assert call.consult is not None
    assert call.consult.offer is not None
    return steps.tell_agent(
        call,
        call.consult.offer,
        "call.offered",
        queue_id=0,
        queue="",
        direction=call.direction,
        own=False,
        caller=call.caller,
        called=call.called,
        route=call.route_code,
        path=[],
        waited_ms=0,
        missed=0,
        deadline_ms=deadline_ms,
        auto_answer=False,
        endpoint=call.consult.offer.endpoint,
        asked_by=_asking(call, world),
    )


def _talking(call: Call, world: World, now_ms: int) -> fx.Publish:
    assert call.consult is not None
    assert call.consult.offer is not None
    return steps.tell_agent(
        call,
        call.consult.offer,
        "call.talking",
        started_ms=now_ms,
        direction=call.direction,
        caller=call.caller,
        called=call.called,
        queue="",
        recording=False,
        asked_by=_asking(call, world),
    )


def _asking(call: Call, world: World) -> str:
    account = world.account(call.agent_id)
    return account.name if account is not None else ""
