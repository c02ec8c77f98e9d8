"""Voicemail (CTI-I10): a greeting, a beep, the caller's message, a word of thanks, and the end of the call."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ivr.nodes.asking import or_sound
from ivr.nodes.base import End, Fail, Moment, Node, RecordMessage, Say, Signal, Stay, Turn
from ivr.nodes.form import OWN_PROMPTS, Group, integer_field, prompts_field
from ivr.problems import N_, Problem, out_of_range
from ivr.prompt_values import Prompt, SoundPrompt

if TYPE_CHECKING:
    from ivr.model import Flow

GREETING = "voicemail-greeting"
THANKS = "voicemail-thanks"
BEEP = "beep"
MIN_LENGTH_S, MAX_LENGTH_S = 5, 600
MIN_SILENCE_S, MAX_SILENCE_S = 2, 30
END_KEY = "#"
SHORTEST_MS = 1_000
"""A key that would end the message sooner was pressed at the prompt or the beep."""


class VoicemailPhase(enum.StrEnum):
    """Where a voicemail stands."""

    GREETING = "greeting"
    BEEPING = "beeping"
    RECORDING = "recording"
    THANKING = "thanking"


class VoicemailState(msgspec.Struct, frozen=True, kw_only=True):
    """What a voicemail remembers."""

    phase: VoicemailPhase = VoicemailPhase.GREETING
    since_ms: int = 0
    """When the recording began."""


class Voicemail(Node, frozen=True, kw_only=True, tag="voicemail"):
    """Records a message. A greeting that cannot be played is no reason not to: the beep follows all the same."""

    prompts: list[Prompt] = []
    max_s: int = 180
    silence_s: int = 5
    """Seconds of silence that end the message; 0 never."""

    state_type = VoicemailState
    label = N_("Voicemail")
    description = N_("Records a message after a beep, then ends the call.")
    icon = "microphone"
    group = Group.SPEAK
    form = (
        prompts_field(help_=OWN_PROMPTS),
        integer_field(
            "max_s",
            N_("Longest message in seconds"),
            MIN_LENGTH_S,
            MAX_LENGTH_S,
            N_("A message also ends with the hash key or when the caller hangs up."),
        ),
        integer_field(
            "silence_s",
            N_("Seconds of silence that end it"),
            0,
            MAX_SILENCE_S,
            N_("0: silence ends nothing."),
        ),
    )

    def step(self, state: VoicemailState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal, state.phase:
            case (Signal.ENTERED, _):
                return _say(or_sound(self.prompts, GREETING), VoicemailPhase.GREETING)
            case (Signal.PLAYED | Signal.PLAY_FAILED, VoicemailPhase.GREETING):
                return _say([SoundPrompt(name=BEEP)], VoicemailPhase.BEEPING)
            case (Signal.PLAYED | Signal.PLAY_FAILED, VoicemailPhase.BEEPING):
                return self._record(moment)
            case (Signal.PLAYED, VoicemailPhase.RECORDING):
                return _say([SoundPrompt(name=THANKS)], VoicemailPhase.THANKING)
            case (Signal.PLAY_FAILED, VoicemailPhase.RECORDING):
                return Turn(outcome=Fail(reason="not-recorded"))
            case (Signal.KEYS, VoicemailPhase.RECORDING) if END_KEY in moment.keys:
                take = moment.keys.index(END_KEY) + 1
                if moment.now_ms - state.since_ms < SHORTEST_MS:
                    return Turn(outcome=Stay(), take=take)
                return _say([SoundPrompt(name=THANKS)], VoicemailPhase.THANKING, take)
            case (Signal.PLAYED | Signal.PLAY_FAILED, VoicemailPhase.THANKING):
                return Turn(outcome=End())
            case _:
                return Turn(outcome=Stay())

    def _record(self, moment: Moment) -> Turn:
        """Record; keys pressed before the beep were not meant to end the message."""
        silence_s = 0 if self.silence_s <= 0 else min(max(self.silence_s, MIN_SILENCE_S), MAX_SILENCE_S)
        return Turn(
            outcome=RecordMessage(
                max_s=min(max(self.max_s, MIN_LENGTH_S), MAX_LENGTH_S), silence_s=silence_s
            ),
            state=VoicemailState(phase=VoicemailPhase.RECORDING, since_ms=moment.now_ms),
            take=len(moment.keys),
        )

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"prompts": self.prompts}

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        if problem := out_of_range(self.code, "max_s", self.max_s, MIN_LENGTH_S, MAX_LENGTH_S):
            yield problem
        if self.silence_s != 0 and (
            problem := out_of_range(self.code, "silence_s", self.silence_s, MIN_SILENCE_S, MAX_SILENCE_S)
        ):
            yield problem


def _say(prompts: list[Prompt], phase: VoicemailPhase, take: int = 0) -> Turn:
    return Turn(outcome=Say(prompts=prompts), state=VoicemailState(phase=phase), take=take)
