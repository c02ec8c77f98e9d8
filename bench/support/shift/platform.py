"""The platform of a shift, as its users start it, with a company of agents: set up, looked at, asked, and killed.

It runs under the platform's own runner (``zongji run``), which starts again whatever is killed here.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
import xmlrpc.client
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import select
from supervisor.xmlrpc import SupervisorTransport

from bench.support.shift.plan import Victim
from core import accounts, bus, keys
from core import redis as redis_clients
from core.crypto import Vault
from core.database import ALL_TENANTS, Database
from core.errors import ZongjiError
from core.models import Account, BuiltInRole, Tenant
from core.redis import RedisError
from core.settings import Settings, load
from cti.call.model import Call, decode
from cti.endpoints import open_extension, password_of
from cti.models import EndpointKind, Extension, Queue, QueueMember, SipEndpoint, TenantNumber, Trunk
from cti.publishing import publish
from tests.e2e.desktop.line import SHOWN
from tests.e2e.desktop.stack import COMPANY, PASSWORD, Stack
from zongji.processes.switch import running_freeswitch

FIRST_PORT: Final = 21_630
RTP_FIRST: Final = 20_400
FIRST_TONE: Final = 1_010
TONE_STEP: Final = 130
SUPERVISOR_TONE: Final = 620


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person:
    """An agent, or the supervisor, and the telephone they have."""

    account_id: int
    login: str
    extension_id: int
    extension: str
    endpoint: str
    """``web``, ``sip`` or ``landline``."""
    sip_user: str
    sip_password: str
    landline: str
    """Number bound to the extension as the carrier is told it; empty: none."""
    presses: bool
    """A key takes the call on the landline."""
    hz: int
    """What their voice is."""

    @property
    def rings_at(self) -> str:
        """What is dialled outside when their telephone rings."""
        return self.landline if self.endpoint == "landline" else self.sip_user


@dataclasses.dataclass(frozen=True)
class Seen:
    """The live state as Redis has it."""

    agents: Mapping[int, Mapping[str, Any]]
    calls: Sequence[Call]


class Platform:
    """A running platform whose company has the shift's people."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = Stack(
            folder / "home", "freeswitch", first_port=FIRST_PORT, rtp_first=RTP_FIRST, log_format="json"
        )
        self.settings: Settings = load(self.stack.environment)
        self.redis = redis_clients.connect(self.settings.effective_redis_url, reply_timeout_s=3.0)
        self.tenant_id = 0
        self.queues: list[int] = []
        self.asked: Counter[str] = Counter()
        self._asking = ThreadPoolExecutor(max_workers=8)
        self._lock = threading.Lock()

    # --- set-up -----------------------------------------------------------------------------------------------------

    def hire(self, endpoints: Sequence[str]) -> list[Person]:
        """Make an agent for each endpoint, and last a supervisor with a SIP phone; returns them."""
        database = Database.from_settings(self.settings)
        vault = Vault.from_settings(self.settings)
        try:
            with database.transaction(ALL_TENANTS, read_only=True) as session:
                self.tenant_id = session.scalars(select(Tenant.id).where(Tenant.code == COMPANY)).one()
            with database.transaction(self.tenant_id) as session:
                queues = session.scalars(select(Queue)).all()
                self.queues = [queue.id for queue in queues]
                for queue in queues:
                    queue.ring_timeout_s, queue.timeout_s, queue.wrap_up_s = 12, 50, 8
                people = [
                    self._hire(session, vault, n, each) for n, each in enumerate((*endpoints, "supervisor"))
                ]
                for person in people[:-1]:
                    session.add_all(
                        QueueMember(queue_id=queue.id, extension_id=person.extension_id) for queue in queues
                    )
                session.flush()
                publish(session, self.redis, *queues, *self._rows(session, people))
                session.commit()
            return people
        finally:
            database.dispose()

    def _hire(self, session: Any, vault: Vault, n: int, endpoint: str) -> Person:
        supervises = endpoint == "supervisor"
        account = accounts.create_account(
            session, login=f"shift{n}", name=f"Shift {n}", password=PASSWORD, strong=False,
            role=BuiltInRole.SUPERVISOR if supervises else BuiltInRole.AGENT,
        )  # fmt: skip
        session.flush()
        extension = open_extension(
            session, vault, self.settings.sip_domain, number=str(8100 + n), account=account
        )
        landline = f"1390000{n:04}" if endpoint == "landline" else ""
        extension.bound_number = f"+86{landline}" if landline else ""
        extension.press_to_take = bool(landline) and n % 2 == 0
        extension.outbound_allowed, extension.caller_id = True, SHOWN
        session.flush()
        phone = session.scalars(
            select(SipEndpoint).where(
                SipEndpoint.extension_id == extension.id, SipEndpoint.kind == EndpointKind.SIP
            )
        ).one()
        return Person(
            account_id=account.id, login=account.login, extension_id=extension.id, extension=extension.number,
            endpoint="sip" if supervises else endpoint, sip_user=phone.user,
            sip_password=password_of(phone, vault), landline=landline, presses=extension.press_to_take,
            hz=SUPERVISOR_TONE if supervises else FIRST_TONE + TONE_STEP * n,
        )  # fmt: skip

    def _rows(self, session: Any, people: Sequence[Person]) -> Iterable[Any]:
        yield from session.scalars(
            select(Account).where(Account.id.in_([each.account_id for each in people]))
        )
        yield from session.scalars(
            select(Extension).where(Extension.id.in_([each.extension_id for each in people]))
        )

    def open_trunk(self, sip_port: int) -> None:
        """Connect the company to a carrier at a port of this machine."""
        database = Database.from_settings(self.settings)
        try:
            with database.transaction(ALL_TENANTS) as session:
                tenant = session.get_one(Tenant, self.tenant_id)
                trunk = Trunk(code="world", name="World", host="127.0.0.1", port=sip_port)
                session.add(trunk)
                session.flush()
                tenant.outbound_trunk_id = trunk.id
                session.add(TenantNumber(tenant_id=tenant.id, number=SHOWN, trunk_id=trunk.id))
                session.flush()
                publish(session, self.redis, tenant, trunk)
                session.commit()
        finally:
            database.dispose()

    # --- eyes -------------------------------------------------------------------------------------------------------

    def look(self) -> Seen | None:
        """Return the live state; None while Redis is away."""
        try:
            accounts_in = [int(each) for each in self.redis.smembers(keys.agents(self.tenant_id))]
            with self.redis.pipeline(transaction=False) as pipe:
                for account in accounts_in:
                    pipe.hget(keys.agent(self.tenant_id, account), "data")
                pipe.smembers(keys.calls(self.tenant_id))
                *found, call_ids = pipe.execute()
            names = [keys.call(self.tenant_id, each.decode()) for each in call_ids]
            values = self.redis.mget(names) if names else []
        except RedisError:
            return None
        agents = {
            account: msgspec.json.decode(data)
            for account, data in zip(accounts_in, found, strict=True)
            if data
        }
        return Seen(agents, [decode(value) for value in values if value])

    def left(self) -> list[str]:
        """Return what is in Redis although no call is up."""
        found = [f"call {call.id} ({call.phase})" for call in (self.look() or Seen({}, [])).calls]
        lines = {each: self.redis.zrange(keys.waiting(self.tenant_id, each), 0, -1) for each in self.queues}
        found += [f"queue {queue_id} holds {waiting}" for queue_id, waiting in lines.items() if waiting]
        if held := self.redis.hgetall(keys.held_places(self.settings.cell)):
            found.append(f"places are held: {held}")
        if watches := self.redis.hgetall(keys.watches(self.tenant_id)):
            found.append(f"watches: {watches}")
        return found

    # --- commands ---------------------------------------------------------------------------------------------------

    def ask(self, kind: str, account_id: int, **body: Any) -> None:
        """Send a command without waiting for its answer, which is counted."""
        self._asking.submit(self._ask, kind, account_id, body)

    def _ask(self, kind: str, account_id: int, body: Mapping[str, Any]) -> None:
        try:
            answer = bus.send_command(
                self.redis,
                self.settings.cell,
                kind,
                self.tenant_id,
                account_id,
                {"account_id": account_id, **body},
            )
            told = "ok" if answer["ok"] else str(answer["error"])
        except (ZongjiError, RedisError) as error:
            told = type(error).__name__
        with self._lock:
            self.asked[f"{kind}: {told}"] += 1

    # --- deaths -----------------------------------------------------------------------------------------------------

    def pid_of(self, name: str) -> int:
        """Return the process id the runner knows, 0 while there is none."""
        socket = self.settings.home / "run" / "supervisor.sock"
        proxy = xmlrpc.client.ServerProxy(
            "http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{socket}")
        )
        info: Any = proxy.supervisor.getProcessInfo(name)
        return int(info["pid"])

    def kill(self, victim: Victim) -> str:
        """Kill it, and return what was done."""
        if victim is Victim.FLUSHALL:
            self.redis.flushall()
            return "Redis emptied"
        pid = running_freeswitch(self.settings) if victim is Victim.SWITCH else self.pid_of(victim.value)
        if not pid:
            return f"{victim} was not running"
        os.kill(pid, signal.SIGKILL)
        return f"{victim} killed (process {pid})"

    def stop(self) -> None:
        """End everything."""
        self._asking.shutdown(wait=True, cancel_futures=True)
        self.redis.close()
        self.stack.stop()

    def wait_trunk(self) -> None:
        """Wait until the switch can use the trunk."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            standings = self.redis.hvals(keys.trunks(self.settings.cell))
            if any(msgspec.json.decode(each)["state"] == "ready" for each in standings):
                return
            time.sleep(0.2)
        raise RuntimeError("the switch does not know the trunk")
