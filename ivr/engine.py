"""The IVR engine: a pure function from (flow, run, event) to (run, commands). docs/contracts.md, docs/ivr.md.

The engine owns what is the same for all nodes: jumps (a loop with a bound), type-ahead, one prompt at a time,
one timer at a time, the path, and what happens when a node cannot go on. A node type (`ivr.nodes`) only
decides. No input raises and every run ends: a run enters at most `MAX_STEPS` nodes, then takes its leave
politely.

At most one `Play` is under way. When something else is to happen first, `StopPlaying` is sent and the
decision waits as `Run.pending` for the `Played`: so a `Played` always belongs to the last `Play`, and a stop
can never hit the next prompt.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

import msgspec

from ivr.messages import (
    AnyCommand,
    AnyEvent,
    CancelTimer,
    Enter,
    FailureReason,
    Hangup,
    HungUp,
    Key,
    Play,
    Played,
    StartTimer,
    StopPlaying,
    TimerFired,
    Transfer,
    TransferFailed,
)
from ivr.model import Flow
from ivr.nodes.base import (
    AnyOutcome,
    End,
    Fail,
    Go,
    HandOver,
    Listen,
    Moment,
    Node,
    Say,
    Signal,
    Stay,
    Turn,
    TypeAhead,
)
from ivr.prompt_values import SoundPrompt

MAX_STEPS = 200
"""Nodes one call may enter: a caller (or a machine) that goes round and round is let go. Bounds the path in
the record too.
"""
MAX_TURNS = 64
"""Decisions on one event: a flow that jumps in a circle without waiting is stopped here (its checks failed to
be asked).
"""
MAX_TYPE_AHEAD = 64
"""Keys kept; later ones are dropped."""
KEYS = "0123456789*#ABCD"
APOLOGY = "system-busy"
"""The platform's own prompt (`sounds`) said before the engine gives a call up."""


class Status(enum.StrEnum):
    """Where a run stands."""

    NEW = "new"  # start() made it; Enter begins it
    ACTIVE = "active"  # a node plays, listens or decides
    STOPPING = "stopping"  # StopPlaying was sent; Played goes on with what is pending
    AWAY = "away"  # the caller was handed over; TransferFailed brings them back
    LEAVING = "leaving"  # the apology plays; Played hangs up
    ENDED = "ended"  # a hang-up was sent, or the caller hung up


class PathStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node the caller went through (CTI-I15)."""

    node: str
    name: str = ""
    at_ms: int = 0
    keys: str = ""
    """Keys this node used up, in order."""
    exit: str = ""
    """How it was left: ``next``, ``key:1``, ``failure:timeout``, ``transfer``, ``failed:<reason>``,
    ``hangup``, ``caller-hung-up``; empty while in it.
    """


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A caller's way through a flow: everything needed to go on after any process died. Survives JSON."""

    status: Status = Status.NEW
    language: str = "zh"
    node: str = ""
    """Code of the node the caller is in."""
    state: dict[str, object] = {}
    """The node's own state."""
    variables: dict[str, str] = {}
    keys: str = ""
    """Type-ahead: pressed, not used up."""
    playing: bool = False
    timer: str = ""
    """Name of the running timer."""
    timers: int = 0
    """Timers started so far, for names that are never used twice."""
    pending: AnyOutcome | None = None
    """Decided, waiting for the prompt to stop."""
    fell_back: bool = False
    """The flow's fallback was used; a second failure ends the call."""
    path: list[PathStep] = []


def start(flow: Flow, *, language: str, variables: Mapping[str, str], now_ms: int) -> Run:
    """Return the run of a caller about to enter `flow`. `variables` holds system variables and overrides
    initial values.
    """
    values = {variable.name: variable.initial for variable in flow.variables}
    return Run(language=language, variables={**values, **variables})


def advance(flow: Flow, run: Run, event: AnyEvent, now_ms: int) -> tuple[Run, list[AnyCommand]]:
    """Return the run after `event` and what to do about it, in order. Never raises; what does not fit is
    ignored.
    """
    work = _Work(flow, run, now_ms)
    _TABLE[run.status, type(event)](work, event)
    return work.run, work.commands


