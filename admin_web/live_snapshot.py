"""What is going on now in a tenant, read from Redis for a page that begins to follow it."""

from __future__ import annotations

from typing import Any

import msgspec
import redis as redis_py

from admin_web.live_hub import Audience
from core import keys
from core.bus import agent_audience

CALL_FIELDS = (
    "id",
    "phase",
    "caller",
    "called",
    "queue_id",
    "queue_entered_ms",
    "arrived_ms",
    "agent_id",
    "talk_started_ms",
    "held",
    "missed",
    "demo",
)


def read(redis: redis_py.Redis, tenant_id: int, audience: Audience) -> dict[str, Any]:
    """Return ``agents``, ``calls`` and ``queues`` as far as `audience` sees them."""
    agents = [
        agent for agent in _agents(redis, tenant_id) if audience.sees(agent_audience(agent["account_id"]))
    ]
    calls = [call for call in _calls(redis, tenant_id) if _sees_call(audience, call)]
    return {"agents": agents, "calls": calls, "queues": _queues(calls)}


def _sees_call(audience: Audience, call: dict[str, Any]) -> bool:
    return audience.sees("admin") or bool(
        call.get("agent_id") and audience.sees(agent_audience(call["agent_id"]))
    )


def _agents(redis: redis_py.Redis, tenant_id: int) -> list[dict[str, Any]]:
    ids: Any = redis.smembers(keys.agents(tenant_id))
    with redis.pipeline(transaction=False) as pipe:
        for account_id in ids:
            pipe.hget(keys.agent(tenant_id, int(account_id)), "data")
        found = pipe.execute()
    return [msgspec.json.decode(data) for data in found if data]


def _calls(redis: redis_py.Redis, tenant_id: int) -> list[dict[str, Any]]:
    ids: Any = redis.smembers(keys.calls(tenant_id))
    if not ids:
        return []
    found: Any = redis.mget([keys.call(tenant_id, call_id.decode()) for call_id in ids])
    whole = [msgspec.json.decode(data) for data in found if data]
    return [{name: call[name] for name in CALL_FIELDS if name in call} for call in whole]


def _queues(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    waiting: dict[int, list[int]] = {}
    for call in calls:
        if call.get("phase") in {"waiting", "offering"} and call.get("queue_id"):
            waiting.setdefault(call["queue_id"], []).append(call.get("queue_entered_ms", 0))
    return [
        {"queue_id": queue_id, "waiting": len(since), "longest_since_ms": min(since)}
        for queue_id, since in sorted(waiting.items())
    ]
