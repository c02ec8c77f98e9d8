"""The switch's own small languages: splitting with quotes, dial-string variables, ``${variable}`` expansion."""

from __future__ import annotations

import re
from collections.abc import Callable

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "s": " "}
_USE = re.compile(r"\$\{([A-Za-z0-9_.-]+)(?:\(([^{}]*)\))?\}|\$\$\{([A-Za-z0-9_.-]+)\}")


def separate(text: str, delimiter: str, limit: int = 1024) -> list[str]:
    """Split as ``switch_separate_string`` does: quotes protect, backslash escapes, one layer of both is removed.

    A leading ``^^x`` makes ``x`` the delimiter. At most `limit` parts; the last one takes the rest.
    """
    if text.startswith("^^") and len(text) > 3:
        delimiter, text = text[2], text[3:]
    blank = delimiter == " "
    parts: list[str] = []
    start = at = 0
    quoted = False
    if blank:
        text = text.lstrip(" ")
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'" and (quoted or "'" in text[at + 1 :]):
            quoted = not quoted
        elif char == delimiter and not quoted and len(parts) < limit - 1:
            parts.append(text[start:at])
            while blank and at + 1 < len(text) and text[at + 1] == " ":
                at += 1
            start = at + 1
        at += 1
    if start < len(text):
        parts.append(text[start:])
    return [_clean(part, "" if blank else delimiter) for part in parts]


def _clean(text: str, delimiter: str) -> str:
    text = text.lstrip(" ")
    out: list[str] = []
    end = at = 0
    quoted = False
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == "\\" and (following in _ESCAPES or (following and following in f"'\"\\{delimiter}")):
            out.append(_ESCAPES.get(following, following))
            at += 1
            end = len(out)
        elif char == "'" and (quoted or "'" in text[at + 1 :]):
            quoted = not quoted
            if quoted:
                end = len(out)
        else:
            out.append(char)
            if char != " " or quoted:
                end = len(out)
        at += 1
    return "".join(out[:end])


def brackets(text: str, opening: str = "{", closing: str = "}") -> tuple[dict[str, str], str]:
    """Take leading blocks of ``{a=b,c=d}`` off `text`; return the variables and the rest."""
    variables: dict[str, str] = {}
    while text.startswith(opening):
        end = _matching(text, opening, closing)
        if end < 0:
            break
        for pair in separate(text[1:end], ","):
            halves = separate(pair, "=", 2)
            if len(halves) == 2:
                variables[halves[0]] = halves[1]
        text = text[end + 1 :].lstrip(" ")
    return variables, text


def _matching(text: str, opening: str, closing: str) -> int:
    depth = 0
    for at, char in enumerate(text):
        if char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return at
    return -1


def expand(text: str, variable: Callable[[str], str | None], api: Callable[[str, str], str]) -> str:
    """Replace ``${name}`` by a variable, ``${command(argument)}`` by an API command's answer; unknown becomes empty."""

    def replace(match: re.Match[str]) -> str:
        name, argument, static = match.groups()
        if argument is not None:
            return api(name, argument)
        return variable(static or name) or ""

    return _USE.sub(replace, text) if "${" in text else text
