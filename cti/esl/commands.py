"""The only maker of the switch's syntax: typed values in, bytes for the event socket out.

Each function returns one or more whole commands, each ended by the only empty line in it, so that a connection
knows how many replies will come (:func:`count`). What cannot be said safely raises
:class:`~cti.esl.quoting.UnsafeValue` before anything is sent. ``api`` commands hold up their connection at the switch
while they run; what takes long (`originate`) is sent as a background job, see `SwitchClient.bgapi`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cti.esl import quoting
from cti.esl.apps import (
    Answer,
    App,
    Hangup,
    Park,
    Playback,
    PlayMusic,
    PreAnswer,
    SendDigits,
    SetVariables,
    Silence,
    Sleep,
    Tone,
)
from cti.esl.originate import Gateway, Loopback, Originate, SipAddress, SipContact, Target
from cti.esl.quoting import UnsafeValue

__all__ = [
    "Answer",
    "App",
    "Gateway",
    "Hangup",
    "Loopback",
    "Originate",
    "Park",
    "PlayMusic",
    "Playback",
    "PreAnswer",
    "SendDigits",
    "SetVariables",
    "Silence",
    "SipAddress",
    "SipContact",
    "Sleep",
    "Target",
    "Tone",
    "UnsafeValue",
]

FALLBACK = "fallback XML zongji"
"""Extension, dialplan and context a call goes to when its controller stays away."""

DONE_VARIABLE = "zj_done"
"""Channel variable that holds the id of the last finished step."""

_END = "\n\n"
_SETVAR_LIMIT = 60
_EVENT_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_SUBCLASS = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def count(wire: bytes) -> int:
    """Return how many commands `wire` has, which is how many replies will come."""
    return wire.count(b"\n\n")


def _line(text: str) -> bytes:
    if "\n" in text or "\r" in text or "\0" in text:
        raise UnsafeValue("a line end or NUL in a command")
    lowered = text.lower()
    if "mod_event_socket" in lowered and ("unload" in lowered or "reload" in lowered):
        raise UnsafeValue("a command the switch would take for the unloading of its event socket")
    return f"{text}{_END}".encode()


def _api(text: str) -> bytes:
    return _line(f"api {text}")


def _message(uuid: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"sendmsg {quoting.uuid(uuid)}"]
    for name, value in headers.items():
        if "\n" in value or "\r" in value or "\0" in value:
            raise UnsafeValue("a line end or NUL in a command")
        lines.append(f"{name}: {value}")
    return ("\n".join(lines) + _END).encode()


# --- the connection -----------------------------------------------------------------------------------------------


def hello(password: str) -> bytes:
    """Authenticate. Raises :class:`UnsafeValue` for a password that is empty or has line ends."""
    if not quoting.plain(password):
        raise UnsafeValue("an empty password")
    return _line(f"auth {password}")


def subscribe(names: Iterable[str]) -> bytes:
    """Have the events called `names` (``CHANNEL_PARK``…) sent as JSON. Repeating adds to what is sent."""
    listed = list(names)
    if not listed or "CUSTOM" in listed or not all(_EVENT_NAME.fullmatch(name) for name in listed):
        raise UnsafeValue("no event names, or one that is none")
    return _line(f"event json {' '.join(listed)}")


def subscribe_custom(subclasses: Iterable[str]) -> bytes:
    """Have the CUSTOM events of these subclasses (``sofia::register``…) sent as JSON."""
    listed = list(subclasses)
    if not listed or not all(_SUBCLASS.fullmatch(name) for name in listed):
        raise UnsafeValue("no event subclasses, or one that is none")
    return _line(f"event json CUSTOM {' '.join(listed)}")


def leave() -> bytes:
    """Close the connection politely."""
    return _line("exit")


def core_uuid() -> bytes:
    """Ask for the uuid of the switch's process, new with each of its starts. The cheapest question there is."""
    return _api("global_getvar core_uuid")


