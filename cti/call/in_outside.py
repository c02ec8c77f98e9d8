"""A caller is put through to an outside number: rules and places, dialling, the talk, its end. Pure.

A flow names the number (CTI-I7), or it is bound to an extension nobody is signed in on (CTI-E3).

The caller's leg runs the switch's own bridge to the number: it plays the background until the answer, an answer
connects, and a hang-up of either side ends both, also while no controller lives. While it dials the fallback is kept
ahead as for any caller who hears only what we play; the answer itself cancels it (`carry`).
"""

from __future__ import annotations

from cti.call import effects as fx
from cti.call import in_flow, in_queue, in_talk, inputs, steps
from cti.call.model import Call, EndedIn, KeyedNote, OutsideCall, Phase
from cti.call.outcome import NO_ANSWER, where
from cti.call.world import World
from ivr.messages import FailureReason, NoteKind
from ivr.model import Prompt

STEP = "outside"
RING_TIMER = "outside"
RING_S = 45
"""How long the number may ring before the caller is taken back."""
GRACE_MS = 3_000
"""How long the switch gets to say by itself that it gave up, or that the application ended with the leg."""


def ask(
    call: Call, number: str, background: tuple[Prompt, ...], allowed: int, now_ms: int
) -> list[fx.Effect]:
    """Have the rules asked and a place taken for `number` (a variable's value): WayOut or NoWayOut follows."""
    call.phase, call.queue_id, call.outside = Phase.OUTSIDE, 0, None
    return [fx.FindWayOut(number=number, flow_id=call.flow_id, allowed=allowed, background=background)]


def way_out(call: Call, event: inputs.WayOut, world: World) -> list[fx.Effect]:
    """The number may be called and has its places: dial, once."""
    call.outside = OutsideCall(to=event.to, extension_id=event.extension_id)
    node = call.path[-1].node if call.path else ""
    note = KeyedNote(
        kind=NoteKind.OUTSIDE, value=event.to.number, at_ms=event.at_ms, flow_id=call.flow_id, node=node
    )
    in_flow.keep_note(call, note)
    step_id = steps.begin_step(call, STEP, event.at_ms)
    return [
        steps.set_timer(call, RING_TIMER, event.at_ms + RING_S * 1000 + GRACE_MS),
        fx.DialOutside(step_id=step_id, to=event.to, ring_s=RING_S, background=event.background),
    ]


def forwarded(call: Call, event: inputs.WayOut, world: World) -> list[fx.Effect]:
    """Nobody is signed in on the extension the caller waits for: its bound number rings."""
    call.phase, call.queue_id = Phase.OUTSIDE, 0
    return way_out(call, event, world)


def no_way_out(call: Call, event: inputs.NoWayOut, world: World) -> list[fx.Effect]:
    """The rules refuse the number, or no line is free."""
    return _fail(call, event.reason, world, event.at_ms)


def bridged(call: Call, event: inputs.Bridged, world: World) -> list[fx.Effect]:
    """The number answered and the two hear each other."""
    outside = call.outside
    if outside is None or event.leg_id != outside.to.leg_id or outside.talk_ms:
        return []
    outside.talk_ms, call.step = event.at_ms, None
    record: list[fx.Effect] = [] if call.refuses_recording else [steps.open_segment(call, event.at_ms)]
    return [*steps.drop_timer(call, RING_TIMER), fx.OutsideTalks(), *record]


def step_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """The dial ended without a talk, also when the leg never came to be."""
    if call.step is None or event.step_id != call.step.id:
        return []
    call.step = None
    cause = event.cause or (call.outside.cause if call.outside is not None else "")
    return _not_reached(call, cause, world, event.at_ms)


def leg_gone(call: Call, event: inputs.AgentGone, world: World) -> list[fx.Effect]:
    """The number's leg ended. Out of a talk the call is over, or the flow has something to ask; while it rang, the
    application is about to say so.
    """
    outside = call.outside
    if outside is None or event.leg_id != outside.to.leg_id or outside.ended_ms:
        return []
    outside.ended_ms, outside.cause = event.at_ms, event.cause
    if not outside.talk_ms:
        return [steps.set_timer(call, RING_TIMER, event.at_ms + GRACE_MS)]
    result = _let_go(call, event.at_ms)
    if _stays(call):
        return [*result, steps.set_timer(call, in_talk.LEAVING_TIMER, event.at_ms + in_talk.LEAVING_MS)]
    call.phase, call.ended_in = Phase.LEAVING, EndedIn.TRANSFERRED
    return [*result, steps.set_timer(call, in_talk.LEAVING_TIMER, event.at_ms + in_talk.LEAVING_MS)]


