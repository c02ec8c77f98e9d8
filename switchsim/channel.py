"""One channel as data: identity, states, caller profiles, variables, and the headers its events carry."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from switchsim.states import Answer, CallState, State
from switchsim.wire import HeaderValue

if TYPE_CHECKING:
    from switchsim.core import Core

_WITHOUT_VARIABLES = frozenset(
    ["CHANNEL_OUTGOING", "CHANNEL_STATE", "CHANNEL_CALLSTATE", "CODEC", "DTMF", "PRIVATE_COMMAND"]
)


@dataclasses.dataclass
class Times:
    """A caller profile's instants, microseconds since the epoch; 0 means it has not happened."""

    created: int = 0
    profile_created: int = 0
    progress: int = 0
    progress_media: int = 0
    answered: int = 0
    bridged: int = 0
    last_hold: int = 0
    hold_accum: int = 0
    hangup: int = 0
    resurrect: int = 0
    transfer: int = 0


@dataclasses.dataclass
class Extension:
    """What the dialplan (or originate) gave the channel to do; kept for the call record's ``callflow``."""

    name: str
    number: str
    applications: list[tuple[str, str]]


@dataclasses.dataclass
class Profile:
    """A caller profile; a transfer or bridge makes a new one in front of the old."""

    index: int
    caller_name: str = ""
    caller_number: str = ""
    orig_caller_name: str = ""
    orig_caller_number: str = ""
    callee_name: str = ""
    callee_number: str = ""
    username: str = ""
    dialplan: str = ""
    context: str = "default"
    destination: str = ""
    rdnis: str = ""
    ani: str = ""
    network_addr: str = ""
    source: str = "mod_sofia"
    transfer_source: str = ""
    times: Times = dataclasses.field(default_factory=Times)
    extension: Extension | None = None
    originators: list[dict[str, str]] = dataclasses.field(default_factory=list)
    originatees: list[dict[str, str]] = dataclasses.field(default_factory=list)

    def stepped(self, now_us: int) -> Profile:
        """Return the profile that replaces this one at `now_us`; this one is marked as left."""
        self.times.transfer = now_us
        times = dataclasses.replace(self.times, profile_created=now_us, transfer=0)
        left = self.extension
        extension = Extension(left.name, left.number, []) if left is not None else None
        return dataclasses.replace(
            self, index=self.index + 1, times=times, extension=extension, originators=[], originatees=[]
        )


