"""The deciding parts of `bench.shift`: its plan of steps, what it takes for heard, and what it calls wrong."""

from __future__ import annotations

import dataclasses
import itertools
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.support.shift import facts, table
from bench.support.shift.checks import CHECKS, CallerSaw, HungUp, Overdue, Part, Shift
from bench.support.shift.hearing import Heard, stretches, tones_heard, total_s
from bench.support.shift.plan import LONGEST_CALL_S, QUIET_END_S, Dice, Do, Ring, Victim

RATE = 8000
ONE, TWO, BOSS = 31, 32, 39
TONES = {ONE: 1010, TWO: 1140, BOSS: 620}
NUMBER = "13700000001"


# --- the plan -----------------------------------------------------------------------------------------------------


def test_one_seed_is_one_shift() -> None:
    def all_of(seed: int) -> list[Any]:
        dice = Dice(seed)
        return [
            dice.kills(1800),
            *(dice.caller() for _ in range(50)),
            *(dice.talk(has_page=True) for _ in range(50)),
        ]

    assert all_of(1) == all_of(1)
    assert all_of(1) != all_of(2)


def test_callers_have_numbers_of_their_own_and_hang_up_in_the_end() -> None:
    dice = Dice(3)
    callers = [dice.caller() for _ in range(500)]
    assert len({caller.number for caller in callers}) == 500
    assert max(caller.hang_up_s for caller in callers) <= LONGEST_CALL_S
    assert {keys for caller in callers for keys in ["".join(key for _, key in caller.keys)]} >= {
        "1",
        "2",
        "0",
        "",
    }


def test_everything_dies_once_before_anything_dies_twice_and_the_switch_once() -> None:
    for seed in range(20):
        kills = Dice(seed).kills(1800)
        victims = [kill.victim for kill in kills]
        assert victims.count(Victim.SWITCH) == 1
        assert set(victims) == set(Victim)
        gaps = [after.at_s - before.at_s for before, after in itertools.pairwise(kills)]
        assert min(gaps) >= 62
        assert max(gaps) <= 118
        assert kills[-1].at_s <= 1800 - QUIET_END_S
    assert Victim.SWITCH not in [kill.victim for kill in Dice(1).kills(300)]


def test_only_people_with_a_page_close_and_load_it() -> None:
    dice = Dice(4)
    talks = {act.what for _ in range(400) for act in dice.talk(has_page=False)}
    assert not talks & {Do.RELOAD, Do.CLOSE}
    assert {act.what for _ in range(400) for act in dice.talk(has_page=True)} == set(Do)
    assert Ring.VANISH not in {dice.ring(has_page=False).what for _ in range(400)}
    assert {dice.ring(has_page=True).what for _ in range(400)} == set(Ring)


# --- hearing --------------------------------------------------------------------------------------------------------


def sound(seconds: float, *tones: int, noise: float = 0.0) -> Any:
    times = np.arange(int(seconds * RATE)) / RATE
    made = sum((0.2 * np.sin(2 * np.pi * hz * times) for hz in tones), np.zeros(len(times)))
    return made + noise * np.random.default_rng(5).standard_normal(len(times))


def test_tones_are_heard_alone_and_together_whatever_else_sounds() -> None:
    samples = np.concatenate(
        [sound(4), sound(8, 1010), sound(4, noise=0.1), sound(4, 1010, 1140), sound(4, 1140)]
    )
    found = stretches(samples, RATE, list(TONES.values()))
    assert [each.tones for each in found] == [(1010,), (1010, 1140), (1140,)]
    assert total_s(found, 1010) == pytest.approx(12, abs=1)
    assert total_s(found, 620) == 0


def test_a_moment_of_a_tone_is_nobody() -> None:
    assert stretches(np.concatenate([sound(3), sound(0.3, 1010), sound(3)]), RATE, [1010]) == ()


def test_a_recording_without_sound_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
    assert tones_heard(path, [1010]) == ()


# --- checks ---------------------------------------------------------------------------------------------------------


def heard(seconds: float, *tones: int) -> Heard:
    return Heard(tones, 10.0, 10.0 + seconds)


def good() -> Shift:
    """Return a shift in which one caller talked with one agent for 20 s, and the agent hung up."""
    return Shift(
        callers=[
            CallerSaw(
                number=NUMBER, dialled_ms=0, ended_ms=60_000, answered=True, hung_up=False, heard=(heard(20, 1010),)
            )
        ],
        parts=[
            Part(
                call_id="a", number=NUMBER, arrived_ms=100, ended_ms=60_000, talk_ms=40_000, talk_s=20,
                agent_id=ONE, ended_in="agent", cause="NORMAL_CLEARING", segments=("1/a-1.wav",),
            )
        ],
        stored={"1/a-1.wav": 20_000},
        hung_up=[HungUp(at_ms=59_500, who=ONE)],
        tones=TONES,
        supervisors=frozenset({BOSS}),
    )  # fmt: skip


def wrong(shift: Shift) -> set[str]:
    return {name for name, check in CHECKS.items() if check(shift)}


def caller(**changes: Any) -> Callable[[Shift], Shift]:
    return lambda shift: dataclasses.replace(
        shift, callers=[dataclasses.replace(shift.callers[0], **changes)]
    )


def part(**changes: Any) -> Callable[[Shift], Shift]:
    return lambda shift: dataclasses.replace(shift, parts=[dataclasses.replace(shift.parts[0], **changes)])


def shift(**changes: Any) -> Callable[[Shift], Shift]:
    return lambda before: dataclasses.replace(before, **changes)


