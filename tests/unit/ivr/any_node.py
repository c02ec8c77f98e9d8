"""Any node of any type, as a draft or an import may hold it: made from the types' own fields, so that a new node
type is among them by being there.
"""

from __future__ import annotations

import enum
import functools
import types
import typing
from typing import Any

import msgspec
from hypothesis import strategies as st

from ivr.nodes import NODE_TYPES
from ivr.nodes.base import Node

WORDS = [
    "", "nowhere", "n0", "n1", "n2", "n3", "unset", "v", "w", "caller_number", "{v}", "{", "1", "#", "*", "55", "09:00",
    "24:00", "25:61", "cn", "7", "广东", "广东/深圳", "http://example.com/{v}", "http://[", "(", "[0-9]+", "a.b[0]",
    "\r\nX: 1",
]  # fmt: skip


def any_node(code: str) -> st.SearchStrategy[Node]:
    """Return any node named `code`."""
    return st.sampled_from(sorted(NODE_TYPES)).flatmap(
        lambda tag: _struct(NODE_TYPES[tag], code=st.just(code))
    )


def _struct(cls: type[msgspec.Struct], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    values = {field.name: _value(field.type) for field in msgspec.structs.fields(cls)}
    return st.builds(cls, **{**values, **fixed})


@functools.cache
def _value(kind: Any) -> st.SearchStrategy[Any]:
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return st.lists(_value(inside[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(_value(inside[0]), _value(inside[1]), max_size=3)
    if origin in {typing.Union, types.UnionType}:
        return st.one_of([_value(each) for each in inside])
    if kind is str:
        return st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
    if kind is int:
        return st.one_of(st.integers(-2, 12), st.integers(-(2**62), 2**62))
    if kind is bool:
        return st.booleans()
    if issubclass(kind, enum.Enum):
        return st.sampled_from(list(kind))
    return _struct(kind)
