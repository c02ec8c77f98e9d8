"""The IVR engine: a pure function from (flow, run, event) to (run, commands). docs/contracts.md, docs/ivr.md.

The engine owns what is the same for all nodes: jumps (a loop with a bound), type-ahead, one prompt at a time,
one timer at a time, the path, and what happens when a node cannot go on. A node type (`ivr.nodes`) only
decides. No input raises and every run ends: a run enters at most `MAX_STEPS` nodes, then takes its leave
politely.

At most one `Play` or `Record` is under way. When something else is to happen first, `StopPlaying` is sent and
the decision waits as `Run.pending` for the `Played`: so a `Played` always belongs to the last of them, and a
stop can never hit the next prompt.

What the engine waits for and may lose (a recording's end, a request's answer) is under a guard: a timer of the
engine's own that goes on as if it had come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ivr.messages import (
    Answered,
    AnswerFailure,
    AnyCommand,
    AnyEvent,
    Enter,
    Hangup,
    HungUp,
    Key,
    Played,
    TalkEnded,
    TimerFired,
    TransferFailed,
)
from ivr.model import MAX_VALUE, Flow
from ivr.nodes.base import Go, Listen, Say, Signal, Stay
from ivr.run import (
    APOLOGY,
    KEYS,
    MAX_STEPS,
    MAX_TYPE_AHEAD,
    MAX_VALUES,
    RECORD_GRACE_MS,
    REQUEST_GRACE_MS,
    SYSTEM,
    PathStep,
    Run,
    Status,
    bounded,
)
from ivr.surroundings import Surroundings
from ivr.work import Work

__all__ = [
    "APOLOGY",
    "MAX_STEPS",
    "MAX_TYPE_AHEAD",
    "MAX_VALUE",
    "MAX_VALUES",
    "RECORD_GRACE_MS",
    "REQUEST_GRACE_MS",
    "PathStep",
    "Run",
    "Status",
    "advance",
    "start",
]


def start(flow: Flow, *, language: str, variables: Mapping[str, str], now_ms: int) -> Run:
    """Return the run of a caller about to enter `flow`. `variables` holds system variables and values from the
    flow before; it overrides initial values, and names that are neither the flow's nor the system's are left
    out.
    """
    own = flow.variable_names()
    values = {variable.name: variable.initial for variable in flow.variables}
    values |= {name: value for name, value in variables.items() if name in own or name in SYSTEM}
    return Run(language=language, variables=bounded(values))


def advance(
    flow: Flow,
    run: Run,
    event: AnyEvent,
    now_ms: int,
    surroundings: Surroundings = Surroundings(),  # noqa: B008 - a frozen value
) -> tuple[Run, list[AnyCommand]]:
    """Return the run after `event` and what to do about it, in order. Never raises; what does not fit is
    ignored.
    """
    work = Work(flow, run, now_ms, surroundings)
    _TABLE[run.status, type(event)](work, event)
    work.never_silent()
    return work.run, work.commands


def _begin(work: Work, event: AnyEvent) -> None:
    work.change(status=Status.ACTIVE)
    work.drive(Go(exit="", target=work.flow.entry))


def _store_key(work: Work, event: AnyEvent) -> None:
    assert isinstance(event, Key)
    digit = event.digit.upper()
    if _was_spare(work, digit):
        return
    if len(digit) == 1 and digit in KEYS:
        work.change(keys=(work.run.keys + digit)[:MAX_TYPE_AHEAD])


def _was_spare(work: Work, digit: str) -> bool:
    """Return whether the key closes an entry that its length had ended: callers type it though nobody waits for it."""
    if not work.run.spare:
        return False
    closes = digit == work.run.spare and work.now_ms <= work.run.spare_until_ms
    work.change(spare="", spare_until_ms=0)
    return closes


def _key(work: Work, event: AnyEvent) -> None:
    before = work.run.keys
    _store_key(work, event)
    if work.run.keys != before:
        work.drive(work.ask(Signal.KEYS))


def _played(work: Work, event: AnyEvent) -> None:
    assert isinstance(event, Played)
    if not work.run.playing:
        return
    work.activity_over()
    work.drive(work.ask(Signal.PLAYED if event.ok else Signal.PLAY_FAILED))


def _stopped(work: Work, event: AnyEvent) -> None:
    """Go on with what was decided, unless keys that came meanwhile lead elsewhere."""
    pending = work.run.pending
    work.activity_over()
    work.change(status=Status.ACTIVE, pending=None)
    if pending is None:
        pending = work.ask(Signal.PLAYED)
    elif isinstance(pending, Say | Listen) and work.run.keys:
        outcome = work.ask(Signal.KEYS)
        pending = pending if isinstance(outcome, Stay) else outcome
    work.drive(pending)


def _timer(work: Work, event: AnyEvent) -> None:
    assert isinstance(event, TimerFired)
    if event.name and event.name == work.run.guard:
        _guard(work)
    elif event.name and event.name == work.run.timer:
        work.change(timer="")
        work.drive(work.ask(Signal.TIMER))


def _guard(work: Work) -> None:
    """What was waited for is overdue: a request counts as lost, a recording is stopped."""
    work.change(guard="")
    if work.run.request:
        _answered(work, Answered(name=work.run.request, ok=False, reason=AnswerFailure.LOST))
    elif work.run.recording:
        work.stop(None)


def _timer_while_stopping(work: Work, event: AnyEvent) -> None:
    """A recording that was stopped and never reported its end has ended all the same."""
    assert isinstance(event, TimerFired)
    if not event.name or event.name != work.run.guard:
        return
    if work.run.recording:
        work.change(guard="")
        _stopped(work, Played())
    elif work.run.request:
        work.change(guard="")
        lost = Answered(name=work.run.request, ok=False, reason=AnswerFailure.LOST)
        _answered_while_stopping(work, lost)


def _answered(work: Work, event: AnyEvent) -> None:
    assert isinstance(event, Answered)
    if event.name and event.name == work.run.request:
        work.forget_request()
        work.drive(work.ask(Signal.ANSWERED, answer=event))


def _answered_while_stopping(work: Work, event: AnyEvent) -> None:
    """The node hears of the answer now; what it decides takes the place of what waits for the prompt's end."""
    assert isinstance(event, Answered)
    if event.name and event.name == work.run.request:
        work.forget_request()
        outcome = work.ask(Signal.ANSWERED, answer=event)
        if not isinstance(outcome, Stay):
            work.change(pending=outcome)


