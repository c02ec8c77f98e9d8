"""How the editor shows a node's fields: each node type declares them beside its code (CTI-I2).

Labels and help are English message ids (`ivr.problems.N_`); `ivr.nodes.describe` translates them.
"""

from __future__ import annotations

import enum

import msgspec

from ivr.problems import N_

MAX_TIMEOUT_S = 60
"""Longest time-out of a question."""
MAX_ATTEMPTS = 10


class Group(enum.StrEnum):
    """Where a node type stands in the editor's palette."""

    SPEAK = "speak"
    ASK = "ask"
    DECIDE = "decide"
    CONNECT = "connect"
    OUTSIDE = "outside"


class Kind(enum.StrEnum):
    """What a field holds, and so how it is edited."""

    TEXT = "text"
    TEXTAREA = "textarea"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"  # one of `choices`
    PROMPTS = "prompts"  # a prompt list (CTI-I4)
    NODE = "node"  # code of a node: an arrow
    KEY_NODES = "key_nodes"  # key to node
    QUEUE = "queue"  # id
    EXTENSION = "extension"  # id
    FLOW = "flow"  # id
    VARIABLE = "variable"  # name of one of the flow's own
    ANY_VARIABLE = "any_variable"  # the flow's own or the system's
    CALENDAR = "calendar"  # id as a string; empty: none
    WEEKDAYS = "weekdays"  # list of 1 (Monday) to 7
    TIME_OF_DAY = "time_of_day"  # HH:MM
    REGIONS = "regions"  # list of keys of `ivr.region`
    KEYS = "keys"  # list of telephone keys
    PAIRS = "pairs"  # list of {name, value}
    ROWS = "rows"  # list of structs with the fields `of`, in an order that matters


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a choice."""

    value: str
    label: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a node, or of a row of it."""

    name: str
    kind: Kind
    label: str
    help: str = ""
    lowest: int | None = None
    highest: int | None = None
    """Bounds of an integer, or of how many a list has."""
    choices: tuple[Choice, ...] = ()
    of: tuple[Field, ...] = ()
    """Fields of each row, with ``ROWS``."""
    required: bool = False
    """Publishing refuses it empty."""
    places: bool = False
    """``{name}`` in it stands for the value of a variable."""
    sms: bool = False
    """Its length is shown as that of a short message."""
    when: dict[str, str] = {}
    """Shown only while these other fields of the node (or the row) have these values."""


def next_field(help_: str = "", *, required: bool = True) -> Field:
    """Return the field of the way on."""
    return Field(name="next", kind=Kind.NODE, label=N_("Next node"), help=help_, required=required)


def failure_field(help_: str = "") -> Field:
    """Return the field of the way on after a failure."""
    return Field(name="failure", kind=Kind.NODE, label=N_("Node on failure"), help=help_)


def prompts_field(
    name: str = "prompts", label: str = N_("What is said"), help_: str = "", *, required: bool = False
) -> Field:
    """Return the field of a prompt list."""
    return Field(name=name, kind=Kind.PROMPTS, label=label, help=help_, required=required)


def integer_field(name: str, label: str, lowest: int, highest: int, help_: str = "") -> Field:
    """Return the field of a number with bounds."""
    return Field(name=name, kind=Kind.INTEGER, label=label, help=help_, lowest=lowest, highest=highest)


def patience_fields(timeout: str = "timeout_s") -> tuple[Field, Field]:
    """Return the fields of a question's time-out and attempts."""
    return (
        integer_field(
            timeout,
            N_("Seconds to wait for a key"),
            1,
            MAX_TIMEOUT_S,
            N_("Counted from the end of what is said."),
        ),
        integer_field(
            "attempts",
            N_("Attempts"),
            1,
            MAX_ATTEMPTS,
            N_("Invalid keys and time-outs are counted together."),
        ),
    )


OWN_PROMPTS = N_("Left empty, the platform's own announcement is played.")
FALLBACK_HELP = N_("Left empty, the flow's fallback node takes the caller.")
KEY_CHOICES = tuple(Choice(value=key, label=key) for key in "1234567890*#")
"""Each key of a telephone, for a choice."""
