"""Live events into the outbox: once each, at least as far as the stream is kept, only where somebody wants them."""

from __future__ import annotations

import msgspec
import pytest
import redis as redis_py
from sqlalchemy import select

from core import keys
from core.bus import publish_live
from core.clock import now_ms
from core.database import Database
from core.outbox.kinds import EventKind
from core.outbox.live import LiveReader
from core.outbox.models import OutboxEvent
from tests.integration.webhooks.stage import Stage

OFFER = {
    "call_id": "c1", "leg_id": "l1", "account_id": 7, "queue_id": 3, "queue": "Sales", "caller": "+8613800138000",
    "called": "+861065551234", "direction": "in", "path": [], "waited_ms": 1200, "missed": 0, "deadline_ms": 1,
    "auto_answer": False,
}  # fmt: skip
AGENT = {
    "account_id": 7, "name": "Wang", "extension_id": 1, "extension": "8001", "endpoint": "web", "state": "ready",
    "since_ms": 1_700_000_000_000, "reason": "", "next_state": "", "registered": True, "queue_ids": [3],
}  # fmt: skip


@pytest.fixture
def stage(database: Database) -> Stage:
    return Stage(database)


def events(stage: Stage) -> list[tuple[str, dict]]:
    with stage.database.transaction(stage.tenant, read_only=True) as session:
        rows = session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))
        return [(row.kind, msgspec.json.decode(row.body)) for row in rows]


def test_only_wanted_kinds_once_each(stage: Stage, redis: redis_py.Redis) -> None:
    reader = LiveReader(stage.database, redis, block_ms=10)
    publish_live(redis, stage.tenant, ["admin"], "call.offered", OFFER)
    assert reader.step() == 0
    assert redis.get(keys.outbox_position(stage.tenant)) is None, "nobody wants anything: nothing is read"
    stage.endpoint("https://example.com/", EventKind.CALL_OFFERED, EventKind.AGENT_STATE)
    reader = LiveReader(stage.database, redis, block_ms=10)
    reader.step()
    assert events(stage) == [], "what was before the wish is not told"
    publish_live(redis, stage.tenant, ["admin"], "call.offered", {**OFFER, "leg_id": "l2"})
    publish_live(redis, stage.tenant, ["admin"], "call.talking", {**OFFER, "started_ms": now_ms()})
    publish_live(redis, stage.tenant, ["admin"], "queue.changed", {"queue_id": 3})
    publish_live(redis, stage.tenant, ["admin"], "agent.state", AGENT)
    publish_live(redis, stage.tenant, ["admin"], "agent.state", {**AGENT, "registered": False})
    publish_live(
        redis, stage.tenant, ["admin"], "agent.state", {**AGENT, "state": "break", "since_ms": now_ms()}
    )
    assert reader.step() == 3
    assert [kind for kind, _ in events(stage)] == ["call.offered", "agent.state", "agent.state"]
    body = events(stage)[0][1]
    assert body["caller"] == "+8613800138000"
    assert "auto_answer" not in body


def test_a_reader_that_died_or_a_second_one_writes_nothing_twice_and_misses_nothing(
    stage: Stage, redis: redis_py.Redis
) -> None:
    stage.endpoint("https://example.com/", EventKind.CALL_ANSWERED)
    for number in range(5):
        data = {**OFFER, "leg_id": f"l{number}", "started_ms": now_ms()}
        publish_live(redis, stage.tenant, ["admin"], "call.talking", data)
    readers = [LiveReader(stage.database, redis, block_ms=10) for _ in range(2)]
    assert readers[0].step() == 5
    redis.delete(keys.outbox_position(stage.tenant))  # as if it died before the position moved
    assert readers[1].step() == 0
    assert len(events(stage)) == 5
    publish_live(redis, stage.tenant, ["admin"], "call.talking", {**OFFER, "leg_id": "l9", "started_ms": 1})
    assert sum(reader.step() for reader in readers) == 1
    assert len(events(stage)) == 6


def test_another_companys_events_stay_its_own(stage: Stage, redis: redis_py.Redis) -> None:
    other = Stage(stage.database, "other")
    stage.endpoint("https://example.com/", EventKind.CALL_OFFERED)
    publish_live(redis, other.tenant, ["admin"], "call.offered", OFFER)
    LiveReader(stage.database, redis, block_ms=10).step()
    assert events(stage) == []
    assert events(other) == []
