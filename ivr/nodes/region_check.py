"""Caller region (CTI-I9): go on by the province or city the caller's number was given out in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ivr.nodes.base import Exit, Moment, Node, NoState, Signal, Stay, Turn
from ivr.nodes.form import Field, Group, Kind
from ivr.nodes.rules import MAX_RULES, check_number, exits_of, way_on
from ivr.problems import N_, Problem
from ivr.prompt_values import SystemVariable
from ivr.region import KEYS, is_in, region_of

if TYPE_CHECKING:
    from ivr.model import Flow


class RegionRule(msgspec.Struct, frozen=True, kw_only=True):
    """Some provinces and cities."""

    regions: list[str] = []
    """Keys of `ivr.region`: ``广东`` or ``广东/深圳``."""
    target: str = ""


class RegionCheck(Node, frozen=True, kw_only=True, tag="region"):
    """The first rule the caller's number is in leads on."""

    rules: list[RegionRule] = []
    otherwise: str = ""
    """Node for other regions, and for numbers that tell none."""

    label = N_("Caller region")
    description = N_("Goes on by the province or city of the caller's number.")
    icon = "map-pin"
    group = Group.DECIDE
    form = (
        Field(
            name="rules",
            kind=Kind.ROWS,
            label=N_("Rules, the first that fits counts"),
            highest=MAX_RULES,
            of=(
                Field(name="regions", kind=Kind.REGIONS, label=N_("Regions"), required=True),
                Field(name="target", kind=Kind.NODE, label=N_("Next node"), required=True),
            ),
        ),
        Field(
            name="otherwise",
            kind=Kind.NODE,
            label=N_("Node for other regions"),
            help=N_("Also for withheld and foreign numbers."),
            required=True,
        ),
    )

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        if moment.signal is not Signal.ENTERED:
            return Turn(outcome=Stay())
        region = region_of(moment.variables.get(SystemVariable.CALLER_NUMBER.value, ""))
        fits = (is_in(region, rule.regions) for rule in self.rules)
        return Turn(outcome=way_on(self.rules, fits, self.otherwise))

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return exits_of(self.rules, self.otherwise)

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        yield from check_number(self.code, len(self.rules))
        for index, rule in enumerate(self.rules):
            field = f"rules.{index}.regions"
            if not rule.regions:
                message = N_("Choose at least one region.")
                yield Problem(id="no-region", message=message, node=self.code, field=field)
            for region in sorted(set(rule.regions) - KEYS):
                message, params = N_("There is no region %(region)s."), {"region": region}
                yield Problem(
                    id="no-such-region", message=message, params=params, node=self.code, field=field
                )
