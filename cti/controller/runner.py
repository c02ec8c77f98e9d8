"""One greenlet per call: takes inputs in order, asks the state machine, has effects carried out, keeps the timers."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

import gevent
import gevent.queue
import structlog
from gevent.event import AsyncResult

from core.clock import now_ms
from cti.call import effects as fx
from cti.call import inputs
from cti.call.machine import UnexpectedInputError, advance
from cti.call.model import Call, Phase, Written
from cti.call.world import World

log = structlog.get_logger(__name__)

STOP = object()
STUCK_S = 30.0
"""An input whose effects take longer is stuck: the switch is left to let the caller go."""


ASK_S = 3.0
"""How long whoever asks for something waits for the call to take it; then it is not done any more."""


@dataclasses.dataclass(eq=False)
class Asked:
    """An input somebody waits for: `done` becomes whether the call did something about it."""

    event: inputs.Input
    done: AsyncResult = dataclasses.field(default_factory=AsyncResult)
    given_up: bool = False


class Hands(Protocol):
    """Who carries a call's effects out."""

    def carry(self, runner: CallRunner, effects: list[fx.Effect]) -> list[inputs.Input]:
        """Carry `effects` out in order; return the inputs that answer them at once."""

    def finished(self, runner: CallRunner) -> None:
        """The call is over."""


class CallRunner:
    """A live call. Everything that changes the call goes through :meth:`post`."""

    def __init__(self, call: Call, world: World, hands: Hands) -> None:
        self.call = call
        self.broken = False
        """An input could not be taken: the fallback is no longer renewed, so that the switch lets the caller go."""
        self.unsure: deque[tuple[int, bytes]] = deque(maxlen=20)
        """Commands of which nobody knows whether the switch got them, with the call's revision they carried."""
        self.written = Written()
        """What the leg carries of the call's state."""
        self.state_leg = call.state_leg
        """The leg :attr:`written` is about."""
        self.taking: inputs.Input | None = None
        """The input whose effects are being carried out."""
        self.busy_since: float | None = None
        """Monotonic second at which the input being taken was begun; None between two."""
        self.held_back: tuple[list[bytes], list[Callable[[], None]]] = ([], [])
        """Commands, and what is done after them, that go out with those of the input taken next."""
        self.fallback_due = 0.0
        """Monotonic second at which the switch lets the caller go; 0 when it must be armed anew."""
        self._offers_coming = 0
        self._world = world
        self._hands = hands
        self._inbox: gevent.queue.SimpleQueue = gevent.queue.SimpleQueue()
        self._timers: dict[str, gevent.Greenlet] = {}
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Begin to take inputs."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Take no more inputs; the call itself goes on at the switch."""
        self._inbox.put(STOP)
        self._drop_timers()

    @property
    def idle(self) -> bool:
        """Whether every input posted so far has been taken and carried out."""
        return self.busy_since is None and self._inbox.empty()

    def post(self, event: inputs.Input) -> None:
        """Have an input taken after those before it. Never blocks."""
        self._offers_coming += isinstance(event, inputs.Matched)
        self._inbox.put(event)

    @contextlib.contextmanager
    def offer_coming(self) -> Iterator[None]:
        """Say that an agent claimed for this call is about to be rung, until that is posted or given up."""
        self._offers_coming += 1
        try:
            yield
        finally:
            self._offers_coming -= 1

    @property
    def is_offered(self) -> bool:
        """Whether an agent was claimed for the call that it has not heard of yet: it needs no other."""
        return self._offers_coming > 0

    def ask(self, event: inputs.Input) -> bool:
        """Have an input taken, and say whether the call did what it asks. False: it came too late, or the call was busy
        for three seconds; then it is not taken later either. Not to be called by what carries a call's effects out.
        """
        asked = Asked(event)
        self._inbox.put(asked)
        try:
            return bool(asked.done.get(timeout=ASK_S))
        except gevent.Timeout:
            asked.given_up = True
            return False

    def restore_timers(self) -> None:
        """Start the timers the call had when its state was saved."""
        for timer in self.call.timers:
            self.set_timer(timer.name, timer.due_ms)

    def set_timer(self, name: str, due_ms: int) -> None:
        """Start or move a timer."""
        self.drop_timer(name)
        delay_s = max(0.0, (due_ms - now_ms()) / 1000)
        self._timers[name] = gevent.spawn_later(delay_s, self._timer_due, name)

    def drop_timer(self, name: str) -> None:
        """Stop a timer; nothing when it does not run."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.kill(block=False)

    def needs_fallback(self) -> bool:
        """Whether the caller hears only what we play, so that the fallback must be kept ahead. Not when nothing
        moves here any more, so that the dialplan saves the caller from silence.
        """
        phase = self.call.phase
        stuck = self.busy_since is not None and time.monotonic() - self.busy_since > STUCK_S
        return not (self.broken or stuck) and (
            phase in (Phase.ARRIVED, Phase.FLOW, Phase.WAITING, Phase.OFFERING, Phase.LEAVING)
            or (phase is Phase.TALKING and (self.call.held or not self.call.agent_leg))
            or (phase is Phase.OUTSIDE and (self.call.outside is None or not self.call.outside.talk_ms))
        )

    def _timer_due(self, name: str) -> None:
        self._timers.pop(name, None)
        self.post(inputs.TimerDue(at_ms=now_ms(), name=name))

    def _drop_timers(self) -> None:
        for name in list(self._timers):
            self.drop_timer(name)

    def _run(self) -> None:
        structlog.contextvars.bind_contextvars(call_id=self.call.id)
        while True:
            event = self._inbox.get()
            if event is STOP:
                return
            self._take(event)
            if self.call.phase is Phase.ENDED:
                self._drop_timers()
                self._hands.finished(self)
                # Late inputs still have to be answered (a match for a caller who is gone), so the greenlet lingers.
                self._linger()
                return

    def _linger(self) -> None:
        while True:
            try:
                event = self._inbox.get(timeout=5.0)
            except gevent.queue.Empty:
                return
            if event is STOP:
                return
            self._take(event)

    def _take(self, event: inputs.Input | Asked) -> None:
        self._offers_coming -= isinstance(event, inputs.Matched)
        asked = event if isinstance(event, Asked) else None
        if asked is not None and asked.given_up:
            return
        pending: deque[inputs.Input] = deque([event.event if isinstance(event, Asked) else event])
        while pending:
            current = pending.popleft()
            self.busy_since = time.monotonic()
            try:
                effects = advance(self.call, current, self._world)
                self.taking = current
                if asked is not None and not asked.done.ready():
                    asked.done.set(not any(isinstance(effect, fx.TooLate) for effect in effects))
                pending.extendleft(reversed(self._hands.carry(self, effects)))
            except UnexpectedInputError as error:
                log.warning("call_unexpected_input", reason=str(error))
            except Exception:
                self.broken = True
                log.exception("call_broken", input=type(current).__name__, phase=self.call.phase.value)
            if not pending and any(self.held_back):
                # The answer to them could not be taken: they go out all the same.
                pending.extend(self._hands.carry(self, []))
        if asked is not None and not asked.done.ready():
            asked.done.set(False)
        self.busy_since = None
