"""A finding and how a list of them is shown."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable

from core.i18n import gettext as _


class Level(enum.Enum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but somebody should know."""
    WRONG = "wrong"
    """Calls or pages do not work, or will stop to."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the doctor's."""

    level: Level
    what: str
    how: str
    """How it is, in the reader's language."""
    remedy: str = ""
    """What to do."""

    @property
    def is_wrong(self) -> bool:
        """Whether the doctor ends with a failure for it."""
        return self.level is Level.WRONG


def ok(what: str, how: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(Level.OK, what, how)


def warning(what: str, how: str, remedy: str) -> Finding:
    """Return a finding somebody should know."""
    return Finding(Level.WARNING, what, how, remedy)


def wrong(what: str, how: str, remedy: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(Level.WRONG, what, how, remedy)


def report(findings: Iterable[Finding]) -> str:
    """Return the findings as text, and the count of what is wrong."""
    listed = list(findings)
    words = {Level.OK: _("ok"), Level.WARNING: _("note"), Level.WRONG: _("WRONG")}
    lines = []
    for finding in listed:
        lines.append(f"[{words[finding.level]}] {finding.what}: {finding.how}")
        if finding.remedy:
            lines.append(f"      {_('What to do')}: {finding.remedy}")
    count = sum(finding.is_wrong for finding in listed)
    lines.append("")
    lines.append(_("All is well.") if not count else _("%(count)s things are wrong.", count=count))
    return "\n".join(lines) + "\n"
