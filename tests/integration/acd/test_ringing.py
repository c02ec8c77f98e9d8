"""What a match leads to on the controller's own board when the phone cannot be rung: nobody is lost on the way."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
import redis as redis_py

from core import documents as docs
from core.clock import now_ms
from core.metrics import make_registry
from core.settings import Settings
from cti.acd import agents as rules
from cti.acd.matching import Acd
from cti.call import in_queue, inputs
from cti.call.model import Call, OfferResult, Phase
from cti.controller import agents as agents_module
from cti.controller.agents import Agents
from cti.controller.board import Board
from cti.controller.carry import Carrier
from cti.controller.documents import Documents
from cti.controller.facts import Facts
from cti.controller.journal import AgentJournal
from cti.controller.limits import Limits
from cti.controller.metrics import Metrics
from cti.controller.redis_guard import RedisGuard
from cti.controller.registrations import Registrations
from cti.controller.runner import CallRunner
from cti.controller.state_writer import StateWriter
from cti.esl.client import SwitchClient
from cti.esl.originate import SipContact
from tests.integration.acd.stage import QUEUE, TENANT, agent, waiting
from tests.support import clock


class Phones(Registrations):
    """Phones registered from the addresses a test names."""

    def __init__(self, switch: SwitchClient) -> None:
        super().__init__(switch, "test.invalid")
        self.uris: dict[str, str] = {}

    def contact(self, user: str) -> SipContact | None:
        """See `Registrations`."""
        uri = self.uris.get(user)
        return SipContact(profile="agents", uri=uri) if uri else None


class DeafSwitch(SwitchClient):
    """A switch that is said to be up and takes nothing: every originate fails at once."""

    @property
    def connected(self) -> bool:
        """See `SwitchClient`."""
        return True


class NoSpeech:
    """Calls that go straight to a queue play music, never prompts."""

    def files(self, call: Call, prompts: Any) -> list[Path]:
        """See `carry.Speech`."""
        return []

    system = files


class Desk:
    """Board, agents and carrier on a real Redis."""

    def __init__(self, client: redis_py.Redis, folder: Path) -> None:
        self.acd = Acd(client)
        self.guard = guard = RedisGuard(client, lambda: None)
        writer = StateWriter(guard)
        switch = DeafSwitch("127.0.0.1", 1, "x", events=[], on_event=lambda event: None)
        self.phones = Phones(switch)
        self.agents = Agents(self.acd, guard, writer, AgentJournal(folder / "journal"), self._free)
        documents = Documents(folder / "documents.json")
        self.board = Board(
            settings=Settings(home=folder, cell="test"),
            switch=switch,
            redis=guard,
            acd=self.acd,
            documents=documents,
            writer=writer,
            agents=self.agents,
            registrations=self.phones,
            metrics=Metrics(make_registry("test", "0")),
            limits=Limits(client, guard, "test"),
            facts=Facts(folder / "facts"),
        )
        self.board.carrier = Carrier(
            settings=Settings(home=folder, cell="test"),
            switch=switch,
            redis=guard,
            acd=self.acd,
            agents=self.agents,
            writer=writer,
            speech=NoSpeech(),
            desk=self.board,
        )
        made = {"id": QUEUE, "tenant_id": TENANT, "version": 1, "code": "q"}
        queue = docs.DestinationKind.QUEUE
        for each in (
            docs.TenantDoc(id=TENANT, tenant_id=TENANT, version=1, code="t", name="T", active=True),
            docs.QueueDoc(**made, name="Sales"),
            docs.RouteDoc(**made, number="4001", concurrency=9, destination=queue, destination_id=QUEUE),
        ):
            client.hset(docs.HASH, docs.field_of(each), docs.encode(each))
        documents.load(guard)

    def _free(self, here: Any) -> None:
        gevent.spawn(self.board.ringing.agent_available, here)

    def arrive(self) -> CallRunner:
        """Let a caller in."""
        runner = self.board.add(Call(id=str(uuid.uuid4()), cell="test"))
        runner.post(inputs.Arrived(at_ms=now_ms(), caller="+8613800138000", called="4001", trunk_address=""))
        return runner

    def close(self) -> None:
        """Let go of every call."""
        for runner in list(self.board.calls.values()):
            runner.stop()
        gevent.sleep(0)


def soon(what: Callable[[], object]) -> bool:
    """Return whether `what` becomes true within a second."""
    deadline = clock.now_s() + 1
    while not what():
        if clock.now_s() > deadline:
            return False
        gevent.sleep(0.005)
    return True


@pytest.fixture
def desk(redis: redis_py.Redis, tmp_path: Path) -> Iterator[Desk]:
    here = Desk(redis, tmp_path)
    yield here
    here.close()


def test_a_wrap_up_whose_timer_rings_too_early_ends_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the machine was set back while it ran."""
    until_ms = now_ms() + 50
    desk.agents.add(agent(11, state=rules.AgentState.WRAP_UP, since_ms=now_ms(), wrap_until_ms=until_ms))
    monkeypatch.setattr(agents_module, "now_ms", lambda: now_ms() - 400)
    gevent.sleep(0.1)
    desk.agents._wrapped_up(11)
    monkeypatch.undo()
    states = [getattr(desk.agents.get(11), "state", None)]
    assert soon(lambda: getattr(desk.agents.get(11), "state", None) is rules.AgentState.READY)
    assert states == [rules.AgentState.WRAP_UP]


