"""The outside of a shift: callers, and every telephone that is no browser, on a second FreeSWITCH."""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from bench.support.shift.checks import CallerSaw
from bench.support.shift.hearing import Heard, tones_heard
from bench.support.shift.plan import CallerPlan
from core.clock import now_ms
from tests.conformance.switch.driver import Connection
from tests.e2e.desktop.stack import NUMBER
from tests.support.world import PASSWORD, Place, World

CALLER_HZ: Final = 400
NEVER_BEGAN_S: Final = 10.0

Row = Mapping[str, str]
"""A leg of the second FreeSWITCH, as it lists them."""


class Outside(World):
    """The second FreeSWITCH over one standing connection."""

    def __init__(self, place: Place, passwords: Mapping[str, str]) -> None:
        self._line: Connection | None = None
        super().__init__(place, (), passwords=passwords)

    def api(self, command: str, *, check: bool = True) -> str:
        """Run an api command; without `check` nothing is returned of one that could not be run."""
        try:
            self._line = self._line or Connection(self.port, PASSWORD)
            return self._line.api(command).strip()
        except OSError:
            self._line = None
            if check:
                raise
            return ""

    def rings(self, rows: Sequence[Row], dialled: str) -> Row | None:
        """Return the leg that rings at `dialled` and was not picked up yet."""
        for row in rows:
            rings = row["direction"] == "inbound" and row["callstate"] in ("RINGING", "EARLY")
            if rings and row["dest"] == dialled and row["uuid"] not in self._picked_up:
                return row
        return None

    def place(self, plan: CallerPlan, recording: Path) -> str:
        """Call the company; what the caller hears is recorded. Returns the leg."""
        leg = str(uuid.uuid4())
        target = f"sofia/world/{NUMBER}@127.0.0.1:{self.cell.settings.sip_carrier_port}"
        variables = (
            f"origination_uuid={leg},origination_caller_id_number={plan.number},ignore_early_media=true,"
            f"dtmf_type=rfc2833,RECORD_READ_ONLY=true,execute_on_answer='record_session {recording}'"
        )
        self.api(f"bgapi originate {{{variables}}}{target} answer-{CALLER_HZ} XML phones")
        return leg

    def end(self, leg: str, cause: str = "NORMAL_CLEARING") -> bool:
        """End a leg; returns whether it was still there."""
        return self.api(f"uuid_kill {leg} {cause}").startswith("+OK")


class Caller:
    """One call of one caller, from dialling to what was heard."""

    def __init__(self, outside: Outside, plan: CallerPlan, folder: Path, now: float) -> None:
        self.plan = plan
        self._outside = outside
        self._recording = folder / f"{plan.number}.wav"
        self.leg = outside.place(plan, self._recording)
        self._began = now
        self.dialled_ms = now_ms()
        self._answered: float | None = None
        self._keys = list(plan.keys)
        self._seen = False
        self.hung_up = False
        self.ended_ms = 0
        self._heard: Future[tuple[Heard, ...]] | None = None

    def step(self, now: float, rows: Mapping[str, Row]) -> bool:
        """Do what is due; returns whether the call is still up."""
        row = rows.get(self.leg)
        if row is None:
            if self._seen or now - self._began > NEVER_BEGAN_S:
                self.ended_ms = now_ms()
                return False
            return True
        self._seen = True
        if self._answered is None and row["callstate"] == "ACTIVE":
            self._answered = now
        if self._answered is not None and self._keys and now - self._answered >= self._keys[0][0]:
            self._outside.press(self.leg, self._keys.pop(0)[1])
        if now - self._began >= self.plan.hang_up_s and not self.hung_up:
            self.hung_up = self._outside.end(self.leg)
        return True

    def listen(self, threads: ThreadPoolExecutor, tones: Sequence[int]) -> None:
        """Find out what was heard, in another thread."""
        self._heard = threads.submit(_heard, self._recording, tones)

    def saw(self) -> CallerSaw:
        """Return what the telephone saw; waits for what it heard."""
        return CallerSaw(
            number=self.plan.number,
            dialled_ms=self.dialled_ms,
            ended_ms=self.ended_ms,
            answered=self._answered is not None,
            hung_up=self.hung_up,
            heard=self._heard.result() if self._heard else (),
        )


def _heard(path: Path, tones: Sequence[int]) -> tuple[Heard, ...]:
    deadline = time.monotonic() + 10
    size = -1
    while path.exists() and path.stat().st_size != size and time.monotonic() < deadline:
        size = path.stat().st_size
        time.sleep(0.5)
    if not path.exists():
        return ()
    try:
        return tones_heard(path, tones)
    except EOFError:
        return ()
    finally:
        path.unlink()


@dataclasses.dataclass
class Stranger:
    """An outside telephone somebody was transferred to, or asked at: it answers, and hangs up some time later."""

    leg: str
    answer_at: float
    hang_up_at: float
    refuses: bool
    answered: bool = False

    def step(self, now: float, outside: Outside, hung_up: Callable[[], None], hz: int) -> None:
        """Do what is due."""
        if not self.answered and now >= self.answer_at:
            self.answered = True
            if self.refuses:
                outside.end(self.leg, "USER_BUSY")
                return
            outside.pick_up(self.leg, hz)
        if self.answered and not self.refuses and now >= self.hang_up_at:
            self.hang_up_at = float("inf")
            if outside.end(self.leg):
                hung_up()


def rows_of(outside: Outside) -> list[Row]:
    """Return the legs of the outside."""
    found: list[Row] = json.loads(outside.api("show channels as json")).get("rows", [])
    return found
