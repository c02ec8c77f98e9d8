"""Trying a flow without a phone (CTI-I15): the real engine, with somebody at a screen in place of switch, caller and
outside world. Pure: a document and a list of what happened go in, what the caller would have heard comes out.

The whole list is played anew each time, so nothing is kept between two tries and an unsaved draft can be tried. The
clock begins at the time given and moves on by itself when a time-out is said to have passed.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence

import msgspec

from core.errors import CallerFault
from core.i18n import lazy, use_language
from ivr import engine, messages
from ivr.field_words import Names
from ivr.model import Flow
from ivr.run import MAX_FLOW_CHANGES
from ivr.surroundings import Surroundings
from ivr.trial_words import Kind, Line, TrialWords, system_variables

__all__ = ["Do", "Kind", "Line", "Trial", "TrialEvent", "TrialRefused", "TrialSetting", "Waiting", "try_flow"]

MAX_EVENTS = 500
KEY_MS = 2_000
"""A caller who thinks between keys, so that no two are one burst; the key that closes an entry still does."""


class Do(enum.StrEnum):
    """What somebody says happened."""

    KEY = "key"  # the caller pressed `digit`
    PLAYED = "played"  # the prompt was heard to its end
    TIMER = "timer"  # nobody pressed anything in time
    TRANSFER = "transfer"  # `result`: answered, or why not
    TALK_ENDED = "talk_ended"  # the agent hung up
    ANSWER = "answer"  # the request ended: `ok`, `variables`
    RECORDED = "recorded"  # the message is spoken
    HANG_UP = "hang_up"  # the caller hung up


ANSWERED = "answered"
"""The `result` of a transfer that succeeded; the others are `ivr.messages.FailureReason`."""


class TrialEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened."""

    do: Do
    digit: str = ""
    result: str = ANSWERED
    ok: bool = True
    variables: dict[str, str] = {}


class Waiting(enum.StrEnum):
    """What the flow waits for."""

    PROMPT = "prompt"
    KEY = "key"
    TRANSFER = "transfer"
    REQUEST = "request"
    RECORD = "record"
    OVER = "over"


class TrialState(msgspec.Struct, frozen=True, kw_only=True):
    """Where the caller is after everything that happened."""

    status: str
    node: str
    waiting: Waiting
    seconds: float
    """How long it is waited for at most; 0 where that is not ours to say."""
    flow_id: int
    """Another flow the caller is in; 0: the one that is tried."""
    talking: bool
    """An agent answered; only hanging up is left, on one side or the other."""
    variables: dict[str, str]
    keys: str
    """Pressed and not used up."""


