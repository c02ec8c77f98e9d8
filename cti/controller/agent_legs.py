"""The legs to agents and outside numbers: which are up, how one is made, and what its end means for its call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import gevent
import structlog

from core.clock import now_ms
from core.settings import Settings
from cti.acd.agents import Agent
from cti.call import inputs
from cti.call.model import Call, LegKind, Offer
from cti.controller.agents import Agents
from cti.controller.documents import Documents
from cti.controller.reach import NotReachedError, Reach, Way
from cti.endpoint_kinds import LANDLINE
from cti.esl import commands
from cti.esl.client import Reply, Status, SwitchClient
from cti.esl.originate import fits_a_bridge
from cti.esl.quoting import UnsafeValue

log = structlog.get_logger(__name__)

END_TRIES = 8
END_AGAIN_S = 0.25
UNADOPTED_S = 20
"""Seconds an agent's leg that answered lives without being bridged, should the controller die just then."""
TEMPORARY_FAILURE, NO_ANSWER = 41, 19
"""NORMAL_TEMPORARY_FAILURE and NO_ANSWER by their numbers (Q.850), which are shorter."""
KEY = "1"
"""What is pressed on an outside telephone to take a call."""
SILENT_ENDPOINT_MS = 60_000
"""An agent's endpoint from which nothing was received for so long is gone, though nobody said so."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentLeg:
    """A leg to an agent, or to an outside number (agent 0), and the call it was made for."""

    leg_id: str
    call_id: str
    tenant_id: int
    agent_id: int
    token: str
    by_number: bool = False
    """To the landline or mobile of an agent: it holds places of company and trunk."""
    press: bool = False
    """Who picked it up takes the call with a key."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """A leg that can be made without waiting for anything: its way is known, its places are taken."""

    agent: Agent
    leg: AgentLeg
    way: Way | None
    cause: str = ""
    """Why there is no way."""


class AgentLegs:
    """The index :attr:`up` is the board's `legs`; it is rebuilt from the switch at every connection."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        documents: Documents,
        agents: Agents,
        reach: Reach,
        post: Callable[[str, inputs.Input], bool],
    ) -> None:
        self._settings = settings
        self._switch = switch
        self._documents = documents
        self._agents = agents
        self._reach = reach
        self._post = post
        self.up: dict[str, AgentLeg] = {}

    def originate(
        self, call: Call, agent: Agent, queue_id: int, ring_s: int, at_ms: int, state: str = ""
    ) -> Offer:
        """Send the originate to one endpoint with one uuid; failures come back as the end of the leg."""
        return self.dial(call, self.prepare(call, agent), queue_id, ring_s, at_ms, state)

    def prepare(self, call: Call, agent: Agent) -> Prepared:
        """Find the way to an agent, and take the places of one to the outside; may wait for Redis."""
        leg = AgentLeg(
            leg_id=agent.leg_id,
            call_id=call.id,
            tenant_id=call.tenant_id,
            agent_id=agent.account_id,
            token=agent.token,
        )
        self.up[leg.leg_id] = leg
        try:
            way = self._reach.way(call, agent, leg.leg_id)
        except NotReachedError as error:
            return Prepared(agent=agent, leg=leg, way=None, cause=error.cause)
        return Prepared(agent=agent, leg=self._known(leg, way), way=way)

    def dial(
        self, call: Call, prepared: Prepared, queue_id: int, ring_s: int, at_ms: int, state: str = ""
    ) -> Offer:
        """Send the originate of a prepared leg. Waits for nothing, so that nothing is heard of the leg before the call
        is told of its offer.
        """
        agent, leg, way = prepared.agent, prepared.leg, prepared.way
        try:
            wire = commands.originate(self._leg(call, agent, way, queue_id, ring_s, state)) if way else b""
        except UnsafeValue as error:
            log.warning("contact_refused", user=agent.user, reason=str(error))
            gevent.spawn(self._failed, leg, "INVALID_URL")
        else:
            if wire:
                self._switch.bgapi(wire, lambda reply: self._originated(leg, reply))
            else:
                gevent.spawn(self._failed, leg, prepared.cause)
        return Offer(
            leg_id=leg.leg_id,
            agent_id=agent.account_id,
            extension_id=agent.extension_id,
            queue_id=queue_id,
            endpoint=LANDLINE if leg.by_number else agent.endpoint,
            token=leg.token,
            offered_ms=at_ms,
        )

    def _known(self, leg: AgentLeg, way: Way) -> AgentLeg:
        """Note of a leg where it goes: with its end the places of a way to the outside are given back."""
        leg = dataclasses.replace(leg, by_number=way.by_number, press=way.press)
        self.up[leg.leg_id] = leg
        return leg

    def is_by_number(self, leg_id: str) -> bool:
        """Return whether a leg goes to an agent's landline or mobile."""
        leg = self.up.get(leg_id)
        return leg is not None and leg.by_number

    def call_agent(self, call: Call, offer: Offer, ring_s: int, state: str) -> None:
        """Ring the agent who dialled; the leg carries the call's `state` from its first moment."""
        agent = self._agents.get(offer.agent_id)
        if agent is None or agent.token != offer.token:
            gone = inputs.AgentGone(at_ms=now_ms(), leg_id=offer.leg_id, cause="USER_NOT_REGISTERED")
            self._post(call.id, gone)
            return
        self.originate(call, agent, 0, ring_s, offer.offered_ms, state)

    def consult(
        self, call: Call, offer: Offer, ring_s: int, words: Sequence[Path]
    ) -> commands.Originate | None:
        """Return the leg to an agent who is asked, claimed by `offer`; None when their endpoint is gone. `words` ask
        for the key where who picks up has to press it.
        """
        agent = self._agents.get(offer.agent_id)
        if agent is None or agent.token != offer.token:
            return None
        try:
            way = self._reach.way(call, agent, offer.leg_id)
        except NotReachedError:
            return None
        asking = self._agents.get(call.agent_id)
        leg = AgentLeg(
            leg_id=offer.leg_id,
            call_id=call.id,
            tenant_id=call.tenant_id,
            agent_id=agent.account_id,
            token=offer.token,
        )
        self._known(leg, way)
        variables = {
            "zj_call": call.id,
            "zj_tenant": str(call.tenant_id),
            "zj_cell": self._settings.cell,
            "zj_leg": LegKind.CONSULT.value,
            "zj_agent": str(agent.account_id),
            "zj_ext": str(agent.extension_id),
            commands.DIAL_MARK: "true",
            "hangup_after_bridge": "true",
        }
        caller = asking.extension if asking is not None else str(call.extension_id)
        if way.plan is not None:
            # Tones of the network would part the asking agent from the ringing they hear.
            variables |= {"zj_by_number": "true", "ignore_early_media": "true"}
            variables |= _asks_for_key(words) if way.press else {}
            caller = way.plan.shown
        else:
            variables["media_timeout"] = str(SILENT_ENDPOINT_MS)
            if agent.endpoint == "web":
                variables["sip_h_X-Zongji-Leg"] = offer.leg_id
        return commands.Originate(
            uuid=offer.leg_id,
            target=way.target,
            timeout_s=ring_s,
            caller_number=caller,
            variables=variables,
        )

    def expect(self, call: Call, leg_id: str) -> None:
        """Know a leg to an outside number, which the switch makes from a leg of the call."""
        self.up[leg_id] = AgentLeg(
            leg_id=leg_id, call_id=call.id, tenant_id=call.tenant_id, agent_id=0, token=leg_id
        )

    def _leg(
        self, call: Call, agent: Agent, way: Way, queue_id: int, ring_s: int, state: str
    ) -> commands.Originate:
        other = call.called if call.outbound else call.caller
        variables = {
            "zj_call": call.id,
            "zj_tenant": str(call.tenant_id),
            "zj_cell": self._settings.cell,
            "zj_leg": LegKind.AGENT.value,
            "zj_agent": str(agent.account_id),
            "zj_ext": str(agent.extension_id),
            "zj_queue": str(queue_id),
            "hangup_after_bridge": "true",
        }
        # Who picked up and presses nothing has not answered: a mailbox, an announcement.
        name, number = (
            ("NO_ANSWER", NO_ANSWER) if way.press else ("NORMAL_TEMPORARY_FAILURE", TEMPORARY_FAILURE)
        )
        if state:
            # The agent's own call. The leg must outlive a dial that fails, so no time may run in its park.
            variables["continue_on_fail"] = "true"
            variables["execute_on_answer"] = f"sched_hangup +{UNADOPTED_S} {name}"
            variables["zj_state"] = state
        else:
            variables["park_timeout"] = f"{UNADOPTED_S}:{number}"
        if agent.token != agent.leg_id:
            variables["zj_token"] = agent.token
        variables |= self._of_endpoint(agent, way, queue_id, own=bool(state))
        shown, display = other if other[:1] in "+0123456789" else "", other or "anonymous"
        if way.plan is not None:
            shown = display = way.plan.shown
        return commands.Originate(
            uuid=agent.leg_id,
            target=way.target,
            timeout_s=max(1, min(ring_s, 999)),
            caller_number=shown,
            caller_name=display,
            variables=variables,
        )

    def _of_endpoint(self, agent: Agent, way: Way, queue_id: int, *, own: bool) -> dict[str, str]:
        """Return the variables of a leg that depend on what it rings; `own`: the agent dialled."""
        if way.by_number:
            press = {"zj_press": "true"} if way.press else {}
            return {"zj_by_number": "true", **press}
        variables = {"media_timeout": str(SILENT_ENDPOINT_MS)}
        if agent.endpoint == "web":
            queue = self._documents.queue(queue_id)
            variables["sip_h_X-Zongji-Leg"] = agent.leg_id
            if own or (queue is not None and queue.answers_by_itself):
                variables["sip_h_X-Zongji-Auto-Answer"] = "true"
        return variables

    def _originated(self, leg: AgentLeg, reply: Reply) -> None:
        if reply.status is Status.UNKNOWN:
            return  # the line was lost: the reconciliation asks the switch whether the leg lives
        if not reply.ok:
            cause = reply.text.removeprefix("-ERR ").strip() or "NORMAL_TEMPORARY_FAILURE"
            # Not at once: what was never sent is told before the offer it belongs to.
            gevent.spawn(self._failed, leg, cause)

    def end(self, leg_id: str, cause: str, tries: int = END_TRIES) -> None:
        """End an agent's leg; its originate may still be on its way, so "no such leg" is asked again for a while."""

        def told(reply: Reply) -> None:
            if not reply.ok and leg_id in self.up and tries:
                gevent.spawn_later(END_AGAIN_S, self.end, leg_id, cause, tries - 1)

        self._switch.post(commands.kill(leg_id, cause), told)

    def gone(self, leg_id: str, cause: str) -> None:
        """Proof that an agent's leg is no more."""
        leg = self.up.get(leg_id)
        if leg is not None:
            self._failed(leg, cause)

    def ended(self, leg_id: str) -> AgentLeg | None:
        """A leg ended: return what was known of it, if it is one of these, and forget it."""
        leg = self.up.pop(leg_id, None)
        if leg is not None and leg.by_number:
            # Redis may keep this waiting, and the switch's events must not wait with it.
            gevent.spawn(self._reach.leave, leg_id)
        return leg

    def forget_all(self) -> None:
        """The switch died, and every leg with it."""
        for leg_id in list(self.up):
            self.ended(leg_id)

    def _failed(self, leg: AgentLeg, cause: str) -> None:
        if self.ended(leg.leg_id) is not None:
            self._post(leg.call_id, inputs.AgentGone(at_ms=now_ms(), leg_id=leg.leg_id, cause=cause))


def _asks_for_key(words: Sequence[Path]) -> dict[str, str]:
    """Return what has the switch itself ask for the key before it bridges: the leg that asks hears ringing until then,
    and a leg without the key ends as one nobody answered. The switch plays one file; with a path no bridge can carry it
    plays none, and waits for the key all the same.
    """
    variables = {"zj_press": "true", "group_confirm_key": KEY, "group_confirm_timeout": str(UNADOPTED_S)}
    file = str(words[0]) if words else ""
    return variables | ({"group_confirm_file": file} if fits_a_bridge(file) else {})