class _Work:
    """One call of `advance`: the run as it changes and the commands so far."""

    def __init__(self, flow: Flow, run: Run, now_ms: int) -> None:
        self.flow = flow
        self.run = run
        self.now_ms = now_ms
        self.commands: list[AnyCommand] = []

    def change(self, **fields: object) -> None:
        self.run = msgspec.structs.replace(self.run, **fields)

    def drive(self, outcome: AnyOutcome) -> None:
        """Carry out `outcome` and whatever follows from it, up to the next wait."""
        following: AnyOutcome | None = outcome
        turns = 0
        while following is not None:
            turns += 1
            if turns > MAX_TURNS:
                self.take_leave("spinning")
                return
            following = self.carry_out(following)

    def carry_out(self, outcome: AnyOutcome) -> AnyOutcome | None:
        """Do one thing; return what follows at once, or None when there is something to wait for."""
        if isinstance(outcome, Stay):
            return None
        if self.run.playing:
            self.commands.append(StopPlaying())
            self.change(status=Status.STOPPING, pending=outcome)
            return None
        self.cancel_timer()
        match outcome:
            case Say(prompts=[]):
                return self.ask(Signal.PLAYED)
            case Say():
                self.play(outcome)
            case Listen():
                self.listen(outcome.ms)
            case Go():
                return self.enter(outcome.target, outcome.exit)
            case HandOver():
                self.commands.append(
                    Transfer(target=outcome.target, background=outcome.background, failure=outcome.failure)
                )
                self.mark_exit("transfer")
                self.change(status=Status.AWAY)
            case End():
                self.commands.append(Hangup(cause=outcome.cause))
                self.mark_exit("hangup")
                self.change(status=Status.ENDED)
            case Fail():
                return self.fall_back(outcome.reason)
        return None

    def enter(self, code: str, exit_name: str) -> AnyOutcome | None:
        """Leave the present node through `exit_name` and enter `code`."""
        self.mark_exit(exit_name)
        node = self.flow.node(code)
        if node is None:
            return self.fall_back("no-such-node")
        if len(self.run.path) >= MAX_STEPS:
            self.take_leave("too-many-steps")
            return None
        keys = "" if node.type_ahead is TypeAhead.FLUSH else self.run.keys
        step = PathStep(node=node.code, name=node.name, at_ms=self.now_ms)
        self.change(node=node.code, state={}, keys=keys, path=[*self.run.path, step])
        return self.ask(Signal.ENTERED)

    def ask(self, signal: Signal, reason: FailureReason | None = None) -> AnyOutcome | None:
        """Let the present node decide; book keys, variables and state; return its outcome."""
        node = self.flow.node(self.run.node)
        if node is None:
            return Fail(reason="no-such-node")
        turn = self.turn(node, signal, reason)
        if turn is None:
            return Fail(reason="state-unreadable")
        if turn.take:
            self.use_up(turn.take)
        if turn.assign:
            self.change(variables={**self.run.variables, **turn.assign})
        if turn.state is not None:
            self.change(state=msgspec.to_builtins(turn.state))
        return turn.outcome

    def turn(self, node: Node, signal: Signal, reason: FailureReason | None) -> Turn | None:
        try:
            state = msgspec.convert(self.run.state, node.state_type)
        except msgspec.ValidationError:
            return None
        moment = Moment(
            signal=signal,
            keys=self.run.keys,
            variables=self.run.variables,
            now_ms=self.now_ms,
            language=self.run.language,
            reason=reason,
        )
        return node.step(state, moment)

    def play(self, say: Say) -> None:
        loops = max(say.loops, 1)
        self.commands.append(Play(prompts=say.prompts, interruptible=say.interruptible, loops=loops))
        self.change(status=Status.ACTIVE, playing=True)

    def listen(self, ms: int) -> None:
        name = f"t{self.run.timers + 1}"
        self.commands.append(StartTimer(name=name, ms=max(ms, 1)))
        self.change(status=Status.ACTIVE, timer=name, timers=self.run.timers + 1)

    def cancel_timer(self) -> None:
        if self.run.timer:
            self.commands.append(CancelTimer(name=self.run.timer))
            self.change(timer="")

    def use_up(self, count: int) -> None:
        used, rest = self.run.keys[:count], self.run.keys[count:]
        self.change(keys=rest)
        if self.run.path:
            last = self.run.path[-1]
            keys = (last.keys + used)[:MAX_TYPE_AHEAD]
            self.change(path=[*self.run.path[:-1], msgspec.structs.replace(last, keys=keys)])

    def mark_exit(self, exit_name: str) -> None:
        if self.run.path:
            last = msgspec.structs.replace(self.run.path[-1], exit=exit_name)
            self.change(path=[*self.run.path[:-1], last])

    def fall_back(self, reason: str) -> AnyOutcome | None:
        """The present node cannot go on: the flow's fallback once, then the apology (CTI-I16)."""
        if self.run.fell_back or self.flow.node(self.flow.fallback) is None:
            self.take_leave(reason)
            return None
        self.change(fell_back=True)
        return Go(exit=f"failed:{reason}", target=self.flow.fallback)

    def take_leave(self, reason: str) -> None:
        """Apologise and hang up; nothing a flow says can keep the call from ending now."""
        self.mark_exit(f"failed:{reason}")
        self.cancel_timer()
        self.play(Say(prompts=[SoundPrompt(name=APOLOGY)]))
        self.change(status=Status.LEAVING, pending=None)


