"""Pages of other systems that open for a call (DSK-6): addresses with variables in braces. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

VARIABLES = ("caller", "called", "call_id", "queue", "agent", "extension")
"""What an address may name: the other party's number, the company's, the call's id, the queue's and the agent's names,
the extension's number.
"""

_VARIABLE = re.compile(r"\{([^{}]*)\}")


def is_address(template: str) -> bool:
    """Return whether `template` is a page's address: http or https, a host without variables, only known variables."""
    try:
        parts = urlsplit(template)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return False
    unfit = any(character <= " " or character in "\"'<>\\^`|" for character in template)
    known = all(name in VARIABLES for name in _VARIABLE.findall(template))
    rest = _VARIABLE.sub("", template)
    return known and not unfit and "{" not in parts.netloc and "{" not in rest and "}" not in rest


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return the address with its variables filled in; whatever a value contains, it stays within its place."""
    return _VARIABLE.sub(lambda found: quote(values.get(found[1], ""), safe=""), template)
