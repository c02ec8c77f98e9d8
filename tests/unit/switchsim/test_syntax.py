"""The switch's small languages, with what a real one was seen to make of them (see the conformance suite)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchsim.syntax import brackets, expand, separate


def quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.mark.parametrize(
    ("text", "delimiter", "parts"),
    [
        ("a,b,c", ",", ["a", "b", "c"]),
        ("a  b c", " ", ["a", "b", "c"]),
        ("'a,b',c", ",", ["a,b", "c"]),
        ("it\\'s;x", ";", ["it's", "x"]),
        ("^^:a=1:b=2,3", ",", ["a=1", "b=2,3"]),
        ("a\\,b,c", ",", ["a,b", "c"]),
        ("x\\sy", ",", ["x y"]),
        ("lonely ' quote,b", ",", ["lonely ' quote", "b"]),
        ("", ",", []),
    ],
)
def test_separate(text: str, delimiter: str, parts: list[str]) -> None:
    assert separate(text, delimiter) == parts


def test_the_last_part_takes_the_rest() -> None:
    assert separate("a b c d", " ", 3) == ["a", "b", "c d"]


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc"])), min_size=1))
def test_what_is_quoted_comes_out_again(values: list[str]) -> None:
    assert separate(",".join(quote(value) for value in values), ",") == values


def test_brackets_are_taken_off_and_nest() -> None:
    variables, rest = brackets("{a=1,'b=x,y'}{c=2}sofia/agents/1000")
    assert variables == {"a": "1", "b": "x,y", "c": "2"}
    assert rest == "sofia/agents/1000"


def test_an_unclosed_bracket_is_no_bracket() -> None:
    assert brackets("{a=1") == ({}, "{a=1")


def test_expansion() -> None:
    values = {"name": "Wang"}
    text = "hi ${name} ${none}. ${echo(there)} $${name} $name"
    assert (
        expand(text, values.get, lambda command, argument: f"{command}:{argument}")
        == "hi Wang . echo:there Wang $name"
    )
