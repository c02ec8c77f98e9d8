"""What the controller refuses of commands that place calls (docs/contracts.md), as errors with a sentence.

Read by the person at the desk and by the program that asked for one, so they say neither "you" nor "the agent".
"""

from __future__ import annotations

from typing import Any

from core.errors import CallerFault, Conflict, Forbidden, PeerFault, TemporaryFault, ZongjiError
from core.i18n import LazyText, lazy


class NotSignedInError(Conflict):
    """The action needs an extension, and the account is signed in on none."""

    id = "not-signed-in"
    sentence = lazy("Nobody is signed in on an extension here. Sign in on one first.")


class NotReadyError(Conflict):
    """The agent is in a call, in a break, or the phone is away; `reason` is a state or ``phone-away``."""

    id = "not-ready"
    sentence = lazy("Calling out needs a connected phone and no call, break or wrap-up.")


class OutboundNotAllowedError(Forbidden):
    """The extension or the company may not call out."""

    id = "outbound-not-allowed"
    sentence = lazy("This extension may not call out. An administrator can allow it.")


class NumberRefusedError(CallerFault):
    """The number, or the number that would be shown, is refused; `reason` of `cti.outbound.Reason`."""

    id = "number-refused"
    status = 422
    sentence = lazy("This number may not be called: %(reason)s.")


class NoTrunkError(Conflict):
    """No line leads out."""

    id = "no-trunk"
    sentence = lazy("There is no line for calls to the outside. The operator of the platform can open one.")


class LimitReachedError(TemporaryFault):
    """Too many calls are up, or began within this second."""

    id = "limit-reached"
    sentence = lazy("All lines are taken at the moment. Please try again shortly.")


class SwitchAwayError(TemporaryFault):
    """The switch, or what its controller needs, does not answer."""

    id = "switch-away"
    sentence = lazy("The telephone system is not connected at the moment. Please try again shortly.")


class CommandFailedError(PeerFault):
    """The controller answered with something else; `reason` is its id."""

    id = "command-failed"
    sentence = lazy(
        "The telephone system could not do this (%(reason)s). Try again; else tell an administrator."
    )


REASONS: dict[str, LazyText] = {
    "not-a-number": lazy("not a complete telephone number"),
    "emergency": lazy("emergency calls are made from another telephone"),
    "premium": lazy("calls to it are charged extra"),
    "country": lazy("calls to this country are not allowed"),
    "own-number": lazy("it is one of the company's own numbers"),
    "caller-id-not-allowed": lazy("the number the extension shows is not the company's any more"),
    "unknown": lazy("the telephone system does not say why"),
}
"""Why a number is refused, in words (`cti.outbound.Reason`)."""

DIAL_REFUSALS: dict[str, type[ZongjiError]] = {
    kind.id: kind
    for kind in (
        NotSignedInError,
        NotReadyError,
        OutboundNotAllowedError,
        NumberRefusedError,
        NoTrunkError,
        LimitReachedError,
        SwitchAwayError,
    )
}
"""Refusals of the controller's command ``dial``, and the errors they become."""


def details_of(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a refusal says more, as an error's details; a lone word is the reason, and there always is one."""
    detail = result.get("detail")
    if not isinstance(detail, dict):
        detail = {"reason": detail or "unknown"}
    reason = detail.get("reason", "unknown")
    return {str(key): value for key, value in detail.items()} | {"reason": REASONS.get(reason, reason)}
