"""A call on its way to an agent: transfer, waiting, offering, connecting, and what happens when nobody comes. Pure.

The rules: a call keeps its place (``queue_order``) however often an offer fails; the queue's time-out counts the
offers but never cuts one that is ringing (CTI-Q2); a failed transfer goes back to the flow's failure exit before the
queue's own ending (CTI-I7).
"""

from __future__ import annotations

from core.documents import QueueDoc
from cti.call import effects as fx
from cti.call import in_flow, inputs, steps
from cti.call.model import Call, EndedIn, OfferResult, Phase
from cti.call.world import World
from ivr.messages import FailureReason, TargetKind, TransferTarget
from ivr.model import Prompt

QUEUE_TIMER = "queue"
OFFER_TIMER = "offer"
RETRY_TIMER = "retry"
OFFER_GRACE_MS = 3_000
"""How long after the ring time-out the offer is given up if the switch said nothing."""
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
    call: Call, target: TransferTarget, background: tuple[Prompt, ...], world: World, now_ms: int
) -> list[fx.Effect]:
    """Carry out a flow's transfer node."""
    kind, target_id = target.kind, target.id
    if kind is TargetKind.VALUE:
        kind, target_id = world.resolve(call.tenant_id, target.value)
    if kind is TargetKind.QUEUE:
        return enter(call, target_id, world, now_ms)
    if kind is TargetKind.EXTENSION:
        return offer_extension(call, target_id, background, world, now_ms)
    return fail(call, FailureReason.NOT_FOUND, world, now_ms)


def enter(call: Call, queue_id: int, world: World, now_ms: int) -> list[fx.Effect]:
    """Stand in a queue: music, place, time-out."""
    queue = world.queue(queue_id)
    if queue is None:
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
        _enqueue(call, queue),
    ]


def offer_extension(
    call: Call, extension_id: int, background: tuple[Prompt, ...], world: World, now_ms: int
) -> list[fx.Effect]:
    """Ring one extension directly (route or transfer to an extension)."""
    if world.extension(extension_id) is None:
        return fail(call, FailureReason.UNREACHABLE, world, now_ms)
    call.phase = Phase.WAITING
    call.queue_id, call.queue_entered_ms, call.extension_id = 0, now_ms, extension_id
    result: list[fx.Effect] = []
    if not call.answered_ms:
        result.append(fx.Answer(step_id=steps.begin_step(call, "answer", now_ms)))
        call.answered_ms = now_ms
    if background:
        step_id = steps.begin_step(call, "background", now_ms)
        result.append(fx.PlayBackground(step_id=step_id, prompts=background))
    else:
        result.append(_music(call, "ringback", now_ms))
    return [*result, fx.OfferExtension(extension_id=extension_id)]


def queued(call: Call, event: inputs.Queued, world: World) -> list[fx.Effect]:
    """The waiting set took the call; remember the place."""
    call.queue_order = event.order
    return []


def refused(call: Call, event: inputs.QueueRefused, world: World) -> list[fx.Effect]:
    """The queue is full; or Redis is away, then try again shortly."""
    if event.reason == LATER:
        return [steps.set_timer(call, RETRY_TIMER, event.at_ms + RETRY_MS)]
    return fail(call, FailureReason(event.reason), world, event.at_ms)


def match_refused(call: Call, event: inputs.MatchRefused, world: World) -> list[fx.Effect]:
    """The extension could not be rung."""
    return fail(call, FailureReason(event.reason), world, event.at_ms)


def matched(call: Call, event: inputs.Matched, world: World) -> list[fx.Effect]:
    """An agent was claimed and is being rung."""
    offer = event.offer
    call.phase = Phase.OFFERING
    call.offers = [*call.offers[-MAX_OFFERS:], offer]
    queue = world.queue(offer.queue_id)
    ring_s = queue.ring_timeout_s if queue else 60
    deadline_ms = offer.offered_ms + ring_s * 1000
    data = {
        "queue_id": offer.queue_id,
        "queue": queue.name if queue else "",
        "caller": call.caller,
        "called": call.called,
        "path": [step.name or step.node for step in call.path],
        "waited_ms": offer.offered_ms - call.queue_entered_ms,
        "missed": call.missed,
        "deadline_ms": deadline_ms,
        "auto_answer": bool(queue and queue.auto_answer),
    }
    return [
        steps.set_timer(call, OFFER_TIMER, deadline_ms + OFFER_GRACE_MS),
        steps.tell_agent(call, offer, "call.offered", **data),
        *([fx.ShowQueue(queue_id=offer.queue_id)] if offer.queue_id else []),
    ]


def offer_failed(call: Call, event: inputs.OfferFailed, world: World) -> list[fx.Effect]:
    """An offer came to nothing: the agent is freed, the caller goes back to the old place or out."""
    offer = steps.current_offer(call)
    if offer is None or offer.leg_id != event.leg_id:
        return []
    steps.change_offer(call, offer.leg_id, result=event.result, ended_ms=event.at_ms, cause=event.cause)
    missed = event.result in (OfferResult.NO_ANSWER, OfferResult.REJECTED)
    call.missed += missed
    result = [
        *steps.drop_timer(call, OFFER_TIMER),
        fx.AgentFreed(
            agent_id=offer.agent_id,
            token=offer.token,
            missed=missed,
            unreachable=event.result is OfferResult.UNREACHABLE,
        ),
        steps.tell_agent(
            call, offer, "call.over", why="missed" if missed else event.result.value, cause=event.cause
        ),
    ]
    return result + _go_on_waiting(call, event.result, world, event.at_ms)


