"""The only maker of the switch's syntax: typed values in, bytes for the event socket out.

Each function returns one or more whole commands, each with one empty line, after its headers, so that a connection
knows how many replies will come (:func:`count`). What cannot be said safely raises
:class:`~cti.esl.quoting.UnsafeValue` before anything is sent. ``api`` commands hold up their connection at the switch
while they run; what takes long (`originate`) is sent as a background job, see `SwitchClient.bgapi`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping

from cti.esl import quoting
from cti.esl.apps import (
    FALLBACK,
    Answer,
    App,
    ArmFallback,
    Hangup,
    Park,
    Playback,
    PlayMusic,
    PreAnswer,
    Record,
    SendDigits,
    SetVariables,
    Silence,
    Sleep,
    Tone,
)
from cti.esl.originate import BridgeTo, Gateway, Loopback, Originate, SipAddress, SipContact, Target
from cti.esl.quoting import UnsafeValue

__all__ = [
    "Answer",
    "App",
    "ArmFallback",
    "BridgeTo",
    "Gateway",
    "Hangup",
    "Heard",
    "Loopback",
    "Originate",
    "Park",
    "PlayMusic",
    "Playback",
    "PreAnswer",
    "Record",
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

DONE_VARIABLE = "zj_done"
"""Channel variable that holds the id of the last finished step, where the leg does not tell otherwise."""

DIAL_MARK = "zj_dial"
"""Variable of a leg to a called party: its answer is told."""

SUPERVISE = "zongji::supervise"
"""Subclass of the event that tells a leg that listens by whom it is heard; the leg takes it, nobody else gets it."""

STEP_MARK = "@@0;"
"""What stands between a playback's sounds and its step: the switch takes ``@@`` and a number for where to begin."""

_END = "\n\n"
_SETVAR_LIMIT = 60
_LONG_ARGUMENT = 28
"""Letters above which an application's argument is shorter as a body than as a header."""
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
        lines.append(f"{name}:{value}")
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


def only_steps(events: Iterable[str], prefix: str) -> bytes:
    """Have completions of applications sent only for steps whose id starts with `prefix`, other `events` as before.

    The switch would else make and send one for each action of its own dialplan too, some 200 headers each. `events`
    are the names subscribed to, CUSTOM among them if subclasses are. Several commands; to be sent before `subscribe`.
    CHANNEL_ANSWER, if among them, comes only for legs whose variable ``zj_dial`` is true.
    """
    asked = list(events)
    names = [name for name in asked if name not in {"CHANNEL_EXECUTE_COMPLETE", "CHANNEL_ANSWER"}]
    if not all(_EVENT_NAME.fullmatch(name) for name in names):
        raise UnsafeValue("an event name that is none")
    wires = [_line(f"filter Application-UUID /^{re.escape(quoting.token(prefix))}/")]
    if "CHANNEL_ANSWER" in asked:
        wires.append(_line(f"filter variable_{DIAL_MARK} true"))
    return b"".join([*wires, *(_line(f"filter Event-Name {name}") for name in names)])


def leave() -> bytes:
    """Close the connection politely."""
    return _line("exit")


def core_uuid() -> bytes:
    """Ask for the uuid of the switch's process, new with each of its starts. The cheapest question there is."""
    return _api("global_getvar core_uuid")


def as_job(wire: bytes, job_uuid: str) -> bytes:
    """Return the single ``api`` command in `wire` as a background job with an id of our own."""
    if not wire.startswith(b"api ") or count(wire) != 1 or not wire.endswith(b"\n\n"):
        raise UnsafeValue("only a single api command can be a background job")
    return b"bg" + wire[:-1] + f"Job-UUID: {quoting.token(job_uuid)}{_END}".encode()


# --- applications -------------------------------------------------------------------------------------------------


def execute(uuid: str, app: App, step_id: str) -> bytes:
    """Run `app` on the leg after what it runs now; `answers.step_ended` tells of a dump whether it ended.

    CHANNEL_EXECUTE and CHANNEL_EXECUTE_COMPLETE carry `step_id` as Application-UUID. A playback carries it in its
    argument too, which stays on the leg with the application's response; an answered leg says so itself. Any other
    application is followed by a second command: a queued application without an id notes the step in ``zj_done``. It
    also comes after a break, but not after ``break_(everything=True)``.
    """
    name, argument = app.call()
    step = quoting.token(step_id)
    if name == "playback" and "@" not in argument:
        return _execute(uuid, name, f"{argument}{STEP_MARK}{step}", step)
    wire = _execute(uuid, name, argument, step)
    return wire if name == "answer" else wire + _execute(uuid, "set", f"{DONE_VARIABLE}={step}", "")


