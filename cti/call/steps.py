"""Small moves that every phase of a call shares: steps, timers, offers, live events. Pure; they change the call."""

from __future__ import annotations

import msgspec

from cti.call import effects as fx
from cti.call.model import Call, Offer, OfferResult, Phase, Segment, SegmentKind, Step, Timer

STEP_PREFIX = "z"
"""How the ids of our steps begin; the switch's own begin with a hexadecimal digit."""
GREETING = "greeting"
"""The step in which a caller is told whom they are connected to."""
STOP = "stop "
"""Timers of breaks: ``stop <step> <try>``."""
STOP_AGAIN_MS = 250
"""A break that was not forgotten is told within two frames of 20 ms and the way here."""
STOP_TRIES = 4
"""Breaks after the first: an end that was told to nobody (a cut line) must not cost the caller every later prompt."""
PLAYING = (Phase.FLOW, Phase.WAITING, Phase.OFFERING, Phase.LEAVING)
"""Phases in which the leg plays what we sent and nothing else."""


def begin_step(call: Call, what: str, now_ms: int) -> str:
    """Give the next step its id and await it. Ids are ordered and unique within the call, not among calls."""
    step_id = next_id(call)
    call.step = Step(id=step_id, what=what, sent_ms=now_ms)
    return step_id


def next_id(call: Call) -> str:
    """Return an id for an application, on whatever leg of the call."""
    call.step_counter += 1
    return f"{STEP_PREFIX}{call.step_counter}"


def stop_playing(call: Call, now_ms: int) -> list[fx.Effect]:
    """Break what the leg plays, and again until its end was told.

    The switch forgets a break that comes before the application begins (docs/event-socket.md), and music has no end.
    """
    again = [] if call.step is None else [_stop_timer(call, call.step.id, 1, now_ms)]
    return [fx.StopPlaying(), *again]


def is_stop_timer(name: str) -> bool:
    """Return whether a timer is one of :func:`stop_playing`."""
    return name.startswith(STOP)


def stop_again(call: Call, name: str, now_ms: int) -> list[fx.Effect]:
    """Such a timer ran out: the break may have been forgotten."""
    call.timers = [timer for timer in call.timers if timer.name != name]
    _, step_id, tries = name.split(" ")
    greeting = call.phase is Phase.CONNECTING and call.step is not None and call.step.what == GREETING
    if not (greeting or call.phase in PLAYING) or int(tries) > STOP_TRIES:
        return []
    return [fx.StopPlaying(), _stop_timer(call, step_id, int(tries) + 1, now_ms)]


def playing_ended(call: Call, step_id: str) -> list[fx.Effect]:
    """The step's end was told: nothing is left to break."""
    ended = [timer.name for timer in call.timers if timer.name.startswith(f"{STOP}{step_id} ")]
    return [effect for name in ended for effect in drop_timer(call, name)]


def being_stopped(call: Call) -> list[str]:
    """Return the steps that were told to end and whose end was not told yet."""
    return [timer.name.split(" ")[1] for timer in call.timers if is_stop_timer(timer.name)]


def _stop_timer(call: Call, step_id: str, tries: int, now_ms: int) -> fx.SetTimer:
    return set_timer(call, f"{STOP}{step_id} {tries}", now_ms + STOP_AGAIN_MS)


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


def ringing(call: Call) -> list[Offer]:
    """Return the offers that ring: one, or several where all are rung."""
    return [offer for offer in call.offers if offer.result is OfferResult.RINGING and not offer.ended_ms]


def open_offer(call: Call, leg_id: str) -> Offer | None:
    """Return the offer with this leg if it rings, or was answered and is the call's present one."""
    now = current_offer(call)
    found = ringing(call) if now is None or now.result is OfferResult.RINGING else [now]
    return next((offer for offer in found if offer.leg_id == leg_id), None)


def change_offer(call: Call, leg_id: str, **changes: object) -> None:
    """Replace fields of the offer with `leg_id`."""
    call.offers = [
        msgspec.structs.replace(offer, **changes) if offer.leg_id == leg_id else offer
        for offer in call.offers
    ]


def open_segment(call: Call, now_ms: int) -> fx.StartRecording:
    """Begin a new segment of what customer and agent say."""
    agent_id = call.agent_id
    return fx.StartRecording(name=_new_segment(call, now_ms, SegmentKind.TALK, agent_id))


def open_message(call: Call, now_ms: int) -> str:
    """Begin a segment of what the caller leaves behind; returns its name."""
    return _new_segment(call, now_ms, SegmentKind.VOICEMAIL, 0)


def _new_segment(call: Call, now_ms: int, kind: SegmentKind, agent_id: int) -> str:
    """Never a used name, because the switch would overwrite it."""
    name = f"{call.tenant_id}/{call.id}-{len(call.segments) + 1}.wav"
    call.segments = [*call.segments, Segment(name=name, started_ms=now_ms, agent_id=agent_id, kind=kind)]
    return name


def close_segment(call: Call, now_ms: int) -> list[fx.Effect]:
    """Close the running segment, if any. A message's file the switch closes by itself."""
    if not call.segments or call.segments[-1].ended_ms:
        return []
    last = msgspec.structs.replace(call.segments[-1], ended_ms=now_ms)
    call.segments = [*call.segments[:-1], last]
    return [] if last.kind is SegmentKind.VOICEMAIL else [fx.StopRecording(name=last.name)]


def tell_agent(call: Call, offer: Offer, event: str, **data: object) -> fx.Publish:
    """Make a live event about this call for its agent and the queue's watchers."""
    audience = [f"agent:{offer.agent_id}", "admin"]
    if offer.queue_id:
        audience.append(f"queue:{offer.queue_id}")
    common: dict[str, object] = {"call_id": call.id, "leg_id": offer.leg_id, "account_id": offer.agent_id}
    return fx.Publish(audience=tuple(audience), type=event, data={**common, **data})
