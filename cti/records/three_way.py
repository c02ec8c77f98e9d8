"""Three-way talks as a record keeps them (DSK-3). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from cti.call.model import Conference

KEPT = 12
"""The newest that are kept of a part of a call."""
NAME_LENGTH = 60


class ThreeWay(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of them. Times in milliseconds since the epoch."""

    begin_ms: int
    end_ms: int
    name: str = ""
    """The colleague's, as it was then."""
    number: str = ""
    """Of somebody outside, in stored form."""


def encoded(talks: Sequence[Conference], ended_ms: int, name_of: Callable[[int], str]) -> str:
    """Return the column's value; a talk that outlasted the last word of it ended with the call at `ended_ms`."""
    found = [
        ThreeWay(
            begin_ms=talk.at_ms,
            end_ms=talk.ended_ms or max(ended_ms, talk.at_ms),
            name="" if talk.to.outside is not None else name_of(talk.to.id)[:NAME_LENGTH],
            number=talk.to.outside.number[:32] if talk.to.outside is not None else "",
        )
        for talk in talks[-KEPT:]
    ]
    return msgspec.json.encode(found).decode()


def decoded(value: str) -> list[ThreeWay]:
    """Return what :func:`encoded` made."""
    return msgspec.json.decode(value, type=list[ThreeWay])
