"""What is going on now in a tenant, read from Redis for a page that begins to follow it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import redis as redis_py

from admin_web.live_page import Audience
from core import keys
from core.bus import ADMIN, agent_audience, supervisors_audience
from core.number_masking import masked
from cti.call.model import ConsultState

CALL_FIELDS = (
    "id",
    "phase",
    "direction",
    "caller",
    "called",
    "queue_id",
    "queue_entered_ms",
    "queue_order",
    "route_code",
    "arrived_ms",
    "agent_id",
    "talk_started_ms",
    "held",
    "missed",
    "demo",
)


def read(redis: redis_py.Redis, tenant_id: int, audience: Audience) -> dict[str, Any]:
    """Return ``agents``, ``calls`` and ``queues`` as far as `audience` sees them, with numbers as it sees them."""
    signed_in = {agent["account_id"]: agent for agent in _agents(redis, tenant_id)}
    agents = [
        agent
        for agent in signed_in.values()
        if _sees(audience, agent["account_id"], agent.get("queue_ids", ()))
    ]
    calls = [call for call in _calls(redis, tenant_id) if _sees_call(audience, call, signed_in)]
    state = {"agents": agents, "calls": calls, "queues": _queues(calls)}
    return state if audience.full else masked(state)


def queues_of(redis: redis_py.Redis, tenant_id: int, account_id: int) -> list[int]:
    """Return the queues whose calls an account takes where it is signed in; none when it is not."""
    data: Any = redis.hget(keys.agent(tenant_id, account_id), "data")
    return list(msgspec.json.decode(data).get("queue_ids", ())) if data else []


def call_of(redis: redis_py.Redis, tenant_id: int, audience: Audience, call_id: str) -> dict[str, Any] | None:
    """Return one call that is up, with numbers in full, if `audience` sees it."""
    data: Any = redis.get(keys.call(tenant_id, call_id))
    call = msgspec.json.decode(data, type=dict[str, Any]) if data else None
    if call is None:
        return None
    signed_in = {agent["account_id"]: agent for agent in _agents(redis, tenant_id)}
    return call if _sees_call(audience, call, signed_in) else None


def _sees(audience: Audience, account_id: int, queue_ids: Iterable[int]) -> bool:
    """Return whether what an agent does in `queue_ids` is for `audience`."""
    return audience.sees_one_of([agent_audience(account_id), *map(supervisors_audience, queue_ids)])


def _sees_call(audience: Audience, call: dict[str, Any], signed_in: Mapping[int, dict[str, Any]]) -> bool:
    """As live events of the call are told (`cti.supervision.queues_of`)."""
    agent_id, queue_id = call.get("agent_id", 0), call.get("queue_id", 0)
    queues = (queue_id,) if queue_id else signed_in.get(agent_id, {}).get("queue_ids", ())
    return audience.sees(ADMIN) or _sees(audience, agent_id, queues)


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
    return [_shown(call) for call in whole]


def _shown(call: dict[str, Any]) -> dict[str, Any]:
    """Return what pages show of a call; whom its agent asks is told by how far that is."""
    shown = {name: call[name] for name in CALL_FIELDS if name in call}
    if consult := call.get("consult"):
        shown["consult"] = consult.get("state", ConsultState.PARTING.value)
    return shown


def _queues(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    waiting: dict[int, list[int]] = {}
    for call in calls:
        if call.get("phase") in {"waiting", "offering"} and call.get("queue_id"):
            waiting.setdefault(call["queue_id"], []).append(call.get("queue_entered_ms", 0))
    return [
        {"queue_id": queue_id, "waiting": len(since), "longest_since_ms": min(since)}
        for queue_id, since in sorted(waiting.items())
    ]
