"""The node types: every module here that has a subclass of `Node` holds one; importing this package finds them
all.
"""

from __future__ import annotations

import importlib
import pkgutil
import typing
from typing import TYPE_CHECKING, Any, Union

import msgspec

from core.i18n import gettext, use_language
from ivr.nodes.base import Node
from ivr.nodes.form import Choice, Field, Group, Kind
from ivr.problems import N_


def _node_types() -> tuple[type[Node], ...]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted(Node.__subclasses__(), key=lambda cls: str(cls.__struct_config__.tag)))


NODE_TYPES: dict[str, type[Node]] = {str(cls.__struct_config__.tag): cls for cls in _node_types()}
"""Node type (the ``type`` of a node in a document) to its class."""

if TYPE_CHECKING:
    AnyNode = Node
else:
    AnyNode = Union[tuple(NODE_TYPES.values())]  # noqa: UP007 - built at run time, from whatever files are there


TYPE_AHEAD = Field(
    name="type_ahead",
    kind=Kind.CHOICE,
    label=N_("Keys pressed before"),
    help=N_("Keys a caller pressed ahead, before this node was reached."),
    choices=(
        Choice(value="keep", label=N_("They count")),
        Choice(value="flush", label=N_("They are forgotten")),
    ),
)
"""The field all nodes have besides code and name."""


def describe(language: str) -> list[dict[str, Any]]:
    """Return the node types for the editor, as JSON-safe values with their texts in `language`: ``type``, ``label``,
    ``description``, ``icon``, ``group``, ``fields`` and ``blank``, a new node's document. In order of palette.
    """
    with use_language(language):
        ordered = sorted(NODE_TYPES.items(), key=lambda item: (list(Group).index(item[1].group), item[0]))
        return [_described(tag, cls) for tag, cls in ordered]


def _described(tag: str, cls: type[Node]) -> dict[str, Any]:
    return {
        "type": tag,
        "label": gettext(cls.label),
        "description": gettext(cls.description),
        "icon": cls.icon,
        "group": cls.group.value,
        "fields": [_field(cls, field) for field in (*cls.form, TYPE_AHEAD)],
        "blank": msgspec.to_builtins(cls(code="")),
    }


def _field(owner: type[msgspec.Struct], field: Field) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(field)
    values |= {"label": gettext(field.label), "help": gettext(field.help) if field.help else ""}
    values["of"] = []
    values["choices"] = [{"value": each.value, "label": gettext(each.label)} for each in field.choices]
    if field.kind in {Kind.ROWS, Kind.PAIRS}:
        row = row_type(owner, field.name)
        values["of"] = [_field(row, each) for each in field.of]
        values["blank"] = msgspec.to_builtins(row())
    return values


def row_type(owner: type[msgspec.Struct], name: str) -> type[msgspec.Struct]:
    """Return what the list in the field `name` of `owner` holds."""
    kind = next(each.type for each in msgspec.structs.fields(owner) if each.name == name)
    row: type[msgspec.Struct] = typing.get_args(kind)[0]
    return row
