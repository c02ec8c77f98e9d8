"""A shift at a call centre, played on the real parts, with processes killed on the way (R1 to R4).

    python -m bench.shift [--minutes 60] [--browsers 3] [--phones 4] [--landlines 2] [--kill-every 90] [--seed 1]

The platform runs as its users start it (``zongji run``, with FreeSWITCH). Agents sit at desk pages in browsers of
their own (Chromium, each with a microphone that hears a tone of its own), or have SIP phones or landlines at a second
FreeSWITCH, where the callers are too; a supervisor listens, joins, takes over and moves who waits. Who does what when
follows from the seed. Every minute or so something is killed (SIGKILL) and the platform's own runner starts it again:
controller, web, shipper, scheduler, Redis; Redis is emptied; FreeSWITCH itself dies once in a shift of eight minutes
or more.

In the end nobody calls any more, and the invariants are looked at: what callers saw and heard (their telephones record
it, and each voice is a tone) is held against the records, recordings and what is left in Redis and on the switch. The
exit code says whether all is as it must be. What it needs: FreeSWITCH, Chromium, and half a minute to start.
"""

from __future__ import annotations

import argparse
import pickle
import shutil
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench.support.shift import facts, table
from bench.support.shift.checks import CHECKS, Shift
from bench.support.shift.desks import DeskAgent
from bench.support.shift.outside import Caller, Outside, Stranger, rows_of
from bench.support.shift.people import OUTSIDE_NUMBERS, Floor, PhoneAgent, Supervisor
from bench.support.shift.plan import LONGEST_CALL_S, Dice, Kill, Victim
from bench.support.shift.platform import Platform, Seen
from bench.support.shift.watch import Watch
from core.clock import now_ms
from tests.conformance.switch.driver import Connection

TICK_S: Final = 0.25
LOOK_S: Final = 2.0
TELL_S: Final = 60.0
STRANGER_HZ: Final = 760
SETTLE_S: Final = 240.0
"""Patience with the last calls and records."""


