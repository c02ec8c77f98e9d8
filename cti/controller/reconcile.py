"""Makes the controller's picture agree with the switch: at every connection and in a steady audit (R1, R2).

The switch is the truth about legs, its channel variables about calls we forgot, Redis about claims. What is found is
turned into the ordinary inputs, so that there is one way for everything to happen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from core import keys
from core.clock import now_ms
from core.documents import AccountDoc, QueueDoc, TenantDoc
from core.settings import Settings
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd
from cti.call import in_conference, in_flow, in_queue, inputs, ring_all, steps
from cti.call.model import Call, EndedIn, LegKind, Phase, Step, decode, from_variables
from cti.call.outcome import SWITCH_GONE
from cti.controller import claims, way_out
from cti.controller.agent_legs import AgentLeg
from cti.controller.board import Board
from cti.controller.facts import Facts
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.registrations import Registrations
from cti.controller.runner import CallRunner
from cti.controller.settle_dial import (
    UNCONNECTED,
    DialSettler,
    is_bridged,
    missed_conference,
    missed_consult,
    missed_outside,
    newest_states,
)
from cti.endpoint_kinds import LANDLINE, user_of
from cti.esl import answers, commands
from cti.esl.client import SwitchClient
from cti.esl.events import Event
from ivr.messages import Answered, AnswerFailure

log = structlog.get_logger(__name__)

HUNG_UP_UNSEEN = "NORMAL_UNSPECIFIED"
LEG_LOST = "NORMAL_TEMPORARY_FAILURE"


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
        self._core_uuid = ""
        self._core_uuid_noted = True
        self._doubted: set[str] = set()
        self._settled = False

    # --- at every connection ----------------------------------------------------------------------------------------

    def connected(self, core_uuid: str) -> None:
        """The event socket is up (again): settle everything before the first event is handled."""
        self._settled = False
        before = self._core_uuid or self._core_uuid_on_disk()
        remembered = self._remembered_calls()
        if before and before != core_uuid:
            self._switch_died(before, remembered)
            remembered = {}
        self._core_uuid = core_uuid
        self._note_core_uuid(core_uuid)
        self._registrations.load()
        found = {channel.uuid for channel in self._channels()}
        watches = self._board.watches.legs if self._board.watches is not None else set()
        known = self._board.calls.keys() | self._board.legs.keys() | watches
        self._settle(found | remembered.keys() | known, remembered)
        self._settled = True
        self.settle_agents()

    def _core_uuid_on_disk(self) -> str:
        try:
            return (self._settings.cell_dir / "core-uuid").read_text().strip()
        except OSError:
            return ""

    def _note_core_uuid(self, core_uuid: str) -> None:
        """Keep it for the next start of ours. A disk that refuses stops no call: the audit tries again."""
        path = self._settings.cell_dir / "core-uuid"
        temporary = path.with_suffix(".new")
        try:
            if self._core_uuid_on_disk() != core_uuid:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_text(core_uuid)
                os.replace(temporary, path)
        except OSError as error:
            if self._core_uuid_noted:
                self._core_uuid_noted = False
                log.error("core_uuid_not_written", reason=str(error))
            # None is better than that of a process before: by it the next start would close the calls that are up.
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return
        if not self._core_uuid_noted:
            self._core_uuid_noted = True
            log.info("core_uuid_written_again")

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
            self._forget(call)
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
                    self._forget(remembered[leg_id])
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
            self._dials.over_unseen(call, self._core_uuid)
            self._forget(call)
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
        for event_input in self._missed_inputs(runner.call, event, dumps):
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

    def _missed_inputs(self, call: Call, event: Event, dumps: dict[str, Event | None]) -> list[inputs.Input]:
        """Return what happened to a live call while nobody looked."""
        at_ms = now_ms()
        result: list[inputs.Input] = []
        if call.step is not None and _has_ended(call.step, event):
            result.append(inputs.StepDone(at_ms=at_ms, step_id=call.step.id))
        result += [
            inputs.StepDone(at_ms=at_ms, step_id=step_id)
            for step_id in steps.being_stopped(call)
            if not answers.step_runs(event, step_id)
        ]
        offer = next((o for o in reversed(call.offers) if not o.ended_ms), None)
        if call.phase is Phase.ARRIVED:
            arrived = inputs.Arrived(
                at_ms=call.arrived_ms or at_ms,
                caller=event.caller_number,
                called=event.destination_number,
                trunk_address=event.network_addr,
            )
            result.append(arrived)
        elif call.phase is Phase.WAITING:
            result.append(inputs.TimerDue(at_ms=at_ms, name=in_queue.RETRY_TIMER))
        elif call.phase in (Phase.FORWARDING, Phase.FORWARDED):
            result = missed_outside(call, event, self._dump, at_ms)
        elif call.phase is Phase.OUTSIDE:
            result = way_out.missed(call, event, self._dump, at_ms)
        elif call.phase is Phase.TALKING and not call.agent_leg:
            result.append(
                inputs.Parked(at_ms=at_ms)
            )  # out of the bridge, which only the agent's leg kept it in
        elif call.phase is Phase.OFFERING:
            for each in steps.ringing(call):
                result += self._missed_with_agent(call, each.leg_id, event, dumps.get(each.leg_id), at_ms)
        elif offer is not None and call.phase in (Phase.CONNECTING, Phase.TALKING):
            result += self._missed_with_agent(call, offer.leg_id, event, dumps.get(offer.leg_id), at_ms)
        return result

    def _missed_with_agent(
        self, call: Call, leg_id: str, event: Event, leg: Event | None, at_ms: int
    ) -> list[inputs.Input]:
        if leg is None:
            # Absence is proved by asking for this very leg: the switch's list lags.
            leg = self._dump(leg_id)
        if leg is None and call.consult is not None and in_conference.is_on(call):
            return missed_conference(call, event, self._dump(call.consult.leg_id), at_ms)
        if leg is None:
            self._board.reach.leave(leg_id)  # what one to a landline held
            gone = inputs.AgentGone(at_ms=at_ms, leg_id=leg_id, cause=LEG_LOST)
            stays = call.phase is Phase.TALKING and call.after_talk
            return [gone, inputs.Parked(at_ms=at_ms)] if stays else [gone]
        self._adopt_leg(leg_id, leg)
        if call.consult is not None:
            return missed_consult(call, call.consult, leg, self._dump, at_ms)
        if call.phase is Phase.OFFERING:
            if leg.answer_state == "answered":
                self._board.events.agent_answered(leg_id, at_ms)
            return []
        if is_bridged(event, leg):
            return [inputs.Bridged(at_ms=at_ms, leg_id=leg_id)] if call.phase is Phase.CONNECTING else []
        return [inputs.BridgeMissing(at_ms=at_ms)]

    # --- Redis --------------------------------------------------------------------------------------------------------

    def _remembered_calls(self) -> dict[str, Call]:
        """Return the calls of this cell that Redis knows and we do not."""
        try:
            return self._redis.run(self._read_calls)
        except RedisAwayError:
            return {}

    def _read_calls(self, client: Any) -> dict[str, Call]:
        found: dict[str, Call] = {}
        for tenant_id in self._tenant_ids():
            ids = [call_id.decode() for call_id in client.smembers(keys.calls(tenant_id))]
            unknown = [call_id for call_id in ids if call_id not in self._board.calls]
            if not unknown:
                continue
            values = client.mget([keys.call(tenant_id, call_id) for call_id in unknown])
            for call_id, value in zip(unknown, values, strict=True):
                if value is None:
                    client.srem(keys.calls(tenant_id), call_id)
                    continue
                call = _readable(value)
                if call is not None and call.cell == self._settings.cell:
                    found[call_id] = call
        return found

    def _tenant_ids(self) -> list[int]:
        return [0, *(tenant.id for tenant in self._board.documents.all(TenantDoc))]

    def _forget(self, call: Call) -> None:
        """A call of ours ended while we were away; its record comes from the switch."""
        self._board.metrics.repairs.labels(what="call-forgotten").inc()
        self._board.places.leave(call.id)
        for offer in call.offers:
            if offer.endpoint == LANDLINE and not offer.ended_ms:
                self._board.reach.leave(offer.leg_id)
        try:
            self._redis.run(lambda client: self._forget_in(client, call))
        except RedisAwayError:
            log.info("left_to_the_audit", call_id=call.id)

    @staticmethod
    def _forget_in(client: Any, call: Call) -> None:
        pipeline = client.pipeline(transaction=False)
        pipeline.delete(keys.call(call.tenant_id, call.id))
        pipeline.srem(keys.calls(call.tenant_id), call.id)
        if call.queue_id:
            pipeline.zrem(keys.waiting(call.tenant_id, call.queue_id), call.id)
            pipeline.hdel(keys.waiting_facts(call.tenant_id, call.queue_id), call.id)
        pipeline.execute()

    # --- agents -------------------------------------------------------------------------------------------------------

    def settle_agents(self) -> None:
        """Bring every agent in line with accounts, queues, registrations and calls, once these are known."""
        if not self._settled:
            return  # calls nobody has looked for yet are not calls that are gone
        for agent in self._board.agents:
            if agent.token and not claims.stands(self._board, agent, now_ms()):
                self._board.metrics.repairs.labels(what="claim-freed").inc()
                log.warning("claim_freed", agent=agent.account_id, call_id=agent.call_id)
                self._board.agents.free(agent.account_id, agent.token)
            if self._must_leave(agent) or self._board.agents.is_deserted(agent):
                self._board.agents.change(agent.account_id, lambda a: rules.ask_to_leave(a, now_ms()))
                continue
            self._board.agents.change(agent.account_id, self._as_it_is)
            runner = self._board.calls.get(agent.call_id)
            if (
                runner is not None
                and runner.call.phase is Phase.TALKING
                and agent.state is AgentState.RINGING
                and not _is_asked(runner.call, agent)
            ):
                self._board.agents.talk(agent.account_id, agent.token)

    def _must_leave(self, agent: Agent) -> bool:
        """Return whether the account, its right to the extension or its company's standing is gone."""
        documents = self._board.documents
        account = documents.get(AccountDoc, agent.account_id)
        extension = documents.extension(agent.extension_id)
        if account is None and extension is None:
            return False  # nothing is known yet: no document was loaded
        tenant = documents.get(TenantDoc, agent.tenant_id)
        enabled = account is not None and account.enabled and (tenant is None or tenant.active)
        return not enabled or extension is None or agent.account_id not in extension.account_ids

    def _as_it_is(self, agent: Agent) -> Agent:
        extension = self._board.documents.extension(agent.extension_id)
        user = user_of(extension, agent.endpoint) if extension is not None else agent.user
        standing = self._board.reach.standing(extension, agent.endpoint)
        documents = self._board.documents
        after = msgspec.structs.replace(
            agent,
            user=user,
            registered=standing.registered,
            by_number=standing.by_number,
            queue_ids=documents.queues_of_extension(agent.extension_id),
            places=documents.places_of_extension(agent.extension_id),
            timezone=documents.timezone(agent.tenant_id),
        )
        return rules.new_day(after, now_ms())

    # --- the steady audit ------------------------------------------------------------------------------------------

    def audit(self) -> None:
        """Look for what no event told: channels without calls, calls without channels, claims without either."""
        if not self._settled:
            # Something went wrong while settling after a connection: nothing may be judged before that is done.
            self.connected(self._switch.core_uuid)
            return
        if not self._core_uuid_noted:
            self._note_core_uuid(self._core_uuid)
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
        try:
            self._redis.run(self._sweep)
        except RedisAwayError:
            return

    def _sweep(self, client: Any) -> None:
        for queue in self._board.documents.all(QueueDoc):
            name = keys.waiting(queue.tenant_id, queue.id)
            for member in client.zrange(name, 0, -1):
                if self._is_stale(client, queue.tenant_id, member.decode(), queue.id):
                    client.zrem(name, member)
                    client.hdel(keys.waiting_facts(queue.tenant_id, queue.id), member)
                    self._board.metrics.repairs.labels(what="waiting-removed").inc()
        for call in self._read_calls(client).values():
            if call.outbound and call.phase in UNCONNECTED:
                self._dials.over_unseen(call, self._core_uuid)
            self._forget(call)
        self._republish_calls()

    def _is_stale(self, client: Any, tenant_id: int, call_id: str, queue_id: int) -> bool:
        runner = self._board.calls.get(call_id)
        if runner is not None:
            return runner.call.phase is not Phase.WAITING or runner.call.queue_id != queue_id
        return not self._elsewhere(client, tenant_id, call_id)

    def _elsewhere(self, client: Any, tenant_id: int, call_id: str) -> bool:
        value = client.get(keys.call(tenant_id, call_id))
        call = _readable(value) if value is not None else None
        return call is not None and call.cell != self._settings.cell

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
        self._board.republish()
        self._audit_redis()
        self.settle_agents()
        self.match_everything()


