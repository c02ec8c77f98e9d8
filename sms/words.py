"""What became of a short message, in the reader's language."""

from __future__ import annotations

from core import sms
from core.i18n import LazyText, lazy
from sms import outbox, sending
from sms.models import SmsState

STATES: dict[SmsState, LazyText] = {
    SmsState.WAITING: lazy("Waiting"),
    SmsState.HANDING_OVER: lazy("Being handed over"),
    SmsState.HANDED_OVER: lazy("Handed over"),
    SmsState.NOT_SENT: lazy("Not sent"),
    SmsState.REFUSED: lazy("Not accepted"),
    SmsState.FAILED: lazy("Failed"),
    SmsState.UNKNOWN: lazy("Unknown"),
}

REASONS: dict[str, LazyText] = {
    sms.Unreachable.INVALID.value: lazy("The number is no telephone number."),
    sms.Unreachable.NOT_MOBILE.value: lazy("The number is no mobile number."),
    sms.Unreachable.FOREIGN.value: lazy("The number is one of another country."),
    outbox.NO_TEXT: lazy("The message is empty."),
    outbox.TOO_LONG: lazy("The message has more than %(most)s characters.", most=sms.MAX_CHARACTERS),
    outbox.SUSPENDED: lazy("The company is suspended or closed."),
    outbox.TOO_MANY_PER_CALL: lazy("The call had caused %(most)s messages before.", most=sms.MAX_PER_CALL),
    outbox.TOO_MANY_A_DAY: lazy(
        "The number had been sent %(most)s messages within 24 hours.", most=sms.MAX_PER_NUMBER_A_DAY
    ),
    outbox.TOO_LATE: lazy("It came to be sent more than 24 hours after the call."),
    sending.NOT_CONNECTED: lazy("No message service is connected to the platform, so it was not sent."),
    sending.AWAY: lazy("The message service could not be reached."),
    sending.LOST: lazy(
        "Nobody knows whether it was sent: it was interrupted on its way to the message service."
    ),
}


def state_word(state: SmsState) -> str:
    """Return what a state is called."""
    return str(STATES[state])


def reason_words(reason: str) -> str:
    """Return why a message stands as it does; nothing for nothing, a message service's own reason as it is."""
    words = REASONS.get(reason)
    return reason if words is None else str(words)
