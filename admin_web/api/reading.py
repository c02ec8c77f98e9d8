"""What was sent as typed structs: JSON bodies, query parameters. All problems at once, each with its field's name."""

from __future__ import annotations

import re
import typing
from typing import Any, Final, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct, UnsetType
from werkzeug.datastructures import MultiDict

from admin_web.api.errors import InvalidRequestError, MalformedError, MediaTypeError
from admin_web.api.problems import FieldProblem, field_reason

MAX_BODY_BYTES: Final = 64 * 1024
"""Largest body of a request of the programming interface."""

S = TypeVar("S", bound=Struct)
_WHOLE = re.compile(r"-?\d{1,18}")
_PLACE = re.compile(r" - at `\$(.*)`$")
_BOOLEANS: Final = {"true": True, "false": False}


def body(kind: type[S], data: bytes, mimetype: str) -> S:
    """Return the JSON object in `data` as a `kind`.

    Raises :class:`MediaTypeError`, :class:`MalformedError`, :class:`InvalidRequestError`.
    """
    if mimetype != "application/json":
        raise MediaTypeError()
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise MalformedError() from None
    if not isinstance(raw, dict):
        raise MalformedError()
    return _struct(kind, raw)


def query(kind: type[S], arguments: MultiDict[str, str]) -> S:
    """Return the query parameters as a `kind`; one given twice is refused. Raises :class:`InvalidRequestError`."""
    hints = typing.get_type_hints(kind)
    raw: dict[str, Any] = {}
    problems = []
    for name, texts in arguments.lists():
        if len(texts) > 1:
            reason = field_reason("invalid", "given more than once")
            problems.append(FieldProblem(field=name[:100], code="invalid", reason=reason))
        raw[name] = _typed(hints.get(_attribute(kind, name)), texts[0])
    if problems:
        raise InvalidRequestError(errors=problems)
    return _struct(kind, raw)


def _attribute(kind: type[Struct], name: str) -> str:
    return next((each.name for each in msgspec.structs.fields(kind) if each.encode_name == name), "")


def _typed(hint: Any, text: str) -> Any:
    """Return a parameter's text as the JSON value its type takes; as it is where it is none."""
    kinds = {hint, *typing.get_args(hint)}
    if int in kinds:
        return int(text) if _WHOLE.fullmatch(text) else text
    if bool in kinds:
        return _BOOLEANS.get(text, text)
    return text


def _struct(kind: type[S], raw: dict[str, Any]) -> S:
    fields = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    problems = [
        FieldProblem(field=name[:100], code="unknown", reason=field_reason("unknown"))
        for name in raw
        if name not in fields
    ]
    for name, field in fields.items():
        if name not in raw:
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                problems.append(FieldProblem(field=name, code="missing", reason=field_reason("missing")))
            continue
        try:
            msgspec.convert(raw[name], _without_unset(field.type))
        except msgspec.ValidationError as error:
            problems.append(_invalid(name, str(error)))
    if problems:
        raise InvalidRequestError(errors=problems)
    return msgspec.convert(raw, kind)


def _without_unset(hint: Any) -> Any:
    """Return the type without the mark for "not given", which is no value of a field by itself."""
    left = tuple(each for each in typing.get_args(hint) if each is not UnsetType)
    if UnsetType not in typing.get_args(hint):
        return hint
    return left[0] if len(left) == 1 else typing.Union[left]  # noqa: UP007 - made of a tuple


def _invalid(name: str, text: str) -> FieldProblem:
    """Return the problem of one field; what msgspec says of the place inside it completes the name."""
    place = _PLACE.search(text)
    inside = place.group(1) if place else ""
    reason = text[: place.start()] if place else text
    return FieldProblem(field=f"{name}{inside}", code="invalid", reason=field_reason("invalid", reason))