def _back(work: Work, event: AnyEvent) -> None:
    assert isinstance(event, TransferFailed)
    work.change(status=Status.ACTIVE)
    work.mark_exit(f"failure:{event.reason}")
    work.drive(work.ask(Signal.TRANSFER_FAILED, event.reason))


def _talk_ended(work: Work, event: AnyEvent) -> None:
    """Ask the node where to go on; keys pressed in the talk were meant for the agent, not for what follows."""
    work.change(status=Status.ACTIVE, keys="")
    work.drive(work.ask(Signal.TALK_ENDED))


def _left(work: Work, event: AnyEvent) -> None:
    work.commands.append(Hangup())
    work.change(status=Status.ENDED, playing=False)


def _hung_up(work: Work, event: AnyEvent) -> None:
    if work.run.path and not work.run.path[-1].exit:
        work.mark_exit("caller-hung-up")
    work.cancel_timer()
    work.drop_guard()
    work.change(status=Status.ENDED, playing=False, recording=False, request="", pending=None)


def _ignore(work: Work, event: AnyEvent) -> None:
    """A row of the table: the event says nothing in this status."""


_Row = Callable[[Work, AnyEvent], None]
_EVENTS: tuple[type, ...] = (
    Enter, Key, Played, TimerFired, TransferFailed, HungUp, Answered, TalkEnded
)  # fmt: skip


def _rows(status: Status, *handlers: _Row) -> dict[tuple[Status, type], _Row]:
    return {(status, event): handler for event, handler in zip(_EVENTS, handlers, strict=True)}


# Columns: Enter, Key, Played, TimerFired, TransferFailed, HungUp, Answered, TalkEnded
_TABLE: dict[tuple[Status, type], _Row] = {
    **_rows(Status.NEW, _begin, _store_key, _ignore, _ignore, _ignore, _hung_up, _ignore, _ignore),
    **_rows(Status.ACTIVE, _ignore, _key, _played, _timer, _ignore, _hung_up, _answered, _ignore),
    **_rows(
        Status.STOPPING, _ignore, _store_key, _stopped, _timer_while_stopping, _ignore, _hung_up,
        _answered_while_stopping, _ignore,
    ),
    **_rows(Status.AWAY, _ignore, _store_key, _ignore, _ignore, _back, _hung_up, _ignore, _talk_ended),
    **_rows(Status.LEAVING, _ignore, _ignore, _left, _ignore, _ignore, _hung_up, _ignore, _ignore),
    **_rows(Status.ENDED, _ignore, _ignore, _ignore, _ignore, _ignore, _ignore, _ignore, _ignore),
}  # fmt: skip