def as_job(wire: bytes, job_uuid: str) -> bytes:
    """Return the single ``api`` command in `wire` as a background job with a uuid of our own."""
    if not wire.startswith(b"api ") or count(wire) != 1 or not wire.endswith(b"\n\n"):
        raise UnsafeValue("only a single api command can be a background job")
    return b"bg" + wire[:-1] + f"Job-UUID: {quoting.uuid(job_uuid)}{_END}".encode()


# --- applications -------------------------------------------------------------------------------------------------


def execute(uuid: str, app: App, step_id: str) -> bytes:
    """Run `app` on the leg after what it runs now, and note `step_id` in ``zj_done`` when it ended. Two commands.

    CHANNEL_EXECUTE and CHANNEL_EXECUTE_COMPLETE carry `step_id` as Application-UUID. The note is a queued
    application of its own without an id: it also comes after a break, but not after ``break_(everything=True)``.
    """
    name, argument = app.call()
    step = quoting.token(step_id)
    return _execute(uuid, name, argument, step) + _execute(uuid, "set", f"{DONE_VARIABLE}={step}", "")


def execute_only(uuid: str, app: App, step_id: str = "") -> bytes:
    """Run `app` on the leg after what it runs now, without the note in ``zj_done``."""
    name, argument = app.call()
    return _execute(uuid, name, argument, quoting.token(step_id) if step_id else "")


def _execute(uuid: str, name: str, argument: str, event_uuid: str) -> bytes:
    headers = {"call-command": "execute", "execute-app-name": name}
    if argument:
        headers["execute-app-arg"] = argument
    headers["event-lock"] = "true"
    if event_uuid:
        headers["Event-UUID"] = event_uuid
    return _message(uuid, headers)


def break_(uuid: str, *, everything: bool = False) -> bytes:
    """End the application the leg runs now. With `everything` also drop what is queued, notes of steps included."""
    return _api(f"uuid_break {quoting.uuid(uuid)}{' all' if everything else ''}")


# --- legs ---------------------------------------------------------------------------------------------------------


def kill(uuid: str, cause: str = "NORMAL_CLEARING") -> bytes:
    """Hang up a leg at once."""
    return _api(f"uuid_kill {quoting.uuid(uuid)} {quoting.cause(cause)}")


def set_variables(uuid: str, variables: Mapping[str, str]) -> bytes:
    """Set channel variables at once; an empty value removes one. Values: what `quoting.plain` takes.

    One command for each sixty variables (the switch takes 64).
    """
    pairs = [quoting.quote(f"{quoting.variable(n)}={quoting.plain(v)}") for n, v in variables.items()]
    if not pairs:
        raise UnsafeValue("no variables")
    leg = quoting.uuid(uuid)
    chunks = (pairs[at : at + _SETVAR_LIMIT] for at in range(0, len(pairs), _SETVAR_LIMIT))
    return b"".join(_api(f"uuid_setvar_multi {leg} {';'.join(chunk)}") for chunk in chunks)


def get_variable(uuid: str, name: str) -> bytes:
    """Ask for a channel variable; the answer is its value, or ``_undef_``."""
    return _api(f"uuid_getvar {quoting.uuid(uuid)} {quoting.variable(name)}")


def bridge(a: str, b: str) -> bytes:
    """Connect two legs. A leg that is bridged is taken out of its bridge first, so don't repeat it blindly."""
    return _api(f"uuid_bridge {quoting.uuid(a)} {quoting.uuid(b)}")


def hold(uuid: str) -> bytes:
    """Take a bridged leg and its partner out of their bridge and park both; recordings go on, nobody is hung up.

    When CHANNEL_PARK of the leg came, give it music (`PlayMusic`). A leg without a partner is just parked anew.
    ``uuid_hold`` is no help: it sends the phone a re-INVITE, and the customer hears nothing (docs/event-socket.md).
    """
    return _api(f"uuid_transfer {quoting.uuid(uuid)} -both park inline")


def unhold(uuid: str, other: str) -> bytes:
    """End the held leg's music and connect the two legs again. Two commands."""
    return break_(uuid) + bridge(uuid, other)


def originate(leg: Originate) -> bytes:
    """Dial an outgoing leg; answered, it is parked. Send it as a background job: the answer comes when it ended."""
    return _api(f"originate {leg.arguments()}")


