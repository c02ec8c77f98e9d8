"""Patterns that tenants write, matched without any danger (CTI-I11, I13).

RE2 walks a finite automaton: time grows with the length of the text only, whatever the pattern, and its
memory has a bound. What an automaton cannot do (back references, looking around) is no pattern here.
"""

from __future__ import annotations

import functools
from typing import Any

import re2

MAX_PATTERN = 200
"""Characters of a pattern."""
MAX_PATTERNS = 50
"""Patterns of a flow: a call may meet all of them on one key, while other calls wait."""
_MAX_MEMORY_BYTES = 1 << 17
"""Keeps making one and matching 200 characters under some 5 ms, the worst found; `[0-9]{4}` takes 0.1 ms."""

_options = re2.Options()
_options.log_errors = False
_options.max_mem = _MAX_MEMORY_BYTES


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    if len(pattern) > MAX_PATTERN:
        return None
    try:
        return re2.compile(pattern, _options)
    except (re2.error, UnicodeEncodeError):
        return None


def is_pattern(pattern: str) -> bool:
    """Return whether `pattern` can be matched against."""
    return _compiled(pattern) is not None


def matches(pattern: str, text: str) -> bool:
    """Return whether all of `text` is what `pattern` describes; nothing is, when it is no pattern."""
    compiled = _compiled(pattern)
    try:
        return compiled is not None and compiled.fullmatch(text) is not None
    except UnicodeEncodeError:
        return False