def parked(call: Call, event: inputs.Parked, world: World) -> list[fx.Effect]:
    """The caller's leg left the talk and stays: the flow goes on, or they are told that it is over."""
    outside = call.outside
    if outside is None or not outside.talk_ms or not _stays(call):
        return []
    outside.ended_ms = outside.ended_ms or event.at_ms
    result = [*_let_go(call, event.at_ms), *steps.drop_timer(call, in_talk.LEAVING_TIMER)]
    if call.ended_detail == in_talk.COMPANY_STOPPED:
        return [*result, *in_talk.stopped(call, EndedIn.TRANSFERRED, event.at_ms)]
    return [*result, *in_flow.talk_ended(call, world, event.at_ms)]


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """It rang too long and the switch did not give up, or did and its word was lost."""
    outside = call.outside
    if outside is None:
        return []
    if event.name == in_talk.LEAVING_TIMER and outside.ended_ms:
        return parked(call, inputs.Parked(at_ms=event.at_ms), world)
    if event.name != RING_TIMER or outside.talk_ms:
        return []
    if outside.ended_ms:
        call.step = None
        return _not_reached(call, outside.cause, world, event.at_ms)
    # The end of the leg ends the application; should nobody know the leg, the next time-out goes on without it.
    outside.ended_ms, outside.cause = event.at_ms, "NO_ANSWER"
    return [
        fx.KillLeg(leg_id=outside.to.leg_id, cause="NO_ANSWER"),
        steps.set_timer(call, RING_TIMER, event.at_ms + GRACE_MS),
    ]


def customer_gone(call: Call, event: inputs.CustomerGone, world: World) -> list[fx.Effect]:
    """The caller hung up: the switch ends the number's leg with theirs; told too, none can stay behind."""
    outside = call.outside
    call.ended_in = EndedIn.TRANSFERRED if outside is not None and outside.talk_ms else where(call)
    if outside is None:
        return []
    kill = [] if outside.ended_ms else [fx.KillLeg(leg_id=outside.to.leg_id, cause="ORIGINATOR_CANCEL")]
    outside.ended_ms = outside.ended_ms or event.at_ms
    return [*kill, fx.LeaveOutside(leg_id=outside.to.leg_id)]


def end_asked(call: Call, event: inputs.EndAsked, world: World) -> list[fx.Effect]:
    """The operator ends the company's calls: the number is let go, then the caller is told."""
    call.ended_detail = in_talk.COMPANY_STOPPED
    outside = call.outside
    if outside is None or outside.ended_ms:
        return []
    detach = [fx.DetachCustomer()] if outside.talk_ms else []
    return [*detach, fx.KillLeg(leg_id=outside.to.leg_id, cause="MANAGER_REQUEST")]


def _stays(call: Call) -> bool:
    return bool(call.after_talk) or call.ended_detail == in_talk.COMPANY_STOPPED


def _let_go(call: Call, now_ms: int) -> list[fx.Effect]:
    assert call.outside is not None
    return [*steps.close_segment(call, now_ms), fx.LeaveOutside(leg_id=call.outside.to.leg_id)]


def _not_reached(call: Call, cause: str, world: World, now_ms: int) -> list[fx.Effect]:
    outside = call.outside
    assert outside is not None
    outside.ended_ms, outside.cause = outside.ended_ms or now_ms, cause
    left = [*steps.drop_timer(call, RING_TIMER), fx.LeaveOutside(leg_id=outside.to.leg_id)]
    if call.ended_detail == in_talk.COMPANY_STOPPED:
        return [*left, *in_talk.stopped(call, where(call), now_ms)]
    if outside.extension_id:
        return [*left, *in_queue.fail(call, reason_of(cause), world, now_ms)]
    return [*left, *_fail(call, reason_of(cause), world, now_ms)]


def _fail(call: Call, reason: FailureReason, world: World, now_ms: int) -> list[fx.Effect]:
    call.ended_detail = reason.value
    if call.run is None:
        return in_queue.farewell(call, "unavailable", EndedIn.FLOW, reason.value, now_ms)
    return in_flow.transfer_failed(call, reason, world, now_ms)


def reason_of(cause: str) -> FailureReason:
    """Return why a number was not reached, from the cause its leg, or the dial, ended with."""
    if cause == "USER_BUSY":
        return FailureReason.BUSY
    if cause in NO_ANSWER:
        return FailureReason.NO_ANSWER
    if cause == "CALL_REJECTED":
        return FailureReason.DECLINED
    return FailureReason.UNREACHABLE
