"""A caller in a flow: feeds the engine as the controller does and keeps what came out."""

from __future__ import annotations

import msgspec

from ivr import engine
from ivr.messages import (
    AnyCommand,
    AnyEvent,
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
from ivr.model import Flow, TextPrompt


class Caller:
    """Every event goes in as from the switch; the state goes through JSON each time, as in Redis."""

    def __init__(self, flow: Flow, **variables: str) -> None:
        self.flow = flow
        self.now_ms = 1_000_000
        self.run = engine.start(flow, language="en", variables=variables, now_ms=self.now_ms)
        self.heard: list[str] = []
        self.commands: list[AnyCommand] = []

    def feed(self, event: AnyEvent) -> list[AnyCommand]:
        self.now_ms += 10
        before = msgspec.json.encode(self.run)
        stored = msgspec.json.decode(before, type=engine.Run)
        run, commands = engine.advance(self.flow, self.run, event, self.now_ms)
        again = engine.advance(self.flow, stored, event, self.now_ms)
        assert (run, commands) == again, "a restored run behaves differently"
        assert msgspec.json.encode(self.run) == before, "advance changed the run it was given"
        self._judge(event, commands)
        self.run = run
        self.commands = commands
        for command in commands:
            if isinstance(command, Play):
                self.heard += [
                    p.text if isinstance(p, TextPrompt) else f"<{p.name}>" for p in command.prompts
                ]  # type: ignore[union-attr]
        if event != HungUp() and run.status not in {
            engine.Status.NEW,
            engine.Status.ENDED,
            engine.Status.AWAY,
        }:
            assert run.playing or run.timer, f"silence: {run}"
        return commands

    def _judge(self, event: AnyEvent, commands: list[AnyCommand]) -> None:
        if self.run.status is engine.Status.ENDED:
            assert commands == [], "a call that is over is left alone"
        moves = [command for command in commands if isinstance(command, Play | Transfer | Hangup)]
        assert len(moves) <= 1, "two things at once"
        if self.run.playing and not isinstance(event, Played):
            assert not moves, "something begins while a prompt is under way"
        if StopPlaying() in commands:
            assert self.run.playing
            assert commands.count(StopPlaying()) == 1

    def enter(self) -> Caller:
        self.feed(Enter())
        return self

    def press(self, digits: str) -> Caller:
        for digit in digits:
            self.feed(Key(digit=digit))
        return self

    def listen(self, ok: bool = True) -> Caller:
        """Hear the prompt under way to its end."""
        assert self.run.playing
        self.feed(Played(ok=ok))
        return self

    def wait(self) -> Caller:
        """Let the timer run out."""
        assert self.run.timer
        self.feed(TimerFired(name=self.run.timer))
        return self

    def fail(self, reason: FailureReason = FailureReason.BUSY) -> Caller:
        assert self.run.status is engine.Status.AWAY
        self.feed(TransferFailed(reason=reason))
        return self

    @property
    def over(self) -> bool:
        return self.run.status is engine.Status.ENDED

    @property
    def timer_ms(self) -> int:
        return next(c.ms for c in self.commands if isinstance(c, StartTimer))

    @property
    def path(self) -> list[tuple[str, str, str]]:
        return [(step.node, step.keys, step.exit) for step in self.run.path]
