"""How many callers are at which node now (the editor asks every few seconds while somebody looks)."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import msgspec
import redis as redis_py
from flask import current_app, jsonify
from flask.typing import ResponseReturnValue

from admin_web.flows.answers import JsonView
from core import keys
from core.permissions import Permission
from core.views import current_principal, parts, session
from cti.call.model import Phase
from ivr import service

MAX_CALLS = 2000
"""Calls looked at; a company with more gets the counts of these."""
FRESH_S = 1.5
"""How long one look serves all editors of a company that this process answers."""

WITH_THE_FLOW = frozenset({Phase.FLOW, Phase.WAITING, Phase.OFFERING, Phase.CONNECTING})
"""Phases in which a caller stands at a node: also while what a transfer node leads to has not taken them."""


class _Step(msgspec.Struct):
    flow_id: int = 0
    version: int = 0
    node: str = ""


class _Run(msgspec.Struct):
    node: str = ""


class _Outside(msgspec.Struct):
    talk_ms: int = 0


class _Call(msgspec.Struct):
    """As much of a call's state as is counted."""

    phase: str = ""
    flow_id: int = 0
    flow_version: int = 0
    run: _Run | None = None
    path: list[_Step] = []
    outside: _Outside | None = None


_decoder = msgspec.json.Decoder(_Call)


class Counts(msgspec.Struct, kw_only=True):
    """Callers of one flow."""

    total: int = 0
    nodes: dict[str, int] = {}
    versions: dict[str, int] = {}


class LiveCounts:
    """Looks at a company's calls, at most once in `FRESH_S`."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, dict[int, Counts]]] = {}

    def of(self, redis: redis_py.Redis, tenant_id: int, flow_id: int, now_s: float) -> Counts:
        """Return the callers in a flow; `now_s` is of a clock that never goes back. Raises what Redis does."""
        at, counts = self._seen.get(tenant_id, (0.0, {}))
        if not at or now_s - at > FRESH_S:
            counts = count(redis, tenant_id)
            self._seen[tenant_id] = (now_s, counts)
        return counts.get(flow_id, Counts())


def count(redis: redis_py.Redis, tenant_id: int) -> dict[int, Counts]:
    """Return the callers of every flow of a company that has some: two questions to Redis."""
    ids: Any = redis.smembers(keys.calls(tenant_id))
    names = [keys.call(tenant_id, call_id.decode()) for call_id in sorted(ids)[:MAX_CALLS]]
    found: Any = redis.mget(names) if names else []
    nodes: dict[int, Counter[str]] = {}
    versions: dict[int, Counter[str]] = {}
    for data in found:
        call = _decoder.decode(data) if data else None
        if call is None or not call.flow_id or not _at_a_node(call):
            continue
        nodes.setdefault(call.flow_id, Counter())[_node(call)] += 1
        versions.setdefault(call.flow_id, Counter())[str(call.flow_version)] += 1
    return {
        flow_id: Counts(total=by_node.total(), nodes=dict(by_node), versions=dict(versions[flow_id]))
        for flow_id, by_node in nodes.items()
    }


def _at_a_node(call: _Call) -> bool:
    """Return whether nobody has taken the caller yet, an outside number included."""
    rings = call.outside is not None and not call.outside.talk_ms
    return call.phase in WITH_THE_FLOW or (call.phase == Phase.OUTSIDE and rings)


def _node(call: _Call) -> str:
    if call.run is not None and call.run.node:
        return call.run.node
    return call.path[-1].node if call.path else ""


class Live(JsonView):
    """The callers of one flow now."""

    access = Permission.FLOWS_VIEW

    def get(self, flow_id: int) -> ResponseReturnValue:
        """Answer with ``total``, and counts by node and by version."""
        flow = service.flow_of(session(), flow_id)
        tenant_id = current_principal().tenant_id
        looks: LiveCounts = current_app.extensions.setdefault("zongji-flow-counts", LiveCounts())
        counts = looks.of(parts().redis, tenant_id, flow.id, time.monotonic())
        return jsonify(msgspec.to_builtins(counts))
