"""What a queue does for those who wait besides music (CTI-Q2): announcements, the wish to be called back, demands that
relax, ways out. Pure.
"""

from __future__ import annotations

from core.documents import DispatchRule, Overflow, OverflowKind, QueueDoc
from cti.acd.dispatch import next_relaxation, terms_of
from cti.call import effects as fx
from cti.call import in_flow, in_queue, inputs, steps
from cti.call.model import Call, EndedIn, KeyedNote, Offer, Phase
from cti.call.steps import GREETING
from cti.call.world import World
from ivr.messages import FailureReason, NoteKind
from ivr.model import Prompt
from ivr.prompt_values import SoundPrompt, TextPrompt, VoicePrompt

ANNOUNCE_TIMER = "announce"
RELAX_TIMER = "relax"
GREETING_TIMER = "greeting"
ANNOUNCEMENT = "announcement"
"""What a step of a waiting call is, besides music."""
RELAX_LATE_MS = 20
"""A match is tried so long after a demand relaxed, so that no clock's rounding makes it too early."""
GREETING_MS = 12_000
"""Longest an employee number may take to be said; then the two are connected anyway."""
MAX_OVERFLOWS = 5
"""Ways out a caller takes in one call: queues that lead to each other end."""
NOBODY = "nobody"
"""Reason of QueueRefused when nobody is signed in who takes the queue's calls."""
CALLED_BACK = "callback"
"""Where a call ended, in one word more: the caller asked to be called back."""
VOICE_MUSIC = "voice:"
STATED_REASONS = {FailureReason.FULL: "overflow_full", FailureReason.TIMEOUT: "overflow_timeout"}
TIMERS = (ANNOUNCE_TIMER, RELAX_TIMER, GREETING_TIMER)


def music(call: Call, name: str, now_ms: int) -> fx.Effect:
    """Play a queue's music: a stream of the switch, or a voice of the library over and over."""
    step_id = steps.begin_step(call, "music", now_ms)
    number = name.removeprefix(VOICE_MUSIC)
    if number != name and number.isascii() and number.isdigit():
        return fx.PlayBackground(step_id=step_id, prompts=(VoicePrompt(voice_id=int(number)),))
    return fx.PlayMusic(step_id=step_id, name=name)


def begin(call: Call, queue: QueueDoc, now_ms: int) -> list[fx.Effect]:
    """Start what runs beside the waiting; again after an offer that came to nothing."""
    result: list[fx.Effect] = []
    running = {timer.name for timer in call.timers}
    if announces(queue) and ANNOUNCE_TIMER not in running and not _announcing(call):
        result.append(steps.set_timer(call, ANNOUNCE_TIMER, now_ms + queue.announce_every_s * 1000))
    if queue.rule is DispatchRule.SKILLS:
        due_ms = next_relaxation(terms_of(queue), call.queue_entered_ms, now_ms)
        result += (
            [steps.set_timer(call, RELAX_TIMER, due_ms + RELAX_LATE_MS)]
            if due_ms
            else steps.drop_timer(call, RELAX_TIMER)
        )
    return result


def end(call: Call) -> list[fx.Effect]:
    """The waiting is over: nothing runs beside it any more."""
    return [effect for name in TIMERS for effect in steps.drop_timer(call, name)]


# --- announcements --------------------------------------------------------------------------------------------------


def announces(queue: QueueDoc) -> bool:
    """Return whether anything is said to those who wait."""
    said = queue.announcement or queue.announcement_voice_id or queue.callback_key
    return queue.announce_every_s > 0 and bool(said or queue.announce_position or queue.announce_wait)


def timer_due(call: Call, event: inputs.TimerDue, queue: QueueDoc | None) -> list[fx.Effect]:
    """It is time to say something, or a demand relaxed."""
    call.timers = [timer for timer in call.timers if timer.name != event.name]
    if queue is None:
        return []
    if event.name == RELAX_TIMER:
        # Standing in the queue again changes nothing there, and what follows it is a match.
        again = [in_queue.stand(call, queue)] if call.phase is Phase.WAITING else []
        return [*again, *begin(call, queue, event.at_ms)]
    if not announces(queue):
        return []
    if call.phase is not Phase.WAITING or _announcing(call) or steps.being_stopped(call):
        # Nobody is told that they wait while somebody is being rung for them.
        return [steps.set_timer(call, ANNOUNCE_TIMER, event.at_ms + queue.announce_every_s * 1000)]
    return [*stop_sound(call, event.at_ms), _announcement(call, queue, event.at_ms)]


def _announcement(call: Call, queue: QueueDoc, now_ms: int) -> fx.Announce:
    prompts: list[Prompt] = []
    if queue.announcement_voice_id:
        prompts.append(VoicePrompt(voice_id=queue.announcement_voice_id))
    if queue.announcement:
        prompts.append(TextPrompt(text=queue.announcement))
    return fx.Announce(
        step_id=steps.begin_step(call, ANNOUNCEMENT, now_ms),
        queue_id=queue.id,
        prompts=tuple(prompts),
        position=queue.announce_position,
        wait=queue.announce_wait,
        callback_key=queue.callback_key if may_be_called_back(call) else "",
    )


def stop_sound(call: Call, now_ms: int) -> list[fx.Effect]:
    """End what the caller hears, if anything, so that something else follows at once."""
    if call.step is None or call.step.what == "answer":
        return []
    result = steps.stop_playing(call, now_ms)
    call.step = None
    return result


