"""The document as a program reads it, and the page that shows it to people."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, current_app, render_template
from flask.typing import ResponseReturnValue

from admin_web.api import openapi
from admin_web.api.scopes import MEANINGS
from core.i18n import current_language
from core.permissions import Permission
from core.views import Open, View, parts


def current_document() -> dict[str, Any]:
    """Return the document in the language of the request; not to be changed."""
    endpoints = current_app.extensions["zongji-api-endpoints"]
    return openapi.document(endpoints, current_language())


class DocumentView(View):
    """The OpenAPI document. It tells nothing of any company, so it needs no key."""

    access = Open.PUBLIC

    def get(self) -> ResponseReturnValue:
        """Send it."""
        response = Response(msgspec.json.encode(current_document()), content_type="application/json")
        response.headers["Vary"] = "Accept-Language"
        return response


class DocsPage(View):
    """The document for people."""

    access = Permission.API_VIEW

    def get(self) -> ResponseReturnValue:
        """Show it."""
        return render_template(
            "api/docs.html",
            document=current_document(),
            operations=_operations(current_document()),
            problems=_problems(current_document()),
            scopes=MEANINGS,
            type_of=type_of,
            base=f"{parts().settings.effective_public_url}/api/v1",
        )


def _operations(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the operations by tag, each with what the page shows of it."""
    found: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append(
                {
                    **operation,
                    "method": method.upper(),
                    "path": path,
                    "scope": operation["security"][0]["key"][0],
                    "fields": _fields(document, operation.get("requestBody")),
                    "answers": [
                        _answer(document, status, each) for status, each in operation["responses"].items()
                    ],
                }
            )
    return found


def _schema(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = content.get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _fields(document: dict[str, Any], body: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the fields of a body: name, type, limits, whether needed, what it means."""
    if body is None:
        return []
    schema = _schema(document, body["content"]["application/json"])
    return [
        {
            "name": name,
            "type": type_of(document, each),
            "required": name in schema.get("required", ()),
            "description": each.get("description")
            or next((part["description"] for part in each.get("anyOf", ()) if "description" in part), ""),
        }
        for name, each in schema["properties"].items()
    ]


def type_of(document: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return a schema's type in a few words: ``integer 1…999``, ``string ≤ 100``, ``ring | answer``."""
    if "$ref" in schema:
        return type_of(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return " | ".join(type_of(document, each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    kind = str(schema.get("format") or schema.get("type", ""))
    if kind == "array":
        return f"[{type_of(document, schema['items'])}]"
    if "maximum" in schema and schema["maximum"] < 10**9:
        return f"{kind} {schema.get('minimum', 0)}…{schema['maximum']}"
    return f"{kind} ≤ {schema['maxLength']}" if "maxLength" in schema else kind


def _answer(document: dict[str, Any], status: str, answer: dict[str, Any]) -> dict[str, Any]:
    content = answer.get("content", {})
    media, inner = next(iter(content.items()), ("", dict[str, Any]()))
    ids = list(inner.get("examples", {}))
    example = inner.get("example")
    text = "" if example is None else msgspec.json.format(msgspec.json.encode(example), indent=2).decode()
    return {"status": status, "media": media, "ids": ids, "example": text}


def _problems(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every problem the document names, once, by status and id."""
    found: dict[str, dict[str, Any]] = {}
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    for name, example in content.get("examples", {}).items():
                        found[name] = example["value"]
    return sorted(found.values(), key=lambda each: (each["status"], each["id"]))
