"""What the platform wrote down in a shift: records, recordings, and what its processes complained of."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import select

from bench.support.shift.checks import Part
from core.database import Database
from core.settings import Settings
from cti.call.holds import Hold
from cti.records.models import CallRecord, Direction, Recording

BAD_LEVELS: Final = ("error", "critical", "exception")
AFTER_A_KILL_MS: Final = 60_000
"""A page may complain of lost connections for so long."""

EXCUSED: Final = re.compile(r"Connection in use|Address already in use")
"""A web server killed alone leaves a worker for a second, which still has the port; the next one waits for it."""

CONNECTION_LOST: Final = re.compile(
    r"Failed to load resource|net::ERR_|WebSocket|EventSource|ERR_CONNECTION|\b50[0234]\b", re.IGNORECASE
)


def parts(settings: Settings, tenant_id: int) -> tuple[list[Part], dict[str, int]]:
    """Return the records of incoming calls, and the length (ms) of every stored recording by its name."""
    database = Database.from_settings(settings)
    try:
        with database.transaction(tenant_id, read_only=True) as session:
            records = session.scalars(select(CallRecord).where(CallRecord.direction == Direction.IN)).all()
            recordings = session.scalars(select(Recording)).all()
            stored = {f"{tenant_id}/{row.call_id}-{row.segment}.wav": row.length_ms for row in recordings}
            return [_part(record) for record in records], stored
    finally:
        database.dispose()


def _ms(moment: Any) -> int:
    return round(moment.timestamp() * 1000) if moment is not None else 0


def _part(record: CallRecord) -> Part:
    segments = msgspec.json.decode(record.segments)
    return Part(
        call_id=record.call_id,
        source=record.source_call_id,
        number=record.caller.removeprefix("+86"),
        state=record.state.value,
        arrived_ms=_ms(record.arrived_at),
        ended_ms=_ms(record.ended_at),
        talk_ms=_ms(record.talk_at),
        talk_s=record.talk_s,
        hold_s=_held_s(record),
        agent_id=record.agent_id,
        ended_in=record.ended_in.value,
        cause=record.cause,
        refusal=record.refusal,
        conferences=len(msgspec.json.decode(record.conferences)),
        segments=tuple(each["name"] for each in segments),
        recorded_agents=tuple(each.get("agent_id", 0) for each in segments),
    )


def _held_s(record: CallRecord) -> int:
    since_ms = _ms(record.talk_at)
    holds = msgspec.json.decode(record.holds, type=list[Hold])
    return round(sum(max(0, end_ms - max(begin_ms, since_ms)) for begin_ms, end_ms in holds) / 1000)


@dataclasses.dataclass(frozen=True)
class Complaint:
    """A line of a process's log that says something is wrong."""

    process: str
    line: str


def complaints(lines: Iterable[str]) -> list[Complaint]:
    """Return the lines of level error and above, and those of tracebacks, from what the runner shows."""
    found = []
    for line in lines:
        name, bar, text = line.partition("| ")
        if not bar:
            name, text = "runner", line
        said = _decoded(text)
        if said is None:
            if "Traceback (most recent call last)" in text:
                found.append(Complaint(name.strip(), text.strip()))
        elif EXCUSED.search(text) and name.strip() == "web":
            continue
        elif said.get("level") in BAD_LEVELS or "exception" in said:
            found.append(Complaint(name.strip(), text.strip()))
    return found


def _decoded(text: str) -> Mapping[str, Any] | None:
    try:
        said = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return None
    return said if isinstance(said, dict) else None


REFUSED: Final = re.compile(r"status of 4(?:09|22)\b")
"""What a browser writes for a refusal, such as a colleague who is taken by now; the page says it in words."""


def unexcused(errors: Iterable[tuple[int, str, str]], kills_ms: Iterable[int]) -> list[str]:
    """Return what pages complained of that no kill explains: anything a script threw, and lost connections at a time
    when nothing had been killed.
    """
    killed = list(kills_ms)
    found = []
    for at_ms, kind, text in errors:
        soon = any(kill - 2000 <= at_ms <= kill + AFTER_A_KILL_MS for kill in killed)
        if kind == "console" and (REFUSED.search(text) or (soon and CONNECTION_LOST.search(text))):
            continue
        found.append(f"{kind}: {text}")
    return found


def folder() -> Path:
    """Return a new folder with a short name: sockets live in it."""
    return Path(tempfile.mkdtemp(prefix="zj-shift-"))
