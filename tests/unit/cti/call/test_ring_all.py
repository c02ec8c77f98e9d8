"""A queue that rings all (CTI-Q2, Q4, Q5): several agents ring, one gets the caller, whatever comes in what order."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.documents import DispatchRule
from cti.acd.dispatch import AT_ONCE, Why
from cti.call import effects as fx
from cti.call import in_queue, inputs
from cti.call.model import Call, EndedIn, Offer, OfferResult, Phase
from cti.call.outcome import offer_result
from tests.unit.cti.call.driver import Driven, FixedWorld, of_type, queue_doc

RULE = DispatchRule.RING_ALL.value
GONE = ("NO_ANSWER", "CALL_REJECTED", "USER_NOT_REGISTERED")


def offer_to(call: Driven, agent: int, leg: str = "", rule: str = RULE) -> Offer:
    """Return an offer to an agent, whose leg is named after them."""
    leg = leg or f"leg{agent}"
    return Offer(
        leg_id=leg,
        agent_id=agent,
        extension_id=agent,
        queue_id=7,
        endpoint="sip",
        token=leg,
        offered_ms=call.now_ms,
        why=Why(rule=rule, candidates=3, value=5),
    )


def rung(*agents: int) -> Driven:
    """Return a call for which agents ring."""
    call = Driven(FixedWorld(queue=queue_doc(rule=DispatchRule.RING_ALL, ring_timeout_s=20)))
    call.arrive()
    first, *more = (offer_to(call, agent) for agent in agents)
    call.give(inputs.Matched(at_ms=call.now_ms, offer=first, others=tuple(more)))
    return call


def results(call: Driven) -> dict[int, str]:
    """Return how the offers to agents ended."""
    return {offer.agent_id: offer.result.value for offer in call.call.offers}


def told(effects: list[fx.Effect], kind: str) -> list[tuple[object, object]]:
    """Return to whom an event goes and why."""
    found = [each for each in of_type(effects, fx.Publish) if each.type == kind]
    return [(each.data["account_id"], each.data.get("why")) for each in found]


def test_who_answers_first_gets_the_call_and_the_others_missed_nothing() -> None:
    call = rung(1, 2, 3)
    assert told(call.asked, "call.offered") == [(1, None), (2, None), (3, None)]
    asked = call.later(4_000).answer("leg2")
    assert of_type(asked, fx.Bridge) == [fx.Bridge(leg_id="leg2")]
    assert of_type(asked, fx.WithdrawOffer) == [
        fx.WithdrawOffer(leg_id="leg1", agent_id=1, token="leg1", cause="LOSE_RACE"),
        fx.WithdrawOffer(leg_id="leg3", agent_id=3, token="leg3", cause="LOSE_RACE"),
    ]
    assert told(asked, "call.over") == [(1, "elsewhere"), (3, "elsewhere")]
    assert not of_type(asked, fx.AgentFreed), "no miss, no wrap-up"
    for leg in ("leg1", "leg3"):
        assert call.agent_gone("LOSE_RACE", leg) == []
    call.bridged("leg2")
    assert (call.call.phase, call.call.agent_id, call.call.missed) == (Phase.TALKING, 2, 0)
    assert results(call) == {1: "elsewhere", 3: "elsewhere", 2: "answered"}
    assert call.call.offers[-1].agent_id == 2, "who talks is the last offer, as for every other rule"
    assert of_type(call.agent_gone("NORMAL_CLEARING", "leg2"), fx.AgentFreed) == [
        fx.AgentFreed(agent_id=2, token="leg2", wrap_up_s=5)
    ]


def test_of_two_who_answer_in_the_same_moment_one_is_let_go() -> None:
    """Both legs won their own claims before the call was told of either."""
    call = rung(1, 2)
    call.answer("leg1")
    assert call.answer("leg2") == [fx.KillLeg(leg_id="leg2", cause="LOSE_RACE")]
    call.agent_gone("LOSE_RACE", "leg2")
    call.bridged("leg1")
    assert (call.call.phase, call.call.agent_id) == (Phase.TALKING, 1)
    assert call.answer("leg2") == [fx.KillLeg(leg_id="leg2", cause="LOSE_RACE")]


def test_one_who_declines_has_missed_it_and_the_others_ring_on() -> None:
    """CTI-Q4."""
    call = rung(1, 2)
    reject = inputs.HangupAsked(at_ms=call.now_ms, leg_id="leg1", by=1)
    assert call.give(reject) == [fx.KillLeg(leg_id="leg1", cause="CALL_REJECTED")]
    asked = call.agent_gone("CALL_REJECTED", "leg1")
    assert [(each.agent_id, each.missed) for each in of_type(asked, fx.AgentFreed)] == [(1, True)]
    assert not of_type(asked, fx.Enqueue)
    assert (call.call.phase, call.call.missed) == (Phase.OFFERING, 1)
    assert any(timer.name == in_queue.OFFER_TIMER for timer in call.call.timers), "the other is still timed"
    call.answer("leg2")
    assert results(call) == {1: "rejected", 2: "answered"}


def test_all_time_out_and_the_caller_is_where_they_were() -> None:
    """CTI-Q4: place and time of entry unchanged; each miss counts once."""
    call = rung(1, 2, 3)
    entered = call.call.queue_entered_ms
    call.later(20_000)
    assert not of_type(call.agent_gone("NO_ANSWER", "leg2"), fx.Enqueue)
    assert not of_type(call.agent_gone("NO_ANSWER", "leg1"), fx.Enqueue)
    asked = call.agent_gone("NO_ANSWER", "leg3")
    assert of_type(asked, fx.Enqueue)[0].order == call.order
    assert (call.call.phase, call.call.missed) == (Phase.WAITING, 3)
    assert call.call.queue_entered_ms == entered
    assert not any(timer.name == in_queue.OFFER_TIMER for timer in call.call.timers)


def test_what_the_switch_says_nothing_of_is_given_up_for_all_at_once() -> None:
    call = rung(1, 2)
    asked = call.later(23_000).timer(in_queue.OFFER_TIMER)
    assert {each.leg_id for each in of_type(asked, fx.KillLeg)} == {"leg1", "leg2"}
    assert [each.missed for each in of_type(asked, fx.AgentFreed)] == [True, True]
    assert len(of_type(asked, fx.Enqueue)) == 1


def test_the_caller_hangs_up_and_all_stop() -> None:
    """CTI-Q6."""
    call = rung(1, 2, 3)
    asked = call.hang_up("ORIGINATOR_CANCEL")
    assert {(each.leg_id, each.cause) for each in of_type(asked, fx.WithdrawOffer)} == {
        (f"leg{n}", "ORIGINATOR_CANCEL") for n in (1, 2, 3)
    }
    assert told(asked, "call.over") == [(n, "caller_gone") for n in (1, 2, 3)]
    assert call.call.ended_in is EndedIn.OFFER
    assert set(results(call).values()) == {"caller_gone"}


def test_offers_that_come_late_are_all_withdrawn() -> None:
    call = Driven(FixedWorld(queue=queue_doc(rule=DispatchRule.RING_ALL)))
    call.arrive()
    call.hang_up()
    late = inputs.Matched(at_ms=call.now_ms, offer=offer_to(call, 1), others=(offer_to(call, 2),))
    assert [each.leg_id for each in of_type(call.give(late), fx.WithdrawOffer)] == ["leg1", "leg2"]


def test_an_agent_who_becomes_free_rings_too() -> None:
    call = rung(1)
    asked = call.later(15_000).give(inputs.OfferAdded(at_ms=call.now_ms, offer=offer_to(call, 2)))
    assert told(asked, "call.offered") == [(2, None)]
    call.later(5_000).agent_gone("NO_ANSWER", "leg1")
    due = next(timer.due_ms for timer in call.call.timers if timer.name == in_queue.OFFER_TIMER)
    assert due - call.now_ms == 15_000 + in_queue.OFFER_GRACE_MS, "each rings as long as any"
    call.answer("leg2")
    assert call.call.agent_leg == "leg2"


@pytest.mark.parametrize("case", ["again", "full", "picked up by hand", "waiting", "answered"])
def test_who_must_not_join_is_let_go(case: str) -> None:
    """Nobody who declined this caller, nobody beyond the limit, nobody where one agent was chosen, nobody too late."""
    agents = tuple(range(1, AT_ONCE + 1)) if case == "full" else (1, 2)
    call = rung(*agents)
    if case == "again":
        call.agent_gone("CALL_REJECTED", "leg1")
    elif case == "picked up by hand":
        call = Driven(FixedWorld())
        call.arrive()
        call.match()
    elif case == "waiting":
        call.agent_gone("NO_ANSWER", "leg1")
        call.agent_gone("NO_ANSWER", "leg2")
    elif case == "answered":
        call.answer("leg2")
    before, agent = len(call.call.offers), 1 if case == "again" else 99
    asked = call.give(inputs.OfferAdded(at_ms=call.now_ms, offer=offer_to(call, agent, "late")))
    assert asked == [fx.WithdrawOffer(leg_id="late", agent_id=agent, token="late")]
    assert len(call.call.offers) == before


def test_no_browser_answers_by_itself_where_several_ring() -> None:
    one, all_of_them = (
        queue_doc(auto_answer=True, rule=rule) for rule in (DispatchRule.RANDOM, DispatchRule.RING_ALL)
    )
    assert one.answers_by_itself
    assert not all_of_them.answers_by_itself


# --- any order ------------------------------------------------------------------------------------------------------


class Floor:
    """Two callers of one queue and the agents, with everything on its way: inboxes, legs, claims."""

    def __init__(self, agents: int) -> None:
        world = FixedWorld(queue=queue_doc(rule=DispatchRule.RING_ALL))
        self.calls = [Driven(world), Driven(world)]
        self.claims: dict[int, str] = dict.fromkeys(range(1, agents + 1), "")
        self.legs: dict[str, tuple[int, int]] = {}
        """Legs that are up: call and agent."""
        self.inbox: list[deque[inputs.Input]] = [deque(), deque()]
        self.waits = [False, False]
        self.bridges: list[set[str]] = [set(), set()]
        self.hung_up = [False, False]
        self.number = 0
        for n, call in enumerate(self.calls):
            call.call.id = f"call{n}"
            call.arrive()
            self.waits[n] = True

    def _claim(self, n: int, agent: int) -> Offer:
        self.number += 1
        leg = f"leg{self.number}"
        self.claims[agent], self.legs[leg] = leg, (n, agent)
        return offer_to(self.calls[n], agent, leg)

    def match(self, n: int, most: int) -> None:
        """All who are free, up to so many, are claimed in one step; the call leaves the waiting set."""
        free = [agent for agent, token in self.claims.items() if not token][:most]
        if self.waits[n] and free:
            self.waits[n] = False
            first, *more = (self._claim(n, agent) for agent in free)
            at_ms = self.calls[n].now_ms
            self.inbox[n].append(inputs.Matched(at_ms=at_ms, offer=first, others=tuple(more)))

    def join(self, n: int, agent: int) -> None:
        """Somebody free is added, whether or not the call still wants them."""
        if agent in self.claims and not self.claims[agent]:
            added = inputs.OfferAdded(at_ms=self.calls[n].now_ms, offer=self._claim(n, agent))
            self.inbox[n].append(added)

    def answers(self, at: int) -> None:
        """A leg is picked up; the claim's token decides whether the call hears of it."""
        if not self.legs:
            return
        leg = sorted(self.legs)[at % len(self.legs)]
        n, agent = self.legs[leg]
        if self.claims[agent] == leg:
            self.inbox[n].append(inputs.AgentAnswered(at_ms=self.calls[n].now_ms, leg_id=leg))
        else:
            self.ends(leg, "LOSE_RACE")

    def ends(self, leg: str, cause: str) -> None:
        """A leg ends, once."""
        if leg in self.legs:
            n, _ = self.legs.pop(leg)
            self.inbox[n].append(inputs.AgentGone(at_ms=self.calls[n].now_ms, leg_id=leg, cause=cause))

    def hangs_up(self, n: int) -> None:
        if not self.hung_up[n]:
            self.hung_up[n] = True
            self.inbox[n].append(inputs.CustomerGone(at_ms=self.calls[n].now_ms, cause="NORMAL_CLEARING"))

    def takes(self, n: int) -> None:
        """The call takes the next of what was posted to it."""
        if self.inbox[n]:
            for effect in self.calls[n].give(self.inbox[n].popleft()):
                self._carry(n, effect)
            self.check(n)

    def _carry(self, n: int, effect: fx.Effect) -> None:
        if isinstance(effect, fx.Enqueue):
            self.waits[n] = True
        elif isinstance(effect, fx.LeaveQueue):
            self.waits[n] = False
        elif isinstance(effect, fx.KillLeg):
            self.ends(effect.leg_id, effect.cause)
        elif isinstance(effect, fx.WithdrawOffer):
            self.ends(effect.leg_id, effect.cause)
            self._free(effect.agent_id, effect.token)
        elif isinstance(effect, fx.AgentFreed):
            self._free(effect.agent_id, effect.token)
        elif isinstance(effect, fx.Bridge):
            assert all(leg not in self.legs for leg in self.bridges[n]), "two agents for one caller"
            self.bridges[n].add(effect.leg_id)
            if effect.leg_id in self.legs:
                agent = self.legs[effect.leg_id][1]
                assert self.claims[agent] == effect.leg_id, "an agent who was given to somebody else"
                self.inbox[n].append(inputs.Bridged(at_ms=self.calls[n].now_ms, leg_id=effect.leg_id))

    def _free(self, agent: int, token: str) -> None:
        if self.claims[agent] == token:
            self.claims[agent] = ""

    def check(self, n: int) -> None:
        """What holds after every input."""
        call: Call = self.calls[n].call
        open_offers = [offer for offer in call.offers if not offer.ended_ms]
        answered = [offer for offer in open_offers if offer.result is OfferResult.ANSWERED]
        assert len(answered) <= 1
        assert call.phase is Phase.OFFERING or len(open_offers) == len(answered), "somebody rings for nothing"
        for offer in open_offers:
            assert self.claims[offer.agent_id] == offer.token, "an offer without its claim"
        misses = [offer.result in (OfferResult.NO_ANSWER, OfferResult.REJECTED) for offer in call.offers]
        assert call.missed == sum(misses)

    def settle(self) -> None:
        """Let everything that is on its way arrive."""
        while any(self.inbox):
            for n in (0, 1):
                self.takes(n)


