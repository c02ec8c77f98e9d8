"""A call in an IVR flow: carries inputs to the engine and the engine's commands to the edge. Pure.

What a flow may do in one call is bounded here as well as in the engine: it changes the flow at most
`ivr.run.MAX_FLOW_CHANGES` times, and all its flows together enter no more nodes than one may (`ivr.engine.MAX_STEPS`).
"""

from __future__ import annotations

import msgspec

from cti.call import effects as fx
from cti.call import in_queue, inputs, steps
from cti.call.model import Call, EndedIn, KeyedNote, PathStep, Phase
from cti.call.system_variables import of_caller, of_moment
from cti.call.world import World
from ivr import engine, messages
from ivr.run import MAX_FLOW_CHANGES

TIMER_PREFIX = "flow:"
ANSWER, PLAY, RECORD = "answer", "play", "record"
"""What a step in a flow is."""
MAX_NOTES = 30
"""Notes a call remembers, the newest: its state must fit on the leg."""
MAX_KEYS = 32
"""Keys of a step that go on the path: as many as digits can be collected."""
MAX_NAME = 40
"""Letters of a node's name that go on the path."""


def enter(call: Call, flow_id: int, world: World, now_ms: int) -> list[fx.Effect]:
    """Answer the call and start the newest published version of the flow; a missing flow ends politely."""
    call.phase = Phase.FLOW
    if not _begin(call, flow_id, None, world, now_ms):
        return _flow_missing(call, now_ms)
    if call.answered_ms:
        return _advance(call, messages.Enter(), world, now_ms)
    return [fx.Answer(step_id=steps.begin_step(call, ANSWER, now_ms))]


def step_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """An application finished: the answer starts the flow, a playback or a recording goes to the engine."""
    if call.step is None or event.step_id != call.step.id:
        return []
    what, call.step = call.step.what, None
    if what == ANSWER:
        call.answered_ms = call.answered_ms or event.at_ms
        return _advance(call, messages.Enter(), world, event.at_ms)
    if what == RECORD:
        steps.close_segment(call, event.at_ms)
    return _advance(call, messages.Played(ok=event.ok), world, event.at_ms)


def key_pressed(call: Call, event: inputs.KeyPressed, world: World) -> list[fx.Effect]:
    """A key goes to the engine, which keeps it when the node does not want it yet."""
    if call.step is not None and call.step.what == ANSWER:
        call.keys += event.digit
        return []
    return _advance(call, messages.Key(digit=event.digit), world, event.at_ms)


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """One of the engine's timers ran out."""
    if not event.name.startswith(TIMER_PREFIX):
        return []
    return _advance(call, messages.TimerFired(name=event.name[len(TIMER_PREFIX) :]), world, event.at_ms)


def answered(call: Call, event: inputs.RequestAnswered, world: World) -> list[fx.Effect]:
    """A request of the flow's ended."""
    return _advance(call, event.answer, world, event.at_ms)


def transfer_failed(call: Call, reason: messages.FailureReason, world: World, now_ms: int) -> list[fx.Effect]:
    """Go back into the flow at the transfer node's failure exit."""
    call.phase, call.after_talk = Phase.FLOW, ""
    return _advance(call, messages.TransferFailed(reason=reason), world, now_ms)


def talk_ended(call: Call, world: World, now_ms: int) -> list[fx.Effect]:
    """Go back into the flow after a talk the agent ended."""
    call.phase, call.after_talk = Phase.FLOW, ""
    return _advance(call, messages.TalkEnded(), world, now_ms)


def awaited_request(call: Call) -> str:
    """Return the name of the request whose answer the flow waits for; empty when it waits for none."""
    return str((call.run or {}).get("request", "")) if call.phase is Phase.FLOW else ""


def entry_id(call: Call) -> str:
    """Return what tells one time the call is in flows from another: after a talk or a queue, requests and messages are
    counted from the beginning, and their names must not be those of before.
    """
    return f"{call.id}-{call.path_from}" if call.path_from else call.id


# --- the engine ------------------------------------------------------------------------------------------------


