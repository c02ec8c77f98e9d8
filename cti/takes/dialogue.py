"""What is said and heard during a take: one table from (state, input) to what is done. Pure.

The person hears what to do and a tone, speaks, ends by any key (or hangs up, which keeps what was said), and then
listens (1), records anew (2) or keeps it (3 or #). A recording in which nothing is heard is refused with a word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from cti.call.model import OfferResult
from cti.call.outcome import offer_result
from cti.takes.model import End, Take, TakeState

MAX_RECORD_S = 300
"""Longest recording."""
LONGEST_MS = 20 * 60_000
"""A take ends after so long, whatever is done in it."""
MENU_MS = 8_000
"""How long a key is waited for before the menu is said again."""
MENU_TIMES = 3
MAX_REFUSED = 3
"""Recordings without sound before the call is ended."""
MAX_ATTEMPTS = 20
STOP_MS = 300
"""The switch forgets a break that comes before its application began: it is told again after so long."""
MAX_STOPS = 8

MENU, STOP, GUARD = "menu", "stop", "guard"
"""Timers."""
ASK, TOO_SHORT, CHOOSE, SAVED, NOT_SAVED = (
    "voice-record-ask",
    "voice-record-too-short",
    "voice-record-menu",
    "voice-record-kept",
    "voice-record-dropped",
)
TONE = "beep"
PLAIN_END = "NORMAL_CLEARING"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answered:
    """CHANNEL_PARK of the leg."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepDone:
    """CHANNEL_EXECUTE_COMPLETE of an application."""

    step_id: str
    hung_up: bool = False
    """It ended with the leg."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Key:
    """DTMF."""

    digit: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """The present attempt's file was looked at: is there something to hear in it?"""

    good: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Due:
    """A timer ran out."""

    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopped:
    """Somebody ends it from outside."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failed:
    """Something of ours cannot be done, such as a file that cannot be written."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gone:
    """CHANNEL_HANGUP_COMPLETE, or the originate's failure."""

    cause: str


Input = Answered | StepDone | Key | Judged | Due | Stopped | Failed | Gone


