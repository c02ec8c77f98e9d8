"""The dialogue of a recording by telephone (CTI-V4), without a switch."""

from __future__ import annotations

import random

import pytest

from cti.takes import dialogue as d
from cti.takes.model import End, Take, TakeState, from_variable, to_variable

PLAIN = d.PLAIN_END


def take() -> Take:
    return Take(id="t", tenant_id=1, account_id=2, name="Hall", extension_id=3, endpoint="sip")


def step(it: Take) -> d.StepDone:
    assert it.step_id
    return d.StepDone(step_id=it.step_id)


def at_menu() -> Take:
    it = take()
    d.advance(it, d.Answered())
    for _ in range(3):
        d.advance(it, step(it))
    assert d.advance(it, d.Judged(good=True)) == [d.Say(step_id=it.step_id, names=(d.CHOOSE,))]
    return it


def kinds(effects: list[d.Effect]) -> list[type[d.Effect]]:
    return [type(effect) for effect in effects]


def test_from_the_answer_to_what_is_kept() -> None:
    it = take()
    first = d.advance(it, d.Answered())
    assert kinds(first) == [d.SetTimer, d.Say]
    assert d.advance(it, step(it)) == [d.Say(step_id="zt2", names=(d.TONE,))]
    assert d.advance(it, step(it)) == [d.Record(step_id="zt3", max_s=d.MAX_RECORD_S)]
    assert kinds(d.advance(it, d.Key(digit="#"))) == [d.Stop, d.SetTimer]
    assert d.advance(it, step(it)) == [d.Judge()]
    d.advance(it, d.Judged(good=True))
    d.advance(it, step(it))
    assert d.advance(it, d.Key(digit="3")) == [d.Keep(), d.Say(step_id="zt5", names=(d.SAVED,))]
    assert d.advance(it, step(it)) == [d.HangUp()]
    assert d.advance(it, d.Gone(cause=PLAIN)) == []
    assert (it.state, it.end) == (TakeState.OVER, End.KEPT)


def test_a_key_while_the_menu_is_said_stops_it_and_counts_then() -> None:
    it = at_menu()
    assert kinds(d.advance(it, d.Key(digit="1"))) == [d.Stop, d.SetTimer]
    assert d.advance(it, d.Key(digit="2")) == []  # the last one counts
    d.advance(it, step(it))
    assert (it.state, it.attempt) == (TakeState.SIGNAL, 2)
    assert d.advance(it, d.Key(digit="9")) == []


def test_a_break_the_switch_forgot_is_told_again_a_few_times() -> None:
    it = at_menu()
    d.advance(it, d.Key(digit="1"))
    told = 0
    while d.advance(it, d.Due(name=d.STOP)):
        told += 1
    assert told == d.MAX_STOPS - 1
    d.advance(it, step(it))
    assert d.advance(it, d.Due(name=d.STOP)) == []


def test_nobody_presses_a_key() -> None:
    it = at_menu()
    for _ in range(d.MENU_TIMES - 1):
        d.advance(it, step(it))
        assert kinds(d.advance(it, d.Due(name=d.MENU))) == [d.Say]
    d.advance(it, step(it))
    assert d.advance(it, d.Due(name=d.MENU)) == [d.Say(step_id=it.step_id, names=(d.NOT_SAVED,))]
    assert d.advance(it, step(it)) == [d.HangUp()]
    d.advance(it, d.Gone(cause=PLAIN))
    assert it.end is End.NO_KEY


def test_silence_is_refused_with_a_word_and_ends_the_call_in_the_end() -> None:
    it = take()
    d.advance(it, d.Answered())
    d.advance(it, step(it))
    for number in range(1, d.MAX_REFUSED + 1):
        d.advance(it, step(it))
        d.advance(it, step(it))
        (said,) = d.advance(it, d.Judged(good=False))
        assert isinstance(said, d.Say)
        last = number == d.MAX_REFUSED
        assert said.names == ((d.NOT_SAVED,) if last else (d.TOO_SHORT,))
        if not last:
            assert d.advance(it, step(it)) == [d.Say(step_id=it.step_id, names=(d.TONE,))]
    assert it.end is End.SILENT


@pytest.mark.parametrize("good", [True, False])
def test_hanging_up_while_speaking_ends_the_recording(good: bool) -> None:
    it = take()
    d.advance(it, d.Answered())
    d.advance(it, step(it))
    d.advance(it, step(it))
    assert d.advance(it, d.StepDone(step_id=it.step_id, hung_up=True)) == []
    assert d.advance(it, d.Gone(cause=PLAIN)) == [d.Judge()]
    assert d.advance(it, d.Judged(good=good)) == ([d.Keep()] if good else [])
    assert it.end is (End.KEPT if good else End.SILENT)


@pytest.mark.parametrize(
    ("cause", "end"),
    [
        ("NO_ANSWER", End.NO_ANSWER),
        ("CALL_REJECTED", End.REFUSED),
        ("USER_BUSY", End.REFUSED),
        ("USER_NOT_REGISTERED", End.UNREACHABLE),
    ],
)
def test_a_phone_that_is_not_answered(cause: str, end: End) -> None:
    it = take()
    assert d.advance(it, d.Gone(cause=cause)) == []
    assert (it.state, it.end) == (TakeState.OVER, end)


def test_hung_up_at_the_menu_or_lost_keeps_nothing() -> None:
    it = at_menu()
    d.advance(it, d.Gone(cause=PLAIN))
    assert it.end is End.HUNG_UP
    it = take()
    d.advance(it, d.Answered())
    d.advance(it, step(it))
    d.advance(it, step(it))
    assert d.advance(it, d.Gone(cause="DESTINATION_OUT_OF_ORDER")) == []
    assert it.end is End.LOST


def test_what_cannot_be_written_is_not_said_to_be_kept() -> None:
    it = at_menu()
    d.advance(it, step(it))
    d.advance(it, d.Key(digit="#"))
    assert d.advance(it, d.Failed()) == [d.HangUp()]
    d.advance(it, d.Gone(cause=PLAIN))
    assert it.end is End.LOST


def test_a_take_survives_its_variable() -> None:
    it = at_menu()
    it.name = "大厅 {x} 'y'; =, \"z\""
    value = to_variable(it)
    assert set(value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert from_variable(value) == it
    for bad in ("", "x", value[:-9]):
        with pytest.raises(ValueError, match="no take"):
            from_variable(bad)


def test_no_input_raises_and_every_take_ends() -> None:
    chance = random.Random(4)
    for _ in range(300):
        it = take()
        kept = 0
        for _ in range(80):
            one = chance.choice(
                [
                    d.Answered(),
                    d.StepDone(step_id=it.step_id or "zt0"),
                    d.StepDone(step_id="zt1", hung_up=True),
                    d.Key(digit=chance.choice("0123#*")),
                    d.Judged(good=chance.random() < 0.6),
                    d.Due(name=chance.choice([d.MENU, d.STOP])),
                ]
            )
            kept += d.Keep() in d.advance(it, one)
            assert from_variable(to_variable(it)) == it
        assert d.advance(it, d.Due(name=d.GUARD)) == [d.HangUp()]
        late = d.advance(it, d.Gone(cause=PLAIN))
        assert late == []
        assert it.state is TakeState.OVER
        assert it.end is not None
        assert kept == (it.end is End.KEPT)
