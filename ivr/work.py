"""One event's work on a run: what the engine does to carry out what nodes decide. Used by `ivr.engine` only."""

from __future__ import annotations

import msgspec

from core.sms import MAX_PER_CALL
from ivr.messages import (
    Answered,
    AnswerFailure,
    AnyCommand,
    CancelTimer,
    EnterFlow,
    FailureReason,
    Hangup,
    Play,
    Record,
    Request,
    SendSms,
    StartTimer,
    StopPlaying,
    Transfer,
)
from ivr.model import Flow
from ivr.nodes.base import (
    AnyOutcome,
    Ask,
    Continue,
    End,
    Fail,
    Go,
    HandOver,
    Listen,
    Moment,
    Node,
    RecordMessage,
    Say,
    Send,
    Signal,
    Stay,
    Turn,
    TypeAhead,
)
from ivr.prompt_values import SoundPrompt, SystemVariable
from ivr.run import (
    APOLOGY,
    MAX_STEPS,
    MAX_TURNS,
    MAX_TYPE_AHEAD,
    RECORD_GRACE_MS,
    REQUEST_GRACE_MS,
    SMS_GRACE_MS,
    SPARE_MS,
    PathStep,
    Run,
    Status,
    bounded,
)
from ivr.surroundings import Surroundings


