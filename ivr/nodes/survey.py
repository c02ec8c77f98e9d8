"""Satisfaction survey (CTI-I13): one key as a score, usually after the agent hung up. How keys are taken:
`asking`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ivr.messages import Note, NoteKind
from ivr.nodes.asking import (
    AskPhase,
    AskState,
    GivenUp,
    KeyQuestion,
    Pressed,
    ask_key,
    at,
    check_patience,
    or_sound,
)
from ivr.nodes.base import AnyOutcome, End, Exit, Go, Moment, Node, Say, Signal, Turn, VariableUse
from ivr.nodes.form import OWN_PROMPTS, Field, Group, Kind, next_field, patience_fields, prompts_field
from ivr.problems import N_, Problem
from ivr.prompt_values import Prompt

if TYPE_CHECKING:
    from ivr.model import Flow

SCORES = "123456789"


class Survey(Node, frozen=True, kw_only=True, tag="survey"):
    """Notes a score on the call's record. Who gives none goes on just the same, without the thanks."""

    prompts: list[Prompt] = []
    keys: list[str] = msgspec.field(default_factory=lambda: list("12345"))
    """Keys that are scores."""
    variable: str = ""
    """One of the flow's own that gets the score, or none."""
    timeout_s: int = 8
    attempts: int = 2
    invalid_prompts: list[Prompt] = []
    thanks: list[Prompt] = []
    next: str = ""
    """Empty: hang up."""

    state_type = AskState
    label = N_("Survey")
    description = N_("Asks for a score by key and puts it on the call's record.")
    icon = "star"
    group = Group.ASK
    form = (
        prompts_field(help_=OWN_PROMPTS),
        Field(name="keys", kind=Kind.KEYS, label=N_("Keys that are scores"), required=True),
        Field(
            name="variable",
            kind=Kind.VARIABLE,
            label=N_("Variable for the score"),
            help=N_("May be left empty."),
        ),
        *patience_fields(),
        prompts_field("invalid_prompts", N_("Said after an invalid key"), OWN_PROMPTS),
        prompts_field("thanks", N_("Said after the score"), OWN_PROMPTS),
        next_field(required=False, help_=N_("Left empty, the call ends.")),
    )

    def step(self, state: AskState, moment: Moment) -> Turn:
        """See `Node.step`."""
        if state.phase is AskPhase.DONE and moment.signal in {Signal.PLAYED, Signal.PLAY_FAILED}:
            return Turn(outcome=self._onward("next"))
        question = KeyQuestion(
            prompts=or_sound(self.prompts, "survey-ask"),
            keys="".join(self.keys),
            timeout_s=self.timeout_s,
            attempts=self.attempts,
            invalid_prompts=or_sound(self.invalid_prompts, "invalid-key"),
            timeout_prompts=[],
        )
        match ask_key(question, state, moment):
            case Pressed(digit=digit, take=take):
                return Turn(
                    outcome=Say(prompts=or_sound(self.thanks, "survey-thanks")),
                    state=at(state, AskPhase.DONE),
                    take=take,
                    assign={self.variable: digit} if self.variable else {},
                    notes=[Note(kind=NoteKind.SURVEY, value=digit)],
                )
            case GivenUp(why=why, take=take):
                return Turn(outcome=self._onward(f"failure:{why}"), take=take)
            case Turn() as turn:
                return turn

    def _onward(self, exit_name: str) -> AnyOutcome:
        return Go(exit=exit_name, target=self.next) if self.next else End()

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (Exit(field="next", target=self.next, waits=True, required=False),)

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"prompts": self.prompts, "invalid_prompts": self.invalid_prompts, "thanks": self.thanks}

    def variable_uses(self) -> tuple[VariableUse, ...]:
        """See `Node.variable_uses`."""
        return (VariableUse(name=self.variable, field="variable", own=True),) if self.variable else ()

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        yield from check_patience(self, "timeout_s")
        if not self.keys or not all(len(key) == 1 and key in SCORES for key in self.keys):
            message = N_("Choose the keys that are scores, from 1 to 9.")
            yield Problem(id="no-score", message=message, node=self.code, field="keys")
