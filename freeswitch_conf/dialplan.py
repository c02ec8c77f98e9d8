"""The switch's dialplan: it parks every call and knows no business.

A call that enters is parked with a fallback armed: unless a controller adopts it, the caller hears an
announcement and is let go. The fallback speaks into an unanswered call without answering it (183): nobody
is charged for an apology, and the cause (503 to the carrier) lets the carrier try another way. An answered
call simply hears it.
"""

from __future__ import annotations

from core.settings import Settings
from core.switch_xml import Element, element
from freeswitch_conf.layout import Sounds, safe_path

FALLBACK_AFTER_S = 8
"""Seconds a parked call waits for a controller (docs/contracts.md)."""

SILENT_MS = 300_000
"""A leg from which nothing was received for so long is over: five minutes, as carriers suppress a
listener's silence.
"""

_COMMON_VARIABLES = {
    "zj_call": "${uuid}",
    "playback_terminators": "none",
    "hangup_after_bridge": "true",
    "media_timeout": str(SILENT_MS),
    "media_hold_timeout": "1800000",
}


def dialplan(settings: Settings, sounds: Sounds) -> Element:
    """Return the dialplan section: contexts ``inbound`` (carriers), ``agents`` (phones), ``zongji``
    (fallback).
    """
    return element(
        "section",
        _parking("inbound", "customer", settings.cell),
        _parking("agents", "agent", settings.cell),
        element("context", _fallback(sounds), name="zongji"),
        name="dialplan",
    )


def _parking(context: str, leg: str, cell: str) -> Element:
    variables = {**_COMMON_VARIABLES, "zj_leg": leg, "zj_cell": cell}
    actions = [_action("set", f"{name}={value}") for name, value in sorted(variables.items())]
    actions += [_action("sched_transfer", f"+{FALLBACK_AFTER_S} fallback XML zongji"), _action("park")]
    return element("context", element("extension", element("condition", *actions), name="park"), name=context)


def _fallback(sounds: Sounds) -> Element:
    actions = [_action("set", "zj_fallback=true"), _action("pre_answer"), _action("sleep", "300")]
    for path in sounds.fallback:
        actions += [_action("playback", safe_path(path, "A sound's path")), _action("sleep", "400")]
    actions.append(_action("hangup", "NORMAL_TEMPORARY_FAILURE"))
    condition = element("condition", *actions, field="destination_number", expression="^fallback$")
    return element("extension", condition, name="fallback")


def _action(application: str, data: str = "") -> Element:
    return (
        element("action", application=application, data=data)
        if data
        else element("action", application=application)
    )
