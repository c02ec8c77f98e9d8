"""Paths into JSON answers (CTI-I12)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import json_path
from ivr.json_path import BadPathError, UnreadableError

ANSWER = """{"code": 0, "data": {"orders": [{"no": "A1", "price": 12.50, "paid": true, "note": null},
 {"no": "A2", "price": 1e3}], "name": "王小明", "a.b": 1}, "big": 90071992547409931234}"""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("code", "0"),
        ("data.orders.0.no", "A1"),
        ("$.data.orders[1].no", "A2"),
        ("$['data']['name']", "王小明"),
        ('$["data"].orders[0].paid', "true"),
        ("data.orders.0.price", "12.50"),
        ("data.orders.1.price", "1e3"),
        ("big", "90071992547409931234"),
        (" data.name ", "王小明"),
        ("data.orders.1", '{"no":"A2","price":1e3}'),
        ("data.orders.0.note", None),
        ("data.orders.2.no", None),
        ("data.orders.-1.no", None),
        ("data.orders.x", None),
        ("data.name.0", None),
        ("nothing", None),
        ("data.orders.٣", None),
    ],
)
def test_a_path_finds_the_value_as_it_is_written(path: str, value: str | None) -> None:
    assert json_path.find(json_path.read(ANSWER), json_path.parse(path)) == value


def test_no_step_is_the_whole_answer() -> None:
    assert (
        json_path.find(json_path.read('[1, 2.0, "x", false, null]'), json_path.parse("$"))
        == '[1,2.0,"x",false,null]'
    )


@pytest.mark.parametrize("path", ["a..b", "a.", "$.a[*].b", "a[?(@.x)]", "..a", "x" * 201, "a[", "$..a"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(BadPathError):
        json_path.parse(path)


@pytest.mark.parametrize("text", ["", "<html>", "{", '{"a": NaN}', "[" * 30_000, "1 2"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        json_path.read(text)


def test_an_answer_nested_deep_is_no_stack_overflow() -> None:
    deep = "[" * 900 + "1" + "]" * 900
    try:
        document = json_path.read(deep)
    except UnreadableError:
        return
    assert json_path.find(document, ()) in (None, deep)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.text(max_size=30))
def test_any_answer_and_any_path_give_text_or_nothing(value: object, path: str) -> None:
    document = json_path.read(json.dumps(value))
    try:
        steps = json_path.parse(path)
    except BadPathError:
        return
    found = json_path.find(document, steps)
    assert found is None or isinstance(found, str)


@given(json_values)
def test_a_list_or_object_is_given_as_the_same_json(value: object) -> None:
    found = json_path.find(json_path.read(json.dumps(value)), ())
    if isinstance(value, list | dict):
        assert found is not None
        assert json.loads(found) == value
