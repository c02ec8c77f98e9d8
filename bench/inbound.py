"""P2: whole inbound calls per second through a real FreeSWITCH, driven by us, and by itself with mod_callcenter.

    python -m bench.inbound [--seconds 30] [--lines 24] [--agents 60] [--rounds 2] [--admit 0] [--quick] [--check]

A whole call: answer, a menu's prompt cut by a key (RFC 2833), a queue with music, an agent's phone that answers at
once, half a second of recorded talk, the agent hangs up, the switch's record lies on the disk. A closed loop of callers
keeps the switch full. FreeSWITCH has one core for itself; controller, Redis and SIP callers and phones share another,
in both kinds of run, which alternate. The bar (docs/benchmarks.md, P2): at least 90 % of the switch by itself, and
fewer processor seconds a call in the controller than in the switch. Recording is on in both; no database takes part.
Needs FreeSWITCH with mod_callcenter, sipp with its recorded keys, and root for sipp's RFC 2833 packets.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.support.sip import KEYS, Callers, Phones
from bench.support.switch import Flow, Switch
from bench.support.traffic import Counts, between, sent, table
from bench.support.usage import busy_s, cpu_s, running_on
from core import documents as docs
from ivr.model import Flow as IvrFlow
from ivr.model import SoundPrompt
from ivr.nodes.hangup import HangupNode
from ivr.nodes.menu import Menu
from ivr.nodes.transfer import TransferNode
from sounds.build import manifest
from tests.support.cell import NUMBER, TENANT, Cell, freeswitch_missing, running_cell, wait_for

BAR = 0.90
PROMPT = "beep"
"""The platform's own sound of 0.4 s."""
WARM_UP_S = 6.0
OURS, OWN = "ours", "own dialplan, mod_callcenter"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """What a run is given."""

    seconds: float
    lines: int
    agents: int
    switch_core: int
    other_core: int
    max_calls_per_s: int = 0
    """What the controller takes in a second; the rest it refuses (0: no limit)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a run, in its window after the warm-up."""

    calls: int
    """Whole calls: customers' records that tell of a key, an agent and a normal end."""
    unfinished: int
    """Customers' records that do not."""
    seconds: float
    cpu_s: dict[str, float]
    """Processor seconds by part, of the window."""
    busy: float
    """Share of the switch's core at work, for anybody."""
    sent: Counts
    """What the controller sent to the switch."""

    @property
    def rate(self) -> float:
        """Whole calls per second."""
        return self.calls / self.seconds

    def per_call_ms(self, part: str) -> float:
        """Processor milliseconds of a part per whole call."""
        return 1000 * self.cpu_s.get(part, 0.0) / max(1, self.calls)


def menu() -> dict[str, object]:
    """Return the flow: one menu, one key, one queue."""
    prompt = [SoundPrompt(name=PROMPT)]
    nodes = [
        Menu(code="menu", name="Menu", prompts=prompt, keys={"1": "queue"}, timeout_s=6, failure="bye"),
        TransferNode(code="queue", name="Queue", target_id=7, failure="bye"),
        HangupNode(code="bye", name="Bye"),
    ]
    found: dict[str, object] = msgspec.to_builtins(
        IvrFlow(name="Main", entry="menu", fallback="bye", nodes=nodes)
    )
    return found


def publish(cell: Cell, agents: int) -> list[str]:
    """Publish a tenant with a route, the flow, a queue and `agents` agents; return their SIP users."""
    numbers = tuple(range(1, agents + 1))
    cell.publish(
        docs.TenantDoc(id=TENANT, tenant_id=TENANT, version=1, code="bench", name="Bench", active=True),
        docs.RouteDoc(
            id=5,
            tenant_id=TENANT,
            version=1,
            code="main",
            number=NUMBER,
            concurrency=2000,
            destination=docs.DestinationKind.FLOW,
            destination_id=3,
        ),
        docs.QueueDoc(
            id=7,
            tenant_id=TENANT,
            version=1,
            code="sales",
            name="Sales",
            max_waiting=2000,
            ring_timeout_s=20,
            extension_ids=numbers,
        ),
        docs.FlowDoc(
            id=3, tenant_id=TENANT, version=1, name="Main", body=msgspec.Raw(msgspec.json.encode(menu()))
        ),
    )
    for n in numbers:
        extension = docs.ExtensionDoc(
            id=n,
            tenant_id=TENANT,
            version=1,
            number=str(8000 + n),
            web_user=f"w{n}",
            sip_user=f"s{n}",
            account_ids=(n,),
        )
        account = docs.AccountDoc(id=n, tenant_id=TENANT, version=1, login=f"agent{n}", name=f"Agent {n}")
        cell.publish(extension, account)
    return [f"s{n}" for n in numbers]


