"""An agent's states as functions: which leads where, what a claim keeps, who may be rung (CTI-Q4, CTI-Q5)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cti.acd import agents as rules
from cti.acd.agents import CHOOSABLE, SIGNING_OUT, Agent, AgentState, Place

NOW = 1_700_000_000_000
BUSY = (AgentState.RINGING, AgentState.TALKING)


def agent(state: AgentState = AgentState.READY, **changes: object) -> Agent:
    """Return a registered agent, claimed when the state says so."""
    claim = {"token": "t", "leg_id": "leg", "call_id": "call", "claimed_ms": 5} if state in BUSY else {}
    values: dict[str, object] = {
        "tenant_id": 1,
        "account_id": 11,
        "name": "Wang",
        "extension_id": 21,
        "extension": "801",
        "endpoint": "web",
        "user": "w801",
        "state": state,
        "since_ms": 1000,
        "registered": True,
        "queue_ids": (7, 8),
        **claim,
        **changes,
    }
    return msgspec.convert(values, Agent, strict=False)


@pytest.mark.parametrize("state", list(AgentState))
@pytest.mark.parametrize("registered", [True, False])
def test_queue_calls_come_only_to_the_ready_direct_ones_to_the_not_ready_too(
    state: AgentState, registered: bool
) -> None:
    """CTI-Q5: a claimed or unregistered agent gets nothing."""
    seen = agent(state, registered=registered)
    assert rules.available(seen) is (registered and state is AgentState.READY)
    assert rules.can_be_rung(seen) is (registered and state in (AgentState.READY, AgentState.NOT_READY))
    claimed = msgspec.structs.replace(seen, token="x")
    assert not rules.available(claimed)
    assert not rules.can_be_rung(claimed)


@pytest.mark.parametrize("state", rules.OWN_REASONS)
def test_a_reason_of_the_companys_own_is_a_state_of_its_own(state: AgentState) -> None:
    """CTI-Q2: ticked per queue, whatever the queue says of breaks without a reason."""
    closed, open_ = Place(queue_id=7), Place(queue_id=7, closed=())
    lunch = msgspec.structs.replace(closed, open_reasons=("3",))
    assert [rules.takes(agent(state, reason="3"), place) for place in (closed, open_, lunch)] == [
        False,
        False,
        True,
    ]
    assert [rules.takes(agent(state, reason="4"), place) for place in (closed, open_, lunch)] == [False] * 3
    assert [rules.takes(agent(state), place) for place in (closed, open_, lunch)] == [False, True, False]
    assert rules.takes(agent(AgentState.READY, reason="4"), closed), "who is ready always gets them"


@pytest.mark.parametrize("chosen", CHOOSABLE)
@pytest.mark.parametrize("state", [state for state in AgentState if state not in BUSY])
def test_a_choice_counts_at_once_without_a_call(state: AgentState, chosen: AgentState) -> None:
    before = agent(state, missed_in_a_row=2, wrap_until_ms=9, next_state="break", next_reason="old")
    after = rules.choose(before, chosen, "lunch", NOW)
    assert (after.state, after.reason) == (chosen, "lunch")
    assert (after.next_state, after.next_reason, after.wrap_until_ms, after.missed_in_a_row) == ("", "", 0, 0)
    assert after.since_ms == (1000 if chosen is state else NOW), "choosing the same again keeps the idle time"


@pytest.mark.parametrize("chosen", CHOOSABLE)
@pytest.mark.parametrize("state", BUSY)
def test_a_choice_during_a_call_waits_for_its_end(state: AgentState, chosen: AgentState) -> None:
    before = agent(state)
    during = rules.choose(before, chosen, "lunch", NOW)
    kept = msgspec.structs.replace(during, next_state="", next_reason="")
    assert kept == before
    after = rules.freed(during, now_ms=NOW)
    assert after is not None
    assert (after.state, after.reason, after.next_state, after.token) == (chosen, "lunch", "", "")


@pytest.mark.parametrize("state", [state for state in AgentState if state not in CHOOSABLE])
def test_a_given_state_cannot_be_chosen(state: AgentState) -> None:
    with pytest.raises(ValueError, match="cannot be chosen"):
        rules.choose(agent(), state, "", NOW)


@pytest.mark.parametrize("state", AgentState)
def test_leaving_waits_for_the_call_and_for_nothing_else(state: AgentState) -> None:
    left = rules.ask_to_leave(agent(state), NOW)
    if state not in BUSY:
        assert left is None
        return
    assert left is not None
    assert (left.state, left.next_state) == (state, SIGNING_OUT)
    for how in ({}, {"missed": True}, {"wrap_up_s": 30}, {"unreachable": True}):
        assert rules.freed(left, now_ms=NOW, **how) is None  # type: ignore[arg-type]


def test_staying_after_all_takes_the_wish_to_leave_back() -> None:
    left = rules.ask_to_leave(agent(AgentState.TALKING), NOW)
    assert left is not None
    after = rules.freed(rules.choose(left, AgentState.READY, "", NOW), now_ms=NOW)
    assert after is not None
    assert after.state is AgentState.READY


@pytest.mark.parametrize("state", CHOOSABLE)
def test_a_claim_remembers_where_to_go_back_to(state: AgentState) -> None:
    taken = rules.claimed(agent(state, reason="why"), token="t", leg_id="l", call_id="c", now_ms=NOW)
    assert (taken.state, taken.token, taken.leg_id, taken.call_id) == (AgentState.RINGING, "t", "l", "c")
    assert (taken.claimed_ms, taken.since_ms, taken.next_state) == (NOW, NOW, state.value)
    talking = rules.talks(taken, NOW + 5)
    after = rules.freed(talking, now_ms=NOW + 9)
    assert after is not None
    assert (after.state, after.reason, after.since_ms) == (state, "why", NOW + 9)
    assert (after.token, after.leg_id, after.call_id, after.claimed_ms) == ("", "", "", 0)


def test_taking_the_same_claim_over_twice_changes_nothing_more() -> None:
    """The match's claim may be learnt from a refused save first and noted by the match afterwards."""
    claim = {"token": "t", "leg_id": "l", "call_id": "c", "now_ms": NOW}
    once = rules.claimed(agent(AgentState.NOT_READY), **claim)  # type: ignore[arg-type]
    assert rules.claimed(once, **claim) == once  # type: ignore[arg-type]


