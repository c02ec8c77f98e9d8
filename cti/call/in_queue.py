"""A call on its way to an agent: transfer, waiting, offering, connecting, and what happens when nobody comes. Pure.

The rules: a call keeps its place (``queue_order``) however often an offer fails; the queue's time-out counts the
offers but never cuts one that is ringing (CTI-Q2); a failed transfer goes back to the flow's failure exit before the
queue's own ending (CTI-I7).
"""

from __future__ import annotations

from core.documents import OverflowKind, QueueDoc
from cti.call import effects as fx
from cti.call import in_flow, in_outside, in_transfer, in_waiting, inputs, ring_all, steps
from cti.call.model import Call, EndedIn, Offer, OfferResult, Phase
from cti.call.world import World
from ivr.messages import FailureReason, TargetKind, TransferTarget
from ivr.model import Prompt

QUEUE_TIMER = "queue"
OFFER_TIMER = "offer"
RETRY_TIMER = "retry"
OFFER_GRACE_MS = 3_000
"""How long after the ring time-out the offer is given up if the switch said nothing."""
CONNECT_MS = 20_000
"""How long after an agent's answer the two are taken to be connecting while the switch says nothing: one that has
fallen behind its commands is not helped by more of them. A leg that ended meanwhile is told, or found by the audit.
"""
RETRY_MS = 1_000
"""How long a call waits before it stands in the queue again when Redis could not be asked."""
MUSIC_FALLBACK = "tone"
HOLD_MUSIC = "default"
MAX_OFFERS = 50
"""Offers a call remembers: its state must fit on the leg."""
LATER = "later"
"""Reason of QueueRefused when Redis could not be asked."""

_REASONS = {OfferResult.NO_ANSWER: FailureReason.NO_ANSWER, OfferResult.REJECTED: FailureReason.BUSY}
_WORDS = {
    FailureReason.FULL: "queue-full",
    FailureReason.TIMEOUT: "nobody-available",
    FailureReason.NO_ANSWER: "nobody-available",
    FailureReason.BUSY: "nobody-available",
}


def transfer(
    call: Call,
    target: TransferTarget,
    background: tuple[Prompt, ...],
    world: World,
    now_ms: int,
    outside: int = 0,
) -> list[fx.Effect]:
    """Carry out a flow's transfer node; `outside`: see `ivr.messages.Transfer`."""
    kind, target_id = target.kind, target.id
    if kind is TargetKind.VALUE:
        kind, target_id = world.resolve(call.tenant_id, target.value)
    if kind is TargetKind.QUEUE:
        return enter(call, target_id, world, now_ms)
    if kind is TargetKind.EXTENSION:
        return offer_extension(call, target_id, background, world, now_ms)
    if outside and target.kind is TargetKind.VALUE:
        return in_outside.ask(call, target.value, background, outside, now_ms)
    return fail(call, FailureReason.NOT_FOUND, world, now_ms)


def enter(call: Call, queue_id: int, world: World, now_ms: int) -> list[fx.Effect]:
    """Stand in a queue: music, place, time-out. Another company's queue is none, whatever a flow or route says."""
    queue = world.queue(queue_id)
    if queue is None or queue.tenant_id != call.tenant_id:
        return fail(call, FailureReason.NOT_FOUND, world, now_ms)
    call.phase = Phase.WAITING
    call.queue_id, call.queue_entered_ms, call.queue_order = queue_id, now_ms, 0
    result: list[fx.Effect] = []
    if not call.answered_ms:
        result.append(fx.Answer(step_id=steps.begin_step(call, "answer", now_ms)))
        call.answered_ms = now_ms
    return [
        *result,
        _music(call, queue.music, now_ms),
        steps.set_timer(call, QUEUE_TIMER, now_ms + queue.timeout_s * 1000),
        *in_waiting.begin(call, queue, now_ms),
        stand(call, queue),
    ]