def _begin(call: Call, flow_id: int, before: engine.Run | None, world: World, now_ms: int) -> bool:
    """Put the call at the beginning of a flow, with what `before` hands on; False when there is no such flow."""
    version = world.flow_version(call.tenant_id, flow_id)
    flow = world.flow(flow_id, version) if version else None
    call.flow_id, call.flow_version, call.path_from = flow_id, version, len(call.path)
    if flow is None:
        call.run = None
        return False
    language = before.language if before is not None else call.language
    variables = before.variables if before is not None else of_caller(call, language)
    run = engine.start(
        flow, language=language, variables={**variables, **of_moment(call, world, now_ms)}, now_ms=now_ms
    )
    # What a call may cause it may cause once, however often it comes to a flow.
    run = msgspec.structs.replace(run, sms=call.sms)
    if before is not None:
        # Names of timers and requests go on counting: what comes late must not meet another one's name.
        run = msgspec.structs.replace(
            run,
            path=before.path,
            keys=before.keys,
            spare=before.spare,
            spare_until_ms=before.spare_until_ms,
            timers=before.timers,
            requests=before.requests,
        )
    _store(call, run)
    return True


def _advance(call: Call, event: messages.AnyEvent, world: World, now_ms: int) -> list[fx.Effect]:
    result: list[fx.Effect] = []
    following: messages.AnyEvent | None = event
    while following is not None:
        following = _advance_in_flow(call, following, world, now_ms, result)
    return result


def _advance_in_flow(
    call: Call, event: messages.AnyEvent, world: World, now_ms: int, result: list[fx.Effect]
) -> messages.AnyEvent | None:
    """Take one event in the present flow, add to `result`; return what begins the next flow, if one follows."""
    flow = world.flow(call.flow_id, call.flow_version)
    if flow is None or call.run is None:
        result += _flow_missing(call, now_ms)
        return None
    around = world.surroundings(call.tenant_id)
    run = _load(call)
    run = msgspec.structs.replace(run, variables={**run.variables, **of_moment(call, world, now_ms)})
    for digit in _keys_before(call, event):
        run, _ = engine.advance(flow, run, messages.Key(digit=digit), now_ms, around)
    run, commands = engine.advance(flow, run, event, now_ms, around)
    _store(call, run)
    for command in commands:
        if isinstance(command, messages.EnterFlow):
            refused = _change_flow(call, command.flow_id, run, world, now_ms)
            result += refused
            return None if refused else messages.Enter()
        result += _carry(call, command, world, now_ms)
    return None


def _keys_before(call: Call, event: messages.AnyEvent) -> str:
    """Return the keys pressed while no flow had the caller: before the first, or during a transfer. Those of a talk,
    and of the wait before it, were not meant for what follows.
    """
    if not isinstance(event, messages.Enter | messages.TransferFailed | messages.TalkEnded):
        return ""
    keys, call.keys = call.keys, ""
    return "" if isinstance(event, messages.TalkEnded) else keys


def _change_flow(call: Call, flow_id: int, run: engine.Run, world: World, now_ms: int) -> list[fx.Effect]:
    """Go on in another flow; the effects are those of a refusal."""
    call.flow_changes += 1
    if call.flow_changes > MAX_FLOW_CHANGES:
        return in_queue.farewell(call, engine.APOLOGY, EndedIn.FLOW, "too-many-flows", now_ms)
    return [] if _begin(call, flow_id, run, world, now_ms) else _flow_missing(call, now_ms)


def _flow_missing(call: Call, now_ms: int) -> list[fx.Effect]:
    return in_queue.farewell(call, "unavailable", EndedIn.FLOW, "flow-missing", now_ms)


