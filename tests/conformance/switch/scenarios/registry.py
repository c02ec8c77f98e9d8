"""The scenarios: each plays on a stage and returns what may be compared between a real switch and the simulator.

A scenario is written once and knows nothing of which switch it plays on. It returns stories (events by role) and
facts (answers, lengths); what the real switch returned is kept in ``recorded.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.switch.stage import Stage

Scenario = Callable[[Stage], dict[str, Any]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """Register a scenario by its name."""
    SCENARIOS[function.__name__] = function
    return function


def completed(stage: Stage, uuid: str, step: str, timeout_s: float = 7) -> str:
    """Wait until the step is done; return its response."""
    event = stage.driver.wait_for("CHANNEL_EXECUTE_COMPLETE", uuid, timeout_s, Application_UUID=step)
    return event["Application-Response"]


def playing(stage: Stage, uuid: str, path: str, after: int = 0) -> None:
    """Wait until the leg plays `path`."""
    stage.driver.wait_for("PLAYBACK_START", uuid, after=after, Playback_File_Path=path)
