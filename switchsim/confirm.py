"""Who is dialled by ``bridge`` presses a key before the two are connected (``group_confirm_key`` and its kin)."""

from __future__ import annotations

from collections.abc import Mapping

from switchsim.media import MissingSound, duration_s
from switchsim.session import Session
from switchsim.states import number

READ_S = 5.0
"""How long the switch waits for a key after the file, before it plays it again."""
_POLL_S = 0.02


def confirm(caller: Session, called: Session, variables: Mapping[str, str], timeout_s: float) -> None:
    """Play the file on the leg that was answered, again and again, until its key is pressed; any other begins it anew.

    The leg is ended when its time is up (``group_confirm_timeout`` from its answer, else `timeout_s`), or its caller's
    leg is gone. Returns at once when no key is asked for.
    """
    key, clock = variables.get("group_confirm_key", ""), called.core.clock
    limit_s = number(variables.get("group_confirm_timeout", ""), timeout_s)
    due = clock.now_us() + int(limit_s * 1e6)
    while key and called.channel.up:
        if _round(caller, called, variables.get("group_confirm_file", ""), due) == key:
            return
        if not caller.ready:
            called.hang_up("ORIGINATOR_CANCEL")
        elif clock.now_us() >= due:
            called.hang_up("ALLOTTED_TIMEOUT")


def _round(caller: Session, called: Session, file: str, due: int) -> str:
    """Play the file once and wait; return the key that was pressed, or nothing."""
    core, about = called.core, {"Playback-File-Path": file}
    try:
        length = duration_s(file, core.options.music) or 0.0
    except MissingSound:
        called.hang_up("DESTINATION_OUT_OF_ORDER")
        return ""
    core.fire("PLAYBACK_START", called.channel, about)
    called.far.prompt()
    until = min(due, core.clock.now_us() + int((length + READ_S) * 1e6))
    pressed = ""
    while not pressed and called.channel.up and caller.ready and core.clock.now_us() < until:
        if called.keys:
            pressed = called.take_key()
        else:
            core.clock.sleep(_POLL_S)
    core.fire("PLAYBACK_STOP", called.channel, about | {"Playback-Status": "break" if pressed else "done"})
    return pressed