def offer_extension(
    call: Call,
    extension_id: int,
    background: tuple[Prompt, ...],
    world: World,
    now_ms: int,
    agent_id: int = 0,
) -> list[fx.Effect]:
    """Ring one extension directly (route or transfer to an extension); another company's is none. With an
    `agent_id` only that account is rung.
    """
    extension = world.extension(extension_id)
    if extension is None or extension.tenant_id != call.tenant_id:
        return fail(call, FailureReason.UNREACHABLE, world, now_ms)
    call.phase = Phase.WAITING
    call.queue_id, call.queue_entered_ms, call.extension_id = 0, now_ms, extension_id
    result: list[fx.Effect] = []
    if not call.answered_ms:
        result.append(fx.Answer(step_id=steps.begin_step(call, "answer", now_ms)))
        call.answered_ms = now_ms
    if extension.forward_when_offline and extension.bound_number and not agent_id:
        # The number's ringing may take the place of music, which only a break would end: first who is rung.
        asked = fx.OfferExtension(extension_id=extension_id, background=background)
        return [*result, asked]
    heard = _background(call, background, now_ms)
    return [*result, *heard, fx.OfferExtension(extension_id=extension_id, agent_id=agent_id)]


def _background(call: Call, background: tuple[Prompt, ...], now_ms: int) -> list[fx.Effect]:
    """Play what a caller hears while an extension rings."""
    if not background:
        return [_music(call, "ringback", now_ms)]
    step_id = steps.begin_step(call, "background", now_ms)
    return [fx.PlayBackground(step_id=step_id, prompts=background)]


def queued(call: Call, event: inputs.Queued, world: World) -> list[fx.Effect]:
    """The waiting set took the call; remember the place."""
    call.queue_order, call.queue_position = event.order, event.position
    in_transfer.reached(call, event.at_ms)
    return []


def refused(call: Call, event: inputs.QueueRefused, world: World) -> list[fx.Effect]:
    """The queue is full; or Redis is away, then try again shortly."""
    if event.reason == LATER:
        return [steps.set_timer(call, RETRY_TIMER, event.at_ms + RETRY_MS)]
    if event.reason == in_waiting.NOBODY:
        return in_waiting.nobody(call, world, event.at_ms)
    return fail(call, FailureReason(event.reason), world, event.at_ms)


def match_refused(call: Call, event: inputs.MatchRefused, world: World) -> list[fx.Effect]:
    """The extension could not be rung."""
    return fail(call, FailureReason(event.reason), world, event.at_ms)


def matched(call: Call, event: inputs.Matched, world: World) -> list[fx.Effect]:
    """An agent was claimed and is being rung, or several."""
    offer = event.offer
    call.phase = Phase.OFFERING
    heard = [] if event.background is None else _background(call, event.background, event.at_ms)
    # Picked up by hand, the call may have been stood in a queue again meanwhile: nobody else is offered it.
    leave = [fx.LeaveQueue(queue_id=call.queue_id)] if offer.why is None and call.queue_id else []
    rung = [effect for each in (offer, *event.others) for effect in _ring(call, each, world)]
    return [*leave, *heard, *rung, *([fx.ShowQueue(queue_id=offer.queue_id)] if offer.queue_id else [])]


def joined(call: Call, event: inputs.OfferAdded, world: World) -> list[fx.Effect]:
    """One more agent is being rung where all are; not if the call is no longer offered like that."""
    offer = event.offer
    if not ring_all.may_join(call, offer.queue_id, offer.agent_id):
        return late_offers(offer)
    return _ring(call, offer, world)


def late_offers(*offers: Offer) -> list[fx.Effect]:
    """An offer came when the call had no use for it any more: nobody is rung for a caller who is gone."""
    return [
        fx.WithdrawOffer(leg_id=offer.leg_id, agent_id=offer.agent_id, token=offer.token) for offer in offers
    ]


