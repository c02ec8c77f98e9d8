"""What the page says of recordings by telephone: refusals, steps and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from core.errors import Conflict, NotFound, ZongjiError
from core.i18n import LazyText, gettext, lazy
from cti.refusals import CommandFailedError, LimitReachedError, SwitchAwayError, details_of
from cti.takes.model import End, TakeState
from ivr.voices import errors


class PhoneUnknownError(NotFound):
    """There is no such extension in the company."""

    id = "no-such-extension"
    status = 422
    sentence = lazy("Choose a telephone that shall ring.")


class PhoneAwayError(Conflict):
    """It is not registered now."""

    id = "phone-away"
    sentence = lazy("This telephone is not connected at the moment. Switch it on, or choose another one.")


class PhoneBusyError(Conflict):
    """Whoever is signed in there has a call, or a recording goes on."""

    id = "phone-busy"
    sentence = lazy("This telephone is in use at the moment. Choose another one, or try again shortly.")


class CompanySuspendedError(Conflict):
    """The company is suspended."""

    id = "tenant-suspended"
    sentence = lazy("The company is suspended, so nothing can be called.")


REFUSALS: Mapping[str, type[ZongjiError]] = {
    kind.id: kind
    for kind in (
        PhoneUnknownError,
        PhoneAwayError,
        PhoneBusyError,
        CompanySuspendedError,
        LimitReachedError,
        SwitchAwayError,
    )
}

STEPS: Mapping[TakeState, LazyText] = {
    TakeState.CALLING: lazy("The telephone rings. Pick it up."),
    TakeState.ASKING: lazy("Answered. Speak after the tone."),
    TakeState.SIGNAL: lazy("Answered. Speak after the tone."),
    TakeState.RECORDING: lazy("Recording. End it with # or by hanging up."),
    TakeState.JUDGING: lazy("The recording is looked at."),
    TakeState.REFUSING: lazy("Nothing could be heard. Speak again after the tone."),
    TakeState.MENU: lazy("Recorded. Press 1 to listen, 2 to record again, 3 or # to keep it."),
    TakeState.LISTENING: lazy("The recording is played. Press 2 to record again, 3 or # to keep it."),
    TakeState.KEPT: lazy("It is being put into the library."),
    TakeState.DROPPED: lazy("Nothing is kept."),
}
"""What is said while a take is under way."""

ENDS: Mapping[End, LazyText] = {
    End.NO_ANSWER: lazy("Nobody answered. Nothing was recorded."),
    End.REFUSED: lazy("The call was declined, or the telephone is busy. Nothing was recorded."),
    End.UNREACHABLE: lazy("The telephone could not be called. Check that it is connected."),
    End.HUNG_UP: lazy("The telephone was hung up before the recording was kept (3 or #). Nothing is kept."),
    End.SILENT: lazy("Nothing could be heard. Check the telephone's microphone, and try again."),
    End.NO_KEY: lazy("No key was pressed, so nothing is kept."),
    End.TOO_LONG: lazy("The call took too long and was ended. Nothing is kept."),
    End.STOPPED: lazy("The recording was stopped. Nothing is kept."),
    End.LOST: lazy("The call was lost before the recording was kept. Try again."),
}
"""Why nothing came of it."""

_LIBRARY: Mapping[str, type[ZongjiError]] = {
    kind.id: kind
    for kind in (
        errors.VoiceUnknown,
        errors.VoiceNameTaken,
        errors.VoiceNameMissing,
        errors.TooManyVoices,
        errors.SoundApproved,
        errors.SoundSilent,
        errors.SoundTooLong,
        errors.SoundDamaged,
    )
}


def refusal(result: Mapping[str, Any]) -> ZongjiError:
    """Return what a command's refusal is to people."""
    kind = REFUSALS.get(str(result.get("error")))
    if kind is not None:
        return kind(**details_of(dict(result)))
    return CommandFailedError(reason=str(result.get("error")))


def library_refusal(error: str, details: str) -> str:
    """Return why the library did not take what was recorded."""
    kind = _LIBRARY.get(error)
    if kind is None:
        return gettext("The library did not take the recording (%(reason)s).", reason=error)
    return kind(**msgspec.json.decode(details, type=dict[str, str])).text()


def choice(phone: Mapping[str, Any]) -> tuple[str, str]:
    """Return a telephone as the form offers it: its value and its name."""
    number = str(phone["number"])
    if phone["endpoint"] == "web":
        text = gettext("%(number)s, your web phone", number=number)
    elif phone["own"]:
        text = gettext("%(number)s, your SIP phone", number=number)
    else:
        text = gettext("%(number)s, SIP phone", number=number)
    return f"{phone['extension_id']}:{phone['endpoint']}", text