def execute_only(uuid: str, app: App, step_id: str = "") -> bytes:
    """Run `app` on the leg after what it runs now, and leave no trace of `step_id` on the leg."""
    name, argument = app.call()
    return _execute(uuid, name, argument, quoting.token(step_id) if step_id else "")


def _execute(uuid: str, name: str, argument: str, event_uuid: str) -> bytes:
    headers = {"call-command": "execute", "execute-app-name": name, "event-lock": "true"}
    if event_uuid:
        headers["Event-UUID"] = event_uuid
    if len(argument) <= _LONG_ARGUMENT:
        if argument:
            headers["execute-app-arg"] = argument
        return _message(uuid, headers)
    if "\n" in argument or "\r" in argument or "\0" in argument:
        raise UnsafeValue("a line end or NUL in a command")
    body = argument.encode()
    # The switch reads headers byte by byte, a body whole. It skips the line end after it; `count` does not see it.
    headers |= {"content-type": "text/plain", "content-length": str(len(body))}
    return _message(uuid, headers) + body + b"\n"


def break_(uuid: str, *, everything: bool = False) -> bytes:
    """End the application the leg runs now. With `everything` also drop what is queued, notes of steps included."""
    return _api(f"uuid_break {quoting.uuid(uuid)}{' all' if everything else ''}")


# --- legs ---------------------------------------------------------------------------------------------------------


def kill(uuid: str, cause: str = "NORMAL_CLEARING") -> bytes:
    """Hang up a leg at once."""
    return _api(f"uuid_kill {quoting.uuid(uuid)} {quoting.cause(cause)}")


def set_variables(uuid: str, variables: Mapping[str, str]) -> bytes:
    """Set channel variables at once; an empty value removes one. Values: what `quoting.plain` takes.

    One command for each sixty variables (the switch takes 64); a single plain one has a shorter command.
    """
    if not variables:
        raise UnsafeValue("no variables")
    leg = quoting.uuid(uuid)
    if len(variables) == 1:
        ((name, value),) = variables.items()
        if quoting.needs_no_quotes(value):
            return _api(f"uuid_setvar {leg} {quoting.variable(name)} {quoting.plain(value)}")
    pairs = [
        quoting.quote_if_needed(f"{quoting.variable(n)}={quoting.plain(v)}") for n, v in variables.items()
    ]
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
    """End the held leg's music and connect the two legs again. Two commands.

    Music that is queued behind it goes too: the switch would play it over the talk.
    """
    return break_(uuid, everything=True) + bridge(uuid, other)


class Heard(enum.Enum):
    """By whom a leg that listens is heard: the key of the switch's ``eavesdrop``, and its variables."""

    NOBODY = "0"
    LISTENED = "2"
    """The leg that is listened to."""
    BOTH = "3"

    def variables(self) -> dict[str, str]:
        """Return what says so before the application begins."""
        mixed = {
            "eavesdrop_whisper_bleg": self is not Heard.NOBODY,
            "eavesdrop_whisper_aleg": self is Heard.BOTH,
        }
        return {name: "true" if on else "false" for name, on in mixed.items()} | {
            "eavesdrop_enable_dtmf": "false"
        }


def eavesdrop(uuid: str, listened: str, heard: Heard) -> bytes:
    """Have an answered leg hear what the leg `listened` says and hears; it hangs up when that one ends.

    Keys of its phone change nothing. In place of a queued application: a bridge then takes the leg over, and nothing
    that waited behind runs in it. Two commands.
    """
    listens = f"eavesdrop:{quoting.uuid(listened)},hangup:NORMAL_CLEARING inline"
    return set_variables(uuid, heard.variables()) + _api(f"uuid_transfer {quoting.uuid(uuid)} {listens}")


def join(uuid: str, talking: str, other: str) -> bytes:
    """Have an answered leg take part in the talk of the leg `talking` with `other`: each of the three hears two.

    When `talking` ends, the leg connects itself with `other`, controller or not, and hangs up where that one is gone
    too. What it plays and what waits behind ends; a bridge takes it over. Three commands.
    """
    rest = f"intercept:{quoting.uuid(other)},hangup:NORMAL_CLEARING"
    takes_part = f"eavesdrop:{quoting.uuid(talking)},{rest} inline"
    heard = set_variables(uuid, Heard.BOTH.variables())
    return break_(uuid, everything=True) + heard + _api(f"uuid_transfer {quoting.uuid(uuid)} {takes_part}")


def eavesdrop_heard(uuid: str, heard: Heard) -> bytes:
    """Change by whom a leg that runs :func:`eavesdrop` is heard, without a pause. Two commands."""
    event = f"sendevent CUSTOM\nEvent-Subclass: {SUPERVISE}\nUnique-ID: {quoting.uuid(uuid)}"
    told = f"{event}\neavesdrop-command: {heard.value}{_END}".encode()
    return set_variables(uuid, heard.variables()) + told


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