ACTION = st.one_of(
    st.tuples(st.just("match"), st.integers(0, 1), st.integers(1, AT_ONCE)),
    st.tuples(st.just("join"), st.integers(0, 1), st.integers(1, 6)),
    st.tuples(st.just("answers"), st.integers(0, 11)),
    st.tuples(st.just("ends"), st.integers(0, 11), st.sampled_from(GONE)),
    st.tuples(st.just("takes"), st.integers(0, 1)),
    st.tuples(st.just("takes"), st.integers(0, 1)),
    st.tuples(st.just("timer"), st.integers(0, 1)),
    st.tuples(st.just("hangs_up"), st.integers(0, 1)),
)


@settings(max_examples=300, deadline=None)
@given(agents=st.integers(1, 6), actions=st.lists(ACTION, max_size=60))
def test_in_any_order_one_caller_one_agent_and_nobody_left_over(
    agents: int, actions: list[tuple[object, ...]]
) -> None:
    """CTI-Q5: never two agents for one caller nor two callers for one agent; no claim and no leg without an offer."""
    floor = Floor(agents)
    for name, *how in actions:
        for call in floor.calls:
            call.later(500)
        if name == "ends":
            at, cause = how
            if floor.legs:
                floor.ends(sorted(floor.legs)[int(str(at)) % len(floor.legs)], str(cause))
        elif name == "timer":
            n = int(str(how[0]))
            if any(timer.name == in_queue.OFFER_TIMER for timer in floor.calls[n].call.timers):
                due = inputs.TimerDue(at_ms=floor.calls[n].now_ms, name=in_queue.OFFER_TIMER)
                floor.inbox[n].append(due)
        else:
            getattr(floor, str(name))(*how)
    floor.settle()
    wanted = {offer.leg_id for call in floor.calls for offer in call.call.offers if not offer.ended_ms}
    assert set(floor.legs) == wanted, "a leg nobody wants, or an offer without one"
    assert {token for token in floor.claims.values() if token} == wanted, "a claim that was left over"
    for n in (0, 1):
        floor.hangs_up(n)
    floor.settle()
    assert not floor.legs
    assert not any(floor.claims.values())
    assert all(call.call.phase is Phase.ENDED for call in floor.calls)


def test_an_end_by_losing_is_no_miss() -> None:
    assert offer_result("LOSE_RACE") is OfferResult.CALLER_GONE
