"""Short messages to somebody's telephone: the interfaces of what carries them, and a sender that carries none.

That is for as long as no message service is connected: it writes the platform's own messages where the operator of the
machine can read them, and says of companies' that they were not sent.
"""

from __future__ import annotations

import enum
from typing import Protocol

import structlog

from core import phone

log = structlog.get_logger(__name__)


class MessageSender(Protocol):
    """Takes messages of the platform itself, such as codes. May be slow and may fail; callers do not wait for it in a
    request.
    """

    def send_code(self, tenant_id: int, mobile: str, code: str, *, valid_min: int) -> None:
        """Send `code`, good for `valid_min` minutes, to `mobile` (as stored) for a company."""


class Handover(enum.Enum):
    """What became of a text that was handed over."""

    TAKEN = enum.auto()
    """The service has it and will deliver it as far as it can be delivered."""
    NOT_CONNECTED = enum.auto()
    """There is no service: nothing was sent, and nothing will be."""


class TextRefusedError(Exception):
    """The service will never take this text for this number; the argument is an identity of 64 letters at most."""


class ServiceAwayError(Exception):
    """The service certainly did not take the text now, and may later."""


class TextSender(Protocol):
    """Takes companies' texts for delivery, one at a time. May be slow."""

    repeats_safely: bool
    """Whether a text handed over twice under one key is sent once at most. Where it is not, one of which nobody knows
    whether it was taken is not handed over again.
    """

    def send_text(self, tenant_id: int, mobile: str, text: str, *, key: str) -> Handover:
        """Hand `text` over for `mobile` (as stored). `key` is the same whenever the same message is handed over.

        Raises :class:`TextRefusedError` and :class:`ServiceAwayError`; after anything else raised nobody knows whether
        it was taken.
        """


class LogSender:
    """Sends nothing. Writes codes into the log of the web process: the one place where a code may be logged."""

    repeats_safely = True

    def send_code(self, tenant_id: int, mobile: str, code: str, *, valid_min: int) -> None:
        """Write a line that says what would have been sent, and that it was not."""
        log.warning(
            "MESSAGE NOT SENT, no message service is connected: it would read as follows",
            tenant=tenant_id,
            mobile=mobile,
            message=f"Zongji: {code} is your code for a new password; it is good for {valid_min} minutes.",
        )

    def send_text(self, tenant_id: int, mobile: str, text: str, *, key: str) -> Handover:
        """Write a line that says that nothing was sent. The text, which is the company's and its callers', stays in the
        outbox.
        """
        log.warning(
            "MESSAGE NOT SENT, no message service is connected",
            tenant=tenant_id,
            mobile=phone.mask(mobile),
            characters=len(text),
        )
        return Handover.NOT_CONNECTED
