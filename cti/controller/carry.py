"""Carries a call's effects out: switch commands in one write, ACD scripts, timers, live events. Thin by design."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from core import bus
from core.settings import Settings
from cti import supervision
from cti.acd.matching import Acd
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call, Phase
from cti.controller.agents import Agents
from cti.controller.carry_legs import Talks
from cti.controller.carry_outside import Outsides
from cti.controller.carry_queue import Queues
from cti.controller.carry_sms import SmsFiles
from cti.controller.carry_sounds import Sounds
from cti.controller.desk import Desk, Speech
from cti.controller.redis_guard import RedisGuard
from cti.controller.runner import CallRunner
from cti.controller.state_writer import StateWriter
from cti.controller.work import Handlers, Work
from cti.esl import commands
from cti.esl.client import Reply, Status, SwitchClient

log = structlog.get_logger(__name__)

HARMLESS = (fx.StartRecording, fx.StopRecording, fx.Publish, fx.ShowQueue, fx.QueueServed, fx.TooLate)
"""Effects whose failure the caller does not notice."""
SEEN_AGAIN = (inputs.StepDone, inputs.AgentGone)
"""Inputs that a look at the switch gives again: when nothing was sent because of one, the state need not tell of it."""
STATELESS = (Phase.ENDED, Phase.CALLING)
"""Phases in which no state is written: nobody reads it any more, or the agent's leg was made with it."""


class Carrier:
    """Implements `cti.controller.runner.Hands` but for the end of a call."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        redis: RedisGuard,
        acd: Acd,
        agents: Agents,
        writer: StateWriter,
        speech: Speech,
        desk: Desk,
    ) -> None:
        self._switch = switch
        self._agents = agents
        self._writer = writer
        self._desk = desk
        self._handlers: Handlers = {
            **Sounds(settings=settings, redis=redis, acd=acd, speech=speech, desk=desk).handlers(),
            **Talks(settings=settings, agents=agents, desk=desk).handlers(),
            **Outsides(settings=settings, speech=speech, desk=desk).handlers(),
            **Queues(redis=redis, acd=acd, agents=agents, desk=desk).handlers(),
            **SmsFiles(settings.sms_dir).handlers(),
            fx.MakeRequest: self._make_request,
            fx.SetTimer: self._set_timer,
            fx.DropTimer: self._drop_timer,
            fx.Publish: self._publish,
            fx.TooLate: self._nothing,
            fx.Finished: self._nothing,
        }

    def carry(self, runner: CallRunner, effects: list[fx.Effect]) -> list[inputs.Input]:
        """Carry the effects out. The call's state rides ahead of its commands in the same write (decision 2)."""
        held_wires, held_after = runner.held_back
        work = Work(runner, wires=list(held_wires), after=list(held_after))
        for effect in effects:
            handler = self._handlers[type(effect)]
            # One effect that fails (a disk, a voice) must not lose the others: an agent to free, a leg to end.
            done = self._guarded(runner.call, partial(handler, work, effect))
            if not done and not isinstance(effect, HARMLESS):
                # The caller may be left with nothing to hear: the fallback is no longer kept away.
                runner.broken = True
        call = runner.call
        if call.phase is Phase.ENDED:
            self._writer.forget(call)
        else:
            self._writer.state(call)
        if work.answers:
            # They are taken at once, and what follows from them carries the state: one write instead of two.
            runner.held_back = (work.wires, work.after)
            return work.answers
        runner.held_back = ([], [])
        self._post(runner, work)
        for action in work.after:
            self._guarded(call, action)
        return []

    @staticmethod
    def _guarded(call: Call, action: Callable[[], None]) -> bool:
        try:
            action()
        except Exception:
            log.exception("effect_failed", call_id=call.id)
            return False
        return True

    def _post(self, runner: CallRunner, work: Work) -> None:
        call, wires, once = runner.call, work.wires, work.once
        state = b""
        told = isinstance(runner.taking, SEEN_AGAIN) and not call.outbound and not work.outside
        if isinstance(runner.taking, inputs.AgentGone) and call.phase is Phase.OFFERING:
            # Others ring on: should the caller give up now, this is the last word of who declined.
            told = False
        if call.phase not in STATELESS and (wires or not told):
            leg = call.state_leg
            if leg != runner.state_leg:
                runner.state_leg = leg
                runner.written.forget()
            variables = runner.written.variables(call)
            if "zj_state" in variables:
                variables["zj_tenant"] = str(call.tenant_id)
            state = commands.set_variables(leg, variables)
        if state or wires or once:
            wire = state + b"".join(wires)
            self._switch.post(wire + b"".join(once), partial(self._told, runner, call.rev, wire))

    @staticmethod
    def _told(runner: CallRunner, rev: int, wire: bytes, reply: Reply) -> None:
        if reply.status in (Status.NOT_SENT, Status.UNKNOWN):
            runner.written.forget()
            runner.unsure.append((rev, wire))
        elif not reply.ok:
            log.debug("switch_refused", status=reply.status.value, reason=reply.text[:200])

    # --- the rest -------------------------------------------------------------------------------------------------

    def _make_request(self, work: Work, effect: fx.MakeRequest) -> None:
        work.outside = True
        work.after.append(lambda: self._desk.make_request(work.call, effect.request, effect.key))

    def _set_timer(self, work: Work, effect: fx.SetTimer) -> None:
        work.runner.set_timer(effect.name, effect.due_ms)

    def _drop_timer(self, work: Work, effect: fx.DropTimer) -> None:
        work.runner.drop_timer(effect.name)

    def _publish(self, work: Work, effect: fx.Publish) -> None:
        agent = self._agents.get(int(str(effect.data.get("account_id") or 0)))
        queues = supervision.queues_of(work.call, agent)
        audience = (*effect.audience, *map(bus.supervisors_audience, queues))
        self._writer.event(work.call.tenant_id, audience, effect.type, effect.data)

    def _nothing(self, work: Work, effect: fx.Effect) -> None:
        """The runner itself sees that the call is over, or that what was asked for came too late."""
