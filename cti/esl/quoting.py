"""Values inside the switch's syntax: what is quoted, how, and what is refused.

The switch splits a command's text up to three times (at spaces, commas, equal signs), and each split takes off one
layer of quotes and backslashes. :func:`quote` adds one layer. Some things no layer can carry: NUL and line ends
(they end the command), ``${`` (a variable may not hold it: the switch drops such a value silently) and, in a dial
string, braces (they are counted before anything is split). Those are refused with :class:`UnsafeValue`; text for
people's eyes goes through :func:`display_text`, which never refuses.
"""

from __future__ import annotations

import re

MAX_VALUE_BYTES = 64 * 1024
"""Longest value taken; a call's state in ``zj_state`` is some KiB."""

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TOKEN = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_PATH = re.compile(r"/[\w ./+=~@%-]*[\w+=~%-]")
_QUOTELESS = re.compile(r"[A-Za-z0-9_.+/=-]+")
_DIGITS = re.compile(r"[0-9A-Da-d*#]{1,64}")
_NUMBER = re.compile(r"\+?[A-Za-z0-9*#._-]{1,64}")
_CAUSE = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_VARIABLE_USE = re.compile(r"\$\\*\{")
_TRAPS = re.compile(r"mod_event_socket|:_:|origination_nested_vars", re.IGNORECASE)
_LOOKALIKES = str.maketrans(dict(zip('{}"\\<>@:$', "｛｝'＼＜＞＠：＄", strict=True)))


class UnsafeValue(ValueError):
    """A value that cannot stand in the switch's syntax. The text names what and why, never the whole value."""


def _matched(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise UnsafeValue(f"not {what}: {value[:40]!r}" if isinstance(value, str) else f"not {what}: no text")
    return value


def uuid(value: str) -> str:
    """Return `value` if it is a channel's or job's uuid, else raise :class:`UnsafeValue`."""
    return _matched(_UUID, value, "a uuid")


def token(value: str) -> str:
    """Return `value` if it is an identifier of ours (letters, digits, ``_ . : -``), else raise."""
    return _matched(_TOKEN, value, "an identifier")


def name(value: str) -> str:
    """Return `value` if it is a name in the switch's configuration or a SIP user (``_ . -`` besides), else raise."""
    return _matched(_NAME, value, "a name")


def variable(value: str) -> str:
    """Return `value` if it is a channel variable's name, else raise."""
    return _matched(_VARIABLE, value, "a variable's name")


def digits(value: str) -> str:
    """Return `value` if it is DTMF (``0-9 A-D * #``), else raise."""
    return _matched(_DIGITS, value, "a string of keys")


def number(value: str) -> str:
    """Return `value` if it can be dialled (digits, letters, ``+ * # . _ -``), else raise."""
    return _matched(_NUMBER, value, "a number to dial")


def cause(value: str) -> str:
    """Return `value` if it has the form of a hang-up cause such as ``USER_BUSY``, else raise."""
    return _matched(_CAUSE, value, "a hang-up cause")


def path(value: str) -> str:
    """Return `value` if it is an absolute path of plain characters, else raise.

    Refused are characters the switch gives a meaning in file names: ``! { } [ ] $ ' " | , ;`` and ``@@``.
    """
    _matched(_PATH, value, "a plain absolute path")
    if "@@" in value or "/../" in value or value.endswith("/.."):
        raise UnsafeValue(f"not a plain absolute path: {value[:40]!r}")
    return value


def plain(value: str) -> str:
    """Return `value` if a channel variable can hold it, else raise.

    Refused: control characters (NUL and line ends among them), ``${``, lone surrogates, what begins with ``ARRAY::``
    (the switch would make it a list), and anything over 64 KiB.
    """
    if not isinstance(value, str):
        raise UnsafeValue("no text")
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise UnsafeValue("a control character in a value")
    if _VARIABLE_USE.search(value):
        raise UnsafeValue("a value that refers to a variable")
    if value.startswith("ARRAY::"):
        raise UnsafeValue("a value the switch would take for a list")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise UnsafeValue("a value that is no Unicode text") from None
    if size > MAX_VALUE_BYTES:
        raise UnsafeValue(f"a value of over {MAX_VALUE_BYTES} bytes")
    return value


def quote(value: str) -> str:
    """Return `value` in one layer of the switch's quotes, to be taken off by one split.

    ``'`` and backslash are escaped. Strings the switch looks for anywhere in a command, whatever quotes they are in
    (``mod_event_socket`` beside ``unload``, ``:_:``, ``origination_nested_vars``), are cut by an empty pair of quotes
    that the split removes.
    """
    pieces = []
    start = 0
    for trap in _TRAPS.finditer(value):
        middle = trap.start() + 2
        pieces.append(value[start:middle])
        start = middle
    pieces.append(value[start:])
    return "'" + "''".join(piece.replace("\\", "\\\\").replace("'", "\\'") for piece in pieces) + "'"


def needs_no_quotes(value: str) -> bool:
    """Whether every split of the switch leaves `value` as it is: some text of letters, digits and ``= . _ + / -``."""
    return bool(_QUOTELESS.fullmatch(value)) and not _TRAPS.search(value)


def quote_if_needed(value: str) -> str:
    """Return `value` as :func:`quote` does, or as it is when that says the same: the switch reads byte by byte."""
    return value if needs_no_quotes(value) else quote(value)


def display_text(value: str, *, limit: int = 80) -> str:
    """Return `value` as a caller's name may be shown and sent: never refused, at most `limit` characters.

    Control characters go, runs of blanks become one, and what has a meaning in dial strings or SIP headers (braces,
    dollar, double quotes, backslash, angle brackets, and ``@`` and ``:``, at which the switch cuts a name it sends)
    becomes a character that looks like it.
    """
    text = value.encode("utf-8", "replace").decode("utf-8")
    text = "".join(" " if ord(char) < 32 or 127 <= ord(char) < 160 else char for char in text)
    return " ".join(text.translate(_LOOKALIKES).split())[:limit].strip()
