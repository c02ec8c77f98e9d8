"""What the interface's tests fill companies with: records, recordings, agents, and who answers commands."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import redis as redis_py

from core import keys
from core.bus import Command
from core.clock import now_ms
from core.store import FileStore
from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd
from cti.call import model
from cti.call.model import Call, EndedIn, LegKind, Offer, OfferResult, Phase
from cti.records.models import CallLeg, CallOffer, CallRecord, Recording, RecordState
from tests.support.redis import RedisServer
from tests.unit.admin_web.conftest import World
from tests.unit.agent_desktop.conftest import FakeController

CALL = "0b8f4e0c-5d0d-4b5c-9a55-1f0f6a2d7c11"
CALLER = "+8613800138000"
ARRIVED = datetime.datetime(2026, 11, 3, 8, 0, tzinfo=datetime.UTC)
SOUND = bytes(range(256)) * 40


def add_record(world: World, call_id: str = CALL, company: str = "one", **changes: Any) -> str:
    """Add the record of an answered call with a leg, an offer and a recording; return its call id."""
    ids = world.ids[company]
    second = datetime.timedelta(seconds=1)
    values: dict[str, Any] = {
        "call_id": call_id,
        "state": RecordState.FINAL,
        "caller": CALLER,
        "called": "4008001000",
        "arrived_at": ARRIVED,
        "answered_at": ARRIVED + second,
        "talk_at": ARRIVED + 20 * second,
        "ended_at": ARRIVED + 80 * second,
        "length_s": 80,
        "talk_s": 60,
        "wait_s": 19,
        "ended_in": EndedIn.AGENT,
        "cause": "NORMAL_CLEARING",
        "agent_id": ids["accounts"],
        "agent_name": "agent",
        "queue_id": ids["queues"],
        "queue_name": "Sales",
        **changes,
    }
    key = f"recordings/{ids['tenants']}/2026-11/{call_id}-1.wav"
    stored = FileStore(world.parts.settings.store_dir).put(key, [SOUND])
    with world.parts.database.transaction(ids["tenants"]) as session:
        record = CallRecord(**values)
        session.add(record)
        session.flush()
        session.add(
            CallLeg(
                leg_uuid=call_id, call_id=call_id, kind=LegKind.CUSTOMER, direction="in",
                started_at=values["arrived_at"], ended_at=values["ended_at"], from_number=CALLER,
                to_number="4008001000",
            )
        )  # fmt: skip
        session.add(
            CallOffer(
                record_id=record.id, position=1, leg_uuid=f"{call_id}-a", agent_id=ids["accounts"],
                agent_name="agent", extension_id=ids["extensions"], queue_id=ids["queues"],
                offered_at=values["arrived_at"], result=OfferResult.ANSWERED,
            )
        )  # fmt: skip
        session.add(
            Recording(
                call_id=call_id, segment=1, agent_id=ids["accounts"], started_at=values["arrived_at"],
                length_ms=60_000, key=key, bytes=stored.bytes, sha256=stored.sha256, channels=2,
                created_at=values["ended_at"],
            )
        )  # fmt: skip
        session.commit()
    return call_id


def sign_in_agent(world: World, company: str = "one", **changes: Any) -> Agent:
    """Put the company's agent into Redis as the controller does."""
    ids = world.ids[company]
    agent = Agent(
        tenant_id=ids["tenants"], account_id=ids["accounts"], name="agent", extension_id=ids["extensions"],
        extension="8001", endpoint="web", user="web-user", state=changes.pop("state", AgentState.READY),
        since_ms=now_ms(), registered=True, queue_ids=(ids["queues"],), **changes,
    )  # fmt: skip
    acd = Acd(world.parts.redis)
    acd.hold_extension(agent.tenant_id, agent.extension_id, agent.account_id)
    acd.save(agent, "")
    return agent


def put_call(redis: redis_py.Redis, world: World, company: str = "one", **changes: Any) -> Call:
    """Put a call into Redis as the controller does: an agent dialled and rings."""
    ids = world.ids[company]
    offer = Offer(
        leg_id="leg-1", agent_id=ids["accounts"], extension_id=ids["extensions"], queue_id=0, endpoint="web",
        token="t", offered_ms=now_ms(),
    )  # fmt: skip
    call = Call(
        **{
            "id": CALL,
            "tenant_id": ids["tenants"],
            "phase": Phase.TALKING,
            "direction": "out",
            "caller": "",
            "called": CALLER,
            "arrived_ms": now_ms() - 5000,
            "offers": [offer],
            **changes,
        }
    )
    redis.sadd(keys.calls(call.tenant_id), call.id)
    redis.set(keys.call(call.tenant_id, call.id), model.encode(call))
    return call


@contextmanager
def answer_commands(
    world: World, rule: Callable[[Command], dict[str, Any]] | None = None
) -> Iterator[FakeController]:
    """Answer the cell's commands as a controller does, by `rule`; ``dial`` gives each key a call of its own."""
    calls: dict[str, str] = {}

    def dial(command: Command) -> dict[str, Any]:
        if command.kind != "dial":
            return {"ok": True}
        key = str(command.body["key"])
        return {"ok": True, "call_id": calls.setdefault(key, f"call-{len(calls) + 1}")}

    server = RedisAddress(world.parts.settings.redis_url)
    controller = FakeController(server, world.parts.settings.cell)  # type: ignore[arg-type]
    controller.rule = rule or dial
    try:
        yield controller
    finally:
        controller.stop()


class RedisAddress:
    """Where the tests' Redis is, as the stand-in of the controller asks for it."""

    def __init__(self, url: str) -> None:
        self.url = url

    client = RedisServer.client


def as_json(value: Any) -> bytes:
    """Return `value` as a body."""
    return msgspec.json.encode(value)
