"""What differs between two flow documents, by node and field, in words (CTI-I14). Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from core.i18n import gettext, use_language
from ivr.field_words import Names, Words, field_label, fields_of, translated
from ivr.model import Flow, FlowVariable
from ivr.nodes.base import Node

__all__ = ["Difference", "FieldDifference", "Names", "What", "differences"]


class What(enum.StrEnum):
    """What happened to a node between two versions."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class FieldDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One field's value before and after, as people read it; empty: there was none."""

    field: str
    label: str
    before: str
    after: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One node that differs; the flow itself has an empty `node`. Where it stands on the canvas does not count."""

    what: What
    node: str
    name: str
    type: str
    """The type's name for people; empty for the flow itself."""
    fields: list[FieldDifference]


def differences(before: Flow, after: Flow, names: Names, language: str) -> list[Difference]:
    """Return what was changed from `before` to `after`: the flow itself first, then the nodes as `after` has them,
    then those that are gone. `names` are those of what the flows refer to; texts are in `language`.
    """
    with use_language(language):
        old, new = _by_code(before), _by_code(after)
        words = _Sides(before, after, names)
        found = _flow(before, after, words)
        for code, node in new.items():
            found += _node(old.get(code), node, words)
        for code, node in old.items():
            if code not in new:
                found += _node(node, None, words)
        return found


def _by_code(flow: Flow) -> dict[str, Node]:
    return {node.code: node for node in flow.nodes}


class _Sides:
    """Words for both documents: as people read them, and with nodes by code, which say whether a value changed: a
    node that was renamed is the same one.
    """

    def __init__(self, before: Flow, after: Flow, names: Names) -> None:
        self.before, self.after = Words(before, names), Words(after, names)
        self.codes = Words(after, names, codes=True)

    def changed(
        self,
        old: Callable[[Words], Mapping[str, str]],
        new: Callable[[Words], Mapping[str, str]],
        labels: Mapping[str, str],
    ) -> list[FieldDifference]:
        """Return what differs between the values of `old` and `new`, each told in the words it is given."""
        exact_old, exact_new = old(self.codes), new(self.codes)
        read_old, read_new = old(self.before), new(self.after)
        found = []
        for field in dict.fromkeys([*exact_new, *exact_old]):
            exact = exact_old.get(field, ""), exact_new.get(field, "")
            if exact[0] == exact[1]:
                continue
            read = read_old.get(field, ""), read_new.get(field, "")
            shown = exact if read[0] == read[1] else read  # two nodes of one name
            found.append(FieldDifference(field=field, label=labels[field], before=shown[0], after=shown[1]))
        return found


def _flow(before: Flow, after: Flow, words: _Sides) -> list[Difference]:
    labels = {**_flow_labels(before), **_flow_labels(after)}
    fields = words.changed(partial(_flow_values, before), partial(_flow_values, after), labels)
    if not fields:
        return []
    return [Difference(what=What.CHANGED, node="", name=after.name, type="", fields=fields)]


def _flow_values(flow: Flow, words: Words) -> dict[str, str]:
    values = {"name": flow.name, "entry": words.node(flow.entry), "fallback": words.node(flow.fallback)}
    return values | {f"variables.{each.name}": _variable(each) for each in flow.variables}


def _variable(variable: FlowVariable) -> str:
    parts = [variable.name, variable.description]
    if variable.initial:
        parts.append(gettext("begins as %(value)s", value=variable.initial))
    return " · ".join(part for part in parts if part)


def _flow_labels(flow: Flow) -> dict[str, str]:
    labels = {
        "name": gettext("Name"),
        "entry": gettext("Calls enter at"),
        "fallback": gettext("When a node fails"),
    }
    named = {
        f"variables.{each.name}": gettext("Variable %(name)s", name=each.name) for each in flow.variables
    }
    return labels | named


def _node(old: Node | None, new: Node | None, words: _Sides) -> list[Difference]:
    present = new or old
    assert present is not None
    labels = {**(_labels(old) if old is not None else {}), **(_labels(new) if new is not None else {})}
    fields = words.changed(partial(_values, old), partial(_values, new), labels)
    what = What.ADDED if old is None else What.REMOVED if new is None else What.CHANGED
    if what is What.CHANGED and not fields:
        return []
    return [
        Difference(
            what=what,
            node=present.code,
            name=present.name or present.code,
            type=type_name(present),
            fields=fields,
        )
    ]


def type_name(node: Node) -> str:
    """Return what a node's type is called, in the current language."""
    return translated(node.label) or str(node.__struct_config__.tag)


def _values(node: Node | None, words: Words) -> dict[str, str]:
    if node is None:
        return {}
    values = {"type": type_name(node), "name": node.name}
    values["type_ahead"] = "" if node.type_ahead == "keep" else gettext("forgotten")
    for field in fields_of(node):
        values |= words.values(field, getattr(node, field.name))
    return values


def _labels(node: Node) -> dict[str, str]:
    labels = {
        "type": gettext("Type"),
        "name": gettext("Name"),
        "type_ahead": gettext("Keys pressed before"),
    }
    for field in fields_of(node):
        labels |= field_label(field, getattr(node, field.name))
    return labels
