"""What a short message is: how long it may be, in how many parts it goes out, and whom it can reach (SMS-7). Pure.

A text of the GSM alphabet (3GPP TS 23.038 §6.2.1) is counted in septets: 160 in one part, 153 in each of several. Any
other text is UCS-2, counted in units of UTF-16: 70 in one part, 67 in each of several. The difference is the header
that puts the parts together again (3GPP TS 23.040 §9.2.3.24.1).
"""

from __future__ import annotations

import dataclasses
import enum
import unicodedata
from collections.abc import Iterable

import phonenumbers

from core import phone

MAX_CHARACTERS = 500
"""Longest text that is sent, in several parts if need be (SMS-7)."""
MAX_PER_CALL = 3
"""Messages one call may cause."""
MAX_PER_NUMBER_A_DAY = 5
"""Messages a company may be made to send to one number within 24 hours: nobody is flooded by somebody who calls on."""

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Characters of one septet."""
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters of two septets."""


class Encoding(enum.StrEnum):
    """How a text goes over the air."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


_ONE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_EACH = {Encoding.GSM7: 153, Encoding.UCS2: 67}


@dataclasses.dataclass(frozen=True, slots=True)
class Length:
    """How long a text is."""

    encoding: Encoding
    units: int
    """Septets, or units of UTF-16."""
    parts: int
    """0 for an empty text."""


class Unreachable(enum.StrEnum):
    """Why a number gets no message."""

    INVALID = "invalid-number"
    NOT_MOBILE = "not-a-mobile"
    FOREIGN = "foreign-number"


def length(text: str) -> Length:
    """Return how long `text` is. A character of two units is never cut in two."""
    encoding = Encoding.GSM7 if all(each in GSM or each in GSM_EXTENDED for each in text) else Encoding.UCS2
    sizes = [_size(each, encoding) for each in text]
    units = sum(sizes)
    if units <= _ONE[encoding]:
        return Length(encoding, units, 1 if text else 0)
    return Length(encoding, units, _filled(sizes, _EACH[encoding]))


def _size(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return 2 if character in GSM_EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1


def _filled(sizes: Iterable[int], room: int) -> int:
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts


def clean(text: str) -> str:
    """Return `text` as it can be sent: line ends are ``\\n``, other control characters and halves of pairs are gone,
    and so are blanks at its ends.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        each for each in unified if each == "\n" or unicodedata.category(each) not in {"Cc", "Cs"}
    ).strip()


def reachable(text: str) -> str | Unreachable:
    """Return the stored form of the mobile number `text`, typed or stored, or why no message reaches it: only
    mobiles of :data:`core.phone.REGION` do.
    """
    try:
        number = phone.parse(text)
    except phone.InvalidNumberError:
        return Unreachable.INVALID
    if number.kind is not phone.NumberKind.FULL:
        return Unreachable.NOT_MOBILE
    if phonenumbers.region_code_for_number(phonenumbers.parse(number.stored)) != phone.REGION:
        return Unreachable.FOREIGN
    return number.stored if phone.is_mobile(number) else Unreachable.NOT_MOBILE