def run_ours(load: Load) -> Result:
    """Measure the platform: rendered configuration, controller, Redis."""
    with running_cell("freeswitch") as cell:
        users = publish(cell, load.agents)
        switch = Switch(cell.settings, load.switch_core)
        phones = Phones(cell.settings, cell.folder, users)
        try:
            phones.register()
            phones.start()
            cell.environ["ZONGJI_SWITCH_MAX_CALLS_PER_S"] = str(load.max_calls_per_s)
            cell.start("cti")
            cell.wait_connected()
            for n in range(1, load.agents + 1):
                cell.sign_in(n, endpoint="sip")
            redis = cell.redis_server.process
            assert redis is not None
            pids = {"switch": switch.pid, "cti": cell.processes["cti"].pid, "Redis": redis.pid}
            return measure(cell, load, pids)
        finally:
            phones.stop()
            cell.stop()
            switch.stop()


def run_own(load: Load) -> Result:
    """Measure the switch by itself, with the same profiles, sounds and records."""
    memory = Path("/dev/shm")
    with (
        running_cell("freeswitch") as cell,
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
    ):
        phones = Phones(cell.settings, cell.folder, [f"s{n}" for n in range(1, load.agents + 1)])
        prompt = manifest(cell.settings).prompt(PROMPT, "zh")
        assert prompt is not None
        flow = Flow(cell.settings, prompt, phones.contacts, Path(folder) / "callcenter.db")
        switch = Switch(cell.settings, load.switch_core, own_flow=flow)
        try:
            phones.start()
            return measure(cell, load, {"switch": switch.pid})
        finally:
            phones.stop()
            switch.stop()


RUNS: dict[str, Callable[[Load], Result]] = {OURS: run_ours, OWN: run_own}


def measure(cell: Cell, load: Load, pids: dict[str, int]) -> Result:
    """Have calls placed, let them warm up, watch for the window, and read the records of it."""
    callers = Callers(cell.settings, cell.folder, load.lines)
    try:
        first = f"no call is whole: {cell.tail('cti')}"
        wait_for(lambda: any(cell.settings.cdr_dir.glob("*.json")), 20, first)
        time.sleep(WARM_UP_S)
        cpu, busy = {name: cpu_s(pid) for name, pid in pids.items()}, busy_s(load.switch_core)
        commands = sent(cell.settings.metrics_port) if "cti" in pids else {}
        began, clock = time.time(), time.monotonic()
        time.sleep(load.seconds)
        ended, clock = time.time(), time.monotonic() - clock
        commands = between(commands, sent(cell.settings.metrics_port)) if "cti" in pids else {}
        used = {name: cpu_s(pid) - cpu[name] for name, pid in pids.items()}
        busy = (busy_s(load.switch_core) - busy) / clock
        if not callers.alive:
            raise RuntimeError("sipp gave up calling; see its *_errors.log (ZJ_KEEP=1 keeps the folder)")
    finally:
        callers.stop()
    whole, unfinished = count(cell.settings.cdr_dir, began, ended)
    return Result(calls=whole, unfinished=unfinished, seconds=clock, cpu_s=used, busy=busy, sent=commands)


