"""All the supervisor's page shows, as it is now; what is pushed later changes it (``frontend/supervision``)."""

from __future__ import annotations

from typing import Any

import msgspec
import redis as redis_py
from sqlalchemy import select

from admin_web import live_snapshot
from admin_web.live import audience_of, live
from admin_web.reports.figures import Sums
from admin_web.supervision import thresholds
from admin_web.supervision.today import today
from core import keys
from core.clock import now_ms
from core.database import TenantSession
from core.permissions import Permission, Principal
from cti.desk import chat, words
from cti.models import Extension, Queue, QueueMember


def read(db: TenantSession, redis: redis_py.Redis, principal: Principal) -> dict[str, Any]:
    """Return it; the stream's position is read first, so that an event may come twice but is never missed."""
    position = live().hub.position(principal.tenant_id)
    now = live_snapshot.read(redis, principal.tenant_id, audience_of(principal))
    limits, sums = thresholds.shown(db), today().sums(db, principal)
    rows = db.execute(select(Queue.id, Queue.name, Queue.service_level_s).order_by(Queue.name))
    queues = [row for row in rows if principal.supervises((row.id,))]
    mine = {agent["account_id"] for agent in now["agents"]}
    return {
        "position": position,
        "now_ms": now_ms(),
        "me": {
            "account_id": principal.account_id,
            "may_act": principal.may(Permission.SUPERVISE_ACT),
            "may_see_customers": principal.may(Permission.CUSTOMERS_VIEW),
            "may_chat": principal.may(Permission.SUPERVISE_CHAT),
        },
        "queues": [
            {
                "id": row.id,
                "name": row.name,
                "service_level_s": row.service_level_s,
                "thresholds": limits.get(row.id, dict.fromkeys(thresholds.LIMITS, 0)),
                "today": _figures(sums.get(row.id, Sums())),
            }
            for row in queues
        ],
        "extensions": [each for each in _extensions(db) if principal.supervises(each["queue_ids"])],
        "agents": now["agents"],
        "reasons": {str(row.id): row.name for row in words.break_reasons(db)},
        "calls": now["calls"],
        "unread": chat.unread_of_supervisor(db, principal.account_id),
        "watches": [each for each in _watches(redis, principal.tenant_id) if each["agent_id"] in mine],
    }


def _extensions(db: TenantSession) -> list[dict[str, Any]]:
    of_queues: dict[int, list[int]] = {}
    for extension_id, queue_id in db.execute(select(QueueMember.extension_id, QueueMember.queue_id)):
        of_queues.setdefault(extension_id, []).append(queue_id)
    rows = db.execute(select(Extension.id, Extension.number).order_by(Extension.number))
    return [
        {"id": row.id, "number": row.number, "queue_ids": sorted(of_queues.get(row.id, []))} for row in rows
    ]


def _figures(sums: Sums) -> dict[str, Any]:
    return {
        "offered": sums.offered,
        "answered": sums.answered,
        "service_level": sums.service_level,
        "answer_speed_s": sums.answer_speed_s,
        "abandonment": sums.abandonment,
    }


def _watches(redis: redis_py.Redis, tenant_id: int) -> list[dict[str, Any]]:
    found: Any = redis.hvals(keys.watches(tenant_id))
    return [msgspec.json.decode(data) for data in found]
