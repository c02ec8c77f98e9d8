"""Hang up (CTI-I13): say goodbye, if there is something to say, and end the call."""

from __future__ import annotations

import enum

from ivr.nodes.base import End, Moment, Node, NoState, Say, Signal, Stay, Turn
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

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal:
            case Signal.ENTERED:
                return Turn(outcome=Say(prompts=self.prompts))
            case Signal.PLAYED | Signal.PLAY_FAILED:
                return Turn(outcome=End(cause=self.cause.value))
            case Signal.KEYS | Signal.TIMER | Signal.TRANSFER_FAILED:
                return Turn(outcome=Stay())

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"prompts": self.prompts}
