"""Legs that are no part of any call, of several kinds, as one: supervisors who listen, people who record a voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cti.acd.agents import Agent
from cti.controller.watches import Watches
from cti.esl.events import Event


class OwnLegs:
    """Asks each kind in turn. Implements `Watches` itself."""

    def __init__(self, kinds: Sequence[Watches]) -> None:
        self._kinds = kinds

    @property
    def legs(self) -> set[str]:
        """Uuids of all of them."""
        return {leg for kind in self._kinds for leg in kind.legs}

    def parked(self, leg_id: str) -> bool:
        """A leg parked; return whether it is one of them."""
        return any(kind.parked(leg_id) for kind in self._kinds)

    def hung_up(self, leg_id: str, cause: str) -> bool:
        """A leg ended; return whether it was one of them."""
        return any(kind.hung_up(leg_id, cause) for kind in self._kinds)

    def holds(self, agent: Agent) -> bool:
        """Return whether the agent's claim is one of them."""
        return any(kind.holds(agent) for kind in self._kinds)

    def lost(self, agent: Agent) -> bool:
        """The agent's endpoint vanished; return whether one of them was there."""
        return any(kind.lost(agent) for kind in self._kinds)

    def settle(self, dumps: Mapping[str, Event | None]) -> None:
        """Agree with the switch."""
        for kind in self._kinds:
            kind.settle(dumps)

    def forget_all(self) -> None:
        """The switch died."""
        for kind in self._kinds:
            kind.forget_all()

    def republish(self) -> None:
        """Write them to Redis again."""
        for kind in self._kinds:
            kind.republish()
