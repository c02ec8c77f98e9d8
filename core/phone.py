"""Telephone numbers: what people type and carriers send, one stored form, and how they are shown.

Stored: E.164 (``+8613812345678``), a short service number as it is dialled (``10086``, ``95588``), or
:data:`WITHHELD`. Typed and shown the way the manuals do: a mobile as 11 digits with or without a leading
``0``, a landline with its area code. The first country is China; other countries are written with ``+`` or
``00``.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat

from core.errors import CallerFault
from core.i18n import gettext, lazy

REGION: Final = "CN"
WITHHELD: Final = "anonymous"
"""Stored form of a caller who hides their number."""

MAX_LENGTH: Final = 32
MASKED_FROM: Final = 7
"""Digits from which a number may be a person's; fewer are a service's or an extension's."""
_MASKED: Final = "****"

_SHORT = re.compile(r"1\d{2,5}|9[56]\d{3,6}")
"""Service numbers: 110, 12345, 10086, 118114; 95xxx and 96xxx with up to eight digits (MIIT's numbering
plan).
"""

_WITHHELD_NAMES: Final = frozenset(
    {"", "anonymous", "restricted", "private", "unavailable", "unknown", "withheld", "asserted", "0000000000"}
)
_SEPARATORS = re.compile(r"[\s().\-‐-―/]+")
_DIALLED = re.compile(r"\+?\d{1,20}")


class NumberKind(enum.StrEnum):
    """What a number is."""

    FULL = "full"
    """E.164: country, area, subscriber."""
    SHORT = "short"
    """A service number, as it is dialled."""
    WITHHELD = "withheld"
    OTHER = "other"
    """Digits a carrier sent that are no number of any plan we know; kept as they came."""


class InvalidNumberError(CallerFault):
    """What was typed is no telephone number."""

    id = "invalid-number"
    status = 422
    sentence = lazy(
        "%(number)s is not a telephone number. Enter a mobile with 11 digits, a landline with its area code, "
        "or + and the country code."
    )


class NotMobileError(CallerFault):
    """The number is none that gets messages."""

    id = "not-a-mobile"
    status = 422
    sentence = lazy("%(number)s is not a mobile number.")


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """A number in its stored form."""

    kind: NumberKind
    stored: str

    def __str__(self) -> str:
        return self.stored


def parse(text: str) -> Number:
    """Return the number a person typed. Raises :class:`InvalidNumberError`."""
    number = _understand(_cleaned(text))
    if number is None:
        raise InvalidNumberError(number=text.strip()[:40])
    return number


def parse_mobile(text: str) -> Number:
    """Return the mobile number a person typed. Raises :class:`InvalidNumberError`, and :class:`NotMobileError`
    for a landline or a service number.
    """
    number = parse(text)
    if not is_mobile(number):
        raise NotMobileError(number=text.strip()[:40])
    return number


def is_mobile(number: Number) -> bool:
    """Return whether messages can reach `number`, as far as its plan tells (where mobiles and landlines look
    alike, yes).
    """
    if number.kind is not NumberKind.FULL:
        return False
    kind = phonenumbers.number_type(phonenumbers.parse(number.stored))
    return kind in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    )


def from_switch(text: str) -> Number:
    """Return the number a carrier sent as caller or called party; never raises.

    A name for "hidden" is :data:`WITHHELD`; unknown digits stay as they are; anything else (a SIP user with
    letters) counts as hidden too, since it can be neither called back nor matched.
    """
    if text.strip().lower() in _WITHHELD_NAMES:
        return Number(NumberKind.WITHHELD, WITHHELD)
    cleaned = _cleaned(text.removeprefix("sip:").removeprefix("tel:").split("@", 1)[0].split(";", 1)[0])
    number = _understand(cleaned)
    if number is not None:
        return number
    if _DIALLED.fullmatch(cleaned):
        return Number(NumberKind.OTHER, cleaned)
    return Number(NumberKind.WITHHELD, WITHHELD)


def of_stored(stored: str) -> Number:
    """Return the number whose stored form is `stored`."""
    if stored in {"", WITHHELD}:
        return Number(NumberKind.WITHHELD, WITHHELD)
    if stored.startswith("+"):
        return Number(NumberKind.FULL, stored)
    return Number(NumberKind.SHORT if _SHORT.fullmatch(stored) else NumberKind.OTHER, stored)


def display(stored: str) -> str:
    """Return a stored number as people read it: ``13812345678``, ``010-12345678``, ``+1 650-253-0000``,
    ``10086``.
    """
    number = of_stored(stored)
    if number.kind is NumberKind.WITHHELD:
        return gettext("Number withheld")
    if number.kind is not NumberKind.FULL:
        return stored
    try:
        parsed = phonenumbers.parse(stored)
    except phonenumbers.NumberParseException:
        return stored
    if phonenumbers.region_code_for_number(parsed) != REGION:
        return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.national_significant_number(parsed)
    area = phonenumbers.length_of_geographical_area_code(parsed)
    return f"0{national[:area]}-{national[area:]}" if area else national


def mask(stored: str) -> str:
    """Return a stored number as people read it with the four digits before the last four hidden
    (``138****5678``).

    Numbers of fewer than seven digits are services, not persons, and stay whole; so does what is masked already.
    """
    if _MASKED in stored:
        return stored
    shown = display(stored)
    places = [index for index, sign in enumerate(shown) if sign.isdigit()]
    if len(places) < MASKED_FROM or of_stored(stored).kind is NumberKind.WITHHELD:
        return shown
    hidden = set(places[-8:-4])
    return "".join("*" if index in hidden else sign for index, sign in enumerate(shown))


def as_dialled(stored: str) -> str:
    """Return the number as it is sent to a carrier: ``013812345678`` style stays the carrier's business;
    E.164's digits.

    Chinese numbers go out in national form with the trunk prefix (landline ``010…``, mobile 11 digits),
    others as ``00`` and the country code. Raises :class:`InvalidNumberError` for what cannot be called.
    """
    number = of_stored(stored)
    if number.kind is NumberKind.SHORT:
        return stored
    if number.kind is not NumberKind.FULL:
        raise InvalidNumberError(number=stored)
    parsed = phonenumbers.parse(stored)
    if phonenumbers.region_code_for_number(parsed) != REGION:
        return "00" + stored[1:]
    national = phonenumbers.national_significant_number(parsed)
    return f"0{national}" if phonenumbers.length_of_geographical_area_code(parsed) else national


def _cleaned(text: str) -> str:
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text).strip())


def _understand(text: str) -> Number | None:
    if not _DIALLED.fullmatch(text) or not text.isascii():
        return None
    if _SHORT.fullmatch(text):
        return Number(NumberKind.SHORT, text)
    for candidate in _candidates(text):
        try:
            parsed = phonenumbers.parse(candidate, REGION)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return Number(NumberKind.FULL, phonenumbers.format_number(parsed, PhoneNumberFormat.E164))
    return None


def _candidates(text: str) -> list[str]:
    """Return the readings of cleaned digits, the likeliest first."""
    if text.startswith("+"):
        return [text]
    if text.startswith("00"):
        return ["+" + text[2:]]
    readings = [text]
    if text.startswith("86") and len(text) >= 12:
        readings.append("+" + text)
    return readings
