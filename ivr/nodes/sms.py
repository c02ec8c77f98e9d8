"""Send SMS (CTI-I13): a short message to the caller's mobile, or to one they typed.

The controller leaves it for sending at once; nobody waits for a database or for who carries messages. What becomes of
it later stands in the list of short messages. What a caller typed is text in it and nothing else.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from core import sms
from ivr.messages import AnswerFailure, Note, NoteKind
from ivr.nodes.base import Exit, Fail, Go, Moment, Node, Say, Send, Signal, Stay, Turn, VariableUse
from ivr.nodes.form import (
    FALLBACK_HELP,
    Choice,
    Field,
    Group,
    Kind,
    failure_field,
    next_field,
    prompts_field,
)
from ivr.places import MAX_TEXT, fill, names
from ivr.problems import N_, Problem, Severity, too_long
from ivr.prompt_values import Prompt, SystemVariable

if TYPE_CHECKING:
    from ivr.model import Flow

NO_TEXT, TEXT_TOO_LONG = "no-text", "text-too-long"


class Recipient(enum.StrEnum):
    """Who gets it."""

    CALLER = "caller"
    VARIABLE = "variable"


class SmsState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the node remembers while it sends."""

    number: str = ""
    """Whom the message is for, in stored form."""
    kept: bool = False
    """It is left for sending; what is said about it plays."""


class SmsNode(Node, frozen=True, kw_only=True, tag="sms"):
    """Has a short message sent and goes on."""

    to: Recipient = Recipient.CALLER
    variable: str = ""
    """With ``to=variable``: holds the mobile's number as somebody would type it."""
    text: str = ""
    """``{name}`` in it is a variable's value."""
    prompts: list[Prompt] = []
    """Said once the message is left for sending; empty: nothing."""
    next: str = ""
    failure: str = ""

    state_type = SmsState
    label = N_("Send SMS")
    description = N_("Sends a short message to the caller's mobile, or to a number they typed.")
    icon = "message-2"
    group = Group.OUTSIDE
    form = (
        Field(
            name="to",
            kind=Kind.CHOICE,
            label=N_("Recipient"),
            choices=(
                Choice(value="caller", label=N_("The caller's number")),
                Choice(value="variable", label=N_("A number in a variable")),
            ),
            help=N_("Landlines, service numbers and numbers of other countries get none: node on failure."),
        ),
        Field(
            name="variable",
            kind=Kind.ANY_VARIABLE,
            label=N_("Variable"),
            required=True,
            when={"to": "variable"},
        ),
        Field(
            name="text",
            kind=Kind.TEXTAREA,
            label=N_("Text of the message"),
            help=N_("{name} stands for the value of a variable."),
            highest=MAX_TEXT,
            required=True,
            places=True,
            sms=True,
        ),
        prompts_field(help_=N_("Said once the message is on its way. Left empty, nothing is said.")),
        next_field(),
        failure_field(FALLBACK_HELP),
    )

    def step(self, state: SmsState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal:
            case Signal.ENTERED:
                return self._send(moment)
            case Signal.ANSWERED if moment.answer is not None and moment.answer.ok:
                return Turn(
                    outcome=Say(prompts=self.prompts),
                    state=SmsState(number=state.number, kept=True),
                    notes=[Note(kind=NoteKind.SMS, value=state.number)],
                )
            case Signal.ANSWERED:
                reason = moment.answer.reason if moment.answer is not None else AnswerFailure.LOST
                return self._failed(reason.value or AnswerFailure.LOST.value)
            case Signal.PLAYED | Signal.PLAY_FAILED if state.kept:
                return Turn(outcome=Go(exit="next", target=self.next))
            case _:
                return Turn(outcome=Stay())

    def _send(self, moment: Moment) -> Turn:
        own = self.to is Recipient.CALLER
        name = SystemVariable.CALLER_NUMBER.value if own else self.variable
        number = sms.reachable(moment.variables.get(name, ""))
        if isinstance(number, sms.Unreachable):
            return self._failed(number.value)
        text = sms.clean(fill(self.text, moment.variables))
        if not text:
            return self._failed(NO_TEXT)
        if len(text) > sms.MAX_CHARACTERS:
            return self._failed(TEXT_TOO_LONG)
        return Turn(outcome=Send(number=number, text=text), state=SmsState(number=number))

    def _failed(self, why: str) -> Turn:
        go = Go(exit=f"failure:{why}", target=self.failure)
        return Turn(outcome=go if self.failure else Fail(reason=why))

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (
            Exit(field="next", target=self.next),
            Exit(field="failure", target=self.failure, required=False),
        )

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"prompts": self.prompts}

    def variable_uses(self) -> tuple[VariableUse, ...]:
        """See `Node.variable_uses`."""
        uses = [VariableUse(name=name, field="text") for name in names(self.text)]
        if self.to is Recipient.VARIABLE:
            uses.append(VariableUse(name=self.variable, field="variable"))
        return tuple(uses)

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`. Lengths are those without the values, which only a call knows."""
        if not self.text.strip():
            message = N_("Enter the message.")
            yield Problem(id="no-text", message=message, node=self.code, field="text")
        if problem := too_long(self.code, "text", self.text, MAX_TEXT):
            yield problem
            return
        written = sms.clean(fill(self.text, {}))
        if problem := too_long(self.code, "text", written, sms.MAX_CHARACTERS):
            yield problem
            return
        parts = sms.length(written).parts
        if parts > 1:
            message = N_("This goes out as %(parts)s messages in one, and is charged as so many.")
            params = {"parts": str(parts)}
            yield Problem(
                id="several-parts",
                message=message,
                params=params,
                node=self.code,
                field="text",
                severity=Severity.WARNING,
            )
