"""What the nodes have in common that try rules in their order: the exits, the number of rules, the way on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from ivr.nodes.base import Exit, Go
from ivr.problems import N_, Problem, too_many

MAX_RULES = 50
OTHERWISE = "otherwise"


class Rule(Protocol):
    """A rule of a node's ``rules``."""

    @property
    def target(self) -> str:
        """The node it leads to."""


def exits_of(rules: Iterable[Rule], otherwise: str) -> tuple[Exit, ...]:
    """Return an exit for each of `rules` and the one for what fits none."""
    each = (Exit(field=f"rules.{i}.target", target=rule.target) for i, rule in enumerate(rules))
    return (*each, Exit(field=OTHERWISE, target=otherwise))


def way_on(rules: Iterable[Rule], fits: Iterable[bool], otherwise: str) -> Go:
    """Return the way of the first of `rules` whose `fits` is true, asked one by one, else `otherwise`."""
    for number, (rule, does) in enumerate(zip(rules, fits, strict=True), start=1):
        if does:
            return Go(exit=f"rule:{number}", target=rule.target)
    return Go(exit=OTHERWISE, target=otherwise)


def check_number(node: str, number: int) -> Iterator[Problem]:
    """Yield what is wrong with the number of rules of `node`."""
    if not number:
        yield Problem(id="no-rule", message=N_("Add at least one rule."), node=node, field="rules")
    if problem := too_many(node, "rules", number, MAX_RULES):
        yield problem