def _ring(call: Call, offer: Offer, world: World) -> list[fx.Effect]:
    """Note an offer that rings, and tell its agent. The timer is for the switch that says nothing: the last decides."""
    call.offers = [*call.offers[-MAX_OFFERS:], offer]
    queue = world.queue(offer.queue_id)
    ring_s = queue.ring_timeout_s if queue else 60
    deadline_ms = offer.offered_ms + ring_s * 1000
    data = {
        "queue_id": offer.queue_id,
        "queue": queue.name if queue else "",
        "direction": call.direction,
        "caller": call.caller,
        "called": call.called,
        "own": False,
        "route": call.route_code,
        "path": [step.name or step.node for step in call.path],
        "waited_ms": offer.offered_ms - call.queue_entered_ms,
        "missed": call.missed,
        "deadline_ms": deadline_ms,
        "auto_answer": bool(queue and queue.answers_by_itself),
        "endpoint": offer.endpoint,
    }
    return [
        steps.set_timer(call, OFFER_TIMER, deadline_ms + OFFER_GRACE_MS),
        steps.tell_agent(call, offer, "call.offered", **data),
    ]


def offer_failed(call: Call, event: inputs.OfferFailed, world: World) -> list[fx.Effect]:
    """An offer came to nothing: the agent is freed, and the caller goes back to the old place or out unless somebody
    else still rings.
    """
    offer = steps.open_offer(call, event.leg_id)
    if offer is None:
        return []
    steps.change_offer(call, offer.leg_id, result=event.result, ended_ms=event.at_ms, cause=event.cause)
    missed = event.result in (OfferResult.NO_ANSWER, OfferResult.REJECTED)
    call.missed += missed
    queue = world.queue(offer.queue_id)
    freed = [
        fx.AgentFreed(
            agent_id=offer.agent_id,
            token=offer.token,
            missed=missed,
            unreachable=event.result is OfferResult.UNREACHABLE,
            missed_limit=queue.missed_limit if queue else 0,
        ),
        steps.tell_agent(
            call, offer, "call.over", why="missed" if missed else event.result.value, cause=event.cause
        ),
    ]
    if steps.ringing(call):
        return freed
    dropped = [
        *steps.drop_timer(call, OFFER_TIMER),
        *steps.drop_timer(call, in_waiting.GREETING_TIMER),
    ]
    return [*dropped, *freed, *_go_on_waiting(call, event.result, world, event.at_ms)]


def agent_answered(call: Call, event: inputs.AgentAnswered, world: World) -> list[fx.Effect]:
    """The agent's leg won: connect the two. Whoever else rings for the call stops."""
    offer = steps.open_offer(call, event.leg_id)
    if offer is None:
        return [fx.KillLeg(leg_id=event.leg_id, cause=ring_all.ELSEWHERE_CAUSE)]
    call.phase = Phase.CONNECTING
    steps.change_offer(call, offer.leg_id, result=OfferResult.ANSWERED, answered_ms=event.at_ms)
    others = ring_all.answered(call, offer, event.at_ms)
    call.agent_id, call.agent_leg = offer.agent_id, offer.leg_id
    call.extension_id = offer.extension_id
    return [
        *steps.drop_timer(call, QUEUE_TIMER),
        *steps.drop_timer(call, OFFER_TIMER),
        *in_waiting.end(call),
        *([_served(call, offer)] if offer.queue_id else []),
        *(
            in_waiting.greet(call, offer, world, event.at_ms)
            or [
                steps.set_timer(call, OFFER_TIMER, event.at_ms + OFFER_GRACE_MS),
                fx.Bridge(leg_id=offer.leg_id),
            ]
        ),
        *others,
    ]


def _served(call: Call, offer: Offer) -> fx.QueueServed:
    return fx.QueueServed(queue_id=offer.queue_id, entered_ms=call.queue_entered_ms, agent_id=offer.agent_id)


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """Queue time-out, an offer the switch forgot, or another try to stand in the queue."""
    if event.name in (in_waiting.ANNOUNCE_TIMER, in_waiting.RELAX_TIMER):
        return in_waiting.timer_due(call, event, world.queue(call.queue_id) if call.queue_id else None)
    if event.name == in_waiting.GREETING_TIMER and call.phase is Phase.CONNECTING:
        return in_waiting.greeted(call, event, world)
    if event.name == QUEUE_TIMER and call.phase is Phase.WAITING:
        return [fx.LeaveQueue(queue_id=call.queue_id), *fail(call, FailureReason.TIMEOUT, world, event.at_ms)]
    if event.name == RETRY_TIMER and call.phase is Phase.WAITING:
        if not call.queue_id:
            return [fx.OfferExtension(extension_id=call.extension_id)]
        queue = world.queue(call.queue_id)
        return [stand(call, queue)] if queue else fail(call, FailureReason.NOT_FOUND, world, event.at_ms)
    if event.name == OFFER_TIMER and call.phase is Phase.OFFERING:
        ringing = steps.ringing(call)
        return [effect for each in ringing for effect in _give_up(call, each, world, event.at_ms)]
    if event.name == OFFER_TIMER and call.phase is Phase.CONNECTING:
        return _not_connected(call, world, event.at_ms)
    return []


