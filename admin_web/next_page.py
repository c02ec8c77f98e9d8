"""Where a person goes on after a detour such as signing in: a page of this site, never another's (no open redirect)."""

from __future__ import annotations

import re

HOME = "/"
MAX_LENGTH = 2000

_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path: one slash at its beginning, printable ASCII without a backslash. Browsers read ``/\\`` as ``//`` and leave
out tabs and line ends, so that ``/<tab>/host`` would be another site.
"""


def safe_path(address: str | None) -> str:
    """Return `address` if it is a path of this site, else the start page."""
    if not address or len(address) > MAX_LENGTH or not _LOCAL.fullmatch(address):
        return HOME
    return address
