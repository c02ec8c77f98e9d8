"""Makes the controller's picture agree with the switch: at every connection and in a steady audit (R1, R2).

The switch is the truth about legs, its channel variables about calls we forgot, Redis about claims. What is found is
turned into the ordinary inputs, so that there is one way for everything to happen.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import structlog

from core.clock import now_ms
from core.documents import QueueDoc
from core.settings import Settings
from cti.acd.matching import Acd
from cti.call import in_flow, in_queue, inputs, ring_all
from cti.call.model import Call, EndedIn, LegKind, Phase, from_variables
from cti.call.outcome import SWITCH_GONE
from cti.controller.agent_legs import AgentLeg
from cti.controller.board import Board
from cti.controller.facts import Facts
from cti.controller.missed import MissedInputs
from cti.controller.redis_guard import RedisGuard
from cti.controller.registrations import Registrations
from cti.controller.remembered import RememberedCalls
from cti.controller.runner import CallRunner
from cti.controller.settle_agents import AgentSettler
from cti.controller.settle_dial import (
    LEG_LOST,
    UNCONNECTED,
    DialSettler,
    newest_states,
)
from cti.controller.switch_life import SwitchLife
from cti.esl import answers, commands
from cti.esl.client import SwitchClient
from cti.esl.events import Event
from ivr.messages import Answered, AnswerFailure

log = structlog.get_logger(__name__)

HUNG_UP_UNSEEN = "NORMAL_UNSPECIFIED"


class Reconciler:
    """Compares and repairs. All of it may be repeated at any time."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        redis: RedisGuard,
        acd: Acd,
        board: Board,
        registrations: Registrations,
        facts: Facts,
    ) -> None:
        self._settings = settings
        self._switch = switch
        self._redis = redis
        self._acd = acd
        self._board = board
        self._registrations = registrations
        self._facts = facts
        self._dials = DialSettler(board, facts, self._dump)
        self._remembered = RememberedCalls(cell=settings.cell, redis=redis, board=board, dials=self._dials)
        self._missed = MissedInputs(board, self._dump, self._adopt_leg)
        self._agents = AgentSettler(board)
        self._life = SwitchLife(settings.cell_dir)
        self._doubted: set[str] = set()
        self._settled = False

    # --- at every connection ----------------------------------------------------------------------------------------

    def connected(self, core_uuid: str) -> None:
        """The event socket is up (again): settle everything before the first event is handled."""
        self._settled = False
        before = self._life.before()
        remembered = self._remembered.load()
        if before and before != core_uuid:
            self._switch_died(before, remembered)
            remembered = {}
        self._life.begin(core_uuid)
        self._registrations.load()
        found = {channel.uuid for channel in self._channels()}
        watches = self._board.watches.legs if self._board.watches is not None else set()
        known = self._board.calls.keys() | self._board.legs.keys() | watches
        self._settle(found | remembered.keys() | known, remembered)
        self._settled = True
        self.settle_agents()

    def _switch_died(self, core_uuid: str, remembered: dict[str, Call]) -> None:
        """Every leg of the old process is gone and will leave no record: close the calls ourselves."""
        log.warning("switch_restarted", calls=len(self._board.calls) + len(remembered))
        at_ms = now_ms()
        for runner in list(self._board.calls.values()):
            remembered.pop(runner.call.id, None)
            self._close_without_record(runner.call, core_uuid, at_ms)
            runner.post(inputs.CustomerGone(at_ms=at_ms, cause=SWITCH_GONE))
        for call in remembered.values():
            self._close_without_record(call, core_uuid, at_ms)
            self._remembered.forget(call)
        self._board.agent_legs.forget_all()
        if self._board.watches is not None:
            self._board.watches.forget_all()

    def _close_without_record(self, call: Call, core_uuid: str, at_ms: int) -> None:
        copy = msgspec.structs.replace(call, ended_ms=at_ms, cause=SWITCH_GONE, ended_in=EndedIn.SWITCH)
        self._facts.ended_without_record(copy, core_uuid)

    # --- legs -------------------------------------------------------------------------------------------------------

    def _channels(self) -> list[answers.Channel]:
        return answers.channels(self._switch.send(commands.show_channels()).text)

    def _dump(self, leg_id: str) -> Event | None:
        reply = self._switch.send(commands.dump(leg_id))
        return answers.dump(reply.text) if reply.ok else None

    def _settle(self, leg_ids: Iterable[str], remembered: dict[str, Call]) -> None:
        dumps = {leg_id: self._dump(leg_id) for leg_id in leg_ids}
        for leg_id, event in dumps.items():
            if event is not None and _is_others(event):
                self._adopt_leg(leg_id, event)
        dials = self._settle_dials(dumps, remembered)
        for leg in list(self._board.legs.values()):
            if leg.leg_id in dumps and dumps[leg.leg_id] is None:
                self._board.agent_legs.gone(leg.leg_id, LEG_LOST)
            elif leg.call_id not in self._board.calls and dumps.get(leg.call_id) is None:
                self._board.agent_legs.end(leg.leg_id, "LOSE_RACE")
        for leg_id, event in dumps.items():
            if leg_id in dials:
                continue
            runner = self._board.calls.get(leg_id)
            if event is None:
                if runner is not None:
                    runner.post(inputs.CustomerGone(at_ms=now_ms(), cause=HUNG_UP_UNSEEN))
                elif leg_id in remembered:
                    self._remembered.forget(remembered[leg_id])
            elif event.zj_leg == LegKind.CUSTOMER.value:
                self._settle_call(leg_id, event, remembered.get(leg_id), dumps)
        if self._board.watches is not None:
            self._board.watches.settle(dumps)
        self._board.renew_fallbacks()

    def _settle_dials(self, dumps: dict[str, Event | None], remembered: dict[str, Call]) -> set[str]:
        """Settle outbound calls that are no conversation yet; returns their ids."""
        states = {call_id: call for call_id, call in remembered.items() if call.outbound}
        states |= newest_states(dumps, lambda event: _state(event, None))
        for runner in list(self._board.calls.values()):
            call = runner.call
            if call.outbound and call.offers and {call.id, call.offers[-1].leg_id} & dumps.keys():
                states[call.id] = call
        settled = set()
        for call in states.values():
            if call.phase in UNCONNECTED:
                settled.add(call.id)
                self._settle_dial(call, dumps)
            elif call.id not in dumps:
                dumps[call.id] = self._dump(call.id)  # younger than the agent's leg: the list may lack it yet
        return settled

    def _settle_dial(self, call: Call, dumps: dict[str, Event | None]) -> None:
        agent, customer = self._dials.legs(call, dumps)
        runner = self._board.calls.get(call.id)
        if runner is not None:
            if agent is not None:
                self._repeat_lost(runner, agent)
        elif agent is None and customer is None:
            self._dials.over_unseen(call, self._life.core_uuid)
            self._remembered.forget(call)
            return
        else:
            self._board.metrics.repairs.labels(what="call-resumed").inc()
            log.info("call_resumed", call_id=call.id, phase=call.phase.value)
            runner = self._board.resume(call)
        if agent is not None and agent.zj_agent:
            self._adopt_leg(call.offers[-1].leg_id, agent)
        for event_input in self._dials.missed(runner.call, agent, customer):
            runner.post(event_input)

    def _adopt_leg(self, leg_id: str, event: Event) -> None:
        if leg_id not in self._board.legs:
            self._board.legs[leg_id] = AgentLeg(
                leg_id=leg_id,
                call_id=event.zj_call,
                tenant_id=int(event.zj_tenant or 0),
                agent_id=int(event.zj_agent or 0),
                token=event.zj_token or leg_id,
                by_number=event.get("variable_zj_by_number") == "true",
                press=event.get("variable_zj_press") == "true",
            )

    def _settle_call(
        self, call_id: str, event: Event, remembered: Call | None, dumps: dict[str, Event | None]
    ) -> None:
        runner = self._board.calls.get(call_id)
        if runner is None:
            call = _state(event, remembered)
            if call is None:
                if event.get("variable_zj_fallback") != "true":
                    self._board.events.arrived(event)
                return
            self._board.metrics.repairs.labels(what="call-resumed").inc()
            log.info("call_resumed", call_id=call_id, phase=call.phase.value)
            if event.get("variable_zj_fallback") == "true":
                call.phase, call.ended_detail = Phase.LEAVING, "controller-away"
            runner = self._board.resume(call)
            self._end_unwanted(call, dumps)
        else:
            self._repeat_lost(runner, event)
        self._answer_lost_request(runner)
        for event_input in self._missed.of(runner.call, event, dumps):
            runner.post(event_input)

    def _end_unwanted(self, call: Call, dumps: dict[str, Event | None]) -> None:
        """End what rings for a resumed call though nobody wants it: the controller before us was killed between its
        decision (or its claim) and the word of it to the switch.
        """
        wanted = {offer.leg_id for offer in call.offers if not offer.ended_ms}
        for leg_id, leg in dumps.items():
            ours = leg is not None and leg.zj_leg == LegKind.AGENT.value and leg.zj_call == call.id
            if ours and leg_id not in wanted:
                log.info("unwanted_leg_ended", call_id=call.id, leg_id=leg_id)
                self._board.agent_legs.end(leg_id, ring_all.ELSEWHERE_CAUSE)

    def _answer_lost_request(self, runner: CallRunner) -> None:
        """A request nobody here made died with the controller that made it: the flow takes its failure exit."""
        name = in_flow.awaited_request(runner.call)
        if name and not self._board.requests.knows(runner.call.id, name):
            lost = Answered(name=name, ok=False, reason=AnswerFailure.LOST)
            runner.post(inputs.RequestAnswered(at_ms=now_ms(), answer=lost))

    def _repeat_lost(self, runner: CallRunner, event: Event) -> None:
        """Send again what a cut line swallowed; the state on the leg says how far the switch was told."""
        runner.fallback_due = 0.0
        seen = _state(event, None)
        told = seen.rev if seen is not None else 0
        while runner.unsure:
            rev, wire = runner.unsure.popleft()
            if rev > told:
                self._board.repeat(wire)

    # --- the steady audit ------------------------------------------------------------------------------------------

    def settle_agents(self) -> None:
        """Bring every agent in line with what is known, once the calls are: unlooked for is not gone."""
        if self._settled:
            self._agents.settle()

    def audit(self) -> None:
        """Look for what no event told: channels without calls, calls without channels, claims without either."""
        if not self._settled:
            # Something went wrong while settling after a connection: nothing may be judged before that is done.
            self.connected(self._switch.core_uuid)
            return
        if not self._life.is_noted:
            self._life.note()
        listed = {channel.uuid: channel for channel in self._channels()}
        watches = self._board.watches.legs if self._board.watches is not None else set()
        doubted = {uuid for uuid in (*self._board.calls, *self._board.legs, *watches) if uuid not in listed}
        doubted |= {
            uuid
            for uuid, channel in listed.items()
            if channel.context in ("inbound", "agents")
            and uuid not in self._board.calls
            and uuid not in self._board.legs
            and uuid not in watches
        }
        # The switch's list lags by a second or so: only what was doubtful last time too is looked at closely.
        if certain := doubted & self._doubted:
            self._settle(certain, {})
        self._doubted = doubted
        self._audit_redis()
        freed = self._board.limits.audit(
            lambda leg: leg in listed or leg in self._board.calls or leg in self._board.legs
        )
        self._board.metrics.repairs.labels(what="place-freed").inc(freed)
        self.settle_agents()
        self.match_everything()

    def _audit_redis(self) -> None:
        if not self._settled:
            return  # what Redis remembers is still needed to settle with the switch
        if self._remembered.sweep(self._life.core_uuid):
            self._republish_calls()

    def _republish_calls(self) -> None:
        for runner in list(self._board.calls.values()):
            call = runner.call
            if call.route_id and not call.refusal and call.phase not in (Phase.LEAVING, Phase.ENDED):
                self._board.places.hold(call)
            if call.phase is Phase.WAITING and call.queue_id:
                runner.post(inputs.TimerDue(at_ms=now_ms(), name=in_queue.RETRY_TIMER))

    def match_everything(self) -> None:
        """Match every queue once: guards against a wake-up that was lost with Redis."""
        for queue in self._board.documents.all(QueueDoc):
            self._board.ringing.match_queue(queue.tenant_id, queue.id)

    def redis_forgot(self) -> None:
        """Redis is back, or was emptied: write everything we know into it again."""
        log.warning("redis_rebuilt", calls=len(self._board.calls))
        self._board.metrics.repairs.labels(what="redis-rebuilt").inc()
        self.tell_redis()

    def tell_redis(self) -> None:
        """Write everything we know into Redis; at our start, too, for what a controller before us left there."""
        log.info("redis_told", calls=len(self._board.calls))
        self._board.republish()
        self._audit_redis()
        self.settle_agents()
        self.match_everything()


def _is_others(leg: Event) -> bool:
    """Return whether a leg is one of an agent's, or to an outside number."""
    agents = leg.zj_leg == LegKind.AGENT.value and bool(leg.zj_agent)
    others = (LegKind.CONSULT.value, LegKind.OUTSIDE.value)
    return agents or (leg.zj_leg in others and bool(leg.zj_call))


def _state(event: Event, remembered: Call | None) -> Call | None:
    """Return the call's state: the channel's copy, which was written together with its commands, before Redis'."""
    if event.zj_state:
        try:
            return from_variables(event.zj_state, event.zj_more)
        except ValueError:
            log.warning("state_unreadable", leg=event.uuid)
    return remembered
