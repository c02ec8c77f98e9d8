"""Hang up (CTI-I13): say goodbye, if there is something to say, and end the call."""

from __future__ import annotations

import enum

from ivr.nodes.base import End, Moment, Node, NoState, Say, Signal, Stay, Turn
from ivr.nodes.form import Choice, Field, Group, Kind, prompts_field
from ivr.problems import N_
from ivr.prompt_values import Prompt


class HangupCause(enum.StrEnum):
    """Causes a flow may end a call with: names of the switch's table (ITU-T Q.850)."""

    NORMAL_CLEARING = "NORMAL_CLEARING"
    USER_BUSY = "USER_BUSY"
    CALL_REJECTED = "CALL_REJECTED"
    NORMAL_TEMPORARY_FAILURE = "NORMAL_TEMPORARY_FAILURE"


class HangupNode(Node, frozen=True, kw_only=True, tag="hangup"):
    """Ends the call, after its prompts."""

    prompts: list[Prompt] = []
    cause: HangupCause = HangupCause.NORMAL_CLEARING

    label = N_("Hang up")
    description = N_("Says goodbye and ends the call.")
    icon = "phone-off"
    group = Group.CONNECT
    form = (
        prompts_field(help_=N_("May be left empty.")),
        Field(
            name="cause",
            kind=Kind.CHOICE,
            label=N_("Reason given to the caller's network"),
            choices=(
                Choice(value="NORMAL_CLEARING", label=N_("Normal end")),
                Choice(value="USER_BUSY", label=N_("Busy")),
                Choice(value="CALL_REJECTED", label=N_("Rejected")),
                Choice(value="NORMAL_TEMPORARY_FAILURE", label=N_("Temporary failure")),
            ),
        ),
    )

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal:
            case Signal.ENTERED:
                return Turn(outcome=Say(prompts=self.prompts))
            case Signal.PLAYED | Signal.PLAY_FAILED:
                return Turn(outcome=End(cause=self.cause.value))
            case _:
                return Turn(outcome=Stay())

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"prompts": self.prompts}
