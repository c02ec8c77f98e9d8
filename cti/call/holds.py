"""When the customer of a talk was on hold (CTI-C7), in few bytes of the call's state. Pure.

`Call.holds` is flat: of each hold how long after the one before it ended (the first: after the call arrived) it began,
and how long it lasted, in tenths of a second. An odd number of them means that one is running.
"""

from __future__ import annotations

from typing import NamedTuple

from cti.call.model import Call, Phase

MAX_HOLDS = 40
"""Holds whose times are kept; of later ones only the length counts."""
UNIT_MS = 100


class Hold(NamedTuple):
    """From when to when, in milliseconds since the epoch."""

    begin_ms: int
    end_ms: int


def running(call: Call) -> bool:
    """Return whether the customer is on hold, which ends with the talk at the latest."""
    return call.held and call.phase not in (Phase.LEAVING, Phase.ENDED)


def change(call: Call, now_ms: int) -> None:
    """Note that a hold begins, or that the one that runs is over; the end of one that was not noted means nothing."""
    if not running(call) and len(call.holds) % 2 == 0:
        return
    at = max(0, (now_ms - call.arrived_ms) // UNIT_MS - sum(call.holds))
    if len(call.holds) == 2 * MAX_HOLDS + 1:
        # Its beginning is forgotten with it: the next one is kept like this for as long as it runs.
        call.holds, call.holds_more = call.holds[:-1], call.holds_more + at
    else:
        call.holds = [*call.holds, at]


def of(call: Call, ended_ms: int) -> tuple[Hold, ...]:
    """Return the holds of a call that ended at `ended_ms`, which ended the one that ran."""
    flat = list(call.holds)
    if len(flat) % 2:
        flat.append(max(0, (ended_ms - call.arrived_ms) // UNIT_MS - sum(flat)))
    found, at_ms = [], call.arrived_ms
    for gap, length in zip(flat[::2], flat[1::2], strict=True):
        begin_ms = at_ms + gap * UNIT_MS
        at_ms = begin_ms + length * UNIT_MS
        found.append(Hold(begin_ms, at_ms))
    return tuple(found)
