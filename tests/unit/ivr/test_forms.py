"""Each node type's form for the editor (CTI-I2): complete, translated, and in step with the type's fields."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from ivr import checks, model
from ivr.model import Flow, FlowVariable
from ivr.nodes import NODE_TYPES, describe, row_type
from ivr.nodes.base import Node
from ivr.nodes.form import Field, Kind

COMMON = {"code", "name", "type_ahead"}
ROOT = Path(__file__).resolve().parents[3]
TYPES = sorted(NODE_TYPES)


def names(struct: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(struct)}


def test_every_node_type_of_the_manuals_and_more_is_there() -> None:
    assert set(TYPES) == {
        "playback", "menu", "transfer", "time", "region", "voicemail", "collect", "http", "branch", "assign", "hangup",
        "survey", "consent", "flow", "callback", "sms",
    }  # fmt: skip


@pytest.mark.parametrize("tag", TYPES)
def test_the_form_has_each_field_and_no_other(tag: str) -> None:
    cls = NODE_TYPES[tag]
    assert {field.name for field in cls.form} == names(cls) - COMMON
    for field in cls.form:
        if field.kind is Kind.ROWS:
            assert {each.name for each in field.of} == names(row_type(cls, field.name))
            assert not any(each.of for each in field.of)
        elif field.kind is Kind.PAIRS:
            assert names(row_type(cls, field.name)) == {"name", "value"}
        else:
            assert field.of == ()
    repeated = [name for name, count in Counter(field.name for field in cls.form).items() if count > 1]
    for name in repeated:
        conditions = [json.dumps(field.when) for field in cls.form if field.name == name]
        assert len(set(conditions)) == len(conditions)
        assert "{}" not in conditions


@pytest.mark.parametrize("tag", TYPES)
def test_kinds_fit_what_the_fields_hold(tag: str) -> None:
    cls = NODE_TYPES[tag]
    node = cls(code="a")
    for field in cls.form:
        check_kind(field, getattr(node, field.name))
        if field.kind in {Kind.ROWS, Kind.PAIRS}:
            row = row_type(cls, field.name)()
            for each in field.of:
                check_kind(each, getattr(row, each.name))
    assert {field.name for field in cls.form if field.kind is Kind.PROMPTS} == set(node.prompt_lists())


def check_kind(field: Field, value: object) -> None:
    lists = {Kind.PROMPTS, Kind.WEEKDAYS, Kind.REGIONS, Kind.KEYS, Kind.PAIRS, Kind.ROWS}
    numbers = {Kind.INTEGER, Kind.QUEUE, Kind.EXTENSION, Kind.FLOW}
    if field.kind in lists:
        assert isinstance(value, list)
    elif field.kind is Kind.KEY_NODES:
        assert isinstance(value, dict)
    elif field.kind is Kind.BOOLEAN:
        assert isinstance(value, bool)
    elif field.kind in numbers:
        assert isinstance(value, int)
    else:
        assert isinstance(value, str)
    if field.kind is Kind.INTEGER:
        assert field.lowest is not None
        assert field.highest is not None
        assert field.lowest <= int(str(value)) <= field.highest
    assert bool(field.choices) == (field.kind is Kind.CHOICE)
    if field.kind is Kind.CHOICE:
        assert value in {choice.value for choice in field.choices}
    for name in field.when:
        assert name != field.name


@pytest.mark.parametrize("tag", TYPES)
def test_arrows_are_node_fields_and_the_reverse(tag: str) -> None:
    """The editor draws an arrow for each field of a node: the checks must know the same ones."""
    node = filled(NODE_TYPES[tag])
    arrows = {"".join("0" if part.isdigit() else part for part in exit_.field) for exit_ in node.exits()}
    expected = set()
    for field in node.form:
        if field.kind is Kind.NODE:
            expected.add(field.name)
        elif field.kind is Kind.KEY_NODES:
            expected.add(f"{field.name}.0")
        expected |= {f"{field.name}.0.{each.name}" for each in field.of if each.kind is Kind.NODE}
    assert arrows == expected
    required = {field.name for field in node.form if field.kind is Kind.NODE and field.required}
    assert required <= {exit_.field for exit_ in node.exits() if exit_.required}


def filled(cls: type[Node]) -> Node:
    """A node with one row in each list of rows, and one key."""
    values: dict[str, object] = {}
    for field in cls.form:
        if field.kind is Kind.ROWS:
            values[field.name] = [row_type(cls, field.name)()]
        elif field.kind is Kind.KEY_NODES:
            values[field.name] = {"1": ""}
    return cls(code="a", **values)


@pytest.mark.parametrize("tag", TYPES)
def test_a_new_node_is_a_document_whose_problems_are_on_fields_of_its_form(tag: str) -> None:
    blank = next(each["blank"] for each in describe("en") if each["type"] == tag)
    flow = model.decode(json.dumps({"nodes": [{**blank, "code": "a"}], "entry": "a", "name": "f"}))
    assert flow.nodes[0] == NODE_TYPES[tag](code="a")
    shown = {field.name for field in NODE_TYPES[tag].form} | {"name"}
    for problem in checks.check(flow):
        if problem.node:
            assert problem.field.split(".")[0] in shown


@pytest.mark.parametrize("tag", TYPES)
def test_variables_named_in_a_form_are_checked(tag: str) -> None:
    """A field that names a variable is among those that keep the variable from being deleted (CTI-I3)."""
    cls = NODE_TYPES[tag]
    for field in cls.form:
        for each, path in [(field, field.name), *((sub, f"{field.name}.0.{sub.name}") for sub in field.of)]:
            if each.kind not in {Kind.VARIABLE, Kind.ANY_VARIABLE}:
                continue
            values: dict[str, object] = {**field.when}
            values[field.name] = [{each.name: "gone"}] if field.of else "gone"
            node = msgspec.convert({"type": tag, "code": "a", "name": "a", **values}, cls)
            flow = Flow(name="f", entry="a", nodes=[node], variables=[FlowVariable(name="v")])
            assert ("unknown-variable", path) in {(p.id, p.field) for p in checks.check(flow)}
            assert ("a", path) in checks.variable_users(flow, "gone")


def test_texts_with_places_are_marked_in_every_language() -> None:
    """The editor offers variables for them, whatever the language of their help."""
    for language in ("zh", "en"):
        marked = {
            (each["type"], field["name"])
            for each in describe(language)
            for field in each["fields"]
            for field in (field, *field["of"])
            if field["places"]
        }
        assert marked == {("http", "url"), ("assign", "value"), ("sms", "text")}


def test_descriptions_are_json_and_complete_in_both_languages() -> None:
    english, chinese = describe("en"), describe("zh")
    assert json.loads(json.dumps(chinese)) == chinese
    assert [each["type"] for each in english] == [each["type"] for each in chinese]
    for one, other in zip(texts(english), texts(chinese), strict=True):
        assert one
        if any(character.isalpha() for character in one) and one not in {"GET", "POST"}:
            assert any("一" <= character <= "鿿" for character in other), one


def texts(value: object) -> list[str]:
    found: list[str] = []
    if isinstance(value, dict):
        found += [str(value[key]) for key in ("label", "description", "help") if value.get(key)]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            found += texts(each)
    return found


def test_icons_are_in_the_sprite() -> None:
    icons = json.loads((ROOT / "admin_web/frontend/icons.json").read_text())
    assert {cls.icon for cls in NODE_TYPES.values()} <= set(icons)
    assert all(cls.label and cls.description for cls in NODE_TYPES.values())