def count(folder: Path, began: float, ended: float) -> tuple[int, int]:
    """Return how many customers' records written in a time tell of a whole call, and how many do not."""
    whole = unfinished = 0
    for entry in os.scandir(folder):
        if entry.name.endswith(".json") and began <= entry.stat().st_mtime < ended:
            variables = msgspec.json.decode(Path(entry.path).read_bytes())["variables"]
            if variables.get("direction") == "inbound":
                if is_whole(variables):
                    whole += 1
                else:
                    unfinished += 1
    return whole, unfinished


def is_whole(variables: dict[str, str]) -> bool:
    """Return whether a customer's record tells of a talk with an agent and a normal end."""
    return bool(variables.get("last_bridge_to")) and variables.get("hangup_cause") == "NORMAL_CLEARING"


def compare(load: Load, rounds: int) -> tuple[float, bool]:
    """Alternate the two kinds of run; print; return the ratio of rates and whether the controller costs less."""
    results: dict[str, list[Result]] = {name: [] for name in RUNS}
    print(f"{load.lines} callers, {load.agents} agents, windows of {load.seconds:g} s, recording on in both")
    print(f"{'run':<30}{'calls/s':>9}{'unfinished':>12}{'core busy':>11}{'switch':>9}{'cti':>8}{'Redis':>8}")
    print(f"{'':<62}{'processor ms a whole call':>25}")
    for _ in range(rounds):
        for name, run in RUNS.items():
            result = run(load)
            results[name].append(result)
            parts = "".join(
                f"{result.per_call_ms(p):>{w}.1f}" for p, w in (("switch", 9), ("cti", 8), ("Redis", 8))
            )
            share = f"{100 * result.busy:>10.0f}%"
            print(f"{name:<30}{result.rate:>9.1f}{result.unfinished:>12}{share}{parts}", flush=True)
    mine, theirs = results[OURS], results[OWN]
    print(table(mine[-1].sent, max(1, mine[-1].calls)))
    ratio = statistics.median(a.rate / b.rate for a, b in zip(mine, theirs, strict=True))
    cost = statistics.median(
        b.per_call_ms("switch") / a.per_call_ms("switch") for a, b in zip(mine, theirs, strict=True)
    )
    below = statistics.median(r.per_call_ms("cti") / r.per_call_ms("switch") for r in mine)
    print(f"whole calls per second, ours to the switch's own: {ratio:.2f} (bar {BAR:.2f})")
    print(f"the same per processor second of the switch, blind to who else used the core: {cost:.2f}")
    print(f"the controller's processor time to the switch's, a call: {below:.2f} (bar: below 1)")
    return ratio, below < 1


def missing() -> str:
    """Return why the bench cannot run here, or nothing."""
    if why := freeswitch_missing():
        return why
    if shutil.which("sipp") is None or not KEYS.is_dir():
        return f"no sipp, or no recorded keys in {KEYS}"
    if os.geteuid() != 0:
        return "sipp sends recorded keys through a raw socket: root is needed"
    return "" if len(os.sched_getaffinity(0)) >= 2 else "two cores are needed"


def main() -> int:
    """Run what the arguments say; with ``--check`` return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a run's window")
    parser.add_argument("--lines", type=int, default=24, help="callers at the same time")
    parser.add_argument("--agents", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--admit", type=int, default=0, help="new calls a second the controller takes; 0: all"
    )
    parser.add_argument("--quick", action="store_true", help="one round of 8 s, to see that it works")
    parser.add_argument("--check", action="store_true", help="fail when a bar is missed")
    options = parser.parse_args()
    if why := missing():
        print(f"not run: {why}")
        return 1 if options.check else 0
    cores = sorted(os.sched_getaffinity(0))
    load = Load(
        seconds=8.0 if options.quick else options.seconds,
        lines=options.lines,
        agents=options.agents,
        switch_core=cores[-1],
        other_core=cores[0],
        max_calls_per_s=options.admit,
    )
    with running_on({load.other_core}):
        ratio, below = compare(load, 1 if options.quick else options.rounds)
    return 1 if options.check and (ratio < BAR or not below) else 0


if __name__ == "__main__":
    sys.exit(main())