def step_done(call: Call, what: str, queue: QueueDoc | None, now_ms: int) -> list[fx.Effect]:
    """An announcement was heard: the next comes after the interval."""
    if what != ANNOUNCEMENT or queue is None or not announces(queue):
        return []
    return [steps.set_timer(call, ANNOUNCE_TIMER, now_ms + queue.announce_every_s * 1000)]


def _announcing(call: Call) -> bool:
    return call.step is not None and call.step.what == ANNOUNCEMENT


# --- a wish to be called back ---------------------------------------------------------------------------------------


def may_be_called_back(call: Call) -> bool:
    """Return whether the caller's number is one that can be called."""
    digits = call.caller.removeprefix("+")
    return len(digits) >= 3 and digits.isascii() and digits.isdigit()


def key_pressed(call: Call, event: inputs.KeyPressed, world: World) -> list[fx.Effect]:
    """A key while waiting: the queue's key for being called back, else it is kept for whoever asks next. The wish
    keeps the caller's place: it is as old as their waiting.
    """
    queue = world.queue(call.queue_id) if call.queue_id else None
    offered = queue is not None and queue.callback_key == event.digit and may_be_called_back(call)
    if queue is None or not offered:
        call.keys = (call.keys + event.digit)[-64:]
        return []
    wish = KeyedNote(
        kind=NoteKind.CALLBACK, value=call.caller, at_ms=call.queue_entered_ms, queue_id=queue.id
    )
    call.notes = in_flow.kept([*call.notes, wish])
    return [
        *steps.drop_all_timers(call),
        fx.LeaveQueue(queue_id=queue.id),
        *in_queue.farewell(call, "callback-noted", EndedIn.QUEUE, CALLED_BACK, event.at_ms),
    ]


# --- the employee number --------------------------------------------------------------------------------------------


def greet(call: Call, offer: Offer, world: World, now_ms: int) -> list[fx.Effect]:
    """Say the employee number before the two are connected; nothing when the queue does not want it."""
    queue = world.queue(offer.queue_id) if offer.queue_id else None
    account = world.account(offer.agent_id)
    number = account.employee_number if account is not None else ""
    if queue is None or not queue.announce_agent or not number:
        return []
    stop = stop_sound(call, now_ms)
    spoken = (SoundPrompt(name="employee-number"), TextPrompt(text=" ".join(number)))
    return [
        *stop,
        fx.PlayPrompts(step_id=steps.begin_step(call, GREETING, now_ms), prompts=spoken),
        steps.set_timer(call, GREETING_TIMER, now_ms + GREETING_MS),
    ]


def greeted(call: Call, event: inputs.StepDone | inputs.TimerDue, world: World) -> list[fx.Effect]:
    """The number was said, or takes too long: the two are connected."""
    if isinstance(event, inputs.StepDone):
        if call.step is None or event.step_id != call.step.id:
            return []
        what, call.step = call.step.what, None
        if what != GREETING:
            return []
    elif call.step is None or call.step.what != GREETING:
        return []
    offer = steps.current_offer(call)
    dropped = steps.drop_timer(call, GREETING_TIMER)
    if offer is None:
        return dropped
    due_ms = event.at_ms + in_queue.OFFER_GRACE_MS
    return [*dropped, steps.set_timer(call, in_queue.OFFER_TIMER, due_ms), fx.Bridge(leg_id=offer.leg_id)]


# --- ways out -------------------------------------------------------------------------------------------------------


def overflow(call: Call, reason: FailureReason, world: World, now_ms: int) -> list[fx.Effect] | None:
    """Return what sends the caller the queue's way out for `reason`; None where there is none left to take."""
    queue = world.queue(call.queue_id) if call.queue_id else None
    setting = STATED_REASONS.get(reason)
    if queue is None or setting is None:
        return None
    return leave_by(call, getattr(queue, setting), reason, world, now_ms)


def nobody(call: Call, world: World, now_ms: int) -> list[fx.Effect]:
    """Nobody is signed in: the queue's way out for that, which is why the question was asked. The flow's own failure
    exit goes before it (CTI-I7).
    """
    queue = world.queue(call.queue_id) if call.queue_id else None
    left = [fx.LeaveQueue(queue_id=call.queue_id)] if call.queue_order else []
    way = queue.overflow_nobody if queue is not None else Overflow()
    elsewhere = call.transfer is not None or (call.after_failure and call.run is not None)
    out = None if elsewhere else leave_by(call, way, FailureReason.UNREACHABLE, world, now_ms)
    return [*left, *(in_queue.fail(call, FailureReason.UNREACHABLE, world, now_ms) if out is None else out)]


def leave_by(
    call: Call, way: Overflow, reason: FailureReason, world: World, now_ms: int
) -> list[fx.Effect] | None:
    """Return what sends the caller a way out; None when it leads nowhere, or too many were taken."""
    if way.kind in (OverflowKind.NONE, OverflowKind.HANGUP) or call.overflows >= MAX_OVERFLOWS:
        return None
    call.overflows += 1
    dropped = steps.drop_all_timers(call)
    stop = stop_sound(call, now_ms)
    call.ended_detail = reason.value
    match way.kind:
        case OverflowKind.QUEUE:
            onward = in_queue.enter(call, way.id, world, now_ms)
        case OverflowKind.EXTENSION:
            onward = in_queue.offer_extension(call, way.id, (), world, now_ms)
        case _:
            onward = in_flow.enter(call, way.id, world, now_ms)
    return [*dropped, *stop, *onward]
