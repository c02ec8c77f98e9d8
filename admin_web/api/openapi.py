"""The OpenAPI 3.1 document, made of the declarations the views themselves run by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from admin_web import errors as web_errors
from admin_web.api import errors
from admin_web.api.examples import example_of, problem_examples
from admin_web.api.problems import CONTENT_TYPE, Problem
from admin_web.api.schemas import MAX_ID
from admin_web.api.scopes import MEANINGS
from admin_web.api.view import ApiView, ClashError, Operation
from core.errors import NotFound, ZongjiError
from core.i18n import gettext, lazy, use_language

VERSION: Final = "1.0.0"
_ARGUMENT = re.compile(r"<(\w+):(\w+)>")
_ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "id": {"type": "integer", "minimum": 1, "maximum": MAX_ID},
    "call": {"type": "string", "pattern": "^[0-9A-Za-z-]{1,64}$"},
}
_GENERIC = re.compile(r"(Page|All)_(\w+)_")

KEY_ERRORS: Final = (
    errors.KeyRefusedError,
    errors.KeyInvalidError,
    errors.KeyDisabledError,
    errors.KeyExpiredError,
    errors.KeyMakerError,
    errors.CompanyInactiveError,
)
EVERY: Final = (
    *KEY_ERRORS,
    errors.ScopeMissingError,
    errors.RightLostError,
    errors.AddressRefusedError,
    errors.InvalidRequestError,
    errors.RateLimitedError,
    web_errors.BugError,
    web_errors.DatabaseAwayError,
    web_errors.RedisAwayError,
)
"""What every operation may answer."""


def errors_of(method: str, kind: type[ApiView], operation: Operation) -> list[type[ZongjiError]]:
    """Return every error the operation may answer with, its own first."""
    found = [*operation.errors]
    if "<" in kind.rule or operation.references:
        found.append(NotFound)
    if operation.body is not None:
        found += [errors.MalformedError, errors.MediaTypeError, web_errors.TooLargeError]
    if method != "GET":
        found.append(ClashError)
    if method == "POST":
        found += [errors.IdempotencyKeyError, errors.IdempotencyMismatchError, errors.UnderWayError]
    return list(dict.fromkeys([*found, *EVERY]))


def address_of(rule: str) -> str:
    """Return a route's rule as OpenAPI writes it."""
    return _ARGUMENT.sub(r"{\2}", rule)


def name_of(name: str) -> str:
    """Return the name of a struct in the document: ``Account`` for ``AccountOut``, ``AccountPage`` for a page of it."""
    generic = _GENERIC.fullmatch(name)
    if generic is not None:
        return name_of(generic[2]) + ("Page" if generic[1] == "Page" else "List")
    return name.removesuffix("Out")


