"""When a customer was on hold is told by the call's state: each hold once, in few bytes (CTI-C7)."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cti.call import effects as fx
from cti.call import holds, inputs
from cti.call.holds import Hold
from cti.call.model import Phase, Written, from_variables, to_variable
from tests.unit.cti.call import test_machine
from tests.unit.cti.call.driver import LEG_ID, Driven, of_type
from tests.unit.cti.call.test_takeover import SUPERVISOR_LEG, taken_over

BYTES_OF_A_HOLD = 8
"""Letters a hold may add to what the leg carries, on the average."""


def hold(call: Driven, on: bool) -> None:
    """The agent's button; what the switch answers to it."""
    call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=on))
    call.give(inputs.Parked(at_ms=call.now_ms)) if on else call.bridged()


def held(call: Driven, before_ms: int, length_ms: int) -> Hold:
    """Hold the customer and take them back; returns from when to when."""
    begin_ms = call.later(before_ms).now_ms
    hold(call, True)
    hold(call.later(length_ms), False)
    return Hold(begin_ms, call.now_ms)


def test_each_hold_is_told_once() -> None:
    call = test_machine.talking()
    wanted = (held(call, 4_200, 12_300), held(call, 60_000, 900))
    call.later(5_000).hang_up()
    assert holds.of(call.call, call.now_ms) == wanted


def test_a_button_pressed_twice_is_one_hold() -> None:
    call = test_machine.talking()
    hold(call, True)
    hold(call.later(1_000), True)
    hold(call.later(1_000), False)
    hold(call.later(1_000), False)
    assert [each.end_ms - each.begin_ms for each in holds.of(call.call, call.now_ms)] == [2_000]


def test_a_hold_ends_with_the_talk_whoever_ends_it() -> None:
    for end in ("caller", "agent", "lost", "taken"):
        call = test_machine.talking()
        hold(call, True)
        call.later(7_000)
        match end:
            case "caller":
                call.hang_up()
            case "agent":
                call.agent_gone("NORMAL_CLEARING")
            case "lost":
                call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID))
            case "taken":
                taken_over(call)
                call.bridged(SUPERVISOR_LEG)
        call.later(9_000)
        if call.call.phase is not Phase.ENDED:
            call.hang_up()
        told = [each.end_ms - each.begin_ms for each in holds.of(call.call, call.now_ms)]
        assert told == [7_000], end


def test_hold_music_ends_before_a_customer_who_lost_their_agent_hears_the_queues() -> None:
    """On the switch the one would stand behind the other until the next talk, and be heard over it."""
    call = test_machine.talking()
    hold(call, True)
    asked = call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID))
    (stop,), (music,) = of_type(asked, fx.StopPlaying), of_type(asked, fx.PlayMusic)
    assert asked.index(stop) < asked.index(music)


def test_a_hold_whose_call_was_cut_off_ends_with_the_call() -> None:
    """The state is all that is left when switch or controller die: the hold that ran is closed, not lost."""
    call = test_machine.talking()
    begin_ms = call.now_ms
    hold(call, True)
    found = from_variables(to_variable(call.call))
    assert holds.of(found, begin_ms + 3_000) == (Hold(begin_ms, begin_ms + 3_000),)


def test_the_end_of_a_hold_that_an_earlier_version_began_means_nothing() -> None:
    call = test_machine.talking()
    call.call.held = True
    hold(call, False)
    assert holds.of(call.call, call.now_ms) == ()
    assert held(call, 1_000, 2_000) == holds.of(call.call, call.now_ms)[0]


def test_a_hold_takes_few_bytes_of_the_leg() -> None:
    chance = random.Random(7)
    call = test_machine.talking()
    before = len(to_variable(call.call))
    whole = Written()
    whole.variables(call.call)
    for _ in range(holds.MAX_HOLDS):
        held(call, chance.randrange(500, 90_000), chance.randrange(500, 90_000))
    assert len(to_variable(call.call)) - before < holds.MAX_HOLDS * BYTES_OF_A_HOLD


def test_holds_too_many_to_be_listed_are_counted() -> None:
    call = test_machine.talking()
    for _ in range(holds.MAX_HOLDS + 5):
        held(call, 1_000, 3_000)
    listed = holds.of(call.call, call.now_ms)
    assert len(listed) == holds.MAX_HOLDS
    assert call.call.holds_more * holds.UNIT_MS == 5 * 3_000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 100_000)), max_size=45))
def test_times_do_not_drift(moves: list[tuple[int, int]]) -> None:
    call = test_machine.talking()
    wanted = [held(call, before, length) for before, length in moves]
    for told, real in zip(holds.of(call.call, call.now_ms), wanted, strict=False):
        assert abs(told.begin_ms - real.begin_ms) < holds.UNIT_MS
        assert abs(told.end_ms - real.end_ms) < holds.UNIT_MS
