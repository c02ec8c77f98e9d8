"""The state a desk starts from: who the agent is, where they may sign in, what they are doing, at which position.

The position is read before everything else: an event that happens meanwhile is applied on top, and applying it twice
changes nothing. Shapes are those of ``frontend/wire.ts``.
"""

from __future__ import annotations

from typing import Any, Final

import redis as redis_py
from sqlalchemy import select

from core import keys
from core.clock import now_ms
from core.documents import DispatchRule
from core.models import Account
from core.permissions import Principal
from core.settings import Settings
from core.tenancy import TenantSession
from core.views import visible_number
from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd
from cti.call import model
from cti.desk import words
from cti.models import Extension, ExtensionAccount, Queue

SWITCH_STALE_MS: Final = 30_000
"""A controller that has not said anything for so long is taken for dead, and the switch for not connected."""


def desk_state(
    session: TenantSession, redis: redis_py.Redis, settings: Settings, principal: Principal
) -> dict[str, Any]:
    """Return ``GET /desk/api/state``. Raises what Redis raises."""
    position = _position(redis, principal.tenant_id)
    agent = Acd(redis).load(principal.tenant_id, principal.account_id)
    return {
        "now_ms": now_ms(),
        "position": position,
        "me": {"account_id": principal.account_id, "login": principal.login, "name": principal.name},
        "switch": switch_now(redis, settings),
        "extensions": _extensions(session, redis, principal),
        "agent": None if agent is None else _agent(agent),
        "call": None if agent is None else _call(session, redis, agent),
        "words": _words(session),
    }


def switch_now(redis: redis_py.Redis, settings: Settings) -> dict[str, Any]:
    """Return which switch the cell's controller drives, and whether it is connected."""
    said: Any = redis.hmget(keys.cell(settings.cell), "switch", "connected", "heartbeat_ms")
    kind, connected, heartbeat = said
    fresh = heartbeat is not None and now_ms() - int(heartbeat) < SWITCH_STALE_MS
    return {
        "kind": kind.decode() if kind else settings.effective_switch.value,
        "connected": bool(fresh and connected in {b"1", b"true", b"True"}),
    }


def _position(redis: redis_py.Redis, tenant_id: int) -> str:
    newest: Any = redis.xrevrange(keys.live(tenant_id), count=1)
    return newest[0][0].decode() if newest else "0-0"


def _agent(agent: Agent) -> dict[str, Any]:
    return {
        "account_id": agent.account_id,
        "name": agent.name,
        "extension_id": agent.extension_id,
        "extension": agent.extension,
        "endpoint": agent.endpoint,
        "state": agent.state.value,
        "since_ms": agent.since_ms,
        "reason": agent.reason,
        "next_state": agent.next_state,
        "next_reason": agent.next_reason,
        "registered": agent.registered,
        "by_number": agent.by_number,
        "queue_ids": list(agent.queue_ids),
        "until_ms": agent.wrap_until_ms,
        "extended": agent.wrap_extended,
    }


def _words(session: TenantSession) -> dict[str, Any]:
    """Return the company's break reasons and dispositions."""
    return {
        "reasons": [
            {"id": row.id, "name": row.name, "state": row.state.value} for row in words.break_reasons(session)
        ],
        "dispositions": [
            {"id": row.id, "name": row.name, "digit": row.digit, "needs_note": row.needs_note}
            for row in words.dispositions(session)
        ],
    }


def _extensions(session: TenantSession, redis: redis_py.Redis, principal: Principal) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(Extension)
        .join(ExtensionAccount, ExtensionAccount.extension_id == Extension.id)
        .where(ExtensionAccount.account_id == principal.account_id)
        .order_by(Extension.number)
    ).all()
    if not rows:
        return []
    holders: Any = redis.mget([keys.extension_holder(principal.tenant_id, row.id) for row in rows])
    others = {int(holder) for holder in holders if holder} - {principal.account_id}
    names = _names(session, others) if others else {}
    return [
        {
            "id": row.id,
            "number": row.number,
            "holder": names.get(int(holder), "") if holder else "",
            "landline": bool(row.bound_number),
            "press_to_take": row.press_to_take,
        }
        for row, holder in zip(rows, holders, strict=True)
    ]