class Channel:
    """A channel's data. The session (`switchsim.session`) is what happens to it."""

    def __init__(self, core: Core, uuid: str, name: str, direction: str, profile: Profile) -> None:
        self.core = core
        self.uuid = uuid
        self.name = name
        self.direction = direction
        self.profiles = [profile]
        self._state = State.CS_NEW
        self.running_state = State.CS_NEW
        self.call_state = CallState.DOWN
        self.answer = Answer.RINGING
        self.hangup_cause = ""
        self.hit_dialplan = direction == "inbound"
        self.codec = "PCMA"
        self.media = False
        """Whether the leg hears and is heard: answered, or early media."""
        self.variables: dict[str, HeaderValue] = {}
        self.other: Channel | None = None
        self.other_type = ""
        self.app_log: list[tuple[str, str | None, int]] = []
        self.digits_dialed = ""
        now = core.clock.now_us()
        profile.times.created = profile.times.profile_created = now

    @property
    def state(self) -> State:
        """The state the thread is in or is to enter."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        # Whoever comes late with another plan for a leg that was hung up does not bring it back to life.
        if self.up or self._state < state < State.CS_NONE:
            self._state = state

    @property
    def profile(self) -> Profile:
        """The current caller profile."""
        return self.profiles[0]

    @property
    def inbound(self) -> bool:
        """Whether the call came to the switch."""
        return self.direction == "inbound"

    @property
    def answered(self) -> bool:
        """Whether the leg was answered (also true after its hang-up)."""
        return self.profile.times.answered > 0

    @property
    def up(self) -> bool:
        """Whether the leg is not hung up."""
        return not State.CS_HANGUP <= self._state < State.CS_NONE

    def step_profile(self) -> Profile:
        """Put a new caller profile in front and return it."""
        self.profiles.insert(0, self.profile.stepped(self.core.clock.now_us()))
        return self.profile

    def get(self, name: str) -> str | None:
        """Return a variable's value, or of the built-in names the profile's value, or None."""
        value = self.variables.get(name)
        if value is not None:
            return value if isinstance(value, str) else "ARRAY::" + "|:".join(value)
        builtin = _BUILTINS.get(name)
        if builtin is not None:
            return str(getattr(self.profile, builtin)) or None
        return {"uuid": self.uuid, "state": self.state.name, "channel_name": self.name}.get(name)

    def set(self, name: str, value: str | None) -> None:
        """Set a variable; None or an empty value removes it, as in the switch."""
        if value:
            self.variables[name] = value
        else:
            self.variables.pop(name, None)

    def push(self, name: str, value: str) -> None:
        """Add a value to a variable, making it a list when it had one."""
        old = self.variables.get(name)
        if old is None:
            self.variables[name] = value
        else:
            self.variables[name] = [*([old] if isinstance(old, str) else old), value]

    def headers(self, event_name: str) -> dict[str, HeaderValue]:
        """Return what an event of this channel says about it; variables only in the events that carry them."""
        headers: dict[str, HeaderValue] = {}
        self._basic_headers(headers)
        profile_headers(headers, "Caller", self.profile, self)
        if self.other is not None:
            headers["Other-Type"] = self.other_type
            profile_headers(headers, "Other-Leg", self.other.profile, self.other)
        if event_name not in _WITHOUT_VARIABLES:
            for name, value in self.variables.items():
                headers[f"variable_{name}"] = value
        return headers

    def _basic_headers(self, headers: dict[str, HeaderValue]) -> None:
        headers["Channel-State"] = self.running_state.name
        headers["Channel-Call-State"] = self.call_state.value
        headers["Channel-State-Number"] = str(int(self.state))
        headers["Channel-Name"] = self.name
        headers["Unique-ID"] = self.uuid
        headers["Call-Direction"] = headers["Presence-Call-Direction"] = self.direction
        headers["Channel-HIT-Dialplan"] = "true" if self.hit_dialplan else "false"
        headers["Channel-Call-UUID"] = self.get("call_uuid") or self.uuid
        headers["Answer-State"] = self.answer.value
        if self.hangup_cause:
            headers["Hangup-Cause"] = self.hangup_cause
        if self.media or (self.name.startswith("sofia/") and self.inbound):
            rate = "64000" if self.codec != "L16" else "128000"
            for side in ("Read", "Write"):
                headers[f"Channel-{side}-Codec-Name"] = self.codec
                headers[f"Channel-{side}-Codec-Rate"] = "8000"
                headers[f"Channel-{side}-Codec-Bit-Rate"] = rate


_BUILTINS = {
    "caller_id_name": "caller_name",
    "caller_id_number": "caller_number",
    "destination_number": "destination",
    "ani": "ani",
    "rdnis": "rdnis",
    "context": "context",
    "dialplan": "dialplan",
    "network_addr": "network_addr",
    "username": "username",
}


def profile_headers(headers: dict[str, HeaderValue], prefix: str, profile: Profile, channel: Channel) -> None:
    """Add a caller profile to `headers` under `prefix` (``Caller`` or ``Other-Leg``), empty fields left out."""
    values = {
        "Direction": channel.direction,
        "Logical-Direction": channel.direction,
        "Username": profile.username,
        "Dialplan": profile.dialplan,
        "Caller-ID-Name": profile.caller_name,
        "Caller-ID-Number": profile.caller_number,
        "Orig-Caller-ID-Name": profile.orig_caller_name,
        "Orig-Caller-ID-Number": profile.orig_caller_number,
        "Callee-ID-Name": profile.callee_name,
        "Callee-ID-Number": profile.callee_number,
        "Network-Addr": profile.network_addr,
        "ANI": profile.ani,
        "RDNIS": profile.rdnis,
        "Destination-Number": profile.destination,
        "Unique-ID": channel.uuid,
        "Source": profile.source,
        "Transfer-Source": profile.transfer_source,
        "Context": profile.context,
        "Channel-Name": channel.name,
    }
    for name, value in values.items():
        if value:
            headers[f"{prefix}-{name}"] = value
    if prefix == "Caller":
        headers["Caller-Profile-Index"] = str(profile.index)
    times = profile.times
    stamps = {
        "Profile-Created-Time": times.profile_created,
        "Channel-Created-Time": times.created,
        "Channel-Answered-Time": times.answered,
        "Channel-Progress-Time": times.progress,
        "Channel-Progress-Media-Time": times.progress_media,
        "Channel-Hangup-Time": times.hangup,
        "Channel-Transfer-Time": times.transfer,
        "Channel-Resurrect-Time": times.resurrect,
        "Channel-Bridged-Time": times.bridged,
        "Channel-Last-Hold": times.last_hold,
        "Channel-Hold-Accum": times.hold_accum,
    }
    for name, stamp in stamps.items():
        headers[f"{prefix}-{name}"] = str(stamp)
    headers[f"{prefix}-Screen-Bit"] = "true"
    headers[f"{prefix}-Privacy-Hide-Name"] = headers[f"{prefix}-Privacy-Hide-Number"] = "false"