class Play:
    """One shift from its first caller to the checks."""

    def __init__(self, platform: Platform, outside: Outside, floor: Floor, asked: argparse.Namespace) -> None:
        self.platform = platform
        self.outside = outside
        self.floor = floor
        self.length_s = asked.minutes * 60
        self.kills: list[Kill] = list(floor.dice.kills(self.length_s, asked.kill_every))
        self.killed: list[tuple[int, Victim]] = []
        self.desks: list[DeskAgent] = []
        self.phones: list[PhoneAgent] = []
        self.callers: list[Caller] = []
        self.over: list[Caller] = []
        self.strangers: dict[str, Stranger] = {}
        self.watch = Watch()
        self.threads = ThreadPoolExecutor(max_workers=2)
        self.began = time.monotonic()
        self._call_at = self._look_at = self._tell_at = 0.0
        (platform.folder / "heard").mkdir()

    def say(self, text: str) -> None:
        """Print a line with the shift's time."""
        seconds = int(time.monotonic() - self.began)
        print(f"{seconds // 60:3}:{seconds % 60:02} {text}", flush=True)

    # --- the shift --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play it, then let everything end."""
        self.began = time.monotonic()
        while (now := time.monotonic()) < self.began + self.length_s:
            self._kill(now)
            self._place(now)
            self._step(now)
            time.sleep(max(0.02, now + TICK_S - time.monotonic()))
        self.floor.closing = True
        self.say("no more callers")
        until = time.monotonic() + LONGEST_CALL_S + SETTLE_S
        while (now := time.monotonic()) < until and not self._quiet(now):
            self._step(now)
            time.sleep(TICK_S)

    def _quiet(self, now: float) -> bool:
        seen = self.platform.look()
        if self.callers or self.strangers or seen is None or seen.calls:
            return False
        busy = [
            each
            for each in seen.agents.values()
            if each["state"] in ("ringing", "talking", "wrap_up", "reserved")
        ]
        return not busy and not self.platform.left()

    def _step(self, now: float) -> None:
        rows = rows_of(self.outside)
        by_leg = {row["uuid"]: row for row in rows}
        seen = self.platform.look()
        for caller in list(self.callers):
            if not caller.step(now, by_leg):
                self.callers.remove(caller)
                self.over.append(caller)
                caller.listen(self.threads, [person.hz for person in self.floor.people])
        for phone in self.phones:
            phone.step(now, seen, rows)
        self._step_strangers(now, rows)
        for desk in self.desks:
            desk.step(now, seen)
        if seen is not None and now >= self._look_at:
            self._look_at = now + LOOK_S
            shown = {
                desk.person.account_id: desk.state_shown() for desk in self.desks if desk.shows.get("strip")
            }
            for each in self.watch.look(now, seen, shown):
                self.say(f"WRONG: {each}")
        if now >= self._tell_at:
            self._tell_at = now + TELL_S
            self._tell(seen)

    def _step_strangers(self, now: float, rows: list[Any]) -> None:
        dice = self.floor.dice
        for number in OUTSIDE_NUMBERS:
            row = self.outside.rings(rows, number)
            if row and row["uuid"] not in self.strangers:
                answer_at = now + dice.between(1.0, 4.0)
                self.strangers[row["uuid"]] = Stranger(
                    row["uuid"], answer_at, answer_at + dice.between(10.0, 30.0), dice.chance(0.15)
                )
        up = {row["uuid"] for row in rows}
        self.strangers = {leg: each for leg, each in self.strangers.items() if leg in up}
        for each in self.strangers.values():
            each.step(now, self.outside, lambda: self.floor.ended_by(0), STRANGER_HZ)

    def _place(self, now: float) -> None:
        if now < self._call_at or len(self.callers) > len(self.floor.people) + 2:
            return
        dice = self.floor.dice
        self._call_at = now + dice.between(1.0, 8.0)
        self.callers.append(Caller(self.outside, dice.caller(), self.platform.folder / "heard", now))

    def _kill(self, now: float) -> None:
        if self.kills and now >= self.began + self.kills[0].at_s:
            victim = self.kills.pop(0).victim
            self.killed.append((now_ms(), victim))
            self.say(self.platform.kill(victim))

    def _tell(self, seen: Seen | None) -> None:
        states = Counter(str(agent["state"]) for agent in seen.agents.values()) if seen else {}
        phases = Counter(call.phase.value for call in seen.calls) if seen else {}
        self.say(
            f"callers {len(self.callers)} (+{len(self.over)} over), {dict(phases)}, agents {dict(states)}"
        )

    # --- the end ----------------------------------------------------------------------------------------------------

    def results(self) -> dict[str, list[str]]:
        """Check everything; returns what is wrong, by check."""
        saw = [caller.saw() for caller in self.over]
        parts, stored = self._records(len({each.number for each in saw if each.answered}))
        shift = Shift(
            callers=saw,
            parts=parts,
            stored=stored,
            hung_up=self.floor.hung_up,
            tones={person.account_id: person.hz for person in self.floor.people},
            switch_died_ms=[at for at, victim in self.killed if victim is Victim.SWITCH],
            supervisors=frozenset({self.floor.people[-1].account_id}),
        )
        (self.platform.folder / "facts.pickle").write_bytes(pickle.dumps(shift))
        found = {name: check(shift) for name, check in CHECKS.items()}
        found["nothing left in Redis"] = self.platform.left() + [
            f"caller {caller.plan.number} is still up" for caller in self.callers
        ]
        found["no leg left on the switch"] = self._legs()
        found["agents and pages never wrong for long"] = self.watch.wrong
        found["agents free"] = self._agents()
        kills = [at for at, _ in self.killed]
        found["no errors in pages"] = [
            f"{desk.person.login} {each}"
            for desk in self.desks
            for each in facts.unexcused(desk.errors, kills)
        ]
        log = (self.platform.folder / "run.log").read_text(errors="replace").splitlines()
        found["no errors in logs"] = [f"{each.process}: {each.line[:600]}" for each in facts.complaints(log)]
        return found

    def _records(self, calls: int) -> Any:
        """Return the records once the shipper has them all, and all recordings; at the latest after some minutes."""
        until = time.monotonic() + SETTLE_S
        while True:
            parts, stored = facts.parts(self.platform.settings, self.platform.tenant_id)
            roots = sum(not part.source for part in parts)
            shipped = all(name in stored for part in parts for name in part.segments)
            if (roots >= calls and shipped) or time.monotonic() > until:
                return parts, stored
            time.sleep(1)

    def _legs(self) -> list[str]:
        settings = self.platform.settings
        line = Connection(settings.switch_port, settings.effective_switch_password)
        try:
            shown = line.api("show channels").strip()
        finally:
            line.close()
        return [] if shown.startswith("0 total") else shown.splitlines()

    def _agents(self) -> list[str]:
        seen = self.platform.look()
        agents = seen.agents if seen else {}
        return [
            f"{account} is {agent['state']}, claim {agent.get('token')!r}"
            for account, agent in agents.items()
            if agent.get("token") or agent["state"] in ("ringing", "talking", "reserved", "wrap_up")
        ]

    def tell_all(self) -> bool:
        """Print the end; returns whether all is well."""
        results = self.results()
        saw = [caller.saw() for caller in self.over]
        tones = {person.hz for person in self.floor.people}
        talked = sum(any(set(each.tones) & tones for each in caller.heard) for caller in saw)
        print(f"\n{len(saw)} callers, {sum(each.answered for each in saw)} answered by the switch, ", end="")
        print(f"{talked} heard somebody, {sum(each.hung_up for each in saw)} hung up by themselves")
        print(table.counted("killed", Counter(victim.value for _, victim in self.killed)))
        print(table.counted("done", self.floor.done))
        print(table.counted("commands", self.platform.asked))
        print(table.verdicts(results))
        return not any(results.values())


