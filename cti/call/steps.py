"""Small moves that every phase of a call shares: steps, timers, offers, live events. Pure; they change the call."""

from __future__ import annotations

import msgspec

from cti.call import effects as fx
from cti.call.model import Call, Offer, OfferResult, Segment, Step, Timer


def begin_step(call: Call, what: str, now_ms: int) -> str:
    """Give the next step its id and await it. Ids are ordered and unique within the call."""
    call.step_counter += 1
    step_id = f"{call.id}.{call.step_counter}"
    call.step = Step(id=step_id, what=what, sent_ms=now_ms)
    return step_id


def set_timer(call: Call, name: str, due_ms: int) -> fx.SetTimer:
    """Start or move a timer."""
    call.timers = [timer for timer in call.timers if timer.name != name]
    call.timers.append(Timer(name=name, due_ms=due_ms))
    return fx.SetTimer(name=name, due_ms=due_ms)


def drop_timer(call: Call, name: str) -> list[fx.Effect]:
    """Forget a timer; nothing when it does not run."""
    if all(timer.name != name for timer in call.timers):
        return []
    call.timers = [timer for timer in call.timers if timer.name != name]
    return [fx.DropTimer(name=name)]


def drop_all_timers(call: Call) -> list[fx.Effect]:
    """Forget every timer."""
    dropped: list[fx.Effect] = [fx.DropTimer(name=timer.name) for timer in call.timers]
    call.timers = []
    return dropped


def current_offer(call: Call) -> Offer | None:
    """Return the offer that rings or was answered, if any."""
    for offer in reversed(call.offers):
        if offer.result in (OfferResult.RINGING, OfferResult.ANSWERED):
            return offer if not offer.ended_ms else None
    return None


def change_offer(call: Call, leg_id: str, **changes: object) -> None:
    """Replace fields of the offer with `leg_id`."""
    call.offers = [
        msgspec.structs.replace(offer, **changes) if offer.leg_id == leg_id else offer
        for offer in call.offers
    ]


def open_segment(call: Call, now_ms: int) -> fx.StartRecording:
    """Begin a new recording segment: never a used name, because the switch would overwrite it."""
    name = f"{call.tenant_id}/{call.id}-{len(call.segments) + 1}.wav"
    call.segments = [*call.segments, Segment(name=name, started_ms=now_ms, agent_id=call.agent_id)]
    return fx.StartRecording(name=name)


def close_segment(call: Call, now_ms: int) -> list[fx.Effect]:
    """Close the running segment, if any."""
    if not call.segments or call.segments[-1].ended_ms:
        return []
    last = msgspec.structs.replace(call.segments[-1], ended_ms=now_ms)
    call.segments = [*call.segments[:-1], last]
    return [fx.StopRecording(name=last.name)]


def tell_agent(call: Call, offer: Offer, event: str, **data: object) -> fx.Publish:
    """Make a live event about this call for its agent and the queue's watchers."""
    audience = [f"agent:{offer.agent_id}", "admin"]
    if offer.queue_id:
        audience.append(f"queue:{offer.queue_id}")
    common: dict[str, object] = {"call_id": call.id, "leg_id": offer.leg_id, "account_id": offer.agent_id}
    return fx.Publish(audience=tuple(audience), type=event, data={**common, **data})
