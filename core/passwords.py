"""Passwords: argon2id hashes and the rule for new ones.

Hashing takes some 50 ms of one core and 64 MB (argon2-cffi's default, RFC 9106's second choice), in a real
thread where gevent runs.
"""

from __future__ import annotations

import re
import secrets
import string
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core import real_threads
from core.errors import CallerFault
from core.i18n import LazyText, lazy

MIN_LENGTH: Final = 8
LONG_LENGTH: Final = 16
"""From this length on, any mixture of characters will do."""
MAX_LENGTH: Final = 128
"""Longer ones are refused, so that nobody makes us hash megabytes."""

_CLASSES = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"), re.compile("[^a-zA-Z0-9]"))
_COMMON: Final = (
    "password",
    "passw0rd",
    "qwerty",
    "abc123",
    "admin",
    "letmein",
    "zongji",
    "woaini",
    "123456",
    "111111",
)
_MIN_REST: Final = 6
"""Characters besides a common word that make a password acceptable again."""
_MIN_WORD: Final = 3
_MIN_DISTINCT: Final = 5
_MIN_KINDS: Final = 3

_hasher = PasswordHasher()
_DUMMY_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZSBzYWx0IDE2IGI$8rtP1Fs2cXxlIOuexRSE1gZS6yhVdxVzBFxqoOVPuGA"
)
"""Verified when there is no account, so that the answer takes as long; no password fits it."""


class WeakPasswordError(CallerFault):
    """A new password breaks the rule."""

    id = "weak-password"
    status = 422
    sentence = lazy("This password is too weak: %(reason)s")


def hash_password(password: str) -> str:
    """Return the argon2id hash of `password`, salt and parameters included."""
    return real_threads.run(_hasher.hash, password)


def verify_password(hashed: str | None, password: str) -> bool:
    """Return whether `password` fits `hashed`; None (no such account) takes as long and is False."""
    if len(password) > MAX_LENGTH:
        password = password[:MAX_LENGTH] + "…"  # equal work; never equal to a password that can be set
    try:
        return real_threads.run(_hasher.verify, hashed or _DUMMY_HASH, password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(hashed: str) -> bool:
    """Return whether the hash was made with older parameters."""
    return _hasher.check_needs_rehash(hashed)


def weakness(password: str, *, login: str = "", company: str = "") -> LazyText | None:
    """Return why `password` may not be chosen, or None.

    The rule: 8 characters of three kinds (small, capital, digit, other) or 16 of any; not the login or the
    company with a few characters around it, nor a common word; no single character over and over.
    """
    lowered = password.lower()
    if len(password) < MIN_LENGTH:
        return lazy("it needs at least %(minimum)s characters.", minimum=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        return lazy("it may have at most %(maximum)s characters.", maximum=MAX_LENGTH)
    if len(set(lowered)) < _MIN_DISTINCT:
        return lazy("it repeats too few different characters.")
    for word in (login.lower(), company.lower(), *_COMMON):
        if len(word) >= _MIN_WORD and word in lowered and len(lowered.replace(word, "")) < _MIN_REST:
            return lazy("it is made of a name or a common word.")
    if len(password) < LONG_LENGTH and sum(bool(kind.search(password)) for kind in _CLASSES) < _MIN_KINDS:
        return lazy("mix small letters, capitals, digits and signs (three of them), or use 16 characters.")
    return None


def rule(*, login: str = "", company: str = "") -> dict[str, Any]:
    """Return the rule's numbers and words for the script that shows it while one types
    (``admin_web/frontend/strength.ts``; :func:`weakness` decides).
    """
    words = [word for word in (login.lower(), company.lower(), *_COMMON) if len(word) >= _MIN_WORD]
    return {
        "min": MIN_LENGTH,
        "long": LONG_LENGTH,
        "max": MAX_LENGTH,
        "distinct": _MIN_DISTINCT,
        "rest": _MIN_REST,
        "kinds": _MIN_KINDS,
        "words": words,
    }


def require_strong(password: str, *, login: str = "", company: str = "") -> None:
    """Raise :class:`WeakPasswordError` when `password` may not be chosen."""
    reason = weakness(password, login=login, company=company)
    if reason is not None:
        raise WeakPasswordError(reason=reason)


def generate_password() -> str:
    """Return a random password that fits the rule: 20 letters and digits, in groups of five."""
    alphabet = string.ascii_letters + string.digits
    while True:
        groups = ["".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4)]
        password = "-".join(groups)
        if weakness(password) is None:
            return password
