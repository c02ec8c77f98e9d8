"""What holds for every flow of any nodes and every caller (CTI-I14, I16)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import checks, engine, model, work
from ivr.messages import Answered, AnswerFailure, AnyEvent, FailureReason, HungUp, TimerFired
from ivr.model import Flow
from ivr.nodes import NODE_TYPES
from tests.unit.ivr.caller import Caller, Status
from tests.unit.ivr.flows import MENU_KEYS, broken, events, publishable

REGIONS = ["+8675512345678", "+8613800138000", "anonymous", ""]


@pytest.fixture(autouse=True, scope="module")
def _short_calls() -> Iterator[None]:
    """A lower bound on nodes a call: the property is the same and the tests stay fast."""
    with patch.object(work, "MAX_STEPS", 12):
        yield


def live(caller: Caller, chance: random.Random) -> None:
    """One thing that can happen to a call now."""
    run = caller.run
    if chance.random() < 0.05:
        caller.feed(TimerFired(name=chance.choice(["t1", "t2", "other"])) if not run.timers else _stale(run))
    elif chance.random() < 0.05:
        caller.feed(Answered(name=f"r{run.requests + 1}", ok=True))
    elif chance.random() < 0.3:
        caller.press(chance.choice(MENU_KEYS) * chance.choice([1, 1, 1, 30]))
    elif run.guard and chance.random() < 0.1:
        caller.lose()
    elif run.request and chance.random() < 0.5:
        if chance.random() < 0.5:
            caller.answer(v="9", w="x" * 500)
        else:
            caller.answer(ok=False, reason=chance.choice(list(AnswerFailure)))
    elif run.playing:
        caller.listen(ok=chance.random() < 0.9)
    elif run.timer:
        caller.wait()
    elif run.status is Status.AWAY and chance.random() < 0.5:
        caller.talk()
    elif run.status is Status.AWAY:
        caller.fail(chance.choice(list(FailureReason)))


def _stale(run: engine.Run) -> TimerFired:
    """A timer that ran out as it was cancelled."""
    names = {f"t{number}" for number in range(1, run.timers + 1)} - {run.timer, run.guard}
    return TimerFired(name=min(names, default="other"))


@settings(max_examples=80, deadline=None)
@given(flow=publishable(), seed=st.integers(0, 2**32))
def test_a_flow_that_passes_the_checks_ends_for_any_caller(flow: Flow, seed: int) -> None:
    chance = random.Random(seed)
    assert checks.errors(flow) == []
    caller = Caller(flow, caller_number=chance.choice(REGIONS)).enter()
    for _ in range(1000):
        if caller.over:
            break
        live(caller, chance)
    assert caller.over
    assert all(step.exit for step in caller.run.path)


@settings(max_examples=50, deadline=None)
@given(flow=publishable(), seed=st.integers(0, 2**32))
def test_a_caller_who_does_nothing_comes_to_an_end_too(flow: Flow, seed: int) -> None:
    chance = random.Random(seed)
    caller = Caller(flow, caller_number=chance.choice(REGIONS)).enter()
    for _ in range(1000):
        if caller.over:
            return
        if caller.run.playing and not (caller.run.recording and chance.random() < 0.5):
            caller.listen()
        elif caller.run.guard and (caller.run.recording or chance.random() < 0.2):
            caller.lose()
        elif caller.run.timer:
            caller.wait()
        elif caller.run.request:
            caller.lose()
        else:
            caller.fail()
    raise AssertionError(caller.run)


@settings(max_examples=50, deadline=None)
@given(flow=publishable(), seed=st.integers(0, 2**32), moments=st.integers(0, 25))
def test_a_hang_up_at_any_moment_ends_the_run(flow: Flow, seed: int, moments: int) -> None:
    chance = random.Random(seed)
    caller = Caller(flow, caller_number=chance.choice(REGIONS)).enter()
    for _ in range(moments):
        if not caller.over:
            live(caller, chance)
    caller.feed(HungUp())
    assert caller.over
    assert caller.timers == set()
    assert all(step.exit for step in caller.run.path)


@settings(max_examples=100, deadline=None)
@given(flow=st.one_of(broken(), publishable()), inputs=st.lists(events(), max_size=30))
def test_no_input_raises_and_a_restored_run_goes_on_alike(flow: Flow, inputs: list[AnyEvent]) -> None:
    caller = Caller(flow, caller_number="+8613800138000")
    for event in inputs:
        caller.feed(event)


@settings(max_examples=60, deadline=None)
@given(flow=broken(), seed=st.integers(0, 2**32))
def test_a_broken_flow_lets_its_callers_go_too(flow: Flow, seed: int) -> None:
    """Nothing relies on the checks: an import, an older version or an edited database may hold anything."""
    chance = random.Random(seed)
    caller = Caller(flow, caller_number=chance.choice(REGIONS)).enter()
    for _ in range(1000):
        if caller.over:
            return
        live(caller, chance)
    raise AssertionError(caller.run)


@settings(max_examples=50, deadline=None)
@given(flow=broken())
def test_checks_never_raise_and_documents_survive_json(flow: Flow) -> None:
    for problem in checks.check(flow):
        assert problem.sentence("zh")
        assert problem.sentence("en")
    assert model.decode(model.encode(flow)) == flow


def test_the_flows_above_are_of_every_type() -> None:
    from tests.unit.ivr import flows

    made = {tag for tag in NODE_TYPES if flows._node(tag, "a", *[st.just("b")] * 3) is not None}
    assert made == set(NODE_TYPES)
