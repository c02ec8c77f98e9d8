"""Collect digits (CTI-I11): ask for a number and keep it in a variable. How keys are taken: `digits`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ivr.nodes.asking import GivenUp, check_patience, or_sound
from ivr.nodes.base import Exit, Fail, Go, Moment, Node, Turn, VariableUse
from ivr.nodes.digits import MAX_DIGITS, DigitsQuestion, DigitsState, Entered, ask_digits
from ivr.nodes.form import (
    FALLBACK_HELP,
    MAX_TIMEOUT_S,
    OWN_PROMPTS,
    Choice,
    Field,
    Group,
    Kind,
    failure_field,
    integer_field,
    next_field,
    patience_fields,
    prompts_field,
)
from ivr.patterns import MAX_PATTERN, matches
from ivr.problems import N_, Problem, out_of_range
from ivr.prompt_values import Prompt

if TYPE_CHECKING:
    from ivr.model import Flow

TERMINATORS = ("#", "*", "")


class Collect(Node, frozen=True, kw_only=True, tag="collect"):
    """Digits into a variable. Without a pattern an entry is digits only: ``*`` and ``#``, where they do not end
    it, make it invalid; a pattern judges them like any other key.
    """

    prompts: list[Prompt] = []
    variable: str = ""
    minimum: int = 1
    maximum: int = 11
    terminator: str = "#"
    """Key that ends the entry: ``#``, ``*``, or none."""
    first_timeout_s: int = 10
    digit_timeout_s: int = 5
    attempts: int = 3
    pattern: str = ""
    """What the whole entry must match (`ivr.patterns`); empty: any digits."""
    invalid_prompts: list[Prompt] = []
    timeout_prompts: list[Prompt] = []
    next: str = ""
    failure: str = ""

    state_type = DigitsState
    label = N_("Collect digits")
    description = N_("Asks for a number and keeps it in a variable.")
    icon = "numbers"
    group = Group.ASK
    form = (
        prompts_field(help_=OWN_PROMPTS),
        Field(name="variable", kind=Kind.VARIABLE, label=N_("Variable"), required=True),
        integer_field("minimum", N_("Fewest digits"), 1, MAX_DIGITS),
        integer_field(
            "maximum", N_("Most digits"), 1, MAX_DIGITS, N_("The entry ends with the last of them.")
        ),
        Field(
            name="terminator",
            kind=Kind.CHOICE,
            label=N_("Key that ends the entry"),
            choices=(
                Choice(value="#", label="#"),
                Choice(value="*", label="*"),
                Choice(value="", label=N_("None")),
            ),
        ),
        integer_field("first_timeout_s", N_("Seconds to wait for the first key"), 1, MAX_TIMEOUT_S),
        integer_field(
            "digit_timeout_s",
            N_("Seconds to wait for each further key"),
            1,
            MAX_TIMEOUT_S,
            N_("After that, what was entered counts if it is long enough."),
        ),
        patience_fields()[1],
        Field(
            name="pattern",
            kind=Kind.TEXT,
            label=N_("Pattern"),
            help=N_("A regular expression the whole entry must match, such as 1[3-9][0-9]{9}."),
            highest=MAX_PATTERN,
        ),
        prompts_field("invalid_prompts", N_("Said after an invalid entry"), OWN_PROMPTS),
        prompts_field("timeout_prompts", N_("Said when no key came in time"), OWN_PROMPTS),
        next_field(),
        failure_field(FALLBACK_HELP),
    )

    def step(self, state: DigitsState, moment: Moment) -> Turn:
        """See `Node.step`."""
        question = DigitsQuestion(
            prompts=or_sound(self.prompts, "collect-ask"),
            minimum=self.minimum,
            maximum=self.maximum,
            terminator=self.terminator,
            first_timeout_s=self.first_timeout_s,
            digit_timeout_s=self.digit_timeout_s,
            attempts=self.attempts,
            invalid_prompts=or_sound(self.invalid_prompts, "collect-invalid"),
            timeout_prompts=or_sound(self.timeout_prompts, "no-key"),
            is_valid=self._is_valid,
        )
        match ask_digits(question, state, moment):
            case Entered(digits=digits, take=take, spare=spare):
                outcome = Go(exit="next", target=self.next)
                return Turn(outcome=outcome, take=take, spare=spare, assign={self.variable: digits})
            case GivenUp(why=why, take=take, spare=spare) if self.failure:
                return Turn(outcome=Go(exit=f"failure:{why}", target=self.failure), take=take, spare=spare)
            case GivenUp(why=why, take=take, spare=spare):
                return Turn(outcome=Fail(reason=why), take=take, spare=spare)
            case Turn() as turn:
                return turn

    def _is_valid(self, digits: str) -> bool:
        return matches(self.pattern, digits) if self.pattern else digits.isdigit()

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (
            Exit(field="next", target=self.next, waits=True),
            Exit(field="failure", target=self.failure, waits=True, required=False),
        )

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {
            "prompts": self.prompts,
            "invalid_prompts": self.invalid_prompts,
            "timeout_prompts": self.timeout_prompts,
        }

    def variable_uses(self) -> tuple[VariableUse, ...]:
        """See `Node.variable_uses`."""
        return (VariableUse(name=self.variable, field="variable", own=True),)

    def patterns(self) -> tuple[tuple[str, str], ...]:
        """See `Node.patterns`."""
        return (("pattern", self.pattern),) if self.pattern else ()

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        yield from check_patience(self, "first_timeout_s", "digit_timeout_s")
        if problem := out_of_range(self.code, "minimum", self.minimum, 1, MAX_DIGITS):
            yield problem
        if problem := out_of_range(self.code, "maximum", self.maximum, max(self.minimum, 1), MAX_DIGITS):
            yield problem
        if self.terminator not in TERMINATORS:
            message = N_("An entry ends with #, *, or neither.")
            yield Problem(id="bad-terminator", message=message, node=self.code, field="terminator")
