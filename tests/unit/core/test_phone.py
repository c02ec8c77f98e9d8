"""Numbers: typed the manuals' way, stored once, shown back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import phone
from core.i18n import use_language


@pytest.mark.parametrize(
    ("typed", "stored", "shown", "masked", "dialled"),
    [
        ("13812345678", "+8613812345678", "13812345678", "138****5678", "13812345678"),
        ("013812345678", "+8613812345678", "13812345678", "138****5678", "13812345678"),
        ("+86 138-1234-5678", "+8613812345678", "13812345678", "138****5678", "13812345678"),
        ("8613812345678", "+8613812345678", "13812345678", "138****5678", "13812345678"),
        ("１３８ １２３４ ５６７８", "+8613812345678", "13812345678", "138****5678", "13812345678"),
        ("010-65551234", "+861065551234", "010-65551234", "010-****1234", "01065551234"),
        ("(0571)8765 4321", "+8657187654321", "0571-87654321", "0571-****4321", "057187654321"),
        ("4001234567", "+864001234567", "4001234567", "40****4567", "4001234567"),
        ("10086", "10086", "10086", "10086", "10086"),
        ("95588", "95588", "95588", "95588", "95588"),
        ("110", "110", "110", "110", "110"),
        ("0016502530000", "+16502530000", "+1 650-253-0000", "+1 65*-***-0000", "0016502530000"),
    ],
)
def test_a_typed_number(typed: str, stored: str, shown: str, masked: str, dialled: str) -> None:
    assert phone.parse(typed).stored == stored
    assert phone.display(stored) == shown
    assert phone.mask(stored) == masked
    assert phone.as_dialled(stored) == dialled
    assert phone.parse(shown).stored == stored, "what is shown can be typed again"


@pytest.mark.parametrize(
    "typed", ["", "65551234", "1381234567", "abc", "+86", "138123456789012345678901", "12 or 13"]
)
def test_what_is_no_number_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(phone.InvalidNumberError) as refused:
        phone.parse(typed)
    assert refused.value.id == "invalid-number"
    assert refused.value.text("zh") != refused.value.text("en")


@pytest.mark.parametrize(
    ("sent", "kind", "stored"),
    [
        ("anonymous", phone.NumberKind.WITHHELD, phone.WITHHELD),
        ("", phone.NumberKind.WITHHELD, phone.WITHHELD),
        ("Restricted", phone.NumberKind.WITHHELD, phone.WITHHELD),
        ("alice; drop", phone.NumberKind.WITHHELD, phone.WITHHELD),
        ("sip:013812345678@carrier.example;user=phone", phone.NumberKind.FULL, "+8613812345678"),
        ("02861234567", phone.NumberKind.FULL, "+862861234567"),
        ("12345", phone.NumberKind.SHORT, "12345"),
        ("8001", phone.NumberKind.OTHER, "8001"),
    ],
)
def test_a_number_from_a_carrier(sent: str, kind: phone.NumberKind, stored: str) -> None:
    assert phone.from_switch(sent) == phone.Number(kind, stored)


def test_a_withheld_number_has_a_name_and_cannot_be_dialled() -> None:
    with use_language("en"):
        assert phone.display(phone.WITHHELD) == phone.mask(phone.WITHHELD) == "Number withheld"
    with pytest.raises(phone.InvalidNumberError):
        phone.as_dialled(phone.WITHHELD)


@given(st.text(max_size=60))
def test_anything_from_a_carrier_becomes_something_harmless(sent: str) -> None:
    number = phone.from_switch(sent)
    assert number.stored == phone.WITHHELD or set(number.stored) <= set("+0123456789")
    assert len(number.stored) <= phone.MAX_LENGTH
    assert phone.of_stored(number.stored).stored == number.stored
    phone.display(number.stored)
    phone.mask(number.stored)