def _names(session: TenantSession, account_ids: set[int]) -> dict[int, str]:
    rows = session.execute(select(Account.id, Account.name).where(Account.id.in_(account_ids)))
    return {row.id: row.name for row in rows}


def _call(session: TenantSession, redis: redis_py.Redis, agent: Agent) -> dict[str, Any] | None:
    """Return the agent's call, when its offer rings or it is up."""
    if not agent.token or agent.state not in {AgentState.RINGING, AgentState.TALKING}:
        return None
    raw: Any = redis.get(keys.call(agent.tenant_id, agent.call_id))
    call = model.decode(raw) if raw else None
    offer = (
        next((each for each in reversed(call.offers) if each.leg_id == agent.leg_id), None) if call else None
    )
    asked = (
        call.consult if call is not None and call.consult and call.consult.leg_id == agent.leg_id else None
    )
    if asked is not None:
        offer = asked.offer
    if call is None or offer is None:
        return None
    queue = session.get(Queue, offer.queue_id) if offer.queue_id else None
    talking = agent.state is AgentState.TALKING
    ring_s = queue.ring_timeout_s if queue else 60
    own = call.phase in (model.Phase.CALLING, model.Phase.DIALLING, model.Phase.FAILED)
    began_ms = call.talk_started_ms if asked is None else asked.answered_ms
    return {
        "stage": "talking" if talking else "ringing",
        "call_id": call.id,
        "leg_id": agent.leg_id,
        "queue_id": offer.queue_id,
        "queue": queue.name if queue else "",
        "direction": call.direction,
        "own": own,
        "dialling": own and call.phase is not model.Phase.CALLING,
        "failure": call.cause if call.phase is model.Phase.FAILED else "",
        "caller": visible_number(call.caller),
        "called": visible_number(call.called),
        "route": call.route_code,
        "path": [step.name or step.node for step in call.path],
        "waited_ms": max(0, offer.offered_ms - call.queue_entered_ms) if call.queue_entered_ms else 0,
        "missed": call.missed,
        "offered_ms": offer.offered_ms,
        "deadline_ms": offer.offered_ms + ring_s * 1000,
        "auto_answer": own or bool(queue and queue.auto_answer and queue.rule is not DispatchRule.RING_ALL),
        "endpoint": offer.endpoint,
        "started_ms": began_ms if talking else 0,
        "recording": asked is None and bool(call.segments and not call.segments[-1].ended_ms),
        "held": call.held and asked is None,
        "muted": agent.muted,
        "consult": _consult(session, call, agent),
        "asked_by": _asked_by(session, call, agent),
        "joined": _joined(call, agent),
    }


def _consult(session: TenantSession, call: model.Call, agent: Agent) -> dict[str, Any] | None:
    """Return whom the agent asks before handing the customer over, in the form of ``call.consulting``."""
    consult = call.consult
    if consult is None or call.agent_leg != agent.leg_id:
        return None
    outside = consult.to.outside
    account = None if outside is not None else session.get(Account, consult.to.id)
    states = (model.ConsultState.TALKING, model.ConsultState.CONFERENCE)
    return {
        "state": consult.state.value if consult.state in states else "dialling",
        "to": {
            "kind": consult.to.kind.value,
            "id": consult.to.id,
            "name": account.name if account is not None else "",
            "number": visible_number(outside.number) if outside is not None else "",
        },
        "cause": "",
    }


def _joined(call: model.Call, agent: Agent) -> bool:
    """Return whether the agent is asked by another one and talks with that one's customer too."""
    consult = call.consult
    return (
        consult is not None
        and consult.leg_id == agent.leg_id
        and consult.state is model.ConsultState.CONFERENCE
    )


def _asked_by(session: TenantSession, call: model.Call, agent: Agent) -> str:
    """Return the name of the agent who asks this one, empty when the call is this one's own."""
    if call.consult is None or call.consult.leg_id != agent.leg_id:
        return ""
    account = session.get(Account, call.agent_id)
    return account.name if account is not None else ""
