"""Carries a call's effects out: switch commands in one write, ACD scripts, timers, live events. Thin by design."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog

from core.clock import now_ms
from core.settings import Settings
from cti.acd.matching import Acd
from cti.call import effects as fx
from cti.call import in_queue, inputs
from cti.call.model import Call, Offer, Phase, to_variable
from cti.controller.agents import Agents
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.runner import CallRunner
from cti.controller.state_writer import StateWriter
from cti.esl import commands
from cti.esl.apps import Sound
from cti.esl.client import Reply, Status, SwitchClient
from ivr.messages import FailureReason
from ivr.prompt_values import Prompt

log = structlog.get_logger(__name__)

FALLBACK_S = 45
"""How far ahead the fallback is kept while a controller owns a call that is not bridged."""
MAX_BACKGROUND_LOOPS = 40
HARMLESS = (fx.StartRecording, fx.StopRecording, fx.Publish, fx.ShowQueue)
"""Effects whose failure the caller does not notice."""
TONE = commands.Tone(hz=440, ms=400)
PAUSE = commands.Silence(ms=1200)


class Speech(Protocol):
    """Turns prompts into files the switch can play; never raises towards a caller."""

    def files(self, call: Call, prompts: tuple[Prompt, ...]) -> list[Path]:
        """Return the files of a flow's prompts."""

    def system(self, call: Call, name: str) -> list[Path]:
        """Return the files of one of the platform's own prompts."""


class Desk(Protocol):
    """What a call needs of the controller besides carrying: routing, matching, ringing."""

    def find_route(self, call: Call) -> inputs.Input:
        """Find a route for an arrived call and take a place on it."""

    def offer_extension(self, call: Call, extension_id: int) -> Offer | None:
        """Claim and ring whoever is signed in on the extension; None when nobody can be rung."""

    def end_leg(self, leg_id: str, cause: str) -> None:
        """End an agent's leg, also one whose originate is still on its way."""

    def match_queue(self, tenant_id: int, queue_id: int) -> None:
        """Match waiting calls of the queue with idle agents, as many as there are."""

    def queue_changed(self, tenant_id: int, queue_id: int) -> None:
        """Tell the screens how many wait."""


