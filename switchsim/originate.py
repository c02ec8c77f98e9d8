"""Outgoing legs: dial strings, the endpoints they name, and waiting for somebody to answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from switchsim.channel import Channel, Profile
from switchsim.farend import FarEnd
from switchsim.phones import PhoneLeg
from switchsim.session import Session
from switchsim.states import CAUSES, State, number
from switchsim.syntax import brackets, separate

if TYPE_CHECKING:
    from switchsim.core import Core

DEFAULT_TIMEOUT_S = 60.0


class Refused(Exception):
    """No leg came to be, or it ended unanswered. The text is the hang-up cause."""


def originate(core: Core, words: list[str]) -> Session:
    """Dial, wait for the answer, give the leg its application. Raises :class:`Refused`.

    `words` are the arguments of the API command: dial string, ``&application(argument)`` or an extension, dialplan,
    context, caller's name and number, time-out. Blocks its greenlet like the command blocks its connection.
    """
    variables, target = brackets(words[0])
    timeout = number(
        variables.get("originate_timeout") or (words[6] if len(words) > 6 else ""), DEFAULT_TIMEOUT_S
    )
    session = dial(core, variables, target)
    _wait_for_answer(core, session, timeout)
    channel = session.channel
    profile = channel.profile
    profile.caller_name, profile.callee_name = profile.callee_name or profile.caller_name, profile.caller_name
    profile.caller_number, profile.callee_number = profile.callee_number, profile.caller_number
    channel.hit_dialplan = True
    action = words[1]
    if action.startswith("&"):
        name, _open, argument = action[1:].partition("(")
        session.set_application(name, argument.rstrip(")"))
        session.go(State.CS_EXECUTE)
    else:
        plan, context = [*words[2:4], "XML", "default"][:2] if len(words) > 3 else ("XML", "default")
        session.transfer(action, plan, context)
    return session


def dial(core: Core, variables: Mapping[str, str], target: str) -> Session:
    """Begin a leg to `target`; it waits for its far end. Raises :class:`Refused` when none comes to be."""
    uuid = variables.get("origination_uuid") or core.new_uuid()
    if uuid in core.sessions:
        if not target.startswith("loopback/"):
            raise Refused("DESTINATION_OUT_OF_ORDER")
        uuid = core.new_uuid()
    return _dial(core, uuid, variables, target)


def _dial(core: Core, uuid: str, variables: Mapping[str, str], target: str) -> Session:
    kind, _slash, rest = target.partition("/")
    if kind == "error":
        cause = rest.upper()
        raise Refused(cause if cause in CAUSES else "NORMAL_CLEARING")
    if kind == "user":
        phone = core.phones.at_contact(rest)
        if phone is None:
            raise Refused("SUBSCRIBER_ABSENT")
        rest, kind = f"{phone.profile}/{phone.contact}", "sofia"
    if kind == "sofia":
        return _dial_sofia(core, uuid, variables, rest)
    if kind == "loopback":
        from switchsim.loopback import dial as dial_loopback  # loopback legs are sessions too

        return dial_loopback(core, uuid, variables, rest)
    raise Refused("CHAN_NOT_IMPLEMENTED")


def _dial_sofia(core: Core, uuid: str, variables: Mapping[str, str], rest: str) -> Session:
    profile_name, _slash, address = rest.partition("/")
    far: PhoneLeg | None
    if profile_name == "gateway":
        gateway, _slash, number = address.partition("/")
        if gateway not in core.gateways:
            raise Refused("INVALID_GATEWAY")
        far, name = (
            PhoneLeg(core, core.phones.outside(number), None),
            f"sofia/{core.options.carrier_profile}/{number}",
        )
    elif profile_name == core.options.agents_profile:
        phone = core.phones.at_contact(address)
        far = PhoneLeg(core, phone.behaviour, phone) if phone is not None else None
        number = address.removeprefix("sip:").partition("@")[0]
        name = f"sofia/{profile_name}/{address.removeprefix('sip:').split(';')[0]}"
    elif profile_name == core.options.carrier_profile:
        number = address.removeprefix("sip:").partition("@")[0]
        far = PhoneLeg(core, core.phones.outside(number), None)
        name = f"sofia/{profile_name}/{address.removeprefix('sip:').split(';')[0]}"
    else:
        raise Refused("INVALID_PROFILE")
    session = outgoing_leg(core, uuid, name, variables, number, far or FarEnd(), "sofia")
    session.channel.set("sofia_profile_name", profile_name)
    announce(session)
    if far is None:
        session.hang_up("NORMAL_TEMPORARY_FAILURE")
    else:
        far.arrive(session)
    return session


def outgoing_leg(
    core: Core, uuid: str, name: str, variables: Mapping[str, str], number: str, far: FarEnd, endpoint: str
) -> Session:
    """Return a new outgoing leg that has said nothing yet (see :func:`announce`)."""
    caller_number = variables.get("origination_caller_id_number", "0000000000")
    caller_name = variables.get("origination_caller_id_name", "")
    profile = Profile(
        index=1,
        caller_name=caller_name,
        caller_number=caller_number,
        orig_caller_name=caller_name,
        orig_caller_number=caller_number,
        callee_name="Outbound Call",
        callee_number=number,
        destination=number,
        ani=caller_number,
        source="src/switch_ivr_originate.c",
    )
    channel = Channel(core, uuid, name, "outbound", profile)
    channel.variables |= {"direction": "outbound", "is_outbound": "true", "uuid": uuid, "call_uuid": uuid}
    session = Session(core, channel, far)
    channel.set("channel_name", name)
    for key, value in variables.items():
        channel.set(key, value)
    channel.set("originate_early_media", "false" if variables.get("ignore_early_media") else "true")
    channel.set("originate_endpoint", endpoint)
    return session


def announce(session: Session) -> None:
    """Fire the events of a new outgoing leg; it then waits for its far end."""
    core, channel = session.core, session.channel
    channel.state = channel.running_state = State.CS_NONE
    core.fire("CHANNEL_OUTGOING", channel)
    session.enter(State.CS_INIT)
    core.fire("CHANNEL_CREATE", channel)
    core.fire("CHANNEL_ORIGINATE", channel)
    session.enter(State.CS_ROUTING)
    session.enter(State.CS_CONSUME_MEDIA)
    session.start()


def _wait_for_answer(core: Core, session: Session, timeout_s: float) -> None:
    channel = session.channel
    due = core.clock.now_us() + int(timeout_s * 1e6)
    while channel.up and not channel.answered:
        left = (due - core.clock.now_us()) / 1e6
        if left <= 0:
            session.hang_up("NO_ANSWER")
            break
        session.answered.wait(left / core.clock.speed)
        if not channel.up:
            break
    if not channel.up:
        session.ended.wait()
        raise Refused(channel.hangup_cause)
    core.fire("CALL_UPDATE", channel, {"Direction": "SEND"})


def parse(argument: str) -> list[str]:
    """Split the API command's argument; fewer than two words or more than seven are a usage error (empty list)."""
    words = separate(argument, " ", 10)
    return words if 2 <= len(words) <= 7 else []