def _give_up(call: Call, offer: Offer, world: World, now_ms: int) -> list[fx.Effect]:
    """The switch said nothing of an offer for too long."""
    cause = "NO_ANSWER"
    failed = inputs.OfferFailed(at_ms=now_ms, leg_id=offer.leg_id, result=OfferResult.NO_ANSWER, cause=cause)
    return [fx.KillLeg(leg_id=offer.leg_id, cause=cause), *offer_failed(call, failed, world)]


def _not_connected(call: Call, world: World, now_ms: int) -> list[fx.Effect]:
    """The agent answered, and the switch did not say that the two are connected. One that is late does what it was told
    in order: the bridge, then the end of the agent's leg, which must not be the end of the customer's.
    """
    offer = steps.current_offer(call)
    if offer is None:
        return []
    due_ms = offer.answered_ms + CONNECT_MS
    if now_ms < due_ms:
        return [steps.set_timer(call, OFFER_TIMER, due_ms)]
    return give_up_connecting(call, "NORMAL_TEMPORARY_FAILURE", world, now_ms)


def give_up_connecting(call: Call, cause: str, world: World, now_ms: int) -> list[fx.Effect]:
    """End the leg of the agent who is being connected; the customer waits again. The bridge may come about before that
    end, which must not be the end of the customer's leg.
    """
    offer = steps.current_offer(call)
    if offer is None:
        return []
    lost = inputs.OfferFailed(at_ms=now_ms, leg_id=offer.leg_id, result=OfferResult.LOST, cause=cause)
    call.agent_id, call.agent_leg = 0, ""
    ended = fx.KillLeg(leg_id=offer.leg_id, cause=cause)
    return [fx.DetachCustomer(), ended, *offer_failed(call, lost, world)]


def step_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """Waiting music never ends by itself; when it does, it is started again, or replaced when its file is missing."""
    if call.step is None or event.step_id != call.step.id:
        return []
    what, call.step = call.step.what, None
    if what == "answer":
        return []
    if call.phase not in (Phase.WAITING, Phase.OFFERING):
        return []
    queue = world.queue(call.queue_id)
    spoken = what in (in_waiting.ANNOUNCEMENT, steps.GREETING)
    name = queue.music if queue and (event.ok or spoken) else MUSIC_FALLBACK
    return [*in_waiting.step_done(call, what, queue, event.at_ms), _music(call, name, event.at_ms)]


def customer_gone(call: Call, event: inputs.CustomerGone, world: World) -> list[fx.Effect]:
    """The caller gave up while waiting or ringing."""
    result: list[fx.Effect] = []
    if call.phase is Phase.WAITING and call.queue_id:
        call.ended_in = EndedIn.QUEUE
        result.append(fx.LeaveQueue(queue_id=call.queue_id))
    gone = OfferResult.CALLER_GONE
    for offer in steps.ringing(call):
        call.ended_in = EndedIn.OFFER
        steps.change_offer(call, offer.leg_id, result=gone, ended_ms=event.at_ms, cause=event.cause)
        result += ring_all.withdrawn(call, offer, gone.value, event.cause, "ORIGINATOR_CANCEL")
    return result