class Work:
    """One call of `advance`: the run as it changes and the commands so far."""

    def __init__(self, flow: Flow, run: Run, now_ms: int, surroundings: Surroundings) -> None:
        self.flow = flow
        self.run = run
        self.now_ms = now_ms
        self.surroundings = surroundings
        self.commands: list[AnyCommand] = []

    def change(self, **fields: object) -> None:
        self.run = msgspec.structs.replace(self.run, **fields)

    def never_silent(self) -> None:
        """A node that wants nothing while nothing is under way would leave its caller in silence."""
        while self.run.status is Status.ACTIVE and not (
            self.run.playing or self.run.timer or self.run.request
        ):
            self.drive(Fail(reason="stuck"))

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
            self.stop(outcome)
            return None
        self.cancel_timer()
        if not isinstance(outcome, Say | Listen):
            self.forget_request()
        match outcome:
            case Say(prompts=[]):
                return self.ask(Signal.PLAYED)
            case Say():
                self.play(outcome)
            case Listen():
                self.listen(outcome.ms)
            case RecordMessage():
                self.record(outcome)
            case Ask():
                self.request(outcome)
            case Send():
                return self.send(outcome)
            case Go():
                return self.enter(outcome.target, outcome.exit)
            case Fail():
                return self.fall_back(outcome.reason)
            case HandOver() | End() | Continue():
                self.let_go(outcome)
        return None

    def let_go(self, outcome: HandOver | End | Continue) -> None:
        """The caller leaves the flow, for good or for a transfer."""
        match outcome:
            case HandOver():
                transfer = Transfer(
                    target=outcome.target,
                    background=outcome.background,
                    failure=outcome.failure,
                    after_talk=outcome.after_talk,
                    outside=outcome.outside,
                )
                self.commands.append(transfer)
                self.mark_exit("transfer")
                self.change(status=Status.AWAY)
            case End():
                self.commands.append(Hangup(cause=outcome.cause))
                self.mark_exit("hangup")
                self.change(status=Status.ENDED)
            case Continue():
                self.commands.append(EnterFlow(flow_id=outcome.flow_id))
                self.mark_exit("flow")
                self.change(status=Status.ENDED)

    def stop(self, pending: AnyOutcome | None) -> None:
        """End what is under way; `pending` (None: the node is asked then) follows its `Played`."""
        self.commands.append(StopPlaying())
        if self.run.recording:
            self.set_guard(RECORD_GRACE_MS)
        self.change(status=Status.STOPPING, pending=pending)

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

    def ask(
        self, signal: Signal, reason: FailureReason | None = None, answer: Answered | None = None
    ) -> AnyOutcome:
        """Let the present node decide; book keys, variables, state and notes; return its outcome."""
        node = self.flow.node(self.run.node)
        if node is None:
            return Fail(reason="no-such-node")
        turn = self.turn(node, signal, reason, answer)
        if turn is None:
            return Fail(reason="state-unreadable")
        if turn.take:
            self.use_up(turn.take)
        if turn.spare:
            self.change(spare=turn.spare, spare_until_ms=self.now_ms + SPARE_MS)
        if turn.assign:
            own = self.flow.variable_names()
            values = {name: value for name, value in turn.assign.items() if name in own}
            self.change(variables=bounded({**self.run.variables, **values}))
        if turn.state is not None:
            self.change(state=msgspec.to_builtins(turn.state))
        self.commands += [msgspec.structs.replace(note, node=node.code) for note in turn.notes]
        return turn.outcome

    def turn(
        self, node: Node, signal: Signal, reason: FailureReason | None, answer: Answered | None
    ) -> Turn | None:
        try:
            state = msgspec.convert(self.run.state, node.state_type)
        except msgspec.ValidationError:
            return None
        moment = Moment(
            signal=signal,
            keys=self.run.keys,
            variables={**self.run.variables, **self.clock()},
            now_ms=self.now_ms,
            language=self.run.language,
            reason=reason,
            answer=answer,
            surroundings=self.surroundings,
        )
        return node.step(state, moment)

    def clock(self) -> dict[str, str]:
        """Return the system variables that are never stored, because they go on by themselves."""
        now = self.surroundings.local_time(self.now_ms)
        return {SystemVariable.DATE.value: f"{now:%Y-%m-%d}", SystemVariable.TIME.value: f"{now:%H:%M}"}

    def play(self, say: Say) -> None:
        loops = max(say.loops, 1)
        self.commands.append(Play(prompts=say.prompts, interruptible=say.interruptible, loops=loops))
        self.change(status=Status.ACTIVE, playing=True)

    def listen(self, ms: int) -> None:
        self.change(status=Status.ACTIVE, timer=self.start_timer(ms))

    def record(self, message: RecordMessage) -> None:
        max_s = max(message.max_s, 1)
        self.commands.append(Record(max_s=max_s, silence_s=max(message.silence_s, 0)))
        self.change(status=Status.ACTIVE, playing=True, recording=True)
        self.set_guard(max_s * 1000 + RECORD_GRACE_MS)

    def request(self, ask: Ask) -> None:
        name = f"r{self.run.requests + 1}"
        timeout_s = max(ask.timeout_s, 1)
        self.commands.append(
            Request(
                name=name,
                method=ask.method,
                url=ask.url,
                headers=ask.headers,
                body=ask.body,
                content_type=ask.content_type,
                timeout_s=timeout_s,
                fields=ask.fields,
            )
        )
        self.change(status=Status.ACTIVE, request=name, requests=self.run.requests + 1)
        self.set_guard(timeout_s * 1000 + REQUEST_GRACE_MS)
        if ask.background:
            self.play(Say(prompts=ask.background))
        else:
            self.listen(ask.patience_ms)

    def send(self, sms: Send) -> AnyOutcome | None:
        """Ask for a message; a call that had its share is refused at once."""
        if self.run.sms >= MAX_PER_CALL:
            return self.ask(
                Signal.ANSWERED, answer=Answered(name="", ok=False, reason=AnswerFailure.TOO_MANY)
            )
        name = f"m{self.run.requests + 1}"
        self.commands.append(SendSms(name=name, number=sms.number, text=sms.text, node=self.run.node))
        self.change(status=Status.ACTIVE, request=name, requests=self.run.requests + 1, sms=self.run.sms + 1)
        self.set_guard(SMS_GRACE_MS)
        return None

    def start_timer(self, ms: int) -> str:
        name = f"t{self.run.timers + 1}"
        self.commands.append(StartTimer(name=name, ms=max(ms, 1)))
        self.change(timers=self.run.timers + 1)
        return name

    def set_guard(self, ms: int) -> None:
        self.drop_guard()
        self.change(guard=self.start_timer(ms))

    def drop_guard(self) -> None:
        if self.run.guard:
            self.commands.append(CancelTimer(name=self.run.guard))
            self.change(guard="")

    def forget_request(self) -> None:
        """Wait for the answer no longer; one that comes late finds no request of its name."""
        if self.run.request:
            self.drop_guard()
            self.change(request="")

    def activity_over(self) -> None:
        """The `Played` of what was under way came, or is given up."""
        if self.run.recording:
            self.drop_guard()
        self.change(playing=False, recording=False)

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
        self.forget_request()
        self.play(Say(prompts=[SoundPrompt(name=APOLOGY)]))
        self.change(status=Status.LEAVING, pending=None)