def _readable(value: bytes) -> Call | None:
    """Return the call, or None for one of another version that cannot be read: it must not stop anything else."""
    try:
        return decode(value)
    except msgspec.MsgspecError as error:
        log.warning("call_unreadable", reason=str(error))
        return None


def _is_asked(call: Call, agent: Agent) -> bool:
    """Return whether the agent is asked by the call's agent and has not answered yet."""
    return call.consult is not None and call.consult.leg_id == agent.leg_id and not call.consult.answered_ms


def _is_others(leg: Event) -> bool:
    """Return whether a leg is one of an agent's, or to an outside number."""
    agents = leg.zj_leg == LegKind.AGENT.value and bool(leg.zj_agent)
    others = (LegKind.CONSULT.value, LegKind.OUTSIDE.value)
    return agents or (leg.zj_leg in others and bool(leg.zj_call))


def _has_ended(step: Step, leg: Event) -> bool:
    answered = step.what == "answer" and leg.answer_state == "answered"
    return answered or answers.step_ended(leg, step.id)


def _state(event: Event, remembered: Call | None) -> Call | None:
    """Return the call's state: the channel's copy, which was written together with its commands, before Redis'."""
    if event.zj_state:
        try:
            return from_variables(event.zj_state, event.zj_more)
        except ValueError:
            log.warning("state_unreadable", leg=event.uuid)
    return remembered
