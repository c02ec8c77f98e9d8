"""What everybody in a shift is going to do, decided by one seed before it happens. Pure."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from random import Random
from typing import Final

LONGEST_CALL_S: Final = 170.0
"""A caller who is still there after so long hangs up."""
QUIET_END_S: Final = 45.0
"""Nothing is killed in the last seconds: what the last kill spoilt is to show itself."""
SWITCH_NEEDS_S: Final = 480.0
"""A shift shorter than this leaves the switch alive: its death ends the calls everything else is looked at with."""


class Victim(enum.StrEnum):
    """What is killed; the switch is FreeSWITCH itself, `FLUSHALL` a Redis that lost its memory."""

    CTI = "cti"
    WEB = "web"
    SHIPPER = "shipper"
    SCHEDULER = "scheduler"
    REDIS = "redis"
    FLUSHALL = "flushall"
    SWITCH = "switch"


@dataclasses.dataclass(frozen=True)
class Kill:
    """Something dies so many seconds after the shift's beginning."""

    at_s: float
    victim: Victim


class Ring(enum.StrEnum):
    """What an agent does about a ringing telephone."""

    ANSWER = "answer"
    REJECT = "reject"
    IGNORE = "ignore"
    VANISH = "vanish"
    """The page is closed while it rings; telephones are answered."""


class Do(enum.StrEnum):
    """What an agent does in a talk."""

    HOLD = "hold"
    UNHOLD = "unhold"
    MUTE = "mute"
    UNMUTE = "unmute"
    RELOAD = "reload"
    CLOSE = "close"
    TRANSFER_AGENT = "transfer agent"
    TRANSFER_QUEUE = "transfer queue"
    TRANSFER_NUMBER = "transfer number"
    CONSULT = "consult"
    CONSULT_NUMBER = "consult number"
    COMPLETE = "complete"
    CANCEL = "cancel"
    CONFERENCE = "conference"
    HANG_UP = "hang up"


@dataclasses.dataclass(frozen=True)
class Act:
    """One thing, so many seconds after the one before it (the first: after the talk began)."""

    after_s: float
    what: Do


@dataclasses.dataclass(frozen=True)
class CallerPlan:
    """A caller: the number they call from is theirs alone, so that records tell them apart."""

    number: str
    keys: tuple[tuple[float, str], ...]
    """Seconds after the answer, and the key."""
    hang_up_s: float
    """Seconds after dialling at which they hang up, whatever is going on."""


@dataclasses.dataclass(frozen=True)
class RingPlan:
    """What an agent does, and how long the telephone rings before."""

    what: Ring
    after_s: float


MENU: Final = (("1", 6), ("2", 5), ("91", 1), ("51", 1), ("0", 1), ("", 1))
"""Keys of the demo's menu and how many callers in fifteen press them; 9 repeats it, 5 means nothing, 0 ends it."""


class Dice:
    """The seeded choices of a shift."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._numbers: set[str] = set()

    def caller(self) -> CallerPlan:
        """Return the next caller."""
        roll = self.random.random()
        if roll < 0.12:
            patience = self.random.uniform(1.5, 6.0)
        elif roll < 0.35:
            patience = self.random.uniform(6.0, 45.0)
        else:
            patience = self.random.uniform(60.0, LONGEST_CALL_S)
        choice = self.random.choices([keys for keys, _ in MENU], [weight for _, weight in MENU])[0]
        at = 0.0
        keys = []
        for key in choice:
            at += self.random.uniform(1.5, 4.5)
            keys.append((round(at, 2), key))
        return CallerPlan(number=self._number(), keys=tuple(keys), hang_up_s=round(patience, 2))

    def _number(self) -> str:
        while (number := f"137{self.random.randrange(10**8):08}") in self._numbers:
            pass
        self._numbers.add(number)
        return number

    def ring(self, *, has_page: bool) -> RingPlan:
        """Return what the agent whose telephone rings does."""
        what = self.random.choices(
            [Ring.ANSWER, Ring.REJECT, Ring.IGNORE, Ring.VANISH if has_page else Ring.ANSWER], [80, 7, 6, 7]
        )[0]
        return RingPlan(what, round(self.random.uniform(0.8, 5.0), 2))

    def talk(self, *, has_page: bool) -> tuple[Act, ...]:
        """Return what an agent does in a talk: in the end it is over, handed over, or left to the caller to end."""
        acts: list[Act] = []
        if self.random.random() < 0.4:
            acts += [self._act(Do.HOLD), self._act(Do.UNHOLD)]
        if self.random.random() < 0.2:
            acts += [self._act(Do.MUTE), self._act(Do.UNMUTE)]
        if has_page and self.random.random() < 0.25:
            acts.append(self._act(self.random.choice((Do.RELOAD, Do.RELOAD, Do.CLOSE))))
        if self.random.random() < 0.35:
            acts += self._asking()
        roll = self.random.random()
        if roll < 0.12:
            acts.append(self._act(Do.TRANSFER_AGENT))
        elif roll < 0.2:
            acts.append(self._act(Do.TRANSFER_QUEUE))
        elif roll < 0.26:
            acts.append(self._act(Do.TRANSFER_NUMBER))
        elif roll < 0.85:
            acts.append(self._act(Do.HANG_UP, 6.0, 30.0))
        return tuple(acts)

    def _asking(self) -> list[Act]:
        acts = [self._act(self.random.choice((Do.CONSULT, Do.CONSULT, Do.CONSULT, Do.CONSULT_NUMBER)))]
        if self.random.random() < 0.5:
            acts.append(self._act(Do.CONFERENCE, 5.0, 12.0))
        acts.append(self._act(self.random.choice((Do.COMPLETE, Do.CANCEL)), 5.0, 12.0))
        return acts

    def _act(self, what: Do, least: float = 2.0, most: float = 8.0) -> Act:
        return Act(round(self.random.uniform(least, most), 2), what)

    def kills(self, length_s: float, every_s: float = 90.0) -> tuple[Kill, ...]:
        """Return what dies when in a shift of `length_s`, about each `every_s`: everything once before anything twice,
        the switch once.
        """
        kills: list[Kill] = []
        bag: list[Victim] = []
        usual = [victim for victim in Victim if victim is not Victim.SWITCH]
        at = self.random.uniform(0.3, 0.7) * every_s
        while at < length_s - QUIET_END_S:
            bag = bag or self.random.sample(usual, len(usual))
            kills.append(Kill(round(at, 1), bag.pop()))
            at += self.random.uniform(0.7, 1.3) * every_s
        if length_s >= SWITCH_NEEDS_S and kills:
            middle = len(kills) // 2
            kills[middle] = dataclasses.replace(kills[middle], victim=Victim.SWITCH)
        return tuple(kills)

    def pick(self, what: Sequence[str]) -> str:
        """Return one of them."""
        return self.random.choice(what)

    def between(self, least: float, most: float) -> float:
        """Return a number of seconds."""
        return self.random.uniform(least, most)

    def chance(self, probability: float) -> bool:
        """Return whether it happens."""
        return self.random.random() < probability
