"""What differs between two versions, in words (CTI-I14)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import model
from ivr.field_words import fields_of
from ivr.nodes import NODE_TYPES
from ivr.nodes.base import Node, ReferenceKind
from ivr.versions import What, differences
from tests.unit.ivr.any_node import any_node

NAMES = {
    (ReferenceKind.QUEUE, 7): "Sales",
    (ReferenceKind.QUEUE, 8): "Service",
    (ReferenceKind.VOICE, 3): "Welcome",
}


def flow(*nodes: dict[str, Any], **fields: Any) -> model.Flow:
    return msgspec.convert({"nodes": list(nodes), **fields}, model.Flow)


def node(kind: str, code: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "code": code, "name": code.title(), **fields}


def found(before: model.Flow, after: model.Flow) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    return [
        (each.what.value, each.node, [(field.field, field.before, field.after) for field in each.fields])
        for each in differences(before, after, NAMES, "en")
    ]


def test_nothing_differs_from_itself_and_places_on_the_canvas_do_not_count() -> None:
    same = flow(node("hangup", "bye"), layout={"bye": [0, 0]})
    assert found(same, flow(node("hangup", "bye"), layout={"bye": [9, 9]})) == []


def test_values_are_told_by_their_names() -> None:
    before = flow(
        node("transfer", "to", to="queue", target_id=7, failure="bye"), node("hangup", "bye"), entry="to"
    )
    after = flow(
        node("transfer", "to", to="queue", target_id=8, failure=""),
        node("hangup", "bye", prompts=[{"kind": "voice", "voice_id": 3}, {"kind": "text", "text": "Bye"}]),
        entry="bye",
    )
    assert found(before, after) == [
        ("changed", "", [("entry", "To", "Bye")]),
        ("changed", "to", [("target_id", "Sales", "Service"), ("failure", "Bye", "")]),
        ("changed", "bye", [("prompts", "", "Recording “Welcome”\nBye")]),
    ]


def test_a_node_that_is_called_otherwise_is_still_where_calls_enter_and_keys_lead() -> None:
    fields: dict[str, Any] = {"entry": "m", "fallback": "bye"}
    before = flow(node("menu", "m", keys={"1": "bye"}), node("hangup", "bye"), **fields)
    after = flow(
        node("menu", "m", keys={"1": "bye"}, name="Main"), node("hangup", "bye", name="End"), **fields
    )
    assert found(before, after) == [
        ("changed", "m", [("name", "M", "Main")]),
        ("changed", "bye", [("name", "Bye", "End")]),
    ]


def test_two_nodes_of_one_name_are_told_by_their_codes() -> None:
    nodes = node("menu", "m", name="Menu"), node("hangup", "bye", name="Menu")
    assert found(flow(*nodes, entry="m"), flow(*nodes, entry="bye")) == [
        ("changed", "", [("entry", "m", "bye")])
    ]


def test_keys_and_rules_are_told_apart() -> None:
    before = flow(node("menu", "m", keys={"1": "a", "2": "b"}), node("hangup", "a"), node("hangup", "b"))
    after = flow(node("menu", "m", keys={"1": "b", "3": "a"}), node("hangup", "a"), node("hangup", "b"))
    assert found(before, after) == [
        ("changed", "m", [("keys.1", "A", "B"), ("keys.3", "", "A"), ("keys.2", "B", "")])
    ]
    rule = {"start": "09:00", "end": "18:00", "weekdays": [1, 2], "target": "a"}
    one = flow(node("time", "t", rules=[rule]), node("hangup", "a"))
    two = flow(node("time", "t", rules=[{**rule, "end": "17:00"}]), node("hangup", "a"))
    [(_, _, [(field, was, is_now)])] = found(one, two)
    assert field == "rules"
    assert "18:00" in was
    assert "17:00" in is_now
    assert "Monday, Tuesday" in is_now


def test_nodes_are_added_removed_and_change_their_type() -> None:
    before = flow(node("hangup", "a"), node("hangup", "b"))
    after = flow(node("playback", "b"), node("hangup", "c"))
    told = differences(before, after, NAMES, "en")
    assert [(each.what, each.node, each.type) for each in told] == [
        (What.CHANGED, "b", "Playback"),
        (What.ADDED, "c", "Hang up"),
        (What.REMOVED, "a", "Hang up"),
    ]
    assert ("type", "Hang up", "Playback") in [
        (field.field, field.before, field.after) for field in told[0].fields
    ]


def test_variables_are_told() -> None:
    after = flow(variables=[{"name": "vip", "description": "Yes or no", "initial": "no"}])
    [(_, node_code, [(field, was, is_now)])] = found(flow(), after)
    assert (node_code, field, was) == ("", "variables.vip", "")
    assert is_now == "vip · Yes or no · begins as no"


@settings(deadline=None)  # the first reads the Chinese catalogue
@given(st.lists(any_node("a") | any_node("b"), max_size=3), st.lists(any_node("b"), max_size=2))
def test_any_two_documents_can_be_compared(before: list[Node], after: list[Node]) -> None:
    old, new = model.Flow(nodes=before), model.Flow(nodes=after)
    assert differences(old, old, NAMES, "zh") == []
    for each in differences(old, new, NAMES, "zh"):
        for field in each.fields:
            assert field.label
            assert field.before != field.after


@pytest.mark.parametrize("kind", sorted(NODE_TYPES))
def test_every_field_is_compared(kind: str) -> None:
    node_type = NODE_TYPES[kind]
    fields = {field.name for field in msgspec.structs.fields(node_type)} - {"code", "name", "type_ahead"}
    assert {field.name for field in fields_of(node_type(code="a"))} == fields
    assert all(field.label != field.name for field in fields_of(node_type(code="a")) if field.label), kind
