"""What the desk refuses, and the controller's refusals (docs/contracts.md) as errors with a sentence."""

from __future__ import annotations

from typing import Any

from core.errors import CallerFault, Conflict, Forbidden, TemporaryFault, ZongjiError
from core.i18n import lazy
from cti.refusals import DIAL_REFUSALS, CommandFailedError, details_of


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


class NoLandlineError(Conflict):
    """The extension has no landline or mobile to be called on."""

    id = "no-landline"
    sentence = lazy("This extension has no landline or mobile. Enter one in the settings of your extension.")


class PickUpPhoneError(Conflict):
    """A landline is answered by picking it up."""

    id = "pick-up-phone"
    sentence = lazy("Your telephone rings: pick it up to answer.")


class NoSuchLegError(Conflict):
    """The call is over, or not this agent's."""

    id = "no-such-leg"
    sentence = lazy("This call is not on your phone any more.")


class WrongStateError(Conflict):
    """The action does not fit what the call or the agent is doing."""

    id = "wrong-state"
    sentence = lazy("This is not possible at this moment of the call.")


class TargetAwayError(Conflict):
    """The agent a call shall go to is not signed in, or their phone is not connected."""

    id = "target-away"
    sentence = lazy(
        "This agent is not signed in, or their phone is not connected. The customer is still with you."
    )


class TargetBusyError(Conflict):
    """The agent a call shall go to is in a call, in a break, or wrapping up."""

    id = "target-busy"
    sentence = lazy("This agent cannot take a call at the moment. The customer is still with you.")


class NoSuchTargetError(Conflict):
    """The queue, flow or agent a call shall go to is none."""

    id = "no-such-target"
    sentence = lazy("A call cannot go there (any more). The customer is still with you.")


class CallChangedError(Conflict):
    """The call went on in the meantime."""

    id = "call-changed"
    sentence = lazy("The call has changed in the meantime. Look again, and repeat if you still want to.")


class TooLateError(TemporaryFault):
    """The command was read after its deadline."""

    id = "too-late"
    sentence = lazy("The telephone system was too busy, and nothing was done. Please try again.")


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


class WrapUpChangedError(Conflict):
    """Another page of the account changed the wrap-up meanwhile; `now` is what stands there."""

    id = "wrap-up-changed"
    sentence = lazy("This wrap-up was changed in another page. You see it as it is there now.")


class WrapUpSavedError(Conflict):
    """The wrap-up was saved: it is no draft any more."""

    id = "wrap-up-saved"
    sentence = lazy("This wrap-up was saved already.")


class NoDispositionError(CallerFault):
    """The company has dispositions, and none is chosen."""

    id = "no-disposition"
    status = 422
    sentence = lazy("Choose how the call ended.")


class NoteNeededError(CallerFault):
    """The disposition wants a note."""

    id = "note-needed"
    status = 422
    sentence = lazy("“%(disposition)s” needs a note.")


class NextCallPastError(CallerFault):
    """The next call lies in the past."""

    id = "next-call-past"
    status = 422
    sentence = lazy("The time of the next call has passed already.")


_BY_ID: dict[str, type[ZongjiError]] = DIAL_REFUSALS | {
    kind.id: kind
    for kind in (
        ExtensionHeldError,
        NotPermittedError,
        AccountDisabledError,
        AlreadySignedInError,
        NoLandlineError,
        PickUpPhoneError,
        NoSuchLegError,
        WrongStateError,
        CallChangedError,
        TargetAwayError,
        TargetBusyError,
        NoSuchTargetError,
        TooLateError,
    )
}
_BY_ID["busy-later"] = TooLateError


def refusal(result: dict[str, Any]) -> ZongjiError:
    """Return the error for a controller's result that is not ok."""
    reason = str(result.get("error", ""))
    details = details_of(result)
    kind = _BY_ID.get(reason)
    if kind is None:
        return CommandFailedError(reason=reason or "unknown")
    if kind is ExtensionHeldError:
        details.setdefault("holder", "?")
    return kind(**details)