class _Builder:
    """Puts the document together in the current language."""

    def __init__(self, endpoints: Sequence[tuple[str, type[ApiView]]]) -> None:
        self.endpoints = endpoints
        kinds: list[Any] = [Problem]
        for operation in self._operations():
            kinds += [
                each for each in (operation.answer, operation.body, operation.query) if each is not None
            ]
        kinds = list(dict.fromkeys(kinds))
        references, components = msgspec.json.schema_components(kinds, ref_template="{name}")
        self.references = {
            kind: name_of(str(reference["$ref"])) for kind, reference in zip(kinds, references, strict=True)
        }
        self.components = {
            name_of(name): self._worded(schema, top=True) for name, schema in components.items()
        }

    def _operations(self) -> Iterable[Operation]:
        for _, kind in self.endpoints:
            yield from kind.operations.values()

    def _worded(self, schema: Any, *, top: bool = False) -> Any:
        """Return a schema with names of the document and descriptions in the current language."""
        if isinstance(schema, list):
            return [self._worded(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        found: dict[str, Any] = {}
        for key, value in schema.items():
            if key in {"title"} or (top and key == "description"):
                continue
            if key == "$ref":
                found[key] = f"#/components/schemas/{name_of(value)}"
            elif key == "description":
                found[key] = gettext(value)
            elif key == "properties":
                found[key] = {name: self._worded(each) for name, each in value.items()}
            elif key in {"examples", "default", "enum"}:
                found[key] = value
            else:
                found[key] = self._worded(value)
        if "enum" in found and top:
            found.pop("description", None)
        return found

    def _reference(self, kind: Any) -> dict[str, Any]:
        return {"$ref": f"#/components/schemas/{self.references[kind]}"}

    def document(self) -> dict[str, Any]:
        """Return the whole document."""
        paths: dict[str, Any] = {}
        for _, kind in self.endpoints:
            place = paths.setdefault(address_of(kind.rule), {})
            for method, operation in kind.operations.items():
                place[method.lower()] = self._operation(method, kind, operation)
        used = {name for name in self.components if name not in self._query_names()}
        return {
            "openapi": "3.1.0",
            "info": {
                "title": gettext("Zongji programming interface"),
                "version": VERSION,
                "description": gettext(
                    "Every request carries an API key: Authorization: Bearer zj_…. Errors are problem details "
                    "(RFC 9457); their texts follow Accept-Language (zh, en), their ids never change."
                ),
            },
            "servers": [{"url": "/api/v1"}],
            "security": [{"key": []}],
            "tags": [{"name": str(tag)} for tag in dict.fromkeys(kind.tag for _, kind in self.endpoints)],
            "paths": paths,
            "components": {
                "schemas": {name: schema for name, schema in self.components.items() if name in used},
                "securitySchemes": {
                    "key": {"type": "http", "scheme": "bearer", "description": self._scopes()}
                },
                "headers": _headers(),
            },
        }

    def _query_names(self) -> set[str]:
        return {self.references[each.query] for each in self._operations() if each.query is not None}

    @staticmethod
    def _scopes() -> str:
        lines = [f"- `{scope.value}`: {meaning.text}" for scope, meaning in MEANINGS.items()]
        return gettext("An API key. Its scopes:") + "\n\n" + "\n".join(lines)

    def _operation(self, method: str, kind: type[ApiView], operation: Operation) -> dict[str, Any]:
        found: dict[str, Any] = {
            "operationId": operation.id,
            "summary": str(operation.summary),
            "tags": [str(kind.tag)],
            "security": [{"key": [operation.scope.value]}],
            "parameters": self._parameters(method, kind, operation),
            "responses": self._responses(method, kind, operation),
        }
        if operation.description is not None:
            found["description"] = str(operation.description)
        if operation.body is not None:
            schema = self._reference(operation.body)
            found["requestBody"] = {
                "required": True,
                "content": {
                    "application/json": {"schema": schema, "example": example_of(schema, self.components)}
                },
            }
        return found

    def _parameters(self, method: str, kind: type[ApiView], operation: Operation) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for converter, name in _ARGUMENT.findall(kind.rule):
            found.append({"name": name, "in": "path", "required": True, "schema": _ARGUMENTS[converter]})
        if operation.query is not None:
            schema = self.components[self.references[operation.query]]
            for name, each in schema["properties"].items():
                parameter = {"name": name, "in": "query", "required": name in schema.get("required", ())}
                shape = dict(each)
                if "description" in shape:
                    parameter["description"] = shape.pop("description")
                if shape.get("default") == "":
                    del shape["default"]
                found.append({**parameter, "schema": shape})
        if method == "POST":
            found.append(
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "required": False,
                    "description": gettext(
                        "A name of your own for this request: repeated with the same one it is carried out once and "
                        "gets the same answer, for a day."
                    ),
                    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
                }
            )
        if errors.ChangedMeanwhileError in operation.errors:
            text = gettext(
                "ETag of what you read: the change is refused when it was changed in the meantime."
            )
            found.append(_header("If-Match", text))
        if operation.ranges:
            found.append(_header("Range", gettext("The part wanted, such as bytes=0-65535.")))
        return found

    def _responses(self, method: str, kind: type[ApiView], operation: Operation) -> dict[str, Any]:
        headers = {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
        }
        own = dict(headers)
        if operation.versioned:
            own["ETag"] = {"$ref": "#/components/headers/ETag"}
        answer: dict[str, Any] = {"description": gettext("Done"), "headers": own}
        if operation.answer is not None:
            schema = self._reference(operation.answer)
            answer["content"] = {
                "application/json": {"schema": schema, "example": example_of(schema, self.components)}
            }
        elif operation.media != "application/json":
            answer["content"] = {operation.media: {}}
        found = {str(operation.status): answer}
        if operation.ranges:
            found["206"] = {**answer, "description": gettext("The part asked for")}
        grouped: dict[int, list[type[ZongjiError]]] = {}
        for error in errors_of(method, kind, operation):
            grouped.setdefault(error.status, []).append(error)
        for status, kinds in sorted(grouped.items()):
            found[str(status)] = {
                "description": ", ".join(each.id for each in kinds),
                "headers": headers if status not in {401, 500, 503} else {},
                "content": {
                    CONTENT_TYPE: {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "examples": problem_examples(kinds),
                    }
                },
            }
        return found


def _header(name: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": text,
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    }


_HEADERS: Final = {
    "RateLimit-Limit": lazy("Requests a minute the key may make"),
    "RateLimit-Remaining": lazy("Requests left in the present minute"),
    "RateLimit-Reset": lazy("Seconds until the oldest request of the minute no longer counts"),
}


def _headers() -> dict[str, Any]:
    found: dict[str, Any] = {
        name: {"description": str(text), "schema": {"type": "integer", "minimum": 0}}
        for name, text in _HEADERS.items()
    }
    found["ETag"] = {"description": gettext("Version of what is answered"), "schema": {"type": "string"}}
    return found


@cache
def document(endpoints: tuple[tuple[str, type[ApiView]], ...], language: str) -> dict[str, Any]:
    """Return the document of `endpoints` (route name and view) in `language`; not to be changed."""
    with use_language(language):
        return _Builder(endpoints).document()
