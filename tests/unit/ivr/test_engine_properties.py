"""What holds for every flow and every caller (CTI-I14, I16)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import checks, engine, model
from ivr.messages import AnyEvent, FailureReason
from ivr.model import Flow
from tests.unit.ivr.caller import Caller
from tests.unit.ivr.flows import MENU_KEYS, broken, events, publishable


@pytest.fixture(autouse=True, scope="module")
def _short_calls() -> Iterator[None]:
    """A lower bound on nodes a call: the property is the same and the tests stay fast."""
    with patch.object(engine, "MAX_STEPS", 12):
        yield


@settings(max_examples=150, deadline=None)
@given(flow=publishable(), seed=st.integers(0, 2**32))
def test_a_flow_that_passes_the_checks_ends_for_any_caller(flow: Flow, seed: int) -> None:
    chance = random.Random(seed)
    assert checks.errors(flow) == []
    caller = Caller(flow).enter()
    for _ in range(600):
        if caller.over:
            break
        if chance.random() < 0.3:
            caller.press(chance.choice(MENU_KEYS))
        elif caller.run.playing:
            caller.listen(ok=chance.random() < 0.9)
        elif caller.run.timer:
            caller.wait()
        else:
            caller.fail(chance.choice(list(FailureReason)))
    assert caller.over
    assert all(step.exit for step in caller.run.path)


@settings(max_examples=150, deadline=None)
@given(flow=st.one_of(broken(), publishable()), inputs=st.lists(events(), max_size=30))
def test_no_input_raises_and_a_restored_run_goes_on_alike(flow: Flow, inputs: list[AnyEvent]) -> None:
    caller = Caller(flow)
    for event in inputs:
        caller.feed(event)


@settings(max_examples=60, deadline=None)
@given(flow=broken())
def test_checks_never_raise_and_documents_survive_json(flow: Flow) -> None:
    checks.check(flow)
    assert model.decode(model.encode(flow)) == flow