@pytest.mark.parametrize(
    "uri", ["", "sip:w11@192.0.2.1:5060", "sip:o'brien@192.0.2.1:5060"], ids=["none", "refused", "odd"]
)
def test_a_phone_that_cannot_be_rung_costs_the_caller_nothing(
    desk: Desk, redis: redis_py.Redis, uri: str
) -> None:
    """CTI-Q4, CTI-Q5: no contact, an originate that fails, a contact we refuse to dial (a phone chooses its own, and
    RFC 3261 allows an apostrophe). The caller waits on in the old place, the agent is free, and nothing spins.
    """
    if uri:
        desk.phones.uris["w11"] = uri
    desk.agents.add(agent(11))
    runner = desk.arrive()
    assert soon(lambda: runner.call.offers and runner.call.offers[-1].ended_ms)
    order = runner.call.queue_order
    gevent.sleep(0.3)
    assert not runner.broken
    assert runner.call.phase is Phase.WAITING
    assert (waiting(redis), runner.call.queue_order) == ([runner.call.id], order)
    assert runner.call.offers[-1].result is OfferResult.UNREACHABLE
    assert len(runner.call.offers) <= rules.MAX_UNREACHABLE
    here = desk.agents.get(11)
    assert here is not None
    assert not here.token


def test_a_call_matched_while_it_stands_in_line_again_rings_one_agent_only(
    desk: Desk, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time to try the queue again comes while the agent's leg is prepared: nobody else rings."""
    runner = desk.arrive()
    assert soon(lambda: waiting(redis))
    prepared, rung = desk.board.ringing._legs.prepare, list[int]()

    def prepare_slowly(call: Call, here: rules.Agent) -> Any:
        rung.append(here.account_id)
        runner.post(inputs.TimerDue(at_ms=now_ms(), name=in_queue.RETRY_TIMER))
        gevent.sleep(0.1)
        return prepared(call, here)

    monkeypatch.setattr(desk.board.ringing._legs, "prepare", prepare_slowly)
    for number in (11, 12):
        desk.phones.uris[f"w{number}"] = f"sip:w{number}@192.0.2.1:5060"
    monkeypatch.setattr(desk.board.ringing._switch, "bgapi", lambda wire, told: None)
    for number in (11, 12):
        desk.agents.add(agent(number))
    assert soon(lambda: runner.call.phase is Phase.OFFERING)
    gevent.sleep(0.3)
    assert rung == [11]
    assert (len(runner.call.offers), waiting(redis)) == (1, [])
