"""Patterns and texts with places that tenants write (CTI-I11 to I13)."""

from __future__ import annotations

import time

import pytest

from ivr.patterns import MAX_PATTERN, is_pattern, matches
from ivr.places import MAX_FILLED, fill, names


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|a)*b", "(a|aa)+$x", "([a-z]+)*=", "((a{1,10}){1,10}){1,5}b", r"(\w*)*@"],
)
def test_no_pattern_hangs_a_call(pattern: str) -> None:
    began = time.process_time()
    matches(pattern, "a" * 200)
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize(
    "pattern", ["(", "[", "*", "a{1001}", r"(a)\1", "(?=a)", "\ud800", "a" * (MAX_PATTERN + 1)]
)
def test_what_is_no_pattern_matches_nothing(pattern: str) -> None:
    assert not is_pattern(pattern)
    assert not matches(pattern, pattern)


def test_the_whole_text_is_matched() -> None:
    assert matches("1[3-9][0-9]{9}", "13800138000")
    assert not matches("1[3-9][0-9]{9}", "13800138000\n")
    assert matches("北京|上海", "上海")
    assert not matches("a", "\ud800")


def test_places() -> None:
    assert names("{a}{b}/{not a place}{}{c") == ["a", "b"]
    assert fill("{a}-{gone}-{b c}", {"a": "{b}", "b": "x"}) == "{b}--{b c}"
    assert fill("{a}", {"a": "x"}, str.upper) == "X"


def test_a_filled_text_is_cut_where_it_gets_too_long() -> None:
    assert fill("ab{v}cd{v}e", {"v": "xyz"}, limit=6) == "abxyzc"
    assert [fill("a{v}b", {"v": "xyz"}, limit=limit) for limit in (-1, 0, 1, 3, 4, 5, 9)] == [
        "", "", "a", "axy", "axyz", "axyzb", "axyzb",
    ]  # fmt: skip
    assert len(fill("{v}" * 1000, {"v": "x" * 1000})) == MAX_FILLED


def test_what_is_beyond_the_limit_is_not_even_read() -> None:
    encoded: list[str] = []

    def encode(value: str) -> str:
        encoded.append(value)
        return value

    assert fill("{v}" * 1000, {"v": "x" * 100}, encode, 200) == "x" * 200
    assert len(encoded) == 2
