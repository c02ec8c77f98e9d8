"""A caller in a flow: feeds the engine as the controller does and keeps what came out."""

from __future__ import annotations

import msgspec

from ivr import engine
from ivr.messages import (
    Answered,
    AnswerFailure,
    AnyCommand,
    AnyEvent,
    CancelTimer,
    Enter,
    EnterFlow,
    FailureReason,
    Hangup,
    HungUp,
    Key,
    Note,
    Play,
    Played,
    Record,
    Request,
    StartTimer,
    StopPlaying,
    TalkEnded,
    TimerFired,
    Transfer,
    TransferFailed,
)
from ivr.model import Flow, Prompt, TextPrompt, VoicePrompt
from ivr.surroundings import Surroundings

Status = engine.Status
BEIJING = Surroundings()


def _words(prompt: Prompt) -> str:
    match prompt:
        case TextPrompt():
            return prompt.text
        case VoicePrompt():
            return f"<voice {prompt.voice_id}>"
        case _:
            return f"<{prompt.name}>"


class Caller:
    """Every event goes in as from the switch; the state goes through JSON each time, as in Redis."""

    def __init__(
        self,
        flow: Flow,
        *,
        surroundings: Surroundings = BEIJING,
        now_ms: int = 1_000_000,
        **variables: str,
    ) -> None:
        self.flow = flow
        self.surroundings = surroundings
        self.now_ms = now_ms
        self.run = engine.start(flow, language="en", variables=variables, now_ms=self.now_ms)
        self.heard: list[str] = []
        self.commands: list[AnyCommand] = []
        self.notes: list[Note] = []
        self.timers: set[str] = set()

    def feed(self, event: AnyEvent) -> list[AnyCommand]:
        self.now_ms += 10
        before = msgspec.json.encode(self.run)
        stored = msgspec.json.decode(before, type=engine.Run)
        run, commands = engine.advance(self.flow, self.run, event, self.now_ms, self.surroundings)
        again = engine.advance(self.flow, stored, event, self.now_ms, self.surroundings)
        assert (run, commands) == again, "a restored run behaves differently"
        assert msgspec.json.encode(self.run) == before, "advance changed the run it was given"
        assert msgspec.json.decode(msgspec.json.encode(commands), type=list[AnyCommand]) == commands
        self._judge(event, commands)
        self._keep_timers(event, commands, run)
        self.run = run
        self.commands = commands
        self.notes += [command for command in commands if isinstance(command, Note)]
        for command in commands:
            if isinstance(command, Play):
                self.heard += [_words(prompt) for prompt in command.prompts]
        if event != HungUp() and run.status not in {Status.NEW, Status.ENDED, Status.AWAY}:
            assert run.playing or run.timer or run.request, f"silence: {run}"
            assert run.guard or not (run.request or run.recording), "nothing would end the wait"
        return commands

    def _judge(self, event: AnyEvent, commands: list[AnyCommand]) -> None:
        if self.run.status is Status.ENDED:
            assert commands == [], "a call that is over is left alone"
        moves = [c for c in commands if isinstance(c, Play | Record | Transfer | Hangup | EnterFlow)]
        assert len(moves) <= 1, "two things at once"
        gone = isinstance(event, TimerFired) and self.run.recording
        if self.run.playing and not isinstance(event, Played) and not gone:
            assert not moves, "something begins while a prompt is under way"
        if StopPlaying() in commands:
            assert self.run.playing
            assert commands.count(StopPlaying()) == 1
            assert not moves, "a late stop would hit what begins"

    def _keep_timers(self, event: AnyEvent, commands: list[AnyCommand], run: engine.Run) -> None:
        """The engine knows which timers run: none is started twice, forgotten, or cancelled for nothing."""
        if isinstance(event, TimerFired):
            self.timers.discard(event.name)
        for command in commands:
            if isinstance(command, StartTimer):
                assert command.name not in self.timers
                self.timers.add(command.name)
            elif isinstance(command, CancelTimer):
                assert command.name in self.timers
                self.timers.discard(command.name)
        assert self.timers == {run.timer, run.guard} - {""}

    def enter(self) -> Caller:
        self.feed(Enter())
        return self

    def press(self, digits: str) -> Caller:
        for digit in digits:
            self.feed(Key(digit=digit))
        return self

    def rest(self, ms: int) -> Caller:
        """Do nothing for a while."""
        self.now_ms += ms
        return self

    def listen(self, ok: bool = True) -> Caller:
        """Hear the prompt under way to its end, or end the recording."""
        assert self.run.playing
        self.feed(Played(ok=ok))
        return self

    def wait(self) -> Caller:
        """Let the timer run out."""
        assert self.run.timer
        self.feed(TimerFired(name=self.run.timer))
        return self

    def lose(self) -> Caller:
        """Let the guard's time pass: what was waited for never comes."""
        assert self.run.guard
        self.feed(TimerFired(name=self.run.guard))
        return self

    def answer(self, ok: bool = True, reason: AnswerFailure = AnswerFailure.NONE, **variables: str) -> Caller:
        """The request's answer comes."""
        assert self.run.request
        self.feed(Answered(name=self.run.request, ok=ok, variables=variables, reason=reason))
        return self

    def fail(self, reason: FailureReason = FailureReason.BUSY) -> Caller:
        assert self.run.status is Status.AWAY
        self.feed(TransferFailed(reason=reason))
        return self

    def talk(self) -> Caller:
        """Talk with the agent until the agent hangs up."""
        assert self.run.status is Status.AWAY
        self.feed(TalkEnded())
        return self

    @property
    def over(self) -> bool:
        return self.run.status is Status.ENDED

    @property
    def timer_ms(self) -> int:
        return next(c.ms for c in self.commands if isinstance(c, StartTimer))

    @property
    def request(self) -> Request:
        return next(c for c in self.commands if isinstance(c, Request))

    @property
    def path(self) -> list[tuple[str, str, str]]:
        return [(step.node, step.keys, step.exit) for step in self.run.path]