def test_a_missed_offer_leaves_the_agent_not_responding_until_they_act() -> None:
    """CTI-Q4: each missed offer in a row is counted; a conversation or a choice starts the count over."""
    here = agent(missed_in_a_row=1)
    taken = rules.claimed(here, token="t", leg_id="l", call_id="c", now_ms=NOW)
    missed = rules.freed(taken, now_ms=NOW, missed=True, wrap_up_s=30)
    assert missed is not None
    assert (missed.state, missed.missed_in_a_row, missed.next_state) == (AgentState.NOT_RESPONDING, 2, "")
    assert not rules.can_be_rung(missed)
    assert rules.talks(taken, NOW).missed_in_a_row == 0
    assert rules.choose(missed, AgentState.READY, "", NOW).missed_in_a_row == 0


@pytest.mark.parametrize(
    ("how", "state", "until_ms"),
    [
        ({}, AgentState.READY, 0),
        ({"wrap_up_s": 30}, AgentState.WRAP_UP, NOW + 30_000),
        ({"wrap_up_s": 30, "unreachable": True}, AgentState.READY, 0),
        ({"unreachable": True}, AgentState.READY, 0),
        ({"missed": True}, AgentState.NOT_RESPONDING, 0),
    ],
)
def test_how_a_claim_ends(how: dict[str, object], state: AgentState, until_ms: int) -> None:
    taken = rules.claimed(agent(), token="t", leg_id="l", call_id="c", now_ms=NOW - 1)
    after = rules.freed(taken, now_ms=NOW, **how)  # type: ignore[arg-type]
    assert after is not None
    assert (after.state, after.wrap_until_ms, after.token) == (state, until_ms, "")


