"""Branch (CTI-I13): go on by what a variable's value is."""

from __future__ import annotations

import decimal
import enum
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ivr.nodes.base import Exit, Go, Moment, Node, NoState, Signal, Stay, Turn, VariableUse
from ivr.nodes.form import Choice, Field, Group, Kind
from ivr.patterns import matches
from ivr.problems import N_, Problem, too_many

if TYPE_CHECKING:
    from ivr.model import Flow

MAX_CASES = 50
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")


class Operator(enum.StrEnum):
    """How a value is compared."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    CONTAINS = "contains"
    STARTS = "starts"
    GREATER = "greater"
    LESS = "less"
    MATCHES = "matches"
    EMPTY = "empty"


_NUMERIC = frozenset({Operator.GREATER, Operator.LESS})
_PARTIAL = frozenset({Operator.CONTAINS, Operator.STARTS})
"""With nothing to compare with these are always true."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison."""

    variable: str = ""
    operator: Operator = Operator.EQUALS
    value: str = ""
    """What is compared with: a text, a number (greater, less), a pattern (matches), nothing (empty)."""
    target: str = ""


class Branch(Node, frozen=True, kw_only=True, tag="branch"):
    """The first case that is true leads on. A value that is no number is neither greater nor less."""

    cases: list[Case] = []
    otherwise: str = ""

    label = N_("Branch")
    description = N_("Goes on by the value of a variable.")
    icon = "git-branch"
    group = Group.DECIDE
    form = (
        Field(
            name="cases",
            kind=Kind.ROWS,
            label=N_("Cases, the first that is true counts"),
            highest=MAX_CASES,
            of=(
                Field(name="variable", kind=Kind.ANY_VARIABLE, label=N_("Variable"), required=True),
                Field(
                    name="operator",
                    kind=Kind.CHOICE,
                    label=N_("Comparison"),
                    choices=(
                        Choice(value="equals", label=N_("is")),
                        Choice(value="not_equals", label=N_("is not")),
                        Choice(value="contains", label=N_("contains")),
                        Choice(value="starts", label=N_("begins with")),
                        Choice(value="greater", label=N_("is greater than")),
                        Choice(value="less", label=N_("is less than")),
                        Choice(value="matches", label=N_("matches the pattern")),
                        Choice(value="empty", label=N_("is empty")),
                    ),
                ),
                Field(name="value", kind=Kind.TEXT, label=N_("Value"), help=N_("Not used with “is empty”.")),
                Field(name="target", kind=Kind.NODE, label=N_("Next node"), required=True),
            ),
        ),
        Field(name="otherwise", kind=Kind.NODE, label=N_("Node in all other cases"), required=True),
    )

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        if moment.signal is not Signal.ENTERED:
            return Turn(outcome=Stay())
        for index, case in enumerate(self.cases):
            if _is_true(case, moment.variables.get(case.variable, "")):
                return Turn(outcome=Go(exit=f"case:{index + 1}", target=case.target))
        return Turn(outcome=Go(exit="otherwise", target=self.otherwise))

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        cases = (Exit(field=f"cases.{i}.target", target=case.target) for i, case in enumerate(self.cases))
        return (*cases, Exit(field="otherwise", target=self.otherwise))

    def variable_uses(self) -> tuple[VariableUse, ...]:
        """See `Node.variable_uses`."""
        return tuple(
            VariableUse(name=case.variable, field=f"cases.{index}.variable")
            for index, case in enumerate(self.cases)
        )

    def patterns(self) -> tuple[tuple[str, str], ...]:
        """See `Node.patterns`."""
        return tuple(
            (f"cases.{index}.value", case.value)
            for index, case in enumerate(self.cases)
            if case.operator is Operator.MATCHES
        )

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        if not self.cases:
            yield Problem(id="no-case", message=N_("Add at least one case."), node=self.code, field="cases")
        if problem := too_many(self.code, "cases", len(self.cases), MAX_CASES):
            yield problem
        for index, case in enumerate(self.cases):
            field = f"cases.{index}.value"
            if case.operator in _NUMERIC and not _NUMBER.fullmatch(case.value.strip()):
                message = N_("Enter a number to compare with.")
                yield Problem(id="not-a-number", message=message, node=self.code, field=field)
            if case.operator in _PARTIAL and not case.value:
                message = N_("Enter what to look for; left empty, every value has it.")
                yield Problem(id="no-value", message=message, node=self.code, field=field)


def _is_true(case: Case, value: str) -> bool:
    match case.operator:
        case Operator.EQUALS:
            return value == case.value
        case Operator.NOT_EQUALS:
            return value != case.value
        case Operator.CONTAINS:
            return case.value in value
        case Operator.STARTS:
            return value.startswith(case.value)
        case Operator.GREATER | Operator.LESS:
            return _compares(case, value)
        case Operator.MATCHES:
            return matches(case.value, value)
        case Operator.EMPTY:
            return not value.strip()


def _compares(case: Case, value: str) -> bool:
    left, right = value.strip(), case.value.strip()
    if not (_NUMBER.fullmatch(left) and _NUMBER.fullmatch(right)):
        return False
    first, second = decimal.Decimal(left), decimal.Decimal(right)
    return first > second if case.operator is Operator.GREATER else first < second
