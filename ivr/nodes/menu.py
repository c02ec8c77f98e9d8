"""Menu (CTI-I6): say what can be pressed, take one key, go where it leads. How keys are taken: `asking`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ivr.nodes.asking import AskState, GivenUp, KeyQuestion, Pressed, ask_key, check_patience
from ivr.nodes.base import Exit, Go, Moment, Node, Turn
from ivr.nodes.form import Field, Group, Kind, failure_field, patience_fields, prompts_field
from ivr.problems import N_, Problem
from ivr.prompt_values import Prompt

if TYPE_CHECKING:
    from ivr.model import Flow

MENU_KEYS = "1234567890*#"


class Menu(Node, frozen=True, kw_only=True, tag="menu"):
    """A choice by one key."""

    prompts: list[Prompt] = []
    keys: dict[str, str] = {}
    """Key (``0``-``9``, ``*``, ``#``) to node."""
    timeout_s: int = 5
    """Seconds to wait for a key after the prompts ended."""
    attempts: int = 3
    invalid_prompts: list[Prompt] = []
    timeout_prompts: list[Prompt] = []
    failure: str = ""
    """Node after `attempts` time-outs or invalid keys, or when nothing can be played."""

    state_type = AskState
    label = N_("Menu")
    description = N_("Says what can be pressed and goes where the pressed key leads.")
    icon = "dialpad"
    group = Group.ASK
    form = (
        prompts_field(help_=N_("A key interrupts it."), required=True),
        Field(name="keys", kind=Kind.KEY_NODES, label=N_("Keys"), required=True),
        *patience_fields(),
        prompts_field("invalid_prompts", N_("Said after an invalid key")),
        prompts_field("timeout_prompts", N_("Said when no key came in time")),
        failure_field(N_("After too many time-outs or invalid keys.")),
    )

    def step(self, state: AskState, moment: Moment) -> Turn:
        """See `Node.step`."""
        question = KeyQuestion(
            prompts=self.prompts,
            keys="".join(key for key in self.keys if len(key) == 1),
            timeout_s=self.timeout_s,
            attempts=self.attempts,
            invalid_prompts=self.invalid_prompts,
            timeout_prompts=self.timeout_prompts,
        )
        match ask_key(question, state, moment):
            case Pressed(digit=digit, take=take):
                return Turn(outcome=Go(exit=f"key:{digit}", target=self.keys[digit]), take=take)
            case GivenUp(why=why, take=take):
                return Turn(outcome=Go(exit=f"failure:{why}", target=self.failure), take=take)
            case Turn() as turn:
                return turn

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        by_key = tuple(
            Exit(field=f"keys.{digit}", target=target, waits=True) for digit, target in self.keys.items()
        )
        return (*by_key, Exit(field="failure", target=self.failure, waits=True))

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {
            "prompts": self.prompts,
            "invalid_prompts": self.invalid_prompts,
            "timeout_prompts": self.timeout_prompts,
        }

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        yield from check_patience(self, "timeout_s")
        if not self.prompts:
            yield Problem(
                id="no-prompt", message=N_("A menu must say something."), node=self.code, field="prompts"
            )
        if not self.keys:
            yield Problem(
                id="no-key", message=N_("A menu needs at least one key."), node=self.code, field="keys"
            )
        for digit in self.keys:
            if len(digit) != 1 or digit not in MENU_KEYS:
                yield Problem(
                    id="not-a-key",
                    message=N_("%(key)s is not a key; there are 0 to 9, * and #."),
                    params={"key": digit},
                    node=self.code,
                    field=f"keys.{digit}",
                )
