"""The closed sets of a channel: its states with FreeSWITCH's numbers, call states, hang-up causes."""

from __future__ import annotations

import enum


class State(enum.IntEnum):
    """Channel states; the number is what ``Channel-State-Number`` shows."""

    CS_NEW = 0
    CS_INIT = 1
    CS_ROUTING = 2
    CS_SOFT_EXECUTE = 3
    CS_EXECUTE = 4
    CS_EXCHANGE_MEDIA = 5
    CS_PARK = 6
    CS_CONSUME_MEDIA = 7
    CS_HIBERNATE = 8
    CS_RESET = 9
    CS_HANGUP = 10
    CS_REPORTING = 11
    CS_DESTROY = 12
    CS_NONE = 13


class CallState(enum.StrEnum):
    """What ``Channel-Call-State`` shows."""

    DOWN = "DOWN"
    RINGING = "RINGING"
    EARLY = "EARLY"
    ACTIVE = "ACTIVE"
    HELD = "HELD"
    UNHELD = "UNHELD"
    HANGUP = "HANGUP"


class Answer(enum.StrEnum):
    """What ``Answer-State`` shows."""

    RINGING = "ringing"
    EARLY = "early"
    ANSWERED = "answered"
    HANGUP = "hangup"


CAUSES: dict[str, int] = {
    "NONE": 0,
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_TRANSIT_NET": 2,
    "NO_ROUTE_DESTINATION": 3,
    "CHANNEL_UNACCEPTABLE": 6,
    "CALL_AWARDED_DELIVERED": 7,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "NUMBER_CHANGED": 22,
    "DESTINATION_OUT_OF_ORDER": 27,
    "INVALID_NUMBER_FORMAT": 28,
    "FACILITY_REJECTED": 29,
    "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34,
    "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "SWITCH_CONGESTION": 42,
    "REQUESTED_CHAN_UNAVAIL": 44,
    "OUTGOING_CALL_BARRED": 52,
    "INCOMING_CALL_BARRED": 54,
    "BEARERCAPABILITY_NOTAVAIL": 58,
    "SERVICE_UNAVAILABLE": 63,
    "CHAN_NOT_IMPLEMENTED": 66,
    "INCOMPATIBLE_DESTINATION": 88,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "PROTOCOL_ERROR": 111,
    "INTERWORKING": 127,
    "ORIGINATOR_CANCEL": 487,
    "CRASH": 500,
    "SYSTEM_SHUTDOWN": 501,
    "LOSE_RACE": 502,
    "MANAGER_REQUEST": 503,
    "BLIND_TRANSFER": 600,
    "ATTENDED_TRANSFER": 601,
    "ALLOTTED_TIMEOUT": 602,
    "USER_CHALLENGE": 603,
    "MEDIA_TIMEOUT": 604,
    "PICKED_OFF": 605,
    "USER_NOT_REGISTERED": 606,
    "PROGRESS_TIMEOUT": 607,
    "INVALID_GATEWAY": 608,
    "GATEWAY_DOWN": 609,
}
"""Hang-up causes by name, with the Q.850 (or the switch's own) number."""


def cause_of(text: str) -> str:
    """Return the cause named by `text` (a name or a number); unknown text is ``NORMAL_CLEARING``, as in the switch."""
    name = text.strip().upper()
    if name.isdigit():
        return next((cause for cause, number in CAUSES.items() if number == int(name)), "NORMAL_CLEARING")
    return name if name in CAUSES else "NORMAL_CLEARING"


def is_true(text: str | None) -> bool:
    """Say whether a variable's value counts as true for the switch."""
    if text is None:
        return False
    lowered = text.lower()
    if lowered in {"yes", "on", "true", "t", "enabled", "active", "allow"}:
        return True
    return lowered.lstrip("-").isdigit() and int(lowered) != 0


def integer(text: str, default: int) -> int:
    """Return the whole number `text` is, or `default`."""
    try:
        return int(text)
    except ValueError:
        return default


def number(text: str, default: float) -> float:
    """Return the number `text` is, or `default`."""
    try:
        return float(text)
    except ValueError:
        return default
