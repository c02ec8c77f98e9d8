"""A take: one recording of a voice by telephone (CTI-V4), from the ringing to what is kept of it. Values only.

A take is a leg of its own and no call: no record, statistic or list of calls knows it. All of it rides in the leg's
variable :data:`VARIABLE`, so that the next controller goes on where this one died.
"""

from __future__ import annotations

import base64
import binascii
import enum

import msgspec

LEG_KIND = "take"
"""Value of the leg's ``zj_leg``. It is none of `cti.call.model.LegKind`: the shipper leaves its record out."""
VARIABLE = "zj_take"


class TakeState(enum.StrEnum):
    """How far a take is."""

    CALLING = "calling"  # the leg is being originated, or rings
    ASKING = "asking"  # CHANNEL_PARK of the answered leg: what to do is said
    SIGNAL = "signal"  # the tone plays
    RECORDING = "recording"  # what is said is written
    JUDGING = "judging"  # the file is looked at
    REFUSING = "refusing"  # "nothing was heard" is said
    MENU = "menu"  # what may be pressed is said, and waited for
    LISTENING = "listening"  # what was recorded plays
    KEPT = "kept"  # it is for the library; "kept" is said
    DROPPED = "dropped"  # nothing is kept; that is said
    OVER = "over"  # CHANNEL_HANGUP_COMPLETE


class End(enum.StrEnum):
    """How a take ended."""

    KEPT = "kept"
    NO_ANSWER = "no-answer"
    REFUSED = "refused"
    """Declined, or the phone was busy."""
    UNREACHABLE = "unreachable"
    """The phone could not be called, or was lost."""
    HUNG_UP = "hung-up"
    """Before anything was kept."""
    SILENT = "silent"
    """Nothing could be heard, too often, or before they hung up."""
    NO_KEY = "no-key"
    TOO_LONG = "too-long"
    """The call as a whole."""
    STOPPED = "stopped"
    """On the page, or because the company was stopped."""
    LOST = "lost"
    """It ended while no controller looked, or nothing could be written."""


class Take(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One take."""

    id: str
    """The leg's uuid; whoever asks chooses it, so that asking twice is asking once."""
    tenant_id: int
    account_id: int
    """Who records."""
    name: str
    """Of the voice, for a new one."""
    voice_id: int = 0
    """The voice that gets another sound; 0: a new one is made."""
    extension_id: int
    endpoint: str
    """``sip`` or ``web``."""
    agent_id: int = 0
    """Who is signed in on the extension and reserved meanwhile."""
    language: str = "zh"
    state: TakeState = TakeState.CALLING
    begun_ms: int = 0
    attempt: int = 1
    """Which recording: each has a file of its own."""
    refused: int = 0
    """Recordings in which nothing was heard."""
    asked: int = 0
    """Times the menu was said without a key."""
    step_id: str = ""
    """The application whose end is awaited."""
    steps: int = 0
    choice: str = ""
    """A key pressed while something plays; it counts when that has stopped."""
    stops: int = 0
    """Times the application under way was told to stop."""
    end: End | None = None

    @property
    def file(self) -> str:
        """Name of the file the present attempt is in."""
        return f"{self.id}-{self.attempt}.wav"


class TakeFact(msgspec.Struct, kw_only=True, frozen=True):
    """What the controller leaves on the cell's disk of a take that is kept: ``<id>.json`` beside its sound."""

    id: str
    tenant_id: int
    account_id: int
    name: str
    voice_id: int
    file: str


class Shown(msgspec.Struct, kw_only=True, frozen=True):
    """What pages are told of a take."""

    state: TakeState
    end: End | None = None


_take = msgspec.json.Decoder(Take)


def to_variable(take: Take) -> str:
    """Return a take as a channel variable's value: nothing in it needs a quote."""
    return base64.urlsafe_b64encode(msgspec.json.encode(take)).decode().rstrip("=")


def from_variable(value: str) -> Take:
    """Return the take of :func:`to_variable`. Raises ``ValueError`` for anything else."""
    try:
        return _take.decode(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    except (binascii.Error, msgspec.MsgspecError) as error:
        raise ValueError("no take") from error


class Refused(Exception):
    """No take can be begun, or stopped, now; `error` is a stable id (docs/contracts.md)."""

    def __init__(self, error: str, **detail: str) -> None:
        super().__init__(error)
        self.error = error
        self.detail = detail
