"""A call in an IVR flow: carries inputs to the engine and the engine's commands to the edge. Pure."""

from __future__ import annotations

import msgspec

from cti.call import effects as fx
from cti.call import in_queue, inputs, steps
from cti.call.model import Call, EndedIn, PathStep, Phase
from cti.call.world import World
from ivr import engine, messages

TIMER_PREFIX = "flow:"


def enter(call: Call, flow_id: int, world: World, now_ms: int) -> list[fx.Effect]:
    """Answer the call and start the newest published version of the flow; a missing flow ends politely."""
    version = world.flow_version(flow_id)
    flow = world.flow(flow_id, version) if version else None
    call.phase = Phase.FLOW
    call.flow_id, call.flow_version = flow_id, version
    if flow is None:
        call.run = None
        return in_queue.farewell(call, "unavailable", EndedIn.FLOW, "flow-missing", now_ms)
    run = engine.start(flow, language=call.language, variables=_system_variables(call), now_ms=now_ms)
    call.run = msgspec.to_builtins(run)
    if call.answered_ms:
        return _advance(call, messages.Enter(), world, now_ms)
    step_id = steps.begin_step(call, "answer", now_ms)
    return [fx.Answer(step_id=step_id)]


def step_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """An application finished: the answer starts the flow, a playback goes to the engine."""
    if call.step is None or event.step_id != call.step.id:
        return []
    what, call.step = call.step.what, None
    if what == "answer":
        call.answered_ms = call.answered_ms or event.at_ms
        return _advance(call, messages.Enter(), world, event.at_ms)
    return _advance(call, messages.Played(ok=event.ok), world, event.at_ms)


def key_pressed(call: Call, event: inputs.KeyPressed, world: World) -> list[fx.Effect]:
    """A key goes to the engine, which keeps it when the node does not want it yet."""
    if call.step is not None and call.step.what == "answer":
        call.keys += event.digit
        return []
    return _advance(call, messages.Key(digit=event.digit), world, event.at_ms)


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """One of the engine's timers ran out."""
    if not event.name.startswith(TIMER_PREFIX):
        return []
    return _advance(call, messages.TimerFired(name=event.name[len(TIMER_PREFIX) :]), world, event.at_ms)


def transfer_failed(call: Call, reason: messages.FailureReason, world: World, now_ms: int) -> list[fx.Effect]:
    """Go back into the flow at the transfer node's failure exit."""
    call.phase = Phase.FLOW
    return _advance(call, messages.TransferFailed(reason=reason), world, now_ms)


def _advance(call: Call, event: messages.AnyEvent, world: World, now_ms: int) -> list[fx.Effect]:
    flow = world.flow(call.flow_id, call.flow_version)
    if flow is None or call.run is None:
        return in_queue.farewell(call, "unavailable", EndedIn.FLOW, "flow-missing", now_ms)
    run = msgspec.convert(call.run, engine.Run)
    if isinstance(event, messages.Enter) and call.keys:
        early, call.keys = call.keys, ""
        for digit in early:
            run, _ = engine.advance(flow, run, messages.Key(digit=digit), now_ms)
    run, commands = engine.advance(flow, run, event, now_ms)
    call.run = msgspec.to_builtins(run)
    _copy_path(call, run)
    result: list[fx.Effect] = []
    for command in commands:
        result += _carry(call, command, world, now_ms)
    return result


def _carry(call: Call, command: messages.AnyCommand, world: World, now_ms: int) -> list[fx.Effect]:
    match command:
        case messages.Play():
            step_id = steps.begin_step(call, "play", now_ms)
            return [fx.PlayPrompts(step_id=step_id, prompts=tuple(command.prompts), loops=command.loops)]
        case messages.StopPlaying():
            return [fx.StopPlaying()]
        case messages.StartTimer():
            return [steps.set_timer(call, TIMER_PREFIX + command.name, now_ms + command.ms)]
        case messages.CancelTimer():
            return steps.drop_timer(call, TIMER_PREFIX + command.name)
        case messages.Transfer():
            call.after_failure = command.failure
            return in_queue.transfer(call, command.target, tuple(command.background), world, now_ms)
        case messages.Hangup():
            call.phase = Phase.LEAVING
            call.ended_in = EndedIn.FLOW
            return [*steps.drop_all_timers(call), fx.HangupCustomer(cause=command.cause)]
    raise TypeError(f"the engine gave an unknown command: {command!r}")


def _copy_path(call: Call, run: engine.Run) -> None:
    kept = [step for step in call.path if step.flow_id != call.flow_id]
    call.path = kept + [
        PathStep(
            flow_id=call.flow_id,
            version=call.flow_version,
            node=step.node,
            name=step.name,
            at_ms=step.at_ms,
            keys=step.keys,
            exit=step.exit,
        )
        for step in run.path
    ]


def _system_variables(call: Call) -> dict[str, str]:
    return {"caller_number": call.caller, "called_number": call.called, "call_id": call.id}
