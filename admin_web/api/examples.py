"""Examples for the document, made of the declarations: the first example, value or default each schema names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from admin_web.api.problems import problem_of
from core.errors import ZongjiError

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_SAMPLES: dict[str, Any] = {
    "scope": "accounts:read",
    "limit": 600,
    "retry_after_s": 12,
    "address": "203.0.113.7",
    "login": "anna",
    "request_id": "9f2c7f1c5a6b4d3e",
}


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """Return a value `schema` allows."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components)
    if schema.get("examples"):
        return schema["examples"][0]
    if "default" in schema and schema["default"] not in ("", [], {}):
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components)
    if schema.get("type") == "array":
        return [example_of(schema["items"], components)]
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        return {name: example_of(each, components) for name, each in properties.items()}
    return {"integer": schema.get("minimum", 1), "number": 1, "boolean": True}.get(schema.get("type", ""), "")


def problem_examples(kinds: Iterable[type[ZongjiError]]) -> dict[str, Any]:
    """Return an example of a problem for each of `kinds`, by id."""
    found = {}
    for kind in kinds:
        names = _PLACEHOLDER.findall(kind.sentence.message)
        error = kind(**{name: _SAMPLES.get(name, "…") for name in names})
        found[kind.id] = {"value": msgspec.to_builtins(problem_of(error))}
    return found
