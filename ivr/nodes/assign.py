"""Set variables (CTI-I13)."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ivr.nodes.base import Exit, Go, Moment, Node, NoState, Signal, Stay, Turn, VariableUse
from ivr.nodes.form import Field, Group, Kind, next_field
from ivr.places import MAX_TEXT, MAX_VALUE, fill, names
from ivr.problems import N_, Problem, too_long, too_many

if TYPE_CHECKING:
    from ivr.model import Flow

MAX_ASSIGNMENTS = 50


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A variable and what it becomes."""

    name: str = ""
    """One of the flow's own."""
    value: str = ""
    """A text; ``{name}`` in it is another variable's value."""


class Assign(Node, frozen=True, kw_only=True, tag="assign"):
    """Sets variables, one after the other: a later one sees the earlier ones' new values."""

    assignments: list[Assignment] = []
    next: str = ""

    label = N_("Set variables")
    description = N_("Gives variables new values.")
    icon = "variable"
    group = Group.DECIDE
    form = (
        Field(
            name="assignments",
            kind=Kind.ROWS,
            label=N_("Variables"),
            highest=MAX_ASSIGNMENTS,
            of=(
                Field(name="name", kind=Kind.VARIABLE, label=N_("Variable"), required=True),
                Field(
                    name="value",
                    kind=Kind.TEXT,
                    label=N_("Value"),
                    help=N_("{name} stands for the value of a variable."),
                    places=True,
                ),
            ),
        ),
        next_field(),
    )

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        if moment.signal is not Signal.ENTERED:
            return Turn(outcome=Stay())
        values: dict[str, str] = {}
        known = ChainMap(values, dict(moment.variables))
        for each in self.assignments:
            values[each.name] = fill(each.value, known, limit=MAX_VALUE)
        return Turn(outcome=Go(exit="next", target=self.next), assign=values)

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (Exit(field="next", target=self.next),)

    def variable_uses(self) -> tuple[VariableUse, ...]:
        """See `Node.variable_uses`."""
        uses: list[VariableUse] = []
        for index, each in enumerate(self.assignments):
            uses.append(VariableUse(name=each.name, field=f"assignments.{index}.name", own=True))
            field = f"assignments.{index}.value"
            uses += (VariableUse(name=name, field=field) for name in names(each.value))
        return tuple(uses)

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        if not self.assignments:
            message = N_("Choose a variable to set.")
            yield Problem(id="no-assignment", message=message, node=self.code, field="assignments")
        if problem := too_many(self.code, "assignments", len(self.assignments), MAX_ASSIGNMENTS):
            yield problem
        for index, each in enumerate(self.assignments):
            if problem := too_long(self.code, f"assignments.{index}.value", each.value, MAX_TEXT):
                yield problem