def record_start(uuid: str, path: str) -> bytes:
    """Record the leg to `path` (absolute). A path that exists is overwritten; stereo needs RECORD_STEREO first."""
    return _api(f"uuid_record {quoting.uuid(uuid)} start {quoting.quote(quoting.path(path))}")


def record_stop(uuid: str, path: str) -> bytes:
    """End the recording to `path` and close the file."""
    return _api(f"uuid_record {quoting.uuid(uuid)} stop {quoting.quote(quoting.path(path))}")


def mute(uuid: str) -> bytes:
    """Silence what the leg's far end says (its party hears on)."""
    return _api(f"uuid_audio {quoting.uuid(uuid)} start read mute -1")


def unmute(uuid: str) -> bytes:
    """Undo :func:`mute`."""
    return _api(f"uuid_audio {quoting.uuid(uuid)} stop")


def send_dtmf(uuid: str, digits: str) -> bytes:
    """Send keys to the far end of the leg."""
    return _api(f"uuid_send_dtmf {quoting.uuid(uuid)} {quoting.digits(digits)}")


def phone_event(uuid: str, event: str) -> bytes:
    """Have the phone of a ringing or held leg pick up (``talk``) or hold (``hold``) by NOTIFY."""
    if event not in {"talk", "hold"}:
        raise UnsafeValue("a phone event other than talk and hold")
    return _api(f"uuid_phone_event {quoting.uuid(uuid)} {event}")


def arm_fallback(uuid: str, seconds: int) -> bytes:
    """Have the leg transferred to the fallback after `seconds`, in place of what was armed before. Two commands."""
    if not 1 <= seconds <= 86400:
        raise UnsafeValue("a fallback outside 1 s to a day")
    return disarm_fallback(uuid) + _api(f"sched_transfer +{int(seconds)} {quoting.uuid(uuid)} {FALLBACK}")


def disarm_fallback(uuid: str) -> bytes:
    """Cancel what is scheduled for the leg."""
    return _api(f"sched_del {quoting.uuid(uuid)}")


# --- questions (answers are read by `cti.esl.answers`) ------------------------------------------------------------


def exists(uuid: str) -> bytes:
    """Ask whether the leg lives: ``true`` or ``false``."""
    return _api(f"uuid_exists {quoting.uuid(uuid)}")


def dump(uuid: str) -> bytes:
    """Ask for all of a leg: `answers.dump`."""
    return _api(f"uuid_dump {quoting.uuid(uuid)} json")


def show_channels() -> bytes:
    """Ask for all legs: `answers.channels`. May lag the truth by a second."""
    return _api("show channels as json")


def registrations() -> bytes:
    """Ask who is registered: `answers.registrations`. May lag the truth by a second."""
    return _api("show registrations as json")


def contact(profile: str, user: str, domain: str) -> bytes:
    """Ask where a SIP user is registered now: `answers.contacts`."""
    who = f"{quoting.name(user)}@{quoting.name(domain)}"
    return _api(f"sofia_contact {quoting.name(profile)}/{who}")


# --- the switch ---------------------------------------------------------------------------------------------------


def flush_directory(user: str, domain: str) -> bytes:
    """Forget a user's cached directory entry, so that a changed password counts."""
    return _api(f"xml_flush_cache id {quoting.name(user)} {quoting.name(domain)}")


def flush_registration(profile: str, user: str, domain: str) -> bytes:
    """Unregister a SIP user at the switch, for example when its account was disabled."""
    who = f"{quoting.name(user)}@{quoting.name(domain)}"
    return _api(f"sofia profile {quoting.name(profile)} flush_inbound_reg {who}")


def rescan_profile(profile: str) -> bytes:
    """Have a SIP profile read its configuration again (new gateways)."""
    return _api(f"sofia profile {quoting.name(profile)} rescan")


def reload_xml() -> bytes:
    """Have the switch read its configuration files again."""
    return _api("reloadxml")


def status() -> bytes:
    """Ask for the switch's state in words."""
    return _api("status")
