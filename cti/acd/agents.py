"""An agent as a value, and every change of state as a pure function.

States a person chooses: not ready (工作-不可回接), ready (工作-可回接), break, away. States the platform gives: ringing
(claimed for one call), talking, wrap-up, not responding (an offer went unanswered; until the agent acts). While
claimed, a chosen state is kept as the next one. Whether queue calls may come is derived: see :func:`available`.
"""

from __future__ import annotations

import datetime
import enum
import zoneinfo

import msgspec

from core.documents import DispatchRule
from cti.endpoint_kinds import LANDLINE

EARLY_MS = 100
"""A timer may ring so early by the clock on the wall."""


class AgentState(enum.StrEnum):
    """An agent's state; signed-out agents have none."""

    NOT_READY = "not_ready"  # signed in, or chosen
    READY = "ready"  # chosen, or after a call
    BREAK = "break"  # chosen
    AWAY = "away"  # chosen
    RINGING = "ringing"  # the claim
    RESERVED = "reserved"  # a supervisor's own leg at another agent's talk, or one that records a voice
    TALKING = "talking"  # CHANNEL_BRIDGE
    WRAP_UP = "wrap_up"  # hang-up of a queue call with wrap-up time
    NOT_RESPONDING = "not_responding"  # an offer went unanswered


CHOOSABLE = (AgentState.NOT_READY, AgentState.READY, AgentState.BREAK, AgentState.AWAY)
QUEUE_DECIDES = (AgentState.NOT_READY, AgentState.BREAK, AgentState.AWAY, AgentState.WRAP_UP)
"""States in which a queue may let its calls come all the same."""
OWN_REASONS = (AgentState.BREAK, AgentState.AWAY)
"""States that can have a reason of the company's own."""
SIGNING_OUT = "signed_out"
"""Value of ``next_state`` when the agent asked to leave during a call."""


class Place(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """How an agent stands in one queue: what its match needs to know."""

    queue_id: int = 0
    rule: DispatchRule = DispatchRule.LONGEST_IDLE
    level: int = 5
    """Skill level in the queue, 1 to 9."""
    closed: tuple[str, ...] = ("not_ready", "break", "away", "wrap_up")
    """States in which none of its calls come."""
    open_reasons: tuple[str, ...] = ()
    """Own break reasons (ids) with which its calls come all the same."""


class Agent(msgspec.Struct, kw_only=True, frozen=True):
    """A signed-in agent."""

    tenant_id: int
    account_id: int
    name: str
    employee_number: str = ""
    extension_id: int
    extension: str
    endpoint: str
    """``web``, ``sip`` or ``landline``."""
    user: str
    """SIP user of the endpoint; empty: a landline has none."""
    state: AgentState = AgentState.NOT_READY
    since_ms: int = 0
    reason: str = ""
    next_state: str = ""
    next_reason: str = ""
    queue_ids: tuple[int, ...] = ()
    places: tuple[Place, ...] = ()
    """How the agent stands in those queues; a queue without one has the default."""
    registered: bool = False
    """The endpoint can be rung: it is registered, or the bound number rings in its place."""
    by_number: bool = False
    """The next call rings the landline or mobile bound to the extension."""
    token: str = ""
    """Claim: one call, one leg."""
    leg_id: str = ""
    call_id: str = ""
    claimed_ms: int = 0
    muted: bool = False
    """The microphone of the agent's leg is off."""
    wrap_until_ms: int = 0
    wrap_extended: bool = False
    """The wrap-up under way was made longer already: it can be once."""
    missed_in_a_row: int = 0
    unreachable_in_a_row: int = 0
    resting_until_ms: int = 0
    """Until then no calls come: an endpoint that could not be rung is not tried without end, a missed call goes to
    others first.
    """
    offered_ms: int = 0
    """When a call was offered to the agent last."""
    calls_today: int = 0
    """Conversations on `calls_day`."""
    calls_day: str = ""
    """ISO date, in the company's zone."""
    timezone: str = "Asia/Shanghai"

    @property
    def rings_on(self) -> str:
        """What the next call rings: the endpoint, or the landline in its place."""
        return LANDLINE if self.by_number else self.endpoint


REST_MS = 5_000
MAX_UNREACHABLE = 3
"""After so many offers in a row that could not be rung the agent stands as not responding."""


def places(agent: Agent) -> tuple[Place, ...]:
    """Return how the agent stands in each of their queues."""
    known = {place.queue_id: place for place in agent.places}
    return tuple(known.get(queue_id) or Place(queue_id=queue_id) for queue_id in agent.queue_ids)


def takes(agent: Agent, place: Place) -> bool:
    """Return whether calls of this queue may be offered now: always when ready, in other states where the queue says
    so (CTI-Q2). A rest is ended by :func:`rested`, not by the clock.
    """
    return _comes(agent, place) and agent.registered and not agent.token and not agent.resting_until_ms


def _comes(agent: Agent, place: Place) -> bool:
    """Return whether the queue's calls come in the agent's state; a reason of the company's own counts as one."""
    if agent.state in OWN_REASONS and agent.reason.isdigit():
        return agent.reason in place.open_reasons
    return agent.state is AgentState.READY or (
        agent.state in QUEUE_DECIDES and agent.state.value not in place.closed
    )


def available(agent: Agent) -> bool:
    """Return whether calls of any queue may be offered now."""
    return any(takes(agent, place) for place in places(agent) or (Place(),))


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
        wrap_extended=False,
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
        offered_ms=now_ms,
        wrap_until_ms=0,
        next_state=back,
        next_reason=agent.next_reason or agent.reason,
    )


