"""By what an agent stands in a queue's idle set, and what a caller asks of whoever takes the call (CTI-Q2). Pure.

The rule decides one number, the score: the smallest is next. So a match costs the same under every rule, and how many
agents are idle does not matter. Scores stay below 2**53, where Redis' doubles are exact.
"""

from __future__ import annotations

import dataclasses

import msgspec

from core.documents import DispatchRule, QueueDoc
from cti.acd.agents import Agent, Place

BAND = 10_000_000_000_000
"""Distance of two bands of a score; above any time in milliseconds until the year 2286."""
MAX_BANDS = 800
"""Calls of a day that are told apart: 800 bands and a time are below 2**53."""
LEVELS = (1, 9)
"""Lowest and highest skill level."""
AT_ONCE = 10
"""Agents rung for one caller at once at most: each is a leg, and one of them is enough."""
LAST_AGENT = "last_agent"
"""What decided where the caller's last agent went first."""


class Why(msgspec.Struct, kw_only=True, frozen=True):
    """Why a call went to an agent, as it can be read afterwards."""

    rule: str
    """A `core.documents.DispatchRule`, or ``last_agent``."""
    candidates: int
    """Agents who were idle in the queue at that moment, this one among them; where all are rung, those who ring."""
    value: int = 0
    """What the rule looked at: seconds idle, seconds since the last offer, calls today, or the skill level."""
    asked: int = 0
    """With skills: the level the caller asked for by then."""

    def as_text(self) -> str:
        """Return it as one word."""
        return f"{self.rule}/{self.candidates}/{self.value}/{self.asked}"

    @classmethod
    def from_text(cls, text: str) -> Why | None:
        """Return what :meth:`as_text` wrote; None for anything else."""
        rule, *numbers = text.split("/")
        if len(numbers) != 3 or not all(each.isascii() and each.isdigit() for each in numbers):
            return None
        candidates, value, asked = map(int, numbers)
        return cls(rule=rule, candidates=candidates, value=value, asked=asked)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """What a match must know of a queue."""

    rule: DispatchRule = DispatchRule.LONGEST_IDLE
    last_agent_first: bool = False
    level: int = 1
    """Skill level asked at first; 1 is no demand."""
    step_ms: int = 0
    """After each such time one level less is asked; 0: never less."""


def terms_of(queue: QueueDoc | None) -> Terms:
    """Return a queue's terms; those of a queue that is not known are the default ones."""
    if queue is None:
        return Terms()
    level = queue.skill_level if queue.rule is DispatchRule.SKILLS else 1
    return Terms(
        rule=queue.rule,
        last_agent_first=queue.last_agent_first,
        level=level,
        step_ms=queue.skill_step_s * 1000,
    )


def place_in(queue: QueueDoc, extension_id: int) -> Place:
    """Return how whoever is signed in on the extension stands in the queue."""
    return Place(
        queue_id=queue.id,
        rule=queue.rule,
        level=queue.levels.get(extension_id, Place().level),
        closed=queue.closed_states,
        open_reasons=queue.open_reasons,
    )


def score(agent: Agent, place: Place) -> int:
    """Return by what the agent stands in the idle set: the smallest is offered the next call. Under ``random`` the
    match draws, so the score plays no part.
    """
    match place.rule:
        case DispatchRule.ROUND_ROBIN:
            return agent.offered_ms
        case DispatchRule.FEWEST_CALLS:
            return min(agent.calls_today, MAX_BANDS) * BAND + agent.since_ms
        case DispatchRule.SKILLS:
            return (LEVELS[1] - place.level) * BAND + agent.since_ms
        case _:
            return agent.since_ms


def asked_level(terms: Terms, entered_ms: int, now_ms: int) -> int:
    """Return the level a caller asks for by now: one less with every step they wait (the script does the same)."""
    if not terms.step_ms:
        return terms.level
    return max(LEVELS[0], terms.level - max(0, now_ms - entered_ms) // terms.step_ms)


def next_relaxation(terms: Terms, entered_ms: int, now_ms: int) -> int:
    """Return the moment at which the caller asks for one level less; 0 when they never will."""
    if asked_level(terms, entered_ms, now_ms) <= LEVELS[0] or not terms.step_ms:
        return 0
    return entered_ms + (max(0, now_ms - entered_ms) // terms.step_ms + 1) * terms.step_ms


def why(terms: Terms, *, by: str, candidates: int, score: int, entered_ms: int, now_ms: int) -> Why:
    """Return why an agent with this score was chosen; `by` is the rule, or ``last_agent``."""
    value = asked = 0
    by_time = by in (DispatchRule.LONGEST_IDLE, DispatchRule.RING_ALL)
    if by_time or (by == DispatchRule.ROUND_ROBIN and score):
        value = max(0, now_ms - score) // 1000
    elif by == DispatchRule.FEWEST_CALLS:
        value = score // BAND
    elif by == DispatchRule.SKILLS:
        value = LEVELS[1] - score // BAND
        asked = asked_level(terms, entered_ms, now_ms)
    return Why(rule=by, candidates=candidates, value=value, asked=asked)
