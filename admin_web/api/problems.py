"""Errors as problem details (RFC 9457), with the platform's stable ids; the type of a problem is a relative address
of the human page that explains it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, g, make_response, request

from core.errors import TemporaryFault, ZongjiError
from core.i18n import LazyText, current_language, gettext

PREFIX = "/api/v1/"
"""Every address below it answers in JSON alone, and knows no cookie."""

CONTENT_TYPE = "application/problem+json"


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One field or parameter that cannot be used."""

    field: str
    """Its name; of something inside a list ``members[0]``; empty for the whole."""
    code: str
    """``missing``, ``unknown`` or ``invalid``."""
    reason: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every refused request is answered with."""

    type: str
    id: str
    title: str
    status: int
    request_id: str = ""
    detail: dict[str, Any] = {}
    errors: list[FieldProblem] = []


def is_api() -> bool:
    """Return whether the request is one of the programming interface."""
    return request.path.startswith(PREFIX)


def _errors(error: ZongjiError) -> list[FieldProblem]:
    found = error.details.get("errors")
    if isinstance(found, list):
        return found
    field = error.details.get("field")
    if error.status == 422 and isinstance(field, str) and field:
        return [FieldProblem(field=field, code="invalid", reason=error.text())]
    return []


def problem_of(error: ZongjiError, request_id: str = "") -> Problem:
    """Return `error` as a problem, in the current language."""
    detail = {
        name: value if isinstance(value, (bool, int, float, str, list, dict)) else str(value)
        for name, value in error.details.items()
        if name not in {"errors", "field"}
    }
    return Problem(
        type=f"/api/docs#error-{error.id}",
        id=error.id,
        title=error.text(),
        status=error.status,
        request_id=request_id,
        detail={
            name: [str(each) if isinstance(each, LazyText) else each for each in value]
            if isinstance(value, list)
            else value
            for name, value in detail.items()
        },
        errors=_errors(error),
    )


def answer(error: ZongjiError) -> Response:
    """Return the response for `error`."""
    response = make_response(msgspec.json.encode(problem_of(error, g.get("request_id", ""))), error.status)
    response.content_type = CONTENT_TYPE
    response.headers["Content-Language"] = current_language()
    retry_after_s = error.details.get("retry_after_s")
    if retry_after_s is None and isinstance(error, TemporaryFault):
        retry_after_s = error.retry_after_s
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="zongji"'
    elif error.id == "scope-missing":
        scope = error.details["scope"]
        response.headers["WWW-Authenticate"] = (
            f'Bearer realm="zongji", error="insufficient_scope", scope="{scope}"'
        )
    if error.status == 405 and "allow" in error.details:
        response.headers["Allow"] = str(error.details["allow"])
    return response


def field_reason(code: str, reason: str = "") -> str:
    """Return the sentence for a field's problem."""
    if code == "missing":
        return gettext("This field is needed.")
    if code == "unknown":
        return gettext("There is no such field.")
    return gettext("This value cannot be used: %(reason)s", reason=reason)
