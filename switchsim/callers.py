"""Simulated callers: a call from outside with keys, patience and an end of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from switchsim.channel import Channel, Profile
from switchsim.farend import FarEnd
from switchsim.session import Session

if TYPE_CHECKING:
    from switchsim.core import Core


@dataclasses.dataclass(frozen=True, kw_only=True)
class Keys:
    """Keys a caller presses: `after_s` seconds after the answer, or after the beginning of prompt number `prompt`."""

    digits: str
    after_s: float = 0.0
    prompt: int = 0
    """0: counted from the answer; 1: from the beginning of the first playback, and so on."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a caller does. Seconds are simulated ones; None means never."""

    keys: Sequence[Keys] = ()
    hangup_after_s: float | None = None
    """Hang up so long after the answer."""
    patience_s: float | None = None
    """Hang up so long after the call began unless somebody was reached by then."""
    talk_s: float | None = None
    """Hang up so long after somebody was reached."""


class Caller(FarEnd):
    """The far end of a call that came in."""

    def __init__(self, core: Core, plan: Plan) -> None:
        self._core = core
        self._plan = plan
        self._prompts = 0
        self._reached = False
        self.session: Session | None = None
        self.heard_keys = ""

    def begin(self, session: Session) -> None:
        """The call was placed."""
        self.session = session
        if self._plan.patience_s is not None:
            self._core.spawn_later(self._plan.patience_s, self._lose_patience)

    def _lose_patience(self) -> None:
        if not self._reached:
            self.hang_up()

    def hang_up(self) -> None:
        """The caller hangs up, or gives up before the answer."""
        if self.session is not None:
            answered = self.session.channel.answered
            self.session.hang_up("NORMAL_CLEARING" if answered else "ORIGINATOR_CANCEL")

    def _press_later(self, prompt: int) -> None:
        for keys in self._plan.keys:
            if keys.prompt == prompt and self.session is not None:
                self._core.spawn_later(keys.after_s, self.session.press, keys.digits)

    def answered(self) -> None:
        self._press_later(0)
        if self._plan.hangup_after_s is not None:
            self._core.spawn_later(self._plan.hangup_after_s, self.hang_up)

    def prompt(self) -> None:
        self._prompts += 1
        self._press_later(self._prompts)

    def bridged(self) -> None:
        if not self._reached and self._plan.talk_s is not None:
            self._core.spawn_later(self._plan.talk_s, self.hang_up)
        self._reached = True

    def key(self, digit: str) -> None:
        self.heard_keys += digit


def place_call(core: Core, *, caller: str, called: str, address: str, plan: Plan, uuid: str = "") -> Session:
    """Have a call come in from `caller` for `called` by the trunk at `address`. Returns at once."""
    uuid = uuid or core.new_uuid()
    name = f"sofia/{core.options.carrier_profile}/{caller}@{address}"
    profile = Profile(
        index=1,
        caller_name=caller,
        caller_number=caller,
        orig_caller_name=caller,
        orig_caller_number=caller,
        username=caller,
        dialplan="XML",
        context="inbound",
        destination=called,
        ani=caller,
        network_addr=address,
    )
    channel = Channel(core, uuid, name, "inbound", profile)
    far = Caller(core, plan)
    session = Session(core, channel, far)
    channel.variables |= {
        "direction": "inbound",
        "uuid": uuid,
        "channel_name": name,
        "call_uuid": uuid,
        "sip_from_user": caller,
        "sip_from_uri": f"{caller}@{address}",
        "sip_from_host": address,
        "sip_network_ip": address,
        "sip_received_ip": address,
        "sip_req_user": called,
        "sip_to_user": called,
        "sip_call_id": core.new_uuid(),
        "sofia_profile_name": core.options.carrier_profile,
        "read_codec": "PCMA",
        "write_codec": "PCMA",
        "endpoint_disposition": "RECEIVED",
    }
    session.start()
    far.begin(session)
    return session