@dataclasses.dataclass
class Work:
    """What carrying one list of effects has come to."""

    runner: CallRunner
    wires: list[bytes] = dataclasses.field(default_factory=list)
    answers: list[inputs.Input] = dataclasses.field(default_factory=list)
    after: list[Callable[[], None]] = dataclasses.field(default_factory=list)

    @property
    def call(self) -> Call:
        """The call at hand."""
        return self.runner.call


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
        self._settings = settings
        self._switch = switch
        self._redis = redis
        self._acd = acd
        self._agents = agents
        self._writer = writer
        self._speech = speech
        self._desk = desk

    def carry(self, runner: CallRunner, effects: list[fx.Effect]) -> list[inputs.Input]:
        """Carry the effects out. The call's state rides ahead of its commands in the same write (decision 2)."""
        work = Work(runner)
        for effect in effects:
            handler = self._HANDLERS[type(effect)]
            # One effect that fails (a disk, a voice) must not lose the others: an agent to free, a leg to end.
            done = self._guarded(runner.call, partial(handler, self, work, effect))
            if not done and not isinstance(effect, HARMLESS):
                # The caller may be left with nothing to hear: the fallback is no longer kept away.
                runner.broken = True
        call = runner.call
        if call.phase is Phase.ENDED:
            self._writer.forget(call)
        else:
            self._writer.state(call)
        if work.wires or not work.answers:
            self._post(runner, work.wires)
        # else the answers are taken next, and what follows from them carries the state: one write instead of two
        for action in work.after:
            self._guarded(call, action)
        return work.answers

    @staticmethod
    def _guarded(call: Call, action: Callable[[], None]) -> bool:
        try:
            action()
        except Exception:
            log.exception("effect_failed", call_id=call.id)
            return False
        return True

    def _post(self, runner: CallRunner, wires: list[bytes]) -> None:
        call = runner.call
        state = b""
        if call.phase is not Phase.ENDED:
            variables = {
                "zj_state": to_variable(call),
                "zj_tenant": str(call.tenant_id),
                "zj_cell": self._settings.cell,
            }
            state = commands.set_variables(call.id, variables)
        if state or wires:
            wire = state + b"".join(wires)
            self._switch.post(wire, partial(self._told, runner, call.rev, wire))

    @staticmethod
    def _told(runner: CallRunner, rev: int, wire: bytes, reply: Reply) -> None:
        if reply.status in (Status.NOT_SENT, Status.UNKNOWN):
            runner.unsure.append((rev, wire))
        elif not reply.ok:
            log.debug("switch_refused", status=reply.status.value, reason=reply.text[:200])

    # --- the caller's leg ---------------------------------------------------------------------------------------

    def _execute(self, work: Work, app: commands.App, step_id: str) -> None:
        work.wires.append(commands.execute(work.call.id, app, step_id))

    def _answer(self, work: Work, effect: fx.Answer) -> None:
        self._execute(work, commands.Answer(), effect.step_id)

    def _play_prompts(self, work: Work, effect: fx.PlayPrompts) -> None:
        files = self._speech.files(work.call, effect.prompts)
        self._play(work, files, effect.step_id, effect.loops)

    def _play_system(self, work: Work, effect: fx.PlaySystem) -> None:
        self._play(work, self._speech.system(work.call, effect.name), effect.step_id, 1)

    def _play(self, work: Work, files: list[Path], step_id: str, loops: int) -> None:
        sounds: tuple[Sound, ...] = tuple(str(path) for path in files)
        app = (
            commands.Playback(sounds, loops=loops)
            if sounds
            else commands.Playback((commands.Silence(ms=20),))
        )
        self._execute(work, app, step_id)

    def _play_music(self, work: Work, effect: fx.PlayMusic) -> None:
        if effect.name == in_queue.MUSIC_FALLBACK:
            app: commands.App = commands.Playback((TONE, PAUSE), loops=MAX_BACKGROUND_LOOPS)
        else:
            app = commands.PlayMusic(effect.name)
        self._execute(work, app, effect.step_id)

    def _play_background(self, work: Work, effect: fx.PlayBackground) -> None:
        files = self._speech.files(work.call, effect.prompts)
        loops = max(1, MAX_BACKGROUND_LOOPS // max(1, len(files)))
        self._play(work, files, effect.step_id, loops)

    def _stop_playing(self, work: Work, effect: fx.StopPlaying) -> None:
        work.wires.append(commands.break_(work.call.id))

    def _hangup_customer(self, work: Work, effect: fx.HangupCustomer) -> None:
        work.wires.append(commands.kill(work.call.id, effect.cause))

    def _detach(self, work: Work, effect: fx.DetachCustomer) -> None:
        variables = {"hangup_after_bridge": "false", "park_after_bridge": "true"}
        work.wires.append(commands.set_variables(work.call.id, variables))
        work.wires.append(commands.arm_fallback(work.call.id, FALLBACK_S))

    # --- legs and bridges ---------------------------------------------------------------------------------------

    def _kill_leg(self, work: Work, effect: fx.KillLeg) -> None:
        work.after.append(lambda: self._desk.end_leg(effect.leg_id, effect.cause))

    def _withdraw(self, work: Work, effect: fx.WithdrawOffer) -> None:
        work.after.append(lambda: self._desk.end_leg(effect.leg_id, "ORIGINATOR_CANCEL"))
        work.after.append(lambda: self._agents.free(effect.agent_id, effect.token))

    def _bridge(self, work: Work, effect: fx.Bridge) -> None:
        both = {"hangup_after_bridge": "true", "park_after_bridge": "false"}
        work.wires += [
            commands.disarm_fallback(work.call.id),
            commands.disarm_fallback(effect.leg_id),
            commands.set_variables(work.call.id, {**both, "RECORD_STEREO": "true"}),
            commands.set_variables(effect.leg_id, both),
            commands.bridge(work.call.id, effect.leg_id),
        ]

    def _hold(self, work: Work, effect: fx.HoldCustomer) -> None:
        work.wires += [
            commands.set_variables(work.call.id, {"hangup_after_bridge": "false"}),
            commands.set_variables(effect.leg_id, {"hangup_after_bridge": "false"}),
            commands.hold(work.call.id),
        ]
        work.wires.append(commands.arm_fallback(work.call.id, FALLBACK_S))

    def _unhold(self, work: Work, effect: fx.UnholdCustomer) -> None:
        work.wires += [
            commands.disarm_fallback(work.call.id),
            commands.set_variables(work.call.id, {"hangup_after_bridge": "true"}),
            commands.set_variables(effect.leg_id, {"hangup_after_bridge": "true"}),
            commands.unhold(work.call.id, effect.leg_id),
        ]

    def _start_recording(self, work: Work, effect: fx.StartRecording) -> None:
        path = self._settings.recordings_dir / effect.name
        path.parent.mkdir(parents=True, exist_ok=True)
        work.wires.append(commands.record_start(work.call.id, str(path)))

    def _stop_recording(self, work: Work, effect: fx.StopRecording) -> None:
        if work.call.phase is not Phase.ENDED:
            work.wires.append(
                commands.record_stop(work.call.id, str(self._settings.recordings_dir / effect.name))
            )

    # --- routes, queues, agents -----------------------------------------------------------------------------------

    def _find_route(self, work: Work, effect: fx.FindRoute) -> None:
        work.answers.append(self._desk.find_route(work.call))

    def _leave_route(self, work: Work, effect: fx.LeaveRoute) -> None:
        call = work.call
        self._try(lambda: self._acd.leave_route(call.tenant_id, effect.route_id, call.id))

    def _enqueue(self, work: Work, effect: fx.Enqueue) -> None:
        call = work.call
        try:
            order = self._redis.run(
                lambda _: self._acd.enqueue(
                    call.tenant_id,
                    effect.queue_id,
                    call.id,
                    effect.priority,
                    effect.order,
                    effect.max_waiting,
                )
            )
        except RedisAwayError:
            work.answers.append(inputs.QueueRefused(at_ms=now_ms(), reason=in_queue.LATER))
            return
        if order < 0:
            work.answers.append(inputs.QueueRefused(at_ms=now_ms(), reason=FailureReason.FULL.value))
            return
        work.answers.append(inputs.Queued(at_ms=now_ms(), order=order))
        work.after.append(lambda: self._desk.match_queue(call.tenant_id, effect.queue_id))
        work.after.append(lambda: self._desk.queue_changed(call.tenant_id, effect.queue_id))

    def _leave_queue(self, work: Work, effect: fx.LeaveQueue) -> None:
        call = work.call
        self._try(lambda: self._acd.leave_queue(call.tenant_id, effect.queue_id, call.id))
        work.after.append(lambda: self._desk.queue_changed(call.tenant_id, effect.queue_id))

    def _show_queue(self, work: Work, effect: fx.ShowQueue) -> None:
        work.after.append(lambda: self._desk.queue_changed(work.call.tenant_id, effect.queue_id))

    def _offer_extension(self, work: Work, effect: fx.OfferExtension) -> None:
        offer = self._desk.offer_extension(work.call, effect.extension_id)
        if offer is None:
            reason = FailureReason.UNREACHABLE.value
            work.answers.append(inputs.MatchRefused(at_ms=now_ms(), reason=reason))
        else:
            work.answers.append(inputs.Matched(at_ms=offer.offered_ms, offer=offer))

    def _agent_talks(self, work: Work, effect: fx.AgentTalks) -> None:
        work.after.append(lambda: self._agents.talk(effect.agent_id, effect.token))

    def _agent_freed(self, work: Work, effect: fx.AgentFreed) -> None:
        work.after.append(
            lambda: self._agents.free(
                effect.agent_id,
                effect.token,
                wrap_up_s=effect.wrap_up_s,
                missed=effect.missed,
                unreachable=effect.unreachable,
            )
        )

    # --- the rest -------------------------------------------------------------------------------------------------

    def _set_timer(self, work: Work, effect: fx.SetTimer) -> None:
        work.runner.set_timer(effect.name, effect.due_ms)

    def _drop_timer(self, work: Work, effect: fx.DropTimer) -> None:
        work.runner.drop_timer(effect.name)

    def _publish(self, work: Work, effect: fx.Publish) -> None:
        self._writer.event(work.call.tenant_id, effect.audience, effect.type, effect.data)

    def _nothing(self, work: Work, effect: fx.Effect) -> None:
        """The runner itself sees that the call is over."""

    def _try(self, action: Callable[[], object]) -> None:
        try:
            self._redis.run(lambda _: action())
        except RedisAwayError:
            log.info("left_to_the_audit")

    _HANDLERS: dict[type[fx.Effect], Callable[[Carrier, Work, Any], None]] = {
        fx.FindRoute: _find_route,
        fx.LeaveRoute: _leave_route,
        fx.Answer: _answer,
        fx.PlayPrompts: _play_prompts,
        fx.PlaySystem: _play_system,
        fx.PlayMusic: _play_music,
        fx.PlayBackground: _play_background,
        fx.StopPlaying: _stop_playing,
        fx.HangupCustomer: _hangup_customer,
        fx.KillLeg: _kill_leg,
        fx.Enqueue: _enqueue,
        fx.LeaveQueue: _leave_queue,
        fx.ShowQueue: _show_queue,
        fx.OfferExtension: _offer_extension,
        fx.WithdrawOffer: _withdraw,
        fx.Bridge: _bridge,
        fx.HoldCustomer: _hold,
        fx.UnholdCustomer: _unhold,
        fx.DetachCustomer: _detach,
        fx.StartRecording: _start_recording,
        fx.StopRecording: _stop_recording,
        fx.AgentTalks: _agent_talks,
        fx.AgentFreed: _agent_freed,
        fx.SetTimer: _set_timer,
        fx.DropTimer: _drop_timer,
        fx.Publish: _publish,
        fx.Finished: _nothing,
    }
