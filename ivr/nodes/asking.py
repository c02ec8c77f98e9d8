"""Asking for one key, as menus, surveys, consent and callbacks do (CTI-I6). No node type itself.

Keys are taken oldest first, also those pressed before the node was entered: a caller who knows the way hears
no prompt at all. A wrong key uses up one attempt and everything typed after it; while the caller is being told
so (or that time ran out), and as long as wrong keys follow each other closely, a right key leads on at once and
wrong ones are not counted again, so that a burst of wrong keys is one mistake, also where nothing is said about it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

import msgspec

from ivr.nodes.base import Listen, Moment, Say, Signal, Stay, Turn
from ivr.nodes.form import MAX_ATTEMPTS, MAX_TIMEOUT_S
from ivr.problems import Problem, out_of_range
from ivr.prompt_values import Prompt, SoundPrompt

BURST_MS = 1_500
"""A wrong key this soon after another one belongs to the same mistake: nobody has had time to think."""


class AskPhase(enum.StrEnum):
    """Where a question stands."""

    PROMPTING = "prompting"  # its prompts are playing
    LISTENING = "listening"  # the prompts ended; the timer runs
    CORRECTING = "correcting"  # the prompt for an invalid key or for the time-out is playing
    DONE = "done"  # answered; what the node says or does after that is its own


class AskState(msgspec.Struct, frozen=True, kw_only=True):
    """What a question remembers."""

    phase: AskPhase = AskPhase.PROMPTING
    failures: int = 0
    """Time-outs and invalid keys since the node was entered: one counter for both (CTI-I6)."""
    wrong_ms: int = 0
    """When the last wrong key came; 0: none yet."""


class KeyQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked."""

    prompts: list[Prompt]
    keys: str
    """The right keys."""
    timeout_s: int
    """Seconds to wait for a key after the prompts ended."""
    attempts: int
    invalid_prompts: list[Prompt]
    timeout_prompts: list[Prompt]


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """The caller chose."""

    digit: str
    take: int
    """Keys used up with it."""


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """There is no choice to be had."""

    why: str
    """``timeout``, ``invalid`` or ``play-failed``."""
    take: int = 0
    spare: str = ""
    """See `Turn.spare`."""


def ask_key(question: KeyQuestion, state: AskState, moment: Moment) -> Turn | Pressed | GivenUp:
    """Return what a node that asks `question` does next, or how it ended."""
    match moment.signal, state.phase:
        case (Signal.ENTERED, _) if not moment.keys:
            return _prompt(question, state)
        case (Signal.KEYS, AskPhase.CORRECTING):
            return _key_in_burst(question, state, moment)
        case (Signal.ENTERED | Signal.KEYS, AskPhase.PROMPTING | AskPhase.LISTENING | AskPhase.CORRECTING):
            return _key(question, state, moment)
        case (Signal.PLAYED, AskPhase.PROMPTING):
            ms = seconds(question.timeout_s) * 1000
            return Turn(outcome=Listen(ms=ms), state=at(state, AskPhase.LISTENING))
        case (Signal.PLAYED, AskPhase.CORRECTING):
            return _prompt(question, state)
        case (Signal.TIMER, AskPhase.LISTENING):
            return _missed(question, state, question.timeout_prompts, "timeout", 0)
        case (Signal.PLAY_FAILED, AskPhase.PROMPTING | AskPhase.CORRECTING):
            return GivenUp(why="play-failed")
        case _:
            return Turn(outcome=Stay())


def _prompt(question: KeyQuestion, state: AskState) -> Turn:
    say = Say(prompts=question.prompts, interruptible=True)
    return Turn(outcome=say, state=at(state, AskPhase.PROMPTING))


def _key(question: KeyQuestion, state: AskState, moment: Moment) -> Turn | Pressed | GivenUp:
    digit = moment.keys[0]
    if digit in question.keys:
        return Pressed(digit=digit, take=1)
    if state.wrong_ms and moment.now_ms - state.wrong_ms < BURST_MS:
        return _key_in_burst(question, state, moment)
    wrong = msgspec.structs.replace(state, wrong_ms=moment.now_ms)
    return _missed(question, wrong, question.invalid_prompts, "invalid", len(moment.keys))


def _key_in_burst(question: KeyQuestion, state: AskState, moment: Moment) -> Turn | Pressed:
    """A wrong key here is one of those whose mistake was counted already."""
    for position, digit in enumerate(moment.keys):
        if digit in question.keys:
            return Pressed(digit=digit, take=position + 1)
    wrong = msgspec.structs.replace(state, wrong_ms=moment.now_ms)
    return Turn(outcome=Stay(), state=wrong, take=len(moment.keys))


def _missed(
    question: KeyQuestion, state: AskState, prompts: list[Prompt], why: str, take: int
) -> Turn | GivenUp:
    failures = state.failures + 1
    if failures >= question.attempts:
        return GivenUp(why=why, take=take)
    corrected = at(msgspec.structs.replace(state, failures=failures), AskPhase.CORRECTING)
    return Turn(outcome=Say(prompts=prompts, interruptible=True), state=corrected, take=take)


def at(state: AskState, phase: AskPhase) -> AskState:
    """Return `state` in another phase."""
    return msgspec.structs.replace(state, phase=phase)


def seconds(timeout_s: int) -> int:
    """Return a time-out that a draft may have senseless, as one that can be waited for."""
    return min(max(timeout_s, 1), MAX_TIMEOUT_S)


def or_sound(prompts: list[Prompt], name: str) -> list[Prompt]:
    """Return `prompts`, or the platform's own prompt of this name where there are none."""
    return prompts or [SoundPrompt(name=name)]


def check_patience(node: Any, *fields: str) -> Iterator[Problem]:
    """Yield what is wrong with a node's attempts and its time-outs, the `fields`."""
    for field in fields:
        if problem := out_of_range(node.code, field, getattr(node, field), 1, MAX_TIMEOUT_S):
            yield problem
    if problem := out_of_range(node.code, "attempts", node.attempts, 1, MAX_ATTEMPTS):
        yield problem