def test_an_endpoint_that_cannot_be_rung_rests_and_is_given_up_in_the_end() -> None:
    """CTI-Q4: a dead phone is not tried without end; that is nobody's missed call."""
    here = agent()
    for turn in range(1, rules.MAX_UNREACHABLE):
        taken = rules.claimed(here, token="t", leg_id="l", call_id="c", now_ms=NOW)
        resting = rules.freed(taken, now_ms=NOW, unreachable=True)
        assert resting is not None
        assert (resting.state, resting.unreachable_in_a_row) == (AgentState.READY, turn)
        assert resting.resting_until_ms == NOW + rules.REST_MS
        assert not rules.available(resting)
        here = rules.rested(resting)
        assert rules.available(here)
    taken = rules.claimed(here, token="t", leg_id="l", call_id="c", now_ms=NOW)
    assert rules.talks(taken, NOW).unreachable_in_a_row == 0
    given_up = rules.freed(taken, now_ms=NOW, unreachable=True)
    assert given_up is not None
    assert (given_up.state, given_up.missed_in_a_row) == (AgentState.NOT_RESPONDING, 0)
    assert rules.available(rules.choose(given_up, AgentState.READY, "", NOW))
    assert rules.available(rules.choose(resting, AgentState.READY, "", NOW)), "acting ends the rest"


def test_dsk_9_a_wrap_up_is_made_longer_once() -> None:
    taken = rules.claimed(agent(), token="t", leg_id="l", call_id="c", now_ms=NOW)
    wrapping = rules.freed(taken, now_ms=NOW, wrap_up_s=30)
    assert wrapping is not None
    longer = rules.extended(wrapping)
    assert (longer.wrap_until_ms, longer.since_ms, longer.state) == (NOW + 60_000, NOW, AgentState.WRAP_UP)
    with pytest.raises(ValueError, match="longer"):
        rules.extended(longer)
    early = rules.wrapped_up(longer, NOW + 3000)
    assert (early.state, early.wrap_until_ms, early.wrap_extended) == (AgentState.READY, 0, False)
    with pytest.raises(ValueError, match="longer"):
        rules.extended(early)
    again = rules.claimed(early, token="u", leg_id="m", call_id="d", now_ms=NOW)
    wrapping = rules.freed(again, now_ms=NOW, wrap_up_s=30)
    assert wrapping is not None
    assert rules.extended(wrapping).wrap_extended


def test_the_timer_of_a_wrap_up_that_was_made_longer_changes_nothing_any_more() -> None:
    taken = rules.claimed(agent(), token="t", leg_id="l", call_id="c", now_ms=NOW)
    wrapping = rules.freed(taken, now_ms=NOW, wrap_up_s=30)
    assert wrapping is not None
    longer = rules.extended(wrapping)
    assert rules.wrap_up_rang(longer, NOW + 30_000) == longer
    assert rules.wrap_up_rang(longer, NOW + 60_000).state is AgentState.READY
    assert rules.wrap_up_rang(wrapping, NOW + 29_990).state is AgentState.READY, (
        "a timer may be a little early"
    )


def test_wrap_up_ends_in_the_state_chosen_for_afterwards() -> None:
    taken = rules.claimed(agent(), token="t", leg_id="l", call_id="c", now_ms=NOW)
    chosen = rules.choose(taken, AgentState.BREAK, "tea", NOW)
    wrapping = rules.freed(chosen, now_ms=NOW, wrap_up_s=5)
    assert wrapping is not None
    after = rules.wrapped_up(wrapping, NOW + 5000)
    assert (after.state, after.reason, after.since_ms, after.wrap_until_ms) == (
        AgentState.BREAK, "tea", NOW + 5000, 0,
    )  # fmt: skip


@pytest.mark.parametrize("state", [state for state in AgentState if state is not AgentState.WRAP_UP])
def test_a_late_wrap_up_timer_changes_nothing(state: AgentState) -> None:
    assert rules.wrapped_up(agent(state), NOW) == agent(state)


