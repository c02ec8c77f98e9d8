"""Transfer (CTI-I7): to a queue, an extension, or whatever a variable names; with an exit of its own for
failure.

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
)
from ivr.problems import N_, Problem
from ivr.prompt_values import Prompt, SystemVariable

if TYPE_CHECKING:
    from ivr.model import Flow


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
    background: list[Prompt] = []
    """Heard while it connects."""
    failure_prompts: list[Prompt] = []
    failure: str = ""
    """Node after a failure; empty means the queue's own ending, or the flow's fallback."""

    state_type = TransferState

    def step(self, state: TransferState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal:
            case Signal.ENTERED:
                target = self._target(moment)
                if target is None:
                    return self._failed(FailureReason.NOT_FOUND)
                return Turn(outcome=HandOver(target=target, background=self.background, failure=self.failure))
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

    def _failed(self, reason: FailureReason) -> Turn:
        return Turn(outcome=Say(prompts=self.failure_prompts), state=TransferState(reason=reason.value))

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (Exit(field="failure", target=self.failure, required=False),)

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
        if self.to is not TransferKind.VARIABLE:
            if not self.target_id:
                message = N_("Choose where to transfer to.")
                yield Problem(id="no-target", message=message, node=self.code, field="target_id")
        elif self.variable not in flow.variable_names() and self.variable not in set(SystemVariable):
            yield Problem(
                id="unknown-variable",
                message=N_("There is no variable named %(name)s."),
                params={"name": self.variable},
                node=self.code,
                field="variable",
            )
