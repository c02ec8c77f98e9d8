"""XML for the switch: whatever is typed stays one value."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.switch_xml import UnsafeXmlError, document, element, quote

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
HOSTILE = st.sampled_from(
    [
        "$${domain}",
        "X-PRE-PROCESS",
        'x-pre-process cmd="exec"',
        "<include>",
        "<?xml",
        "-->",
        "<!--#exec",
        "${uuid}",
        '"/>',
    ]
)


@given(st.lists(ANY_TEXT | HOSTILE).map("".join))
def test_a_value_comes_back_as_it_was(text: str) -> None:
    (node,) = ET.fromstring(document(element("a", element("b", value=text))))
    assert node.attrib == {"value": text}


@given(st.lists(ANY_TEXT | HOSTILE).map("".join))
def test_nothing_in_a_value_means_anything_to_the_preprocessor(text: str) -> None:
    quoted = quote(text)
    assert not re.search(r"[$<>{}\"'&](?!#\d+;)", quoted)
    assert "pre-process" not in quoted.lower()


@pytest.mark.parametrize("text", ["\n", "a\x00b", "\x1b", "\ud800", "\x7f"])
def test_what_xml_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(UnsafeXmlError):
        quote(text)


@pytest.mark.parametrize("name", ["", "a b", "1", "a>", "x\n"])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(UnsafeXmlError):
        document(element(name))
