"""``loopback/<number>/<context>``: two legs back to back, one dialling, one entering the dialplan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from switchsim.channel import Channel, Profile
from switchsim.farend import FarEnd
from switchsim.originate import announce, outgoing_leg
from switchsim.session import Session

if TYPE_CHECKING:
    from switchsim.core import Core


class LoopbackEnd(FarEnd):
    """One half's view of the other half."""

    def __init__(self) -> None:
        self.other: Session | None = None
        self.answers_other = False

    def before_answer(self) -> None:
        if self.answers_other and self.other is not None:
            self.other.answer()

    def early_media(self) -> None:
        if self.answers_other and self.other is not None:
            self.other.channel.media = True

    def key(self, digit: str) -> None:
        if self.other is not None:
            self.other.press(digit)

    def hung_up(self, cause: str) -> None:
        if self.other is not None:
            self.other.hang_up(cause)


def dial(core: Core, uuid: str, variables: Mapping[str, str], rest: str) -> Session:
    """Make both legs; the first waits until the second is answered."""
    number, _slash, context = rest.partition("/")
    context = context.split("/")[0] or "default"
    a_end, b_end = LoopbackEnd(), LoopbackEnd()
    a = outgoing_leg(core, uuid, f"loopback/{number}-a", variables, number, a_end, "loopback")
    a.channel.codec = "L16"
    b = _entering_leg(core, number, context, a.channel.profile, b_end)
    a_end.other, b_end.other = b, a
    b_end.answers_other = True
    for own, other, side in ((a, b, "A"), (b, a, "B")):
        own.channel.set("other_loopback_leg_uuid", other.channel.uuid)
        own.channel.set("loopback_leg", side)
        own.channel.set("is_loopback", "1")
    announce(a)
    b.start()
    return a


def _entering_leg(core: Core, number: str, context: str, caller: Profile, far: FarEnd) -> Session:
    uuid = core.new_uuid()
    profile = Profile(
        index=1,
        caller_name=caller.caller_name,
        caller_number=caller.caller_number,
        orig_caller_name=caller.caller_name,
        orig_caller_number=caller.caller_number,
        dialplan="xml",
        context=context,
        destination=number,
        ani=caller.caller_number,
        source="mod_loopback",
    )
    channel = Channel(core, uuid, f"loopback/{number}-b", "inbound", profile)
    channel.codec = "L16"
    channel.variables |= {"direction": "inbound", "uuid": uuid, "channel_name": channel.name}
    return Session(core, channel, far)
