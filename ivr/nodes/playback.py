"""Playback (CTI-I5): say something, some times over, and go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ivr.nodes.base import Exit, Fail, Go, Moment, Node, NoState, Say, Signal, Stay, Turn
from ivr.nodes.form import (
    FALLBACK_HELP,
    Field,
    Group,
    Kind,
    failure_field,
    integer_field,
    next_field,
    prompts_field,
)
from ivr.problems import N_, Problem, out_of_range
from ivr.prompt_values import Prompt

if TYPE_CHECKING:
    from ivr.model import Flow

MAX_REPEAT = 20


class Playback(Node, frozen=True, kw_only=True, tag="playback"):
    """Plays its prompts `repeat` times, then goes to `next`. Keys pressed meanwhile wait for the nodes after
    it.
    """

    prompts: list[Prompt] = []
    repeat: int = 1
    interruptible: bool = False
    """Whether a key skips the rest; the key itself stays for the next node."""
    next: str = ""
    failure: str = ""
    """Node when nothing could be played; empty means the flow's fallback."""

    label = N_("Playback")
    description = N_("Says something and goes on.")
    icon = "volume"
    group = Group.SPEAK
    form = (
        prompts_field(required=True),
        integer_field("repeat", N_("Times"), 1, MAX_REPEAT),
        Field(
            name="interruptible",
            kind=Kind.BOOLEAN,
            label=N_("A key skips the rest"),
            help=N_("The key counts at the next node that wants one."),
        ),
        next_field(),
        failure_field(FALLBACK_HELP),
    )

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal:
            case Signal.ENTERED if not (self.interruptible and moment.keys):
                loops = min(max(self.repeat, 1), MAX_REPEAT)
                return Turn(outcome=Say(prompts=self.prompts, interruptible=self.interruptible, loops=loops))
            case Signal.KEYS if not self.interruptible:
                return Turn(outcome=Stay())
            case Signal.ENTERED | Signal.KEYS | Signal.PLAYED:
                return Turn(outcome=Go(exit="next", target=self.next))
            case Signal.PLAY_FAILED if self.failure:
                return Turn(outcome=Go(exit="failure", target=self.failure))
            case Signal.PLAY_FAILED:
                return Turn(outcome=Fail(reason="play-failed"))
            case _:
                return Turn(outcome=Stay())

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (
            Exit(field="next", target=self.next),
            Exit(field="failure", target=self.failure, required=False),
        )

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"prompts": self.prompts}

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        if problem := out_of_range(self.code, "repeat", self.repeat, 1, MAX_REPEAT):
            yield problem
        if not self.prompts:
            message = N_("Choose what to play.")
            yield Problem(id="no-prompt", message=message, node=self.code, field="prompts")
