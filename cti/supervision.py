"""What a supervisor may do with an agent's call now (SUP-2 to SUP-9): decided from values, with an id for each refusal.

Rights of the account are checked before, by who shows the button; this is about signed-in agents, talks and calls.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from cti.acd.agents import CHOOSABLE, Agent, AgentState
from cti.call.model import Call, Phase


class Mode(enum.StrEnum):
    """How a supervisor takes part in a talk."""

    MONITOR = "monitor"
    """Hears both, is heard by nobody (监听)."""
    WHISPER = "whisper"
    """Hears both, is heard by the agent (耳语)."""
    BARGE = "barge"
    """A talk of three (强插)."""


class WatchState(enum.StrEnum):
    """How far it is."""

    CALLING = "calling"  # the supervisor's leg is being originated or rings
    ON = "on"  # CHANNEL_PARK of that leg; it was told to listen


class Watch(msgspec.Struct, kw_only=True, frozen=True):
    """One supervisor at one agent's talk. It is kept by the supervisor's leg, whose variables tell all of it."""

    tenant_id: int
    supervisor_id: int
    extension_id: int
    endpoint: str
    agent_id: int
    agent_leg: str
    call_id: str
    leg_id: str
    """The supervisor's own leg; its uuid is the claim's token."""
    mode: Mode
    state: WatchState = WatchState.CALLING
    taking: bool = False
    """The customer is taken over as soon as the leg is there."""
    begun_ms: int = 0


class Refused(Exception):
    """It cannot be done now; `error` is a stable id (`cti.refusals`), `detail` what a sentence needs."""

    def __init__(self, error: str, **detail: str) -> None:
        super().__init__(error)
        self.error = error
        self.detail = detail


Reach = frozenset[int] | None
"""Ids of the queues a supervisor's rights reach; None: all of the company."""


def queues_of(call: Call, agent: Agent | None) -> tuple[int, ...]:
    """Return the queues whose supervisors a call is for: its own, or, of a call of no queue, those of the agent who
    has it.
    """
    if call.queue_id:
        return (call.queue_id,)
    return agent.queue_ids if agent is not None else ()


def require_agent_in(agent: Agent, reach: Reach) -> None:
    """Raise :class:`Refused` unless the agent takes calls of a queue within `reach`: others are not there at all."""
    if reach is not None and reach.isdisjoint(agent.queue_ids):
        raise Refused("no-such-agent")


def require_call_in(call: Call | None, agent: Agent | None, reach: Reach, error: str) -> None:
    """Raise :class:`Refused` with `error` for a call of queues beyond `reach`."""
    if call is not None and reach is not None and reach.isdisjoint(queues_of(call, agent)):
        raise Refused(error)


def require_supervisor(agent: Agent | None, tenant_id: int) -> Agent:
    """Return the supervisor's own agent if its phone can be called now. Raises :class:`Refused`."""
    if agent is None or agent.tenant_id != tenant_id:
        raise Refused("not-signed-in")
    if not agent.registered:
        raise Refused("supervisor-not-ready", reason="phone-away")
    if agent.token or agent.state not in CHOOSABLE:
        raise Refused("supervisor-not-ready", reason=agent.state.value)
    return agent


def require_agent(agent: Agent | None, tenant_id: int) -> Agent:
    """Return the agent an action is about; another company's is none. Raises :class:`Refused`."""
    if agent is None or agent.tenant_id != tenant_id:
        raise Refused("no-such-agent")
    return agent


def require_talk(agent: Agent, call: Call | None) -> Call:
    """Return the talk the agent is in with a customer. Raises :class:`Refused`."""
    talks = call is not None and call.phase is Phase.TALKING and call.agent_leg == agent.leg_id
    if call is None or not talks or agent.state is not AgentState.TALKING or not agent.leg_id:
        raise Refused("no-talk")
    return call


def require_no_consult(call: Call) -> None:
    """Raise :class:`Refused` while the agent asks somebody else about the call: it is theirs to end that."""
    if call.consult is not None:
        raise Refused("in-consult")


def require_unwatched(watches: Iterable[Watch], agent: Agent, supervisor_id: int) -> None:
    """Raise :class:`Refused` with the other one's id if somebody else is at the agent's talk."""
    for watch in watches:
        if watch.agent_id == agent.account_id and watch.supervisor_id != supervisor_id:
            raise Refused("already-watched", by=str(watch.supervisor_id))


def require_other(supervisor_id: int, agent: Agent) -> None:
    """Raise :class:`Refused` for one's own call."""
    if agent.account_id == supervisor_id:
        raise Refused("own-call")


def require_waiting(call: Call | None, tenant_id: int) -> Call:
    """Return a call that waits in a queue. Raises :class:`Refused`: it is gone, or somebody has it already."""
    if call is None or call.tenant_id != tenant_id:
        raise Refused("no-such-call")
    if call.phase is not Phase.WAITING or not call.queue_id:
        raise Refused("not-waiting")
    return call
