"""Call back later (CTI-I13): on the caller's number or another one, noted for a queue's agents. How keys are
taken: `asking` and `digits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from core.phone import InvalidNumberError, NumberKind, of_stored, parse
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
from ivr.nodes.base import (
    AnyOutcome,
    End,
    Exit,
    Fail,
    Go,
    Moment,
    Node,
    Reference,
    ReferenceKind,
    Say,
    Signal,
    Stay,
    Turn,
)
from ivr.nodes.digits import DigitsQuestion, DigitsState, Entered, ask_digits
from ivr.nodes.form import (
    FALLBACK_HELP,
    OWN_PROMPTS,
    Field,
    Group,
    Kind,
    failure_field,
    next_field,
    patience_fields,
    prompts_field,
)
from ivr.problems import N_, Problem
from ivr.prompt_values import Prompt, SystemVariable

if TYPE_CHECKING:
    from ivr.model import Flow

THIS_NUMBER, OTHER_NUMBER = "1", "2"
MIN_NUMBER_DIGITS, MAX_NUMBER_DIGITS = 7, 20
DIGIT_TIMEOUT_S = 5


class CallbackState(msgspec.Struct, frozen=True, kw_only=True):
    """What a callback remembers: which number, then the number, then the thanks."""

    which: AskState = AskState()
    number: DigitsState | None = None


class Callback(Node, frozen=True, kw_only=True, tag="callback"):
    """Notes a number to call back. A caller without a number of their own is asked for one at once."""

    prompts: list[Prompt] = []
    """Asks: 1 for the caller's own number, 2 for another."""
    number_prompts: list[Prompt] = []
    queue_id: int = 0
    """Queue whose agents call back."""
    timeout_s: int = 8
    attempts: int = 3
    thanks: list[Prompt] = []
    next: str = ""
    """Empty: hang up."""
    failure: str = ""

    state_type = CallbackState
    label = N_("Callback")
    description = N_("Takes a number the agents of a queue call back later.")
    icon = "phone-incoming"
    group = Group.CONNECT
    form = (
        prompts_field(
            help_=N_(
                "1 is the caller's own number, 2 another one. Left empty, the platform's own announcement is played."
            )
        ),
        prompts_field("number_prompts", N_("Asks for the other number"), OWN_PROMPTS),
        Field(name="queue_id", kind=Kind.QUEUE, label=N_("Queue that calls back"), required=True),
        *patience_fields(),
        prompts_field("thanks", N_("Said at the end"), OWN_PROMPTS),
        next_field(required=False, help_=N_("Left empty, the call ends.")),
        failure_field(FALLBACK_HELP),
    )

    def step(self, state: CallbackState, moment: Moment) -> Turn:
        """See `Node.step`."""
        own = of_stored(moment.variables.get(SystemVariable.CALLER_NUMBER.value, ""))
        if state.which.phase is AskPhase.DONE:
            return self._onward(moment)
        if state.number is None and own.kind is NumberKind.FULL:
            return self._ask_which(state, moment, own.stored)
        return self._ask_number(state, moment)

    def _onward(self, moment: Moment) -> Turn:
        if moment.signal not in {Signal.PLAYED, Signal.PLAY_FAILED}:
            return Turn(outcome=Stay())
        return Turn(outcome=Go(exit="next", target=self.next) if self.next else End())

    def _ask_which(self, state: CallbackState, moment: Moment, own: str) -> Turn:
        question = KeyQuestion(
            prompts=or_sound(self.prompts, "callback-ask"),
            keys=THIS_NUMBER + OTHER_NUMBER,
            timeout_s=self.timeout_s,
            attempts=self.attempts,
            invalid_prompts=or_sound([], "invalid-key"),
            timeout_prompts=or_sound([], "no-key"),
        )
        match ask_key(question, state.which, moment):
            case Pressed(digit=digit, take=take) if digit == THIS_NUMBER:
                return self._thank(state, own, take)
            case Pressed(take=take):
                later = msgspec.structs.replace(moment, signal=Signal.ENTERED, keys=moment.keys[take:])
                turn = self._ask_number(msgspec.structs.replace(state, number=DigitsState()), later)
                return msgspec.structs.replace(turn, take=turn.take + take)
            case GivenUp(why=why, take=take):
                return Turn(outcome=self._failed(why), take=take)
            case Turn(state=AskState() as which) as turn:
                return msgspec.structs.replace(turn, state=msgspec.structs.replace(state, which=which))
            case Turn() as turn:
                return turn

    def _ask_number(self, state: CallbackState, moment: Moment) -> Turn:
        question = DigitsQuestion(
            prompts=or_sound(self.number_prompts, "callback-number"),
            minimum=MIN_NUMBER_DIGITS,
            maximum=MAX_NUMBER_DIGITS,
            terminator="#",
            first_timeout_s=self.timeout_s,
            digit_timeout_s=DIGIT_TIMEOUT_S,
            attempts=self.attempts,
            invalid_prompts=or_sound([], "collect-invalid"),
            timeout_prompts=or_sound([], "no-key"),
            is_valid=lambda digits: _stored(digits) is not None,
        )
        match ask_digits(question, state.number or DigitsState(), moment):
            case Entered(digits=digits, take=take, spare=spare):
                turn = self._thank(state, _stored(digits) or "", take)
                return msgspec.structs.replace(turn, spare=spare)
            case GivenUp(why=why, take=take, spare=spare):
                return Turn(outcome=self._failed(why), take=take, spare=spare)
            case Turn(state=DigitsState() as number) as turn:
                return msgspec.structs.replace(turn, state=msgspec.structs.replace(state, number=number))
            case Turn() as turn:
                return msgspec.structs.replace(turn, state=state)

    def _thank(self, state: CallbackState, number: str, take: int) -> Turn:
        return Turn(
            outcome=Say(prompts=or_sound(self.thanks, "callback-thanks")),
            state=CallbackState(which=at(state.which, AskPhase.DONE)),
            take=take,
            notes=[Note(kind=NoteKind.CALLBACK, value=number, queue_id=self.queue_id)],
        )

    def _failed(self, why: str) -> AnyOutcome:
        return Go(exit=f"failure:{why}", target=self.failure) if self.failure else Fail(reason=why)

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (
            Exit(field="next", target=self.next, waits=True, required=False),
            Exit(field="failure", target=self.failure, waits=True, required=False),
        )

    def references(self) -> tuple[Reference, ...]:
        """See `Node.references`."""
        return (
            (Reference(kind=ReferenceKind.QUEUE, id=self.queue_id, field="queue_id"),)
            if self.queue_id
            else ()
        )

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"prompts": self.prompts, "number_prompts": self.number_prompts, "thanks": self.thanks}

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        yield from check_patience(self, "timeout_s")
        if not self.queue_id:
            message = N_("Choose the queue that calls back.")
            yield Problem(id="no-queue", message=message, node=self.code, field="queue_id")


def _stored(digits: str) -> str | None:
    """Return the number that was typed in stored form, or None: service numbers cannot be called back."""
    try:
        number = parse(digits)
    except InvalidNumberError:
        return None
    return number.stored if number.kind is NumberKind.FULL else None
