"""What must be true of a shift, whatever was killed in it. Pure: facts in, sentences about what is wrong out.

The facts come from three sides that know nothing of each other: what the callers' telephones saw and heard, what the
actors did, and what the platform wrote down.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final

from bench.support.shift.hearing import Heard, total_s

HEARD_S: Final = 1.2
"""A voice heard at least so long was heard."""
TALKED_S: Final = 6
"""A talk on record of so many seconds, without its holds, must have been heard."""
EXPLAINED_WITHIN_MS: Final = 30_000
"""Somebody's hang-up explains a call's end that follows within so long, on a late machine."""
BY_RULES: Final = ("flow", "queue", "route", "extension")
"""Where a flow's node, a queue's time-out, or a transfer that reached nobody, ends a call."""
SWITCH_DIED: Final = "SWITCH_RESTARTED"
"""Cause of what ended with the switch: what it had not written yet is lost, and the end is when that was noticed."""
OUR_CAUSES: Final = ("NORMAL_CLEARING", "NO_ANSWER")
"""Causes such an end has: a flow's, and a queue's that nobody answered in."""
TOUCH_MS: Final = 2
"""Parts of a call touch each other, to the database's milliseconds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CallerSaw:
    """What a caller's own telephone saw of their call."""

    number: str
    dialled_ms: int
    ended_ms: int
    answered: bool
    hung_up: bool
    """The caller ended it; else it was ended for them."""
    heard: tuple[Heard, ...] = ()
    cause: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """A record: the whole call, or one part of a transferred one."""

    call_id: str
    source: str = ""
    number: str
    state: str = "final"
    arrived_ms: int = 0
    ended_ms: int = 0
    talk_ms: int = 0
    talk_s: int = 0
    hold_s: int = 0
    """On hold in the talk `talk_s` is about; a part with a lost agent has more than one."""
    agent_id: int = 0
    ended_in: str = ""
    cause: str = ""
    refusal: str = ""
    conferences: int = 0
    segments: tuple[str, ...] = ()
    """Names of the recordings that were begun."""
    recorded_agents: tuple[int, ...] = ()
    """Whose talks they are: an agent whose page was lost has a recording in a part that is another's."""
    recorded: bool = True
    """Its queue records talks."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HungUp:
    """Somebody other than the caller ended a call, or had it ended."""

    at_ms: int
    who: int
    """Account; 0: somebody outside, whose call's customer is not known."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shift:
    """All facts."""

    callers: Sequence[CallerSaw]
    parts: Sequence[Part]
    stored: Mapping[str, int]
    """Length in ms of each recording in the store, by its name."""
    hung_up: Sequence[HungUp]
    tones: Mapping[int, int]
    """Account to the tone it says."""
    switch_died_ms: Sequence[int] = ()
    supervisors: frozenset[int] = frozenset()


def _by_call(shift: Shift) -> dict[str, list[Part]]:
    """Return the parts of each caller's call in order, by the caller's number."""
    found: defaultdict[str, list[Part]] = defaultdict(list)
    for part in shift.parts:
        found[part.number].append(part)
    return {number: sorted(parts, key=lambda part: part.arrived_ms) for number, parts in found.items()}


def one_record_each(shift: Shift) -> list[str]:
    """Every answered call has exactly one record, whose parts touch each other; nobody has one who did not call."""
    wrong = []
    calls = _by_call(shift)
    for caller in shift.callers:
        parts = calls.get(caller.number, [])
        roots = [part for part in parts if not part.source]
        if len(roots) != 1 and (caller.answered or roots):
            wrong.append(f"{caller.number} has {len(roots)} records")
            continue
        for before, after in itertools.pairwise(parts):
            if abs(after.arrived_ms - before.ended_ms) > TOUCH_MS:
                wrong.append(f"{after.call_id} does not begin where {before.call_id} ends")
            if before.ended_in != "transferred":
                wrong.append(f"{before.call_id} goes on, but ended in {before.ended_in}")
            if after.source != roots[0].call_id:
                wrong.append(f"{after.call_id} goes on from {after.source}, not from {roots[0].call_id}")
    known = {caller.number for caller in shift.callers}
    wrong += [f"a record of {number}, who never called" for number in calls if number not in known]
    double = Counter(part.call_id for part in shift.parts)
    return wrong + [f"{call_id} has {count} rows" for call_id, count in double.items() if count > 1]


def talks_were_heard(shift: Shift) -> list[str]:
    """Who talks by a record was heard by the caller, and who was heard has a part, or a talk of three, on record."""
    wrong = []
    calls = _by_call(shift)
    for caller in shift.callers:
        parts = calls.get(caller.number, [])
        three = any(part.conferences for part in parts)
        agents = {part.agent_id for part in parts if part.talk_ms}
        agents |= {account for part in parts for account in part.recorded_agents}
        for account, hz in shift.tones.items():
            heard_s = total_s(caller.heard, hz)
            if (
                heard_s >= HEARD_S
                and account not in agents
                and not three
                and account not in shift.supervisors
            ):
                wrong.append(f"{caller.number} heard {account} for {heard_s:.1f} s, whom no record names")
        for part in parts:
            spoken_s = part.talk_s - part.hold_s
            alive = part.cause != SWITCH_DIED
            if alive and part.talk_ms and spoken_s >= TALKED_S and part.agent_id in shift.tones:
                heard_s = total_s(caller.heard, shift.tones[part.agent_id])
                if heard_s < HEARD_S:
                    wrong.append(
                        f"{part.call_id}: {spoken_s} s with {part.agent_id}, heard for {heard_s:.1f} s"
                    )
    return wrong


