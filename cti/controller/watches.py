"""What the calls know of supervisors' legs at agents' talks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cti.acd.agents import Agent
from cti.esl.events import Event


class Watches(Protocol):
    """Supervisors' legs at agents' talks (`cti.controller.supervising`): no part of any call."""

    @property
    def legs(self) -> set[str]:
        """Their uuids."""

    def parked(self, leg_id: str) -> bool:
        """A leg parked; return whether it is one of them."""

    def hung_up(self, leg_id: str, cause: str) -> bool:
        """A leg ended; return whether it was one of them."""

    def holds(self, agent: Agent) -> bool:
        """Return whether the agent's claim is one of them."""

    def lost(self, agent: Agent) -> bool:
        """The agent's endpoint vanished; return whether one of them was there."""

    def settle(self, dumps: Mapping[str, Event | None]) -> None:
        """Agree with the switch."""

    def forget_all(self) -> None:
        """The switch died."""

    def republish(self) -> None:
        """Write them to Redis again."""
