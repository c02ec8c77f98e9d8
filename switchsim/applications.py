"""The applications a channel can run. Each is a function of the session and its expanded argument."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from switchsim.listening import eavesdrop
from switchsim.media import LOUDNESS, MissingSound, Played, Recording, duration_s
from switchsim.session import Session
from switchsim.states import cause_of, integer
from switchsim.syntax import separate

_RESPONSES = {
    Played.DONE: "FILE PLAYED",
    Played.BREAK: "FILE PLAYED",
    Played.NOT_FOUND: "FILE NOT FOUND",
    Played.ERROR: "PLAYBACK ERROR",
}


@dataclasses.dataclass(frozen=True)
class Application:
    """One application and what it needs."""

    run: Callable[[Session, str], None]
    needs_media: bool = False
    """The switch gives an unanswered call early media before it."""
    after_hangup: bool = False
    """It still runs when it was queued and the leg has hung up meanwhile."""


def _answer(session: Session, _argument: str) -> None:
    session.answer()


def _pre_answer(session: Session, _argument: str) -> None:
    session.pre_answer()


def _ring_ready(session: Session, _argument: str) -> None:
    if not session.channel.media:
        session.ring()


def play(session: Session, source: str, on_key: Callable[[str], bool] | None) -> Played:
    """Play one source with its two events, as every application that plays does."""
    if not source or not session.ready:
        return Played.ERROR
    try:
        length = duration_s(source, session.core.options.music)
    except MissingSound:
        return Played.NOT_FOUND
    path = {"Playback-File-Path": source}
    session.core.fire("PLAYBACK_START", session.channel, path)
    session.far.prompt()
    began = session.core.clock.now_us()
    result = session.spend(length, on_key)
    spent_ms = (session.core.clock.now_us() - began) // 1000
    session.channel.set("playback_seconds", str(spent_ms // 1000))
    session.channel.set("playback_ms", str(spent_ms))
    session.channel.set("playback_samples", str(spent_ms * 8))
    status = "break" if result is Played.BREAK else "done"
    session.core.fire("PLAYBACK_STOP", session.channel, path | {"Playback-Status": status})
    return result


def _terminates(session: Session, digit: str) -> bool:
    ends = session.channel.get("playback_terminators") or "*"
    if ends.lower() == "none":
        return False
    if ends.lower() == "any" or digit in ends:
        session.channel.set("playback_terminator_used", digit)
        return True
    return False


def _playback(session: Session, argument: str) -> None:
    session.channel.set("playback_terminator_used", None)
    source = argument.partition("@@")[0]
    result = play(session, source, lambda digit: _terminates(session, digit))
    session.channel.set("current_application_response", _RESPONSES[result])


def _endless_playback(session: Session, argument: str) -> None:
    result = Played.DONE
    while session.ready and result in (Played.DONE, Played.BREAK):
        result = play(session, argument, None)
    session.channel.set("current_application_response", _RESPONSES[result])


def _sleep(session: Session, argument: str) -> None:
    if argument.strip().isdigit():
        session.spend(int(argument) / 1000, None)


def _set(session: Session, argument: str) -> None:
    name, equals, value = argument.partition("=")
    if not equals:
        name, _comma, value = argument.partition(",")
    if name:
        session.channel.set(name, session.expand(value))


def _multiset(session: Session, argument: str) -> None:
    for pair in separate(argument, " "):
        _set(session, pair)


def _unset(session: Session, argument: str) -> None:
    if argument:
        session.channel.set(argument, None)


def _park(session: Session, _argument: str) -> None:
    session.park()


def _hangup(session: Session, argument: str) -> None:
    session.hang_up(cause_of(argument) if argument else "NORMAL_CLEARING")


def _record_session(session: Session, argument: str) -> None:
    if argument:
        session.record_to(argument.split("+")[0].strip())


def _stop_record_session(session: Session, argument: str) -> None:
    for recording in list(session.recordings):
        if argument in (recording.path, "all"):
            session.stop_recording(recording)


def _record(session: Session, argument: str) -> None:
    """``<path> [<seconds> [<amplitude that is silence> [<seconds of it>]]]``: one channel; nothing else runs."""
    words = separate(argument, " ", 4)
    if not words:
        return
    limit_s, below, silence_s = (integer(word, 0) for word in [*words[1:], "", "", ""][:3])
    session.channel.set("playback_terminator_used", None)
    session.pre_answer()
    try:
        recording = Recording(session, words[0], stereo=False)
    except OSError:
        session.hang_up("DESTINATION_OUT_OF_ORDER")
        return
    path = {"Record-File-Path": words[0]}
    session.channel.set("silence_hits_exhausted", "false")
    session.core.fire("RECORD_START", session.channel, path)
    # The switch counts whole seconds of the clock on the wall, and ends in the one after the last.
    ends = [limit_s + 0.5] if limit_s else []
    ends += [silence_s or 3.0] if below > LOUDNESS else []
    result = session.spend(min(ends, default=None), lambda digit: _terminates(session, digit))
    recording.finish()
    for name, value in recording.lengths().items():
        session.channel.set(name, value)
    if result is Played.DONE and below > LOUDNESS:
        session.channel.set("silence_hits_exhausted", "true")
    session.core.fire("RECORD_STOP", session.channel, path)
    if not session.ready:
        session.hang_up("DESTINATION_OUT_OF_ORDER")


def _schedule(session: Session, argument: str, command: str) -> None:
    from switchsim.commands import run_api  # commands act on sessions, which run applications

    when, _blank, rest = argument.partition(" ")
    run_api(session.core, command, f"{when} {session.channel.uuid} {rest}".strip())


def _sched_transfer(session: Session, argument: str) -> None:
    _schedule(session, argument, "sched_transfer")


def _sched_hangup(session: Session, argument: str) -> None:
    _schedule(session, argument, "sched_hangup")


def _sched_cancel(session: Session, argument: str) -> None:
    session.core.schedule.delete(argument or session.channel.uuid)


def _transfer(session: Session, argument: str) -> None:
    words = separate(argument, " ", 3)
    if words:
        plan = words[1] if len(words) > 1 else "XML"
        context = words[2] if len(words) > 2 else session.channel.profile.context
        session.transfer(words[0], plan, context)


def _bridge(session: Session, argument: str) -> None:
    from switchsim.dial import bridge  # a bridge is made of sessions

    bridge(session, argument)


def _intercept(session: Session, argument: str) -> None:
    """``<uuid>``: take that leg out of its bridge, whose other leg ends, and bridge with it; nothing if it is gone."""
    from switchsim.bridge import uuid_bridge  # a bridge is made of sessions

    other = session.core.sessions.get(argument.strip())
    if other is None or other is session or not other.channel.up:
        return
    partner = other.partner()
    session.answer()
    uuid_bridge(session.core, session.channel.uuid, other.channel.uuid)
    if partner is not None and partner is not session and partner.channel.up:
        partner.hang_up("PICKED_OFF")


def _send_dtmf(session: Session, argument: str) -> None:
    for digit in argument.partition("@")[0]:
        session.far.key(digit)


def _nothing(_session: Session, _argument: str) -> None:
    """Applications that only log."""


APPLICATIONS: dict[str, Application] = {
    "answer": Application(_answer),
    "pre_answer": Application(_pre_answer),
    "ring_ready": Application(_ring_ready),
    "playback": Application(_playback, needs_media=True),
    "endless_playback": Application(_endless_playback, needs_media=True),
    "sleep": Application(_sleep),
    "set": Application(_set, after_hangup=True),
    "multiset": Application(_multiset, after_hangup=True),
    "unset": Application(_unset, after_hangup=True),
    "park": Application(_park),
    "hangup": Application(_hangup),
    "record": Application(_record),
    "record_session": Application(_record_session, needs_media=True),
    "stop_record_session": Application(_stop_record_session),
    "sched_transfer": Application(_sched_transfer),
    "sched_hangup": Application(_sched_hangup),
    "sched_cancel": Application(_sched_cancel),
    "transfer": Application(_transfer),
    "bridge": Application(_bridge),
    "send_dtmf": Application(_send_dtmf),
    "eavesdrop": Application(eavesdrop),
    "intercept": Application(_intercept),
    "log": Application(_nothing, after_hangup=True),
    "info": Application(_nothing, after_hangup=True),
}
