"""Every scenario on the simulator, and on a real FreeSWITCH where there is one, against what a real one did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.switch import real
from tests.conformance.switch.scenarios import SCENARIOS
from tests.conformance.switch.stage import RealStage, SimulatedStage, Stage

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text())


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage with the simulator."""
    stage = SimulatedStage(tmp_path_factory.mktemp("simulated"))
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def real_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage with a real FreeSWITCH."""
    prefix = real.home()
    if prefix is None:
        pytest.skip("no FreeSWITCH under ZONGJI_FREESWITCH_HOME or /usr/local/freeswitch")
    stage = RealStage(tmp_path_factory.mktemp("real"), prefix)
    yield stage
    stage.close()


def _check(stage: Stage, name: str) -> None:
    try:
        result = json.loads(json.dumps(SCENARIOS[name](stage)))
    finally:
        stage.clear()
    assert result == RECORDED[name]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_simulator_does_what_a_real_switch_did(simulated: Stage, name: str) -> None:
    _check(simulated, name)


@pytest.mark.freeswitch
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_real_switch_still_does_what_was_recorded(real_one: Stage, name: str) -> None:
    _check(real_one, name)


def test_nothing_recorded_is_left_unplayed() -> None:
    assert sorted(RECORDED) == sorted(SCENARIOS)