ONCE = "one record each, parts right"
DROPPED = "no caller dropped"
HEARD = "talks on record were heard, and no others"
SUMS = "answered + abandoned = callers' sums"
TOGETHER = "no two agents with one caller"
RECORDED = "recordings of all talks"


def test_a_good_shift_has_nothing_wrong() -> None:
    assert wrong(good()) == set()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (shift(parts=[]), {ONCE, DROPPED, HEARD, SUMS}),
        (shift(parts=[*good().parts, dataclasses.replace(good().parts[0], call_id="b")]), {ONCE}),
        (shift(callers=[]), {ONCE}),
        (shift(hung_up=[]), {DROPPED}),
        (shift(hung_up=[HungUp(at_ms=59_500, who=TWO)]), {DROPPED}),
        (shift(hung_up=[HungUp(at_ms=20_000, who=ONE)]), {DROPPED}),
        (part(ended_in="flow", cause="DESTINATION_OUT_OF_ORDER", agent_id=0), {DROPPED, HEARD}),
        (caller(heard=()), {HEARD, SUMS}),
        (caller(heard=(heard(20, 1140),)), {HEARD}),
        (caller(heard=(heard(20, 1010), heard(3, 1010, 1140))), {HEARD, TOGETHER}),
        (part(segments=()), {RECORDED}),
        (shift(stored={}), {RECORDED}),
        (shift(stored={"1/a-1.wav": 0}), {RECORDED}),
    ],
)
def test_each_fault_is_found(change: Callable[[Shift], Shift], found: set[str]) -> None:
    assert wrong(change(good())) == found


@pytest.mark.parametrize(
    "change",
    [
        caller(heard=(heard(20, 620, 1010),)),
        caller(hung_up=True),
        lambda before: part(recorded_agents=(TWO, ONE))(
            caller(heard=(heard(9, 1010), heard(9, 1140)))(before)
        ),
        shift(hung_up=[], switch_died_ms=[59_900]),
        lambda before: part(ended_in="queue", agent_id=0, talk_ms=0, talk_s=0, segments=())(
            caller(heard=())(shift(hung_up=[])(before))
        ),
        lambda before: part(conferences=1)(caller(heard=(heard(9, 1010), heard(9, 1010, 1140)))(before)),
        lambda before: part(hold_s=18)(caller(heard=(heard(0.5, 1010),))(before)),
    ],
)
def test_what_may_be_is_no_fault(change: Callable[[Shift], Shift]) -> None:
    assert wrong(change(good())) == set()


def test_parts_touch_and_name_the_first() -> None:
    first = dataclasses.replace(good().parts[0], ended_in="transferred", ended_ms=50_000)
    second = dataclasses.replace(good().parts[0], call_id="a-2", source="a", arrived_ms=50_000)
    assert wrong(shift(parts=[first, second])(good())) == set()
    for bad in (
        dataclasses.replace(second, arrived_ms=51_000),
        dataclasses.replace(second, source="b"),
    ):
        assert ONCE in wrong(shift(parts=[first, bad])(good()))
    assert ONCE in wrong(shift(parts=[dataclasses.replace(first, ended_in="agent"), second])(good()))


def test_what_is_so_for_a_moment_is_no_fault_and_what_stays_is_one_once() -> None:
    overdue = Overdue(10)
    assert overdue.see(0, ["a", "b"]) == []
    assert overdue.see(6, ["b"]) == []
    assert overdue.see(11, ["a", "b"]) == ["b"]
    assert overdue.see(12, ["a", "b"]) == []
    assert overdue.see(13, []) == []
    assert overdue.see(30, ["b"]) == []
    assert overdue.see(41, ["b"]) == ["b"]


# --- logs and the end -------------------------------------------------------------------------------------------------


def test_only_errors_and_tracebacks_are_complaints() -> None:
    lines = [
        'cti     | {"level": "info", "event": "error in the name only"}',
        'cti     | {"level": "error", "event": "bad"}',
        'web     | {"level": "warning", "event": "x", "exception": [1]}',
        "web     | Traceback (most recent call last):",
        "web     | (ended; it is started again)",
        'web     | {"level": "error", "event": "Connection in use: (\'127.0.0.1\', 1)"}',
    ]
    assert [each.process for each in facts.complaints(lines)] == ["cti", "web", "web"]


def test_a_page_may_lose_its_connection_when_something_was_killed_and_never_throw() -> None:
    lost = "Failed to load resource: net::ERR_CONNECTION_REFUSED"
    errors = [(100_000, "console", lost), (300_000, "console", lost), (100_000, "page", "TypeError: x")]
    assert facts.unexcused(errors, [90_000]) == [f"console: {lost}", "page: TypeError: x"]


@pytest.mark.parametrize(("status", "counts"), [(422, False), (409, False), (404, True), (500, True)])
def test_a_refusal_in_words_is_no_error_of_the_page(status: int, counts: bool) -> None:
    said = (
        f"Failed to load resource: the server responded with a status of {status} (X) http://127.0.0.1/desk"
    )
    assert bool(facts.unexcused([(1, "console", said)], [])) is counts


def test_the_end_is_told_check_by_check() -> None:
    told = table.verdicts({"a": [], "b": [f"x{n}" for n in range(30)]})
    assert told.splitlines()[:2] == ["ok    a", "WRONG b (30)"]
    assert told.endswith("and 5 more")
    assert "\n  ring 2  talk 1" in table.counted("done", {"talk": 1, "ring": 2})