class TrialStep(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the way."""

    node: str
    name: str
    keys: str
    exit: str
    flow_id: int = 0
    """Another flow it is of; 0: the one that is tried."""


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """Another flow as calls enter it."""

    flow: Flow
    names: Names = {}


def _follow_none(flow_id: int) -> Followed | None:
    return None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    transcript: list[Line]
    state: TrialState
    path: list[TrialStep]
    error: str = ""
    """Why the flow could not go on by itself, when it could not."""


class TrialSetting(msgspec.Struct, frozen=True, kw_only=True):
    """What surrounds the call that is tried."""

    language: str
    """The call's: ``zh`` or ``en``."""
    reader: str
    """Language of the transcript's own words."""
    now_ms: int
    surroundings: Surroundings
    caller: str = ""
    """Stored form (`core.phone`)."""
    called: str = ""
    names: Names = {}
    sounds: Mapping[str, Mapping[str, str]] = {}
    """Texts of the platform's own prompts by name and language."""
    flow_id: int = 0
    """The tried flow's own: who comes back to it comes back to what is tried."""
    follow: Callable[[int], Followed | None] = _follow_none
    """Gives the newest published version of another flow of the company."""


class TrialRefused(CallerFault):
    """Too much happened, or working it out takes too long."""

    id = "trial-refused"
    status = 422
    sentence = lazy(
        "A flow can be tried with at most %(maximum)s steps that take no longer than two seconds."
    )


def try_flow(
    flow: Flow, events: Sequence[TrialEvent], setting: TrialSetting, in_time: Callable[[], bool]
) -> Trial:
    """Return what happens when `events` happen to a caller of `flow`, which may be incomplete. What does not fit the
    moment is ignored, as the engine does. `in_time` is asked between events.

    Raises `TrialRefused`.
    """
    if len(events) > MAX_EVENTS:
        raise TrialRefused(maximum=MAX_EVENTS)
    with use_language(setting.reader):
        call = _Call(flow, setting)
        for event in events:
            if not in_time():
                raise TrialRefused(maximum=MAX_EVENTS)
            call.take(event)
        return call.result()


class _Call:
    """The simulated call."""

    def __init__(self, flow: Flow, setting: TrialSetting) -> None:
        self.flow = self.tried = flow
        self.setting = setting
        self.now_ms = setting.now_ms
        self.words = TrialWords(flow, setting.names, setting.sounds, setting.surroundings.timezone)
        self.transcript: list[Line] = []
        self.timers: dict[str, int] = {}
        self.limit_s = 0.0
        self.transfer: messages.Transfer | None = None
        self.talking = False
        self.flow_id = 0
        self.changes = 0
        self.parts: list[tuple[int, int]] = [(0, 0)]
        """Where in the path each flow begins, and which it is."""
        self.next_flow = 0
        self.before: list[engine.PathStep] = []
        """The path as the flow before the present one left it: entering a flow writes on its last step."""
        variables = self.variables()
        self.run = engine.start(flow, language=setting.language, variables=variables, now_ms=setting.now_ms)
        self.feed(messages.Enter())

    def variables(self) -> dict[str, str]:
        setting = self.setting
        return system_variables(
            setting.caller,
            setting.called,
            setting.language,
            self.now_ms,
            setting.surroundings.timezone,
        )

    def take(self, event: TrialEvent) -> None:
        """Let `event` happen, as far as it can happen now."""
        if self.run.status is engine.Status.ENDED:
            return
        match event.do:
            case Do.KEY:
                if len(event.digit) == 1 and event.digit.upper() in engine.KEYS:
                    self.now_ms += KEY_MS
                    self.say(self.words.key(self.run.node, event.digit))
                    self.feed(messages.Key(digit=event.digit))
            case Do.PLAYED | Do.RECORDED:
                self.feed(messages.Played(ok=event.ok))
            case Do.TIMER:
                self.timer()
            case Do.TRANSFER:
                self.transferred(event.result)
            case Do.TALK_ENDED:
                self.talk_ended()
            case Do.ANSWER:
                self.answer(event)
            case Do.HANG_UP:
                self.feed(messages.HungUp())
                self.say(self.words.hung_up(self.run.node))

    def timer(self) -> None:
        name = self.run.timer
        if name and name in self.timers:
            self.now_ms += self.timers.pop(name)
            self.feed(messages.TimerFired(name=name))

    def transferred(self, result: str) -> None:
        if self.run.status is not engine.Status.AWAY or self.talking:
            return
        if result == ANSWERED:
            self.talking = True
            self.say(self.words.answered(self.run.node))
        elif result in set(messages.FailureReason):
            self.say(self.words.transfer_failed(self.run.node, result))
            self.feed(messages.TransferFailed(reason=messages.FailureReason(result)))

    def talk_ended(self) -> None:
        if not self.talking:
            return
        self.talking = False
        self.say(self.words.talk_ended(self.run.node))
        if self.transfer is not None and self.transfer.after_talk:
            self.feed(messages.TalkEnded())
        else:
            self.feed(messages.HungUp())

    def answer(self, event: TrialEvent) -> None:
        name = self.run.request
        if not name:
            return
        failure = messages.AnswerFailure.NONE if event.ok else messages.AnswerFailure.UNREACHABLE
        answered = messages.Answered(
            name=name,
            ok=event.ok,
            status=200 if event.ok else 0,
            variables=event.variables,
            reason=failure,
        )
        self.say(self.words.request_answered(self.run.node, answered))
        self.feed(answered)

    def feed(self, event: messages.AnyEvent) -> None:
        """Give the engine an event and do what it says, as a switch would."""
        following: messages.AnyEvent | None = event
        while following is not None:
            steps = len(self.run.path)
            run = msgspec.structs.replace(self.run, variables={**self.run.variables, **self.variables()})
            self.run, commands = engine.advance(
                self.flow, run, following, self.now_ms, self.setting.surroundings
            )
            self.tell(steps, commands)
            following = self.follows_at_once(commands)
            if self.next_flow and self.enter_next_flow():
                following = messages.Enter()

    @staticmethod
    def follows_at_once(commands: Sequence[messages.AnyCommand]) -> messages.AnyEvent | None:
        """Return what a call would be told without anybody doing anything: a prompt stopped, a message is kept."""
        for command in commands:
            if isinstance(command, messages.StopPlaying):
                return messages.Played()
            if isinstance(command, messages.SendSms):
                return messages.Answered(name=command.name, ok=True)
        return None

    def enter_next_flow(self) -> bool:
        """Go on at the beginning of the next flow, bounded as a call is; False when the call ends instead."""
        flow_id, self.next_flow = self.next_flow, 0
        before, setting = self.run, self.setting
        self.changes += 1
        if self.changes > MAX_FLOW_CHANGES:
            self.say(self.words.too_many_flows(before.node))
            return False
        own = flow_id == setting.flow_id
        found = Followed(flow=self.tried, names=setting.names) if own else setting.follow(flow_id)
        if found is None:
            self.say(self.words.flow_missing(before.node))
            return False
        self.flow, self.flow_id = found.flow, 0 if own else flow_id
        zone = setting.surroundings.timezone
        self.words = TrialWords(found.flow, found.names, setting.sounds, zone, self.flow_id)
        self.before = self.path()
        self.parts.append((len(self.before), self.flow_id))
        self.timers.clear()
        variables = {**before.variables, **self.variables()}
        run = engine.start(found.flow, language=before.language, variables=variables, now_ms=self.now_ms)
        self.run = msgspec.structs.replace(
            run,
            path=before.path,
            keys=before.keys,
            spare=before.spare,
            spare_until_ms=before.spare_until_ms,
            timers=before.timers,
            requests=before.requests,
            sms=before.sms,
        )
        return True

    def tell(self, steps: int, commands: list[messages.AnyCommand]) -> None:
        """Write down the nodes entered, then what was done there."""
        notes = [command for command in commands if isinstance(command, messages.Note)]
        for note in [each for each in notes if steps and each.node == self.run.path[steps - 1].node]:
            self.say(self.words.note(note))
            notes.remove(note)
        for index in range(steps, len(self.run.path)):
            before = self.path()[index - 1].exit if index else ""
            step = self.run.path[index]
            self.say(self.words.goes(step.node, before))
            for note in [each for each in notes if each.node == step.node]:
                self.say(self.words.note(note))
                notes.remove(note)
        for command in commands:
            self.carry_out(command)

    def carry_out(self, command: messages.AnyCommand) -> None:
        node = self.run.node
        match command:
            case messages.Play():
                self.say(self.words.says(node, command, self.run, self.now_ms))
            case messages.StartTimer():
                self.timers[command.name] = command.ms
                if command.name == self.run.timer and not self.run.request:
                    self.limit_s = command.ms / 1000
                    self.say(self.words.waits(node, self.limit_s))
            case messages.CancelTimer():
                self.timers.pop(command.name, None)
            case messages.Transfer():
                self.transfer = command
                self.say(self.words.transfer(node, command))
            case messages.Record():
                self.limit_s = command.max_s
                self.say(self.words.records(node, command))
            case messages.Request():
                self.limit_s = command.timeout_s
                self.say(self.words.request(node, command))
            case messages.SendSms():
                self.say(self.words.sms(command))
            case messages.EnterFlow():
                self.say(self.words.enters_flow(node, command.flow_id))
                self.next_flow = command.flow_id
            case messages.Hangup():
                self.say(self.words.ends(node))
            case messages.StopPlaying() | messages.Note():
                pass

    def say(self, line: Line) -> None:
        self.transcript.append(line)

    def result(self) -> Trial:
        run, waiting = self.run, self.waiting()
        timed = waiting in (Waiting.KEY, Waiting.RECORD, Waiting.REQUEST)
        state = TrialState(
            status=run.status.value,
            node=run.node,
            waiting=waiting,
            seconds=self.limit_s if timed else 0.0,
            flow_id=self.flow_id,
            talking=self.talking,
            variables=run.variables,
            keys=run.keys,
        )
        path = [
            TrialStep(
                node=step.node, name=step.name, keys=step.keys, exit=step.exit, flow_id=self.flow_at(index)
            )
            for index, step in enumerate(self.path())
        ]
        return Trial(transcript=self.transcript, state=state, path=path, error=self.error())

    def path(self) -> list[engine.PathStep]:
        return [*self.before, *self.run.path[len(self.before) :]]

    def flow_at(self, index: int) -> int:
        return [flow_id for begins, flow_id in self.parts if begins <= index][-1]

    def waiting(self) -> Waiting:
        run = self.run
        match run.status:
            case engine.Status.ENDED:
                return Waiting.OVER
            case engine.Status.AWAY:
                return Waiting.TRANSFER
        if run.recording:
            return Waiting.RECORD
        if run.request:
            return Waiting.REQUEST
        return Waiting.PROMPT if run.playing else Waiting.KEY

    def error(self) -> str:
        if not self.run.path:
            return self.words.no_entry()
        last = self.run.path[-1]
        if last.exit.startswith("failed:"):
            return self.words.could_not_go_on(last.name or last.node, last.exit)
        return ""