def sums_agree(shift: Shift) -> list[str]:
    """Answered and abandoned calls on record are as many as callers who talked with somebody and who did not."""
    calls = _by_call(shift)
    agents = set(shift.tones.values())
    unsure = answered = heard = 0
    for caller in shift.callers:
        parts = calls.get(caller.number, [])
        spoken_s = max((part.talk_s - part.hold_s for part in parts if part.talk_ms), default=-1)
        if 0 <= spoken_s < TALKED_S:
            unsure += 1  # too short a talk to be heard for sure
            continue
        answered += spoken_s >= 0
        heard += any(total_s(caller.heard, hz) >= HEARD_S for hz in agents)
    if answered == heard:
        return []
    return [f"{answered} calls are answered by the records, {heard} callers heard somebody ({unsure} short)"]


def not_together(shift: Shift) -> list[str]:
    """Two agents are heard at once in a talk of three only; supervisors may join."""
    wrong = []
    calls = _by_call(shift)
    usual = {hz: account for account, hz in shift.tones.items() if account not in shift.supervisors}
    for caller in shift.callers:
        if any(part.conferences for part in calls.get(caller.number, [])):
            continue
        for each in caller.heard:
            both = [usual[hz] for hz in each.tones if hz in usual]
            if len(both) > 1:
                wrong.append(f"{caller.number} heard {both} at once for {each.length_s:.1f} s")
    return wrong


def recordings_exist(shift: Shift) -> list[str]:
    """Each recording of a second or more is in the store with sound in it, and each such talk with an agent has one."""
    wrong = []
    for part in shift.parts:
        # Who hangs up within milliseconds of being connected is gone before the switch is told to record.
        missing = [name for name in part.segments if part.talk_s >= 1 and name not in shift.stored]
        empty = [name for name in part.segments if shift.stored.get(name) == 0]
        wrong += [f"{part.call_id}: the recording {name} is not in the store" for name in missing]
        if part.talk_s >= 1 and part.cause != SWITCH_DIED:
            wrong += [f"{part.call_id}: the recording {name} is empty" for name in empty]
        if part.talk_ms and part.talk_s >= 1 and part.agent_id and part.recorded and not part.segments:
            wrong.append(f"{part.call_id}: {part.talk_s} s with {part.agent_id} were not recorded")
    return wrong


def nobody_dropped(shift: Shift) -> list[str]:
    """Who did not hang up was ended by an agent, a flow or a queue's rules, or with the switch itself."""
    wrong = []
    calls = _by_call(shift)
    for caller in shift.callers:
        if caller.hung_up:
            continue
        parts = calls.get(caller.number, [])
        why = _unexplained(caller, parts[-1] if parts else None, shift)
        if why:
            wrong.append(f"{caller.number} was dropped ({caller.cause}): {why}")
    return wrong


def _unexplained(caller: CallerSaw, part: Part | None, shift: Shift) -> str:
    """Return why nothing explains the end of a call the caller did not end; empty: something does."""
    if any(caller.dialled_ms - 2000 <= died <= caller.ended_ms + 60_000 for died in shift.switch_died_ms):
        return ""
    if part is None:
        return "there is no record" if caller.answered else ""
    if part.ended_in in BY_RULES and part.cause in OUR_CAUSES:
        return ""
    who = {0, part.agent_id}
    soon = [
        each.who
        for each in shift.hung_up
        if each.at_ms - 2000 <= caller.ended_ms <= each.at_ms + EXPLAINED_WITHIN_MS
    ]
    if who & set(soon):
        return ""
    return f"ended in {part.ended_in}, {part.cause}, agent {part.agent_id}; hang-ups about then: {soon}"


CHECKS: Final[Mapping[str, Callable[[Shift], list[str]]]] = {
    "one record each, parts right": one_record_each,
    "no caller dropped": nobody_dropped,
    "talks on record were heard, and no others": talks_were_heard,
    "answered + abandoned = callers' sums": sums_agree,
    "no two agents with one caller": not_together,
    "recordings of all talks": recordings_exist,
}


class Overdue:
    """Conditions that may be so for a moment, and are faults when they stay."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._since: dict[Hashable, float] = {}
        self._told: set[Hashable] = set()

    def see(self, now_s: float, conditions: Iterable[Hashable]) -> list[Hashable]:
        """Take what is so now; returns what has been so for longer than the limit, each once until it ends."""
        present = set(conditions)
        self._since = {each: self._since.get(each, now_s) for each in present}
        self._told &= present
        late = [
            each
            for each, since in self._since.items()
            if now_s - since > self.limit_s and each not in self._told
        ]
        self._told |= set(late)
        return late
