"""Findings under names that stay the same in every language."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from admin_web.system_health import Check, State
from zongji.doctor import Finding, Level

STATES = {Level.OK: State.WELL, Level.WARNING: State.NOTE, Level.WRONG: State.WRONG}


def named(key: str, finding: Finding, since_ms: int = 0) -> Check:
    """Return a finding of the doctor's as a line of the page."""
    return Check(
        key=key,
        name=finding.what,
        state=STATES[finding.level],
        how=finding.how,
        remedy=finding.remedy,
        since_ms=since_ms,
    )


def numbered(key: str, findings: Iterable[Finding]) -> Iterator[Check]:
    """Yield several findings about one thing: the first is ``key``, the next ``key-2``."""
    for number, finding in enumerate(findings, 1):
        yield named(key if number == 1 else f"{key}-{number}", finding)


def well(key: str, name: str, how: str) -> Check:
    """Return a check that all is well."""
    return Check(key=key, name=name, state=State.WELL, how=how)


def note(key: str, name: str, how: str, remedy: str = "", since_ms: int = 0) -> Check:
    """Return a check somebody should know of."""
    return Check(key=key, name=name, state=State.NOTE, how=how, remedy=remedy, since_ms=since_ms)


def wrong(key: str, name: str, how: str, remedy: str, since_ms: int = 0) -> Check:
    """Return a check that something does not work."""
    return dataclasses.replace(note(key, name, how, remedy, since_ms), state=State.WRONG)
