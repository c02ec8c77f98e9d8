"""Menu (CTI-I6): say what can be pressed, take one key, go where it leads.

Keys are taken oldest first, also those pressed before the node was entered (unless it flushes them): a caller
who knows the way hears no prompt at all. A key without a node uses up one attempt and everything typed after
it; while the caller is being told so (or that time ran out) a right key leads on at once and wrong ones are
not counted again, so that a burst of wrong keys is one mistake.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ivr.nodes.base import Exit, Go, Listen, Moment, Node, Say, Signal, Stay, Turn
from ivr.problems import N_, Problem, out_of_range
from ivr.prompt_values import Prompt

if TYPE_CHECKING:
    from ivr.model import Flow

MENU_KEYS = "1234567890*#"
MAX_TIMEOUT_S = 60
MAX_ATTEMPTS = 10


class MenuPhase(enum.StrEnum):
    """Where a menu stands."""

    PROMPTING = "prompting"  # its prompts are playing
    LISTENING = "listening"  # the prompts ended; the timer runs
    CORRECTING = "correcting"  # the prompt for an invalid key or for the time-out is playing


class MenuState(msgspec.Struct, frozen=True, kw_only=True):
    """What a menu remembers."""

    phase: MenuPhase = MenuPhase.PROMPTING
    failures: int = 0
    """Time-outs and invalid keys since it was entered: one counter for both (CTI-I6)."""


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

    state_type = MenuState

    def step(self, state: MenuState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal, state.phase:
            case (Signal.ENTERED, _) if not moment.keys:
                return self._prompt(state)
            case (Signal.KEYS, MenuPhase.CORRECTING):
                return self._key_while_correcting(moment)
            case (Signal.ENTERED | Signal.KEYS, _):
                return self._key(state, moment)
            case (Signal.PLAYED, MenuPhase.PROMPTING):
                ms = min(max(self.timeout_s, 1), MAX_TIMEOUT_S) * 1000
                return Turn(outcome=Listen(ms=ms), state=_at(state, MenuPhase.LISTENING))
            case (Signal.PLAYED, MenuPhase.CORRECTING):
                return self._prompt(state)
            case (Signal.TIMER, MenuPhase.LISTENING):
                return self._missed(state, self.timeout_prompts, "timeout", 0)
            case (Signal.PLAY_FAILED, MenuPhase.PROMPTING | MenuPhase.CORRECTING):
                return Turn(outcome=Go(exit="failure:play-failed", target=self.failure))
            case (Signal.PLAYED | Signal.PLAY_FAILED | Signal.TIMER | Signal.TRANSFER_FAILED, _):
                return Turn(outcome=Stay())
        raise AssertionError(moment.signal)  # unreachable: the rows above are all of them

    def _prompt(self, state: MenuState) -> Turn:
        say = Say(prompts=self.prompts, interruptible=True)
        return Turn(outcome=say, state=_at(state, MenuPhase.PROMPTING))

    def _key(self, state: MenuState, moment: Moment) -> Turn:
        digit = moment.keys[0]
        if digit in self.keys:
            return Turn(outcome=Go(exit=f"key:{digit}", target=self.keys[digit]), take=1)
        return self._missed(state, self.invalid_prompts, "invalid", len(moment.keys))

    def _key_while_correcting(self, moment: Moment) -> Turn:
        for position, digit in enumerate(moment.keys):
            if digit in self.keys:
                return Turn(outcome=Go(exit=f"key:{digit}", target=self.keys[digit]), take=position + 1)
        return Turn(outcome=Stay(), take=len(moment.keys))

    def _missed(self, state: MenuState, prompts: list[Prompt], why: str, take: int) -> Turn:
        failures = state.failures + 1
        if failures >= self.attempts:
            return Turn(outcome=Go(exit=f"failure:{why}", target=self.failure), take=take)
        next_state = MenuState(phase=MenuPhase.CORRECTING, failures=failures)
        return Turn(outcome=Say(prompts=prompts, interruptible=True), state=next_state, take=take)

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
        if problem := out_of_range(self.code, "timeout_s", self.timeout_s, 1, MAX_TIMEOUT_S):
            yield problem
        if problem := out_of_range(self.code, "attempts", self.attempts, 1, MAX_ATTEMPTS):
            yield problem
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


def _at(state: MenuState, phase: MenuPhase) -> MenuState:
    return msgspec.structs.replace(state, phase=phase)
