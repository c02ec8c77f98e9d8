"""An agent as a value, and every change of state as a pure function.

States a person chooses: not ready (工作-不可回接), ready (工作-可回接), break, away. States the platform gives: ringing
(claimed for one call), talking, wrap-up, not responding (an offer went unanswered; until the agent acts). While
claimed, a chosen state is kept as the next one. Whether queue calls may come is derived: see :func:`available`.
"""

from __future__ import annotations

import enum

import msgspec


class AgentState(enum.StrEnum):
    """An agent's state; signed-out agents have none."""

    NOT_READY = "not_ready"  # signed in, or chosen
    READY = "ready"  # chosen, or after a call
    BREAK = "break"  # chosen
    AWAY = "away"  # chosen
    RINGING = "ringing"  # the claim
    TALKING = "talking"  # CHANNEL_BRIDGE
    WRAP_UP = "wrap_up"  # hang-up of a queue call with wrap-up time
    NOT_RESPONDING = "not_responding"  # an offer went unanswered


CHOOSABLE = (AgentState.NOT_READY, AgentState.READY, AgentState.BREAK, AgentState.AWAY)
SIGNING_OUT = "signed_out"
"""Value of ``next_state`` when the agent asked to leave during a call."""


class Agent(msgspec.Struct, kw_only=True, frozen=True):
    """A signed-in agent."""

    tenant_id: int
    account_id: int
    name: str
    employee_number: str = ""
    extension_id: int
    extension: str
    endpoint: str
    """``web`` or ``sip``."""
    user: str
    """SIP user of the endpoint."""
    state: AgentState = AgentState.NOT_READY
    since_ms: int = 0
    reason: str = ""
    next_state: str = ""
    next_reason: str = ""
    queue_ids: tuple[int, ...] = ()
    registered: bool = False
    token: str = ""
    """Claim: one call, one leg."""
    leg_id: str = ""
    call_id: str = ""
    claimed_ms: int = 0
    muted: bool = False
    """The microphone of the agent's leg is off."""
    wrap_until_ms: int = 0
    missed_in_a_row: int = 0
    unreachable_in_a_row: int = 0
    resting_until_ms: int = 0
    """An endpoint that could not be rung gets no queue calls until then, so that it is not tried without end."""


REST_MS = 5_000
MAX_UNREACHABLE = 3
"""After so many offers in a row that could not be rung the agent stands as not responding."""


def available(agent: Agent) -> bool:
    """Return whether queue calls may be offered now; a rest is ended by :func:`rested`, not by the clock."""
    ready = agent.state is AgentState.READY and agent.registered and not agent.token
    return ready and not agent.resting_until_ms


def can_be_rung(agent: Agent) -> bool:
    """Return whether a direct call may ring this agent (ready or not taking queue calls, but not busy)."""
    return agent.state in (AgentState.READY, AgentState.NOT_READY) and agent.registered and not agent.token


def _with(agent: Agent, now_ms: int, **changes: object) -> Agent:
    if changes.get("state", agent.state) is not agent.state:
        changes.setdefault("since_ms", now_ms)
    return msgspec.structs.replace(agent, **changes)


def choose(agent: Agent, state: AgentState, reason: str, now_ms: int) -> Agent:
    """The agent chose a state: at once, or after the call that holds them. Raises ``ValueError`` for a given state."""
    if state not in CHOOSABLE:
        raise ValueError(f"{state} cannot be chosen")
    if agent.token:
        return _with(agent, now_ms, next_state=state.value, next_reason=reason)
    return _with(
        agent,
        now_ms,
        state=state,
        reason=reason,
        next_state="",
        next_reason="",
        wrap_until_ms=0,
        missed_in_a_row=0,
        unreachable_in_a_row=0,
        resting_until_ms=0,
    )


def ask_to_leave(agent: Agent, now_ms: int) -> Agent | None:
    """The agent signs out: ``None`` means now; otherwise it happens when the call ends."""
    return _with(agent, now_ms, next_state=SIGNING_OUT, next_reason="") if agent.token else None


def claimed(agent: Agent, *, token: str, leg_id: str, call_id: str, now_ms: int) -> Agent:
    """A call was given to the agent by the match; what they were doing before is where they return to."""
    back = agent.next_state or (agent.state.value if agent.state in CHOOSABLE else AgentState.READY.value)
    return _with(
        agent,
        now_ms,
        state=AgentState.RINGING,
        token=token,
        leg_id=leg_id,
        call_id=call_id,
        claimed_ms=now_ms,
        next_state=back,
        next_reason=agent.next_reason or agent.reason,
    )


def talks(agent: Agent, now_ms: int) -> Agent:
    """The agent's leg was bridged."""
    return _with(agent, now_ms, state=AgentState.TALKING, missed_in_a_row=0, unreachable_in_a_row=0)


def freed(
    agent: Agent, *, now_ms: int, wrap_up_s: int = 0, missed: bool = False, unreachable: bool = False
) -> Agent | None:
    """The claim ended. ``None`` means the agent leaves now, as they asked during the call."""
    if agent.next_state == SIGNING_OUT:
        return None
    unreachable = unreachable and not missed
    loose: dict[str, object] = {"token": "", "leg_id": "", "call_id": "", "claimed_ms": 0, "muted": False}
    failures = agent.unreachable_in_a_row + 1 if unreachable else 0
    if unreachable and failures < MAX_UNREACHABLE:
        loose |= {"unreachable_in_a_row": failures, "resting_until_ms": now_ms + REST_MS}
    if missed or failures >= MAX_UNREACHABLE:
        return _with(
            agent,
            now_ms,
            state=AgentState.NOT_RESPONDING,
            reason="",
            next_state="",
            next_reason="",
            missed_in_a_row=agent.missed_in_a_row + missed,
            unreachable_in_a_row=0,
            **loose,
        )
    if wrap_up_s > 0 and not unreachable:
        until_ms = now_ms + wrap_up_s * 1000
        return _with(agent, now_ms, state=AgentState.WRAP_UP, reason="", wrap_until_ms=until_ms, **loose)
    return _back(msgspec.structs.replace(agent, **loose), now_ms)


def rested(agent: Agent) -> Agent:
    """The rest after an unreachable endpoint is over."""
    return msgspec.structs.replace(agent, resting_until_ms=0)


def wrapped_up(agent: Agent, now_ms: int) -> Agent:
    """The wrap-up time ran out."""
    return _back(agent, now_ms) if agent.state is AgentState.WRAP_UP else agent


def registration(agent: Agent, registered: bool, now_ms: int) -> Agent:
    """The endpoint registered or vanished. An unregistered agent keeps the state but gets no calls."""
    return _with(agent, now_ms, registered=registered)


def mute(agent: Agent, leg_id: str, muted: bool) -> Agent:
    """The microphone of the leg was switched off or on."""
    return msgspec.structs.replace(agent, muted=muted) if agent.leg_id == leg_id else agent


def moved(agent: Agent, *, endpoint: str, user: str, registered: bool) -> Agent:
    """The agent changed the endpoint of the same extension while idle."""
    return msgspec.structs.replace(agent, endpoint=endpoint, user=user, registered=registered)


def _back(agent: Agent, now_ms: int) -> Agent:
    state = AgentState(agent.next_state) if agent.next_state else AgentState.READY
    return _with(
        agent,
        now_ms,
        state=state,
        reason=agent.next_reason,
        next_state="",
        next_reason="",
        wrap_until_ms=0,
        since_ms=now_ms,
    )
