"""A call driven by hand: the world it sees, and the edge reduced to what answers at once."""

from __future__ import annotations

from collections import deque

from core.documents import AccountDoc, DestinationKind, ExtensionDoc, QueueDoc, RouteDoc, TenantDoc
from cti.call import effects as fx
from cti.call import inputs
from cti.call.machine import advance
from cti.call.model import Call, Offer, decode, encode
from ivr import model as flow_model
from ivr.messages import TargetKind
from ivr.surroundings import Surroundings

TENANT = TenantDoc(id=1, tenant_id=1, version=1, code="demo", name="Demo", active=True)
CALL_ID = "11111111-1111-4111-8111-111111111111"
LEG_ID = "22222222-2222-4222-8222-222222222222"
FLOW_JSON = b"""{"name": "t", "entry": "menu", "nodes": [
 {"type": "menu", "code": "menu", "name": "Menu", "prompts": [{"kind": "text", "text": "hello"}],
  "keys": {"1": "sales", "2": "bye"}, "timeout_s": 5, "attempts": 2, "failure": "bye"},
 {"type": "transfer", "code": "sales", "name": "Sales", "to": "queue", "target_id": 7, "failure": "bye"},
 {"type": "hangup", "code": "bye", "name": "Bye"}]}"""


class FixedWorld:
    """Documents that do not change."""

    def __init__(self, *, queue: QueueDoc | None = None, flow: flow_model.Flow | None = None) -> None:
        self.queues = {q.id: q for q in [queue or queue_doc()]}
        self.flows = {3: flow} if flow else {}

    def flow(self, flow_id: int, version: int) -> flow_model.Flow | None:
        return self.flows.get(flow_id)

    def flow_version(self, tenant_id: int, flow_id: int) -> int:
        return 1 if flow_id in self.flows else 0

    def surroundings(self, tenant_id: int) -> Surroundings:
        return Surroundings()

    def account(self, account_id: int) -> AccountDoc | None:
        return AccountDoc(
            id=account_id, tenant_id=1, version=1, login="a", name="Ann", employee_number="8001"
        )

    def queue(self, queue_id: int) -> QueueDoc | None:
        return self.queues.get(queue_id)

    def extension(self, extension_id: int) -> ExtensionDoc | None:
        return ExtensionDoc(
            id=extension_id, tenant_id=1, version=1, number="801", web_user="w801", sip_user="s801"
        )

    def resolve(self, tenant_id: int, value: str) -> tuple[TargetKind, int]:
        return TargetKind.VALUE, 0


def queue_doc(**changes: object) -> QueueDoc:
    """Return a queue with sensible settings."""
    settings = {
        "id": 7,
        "tenant_id": 1,
        "version": 1,
        "code": "q",
        "name": "Sales",
        "timeout_s": 60,
        "wrap_up_s": 5,
    }
    return QueueDoc(**{**settings, **changes})  # type: ignore[arg-type]


def route_doc(kind: DestinationKind, destination_id: int) -> RouteDoc:
    """Return a route to a destination."""
    return RouteDoc(
        id=5,
        tenant_id=1,
        version=1,
        code="r",
        number="+861012345678",
        concurrency=3,
        destination=kind,
        destination_id=destination_id,
    )


class Driven:
    """A call and everything it asked for. After every input the call goes through JSON, as it does in life."""

    def __init__(self, world: FixedWorld, *, full: bool = False) -> None:
        self.world = world
        self.call = Call(id=CALL_ID, cell="c")
        self.asked: list[fx.Effect] = []
        self.now_ms = 1_700_000_000_000
        self._full = full
        self.order = 10

    def give(self, event: inputs.Input) -> list[fx.Effect]:
        """Give an input; returns what was asked, answering the queue as Redis would."""
        pending = deque([event])
        asked: list[fx.Effect] = []
        while pending:
            effects = advance(self.call, pending.popleft(), self.world)
            self.call = decode(encode(self.call))
            for effect in effects:
                if isinstance(effect, fx.Enqueue):
                    pending.append(self._enqueue(effect))
            asked += effects
        self.asked += asked
        return asked

    def _enqueue(self, effect: fx.Enqueue) -> inputs.Input:
        if self._full:
            return inputs.QueueRefused(at_ms=self.now_ms, reason="full")
        return inputs.Queued(at_ms=self.now_ms, order=effect.order or self.order)

    def later(self, ms: int) -> Driven:
        """Let time pass."""
        self.now_ms += ms
        return self

    def arrive(
        self, kind: DestinationKind = DestinationKind.QUEUE, destination_id: int = 7
    ) -> list[fx.Effect]:
        """Arrive and get a route."""
        self.give(inputs.Arrived(at_ms=self.now_ms, caller="+8613800138000", called="1", trunk_address="x"))
        given = inputs.RouteGiven(
            at_ms=self.now_ms, route=route_doc(kind, destination_id), tenant=TENANT, priority=50
        )
        return self.give(given)

    def match(self, leg_id: str = LEG_ID, token: str = "t1") -> list[fx.Effect]:
        """Be matched with agent 42."""
        offer = Offer(
            leg_id=leg_id,
            agent_id=42,
            extension_id=9,
            queue_id=self.call.queue_id,
            endpoint="web",
            token=token,
            offered_ms=self.now_ms,
        )
        return self.give(inputs.Matched(at_ms=self.now_ms, offer=offer))

    def answer(self, leg_id: str = LEG_ID) -> list[fx.Effect]:
        """The agent answers."""
        return self.give(inputs.AgentAnswered(at_ms=self.now_ms, leg_id=leg_id))

    def bridged(self, leg_id: str = LEG_ID) -> list[fx.Effect]:
        """The switch bridged."""
        return self.give(inputs.Bridged(at_ms=self.now_ms, leg_id=leg_id))

    def agent_gone(self, cause: str, leg_id: str = LEG_ID) -> list[fx.Effect]:
        """The agent's leg ended."""
        return self.give(inputs.AgentGone(at_ms=self.now_ms, leg_id=leg_id, cause=cause))

    def hang_up(self, cause: str = "NORMAL_CLEARING") -> list[fx.Effect]:
        """The caller hangs up."""
        return self.give(inputs.CustomerGone(at_ms=self.now_ms, cause=cause))

    def timer(self, name: str) -> list[fx.Effect]:
        """A timer runs out."""
        return self.give(inputs.TimerDue(at_ms=self.now_ms, name=name))

    def step_done(self, *, ok: bool = True) -> list[fx.Effect]:
        """What plays ended."""
        assert self.call.step is not None
        return self.give(inputs.StepDone(at_ms=self.now_ms, step_id=self.call.step.id, ok=ok))


def of_type(effects: list[fx.Effect], kind: type) -> list:
    """Return the effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]
