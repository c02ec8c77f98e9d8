"""The API commands that act on one leg (``uuid_…`` and ``sched_…``)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from switchsim.bridge import uuid_bridge
from switchsim.states import CallState, cause_of
from switchsim.syntax import separate
from switchsim.wire import Event

if TYPE_CHECKING:
    from switchsim.core import Core
    from switchsim.session import Session

_GONE = "-ERR No such channel!\n"
LegCommand = Callable[["Core", "Session", str], str]


def _leg(usage: str, gone: str = _GONE) -> Callable[[LegCommand], Callable[[Core, str], str]]:
    """Make a command of a function of a leg: the first word is its uuid."""

    def decorate(function: LegCommand) -> Callable[[Core, str], str]:
        @functools.wraps(function)
        def command(core: Core, argument: str) -> str:
            uuid, _blank, rest = argument.partition(" ")
            if not uuid:
                return f"-USAGE: {usage}\n"
            session = core.sessions.get(uuid)
            return gone if session is None else function(core, session, rest)

        return command

    return decorate


def _exists(core: Core, argument: str) -> str:
    return "true" if argument in core.sessions else "false"


@_leg("<uuid> [format]")
def _dump(core: Core, session: Session, form: str) -> str:
    core.sequence += 1
    headers = core.event_headers("CHANNEL_DATA")
    headers.update(session.channel.headers("CHANNEL_DATA"))
    if form == "json":
        return msgspec.json.encode(headers).decode()
    return Event(headers).plain_text()


@_leg("<uuid> <var>")
def _getvar(_core: Core, session: Session, name: str) -> str:
    return session.channel.get(name) or "_undef_"


@_leg("<uuid> <var> [value]")
def _setvar(_core: Core, session: Session, rest: str) -> str:
    name, _blank, value = rest.partition(" ")
    if not name:
        return "-USAGE: <uuid> <var> [value]\n"
    session.channel.set(name, value)
    return "+OK\n"


@_leg("<uuid> <var>=<value>;<var>=<value>...", _GONE + "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n")
def _setvar_multi(_core: Core, session: Session, rest: str) -> str:
    done = False
    for pair in separate(rest, ";", 64):
        name, _equals, value = pair.partition("=")
        if name:
            session.channel.set(name, value)
            done = True
    return "+OK\n" if done else "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"


@_leg("<uuid> [cause]")
def _kill(_core: Core, session: Session, cause: str) -> str:
    session.hang_up(cause_of(cause) if cause else "NORMAL_CLEARING")
    return "+OK\n"


@_leg("<uuid> [all]")
def _break(_core: Core, session: Session, flag: str) -> str:
    session.break_(everything="all" in flag)
    return "+OK\n"


def _bridge(core: Core, argument: str) -> str:
    a, _blank, b = argument.partition(" ")
    if not a or not b:
        return "-USAGE: <uuid> <other_uuid>\n"
    bridge = uuid_bridge(core, a, b)
    return "-ERR Invalid uuid\n" if bridge is None else f"+OK {b}\n"


@_leg("<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]")
def _transfer(_core: Core, session: Session, rest: str) -> str:
    words = separate(rest, " ", 4)
    targets = [session]
    if words and words[0] in ("-bleg", "-both"):
        partner = session.partner()
        targets = ([session] if words[0] == "-both" else []) + ([partner] if partner is not None else [])
        words = words[1:]
    if not words:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    for target in targets:
        context = words[2] if len(words) > 2 else target.channel.profile.context
        target.transfer(words[0], words[1] if len(words) > 1 else "XML", context)
    return "+OK\n"


@_leg("<uuid>")
def _park(_core: Core, session: Session, _rest: str) -> str:
    session.park_from_outside()
    return "+OK\n"


def _record(core: Core, argument: str) -> str:
    words = separate(argument, " ", 5)
    if len(words) < 3:
        return "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
    uuid, action, path = words[:3]
    session = core.sessions.get(uuid)
    if session is None:
        return "-ERR Cannot locate session!\n"
    if action == "start":
        limit = int(words[3]) if len(words) > 3 and words[3].isdigit() else 0
        return _record_start(core, session, path, limit)
    running = [one for one in session.recordings if path in (one.path, "all")]
    if not running:
        return f"-ERR Cannot {action} record session!\n"
    for recording in running if path == "all" else running[:1]:
        if action == "stop":
            session.stop_recording(recording)
        elif action == "pause":
            recording.pause()
        elif action == "resume":
            recording.resume()
    return "+OK Success\n"


def _record_start(core: Core, session: Session, path: str, limit_s: int) -> str:
    if not session.channel.media:
        return "-ERR Cannot record session!\n"
    recording = session.record_to(path)

    def stop() -> None:
        if recording in session.recordings:
            session.stop_recording(recording)

    if limit_s:
        core.spawn_later(limit_s, stop)
    return "+OK Success\n"


def _hold(core: Core, argument: str) -> str:
    words = argument.split()
    action = words.pop(0) if words and words[0] in ("off", "toggle") else ""
    session = core.sessions.get(words[0]) if words else None
    if session is not None:
        held = session.channel.call_state is CallState.HELD
        if action == "off" or (action == "toggle" and held):
            _unhold(core, session)
        elif not held:
            session.channel.profile.times.last_hold = core.clock.now_us()
            session.set_call_state(CallState.HELD)
            core.fire("CHANNEL_HOLD", session.channel)
    return "+OK Success\n"


def _unhold(core: Core, session: Session) -> None:
    channel = session.channel
    if channel.call_state is not CallState.HELD:
        return
    times = channel.profile.times
    times.hold_accum += core.clock.now_us() - times.last_hold
    session.set_call_state(CallState.UNHELD)
    core.fire("CHANNEL_UNHOLD", channel)
    session.set_call_state(CallState.ACTIVE)


@_leg("<uuid> [start [read|write] [mute|level <level>]|stop]")
def _audio(_core: Core, session: Session, rest: str) -> str:
    session.muted = rest.startswith("start") and "mute" in rest
    return "+OK\n"


@_leg("<uuid> <dtmf_data>", "-ERR Cannot locate session!\n")
def _send_dtmf(_core: Core, session: Session, digits: str) -> str:
    for digit in digits.partition("@")[0]:
        session.far.key(digit)
    return f"+OK {session.channel.uuid} sent DTMF {digits}.\n"


@_leg("<uuid> <dtmf_data>", "-ERR Cannot locate session!\n")
def _recv_dtmf(_core: Core, session: Session, digits: str) -> str:
    session.press(digits.partition("@")[0])
    return f"+OK {session.channel.uuid} received DTMF {digits}.\n"


@_leg("<uuid>", "-ERR Operation failed\n")
def _phone_event(_core: Core, session: Session, event: str) -> str:
    session.far.phone_event(event)
    return "+OK Success\n"


def _due(core: Core, text: str) -> float | None:
    if text.startswith("+") and text[1:].isdigit():
        return float(text[1:])
    if text.isdigit():
        return max(0.0, int(text) - core.clock.now_us() / 1e6)
    return None


def _sched_transfer(core: Core, argument: str) -> str:
    words = separate(argument, " ", 6)
    due = _due(core, words[0]) if len(words) >= 3 else None
    if due is None:
        return "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]\n"
    uuid, number, plan, context = [*words[1:], "", ""][:4]
    session = core.sessions.get(uuid)
    if session is None:
        return _GONE
    to = context or session.channel.profile.context
    core.schedule.add(
        due, "switch_ivr_schedule_transfer", uuid, lambda: session.transfer(number, plan or "XML", to)
    )
    return "+OK\n"


def _sched_hangup(core: Core, argument: str) -> str:
    words = separate(argument, " ", 4)
    due = _due(core, words[0]) if len(words) >= 2 else None
    if due is None:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    session = core.sessions.get(words[1])
    if session is None:
        return _GONE
    cause = cause_of(words[2]) if len(words) > 2 else "ALLOTTED_TIMEOUT"
    core.schedule.add(due, "switch_ivr_schedule_hangup", words[1], lambda: session.hang_up(cause))
    return "+OK\n"


def _sched_del(core: Core, argument: str) -> str:
    return f"+OK Deleted: {core.schedule.delete(argument)}\n"


LEG_COMMANDS: dict[str, Callable[[Core, str], str]] = {
    "uuid_exists": _exists,
    "uuid_dump": _dump,
    "uuid_getvar": _getvar,
    "uuid_setvar": _setvar,
    "uuid_setvar_multi": _setvar_multi,
    "uuid_kill": _kill,
    "uuid_break": _break,
    "uuid_bridge": _bridge,
    "uuid_transfer": _transfer,
    "uuid_park": _park,
    "uuid_record": _record,
    "uuid_hold": _hold,
    "uuid_audio": _audio,
    "uuid_send_dtmf": _send_dtmf,
    "uuid_recv_dtmf": _recv_dtmf,
    "uuid_phone_event": _phone_event,
    "sched_transfer": _sched_transfer,
    "sched_hangup": _sched_hangup,
    "sched_del": _sched_del,
}
