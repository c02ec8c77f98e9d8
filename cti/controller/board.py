"""The controller's switchboard: which calls are up, and the parts that look after them, put together.

Everything here runs in gevent greenlets of one process; a dictionary is only changed between two waits.
"""

from __future__ import annotations

import time

import structlog

from core.clock import now_ms
from core.outbound_http import networks
from core.settings import Settings
from cti.acd.matching import Acd
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call
from cti.controller.agent_legs import AgentLeg, AgentLegs
from cti.controller.agents import Agents
from cti.controller.carry import Carrier
from cti.controller.documents import Documents
from cti.controller.facts import Facts
from cti.controller.limits import Limits
from cti.controller.metrics import Metrics
from cti.controller.places import Places
from cti.controller.reach import Reach
from cti.controller.redis_guard import RedisGuard
from cti.controller.registrations import Registrations
from cti.controller.requests import Requests
from cti.controller.ringing import Ringing
from cti.controller.runner import CallRunner
from cti.controller.screens import Screens
from cti.controller.state_writer import StateWriter
from cti.controller.switch_events import SwitchEvents
from cti.controller.watches import Watches
from cti.controller.work import FALLBACK_S
from cti.esl import commands
from cti.esl.client import SwitchClient
from ivr.messages import Answered, Request

log = structlog.get_logger(__name__)

RENEW_BELOW_S = 38
"""Seconds before the fallback at which it is put off again: a line cut for half a minute lets no caller go."""


class Board:
    """Implements `runner.Hands` and `desk.Desk`."""

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
        limits: Limits,
        facts: Facts,
    ) -> None:
        self._switch = switch
        self._writer = writer
        self._facts = facts
        self.documents = documents
        self.agents = agents
        self.metrics = metrics
        self.limits = limits
        self.carrier: Carrier | None = None
        self.requests = Requests(
            networks(settings.outbound_allowed_networks), metrics, self._request_answered
        )
        self.calls: dict[str, CallRunner] = {}
        self.beginning: set[str] = set()
        """Ids of calls whose agent is being claimed: :meth:`add` is next."""
        self.places = Places(
            settings=settings, switch=switch, documents=documents, limits=limits, metrics=metrics
        )
        self.reach = Reach(documents, registrations, limits)
        self.screens = Screens(writer=writer, agents=agents, calls=self.calls)
        self.agent_legs = AgentLegs(
            settings=settings,
            switch=switch,
            documents=documents,
            agents=agents,
            reach=self.reach,
            post=self.post,
        )
        self.ringing = Ringing(
            switch=switch,
            redis=redis,
            acd=acd,
            documents=documents,
            agents=agents,
            legs=self.agent_legs,
            reach=self.reach,
            metrics=metrics,
            calls=self.calls,
        )
        self.events = SwitchEvents(
            settings=settings,
            switch=switch,
            registrations=registrations,
            metrics=metrics,
            ringing=self.ringing,
            legs=self.agent_legs,
            calls=self.calls,
            add=self.add,
            post=self.post,
        )

    @property
    def legs(self) -> dict[str, AgentLeg]:
        """Legs to agents and outside numbers that are up, by uuid."""
        return self.agent_legs.up

    @property
    def watches(self) -> Watches | None:
        """Supervisors' legs, once they are known."""
        return self.events.watches

    @watches.setter
    def watches(self, watches: Watches) -> None:
        self.events.watches = watches

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
            self._put_off_fallback(runner)
        runner.start()
        return runner

    def resume(self, call: Call) -> CallRunner:
        """Take a call on that another controller had, as its leg says it was; Redis may have forgotten it."""
        runner = self.add(call)
        runner.restore_timers()
        self._writer.state(call)
        self.ringing.resumed(call)
        return runner

    def post(self, call_id: str, event: inputs.Input) -> bool:
        """Give an input to a call; False when it is not up."""
        runner = self.calls.get(call_id)
        if runner is None:
            return False
        runner.post(event)
        return True

    def ask(self, call_id: str, event: inputs.Input) -> bool:
        """Give a call what somebody asks for; say whether it is done (`CallRunner.ask`): not when it is not up."""
        runner = self.calls.get(call_id)
        return runner is not None and runner.ask(event)

    def make_request(self, call: Call, request: Request, key: str) -> None:
        """Make a flow's web request; the answer comes to the call as an input."""
        self.requests.make(call.tenant_id, call.id, request, key)

    def _request_answered(self, call_id: str, answer: Answered) -> None:
        self.post(call_id, inputs.RequestAnswered(at_ms=now_ms(), answer=answer))

    def leave_outside(self, leg_id: str) -> None:
        """Forget a leg to an outside number that is over, and give its places back."""
        self.agent_legs.up.pop(leg_id, None)
        self.limits.release(leg_id)

    def leave_trunk(self, call: Call) -> None:
        """Give back the places an outbound call held."""
        self.limits.release(call.id)

    def note_undialled(self, call: Call) -> None:
        """Leave a fact for the record of a call whose customer's leg never was."""
        self._facts.undialled(call, self._switch.core_uuid)

    def repeat(self, wire: bytes) -> None:
        """Send commands again that never reached the switch."""
        self._switch.post(wire)

    def republish(self) -> None:
        """Write calls and agents to Redis again."""
        for runner in list(self.calls.values()):
            self._writer.state(runner.call)
        self.agents.republish()
        if self.watches is not None:
            self.watches.republish()

    # --- the fallback -----------------------------------------------------------------------------------------------

    def renew_fallbacks(self) -> None:
        """Keep the fallback ahead for every caller who hears only what we play."""
        soon = time.monotonic() + RENEW_BELOW_S
        for runner in list(self.calls.values()):
            if runner.needs_fallback() and runner.fallback_due < soon:
                self._put_off_fallback(runner)

    def _put_off_fallback(self, runner: CallRunner) -> None:
        runner.fallback_due = time.monotonic() + FALLBACK_S
        self._switch.post(commands.arm_fallback(runner.call.id, FALLBACK_S))
