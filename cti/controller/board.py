"""The controller's switchboard: which calls and legs are up, what an event of the switch means for them, who is rung.

Everything here runs in gevent greenlets of one process; a dictionary is only changed between two waits. The legs' index
is rebuilt from the switch at every connection (`cti.controller.reconcile`).
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable

import gevent
import structlog

from core import phone
from core.clock import now_ms
from core.documents import RouteDoc, TenantDoc
from core.settings import Settings
from cti.acd.agents import Agent, can_be_rung
from cti.acd.matching import Acd, Match
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call, LegKind, Offer, Phase
from cti.controller import live
from cti.controller.agents import Agents
from cti.controller.carry import FALLBACK_S, Carrier
from cti.controller.documents import Documents
from cti.controller.metrics import Metrics
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.registrations import Registrations
from cti.controller.runner import CallRunner
from cti.controller.state_writer import StateWriter
from cti.esl import commands
from cti.esl.client import Reply, Status, SwitchClient
from cti.esl.events import Event
from cti.esl.quoting import UnsafeValue
from cti.routing import Decision, decide

log = structlog.get_logger(__name__)

END_TRIES = 8
END_AGAIN_S = 0.25
UNADOPTED_S = 20
"""Seconds an agent's leg that answered lives without being bridged, should the controller die just then."""
SILENT_ENDPOINT_MS = 60_000
"""An agent's endpoint from which nothing was received for so long is gone, though nobody said so."""
FAILED_PLAYBACK = ("FILE NOT FOUND", "PLAYBACK ERROR")
PROFILE = "agents"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentLeg:
    """A leg to an agent and the call it was made for."""

    leg_id: str
    call_id: str
    tenant_id: int
    agent_id: int
    token: str


