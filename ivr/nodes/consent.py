"""Consent to recording (CTI-I13): yes or no by key, noted on the call's record. How keys are taken: `asking`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ivr.messages import Note, NoteKind
from ivr.nodes.asking import AskState, GivenUp, KeyQuestion, Pressed, ask_key, check_patience, or_sound
from ivr.nodes.base import Exit, Go, Moment, Node, Turn
from ivr.nodes.form import (
    KEY_CHOICES,
    OWN_PROMPTS,
    Field,
    Group,
    Kind,
    failure_field,
    patience_fields,
    prompts_field,
)
from ivr.nodes.menu import MENU_KEYS
from ivr.problems import N_, Problem
from ivr.prompt_values import Prompt

if TYPE_CHECKING:
    from ivr.model import Flow

YES, NO = "yes", "no"


class Consent(Node, frozen=True, kw_only=True, tag="consent"):
    """Asks whether the call may be recorded. Silence is no consent: who does not answer is noted as ``no``."""

    prompts: list[Prompt] = []
    yes_key: str = "1"
    no_key: str = "2"
    timeout_s: int = 5
    attempts: int = 2
    yes: str = ""
    no: str = ""
    failure: str = ""
    """Node for who does not answer; empty: as after no."""

    state_type = AskState
    label = N_("Recording consent")
    description = N_("Asks whether the call may be recorded and keeps to the answer.")
    icon = "shield-check"
    group = Group.ASK
    form = (
        prompts_field(help_=OWN_PROMPTS),
        Field(name="yes_key", kind=Kind.CHOICE, label=N_("Key for yes"), choices=KEY_CHOICES),
        Field(name="no_key", kind=Kind.CHOICE, label=N_("Key for no"), choices=KEY_CHOICES),
        *patience_fields(),
        Field(name="yes", kind=Kind.NODE, label=N_("Node after yes"), required=True),
        Field(
            name="no",
            kind=Kind.NODE,
            label=N_("Node after no"),
            help=N_("The call is not recorded from here on."),
            required=True,
        ),
        failure_field(N_("Left empty, no answer leads where no leads.")),
    )

    def step(self, state: AskState, moment: Moment) -> Turn:
        """See `Node.step`."""
        question = KeyQuestion(
            prompts=or_sound(self.prompts, "consent-ask"),
            keys=self.yes_key + self.no_key,
            timeout_s=self.timeout_s,
            attempts=self.attempts,
            invalid_prompts=or_sound([], "invalid-key"),
            timeout_prompts=or_sound([], "no-key"),
        )
        match ask_key(question, state, moment):
            case Pressed(digit=digit, take=take) if digit == self.yes_key:
                return self._answer(YES, Go(exit=YES, target=self.yes), take)
            case Pressed(take=take):
                return self._answer(NO, Go(exit=NO, target=self.no), take)
            case GivenUp(why=why, take=take):
                return self._answer(NO, Go(exit=f"failure:{why}", target=self.failure or self.no), take)
            case Turn() as turn:
                return turn

    def _answer(self, value: str, outcome: Go, take: int) -> Turn:
        return Turn(outcome=outcome, take=take, notes=[Note(kind=NoteKind.CONSENT, value=value)])

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (
            Exit(field="yes", target=self.yes, waits=True),
            Exit(field="no", target=self.no, waits=True),
            Exit(field="failure", target=self.failure, waits=True, required=False),
        )

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"prompts": self.prompts}

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        yield from check_patience(self, "timeout_s")
        for field, key in (("yes_key", self.yes_key), ("no_key", self.no_key)):
            if len(key) != 1 or key not in MENU_KEYS:
                message = N_("%(key)s is not a key; there are 0 to 9, * and #.")
                params = {"key": key}
                yield Problem(id="not-a-key", message=message, params=params, node=self.code, field=field)
        if self.yes_key == self.no_key:
            message = N_("Yes and no need a key each.")
            yield Problem(id="same-key", message=message, node=self.code, field="no_key")
