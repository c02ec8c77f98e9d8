"""The switch's dialplan: it parks every call and knows no business.

A call that enters is parked with a fallback armed: unless a controller adopts it, the caller hears an
announcement and is let go. The fallback speaks into an unanswered call without answering it (183): nobody
is charged for an apology, and the cause (503 to the carrier) lets the carrier try another way. An answered
call simply hears it.
"""

from __future__ import annotations

import re

from core.settings import Settings, SettingsError
from core.switch_xml import Element, element
from freeswitch_conf.layout import Sounds, safe_path

FALLBACK_AFTER_S = 8
"""Seconds a parked call waits for a controller (docs/contracts.md)."""

AFTER_TALK_S = 20
"""Seconds a caller waits for one whose talk is over: they were served, and are worth a controller's restart."""

SILENT_MS = 300_000
"""A leg from which nothing was received for so long is over: five minutes, as carriers suppress a
listener's silence.
"""

_CELL = re.compile(r"[A-Za-z0-9._-]+")
"""A name among variables that are split by semicolons."""

_COMMON_VARIABLES = {
    "zj_call": "${uuid}",
    "playback_terminators": "none",
    "hangup_after_bridge": "true",
    "RECORD_STEREO": "true",
    "media_timeout": str(SILENT_MS),
    "media_hold_timeout": "1800000",
}


def dialplan(settings: Settings, sounds: Sounds) -> Element:
    """Return the dialplan section: contexts ``inbound`` (carriers), ``agents`` (phones), ``zongji``
    (fallback, and where a caller waits whose talk is over while a flow has something to ask).
    """
    return element(
        "section",
        _parking("inbound", "customer", settings.cell),
        _parking("agents", "agent", settings.cell),
        element("context", _fallback(sounds), _after_talk(), name="zongji"),
        name="dialplan",
    )


def _parking(context: str, leg: str, cell: str) -> Element:
    if not _CELL.fullmatch(cell):
        raise SettingsError(f"ZONGJI_CELL: {cell!r} is not a word of letters, digits, dots, _ and -")
    variables = {**_COMMON_VARIABLES, "zj_leg": leg, "zj_cell": cell}
    pairs = ";".join(f"{name}={value}" for name, value in sorted(variables.items()))
    # One application for all of them: each costs the switch two events of some two hundred headers.
    actions = [_action("multiset", f"^^;{pairs}")]
    actions += [_action("sched_transfer", f"+{FALLBACK_AFTER_S} fallback XML zongji"), _action("park")]
    return element("context", element("extension", element("condition", *actions), name="park"), name=context)


def _fallback(sounds: Sounds) -> Element:
    actions = [_action("set", "zj_fallback=true"), _action("pre_answer"), _action("sleep", "300")]
    for path in sounds.fallback:
        actions += [_action("playback", safe_path(path, "A sound's path")), _action("sleep", "400")]
    actions.append(_action("hangup", "NORMAL_TEMPORARY_FAILURE"))
    condition = element("condition", *actions, field="destination_number", expression="^fallback$")
    return element("extension", condition, name="fallback")


def _after_talk() -> Element:
    """Park a caller who outlived their talk: like a new call, with a fallback in case no controller lives."""
    actions = (_action("sched_transfer", f"+{AFTER_TALK_S} fallback XML zongji"), _action("park"))
    condition = element("condition", *actions, field="destination_number", expression="^after-talk$")
    return element("extension", condition, name="after-talk")


def _action(application: str, data: str = "") -> Element:
    return (
        element("action", application=application, data=data)
        if data
        else element("action", application=application)
    )
