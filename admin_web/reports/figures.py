"""What a report says of one row: sums that add up, and the ratios made of them. Pure."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable


class Subject(enum.StrEnum):
    """What a report is about."""

    QUEUE = "queue"
    AGENT = "agent"
    ROUTE = "route"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums over calls; lengths in seconds. They add up over rows (:func:`total`)."""

    offered: int = 0
    """Calls that came to the queue or by the route; of an agent: the times they were rung."""
    answered: int = 0
    lost_in_flow: int = 0
    """The caller hung up in the IVR."""
    lost_in_queue: int = 0
    """Ended while waiting: the caller hung up, or the wait was over."""
    lost_ringing: int = 0
    """The caller hung up while an agent's telephone rang."""
    messages: int = 0
    """Ended with a message left."""
    callbacks: int = 0
    """Ended with a wish to be called back, wherever that was: none of those lost."""
    queued: int = 0
    """Of those offered, came into a queue: what the service level is of."""
    within: int = 0
    """Answered within their queue's threshold."""
    wait_s: int = 0
    """Waited by those answered."""
    talk_s: int = 0
    handled: int = 0
    """Calls of which `talk_s` is the sum."""
    missed: int = 0
    """Of an agent: not answered or rejected."""
    out_calls: int = 0
    """Of an agent: calls to the outside, and of them reached, with how long they talked."""
    out_reached: int = 0
    out_talk_s: int = 0
    wrap_up_s: int = 0
    """Of an agent's states (`cti.records.states`)."""
    ringing_s: int = 0
    talking_s: int = 0
    ready_s: int = 0
    not_ready_s: int = 0
    break_s: int = 0
    away_s: int = 0
    reserved_s: int = 0
    """At another agent's talk, or at a voice's recording: neither free nor busy with a call."""

    @property
    def other(self) -> int:
        """What is left of those offered: refused, ended by the flow, lost by the switch; of an agent: the caller hung
        up, or the telephone could not be rung.
        """
        lost = self.lost_in_flow + self.lost_in_queue + self.lost_ringing
        return self.offered - self.answered - lost - self.messages - self.callbacks - self.missed

    @property
    def service_level(self) -> float | None:
        """Share of the calls of queues that were answered within the threshold."""
        return self.within / self.queued if self.queued else None

    @property
    def answer_speed_s(self) -> float | None:
        """Average wait of those answered (ASA)."""
        return self.wait_s / self.answered if self.answered else None

    @property
    def handling_s(self) -> float | None:
        """Average of talk and wrap-up (AHT); wrap-up is known of agents only."""
        calls = self.handled + self.out_reached
        return (self.talk_s + self.out_talk_s + self.wrap_up_s) / calls if calls else None

    @property
    def abandonment(self) -> float | None:
        """Share of those offered that were lost in the queue or while ringing."""
        return (self.lost_in_queue + self.lost_ringing) / self.offered if self.offered else None

    @property
    def signed_in_s(self) -> int:
        """How long agents stood in any state."""
        free = self.ready_s + self.not_ready_s + self.break_s + self.away_s + self.reserved_s
        return free + self.ringing_s + self.talking_s + self.wrap_up_s

    @property
    def occupancy(self) -> float | None:
        """Share of the time for calls that was spent on them: ringing, talking and wrap-up, with ready."""
        busy = self.ringing_s + self.talking_s + self.wrap_up_s
        return busy / (busy + self.ready_s) if busy + self.ready_s else None


NAMES = tuple(field.name for field in dataclasses.fields(Sums))


def total(rows: Iterable[Sums]) -> Sums:
    """Return the sum of `rows`."""
    sums = dict.fromkeys(NAMES, 0)
    for row in rows:
        for name in NAMES:
            sums[name] += getattr(row, name)
    return Sums(**sums)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a report: an interval's beginning (epoch, seconds; 0: the whole time), of whom, and the sums."""

    start_s: int
    key: int
    """Id of the queue, account or route; 0 of a route: no route took the call."""
    name: str
    sums: Sums
