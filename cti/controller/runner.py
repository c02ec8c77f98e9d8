"""One greenlet per call: takes inputs in order, asks the state machine, has effects carried out, keeps the timers."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import gevent
import gevent.queue
import structlog

from core.clock import now_ms
from cti.call import effects as fx
from cti.call import inputs
from cti.call.machine import UnexpectedInputError, advance
from cti.call.model import Call, Phase
from cti.call.world import World

log = structlog.get_logger(__name__)

STOP = object()


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

    def post(self, event: inputs.Input) -> None:
        """Have an input taken after those before it. Never blocks."""
        self._inbox.put(event)

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
        """Whether the caller hears only what we play, so that the fallback must be kept ahead."""
        phase = self.call.phase
        return not self.broken and (
            phase in (Phase.ARRIVED, Phase.FLOW, Phase.WAITING, Phase.OFFERING, Phase.LEAVING)
            or (phase is Phase.TALKING and self.call.held)
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

    def _take(self, event: inputs.Input) -> None:
        pending: deque[inputs.Input] = deque([event])
        while pending:
            current = pending.popleft()
            try:
                effects = advance(self.call, current, self._world)
                pending.extendleft(reversed(self._hands.carry(self, effects)))
            except UnexpectedInputError as error:
                log.warning("call_unexpected_input", reason=str(error))
            except Exception:
                self.broken = True
                log.exception("call_broken", input=type(current).__name__, phase=self.call.phase.value)