def wait_again(call: Call, world: World, now_ms: int) -> list[fx.Effect]:
    """Put a customer who lost their agent back to the head of the queue's order, with music: where the agent had them
    by a transfer, of the queue they were transferred from.
    """
    if not call.queue_id:
        came_from = next((each for each in reversed(call.transfers) if each.from_queue), None)
        if came_from is not None:
            call.queue_id, call.queue_order = came_from.from_queue, came_from.from_order
    queue = world.queue(call.queue_id) if call.queue_id else None
    if queue is None:
        return farewell(call, "unavailable", EndedIn.AGENT, "agent-lost", now_ms)
    call.phase = Phase.WAITING
    call.agent_id, call.agent_leg = 0, ""
    call.queue_entered_ms = now_ms
    return [
        _music(call, queue.music, now_ms),
        steps.set_timer(call, QUEUE_TIMER, now_ms + queue.timeout_s * 1000),
        *in_waiting.begin(call, queue, now_ms),
        stand(call, queue),
    ]


def fail(call: Call, reason: FailureReason, world: World, now_ms: int) -> list[fx.Effect]:
    """A transfer came to nothing: the flow's failure exit, else the platform's own words and the end."""
    dropped: list[fx.Effect] = in_waiting.end(call)
    for name in (QUEUE_TIMER, OFFER_TIMER, RETRY_TIMER):
        dropped += steps.drop_timer(call, name)
    if call.transfer is not None:
        return [*dropped, *in_transfer.failed(call, reason.value, world, now_ms)]
    call.ended_detail = reason.value
    call.after_talk = ""
    if call.run is not None and call.after_failure:
        stop: list[fx.Effect] = []
        if call.step is not None and call.step.what in ("music", "background", in_waiting.ANNOUNCEMENT):
            stop = steps.stop_playing(call, now_ms)
            call.step = None
        return [*dropped, *stop, *in_flow.transfer_failed(call, reason, world, now_ms)]
    onward = in_waiting.overflow(call, reason, world, now_ms)
    if onward is not None:
        return [*dropped, *onward]
    where = EndedIn.QUEUE if call.queue_id else EndedIn.EXTENSION
    return [*dropped, *farewell(call, _WORDS.get(reason, "unavailable"), where, reason.value, now_ms)]


def farewell(call: Call, words: str, where: EndedIn, detail: str, now_ms: int) -> list[fx.Effect]:
    """Say one of the platform's own prompts and hang up: a caller never meets silence (CTI-I16)."""
    plays = call.step is not None and call.step.what != "answer"
    stop = steps.stop_playing(call, now_ms) if plays else []
    call.phase = Phase.LEAVING
    call.ended_in, call.ended_detail = where, detail
    answer: list[fx.Effect] = []
    if not call.answered_ms:
        answer = [fx.Answer(step_id=steps.begin_step(call, "answer", now_ms))]
        call.answered_ms = now_ms
    step_id = steps.begin_step(call, "farewell", now_ms)
    return [*stop, *answer, fx.PlaySystem(step_id=step_id, name=words)]


def _go_on_waiting(call: Call, result: OfferResult, world: World, now_ms: int) -> list[fx.Effect]:
    queue = world.queue(call.queue_id) if call.queue_id else None
    if queue is None:
        return fail(call, _REASONS.get(result, FailureReason.UNREACHABLE), world, now_ms)
    call.phase = Phase.WAITING
    if result is OfferResult.LOST and call.talk_started_ms > call.queue_entered_ms:
        # They have talked since they came to the queue: the wait begins anew.
        call.queue_entered_ms = now_ms
    if now_ms >= call.queue_entered_ms + queue.timeout_s * 1000:
        return fail(call, FailureReason.TIMEOUT, world, now_ms)
    music = [] if call.step is not None else [_music(call, queue.music, now_ms)]
    due_ms = call.queue_entered_ms + queue.timeout_s * 1000
    beside = in_waiting.begin(call, queue, now_ms)
    return [*music, steps.set_timer(call, QUEUE_TIMER, due_ms), *beside, stand(call, queue)]


def stand(call: Call, queue: QueueDoc) -> fx.Enqueue:
    """Stand in the waiting set, or go on standing there."""
    return fx.Enqueue(
        queue_id=queue.id,
        priority=call.priority,
        order=call.queue_order,
        max_waiting=queue.max_waiting,
        last_agent=queue.last_agent_first,
        staffed=queue.overflow_nobody.kind is not OverflowKind.NONE,
    )


def _music(call: Call, name: str, now_ms: int) -> fx.Effect:
    return in_waiting.music(call, name, now_ms)
