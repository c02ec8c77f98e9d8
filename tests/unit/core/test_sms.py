"""What a short message is: lengths and parts (SMS-7), and whom it reaches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import sms
from core.sms import Encoding, Unreachable

CASES = json.loads((Path(__file__).parent / "sms_cases.json").read_text())
GSM_TEXT = st.text(st.sampled_from(sorted(sms.GSM | sms.GSM_EXTENDED)), max_size=700)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.get("repeat", case.get("text")))[:20])
def test_sms_7_parts(case: dict[str, object]) -> None:
    text = case["text"] if "text" in case else case["repeat"][0] * case["repeat"][1]  # type: ignore[index]
    assert isinstance(text, str)
    assert sms.length(text).parts == case["parts"]


def test_the_alphabet_has_every_character_of_the_standard() -> None:
    assert len(sms.GSM) == 127, "128 positions, one of which is the escape"
    assert len(sms.GSM_EXTENDED) == 10
    assert not sms.GSM & sms.GSM_EXTENDED


def cut(text: str, encoding: Encoding) -> list[str]:
    """Cut a long text as whoever sends it must: whole characters, each part as full as it can be."""
    room = 153 if encoding is Encoding.GSM7 else 67
    parts = [""]
    for each in text:
        if units(parts[-1] + each, encoding) > room:
            parts.append("")
        parts[-1] += each
    return parts


def units(text: str, encoding: Encoding) -> int:
    """Count by the encodings themselves: septets of the table, or bytes of UTF-16 by two."""
    if encoding is Encoding.UCS2:
        return len(text.encode("utf-16-be", "surrogatepass")) // 2
    return len(text) + sum(each in "\f^{}\\[~]|€" for each in text)


@settings(deadline=None)
@given(GSM_TEXT | st.text(max_size=300))
def test_a_text_fits_into_its_parts_and_not_into_fewer(text: str) -> None:
    found = sms.length(text)
    assert found.units == units(text, found.encoding)
    one = 160 if found.encoding is Encoding.GSM7 else 70
    if found.units <= one:
        assert found.parts == (1 if text else 0)
        return
    parts = cut(text, found.encoding)
    assert "".join(parts) == text
    assert found.parts == len(parts)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_what_is_cleaned_can_be_written_and_stays_clean(text: str) -> None:
    clean = sms.clean(text)
    clean.encode()
    assert sms.clean(clean) == clean
    assert not any(each < " " and each != "\n" for each in clean)


def test_line_ends_and_control_characters() -> None:
    assert sms.clean("  a\r\nb\rc\x00\x1b\td\ud800 ") == "a\nb\ncd"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("13800138000", "+8613800138000"),
        ("013800138000", "+8613800138000"),
        ("+8613800138000", "+8613800138000"),
        ("010 6555 0000", Unreachable.NOT_MOBILE),
        ("+861065550000", Unreachable.NOT_MOBILE),
        ("10086", Unreachable.NOT_MOBILE),
        ("+85291234567", Unreachable.FOREIGN),
        ("+16502530000", Unreachable.FOREIGN),
        ("anonymous", Unreachable.INVALID),
        ("", Unreachable.INVALID),
        ("12#", Unreachable.INVALID),
    ],
)
def test_only_mobiles_of_the_country_are_reached(typed: str, found: str) -> None:
    assert sms.reachable(typed) == found