def _begin(work: _Work, event: AnyEvent) -> None:
    work.change(status=Status.ACTIVE)
    work.drive(Go(exit="", target=work.flow.entry))


def _store_key(work: _Work, event: AnyEvent) -> None:
    assert isinstance(event, Key)
    digit = event.digit.upper()
    if len(digit) == 1 and digit in KEYS:
        work.change(keys=(work.run.keys + digit)[:MAX_TYPE_AHEAD])


def _key(work: _Work, event: AnyEvent) -> None:
    _store_key(work, event)
    if work.run.keys:
        work.drive(work.ask(Signal.KEYS) or Stay())


def _played(work: _Work, event: AnyEvent) -> None:
    assert isinstance(event, Played)
    if not work.run.playing:
        return
    work.change(playing=False)
    work.drive(work.ask(Signal.PLAYED if event.ok else Signal.PLAY_FAILED) or Stay())


def _stopped(work: _Work, event: AnyEvent) -> None:
    """Go on with what was decided, unless keys that came meanwhile lead elsewhere."""
    pending = work.run.pending or Fail(reason="state-unreadable")
    work.change(status=Status.ACTIVE, playing=False, pending=None)
    if isinstance(pending, Say | Listen) and work.run.keys:
        outcome = work.ask(Signal.KEYS) or Stay()
        pending = pending if isinstance(outcome, Stay) else outcome
    work.drive(pending)


def _timer(work: _Work, event: AnyEvent) -> None:
    assert isinstance(event, TimerFired)
    if event.name != work.run.timer or not event.name:
        return
    work.change(timer="")
    work.drive(work.ask(Signal.TIMER) or Stay())


def _back(work: _Work, event: AnyEvent) -> None:
    assert isinstance(event, TransferFailed)
    work.change(status=Status.ACTIVE)
    work.mark_exit(f"failure:{event.reason}")
    work.drive(work.ask(Signal.TRANSFER_FAILED, event.reason) or Stay())


def _left(work: _Work, event: AnyEvent) -> None:
    work.commands.append(Hangup())
    work.change(status=Status.ENDED, playing=False)


def _hung_up(work: _Work, event: AnyEvent) -> None:
    if work.run.path and not work.run.path[-1].exit:
        work.mark_exit("caller-hung-up")
    work.cancel_timer()
    work.change(status=Status.ENDED, playing=False, pending=None)


def _ignore(work: _Work, event: AnyEvent) -> None:
    """A row of the table: the event says nothing in this status."""


_Row = Callable[[_Work, AnyEvent], None]
_EVENTS: tuple[type, ...] = (Enter, Key, Played, TimerFired, TransferFailed, HungUp)


def _rows(status: Status, *handlers: _Row) -> dict[tuple[Status, type], _Row]:
    return {(status, event): handler for event, handler in zip(_EVENTS, handlers, strict=True)}


_TABLE: dict[tuple[Status, type], _Row] = {
    #                        Enter    Key         Played    TimerFired  TransferFailed  HungUp
    **_rows(Status.NEW, _begin, _store_key, _ignore, _ignore, _ignore, _hung_up),
    **_rows(Status.ACTIVE, _ignore, _key, _played, _timer, _ignore, _hung_up),
    **_rows(Status.STOPPING, _ignore, _store_key, _stopped, _ignore, _ignore, _hung_up),
    **_rows(Status.AWAY, _ignore, _store_key, _ignore, _ignore, _back, _hung_up),
    **_rows(Status.LEAVING, _ignore, _ignore, _left, _ignore, _ignore, _hung_up),
    **_rows(Status.ENDED, _ignore, _ignore, _ignore, _ignore, _ignore, _ignore),
}
