"""What the desk refuses, and the controller's refusals (docs/contracts.md) as errors with a sentence."""

from __future__ import annotations

from typing import Any

from core.errors import CallerFault, Conflict, Forbidden, PeerFault, TemporaryFault, ZongjiError
from core.i18n import lazy


class ExtensionHeldError(Conflict):
    """Somebody else is signed in on the extension."""

    id = "extension-held"
    sentence = lazy("%(holder)s is signed in on this extension. Ask them to sign out first.")


class NotPermittedError(Forbidden):
    """The extension is not this account's."""

    id = "not-permitted"
    sentence = lazy("Your account may not sign in on this extension. Ask your administrator to allow it.")


class AccountDisabledError(Forbidden):
    """The account is switched off, or not yet known to the telephone system."""

    id = "account-disabled"
    sentence = lazy(
        "The telephone system does not know your account, or it is disabled. Ask your administrator."
    )


class AlreadySignedInError(Conflict):
    """The account is signed in on another extension."""

    id = "already-signed-in"
    sentence = lazy("You are signed in on another extension. Sign out there first.")


class NotSignedInError(Conflict):
    """The action needs an extension."""

    id = "not-signed-in"
    sentence = lazy("You are not signed in on an extension. Sign in first.")


class NoSuchLegError(Conflict):
    """The call is over, or not this agent's."""

    id = "no-such-leg"
    sentence = lazy("This call is not on your phone any more.")


class WrongStateError(Conflict):
    """The action does not fit what the call or the agent is doing."""

    id = "wrong-state"
    sentence = lazy("This is not possible at this moment of the call.")


class CallChangedError(Conflict):
    """The call went on in the meantime."""

    id = "call-changed"
    sentence = lazy("The call has changed in the meantime. Look again, and repeat if you still want to.")


class TooLateError(TemporaryFault):
    """The command was read after its deadline."""

    id = "too-late"
    sentence = lazy("The telephone system was too busy, and nothing was done. Please try again.")


class CommandFailedError(PeerFault):
    """The controller answered with something else; `reason` is its id."""

    id = "command-failed"
    sentence = lazy(
        "The telephone system could not do this (%(reason)s). Try again; else tell your administrator."
    )


class BadFieldError(CallerFault):
    """A request lacks a field, or it has an unusable value."""

    id = "bad-field"
    status = 422
    sentence = lazy("The field %(field)s is missing or has a value that cannot be used.")


class NoWebPhoneError(Conflict):
    """The agent's endpoint is not the browser, or the extension has no web user."""

    id = "no-web-phone"
    sentence = lazy(
        "Your extension has no phone in the browser. Choose it when you sign in, or ask your administrator."
    )


class NotSimulatedError(Conflict):
    """There is no simulator to drive."""

    id = "not-simulated"
    sentence = lazy("The switch is a real one: its phones cannot be driven from here.")


class SimulatorAwayError(TemporaryFault):
    """The simulator's control port does not answer."""

    id = "simulator-away"
    sentence = lazy("The simulator does not answer. Please try again shortly.")


_BY_ID: dict[str, type[ZongjiError]] = {
    kind.id: kind
    for kind in (
        ExtensionHeldError,
        NotPermittedError,
        AccountDisabledError,
        AlreadySignedInError,
        NotSignedInError,
        NoSuchLegError,
        WrongStateError,
        CallChangedError,
        TooLateError,
    )
}
_BY_ID["busy-later"] = TooLateError


def refusal(result: dict[str, Any]) -> ZongjiError:
    """Return the error for a controller's result that is not ok."""
    reason = str(result.get("error", ""))
    detail = result.get("detail")
    details = {str(key): value for key, value in detail.items()} if isinstance(detail, dict) else {}
    kind = _BY_ID.get(reason)
    if kind is None:
        return CommandFailedError(reason=reason or "unknown")
    if kind is ExtensionHeldError:
        details.setdefault("holder", "?")
    return kind(**details)