def reserved(agent: Agent, *, token: str, call_id: str, now_ms: int, reason: str = "") -> Agent:
    """A leg of the agent's own that is no part of a call, such as a supervisor's at another agent's talk, or one that
    records a voice (`reason` says so); its uuid is the token.
    """
    return _with(
        agent,
        now_ms,
        state=AgentState.RESERVED,
        reason=reason or agent.reason,
        token=token,
        leg_id=token,
        call_id=call_id,
        claimed_ms=now_ms,
        next_state=agent.next_state or agent.state.value,
        next_reason=agent.next_reason or agent.reason,
    )


def talks(agent: Agent, now_ms: int) -> Agent:
    """The agent's leg was bridged. The first time in a claim that is one more call of the day."""
    counted = agent if agent.state is AgentState.TALKING else new_day(agent, now_ms)
    calls = counted.calls_today + (agent.state is not AgentState.TALKING)
    return _with(
        counted,
        now_ms,
        state=AgentState.TALKING,
        missed_in_a_row=0,
        unreachable_in_a_row=0,
        calls_today=calls,
    )


def day_of(now_ms: int, timezone: str) -> str:
    """Return the ISO date in a zone; in UTC where the zone is not known."""
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    try:
        return now.astimezone(zoneinfo.ZoneInfo(timezone)).date().isoformat()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return now.date().isoformat()


def new_day(agent: Agent, now_ms: int) -> Agent:
    """The calls of another day count no more."""
    day = day_of(now_ms, agent.timezone)
    if agent.calls_day == day:
        return agent
    return msgspec.structs.replace(agent, calls_today=0, calls_day=day)


def freed(
    agent: Agent,
    *,
    now_ms: int,
    wrap_up_s: int = 0,
    missed: bool = False,
    unreachable: bool = False,
    missed_limit: int = 0,
) -> Agent | None:
    """The claim ended. ``None`` means the agent leaves now, as they asked during the call. With a `missed_limit`
    calls may be missed, and so many in a row make the agent away; without, the first makes them not responding. Whoever
    missed one rests for a moment: others come before them for the same caller, whatever the queue's rule.
    """
    if agent.next_state == SIGNING_OUT:
        return None
    unreachable = unreachable and not missed
    loose: dict[str, object] = {"token": "", "leg_id": "", "call_id": "", "claimed_ms": 0, "muted": False}
    failures = agent.unreachable_in_a_row + 1 if unreachable else 0
    if unreachable and failures < MAX_UNREACHABLE:
        loose |= {"unreachable_in_a_row": failures, "resting_until_ms": now_ms + REST_MS}
    misses = agent.missed_in_a_row + missed
    if missed and misses < missed_limit:
        loose["resting_until_ms"] = now_ms + REST_MS
        return _back(msgspec.structs.replace(agent, missed_in_a_row=misses, **loose), now_ms)
    if missed or failures >= MAX_UNREACHABLE:
        return _with(
            agent,
            now_ms,
            state=AgentState.AWAY if missed and missed_limit else AgentState.NOT_RESPONDING,
            reason="",
            next_state="",
            next_reason="",
            missed_in_a_row=misses,
            unreachable_in_a_row=0,
            **loose,
        )
    if wrap_up_s > 0 and not unreachable:
        until_ms = now_ms + wrap_up_s * 1000
        loose |= {"reason": "", "wrap_until_ms": until_ms, "wrap_extended": False}
        return _with(agent, now_ms, state=AgentState.WRAP_UP, **loose)
    return _back(msgspec.structs.replace(agent, **loose), now_ms)


def rested(agent: Agent) -> Agent:
    """The rest after a missed call, or an endpoint that could not be rung, is over."""
    return msgspec.structs.replace(agent, resting_until_ms=0)


def wrapped_up(agent: Agent, now_ms: int) -> Agent:
    """The wrap-up is over: its time ran out, or the agent ended it."""
    return _back(agent, now_ms) if agent.state is AgentState.WRAP_UP else agent


def wrap_up_rang(agent: Agent, now_ms: int) -> Agent:
    """The wrap-up's timer rang; nothing changes when it was made longer in that moment."""
    return wrapped_up(agent, now_ms) if now_ms >= agent.wrap_until_ms - EARLY_MS else agent


def extended(agent: Agent) -> Agent:
    """The wrap-up under way is made twice as long, once. Raises ``ValueError`` outside of one and the second time."""
    if agent.state is not AgentState.WRAP_UP or agent.wrap_extended:
        raise ValueError("no wrap-up that can be made longer")
    longer_ms = 2 * agent.wrap_until_ms - agent.since_ms
    return msgspec.structs.replace(agent, wrap_until_ms=longer_ms, wrap_extended=True)


def registration(agent: Agent, registered: bool, now_ms: int, *, by_number: bool = False) -> Agent:
    """The endpoint registered or vanished. An unregistered agent keeps the state but gets no calls, unless the bound
    number rings in its place.
    """
    return _with(agent, now_ms, registered=registered, by_number=by_number)


def mute(agent: Agent, leg_id: str, muted: bool) -> Agent:
    """The microphone of the leg was switched off or on."""
    return msgspec.structs.replace(agent, muted=muted) if agent.leg_id == leg_id else agent


def moved(agent: Agent, *, endpoint: str, user: str, registered: bool, by_number: bool = False) -> Agent:
    """The agent changed the endpoint of the same extension while idle."""
    return msgspec.structs.replace(
        agent, endpoint=endpoint, user=user, registered=registered, by_number=by_number
    )


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
        wrap_extended=False,
        since_ms=now_ms,
    )
