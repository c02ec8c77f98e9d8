"""The dialplan of the simulated switch: calls that enter are parked with a fallback armed, and the fallback itself.

The same as what the platform has a real switch do (docs/contracts.md): contexts ``inbound`` and ``agents`` park,
context ``zongji`` has the extensions ``fallback`` and ``after-talk``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchsim.channel import Extension

if TYPE_CHECKING:
    from switchsim.core import Options

_LEGS = {"inbound": "customer", "agents": "agent"}
_VARIABLES = {
    "zj_call": "${uuid}",
    "playback_terminators": "none",
    "hangup_after_bridge": "true",
    "RECORD_STEREO": "true",
    "media_timeout": "300000",
    "media_hold_timeout": "1800000",
}


def find(options: Options, context: str, number: str) -> Extension | None:
    """Return what `number` in `context` has a channel do, or None when nothing answers there."""
    if context in _LEGS:
        return Extension("park", number, _parking(options, _LEGS[context]))
    if context == "zongji" and number == "fallback":
        return Extension("fallback", number, _fallback(options))
    if context == "zongji" and number == "after-talk":
        return Extension("after-talk", number, _parked(options.after_talk_s))
    return None


def inline(number: str) -> Extension:
    """Return what the ``inline`` dialplan makes of `number`: ``application:argument``, several split by commas."""
    words = (part.partition(":") for part in number.split(","))
    return Extension("inline", number, [(name, argument) for name, _, argument in words])


def _parking(options: Options, leg: str) -> list[tuple[str, str]]:
    variables = {**_VARIABLES, **options.variables, "zj_leg": leg}
    pairs = ";".join(f"{name}={value}" for name, value in sorted(variables.items()))
    actions = [("multiset", f"^^;{pairs}")]
    return [*actions, *_parked(options.fallback_after_s)]


def _parked(fallback_after_s: int) -> list[tuple[str, str]]:
    return [("sched_transfer", f"+{fallback_after_s} fallback XML zongji"), ("park", "")]


def _fallback(options: Options) -> list[tuple[str, str]]:
    actions = [("set", "zj_fallback=true"), ("pre_answer", ""), ("sleep", "300")]
    for path in options.fallback_sounds:
        actions += [("playback", path), ("sleep", "400")]
    return [*actions, ("hangup", "NORMAL_TEMPORARY_FAILURE")]
