"""Breaks are told again until the end of what plays was told: the switch forgets one that comes too early (CTI-I16)."""

from __future__ import annotations

from cti.call import effects as fx
from cti.call import inputs, steps
from cti.call.model import Phase
from tests.unit.cti.call.driver import Driven, FixedWorld, of_type, queue_doc
from tests.unit.cti.call.test_machine import in_menu, talking


def turned_away() -> Driven:
    """Return a call whose queue was full: answer, music, break and farewell are sent at once."""
    call = Driven(FixedWorld(queue=queue_doc(max_waiting=0)), full=True)
    asked = call.arrive()
    assert [
        type(each) for each in asked if not isinstance(each, (fx.SetTimer, fx.DropTimer, fx.Enqueue))
    ] == [
        fx.Answer,
        fx.PlayMusic,
        fx.StopPlaying,
        fx.PlaySystem,
    ]
    return call


def music_step(call: Driven) -> str:
    """Return the music's step."""
    return str(of_type(call.asked, fx.PlayMusic)[0].step_id)


def test_a_break_that_was_forgotten_is_told_again() -> None:
    call = turned_away()
    (timer,) = call.call.timers
    assert timer.due_ms == call.now_ms + steps.STOP_AGAIN_MS
    asked = call.later(steps.STOP_AGAIN_MS).timer(timer.name)
    assert asked[0] == fx.StopPlaying()
    assert call.call.phase is Phase.LEAVING
    call.give(inputs.StepDone(at_ms=call.now_ms, step_id=music_step(call)))
    assert call.call.timers == []
    assert of_type(call.step_done(), fx.HangupCustomer)


def test_the_end_of_another_step_means_nothing() -> None:
    call = turned_away()
    answered = of_type(call.asked, fx.Answer)[0].step_id
    call.give(inputs.StepDone(at_ms=call.now_ms, step_id=answered))
    assert len(call.call.timers) == 1, "the music may play still"


def test_an_end_that_is_never_told_costs_a_few_breaks_only() -> None:
    call = turned_away()
    told = 0
    while call.call.timers:
        told += len(of_type(call.timer(call.call.timers[0].name), fx.StopPlaying))
    assert told == steps.STOP_TRIES


def test_a_prompt_a_key_ended_is_not_broken_twice() -> None:
    call = in_menu()
    call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    asked = call.step_done()
    assert of_type(asked, fx.PlayMusic)
    assert not steps.being_stopped(call.call)


def test_a_talk_is_never_broken() -> None:
    call = talking()
    call.call.step = None
    assert call.give(inputs.TimerDue(at_ms=call.now_ms, name="stop z1 1")) == []
