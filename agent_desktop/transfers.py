"""Whom an agent can hand a customer to (DSK-3): agents as they are now, queues, flows; and the commands for it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import redis as redis_py
from sqlalchemy import select

from agent_desktop.service import Switchboard
from core import keys, phone
from core.errors import BadFieldError
from core.permissions import Principal
from core.tenancy import TenantSession
from cti.acd.agents import Agent, can_be_rung
from cti.models import Queue
from ivr.models import Flow

MAX_SHOWN: Final = 20
"""Entries of each kind; who wants another one types more of its name."""
KINDS: Final = frozenset({"agent", "queue", "flow"})


def targets(
    session: TenantSession, redis: redis_py.Redis, principal: Principal, query: str
) -> dict[str, list[dict[str, Any]]]:
    """Return signed-in agents but this one, queues and published flows that have `query` in name, number or code.

    Agents who can take a call now come first. Raises what Redis raises.
    """
    wanted = query.strip().casefold()
    queues = session.execute(select(Queue.id, Queue.name, Queue.code).order_by(Queue.name)).all()
    flows = session.execute(
        select(Flow.id, Flow.name, Flow.code).where(Flow.published_version > 0).order_by(Flow.name)
    ).all()
    found = [row for row in queues if _fits(wanted, row.name, row.code)][:MAX_SHOWN]
    tenant_id = principal.tenant_id
    return {
        "agents": _agents(redis, principal, wanted),
        "queues": [
            {"id": row.id, "name": row.name, "waiting": waiting, "ready": ready}
            for row, (waiting, ready) in zip(found, _counts(redis, tenant_id, found), strict=True)
        ],
        "flows": [{"id": row.id, "name": row.name} for row in flows if _fits(wanted, row.name, row.code)][
            :MAX_SHOWN
        ],
    }


def blind(board: Switchboard, leg_id: str, kind: str, target_id: int, number: str) -> dict[str, Any]:
    """Hand the customer over at once."""
    return board.command("leg.transfer", leg_id=leg_id, to=_target(kind, target_id, number))


def consult(board: Switchboard, leg_id: str, kind: str, target_id: int, number: str) -> dict[str, Any]:
    """Ask an agent or a number first, while the customer hears music."""
    if kind not in ("agent", "number"):
        raise BadFieldError(field="kind")
    return board.command("leg.consult", leg_id=leg_id, to=_target(kind, target_id, number))


def _target(kind: str, target_id: int, number: str) -> dict[str, Any]:
    if kind == "number":
        return {"kind": kind, "number": phone.parse(number).stored}
    if kind not in KINDS or target_id < 1:
        raise BadFieldError(field="kind" if kind not in KINDS else "id")
    return {"kind": kind, "id": target_id}


def _fits(wanted: str, *texts: str) -> bool:
    return not wanted or any(wanted in text.casefold() for text in texts)


def _agents(redis: redis_py.Redis, principal: Principal, wanted: str) -> list[dict[str, Any]]:
    ids: Any = redis.smembers(keys.agents(principal.tenant_id))
    pipeline = redis.pipeline(transaction=False)
    for account_id in ids:
        pipeline.hmget(keys.agent(principal.tenant_id, int(account_id)), "data", "token")
    found = []
    for data, token in pipeline.execute():
        if data is None:
            continue
        agent = msgspec.structs.replace(
            msgspec.json.decode(data, type=Agent), token=token.decode() if token else ""
        )
        if agent.account_id == principal.account_id:
            continue
        if not _fits(wanted, agent.name, agent.extension, agent.employee_number):
            continue
        found.append(
            {
                "id": agent.account_id,
                "name": agent.name,
                "extension": agent.extension,
                "state": agent.state.value,
                "reachable": can_be_rung(agent),
            }
        )
    return sorted(found, key=lambda each: (not each["reachable"], each["name"]))[:MAX_SHOWN]


def _counts(redis: redis_py.Redis, tenant_id: int, queues: list[Any]) -> list[tuple[int, int]]:
    """Return of each queue how many wait and how many agents stand ready."""
    pipeline = redis.pipeline(transaction=False)
    for row in queues:
        pipeline.zcard(keys.waiting(tenant_id, row.id))
        pipeline.zcard(keys.idle(tenant_id, row.id))
    counts = [int(count) for count in pipeline.execute()]
    return list(zip(counts[::2], counts[1::2], strict=True))
