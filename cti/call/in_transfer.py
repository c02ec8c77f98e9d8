"""An agent hands the customer over without asking first (DSK-3): to an agent, a queue, a flow, an outside number. Pure.

The agent is freed at once; the customer's leg parks and goes on to the target. A target that is not reached loses
nobody: the customer is offered to the agent who transferred, if that one is free, else waits in the queue they came
from, at their old place, else hears an apology (CTI-C6 keeps all of it on the record).
"""

from __future__ import annotations

import msgspec

from cti.call import effects as fx
from cti.call import in_flow, in_queue, in_talk, inputs, steps
from cti.call.model import Call, EndedIn, Phase, Transfer, TransferKind, TransferResult, TransferTarget
from cti.call.world import World

MAX_TRANSFERS = 20
"""Transfers a call remembers: its state must fit on the leg."""
FORWARD = "forward"
"""What the step of a leg to an outside number is."""
RING_S = 45
"""How long an outside number may ring before the customer comes back."""
RING_TIMER = "ring"
BACK_AGENT, BACK_QUEUE, BACK_END = "agent", "queue", "end"
MUSIC = ("music", "background", "hold")
"""Steps that have no end of their own."""


def asked(call: Call, event: inputs.TransferAsked, world: World) -> list[fx.Effect]:
    """Part the two; the customer goes on when their leg has parked."""
    offer = steps.current_offer(call)
    if offer is None or not call.agent_leg or event.leg_id != call.agent_leg or call.consult is not None:
        return late(call, event, world)
    parked = call.held or call.apart
    begin(call, event.to, event.at_ms, attended=False)
    call.agent_leg, call.held, call.apart, call.talk_over = "", False, False, False
    result = [
        *steps.drop_timer(call, in_talk.APART_TIMER),
        fx.DetachCustomer(),
        *in_talk.end_talk(call, offer, "NORMAL_CLEARING", world, event.at_ms, why="transferred"),
        fx.KillLeg(leg_id=offer.leg_id, cause="NORMAL_CLEARING"),
    ]
    return result + go_on(call, world, event.at_ms) if parked else result


def late(call: Call, event: inputs.TransferAsked, world: World) -> list[fx.Effect]:
    """The talk ended while the agent pressed the button: what was taken for the target is given back."""
    return [fx.TooLate(), *leave_places(event.to)]


def begin(call: Call, to: TransferTarget, now_ms: int, *, attended: bool) -> None:
    """Begin a transfer; what a flow or a queue wanted after this talk means nothing any more."""
    note(call, to, now_ms, attended=attended)
    call.run, call.after_failure, call.after_talk = None, "", ""


def note(call: Call, to: TransferTarget, now_ms: int, *, attended: bool) -> None:
    """Note that this talk's part of the call ends here, and to whom the customer goes."""
    transfer = Transfer(
        to=to,
        at_ms=now_ms,
        attended=attended,
        from_agent=call.agent_id,
        from_extension=call.extension_id,
        from_queue=call.queue_id,
        from_order=call.queue_order,
        from_entered_ms=call.queue_entered_ms,
        talk_ms=call.talk_started_ms,
    )
    call.transfers = [*call.transfers[1 - MAX_TRANSFERS :], transfer]


def go_on(call: Call, world: World, now_ms: int) -> list[fx.Effect]:
    """The customer's leg has parked: on to the target."""
    transfer = call.transfer
    if transfer is None:
        return in_queue.wait_again(call, world, now_ms)
    stop = stop_music(call, now_ms)
    target = transfer.to
    match target.kind:
        case TransferKind.QUEUE:
            return [*stop, *in_queue.enter(call, target.id, world, now_ms)]
        case TransferKind.AGENT:
            return [*stop, *_ring(call, target.extension_id, target.id, world, now_ms)]
        case TransferKind.FLOW:
            reached(call, now_ms)
            return [*stop, *in_flow.enter(call, target.id, world, now_ms)]
    return [*stop, *_forward(call, target, world, now_ms)]


def stop_music(call: Call, now_ms: int) -> list[fx.Effect]:
    """Break what plays without an end, so that what follows is heard."""
    if call.step is None or call.step.what not in MUSIC:
        return []
    stop = steps.stop_playing(call, now_ms)
    call.step = None
    return stop


def reached(call: Call, now_ms: int) -> None:
    """The customer is where the transfer led, or back with who transferred."""
    transfer = call.transfer
    if transfer is not None:
        failed_before = transfer.result is TransferResult.FAILED
        _change(call, result=transfer.result if failed_before else TransferResult.DONE, ended_ms=now_ms)


def over(call: Call, now_ms: int) -> list[fx.Effect]:
    """The customer's leg is gone: nothing is under way any more."""
    transfer = call.transfer
    if transfer is None:
        return []
    _change(call, result=TransferResult.CALLER_GONE, ended_ms=now_ms)
    return leave_places(transfer.to)


