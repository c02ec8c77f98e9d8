"""Types the resources of the programming interface share."""

from __future__ import annotations

import datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct, UnsetType

from admin_web.api.words import N_

MAX_ID = 2**63 - 1
"""Largest id a database holds."""

LINE = r"^[^\x00-\x1f\x7f]*$"
"""Text without control characters."""

SOMETHING = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
"""The same with at least one visible character."""

Id = Annotated[int, Meta(ge=1, le=MAX_ID, description=N_("Id"), examples=[17])]
PersonName = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=SOMETHING, description=N_("Name"), examples=["Chen Li"])
]
Moment = Annotated[
    datetime.datetime,
    Meta(tz=True, description=N_("Instant, RFC 3339, UTC"), examples=["2026-11-21T08:30:00Z"]),
]
PhoneNumber = Annotated[
    str,
    Meta(
        max_length=40,
        description=N_("Telephone number: E.164 or a short number; masked without the scope numbers:full"),
        examples=["+8613800138000"],
    ),
]
Limit = Annotated[int, Meta(ge=1, le=200, description=N_("Entries in an answer, at most 200"), examples=[50])]
Cursor = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description=N_("Where to go on: `next` of the answer before"),
    ),
]

T = TypeVar("T")


class PageQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of every list."""

    limit: Limit = 50
    cursor: Cursor | UnsetType = ""


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list."""

    items: list[T]
    next: Annotated[
        str | None, Meta(description=N_("Send it as `cursor` to get the next page; null: this is the last"))
    ]


class All(Struct, Generic[T], frozen=True, kw_only=True):
    """A list that comes whole."""

    items: list[T]