def test_an_endpoint_that_vanishes_and_returns_keeps_state_and_idle_time() -> None:
    away = rules.registration(agent(), False, NOW)
    assert (away.state, away.since_ms, rules.available(away)) == (AgentState.READY, 1000, False)
    assert rules.registration(away, True, NOW) == agent()
    moved = rules.moved(agent(), endpoint="sip", user="s801", registered=False)
    assert (moved.endpoint, moved.user, moved.registered, moved.state) == (
        "sip", "s801", False, AgentState.READY,
    )  # fmt: skip


@given(
    state=st.sampled_from(AgentState),
    registered=st.booleans(),
    next_state=st.sampled_from(["", SIGNING_OUT, *(each.value for each in CHOOSABLE)]),
    missed=st.integers(0, 9),
)
def test_an_agent_survives_the_journal(
    state: AgentState, registered: bool, next_state: str, missed: int
) -> None:
    before = agent(state, registered=registered, next_state=next_state, missed_in_a_row=missed)
    assert msgspec.json.decode(msgspec.json.encode(before), type=Agent) == before


class AnyDay(RuleBasedStateMachine):
    """Whatever happens in whatever order, state and claim fit together."""

    def __init__(self) -> None:
        super().__init__()
        self.agent: Agent | None = None
        self.now = NOW
        self.claims = 0

    @precondition(lambda self: self.agent is None)
    @rule()
    def sign_in(self) -> None:
        self.agent = agent(AgentState.NOT_READY)

    def _step(self, after: Agent | None) -> None:
        self.agent = after
        self.now += 7

    @precondition(lambda self: self.agent is not None)
    @rule(state=st.sampled_from(CHOOSABLE))
    def choose(self, state: AgentState) -> None:
        self._step(rules.choose(self.agent, state, "", self.now))

    @precondition(lambda self: self.agent is not None)
    @rule(up=st.booleans())
    def register(self, up: bool) -> None:
        self._step(rules.registration(self.agent, up, self.now))

    @precondition(lambda self: self.agent is not None and rules.can_be_rung(self.agent))
    @rule()
    def claim(self) -> None:
        self.claims += 1
        token = f"t{self.claims}"
        self._step(
            rules.claimed(self.agent, token=token, leg_id="l" + token, call_id="c" + token, now_ms=self.now)
        )

    @precondition(lambda self: self.agent is not None and self.agent.state is AgentState.RINGING)
    @rule()
    def talk(self) -> None:
        self._step(rules.talks(self.agent, self.now))

    @precondition(lambda self: self.agent is not None and self.agent.token)
    @rule(wrap_up_s=st.sampled_from([0, 30]), why=st.sampled_from(["ended", "missed", "unreachable"]))
    def free(self, wrap_up_s: int, why: str) -> None:
        leaving = self.agent.next_state == SIGNING_OUT
        after = rules.freed(
            self.agent,
            now_ms=self.now,
            wrap_up_s=wrap_up_s,
            missed=why == "missed",
            unreachable=why == "unreachable",
        )
        assert (after is None) is leaving
        self._step(after)

    @precondition(lambda self: self.agent is not None)
    @rule()
    def wrap_up_ends(self) -> None:
        self._step(rules.wrapped_up(self.agent, self.now))

    @precondition(lambda self: self.agent is not None)
    @rule()
    def leave(self) -> None:
        wished = rules.ask_to_leave(self.agent, self.now)
        assert (wished is None) is (self.agent.state not in BUSY)
        self._step(wished)

    @invariant()
    def state_and_claim_fit(self) -> None:
        here = self.agent
        if here is None:
            return
        claimed = here.state in BUSY
        assert bool(here.token) is bool(here.leg_id) is bool(here.call_id) is bool(here.claimed_ms) is claimed
        assert bool(here.wrap_until_ms) is (here.state is AgentState.WRAP_UP)
        assert here.next_state in ("", SIGNING_OUT, *(state.value for state in CHOOSABLE))
        assert not here.next_state or claimed or here.state is AgentState.WRAP_UP
        assert here.since_ms <= self.now


TestAnyDay = AnyDay.TestCase