@dataclasses.dataclass(frozen=True, kw_only=True)
class Say:
    """Play the platform's own prompts, as step `step_id`."""

    step_id: str
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayTake:
    """Play the present attempt's file."""

    step_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """Write what is said into the present attempt's file."""

    step_id: str
    max_s: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stop:
    """Break what runs; its end still comes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judge:
    """Look at the present attempt's file; answered by Judged."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Keep:
    """Hand the present attempt over to the library. It is on the disk before anything after it is done."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HangUp:
    """End the leg."""

    cause: str = PLAIN_END


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetTimer:
    """Give Due after so long; another one of the name is replaced."""

    name: str
    ms: int


Effect = Say | PlayTake | Record | Stop | Judge | Keep | HangUp | SetTimer
Handler = Callable[[Take, Any], list[Effect]]


def advance(take: Take, event: Input) -> list[Effect]:
    """Take one input, changing `take`; return the effects in order. What means nothing (any more) has none."""
    if isinstance(event, Gone):
        return _gone(take, event)
    if isinstance(event, Stopped):
        return _ended(take, End.STOPPED)
    if isinstance(event, Failed):
        return _failed(take)
    if isinstance(event, Due) and event.name in (GUARD, STOP):
        return _stop_again(take) if event.name == STOP else _guard(take)
    if isinstance(event, StepDone):
        if not take.step_id or event.step_id != take.step_id:
            return []
        take.step_id, take.stops = "", 0
    handler = TABLE.get((take.state, type(event)))
    return handler(take, event) if handler is not None else []


def going_on(take: Take) -> list[Effect]:
    """Return what has a take that was found on a leg go on: the timers are begun anew, a lost judgement is repeated."""
    if take.state is TakeState.CALLING:
        return []
    effects: list[Effect] = [SetTimer(name=GUARD, ms=LONGEST_MS)]
    if take.state is TakeState.JUDGING:
        effects.append(Judge())
    if take.state is TakeState.MENU and not take.step_id:
        effects.append(SetTimer(name=MENU, ms=MENU_MS))
    if take.stops:
        effects.append(SetTimer(name=STOP, ms=STOP_MS))
    return effects


def kept_already(take: Take) -> list[Effect]:
    """The take was handed over, and the controller died before it told the leg: it is told now."""
    take.choice, take.stops = "", 0
    take.state, take.end = TakeState.KEPT, End.KEPT
    return [_say(take, SAVED)]


# --- steps ------------------------------------------------------------------------------------------------------------


def _next_step(take: Take) -> str:
    take.steps += 1
    # The last part of a step's id tells it from those of the take's other steps.
    take.step_id, take.stops = f"zt{take.steps}", 0
    return take.step_id


def _say(take: Take, *names: str) -> Say:
    return Say(step_id=_next_step(take), names=names)


def _stop(take: Take) -> list[Effect]:
    take.stops += 1
    return [Stop(), SetTimer(name=STOP, ms=STOP_MS)]


def _stop_again(take: Take) -> list[Effect]:
    if not take.stops or not take.step_id:
        return []
    return _stop(take) if take.stops < MAX_STOPS else []


def _guard(take: Take) -> list[Effect]:
    return _ended(take, End.TOO_LONG)


def _ended(take: Take, why: End) -> list[Effect]:
    """End the leg at once: nobody is to be told at length."""
    if take.state is TakeState.OVER:
        return []
    if take.end is None:
        take.state, take.end, take.step_id = TakeState.DROPPED, why, ""
    return [HangUp()]


def _failed(take: Take) -> list[Effect]:
    """Also of what was to be kept: then it is not."""
    take.end, take.step_id = End.LOST, ""
    if take.state is TakeState.OVER:
        return []
    take.state = TakeState.DROPPED
    return [HangUp()]


# --- the dialogue -----------------------------------------------------------------------------------------------------


def _answered(take: Take, event: Answered) -> list[Effect]:
    take.state = TakeState.ASKING
    return [SetTimer(name=GUARD, ms=LONGEST_MS), _say(take, ASK)]


def _skip(take: Take, event: Key) -> list[Effect]:
    """Who knows what to do need not hear it."""
    return [] if take.stops else _stop(take)


def _asked(take: Take, event: StepDone) -> list[Effect]:
    take.state = TakeState.SIGNAL
    return [_say(take, TONE)]


def _signalled(take: Take, event: StepDone) -> list[Effect]:
    take.state = TakeState.RECORDING
    return [Record(step_id=_next_step(take), max_s=MAX_RECORD_S)]


def _recorded(take: Take, event: StepDone) -> list[Effect]:
    if event.hung_up:
        return []  # why the leg ended is told next
    take.state = TakeState.JUDGING
    return [Judge()]


def _judged(take: Take, event: Judged) -> list[Effect]:
    if event.good:
        take.state, take.asked = TakeState.MENU, 1
        return [_say(take, CHOOSE)]
    take.refused += 1
    if take.refused >= MAX_REFUSED:
        return _drop(take, End.SILENT)
    take.state = TakeState.REFUSING
    return [_say(take, TOO_SHORT)]


def _again(take: Take, event: StepDone | None = None) -> list[Effect]:
    take.attempt += 1
    if take.attempt > MAX_ATTEMPTS:
        return _drop(take, End.TOO_LONG)
    take.state = TakeState.SIGNAL
    return [_say(take, TONE)]


def _drop(take: Take, why: End) -> list[Effect]:
    take.state, take.end = TakeState.DROPPED, why
    return [_say(take, NOT_SAVED)]


def _key(take: Take, event: Key) -> list[Effect]:
    if event.digit not in CHOICES:
        return []
    take.choice = event.digit
    if take.step_id:
        return [] if take.stops else _stop(take)
    return _choose(take)


def _played(take: Take, event: StepDone) -> list[Effect]:
    if take.choice:
        return _choose(take)
    if take.state is TakeState.LISTENING:
        return _ask_again(take, 1)
    return [SetTimer(name=MENU, ms=MENU_MS)]


def _choose(take: Take) -> list[Effect]:
    choice, take.choice = take.choice, ""
    return CHOICES[choice](take)


def _listen(take: Take) -> list[Effect]:
    take.state = TakeState.LISTENING
    return [PlayTake(step_id=_next_step(take))]


def _keep(take: Take) -> list[Effect]:
    take.state, take.end = TakeState.KEPT, End.KEPT
    return [Keep(), _say(take, SAVED)]


def _menu_due(take: Take, event: Due) -> list[Effect]:
    if take.step_id:
        return []
    if take.asked >= MENU_TIMES:
        return _drop(take, End.NO_KEY)
    return _ask_again(take, take.asked + 1)


def _ask_again(take: Take, asked: int) -> list[Effect]:
    take.state, take.asked = TakeState.MENU, asked
    return [_say(take, CHOOSE)]


def _farewell_said(take: Take, event: StepDone) -> list[Effect]:
    return [HangUp()]


# --- the end ----------------------------------------------------------------------------------------------------------

UNANSWERED = {OfferResult.NO_ANSWER: End.NO_ANSWER, OfferResult.REJECTED: End.REFUSED}
"""What became of a leg that was never answered; anything else means that the phone could not be called."""


def _gone(take: Take, event: Gone) -> list[Effect]:
    """The leg is no more. Who hangs up while they speak has ended the recording, not refused it."""
    before, take.step_id = take.state, ""
    if before is TakeState.OVER:
        return []
    if before is TakeState.RECORDING and event.cause == PLAIN_END:
        take.state = TakeState.OVER
        return [Judge()]
    take.state = TakeState.OVER
    if take.end is None:
        take.end = _why(before, event.cause)
    return []


def _why(state: TakeState, cause: str) -> End:
    if state is TakeState.CALLING:
        return UNANSWERED.get(offer_result(cause), End.UNREACHABLE)
    if cause != PLAIN_END:
        return End.LOST
    return End.SILENT if state is TakeState.REFUSING else End.HUNG_UP


def _judged_late(take: Take, event: Judged) -> list[Effect]:
    """Of a recording that ended with the call."""
    if take.end is not None:
        return []
    take.end = End.KEPT if event.good else End.SILENT
    return [Keep()] if event.good else []


CHOICES: dict[str, Callable[[Take], list[Effect]]] = {
    "1": _listen,
    "2": _again,
    "3": _keep,
    "#": _keep,
}
S = TakeState
TABLE: dict[tuple[TakeState, type[Any]], Handler] = {
    (S.CALLING, Answered): _answered,
    (S.ASKING, Key): _skip,
    (S.ASKING, StepDone): _asked,
    (S.SIGNAL, StepDone): _signalled,
    (S.RECORDING, Key): _skip,
    (S.RECORDING, StepDone): _recorded,
    (S.JUDGING, Judged): _judged,
    (S.REFUSING, StepDone): _again,
    (S.MENU, Key): _key,
    (S.MENU, StepDone): _played,
    (S.MENU, Due): _menu_due,
    (S.LISTENING, Key): _key,
    (S.LISTENING, StepDone): _played,
    (S.KEPT, StepDone): _farewell_said,
    (S.DROPPED, StepDone): _farewell_said,
    (S.OVER, Judged): _judged_late,
}
"""Pairs that are not here mean nothing: a key during the tone, a timer of a state that was left."""