def _carry(call: Call, command: messages.AnyCommand, world: World, now_ms: int) -> list[fx.Effect]:
    match command:
        case messages.Play():
            step_id = steps.begin_step(call, PLAY, now_ms)
            return [fx.PlayPrompts(step_id=step_id, prompts=tuple(command.prompts), loops=command.loops)]
        case messages.Record():
            return [_record(call, command, now_ms)]
        case messages.StopPlaying():
            return steps.stop_playing(call, now_ms)
        case messages.StartTimer():
            return [steps.set_timer(call, TIMER_PREFIX + command.name, now_ms + command.ms)]
        case messages.CancelTimer():
            return steps.drop_timer(call, TIMER_PREFIX + command.name)
        case messages.Request():
            return [fx.MakeRequest(request=command, key=f"{entry_id(call)}-{command.name}")]
        case messages.SendSms():
            return [fx.LeaveSms(sms=command, flow_id=call.flow_id)]
        case messages.Note():
            return _note(call, command, now_ms)
        case messages.Transfer():
            call.after_failure, call.after_talk = command.failure, command.after_talk
            background = tuple(command.background)
            return in_queue.transfer(call, command.target, background, world, now_ms, command.outside)
        case messages.Hangup():
            call.phase = Phase.LEAVING
            call.ended_in = EndedIn.VOICEMAIL if call.left_message else EndedIn.FLOW
            return [*steps.drop_all_timers(call), fx.HangupCustomer(cause=command.cause)]
    raise TypeError(f"the engine gave an unknown command: {command!r}")


def _record(call: Call, command: messages.Record, now_ms: int) -> fx.RecordMessage:
    step_id = steps.begin_step(call, RECORD, now_ms)
    name = steps.open_message(call, now_ms)
    return fx.RecordMessage(step_id=step_id, name=name, max_s=command.max_s, silence_s=command.silence_s)


def _note(call: Call, command: messages.Note, now_ms: int) -> list[fx.Effect]:
    note = KeyedNote(
        kind=command.kind,
        value=command.value,
        at_ms=now_ms,
        flow_id=call.flow_id,
        node=command.node,
        queue_id=command.queue_id or call.queue_id,
        agent_id=call.agent_id,
    )
    keep_note(call, note)
    # Who does not consent is not recorded from now on; a message they leave themselves later is another matter.
    return steps.close_segment(call, now_ms) if call.refuses_recording else []


def keep_note(call: Call, note: KeyedNote) -> None:
    """Put a note on the call, within what a call remembers."""
    call.notes = kept([*call.notes, note])


def kept(notes: list[KeyedNote]) -> list[KeyedNote]:
    """Return the notes a call may hold, the last being new: who asks again to be called back on the same number by the
    same queue asks once; what is lost first is an old score, and never the last word on recording.
    """
    new = notes[-1]
    if new.kind is messages.NoteKind.CALLBACK and any(_same_wish(each, new) for each in notes[:-1]):
        return notes[:-1]
    if len(notes) <= MAX_NOTES:
        return notes
    consents = [at for at, note in enumerate(notes) if note.kind is messages.NoteKind.CONSENT]
    wishes = [at for at, note in enumerate(notes) if note.kind is messages.NoteKind.CALLBACK]
    scores = [at for at in range(len(notes)) if at not in consents and at not in wishes]
    lost = [*scores, *consents[:-1], *wishes][0]
    return [*notes[:lost], *notes[lost + 1 :]]


def _same_wish(one: KeyedNote, other: KeyedNote) -> bool:
    return (one.kind, one.value, one.queue_id) == (other.kind, other.value, other.queue_id)


# --- the run, which has its path on the call -------------------------------------------------------------------


def _load(call: Call) -> engine.Run:
    run = msgspec.convert(call.run, engine.Run)
    # An earlier version kept the count on the run alone.
    run = msgspec.structs.replace(run, sms=max(run.sms, call.sms))
    if run.path:
        # Written by an earlier version, which kept the path twice.
        call.path_from = max(0, len(call.path) - len(run.path))
        return run
    return msgspec.structs.replace(run, path=[_engine_step(step) for step in call.path])


def _store(call: Call, run: engine.Run) -> None:
    call.run, call.sms = msgspec.to_builtins(msgspec.structs.replace(run, path=[])), run.sms
    entered = run.path[call.path_from :] if len(run.path) >= call.path_from else run.path
    call.path = call.path[: call.path_from] + [
        PathStep(
            flow_id=call.flow_id,
            version=call.flow_version,
            node=step.node,
            name=step.name[:MAX_NAME],
            at_ms=step.at_ms,
            keys=step.keys[:MAX_KEYS],
            exit=step.exit,
        )
        for step in entered
    ]


def _engine_step(step: PathStep) -> engine.PathStep:
    return engine.PathStep(node=step.node, name=step.name, at_ms=step.at_ms, keys=step.keys, exit=step.exit)
