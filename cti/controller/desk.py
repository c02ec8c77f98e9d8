"""What carrying effects out needs of the controller: speech, and the parts that route, match, ring and show."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cti.call.model import Call
from cti.controller.agent_legs import AgentLegs
from cti.controller.places import Places
from cti.controller.ringing import Ringing
from cti.controller.screens import Screens
from ivr.messages import Request
from ivr.prompt_values import Prompt


class Speech(Protocol):
    """Turns prompts into files the switch can play; never raises towards a caller."""

    def files(self, call: Call, prompts: tuple[Prompt, ...]) -> list[Path]:
        """Return the files of a flow's prompts."""

    def system(self, call: Call, name: str) -> list[Path]:
        """Return the files of one of the platform's own prompts."""


class Desk(Protocol):
    """What a call needs of the controller besides carrying: `cti.controller.board.Board`, or a part of it."""

    places: Places
    screens: Screens
    agent_legs: AgentLegs
    ringing: Ringing

    def leave_outside(self, leg_id: str) -> None:
        """Forget a leg to an outside number that is over, and give its places back."""

    def leave_trunk(self, call: Call) -> None:
        """Give back the places an outbound call held."""

    def note_undialled(self, call: Call) -> None:
        """Leave a fact for the record of a call whose customer's leg never was."""

    def make_request(self, call: Call, request: Request, key: str) -> None:
        """Make a flow's web request; the answer comes to the call as an input."""
