"""`eavesdrop`: a leg listens to another one, which hears it or does not; it lasts as long as that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchsim.states import is_true

if TYPE_CHECKING:
    from switchsim.session import Session

_OVER = "*"
_HEARD = {"0": "nobody", "1": "other", "2": "listened", "3": "both"}
"""Keys of the application, and who hears the leg then: ``other`` is who talks with the one listened to."""


def eavesdrop(session: Session, uuid: str) -> None:
    """Listen to the leg `uuid` until one of the two ends; nothing when it has no media or is this leg."""
    listened = session.core.sessions.get(uuid)
    if listened is None or listened is session or not listened.channel.media:
        return
    session.pre_answer()
    session.heard_by = _HEARD[_first_key(session)]
    listened.listeners.append(session)
    by_phone = is_true(session.channel.get("eavesdrop_enable_dtmf") or "true")
    try:
        while session.ready and listened.channel.up:
            key = session.told.popleft() if session.told else ""
            if not key and by_phone and session.keys:
                key = session.take_key()
            if key == _OVER:
                return
            if key:
                session.heard_by = _HEARD.get(key, session.heard_by)
                continue
            session.wake.clear()
            session.wake.wait()
    finally:
        listened.listeners.remove(session)
        session.heard_by = ""


def _first_key(session: Session) -> str:
    """The variables that say who hears the leg from the beginning: their sides are those of the one listened to."""
    read, write = (is_true(session.channel.get(f"eavesdrop_whisper_{side}")) for side in ("aleg", "bleg"))
    return str(int(read) + 2 * int(write))
