"""Asking for a number of keys, as digit collection and callbacks do (CTI-I11). No node type itself.

Keys typed ahead count. An entry ends at the terminator, at its largest length, or when its caller pauses. The
terminator right after a full entry belongs to it. What follows a refused entry without a pause is forgotten; a key
pressed while the caller is told so begins the next one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

import msgspec

from ivr.nodes.asking import GivenUp, seconds
from ivr.nodes.base import Listen, Moment, Say, Signal, Stay, Turn
from ivr.prompt_values import Prompt

MAX_DIGITS = 32
TAIL_MS = 1_000
"""A key this soon after the last one of a refused entry is still of that entry: nobody has heard of the refusal."""


class DigitsPhase(enum.StrEnum):
    """Where an entry stands."""

    PROMPTING = "prompting"  # the prompts are playing
    WAITING = "waiting"  # the prompts ended; the timer for the first key runs
    TYPING = "typing"  # some keys are there; the timer for the next one runs
    CORRECTING = "correcting"  # the prompt for a refused entry or for the time-out is playing
    DONE = "done"  # there is an entry; what the node says or does after that is its own


class DigitsState(msgspec.Struct, frozen=True, kw_only=True):
    """What a question for digits remembers."""

    phase: DigitsPhase = DigitsPhase.PROMPTING
    digits: str = ""
    failures: int = 0
    refused_ms: int = 0
    """When the last key of a refused entry came; 0: none is being refused."""


class DigitsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked."""

    prompts: list[Prompt]
    minimum: int
    maximum: int
    terminator: str
    """Key that ends an entry; empty: none."""
    first_timeout_s: int
    digit_timeout_s: int
    attempts: int
    invalid_prompts: list[Prompt]
    timeout_prompts: list[Prompt]
    is_valid: Callable[[str], bool]


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """The caller entered something valid."""

    digits: str
    take: int
    spare: str = ""
    """See `Turn.spare`."""


def ask_digits(question: DigitsQuestion, state: DigitsState, moment: Moment) -> Turn | Entered | GivenUp:
    """Return what a node that asks `question` does next, or how it ended."""
    match moment.signal, state.phase:
        case (_, DigitsPhase.DONE):
            return Turn(outcome=Stay())
        case (Signal.ENTERED, _) if not moment.keys:
            return _prompt(question, state)
        case (Signal.KEYS, DigitsPhase.CORRECTING) if _is_tail(state, moment):
            tail = msgspec.structs.replace(state, refused_ms=moment.now_ms)
            return Turn(outcome=Stay(), state=tail, take=len(moment.keys))
        case (Signal.ENTERED | Signal.KEYS, _):
            return _keys(question, state, moment)
        case (Signal.PLAYED, DigitsPhase.PROMPTING):
            return _listen(state, DigitsPhase.WAITING, question.first_timeout_s)
        case (Signal.PLAYED, DigitsPhase.CORRECTING):
            return _prompt(question, state)
        case (Signal.TIMER, DigitsPhase.WAITING):
            return _missed(question, state, "timeout")
        case (Signal.TIMER, DigitsPhase.TYPING):
            return _judged(question, state, state.digits, 0, "timeout")
        case (Signal.PLAY_FAILED, DigitsPhase.PROMPTING | DigitsPhase.CORRECTING):
            return GivenUp(why="play-failed")
        case _:
            return Turn(outcome=Stay())


def _is_tail(state: DigitsState, moment: Moment) -> bool:
    return state.refused_ms > 0 and moment.now_ms - state.refused_ms < TAIL_MS


def _prompt(question: DigitsQuestion, state: DigitsState) -> Turn:
    fresh = DigitsState(phase=DigitsPhase.PROMPTING, failures=state.failures)
    return Turn(outcome=Say(prompts=question.prompts, interruptible=True), state=fresh)


def _listen(state: DigitsState, phase: DigitsPhase, timeout_s: int, take: int = 0) -> Turn:
    listening = msgspec.structs.replace(state, phase=phase)
    return Turn(outcome=Listen(ms=seconds(timeout_s) * 1000), state=listening, take=take)


def _keys(question: DigitsQuestion, state: DigitsState, moment: Moment) -> Turn | Entered | GivenUp:
    keys, digits = moment.keys, state.digits
    longest = min(max(question.maximum, 1), MAX_DIGITS)
    for position, key in enumerate(keys):
        if key == question.terminator:
            return _judged(question, state, digits, position + 1, "invalid", moment)
        digits += key
        if len(digits) >= longest:
            ended = keys[position + 1 : position + 2] == question.terminator != ""
            result = _judged(question, state, digits, position + 1 + ended, "invalid", moment)
            last = position + 1 == len(keys)
            return msgspec.structs.replace(result, spare=question.terminator) if last else result
    typing = msgspec.structs.replace(state, digits=digits)
    return _listen(typing, DigitsPhase.TYPING, question.digit_timeout_s, len(keys))


def _judged(
    question: DigitsQuestion,
    state: DigitsState,
    digits: str,
    take: int,
    why: str,
    moment: Moment | None = None,
) -> Turn | Entered | GivenUp:
    """Accept an entry, or count a mistake, which uses up all that was typed by `moment`."""
    if len(digits) < max(question.minimum, 1):
        return _missed(question, state, why, moment)
    if not question.is_valid(digits):
        return _missed(question, state, "invalid", moment)
    return Entered(digits=digits, take=take)


def _missed(
    question: DigitsQuestion, state: DigitsState, why: str, moment: Moment | None = None
) -> Turn | GivenUp:
    failures, take = state.failures + 1, len(moment.keys) if moment else 0
    if failures >= question.attempts:
        return GivenUp(why=why, take=take)
    prompts = question.timeout_prompts if why == "timeout" else question.invalid_prompts
    refused_ms = moment.now_ms if moment else 0
    corrected = DigitsState(phase=DigitsPhase.CORRECTING, failures=failures, refused_ms=refused_ms)
    return Turn(outcome=Say(prompts=prompts, interruptible=True), state=corrected, take=take)
