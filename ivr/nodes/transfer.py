"""Transfer (CTI-I7): to a queue, an extension, or whatever a variable names; with an exit of its own for
failure. An outside number is called only where the node allows it: its value may be what the caller typed.

The failure exit goes before the queue's own overflow. All reasons lead the same way and are told apart on the
path.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ivr.messages import FailureReason, TargetKind, TransferTarget
from ivr.nodes.base import (
    End,
    Exit,
    Fail,
    Go,
    HandOver,
    Moment,
    Node,
    Reference,
    ReferenceKind,
    Say,
    Signal,
    Stay,
    Turn,
    VariableUse,
)
from ivr.nodes.form import Choice, Field, Group, Kind, failure_field, integer_field, prompts_field
from ivr.problems import N_, Problem, out_of_range
from ivr.prompt_values import Prompt

if TYPE_CHECKING:
    from ivr.model import Flow


MAX_OUTSIDE = 50
"""Highest number of a flow's callers that may be with outside numbers at once."""


class TransferKind(enum.StrEnum):
    """What a transfer's target is named by."""

    QUEUE = "queue"
    EXTENSION = "extension"
    VARIABLE = "variable"


class TransferState(msgspec.Struct, frozen=True, kw_only=True):
    """What a transfer remembers."""

    reason: str = ""
    """Why it failed; empty while it connects."""


class TransferNode(Node, frozen=True, kw_only=True, tag="transfer"):
    """Hands the caller over."""

    to: TransferKind = TransferKind.QUEUE
    target_id: int = 0
    """Primary key of the queue or extension."""
    variable: str = ""
    """Name of the variable, when `to` is ``variable``."""
    allow_outside: bool = False
    """Whether the variable's value may be an outside number. Whoever can set it calls at the company's expense."""
    outside_limit: int = 2
    """How many callers of the flow may be with outside numbers at once, this node's and others' together."""
    background: list[Prompt] = []
    """Heard while it connects."""
    failure_prompts: list[Prompt] = []
    failure: str = ""
    """Node after a failure; empty means the queue's own ending, or the flow's fallback."""
    after_talk: str = ""
    """Node for a caller whose agent hung up first (a survey); empty: the call ends with the talk."""

    state_type = TransferState
    label = N_("Transfer")
    description = N_("Connects the caller with a queue, an extension, or what a variable names.")
    icon = "phone-call"
    group = Group.CONNECT
    form = (
        Field(
            name="to",
            kind=Kind.CHOICE,
            label=N_("Transfer to"),
            choices=(
                Choice(value="queue", label=N_("A queue")),
                Choice(value="extension", label=N_("An extension")),
                Choice(value="variable", label=N_("What a variable names")),
            ),
        ),
        Field(name="target_id", kind=Kind.QUEUE, label=N_("Queue"), required=True, when={"to": "queue"}),
        Field(
            name="target_id",
            kind=Kind.EXTENSION,
            label=N_("Extension"),
            required=True,
            when={"to": "extension"},
        ),
        Field(
            name="variable",
            kind=Kind.ANY_VARIABLE,
            label=N_("Variable"),
            help=N_(
                "Its value is an extension's number, else a queue's code, else an outside number if that is allowed;"
                " any other leads to the failure exit."
            ),
            required=True,
            when={"to": "variable"},
        ),
        Field(
            name="allow_outside",
            kind=Kind.BOOLEAN,
            label=N_("Outside numbers are called"),
            help=N_(
                "Callers who type a number then call it at your expense. The rules for outbound calls hold for them"
                " too."
            ),
            when={"to": "variable"},
        ),
        msgspec.structs.replace(
            integer_field(
                "outside_limit",
                N_("Callers with outside numbers at once"),
                1,
                MAX_OUTSIDE,
                N_("Counted for the whole flow."),
            ),
            when={"to": "variable"},
        ),
        prompts_field("background", N_("Heard while it connects")),
        prompts_field("failure_prompts", N_("Said when it fails")),
        failure_field(N_("Left empty, the queue's own ending or the flow's fallback node takes the caller.")),
        Field(
            name="after_talk",
            kind=Kind.NODE,
            label=N_("Node after the talk"),
            help=N_(
                "Where the caller goes when the agent hangs up first, such as a survey. Left empty, the call ends."
            ),
        ),
    )

    def step(self, state: TransferState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal:
            case Signal.ENTERED:
                target = self._target(moment)
                if target is None:
                    return self._failed(FailureReason.NOT_FOUND)
                return Turn(
                    outcome=HandOver(
                        target=target,
                        background=self.background,
                        failure=self.failure,
                        after_talk=self.after_talk,
                        outside=self._outside(),
                    )
                )
            case Signal.TALK_ENDED if self.after_talk:
                return Turn(outcome=Go(exit="after-talk", target=self.after_talk))
            case Signal.TALK_ENDED:
                return Turn(outcome=End())
            case Signal.TRANSFER_FAILED if not state.reason:
                return self._failed(moment.reason or FailureReason.UNREACHABLE)
            case Signal.PLAYED | Signal.PLAY_FAILED if state.reason:
                if not self.failure:
                    return Turn(outcome=Fail(reason=state.reason))
                return Turn(outcome=Go(exit=f"failure:{state.reason}", target=self.failure))
            case _:
                return Turn(outcome=Stay())

    def _target(self, moment: Moment) -> TransferTarget | None:
        match self.to:
            case TransferKind.QUEUE if self.target_id:
                return TransferTarget(kind=TargetKind.QUEUE, id=self.target_id)
            case TransferKind.EXTENSION if self.target_id:
                return TransferTarget(kind=TargetKind.EXTENSION, id=self.target_id)
            case TransferKind.VARIABLE if value := moment.variables.get(self.variable, "").strip():
                return TransferTarget(kind=TargetKind.VALUE, value=value)
            case _:
                return None

    def _outside(self) -> int:
        if self.to is not TransferKind.VARIABLE or not self.allow_outside:
            return 0
        return min(max(self.outside_limit, 0), MAX_OUTSIDE)

    def _failed(self, reason: FailureReason) -> Turn:
        return Turn(outcome=Say(prompts=self.failure_prompts), state=TransferState(reason=reason.value))

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (
            Exit(field="failure", target=self.failure, required=False),
            Exit(field="after_talk", target=self.after_talk, waits=True, required=False),
        )

    def variable_uses(self) -> tuple[VariableUse, ...]:
        """See `Node.variable_uses`."""
        if self.to is not TransferKind.VARIABLE:
            return ()
        return (VariableUse(name=self.variable, field="variable"),)

    def references(self) -> tuple[Reference, ...]:
        """See `Node.references`."""
        if self.to is TransferKind.VARIABLE or not self.target_id:
            return ()
        return (Reference(kind=ReferenceKind(self.to.value), id=self.target_id, field="target_id"),)

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"background": self.background, "failure_prompts": self.failure_prompts}

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        if self.to is not TransferKind.VARIABLE and not self.target_id:
            message = N_("Choose where to transfer to.")
            yield Problem(id="no-target", message=message, node=self.code, field="target_id")
        if self.to is not TransferKind.VARIABLE or not self.allow_outside:
            return
        if problem := out_of_range(self.code, "outside_limit", self.outside_limit, 1, MAX_OUTSIDE):
            yield problem
