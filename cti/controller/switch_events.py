"""What an event of the switch means for the calls: the leg it is about decides whose input it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import gevent
import structlog

from core.settings import Settings
from cti.call import inputs
from cti.call.model import Call, LegKind
from cti.call.steps import STEP_PREFIX
from cti.controller.agent_legs import AgentLeg, AgentLegs
from cti.controller.metrics import Metrics
from cti.controller.press_to_take import PressToTake
from cti.controller.registrations import Registrations
from cti.controller.ringing import Ringing
from cti.controller.runner import CallRunner
from cti.controller.watches import Watches
from cti.esl import commands
from cti.esl.client import SwitchClient
from cti.esl.events import Event

log = structlog.get_logger(__name__)

FAILED_PLAYBACK = ("FILE NOT FOUND", "PLAYBACK ERROR")
SUBSCRIPTIONS = (
    "CHANNEL_PARK",
    "CHANNEL_ANSWER",
    "CHANNEL_EXECUTE_COMPLETE",
    "DTMF",
    "CHANNEL_BRIDGE",
    "CHANNEL_HANGUP_COMPLETE",
    "sofia::register",
    "sofia::unregister",
    "sofia::expire",
)
"""What the controller asks the switch for: nothing it does not use."""


class SwitchEvents:
    """Turns events into inputs; in the order of arrival, and never waiting for long."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        registrations: Registrations,
        metrics: Metrics,
        ringing: Ringing,
        legs: AgentLegs,
        calls: Mapping[str, CallRunner],
        add: Callable[[Call], CallRunner],
        post: Callable[[str, inputs.Input], bool],
    ) -> None:
        self._settings = settings
        self._switch = switch
        self._registrations = registrations
        self._metrics = metrics
        self._ringing = ringing
        self._legs = legs
        self._calls = calls
        self._add = add
        self._post = post
        self.watches: Watches | None = None
        self.keys: PressToTake | None = None

    def on_event(self, event: Event) -> None:
        """Take one event; called in the order of arrival, never blocks for long."""
        handler = self._EVENTS.get(event.name)
        if handler is not None:
            handler(self, event)

    def _on_park(self, event: Event) -> None:
        runner = self._calls.get(event.uuid)
        if runner is not None:
            runner.post(inputs.Parked(at_ms=event.timestamp_ms))
        elif event.uuid in self._legs.up:
            gevent.spawn(self._agent_parked, self._legs.up[event.uuid], event.timestamp_ms)
        elif self.watches is not None and self.watches.parked(event.uuid):
            return
        elif event.zj_leg == LegKind.CUSTOMER.value and not event.zj_state:
            self.arrived(event)
        elif event.zj_leg == LegKind.AGENT.value and event.context == "agents":
            self._refuse_outbound(event)

    def arrived(self, event: Event) -> None:
        """A first leg entered and waits in the park."""
        self._metrics.arrived.inc()
        call = Call(id=event.uuid, cell=self._settings.cell)
        runner = self._add(call)
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

    def agent_answered(self, leg_id: str, at_ms: int) -> None:
        """Proof that an agent's leg was answered while nobody looked."""
        leg = self._legs.up.get(leg_id)
        if leg is not None:
            gevent.spawn(self._agent_parked, leg, at_ms)

    def _agent_parked(self, leg: AgentLeg, at_ms: int) -> None:
        runner = self._calls.get(leg.call_id)
        if runner is not None and runner.call.agent_leg == leg.leg_id:
            # Parked again: for a hold, or before whom they ask is called.
            runner.post(inputs.AgentParked(at_ms=at_ms, leg_id=leg.leg_id))
            return
        if runner is not None and _is_asked(runner.call, leg.leg_id):
            return
        if self.keys is not None and self.keys.awaits(leg):
            return
        if self._ringing.wins(leg):
            posted = self._post(leg.call_id, inputs.AgentAnswered(at_ms=at_ms, leg_id=leg.leg_id))
            if posted:
                return
        self._legs.end(leg.leg_id, "LOSE_RACE")

    def _on_execute_complete(self, event: Event) -> None:
        step_id = event.application_uuid
        if step_id.startswith(STEP_PREFIX):
            leg = self._legs.up.get(event.uuid)
            self._post(leg.call_id if leg else event.uuid, step_done(event, step_id))

    def _on_answer(self, event: Event) -> None:
        if event.zj_leg == LegKind.CUSTOMER.value:
            self._post(event.uuid, inputs.CustomerAnswered(at_ms=event.timestamp_ms))
        elif event.zj_leg == LegKind.CONSULT.value and not self._asks_for_key(event.uuid):
            self._post(event.zj_call, inputs.OutsideAnswered(at_ms=event.timestamp_ms, leg_id=event.uuid))

    def _on_dtmf(self, event: Event) -> None:
        leg = self._legs.up.get(event.uuid)
        if leg is not None and self.keys is not None and self.keys.pressed(event.uuid, event.digit):
            gevent.spawn(self._agent_parked, leg, event.timestamp_ms)
            return
        self._post(event.uuid, inputs.KeyPressed(at_ms=event.timestamp_ms, digit=event.digit))

    def _on_bridge(self, event: Event) -> None:
        for call_id, leg_id in ((event.uuid, event.other_uuid), (event.other_uuid, event.uuid)):
            if call_id in self._calls and leg_id in self._legs.up:
                self._post(call_id, inputs.Bridged(at_ms=event.timestamp_ms, leg_id=leg_id))
                return
        for leg_id in (event.uuid, event.other_uuid):
            if self._asks_for_key(leg_id):
                # Picked up is not answered there: the bridge is, which follows the key.
                leg = self._legs.up[leg_id]
                self._post(leg.call_id, inputs.OutsideAnswered(at_ms=event.timestamp_ms, leg_id=leg_id))

    def _asks_for_key(self, leg_id: str) -> bool:
        leg = self._legs.up.get(leg_id)
        return leg is not None and leg.press

    def _on_hangup(self, event: Event) -> None:
        at_ms, cause = event.timestamp_ms, event.hangup_cause
        leg = self._legs.ended(event.uuid)
        if self.keys is not None:
            self.keys.forget(event.uuid)
        if leg is not None:
            self._post(leg.call_id, inputs.AgentGone(at_ms=at_ms, leg_id=leg.leg_id, cause=cause))
        elif self.watches is None or not self.watches.hung_up(event.uuid, cause):
            self._post(event.uuid, inputs.CustomerGone(at_ms=at_ms, cause=cause))

    def _on_custom(self, event: Event) -> None:
        self._registrations.on_event(event)

    _EVENTS: dict[str, Callable[[SwitchEvents, Event], None]] = {
        "CHANNEL_PARK": _on_park,
        "CHANNEL_ANSWER": _on_answer,
        "CHANNEL_EXECUTE_COMPLETE": _on_execute_complete,
        "DTMF": _on_dtmf,
        "CHANNEL_BRIDGE": _on_bridge,
        "CHANNEL_HANGUP_COMPLETE": _on_hangup,
        "CUSTOM": _on_custom,
    }


def _is_asked(call: Call, leg_id: str) -> bool:
    """Return whether a leg is that of who is asked, or of a number the customer was handed over to: it won already."""
    if call.consult is not None and call.consult.leg_id == leg_id:
        return True
    outside = call.transfers[-1].to.outside if call.transfers else None
    return outside is not None and outside.leg_id == leg_id


def step_done(leg: Event, step_id: str) -> inputs.StepDone:
    """Return the end of a step as an event, or a dump, of its `leg` tells it."""
    ok = not any(word in leg.application_response for word in FAILED_PLAYBACK)
    bridged = leg.application == "bridge" or leg.zj_leg == LegKind.AGENT.value
    cause = leg.get("variable_originate_failed_cause") if bridged else ""
    return inputs.StepDone(at_ms=leg.timestamp_ms, step_id=step_id, ok=ok, cause=cause)
