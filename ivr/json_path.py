"""Where a value is in a JSON answer (CTI-I12): ``lines.0.price``, also written ``$.lines[0].price``. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_PATH = 200
"""Characters of a path."""

_BRACKETS = re.compile(r"\[(?:(\d+)|'([^'\]]*)'|\"([^\"\]]*)\")\]")


class BadPathError(ValueError):
    """The text is no path."""


class UnreadableError(ValueError):
    """The text is no JSON document, or one nested too deep."""


def parse(path: str) -> tuple[str, ...]:
    """Return the steps of a path: names of members, or positions in lists counted from 0. No step at all means the
    whole document. Raises :class:`BadPathError`.
    """
    text = path.strip()
    if len(text) > MAX_PATH:
        raise BadPathError(f"longer than {MAX_PATH} characters")
    text = text.removeprefix("$")
    text = _BRACKETS.sub(lambda found: "." + next(each for each in found.groups() if each is not None), text)
    text = text.removeprefix(".")
    if not text:
        return ()
    steps = tuple(text.split("."))
    if any(not step or set(step) & set("[]*?()@") for step in steps):
        raise BadPathError("members are separated by single dots, positions are numbers")
    return steps


def read(text: str) -> Any:
    """Return a JSON document with its numbers as they are written (``12.50`` stays that). Raises
    :class:`UnreadableError`.
    """
    try:
        return json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(str(error)[:200]) from None


def find(document: Any, steps: tuple[str, ...]) -> str | None:
    """Return the value at `steps` of what :func:`read` returned, as text: a list or an object as JSON. None when the
    path leads nowhere, or to null.
    """
    value = document
    for step in steps:
        if isinstance(value, dict):
            if step not in value:
                return None
            value = value[step]
        elif isinstance(value, list):
            if not (step.isascii() and step.isdigit() and len(step) < 10) or int(step) >= len(value):
                return None
            value = value[int(step)]
        else:
            return None
    try:
        return _text(value)
    except RecursionError:
        return None


class _Number(str):
    """A number as it is written."""


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    return "".join(_pieces(value))


def _pieces(value: Any) -> list[str]:
    """Return a list or an object as compact JSON, numbers as they were written."""
    if isinstance(value, _Number):
        return [str(value)]
    if isinstance(value, dict):
        members = [
            f"{json.dumps(name, ensure_ascii=False)}:{''.join(_pieces(each))}" for name, each in value.items()
        ]
        return ["{", ",".join(members), "}"]
    if isinstance(value, list):
        return ["[", ",".join("".join(_pieces(each)) for each in value), "]"]
    return [json.dumps(value, ensure_ascii=False)]


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
