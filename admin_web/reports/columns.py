"""The columns of a report: their words, their values, how they are shown and exported."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable

from admin_web.reports.figures import Subject, Sums
from core.i18n import LazyText, lazy

Value = float | int | None


class Kind(enum.StrEnum):
    """What a value is."""

    COUNT = "count"
    SECONDS = "seconds"
    SHARE = "share"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A column; `value` of a row's sums, None where there is nothing to divide by."""

    name: str
    label: LazyText
    kind: Kind
    value: Callable[[Sums], Value]

    def shown(self, sums: Sums) -> str:
        """Return the value for people: ``12``, ``1:05``, ``93.3 %``, or a dash."""
        value = self.value(sums)
        if value is None:
            return "—"
        if self.kind is Kind.COUNT:
            return str(int(value))
        return f"{value * 100:.1f} %" if self.kind is Kind.SHARE else _clock(value)

    def exported(self, sums: Sums) -> str | int | float:
        """Return the value for a workbook: a number (seconds; shares in percent), empty where there is none."""
        value = self.value(sums)
        if value is None:
            return ""
        if self.kind is Kind.SHARE:
            return round(value * 100, 2)
        return value if isinstance(value, int) else round(value, 1)

    @property
    def heading(self) -> str:
        """Return the words for a workbook, with the unit."""
        unit = {Kind.SECONDS: " (s)", Kind.SHARE: " (%)"}.get(self.kind, "")
        return f"{self.label}{unit}"


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _sum(name: str, label: LazyText, kind: Kind = Kind.COUNT) -> Column:
    return Column(name=name, label=label, kind=kind, value=lambda sums: getattr(sums, name))


OFFERED = _sum("offered", lazy("Offered"))
ANSWERED = _sum("answered", lazy("Answered"))
IN_FLOW = _sum("lost_in_flow", lazy("Hung up in the IVR"))
IN_QUEUE = _sum("lost_in_queue", lazy("Lost in the queue"))
RINGING = _sum("lost_ringing", lazy("Lost while ringing"))
MESSAGES = _sum("messages", lazy("Left a message"))
CALLBACKS = _sum("callbacks", lazy("Asked for a call back"))
OTHER = _sum("other", lazy("Other"))
ABANDONMENT = _sum("abandonment", lazy("Abandoned"), Kind.SHARE)
SERVICE_LEVEL = _sum("service_level", lazy("Service level"), Kind.SHARE)
SPEED = _sum("answer_speed_s", lazy("Average wait until answered"), Kind.SECONDS)
HANDLING = _sum("handling_s", lazy("Average handling time"), Kind.SECONDS)
TALK = _sum("talk_s", lazy("Talk time"), Kind.SECONDS)
WRAP_UP = _sum("wrap_up_s", lazy("Wrap-up time"), Kind.SECONDS)

COLUMNS: dict[Subject, tuple[Column, ...]] = {
    Subject.QUEUE: (
        *(OFFERED, ANSWERED, IN_QUEUE, RINGING, CALLBACKS, OTHER, ABANDONMENT, SERVICE_LEVEL),
        *(SPEED, HANDLING, TALK),
    ),
    Subject.ROUTE: (
        *(OFFERED, ANSWERED, IN_FLOW, IN_QUEUE, RINGING, MESSAGES, CALLBACKS, OTHER),
        *(ABANDONMENT, SERVICE_LEVEL, SPEED, HANDLING, TALK),
    ),
    Subject.AGENT: (
        _sum("offered", lazy("Rung")),
        ANSWERED,
        _sum("missed", lazy("Not answered")),
        OTHER,
        TALK,
        _sum("out_calls", lazy("Calls out")),
        _sum("out_reached", lazy("Reached")),
        _sum("out_talk_s", lazy("Talk time out"), Kind.SECONDS),
        HANDLING,
        WRAP_UP,
        _sum("signed_in_s", lazy("Signed in"), Kind.SECONDS),
        _sum("ready_s", lazy("Ready"), Kind.SECONDS),
        _sum("not_ready_s", lazy("Not ready"), Kind.SECONDS),
        _sum("break_s", lazy("Break"), Kind.SECONDS),
        _sum("away_s", lazy("Away"), Kind.SECONDS),
        _sum("reserved_s", lazy("Supervising or recording"), Kind.SECONDS),
        _sum("occupancy", lazy("Occupancy"), Kind.SHARE),
    ),
}