class Board:
    """Implements `runner.Hands` and `carry.Desk`."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        redis: RedisGuard,
        acd: Acd,
        documents: Documents,
        writer: StateWriter,
        agents: Agents,
        registrations: Registrations,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._switch = switch
        self._redis = redis
        self._acd = acd
        self.documents = documents
        self._writer = writer
        self.agents = agents
        self._registrations = registrations
        self.metrics = metrics
        self.carrier: Carrier | None = None
        self.calls: dict[str, CallRunner] = {}
        self.legs: dict[str, AgentLeg] = {}

    # --- Hands ----------------------------------------------------------------------------------------------------

    def carry(self, runner: CallRunner, effects: list[fx.Effect]) -> list[inputs.Input]:
        """See `runner.Hands`."""
        assert self.carrier is not None
        return self.carrier.carry(runner, effects)

    def finished(self, runner: CallRunner) -> None:
        """The call is over: forget it; its record is the switch's affair."""
        call = runner.call
        self.calls.pop(call.id, None)
        self.metrics.ended.labels(ended_in=str(call.ended_in)).inc()
        log.info("call_ended", call_id=call.id, ended_in=str(call.ended_in), cause=call.cause)

    # --- calls ----------------------------------------------------------------------------------------------------

    def add(self, call: Call) -> CallRunner:
        """Take a call on."""
        runner = CallRunner(call, self.documents, self)
        self.calls[call.id] = runner
        if runner.needs_fallback():
            # At once, not with the next renewal: the dialplan's own is a few seconds ahead only.
            self._switch.post(commands.arm_fallback(call.id, FALLBACK_S))
        runner.start()
        return runner

    def post(self, call_id: str, event: inputs.Input) -> bool:
        """Give an input to a call; False when it is not up."""
        runner = self.calls.get(call_id)
        if runner is None:
            return False
        runner.post(event)
        return True

    def find_route(self, call: Call) -> inputs.Input:
        """See `carry.Desk`."""
        caller = phone.from_switch(call.caller).stored
        called = phone.from_switch(call.called).stored
        decision = decide(
            self.documents.all(RouteDoc),
            lambda tenant: self.documents.get(TenantDoc, tenant),
            caller=caller,
            called=called,
            dialled=call.called,
            trunk_address=call.trunk_address,
        )
        call.caller, call.called = caller, called
        at_ms = now_ms()
        if not isinstance(decision, Decision):
            self.metrics.refused.labels(reason=decision.reason).inc()
            return inputs.RouteRefused(at_ms=at_ms, **dataclasses.asdict(decision))
        route = decision.route
        if not self._take_place(route, call.id):
            self.metrics.refused.labels(reason="over-limit").inc()
            return inputs.RouteRefused(
                at_ms=at_ms,
                reason="over-limit",
                cause=route.refusal_cause,
                tenant_id=route.tenant_id,
                route_id=route.id,
                route_code=route.code,
            )
        return inputs.RouteGiven(at_ms=at_ms, route=route, tenant=decision.tenant, priority=decision.priority)

    def _take_place(self, route: RouteDoc, call_id: str) -> bool:
        try:
            return self._redis.run(
                lambda _: self._acd.take_route(route.tenant_id, route.id, call_id, route.concurrency)
            )
        except RedisAwayError:
            ours = sum(1 for runner in self.calls.values() if runner.call.route_id == route.id)
            return ours < route.concurrency

    # --- matching ---------------------------------------------------------------------------------------------------

    def match_queue(self, tenant_id: int, queue_id: int) -> None:
        """See `carry.Desk`."""
        self._match(tenant_id, (queue_id,))

    def agent_available(self, agent: Agent) -> None:
        """An agent became free: the first caller of the agent's queues is next."""
        self._match(agent.tenant_id, agent.queue_ids)

    def _match(self, tenant_id: int, queue_ids: tuple[int, ...]) -> None:
        while self._switch.connected:
            token, leg_id = uuid.uuid4().hex, str(uuid.uuid4())
            try:
                match = self._redis.run(
                    lambda _: self._acd.match(tenant_id, queue_ids, token, leg_id, now_ms())  # noqa: B023
                )
            except RedisAwayError:
                return
            if match is None:
                return
            self._ring(tenant_id, match)
            self.metrics.matches.inc()
            log.info("matched", call_id=match.call_id, agent=match.agent_id, queue=match.queue_id)

    def _ring(self, tenant_id: int, match: Match) -> None:
        at_ms = now_ms()
        agent = self.agents.claimed(
            match.agent_id, token=match.token, leg_id=match.leg_id, call_id=match.call_id, at_ms=at_ms
        )
        runner = self.calls.get(match.call_id)
        if agent is None or runner is None:
            self._undo(tenant_id, match, agent, runner)
            return
        queue = self.documents.queue(match.queue_id)
        offer = self._originate(
            runner.call, agent, match.queue_id, queue.ring_timeout_s if queue else 60, at_ms
        )
        runner.post(inputs.Matched(at_ms=at_ms, offer=offer))

    def _undo(self, tenant_id: int, match: Match, agent: Agent | None, runner: CallRunner | None) -> None:
        """One side of a match is not here any more: the other goes back to where it was."""
        log.warning("match_undone", call_id=match.call_id, agent=match.agent_id)
        if agent is not None:
            self.agents.free(match.agent_id, match.token)
        if runner is not None:
            call = runner.call
            try:
                self._redis.run(
                    lambda _: self._acd.enqueue(
                        tenant_id, match.queue_id, call.id, call.priority, match.order, 1_000_000
                    )
                )
            except RedisAwayError:
                log.info("left_to_the_audit", call_id=call.id)

    def offer_extension(self, call: Call, extension_id: int) -> Offer | None:
        """See `carry.Desk`."""
        agent = self.agents.on_extension(extension_id)
        if (
            agent is None
            or agent.tenant_id != call.tenant_id
            or not can_be_rung(agent)
            or not self._switch.connected
        ):
            return None
        token, leg_id, at_ms = uuid.uuid4().hex, str(uuid.uuid4()), now_ms()
        try:
            won = self._redis.run(lambda _: self._acd.claim_agent(agent, token, leg_id, call.id, at_ms))
        except RedisAwayError:
            return None
        claimed = won and self.agents.claimed(
            agent.account_id, token=token, leg_id=leg_id, call_id=call.id, at_ms=at_ms
        )
        return self._originate(call, claimed, 0, 60, at_ms) if claimed else None

    def _originate(self, call: Call, agent: Agent, queue_id: int, ring_s: int, at_ms: int) -> Offer:
        """Send the originate to one contact with one uuid; failures come back as the end of the leg."""
        leg = AgentLeg(
            leg_id=agent.leg_id,
            call_id=call.id,
            tenant_id=call.tenant_id,
            agent_id=agent.account_id,
            token=agent.token,
        )
        self.legs[leg.leg_id] = leg
        target = self._registrations.contact(agent.user)
        if target is None:
            gevent.spawn(self._leg_failed, leg, "USER_NOT_REGISTERED")
        else:
            try:
                wire = commands.originate(self._leg(call, agent, target, queue_id, ring_s))
            except UnsafeValue as error:
                log.warning("contact_refused", user=agent.user, reason=str(error))
                gevent.spawn(self._leg_failed, leg, "INVALID_URL")
            else:
                self._switch.bgapi(wire, lambda reply: self._originated(leg, reply))
        return Offer(
            leg_id=leg.leg_id,
            agent_id=agent.account_id,
            extension_id=agent.extension_id,
            queue_id=queue_id,
            endpoint=agent.endpoint,
            token=leg.token,
            offered_ms=at_ms,
        )

    def _leg(
        self, call: Call, agent: Agent, target: commands.Target, queue_id: int, ring_s: int
    ) -> commands.Originate:
        queue = self.documents.queue(queue_id)
        variables = {
            "zj_call": call.id,
            "zj_tenant": str(call.tenant_id),
            "zj_cell": self._settings.cell,
            "zj_leg": LegKind.AGENT.value,
            "zj_agent": str(agent.account_id),
            "zj_ext": str(agent.extension_id),
            "zj_queue": str(queue_id),
            "zj_token": agent.token,
            "sip_h_X-Zongji-Leg": agent.leg_id,
            "hangup_after_bridge": "true",
            "media_timeout": str(SILENT_ENDPOINT_MS),
            "execute_on_answer": f"sched_hangup +{UNADOPTED_S} NORMAL_TEMPORARY_FAILURE",
        }
        if queue is not None and queue.auto_answer and agent.endpoint == "web":
            variables["sip_h_X-Zongji-Auto-Answer"] = "true"
        return commands.Originate(
            uuid=agent.leg_id,
            target=target,
            timeout_s=max(1, min(ring_s, 999)),
            caller_number=call.caller if call.caller[:1] in "+0123456789" else "",
            caller_name=call.caller or "anonymous",
            variables=variables,
        )

    def _originated(self, leg: AgentLeg, reply: Reply) -> None:
        if reply.status is Status.UNKNOWN:
            return  # the line was lost: the reconciliation asks the switch whether the leg lives
        if not reply.ok:
            cause = reply.text.removeprefix("-ERR ").strip() or "NORMAL_TEMPORARY_FAILURE"
            # Not at once: what was never sent is told before the offer it belongs to.
            gevent.spawn(self._leg_failed, leg, cause)

    def end_leg(self, leg_id: str, cause: str, tries: int = END_TRIES) -> None:
        """End an agent's leg; its originate may still be on its way, so "no such leg" is asked again for a while."""

        def told(reply: Reply) -> None:
            if not reply.ok and leg_id in self.legs and tries:
                gevent.spawn_later(END_AGAIN_S, self.end_leg, leg_id, cause, tries - 1)

        self._switch.post(commands.kill(leg_id, cause), told)

    def leg_gone(self, leg_id: str, cause: str) -> None:
        """Proof that an agent's leg is no more."""
        leg = self.legs.get(leg_id)
        if leg is not None:
            self._leg_failed(leg, cause)

    def agent_answered(self, leg_id: str, at_ms: int) -> None:
        """Proof that an agent's leg was answered while nobody looked."""
        leg = self.legs.get(leg_id)
        if leg is not None:
            gevent.spawn(self._agent_parked, leg, at_ms)

    def repeat(self, wire: bytes) -> None:
        """Send commands again that never reached the switch."""
        self._switch.post(wire)

    def republish(self) -> None:
        """Write calls and agents to Redis again."""
        for runner in list(self.calls.values()):
            self._writer.state(runner.call)
        self.agents.republish()

    def _leg_failed(self, leg: AgentLeg, cause: str) -> None:
        if self.legs.pop(leg.leg_id, None) is not None:
            self.post(leg.call_id, inputs.AgentGone(at_ms=now_ms(), leg_id=leg.leg_id, cause=cause))

    # --- events of the switch -----------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Take one event; called in the order of arrival, never blocks for long."""
        handler = self._EVENTS.get(event.name)
        if handler is not None:
            handler(self, event)

    def _on_park(self, event: Event) -> None:
        runner = self.calls.get(event.uuid)
        if runner is not None:
            runner.post(inputs.Parked(at_ms=event.timestamp_ms))
        elif event.uuid in self.legs:
            gevent.spawn(self._agent_parked, self.legs[event.uuid], event.timestamp_ms)
        elif event.zj_leg == LegKind.CUSTOMER.value and not event.zj_state:
            self.arrived(event)
        elif event.zj_leg == LegKind.AGENT.value and event.context == "agents":
            self._refuse_outbound(event)

    def arrived(self, event: Event) -> None:
        """A first leg entered and waits in the park."""
        self.metrics.arrived.inc()
        call = Call(id=event.uuid, cell=self._settings.cell)
        runner = self.add(call)
        runner.post(
            inputs.Arrived(
                at_ms=event.timestamp_ms,
                caller=event.caller_number,
                called=event.destination_number,
                trunk_address=event.network_addr,
                demo=event.get("variable_zj_demo") == "true",
            )
        )

    def _refuse_outbound(self, event: Event) -> None:
        log.info("outbound_refused", leg=event.uuid, user=event.caller_number)
        self._switch.post(commands.kill(event.uuid, "CALL_REJECTED"))

    def _agent_parked(self, leg: AgentLeg, at_ms: int) -> None:
        runner = self.calls.get(leg.call_id)
        if runner is not None and runner.call.agent_leg == leg.leg_id:
            return  # parked again for a hold
        if self._wins(leg):
            posted = self.post(leg.call_id, inputs.AgentAnswered(at_ms=at_ms, leg_id=leg.leg_id))
            if posted:
                return
        self.end_leg(leg.leg_id, "LOSE_RACE")

    def _wins(self, leg: AgentLeg) -> bool:
        try:
            won = self._redis.run(
                lambda _: self._acd.answer(leg.tenant_id, leg.agent_id, leg.token, leg.leg_id)
            )
        except RedisAwayError:
            won = None
        if won is not None:
            return won
        agent = self.agents.get(leg.agent_id)
        return agent is not None and agent.token == leg.token and agent.leg_id == leg.leg_id

    def _on_execute_complete(self, event: Event) -> None:
        step_id = event.application_uuid
        if step_id.startswith(event.uuid):
            ok = not any(word in event.application_response for word in FAILED_PLAYBACK)
            self.post(event.uuid, inputs.StepDone(at_ms=event.timestamp_ms, step_id=step_id, ok=ok))

    def _on_dtmf(self, event: Event) -> None:
        self.post(event.uuid, inputs.KeyPressed(at_ms=event.timestamp_ms, digit=event.digit))

    def _on_bridge(self, event: Event) -> None:
        for call_id, leg_id in ((event.uuid, event.other_uuid), (event.other_uuid, event.uuid)):
            if call_id in self.calls and leg_id in self.legs:
                self._switch.post(commands.disarm_fallback(call_id) + commands.disarm_fallback(leg_id))
                self.post(call_id, inputs.Bridged(at_ms=event.timestamp_ms, leg_id=leg_id))
                return

    def _on_hangup(self, event: Event) -> None:
        at_ms, cause = event.timestamp_ms, event.hangup_cause
        leg = self.legs.pop(event.uuid, None)
        if leg is not None:
            self.post(leg.call_id, inputs.AgentGone(at_ms=at_ms, leg_id=leg.leg_id, cause=cause))
        else:
            self.post(event.uuid, inputs.CustomerGone(at_ms=at_ms, cause=cause))

    def _on_custom(self, event: Event) -> None:
        self._registrations.on_event(event)

    # --- screens ------------------------------------------------------------------------------------------------------

    def queue_changed(self, tenant_id: int, queue_id: int) -> None:
        """Tell the screens how many calls of this cell wait in a queue, and since when the first."""
        since = [
            runner.call.queue_entered_ms
            for runner in self.calls.values()
            if runner.call.queue_id == queue_id and runner.call.phase is Phase.WAITING
        ]
        live.queue_changed(self._writer, tenant_id, queue_id, since)

    def leg_muted(self, agent: Agent, leg_id: str, muted: bool) -> None:
        """Tell the agent's screens that the microphone is off or on."""
        data = {"call_id": agent.call_id, "leg_id": leg_id, "account_id": agent.account_id, "muted": muted}
        self._writer.event(agent.tenant_id, (f"agent:{agent.account_id}", "admin"), "call.muted", data)

    def renew_fallbacks(self) -> None:
        """Keep the fallback ahead for every caller who hears only what we play."""
        for call_id, runner in list(self.calls.items()):
            if runner.needs_fallback():
                self._switch.post(commands.arm_fallback(call_id, FALLBACK_S))

    _EVENTS: dict[str, Callable[[Board, Event], None]] = {
        "CHANNEL_PARK": _on_park,
        "CHANNEL_EXECUTE_COMPLETE": _on_execute_complete,
        "DTMF": _on_dtmf,
        "CHANNEL_BRIDGE": _on_bridge,
        "CHANNEL_HANGUP_COMPLETE": _on_hangup,
        "CUSTOM": _on_custom,
    }


SUBSCRIPTIONS = (
    "CHANNEL_PARK",
    "CHANNEL_EXECUTE_COMPLETE",
    "DTMF",
    "CHANNEL_BRIDGE",
    "CHANNEL_HANGUP_COMPLETE",
    "sofia::register",
    "sofia::unregister",
    "sofia::expire",
)
"""What the controller asks the switch for: nothing it does not use."""
