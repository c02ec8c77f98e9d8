"""Which claims on agents still have something behind them (decision 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from cti.acd.agents import Agent
from cti.controller.runner import CallRunner

YOUNG_MS: Final = 5_000
"""A claim of a call that is up may be so old before the call has to have been told of it."""


class Watches(Protocol):
    """What supervisors listen to."""

    def holds(self, agent: Agent) -> bool:
        """Return whether the claim on `agent` is a supervisor's own."""


class Claims(Protocol):
    """What a claim may be for."""

    @property
    def calls(self) -> Mapping[str, CallRunner]:
        """Calls that are up, by id."""

    @property
    def beginning(self) -> set[str]:
        """Ids of calls whose agent is being claimed; they are not up before that is done."""

    @property
    def watches(self) -> Watches | None:
        """What supervisors listen to, once it is known."""


def stands(claims: Claims, agent: Agent, at_ms: int) -> bool:
    """Return whether something is behind the agent's claim at the instant `at_ms`; pure."""
    if agent.call_id in claims.beginning:
        return True
    if claims.watches is not None and claims.watches.holds(agent):
        return True
    runner = claims.calls.get(agent.call_id)
    if runner is None:
        return False
    if at_ms - agent.claimed_ms < YOUNG_MS or not runner.idle:
        return True  # the offer may stand in the call's inbox: an announcement is waited for seconds
    consult = runner.call.consult
    if consult is not None and consult.offer is not None and consult.offer.token == agent.token:
        return not consult.let_go
    return any(offer.token == agent.token and not offer.ended_ms for offer in runner.call.offers)