def agent_answered(call: Call, event: inputs.AgentAnswered, world: World) -> list[fx.Effect]:
    """The agent's leg won: connect the two."""
    offer = steps.current_offer(call)
    if offer is None or offer.leg_id != event.leg_id:
        return [fx.KillLeg(leg_id=event.leg_id, cause="LOSE_RACE")]
    call.phase = Phase.CONNECTING
    steps.change_offer(call, offer.leg_id, result=OfferResult.ANSWERED, answered_ms=event.at_ms)
    call.agent_id, call.agent_leg = offer.agent_id, offer.leg_id
    call.extension_id = offer.extension_id
    return [
        *steps.drop_timer(call, QUEUE_TIMER),
        *steps.drop_timer(call, OFFER_TIMER),
        steps.set_timer(call, OFFER_TIMER, event.at_ms + OFFER_GRACE_MS),
        fx.Bridge(leg_id=offer.leg_id),
    ]


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """Queue time-out, an offer the switch forgot, or another try to stand in the queue."""
    if event.name == QUEUE_TIMER and call.phase is Phase.WAITING:
        return [fx.LeaveQueue(queue_id=call.queue_id), *fail(call, FailureReason.TIMEOUT, world, event.at_ms)]
    if event.name == RETRY_TIMER and call.phase is Phase.WAITING:
        if not call.queue_id:
            return [fx.OfferExtension(extension_id=call.extension_id)]
        queue = world.queue(call.queue_id)
        return [_enqueue(call, queue)] if queue else fail(call, FailureReason.NOT_FOUND, world, event.at_ms)
    offer = steps.current_offer(call)
    if event.name == OFFER_TIMER and offer is not None and call.phase in (Phase.OFFERING, Phase.CONNECTING):
        failed = inputs.OfferFailed(
            at_ms=event.at_ms, leg_id=offer.leg_id, result=OfferResult.NO_ANSWER, cause="NO_ANSWER"
        )
        return [fx.KillLeg(leg_id=offer.leg_id, cause="NO_ANSWER"), *offer_failed(call, failed, world)]
    return []


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
    name = queue.music if queue and event.ok else MUSIC_FALLBACK
    return [_music(call, name, event.at_ms)]


def customer_gone(call: Call, event: inputs.CustomerGone, world: World) -> list[fx.Effect]:
    """The caller gave up while waiting or ringing."""
    result: list[fx.Effect] = []
    if call.phase is Phase.WAITING and call.queue_id:
        call.ended_in = EndedIn.QUEUE
        result.append(fx.LeaveQueue(queue_id=call.queue_id))
    offer = steps.current_offer(call)
    if offer is not None:
        call.ended_in = EndedIn.OFFER
        steps.change_offer(
            call, offer.leg_id, result=OfferResult.CALLER_GONE, ended_ms=event.at_ms, cause=event.cause
        )
        result += [
            fx.WithdrawOffer(leg_id=offer.leg_id, agent_id=offer.agent_id, token=offer.token),
            steps.tell_agent(call, offer, "call.over", why="caller_gone", cause=event.cause),
        ]
    return result


def wait_again(call: Call, world: World, now_ms: int) -> list[fx.Effect]:
    """Put a customer who lost their agent back to the head of the queue's order, with music."""
    queue = world.queue(call.queue_id) if call.queue_id else None
    if queue is None:
        return farewell(call, "unavailable", EndedIn.AGENT, "agent-lost", now_ms)
    call.phase = Phase.WAITING
    call.agent_id, call.agent_leg = 0, ""
    call.queue_entered_ms = now_ms
    return [
        _music(call, queue.music, now_ms),
        steps.set_timer(call, QUEUE_TIMER, now_ms + queue.timeout_s * 1000),
        _enqueue(call, queue),
    ]


def fail(call: Call, reason: FailureReason, world: World, now_ms: int) -> list[fx.Effect]:
    """A transfer came to nothing: the flow's failure exit, else the platform's own words and the end."""
    dropped: list[fx.Effect] = []
    for name in (QUEUE_TIMER, OFFER_TIMER, RETRY_TIMER):
        dropped += steps.drop_timer(call, name)
    call.ended_detail = reason.value
    if call.run is not None and call.after_failure:
        stop: list[fx.Effect] = []
        if call.step is not None and call.step.what in ("music", "background"):
            call.step = None
            stop = [fx.StopPlaying()]
        return [*dropped, *stop, *in_flow.transfer_failed(call, reason, world, now_ms)]
    where = EndedIn.QUEUE if call.queue_id else EndedIn.EXTENSION
    return [*dropped, *farewell(call, _WORDS.get(reason, "unavailable"), where, reason.value, now_ms)]


def farewell(call: Call, words: str, where: EndedIn, detail: str, now_ms: int) -> list[fx.Effect]:
    """Say one of the platform's own prompts and hang up: a caller never meets silence (CTI-I16)."""
    stop: list[fx.Effect] = [fx.StopPlaying()] if call.step is not None and call.step.what != "answer" else []
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
    if now_ms >= call.queue_entered_ms + queue.timeout_s * 1000:
        return fail(call, FailureReason.TIMEOUT, world, now_ms)
    music = [] if call.step is not None else [_music(call, queue.music, now_ms)]
    due_ms = call.queue_entered_ms + queue.timeout_s * 1000
    return [*music, steps.set_timer(call, QUEUE_TIMER, due_ms), _enqueue(call, queue)]


def _enqueue(call: Call, queue: QueueDoc) -> fx.Enqueue:
    return fx.Enqueue(
        queue_id=queue.id, priority=call.priority, order=call.queue_order, max_waiting=queue.max_waiting
    )


def _music(call: Call, name: str, now_ms: int) -> fx.PlayMusic:
    return fx.PlayMusic(step_id=steps.begin_step(call, "music", now_ms), name=name)
