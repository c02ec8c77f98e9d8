"""An hour of 200 agents and 500 calls on the simulated switch: does anything drift (R4)?

    python -m bench.soak [--minutes 60] [--agents 200] [--calls 500] [--kill-every 600]

A cell as it runs (Redis, simulator, controller; each a process) is kept full: as many calls as asked for are up at any
time, most of them waiting, each agent talks or is about to. Callers give up at random, agents hold, mute and pause now
and then, and every `--kill-every` seconds the controller is killed and started again (0: never). Each minute a line is
printed: calls by phase, agents by state, and memory, open files and processor seconds of controller and simulator.

At the end no caller is sent any more, and when all are through, nothing may be left: no call, no leg, no waiting
place, no taken limit; every agent is ready; every call placed has exactly one record of its leg. The exit code says
whether that is so, and whether the controller's memory grew by less than a fifth between the first and the last
quarter.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.support.usage import cpu_s
from core import documents as docs
from core import keys
from core.bus import ControllerSilentError
from switchsim.control import Control
from tests.support.cell import NUMBER, TENANT, Cell, newest, running_cell, wait_for

QUEUE: Final = 7
TALK_S: Final = (20.0, 160.0)
PATIENCE_S: Final = (60.0, 600.0)
RATE: Final = 6.0
"""Callers a second at most."""
GROWTH: Final = 1.2


class Soak:
    """The load, and what is counted of it."""

    def __init__(self, cell: Cell, agents: int, calls: int, seed: int) -> None:
        self.cell = cell
        self.agents = range(1, agents + 1)
        self.wanted = calls
        self.random = random.Random(seed)
        self.control = Control(port=cell.settings.simulator_control_port, timeout_s=30)
        self.placed: set[str] = set()
        self.memory_mb: list[float] = []
        self.done: Counter[str] = Counter()

    def publish(self) -> None:
        """Publish the tenant, its number, its queue and its agents."""
        made = {"tenant_id": TENANT, "version": newest()}
        self.cell.publish_now(
            docs.TenantDoc(**made, id=TENANT, code="demo", name="Demo", active=True),
            docs.RouteDoc(
                **made, id=5, code="main", number=NUMBER, concurrency=2 * self.wanted,
                destination=docs.DestinationKind.QUEUE, destination_id=QUEUE,
            ),
            docs.QueueDoc(
                **made, id=QUEUE, code="sales", name="Sales", ring_timeout_s=30, max_waiting=999,
                timeout_s=999, extension_ids=tuple(self.agents),
            ),
            *(
                docs.ExtensionDoc(
                    **made, id=n, number=str(10_000 + n), web_user=f"w{n}", sip_user=f"s{n}", account_ids=(n,)
                )
                for n in self.agents
            ),
            *(docs.AccountDoc(**made, id=n, login=f"agent{n}", name=f"Agent {n}") for n in self.agents),
        )  # fmt: skip

    def sign_in(self) -> None:
        """Register every phone and have every agent ready."""
        for n in self.agents:
            answer_s = round(self.random.uniform(0.5, 4.0), 2)
            self.control.register(f"s{n}", expires_s=100_000, behaviour={"answer_after_s": answer_s})
        for n in self.agents:
            self.cell.sign_in(n, endpoint="sip")

    def legs(self) -> list[dict[str, object]]:
        """Return the simulator's legs."""
        found: list[dict[str, object]] = self.control.list()["legs"]
        return found

    def step(self) -> None:
        """Bring the number of calls up, and have an agent do something."""
        up = len(self.placed & {str(leg["uuid"]) for leg in self.legs()})
        for _ in range(min(self.wanted - up, int(RATE))):
            self.placed.add(
                self.control.call(
                    NUMBER,
                    f"138{self.random.randrange(10**8):08}",
                    talk_s=round(self.random.uniform(*TALK_S), 1),
                    patience_s=round(self.random.uniform(*PATIENCE_S), 1),
                )
            )
        agent = self.random.choice(self.agents)
        kind = self.random.choice(("leg.hold", "leg.unhold", "leg.mute", "leg.unmute", "pause"))
        try:
            answer = self._act(agent, kind)
        except ControllerSilentError:
            self.done[f"{kind}: no answer in time"] += 1
            return
        self.done[kind if answer["ok"] else f"{kind}: {answer['error']}"] += 1

    def _act(self, agent: int, kind: str) -> dict[str, Any]:
        if kind != "pause":
            return self.cell.command(kind, agent, account_id=agent)
        answer = self.cell.set_state(agent, "break")
        # Whatever became of the break, nobody is to be left in it.
        wait_for(lambda: self._ready_again(agent), 60, f"agent {agent} cannot come back")
        return answer

    def _ready_again(self, agent: int) -> bool:
        try:
            return bool(self.cell.set_state(agent, "ready")["ok"])
        except ControllerSilentError:
            return False

    def tell(self, minute: int) -> None:
        """Print how things stand."""
        phases = Counter(call.phase.value for call in self.cell.calls())
        states = Counter(str(self.cell.agent(n).get("state")) for n in self.agents)
        processes = {name: self.cell.processes[name].pid for name in ("cti", "switch")}
        usage = {
            name: {"MB": memory_mb(pid), "files": open_files(pid), "CPU s": round(cpu_s(pid), 1)}
            for name, pid in processes.items()
        }
        self.memory_mb.append(memory_mb(processes["cti"]))
        print(minute, dict(phases), dict(states), json.dumps(usage), f"placed {len(self.placed)}", flush=True)

    def finish(self) -> list[str]:
        """Let everything end; return what is wrong."""
        wait_for(lambda: not self.legs(), 900, "legs stay up")
        self.cell.wait_no_calls(30)
        wrong = []
        for n in self.agents:
            agent = self.cell.agent(n)
            if agent.get("state") != "ready" or agent.get("token"):
                wrong.append(f"agent {n} is left {agent.get('state')}, claim {agent.get('token')!r}")
        redis = self.cell.redis
        if waiting := redis.zcard(keys.waiting(TENANT, QUEUE)):
            wrong.append(f"{waiting} calls wait that are none")
        held = redis.hlen(keys.held_places(self.cell.settings.cell))
        if held:
            wrong.append(f"{held} legs hold places")
        records = Counter(
            record["variables"]["uuid"]
            for record in self.cell.records()
            if record["variables"].get("zj_leg") == "customer"
        )
        if lost := len(self.placed - records.keys()):
            wrong.append(f"{lost} calls have no record")
        if double := sum(count > 1 for count in records.values()):
            wrong.append(f"{double} calls have more than one record")
        quarter = max(1, len(self.memory_mb) // 4)
        first, last = (
            statistics.median(self.memory_mb[:quarter]),
            statistics.median(self.memory_mb[-quarter:]),
        )
        print(f"controller's memory: {first:.0f} MB in the first quarter, {last:.0f} MB in the last")
        if last > first * GROWTH:
            wrong.append("the controller grows")
        return wrong


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    line = next(each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in each)
    return round(int(line.split()[1]) / 1024, 1)


def open_files(pid: int) -> int:
    """Return how many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--kill-every", type=float, default=600, metavar="S")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with running_cell("switchsim") as cell:
        cell.start_all()
        soak = Soak(cell, asked.agents, asked.calls, asked.seed)
        soak.publish()
        soak.sign_in()
        began = killed = time.monotonic()
        minute = 0
        while (now := time.monotonic()) < began + asked.minutes * 60:
            soak.step()
            if asked.kill_every and now - killed > asked.kill_every:
                killed = now
                cell.restart("cti")
                cell.wait_connected()
                print("the controller was killed and started again", flush=True)
            if now - began > minute * 60:
                soak.tell(minute)
                minute += 1
            time.sleep(max(0.0, now + 1 - time.monotonic()))
        wrong = soak.finish()
    print(msgspec.json.encode(soak.done).decode())
    for each in wrong:
        print("WRONG:", each)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
