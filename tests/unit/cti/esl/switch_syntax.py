"""How the switch takes a command's text apart, for proving that ours arrives as meant.

Written from the behaviour of FreeSWITCH 1.11.1 (splitting with quotes and escapes, variable blocks, dial strings); the
conformance suite tries the same hostile values on the real one.
"""

from __future__ import annotations

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "s": " "}


def commands(wire: bytes) -> list[tuple[str, dict[str, str]]]:
    """Split the stream as the event socket reads it: each command line with its headers."""
    found = []
    text = wire.decode()
    while text := text.lstrip("\r\n"):
        block, blank, text = text.partition("\n\n")
        assert blank, "a command without its end"
        assert "\r" not in block
        first, *lines = block.split("\n")
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon
            headers.setdefault(name.lower(), value.lstrip(" "))
        if "content-length" in headers:
            body = text.encode()[: int(headers["content-length"])].decode()
            text = text.removeprefix(body)
            assert headers["content-type"] == "text/plain"
            headers["execute-app-arg"] = body
        lowered = first.lower()
        assert not ("mod_event_socket" in lowered and ("unload" in lowered or "reload" in lowered))
        found.append((first, headers))
    return found


def api(wire: bytes) -> list[tuple[str, str]]:
    """Return the name and argument of each ``api`` command."""
    found = []
    for line, headers in commands(wire):
        assert line.startswith("api ")
        assert not headers
        name, _, argument = line[4:].strip().partition(" ")
        found.append((name, argument))
    return found


def separate(text: str, delimiter: str, limit: int = 1024) -> list[str]:
    """Split at `delimiter` outside quotes, then take one layer of quotes and escapes off each piece."""
    if text.startswith("^^") and len(text) > 3:
        delimiter, text = text[2], text[3:]
    pieces = []
    at = 0
    size = len(text)
    quoted = False  # the switch carries this over from piece to piece
    while at < size and len(pieces) < limit:
        while delimiter == " " and at < size and text[at] == " ":
            at += 1
        start = at
        end = size
        while at < size:
            char = text[at]
            if char == "\\":
                at += 1
            elif char == "'" and (delimiter == " " or quoted or "'" in text[at + 1 :]):
                quoted = not quoted
            elif char == delimiter and not quoted:
                end = at
                at += 1
                break
            at += 1
        if len(pieces) == limit - 1:
            end = at = size
        pieces.append(text[start:end])
        while delimiter == " " and at < size and text[at] == " ":
            at += 1
    return [clean(piece, "" if delimiter == " " else delimiter) for piece in pieces]


def clean(piece: str, delimiter: str) -> str:
    """Take quotes, escapes and outer blanks off a piece."""
    piece = piece.lstrip(" ")
    out: list[str] = []
    end = -1
    quoted = False
    at = 0
    while at < len(piece):
        char = piece[at]
        following = piece[at + 1 : at + 2]
        if (
            char == "\\"
            and following
            and (following in "'\"\\" or following == delimiter or following in _ESCAPES)
        ):
            out.append(_ESCAPES.get(following, following))
            end = len(out)
            at += 2
            continue
        if char == "'" and (quoted or "'" in piece[at + 1 :]):
            quoted = not quoted
            if quoted:
                end = len(out)
        else:
            out.append(char)
            if char != " " or quoted:
                end = len(out)
        at += 1
    return "".join(out if end < 0 else out[:end])


def closing(text: str, opening: str, closer: str) -> int:
    """Return where the bracket that opens `text` is closed: counted, whatever quotes there are."""
    depth = 0
    for at, char in enumerate(text):
        if char == opening:
            depth += 1
        elif char == closer:
            depth -= 1
            if not depth:
                return at
    raise AssertionError("a bracket that is never closed")


def originate(argument: str) -> tuple[dict[str, str], str, list[str]]:
    """Return variables, endpoint and the other arguments of an ``originate``."""
    dial, *rest = separate(argument, " ", 10)
    assert ":_:" not in dial, "the switch would dial several"
    assert not dial.startswith("<")
    variables: dict[str, str] = {}
    while dial.startswith("{"):
        end = closing(dial, "{", "}")
        for pair in separate(dial[1:end], ","):
            name_and_value = separate(pair, "=", 2)
            assert len(name_and_value) == 2
            variables[name_and_value[0]] = name_and_value[1]
        dial = dial[end + 1 :]
    assert len(separate(dial, "|")) == 1
    assert separate(dial, ",") == [dial]
    assert not dial.startswith("[")
    return variables, dial, rest


def set_variables(argument: str) -> tuple[str, dict[str, str]]:
    """Return the leg and variables of a ``uuid_setvar_multi``."""
    leg, _, text = argument.partition(" ")
    variables = {}
    pieces = separate(text, ";", 64)
    for piece in pieces:
        name, _, value = piece.partition("=")
        variables[name] = value
    return leg, variables