def people(asked: argparse.Namespace) -> list[str]:
    """Return the endpoints of the shift's agents."""
    return ["web"] * asked.browsers + ["sip"] * asked.phones + ["landline"] * asked.landlines


def play(asked: argparse.Namespace, folder: Path) -> bool:
    """Play a shift in `folder`; returns whether all is well."""
    from playwright.sync_api import sync_playwright

    platform = Platform(folder)
    outside: Outside | None = None
    try:
        staff = platform.hire(people(asked))
        outside = Outside(
            platform, {each.sip_user: each.sip_password for each in staff if each.endpoint == "sip"}
        )
        platform.open_trunk(outside.sip)
        platform.wait_trunk()
        floor = Floor(platform, outside, Dice(asked.seed))
        floor.people = staff
        shift = Play(platform, outside, floor, asked)
        for person in staff[:-1]:
            if person.endpoint != "web":
                shift.phones.append(PhoneAgent(floor, person))
        shift.phones.append(Supervisor(floor, staff[-1]))
        for phone in shift.phones:
            if phone.person.endpoint == "sip":
                outside.register(phone.person.sip_user)
            phone.sign_in()
        with sync_playwright() as playwright:
            shift.desks = [
                DeskAgent(floor, person, playwright, folder) for person in staff if person.endpoint == "web"
            ]
            try:
                shift.run()
                well = shift.tell_all()
            finally:
                for desk in shift.desks:
                    desk.close()
        return well
    finally:
        platform.stop()
        if outside is not None:
            outside.stop()


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--browsers", type=int, default=3)
    parser.add_argument("--phones", type=int, default=4)
    parser.add_argument("--landlines", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=90, metavar="S")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", action="store_true", help="keep the folder with logs, database and recordings"
    )
    asked = parser.parse_args()
    folder = facts.folder()
    well = False
    try:
        well = play(asked, folder)
    except Exception:  # noqa: BLE001 - the folder is to be told of, whatever happened
        traceback.print_exc()
    if asked.keep or not well:
        print(f"everything of it is in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