def failed(call: Call, reason: str, world: World, now_ms: int) -> list[fx.Effect]:
    """The target was not reached, or the agent it came from neither: the next one who may have the customer."""
    transfer = call.transfer
    assert transfer is not None
    stop = stop_music(call, now_ms)
    if transfer.result is TransferResult.PENDING:
        _change(call, result=TransferResult.FAILED, reason=reason, back=BACK_AGENT)
        ring = _ring(call, transfer.from_extension, transfer.from_agent, world, now_ms)
        return [*stop, *leave_places(transfer.to), *ring]
    queue = world.queue(transfer.from_queue) if transfer.from_queue else None
    if queue is None:
        _change(call, back=BACK_END, ended_ms=now_ms)
        return [*stop, *in_queue.farewell(call, "unavailable", EndedIn.TRANSFERRED, reason, now_ms)]
    _change(call, back=BACK_QUEUE, ended_ms=now_ms)
    call.queue_id, call.queue_order = transfer.from_queue, transfer.from_order
    return [*stop, *in_queue.wait_again(call, world, now_ms)]


def leave_places(target: TransferTarget) -> list[fx.Effect]:
    """Give back what was taken for a leg to an outside number."""
    return [fx.LeavePlaces(leg_id=target.outside.leg_id)] if target.outside is not None else []


def _ring(call: Call, extension_id: int, agent_id: int, world: World, now_ms: int) -> list[fx.Effect]:
    call.queue_id, call.agent_id = 0, 0
    return in_queue.offer_extension(call, extension_id, (), world, now_ms, agent_id)


def _change(call: Call, **changes: object) -> None:
    call.transfers = [*call.transfers[:-1], msgspec.structs.replace(call.transfers[-1], **changes)]


# --- an outside number --------------------------------------------------------------------------------------------


def _forward(call: Call, target: TransferTarget, world: World, now_ms: int) -> list[fx.Effect]:
    """The customer's leg runs the switch's own bridge: ringing is heard, and a hang-up of either side ends both."""
    assert target.outside is not None
    call.phase, call.queue_id, call.agent_id, call.extension_id = Phase.FORWARDING, 0, 0, 0
    step_id = steps.begin_step(call, FORWARD, now_ms)
    return [
        steps.set_timer(call, RING_TIMER, now_ms + RING_S * 1000 + in_queue.OFFER_GRACE_MS),
        fx.Forward(step_id=step_id, outside=target.outside, ring_s=RING_S),
    ]


def outside_answered(call: Call, event: inputs.OutsideAnswered, world: World) -> list[fx.Effect]:
    """The outside number answered: the two talk, and the switch looks after them."""
    transfer = call.transfer
    if transfer is None or transfer.to.outside is None or transfer.to.outside.leg_id != event.leg_id:
        return []
    call.phase, call.step = Phase.FORWARDED, None
    reached(call, event.at_ms)
    return steps.drop_timer(call, RING_TIMER)


def step_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """The bridge ended without an answer, or was refused."""
    if call.step is None or event.step_id != call.step.id:
        return []
    call.step = None
    return _not_reached(call, event.cause or "NORMAL_UNSPECIFIED", world, event.at_ms)


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """The switch did not give up by itself: its leg is ended, which ends the step."""
    transfer = call.transfer
    if event.name != RING_TIMER or transfer is None or transfer.to.outside is None:
        return []
    return [fx.KillLeg(leg_id=transfer.to.outside.leg_id, cause="NO_ANSWER")]


def outside_gone(call: Call, event: inputs.AgentGone, world: World) -> list[fx.Effect]:
    """The outside number hung up; the switch ends the customer's leg with it."""
    outside = call.transfers[-1].to.outside if call.transfers else None
    if outside is None or outside.leg_id != event.leg_id:
        return []
    call.phase, call.ended_in = Phase.LEAVING, EndedIn.TRANSFERRED
    return [
        fx.LeavePlaces(leg_id=outside.leg_id),
        steps.set_timer(call, in_talk.LEAVING_TIMER, event.at_ms + in_talk.LEAVING_MS),
    ]


def customer_gone(call: Call, event: inputs.CustomerGone, world: World) -> list[fx.Effect]:
    """The customer hung up on the outside number, or before it answered."""
    call.ended_in = EndedIn.TRANSFERRED
    outside = call.transfers[-1].to.outside if call.transfers else None
    if outside is None:
        return []
    # The switch ends it with the customer's; told too, none can stay behind.
    return [
        fx.KillLeg(leg_id=outside.leg_id, cause="NORMAL_CLEARING"),
        fx.LeavePlaces(leg_id=outside.leg_id),
    ]


def end_asked(call: Call, event: inputs.EndAsked, world: World) -> list[fx.Effect]:
    """The operator ends the company's calls: the end of the customer's leg ends both."""
    call.ended_detail = in_talk.COMPANY_STOPPED
    return [fx.HangupCustomer(cause="MANAGER_REQUEST")]


def _not_reached(call: Call, cause: str, world: World, now_ms: int) -> list[fx.Effect]:
    dropped = steps.drop_timer(call, RING_TIMER)
    call.phase = Phase.WAITING
    return [*dropped, *failed(call, cause, world, now_ms)]
