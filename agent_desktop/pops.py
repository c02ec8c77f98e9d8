"""What opens for a call, and when (DSK-6): the built-in card, or another system's page. A queue's setting goes
before the extension's.
"""

from __future__ import annotations

from typing import Any

import redis as redis_py

from agent_desktop.customers import offers_to
from core import keys
from core.database import TenantSession
from core.errors import NotFound
from core.permissions import Principal
from core.views import visible_number
from cti.acd.agents import Agent
from cti.call import model
from cti.desk import pop
from cti.models import Extension, PopTime, Queue


def pop_of(
    session: TenantSession, redis: redis_py.Redis, principal: Principal, agent: Agent, call_id: str
) -> dict[str, Any]:
    """Return ``at`` (``ring`` or ``answer``) and ``url`` (empty: the card alone) for a call offered to `agent`.

    Numbers in the address are as the account sees them. Raises ``NotFound``.
    """
    raw: Any = redis.get(keys.call(principal.tenant_id, call_id))
    call = model.decode(raw) if raw else None
    offers = offers_to(call, principal.account_id) if call else []
    extension = session.get(Extension, agent.extension_id)
    if call is None or not offers or extension is None:
        raise NotFound(kind="call", id=call_id)
    queue = session.get(Queue, offers[-1].queue_id) if offers[-1].queue_id else None
    at, address = setting_of(queue, extension)
    other, own = (call.called, call.caller) if call.outbound else (call.caller, call.called)
    values = {
        "caller": visible_number(other),
        "called": visible_number(own),
        "call_id": call.id,
        "queue": queue.name if queue else "",
        "agent": principal.login,
        "extension": agent.extension,
    }
    return {"at": at.value, "url": pop.filled(address, values) if address else ""}


def setting_of(queue: Queue | None, extension: Extension) -> tuple[PopTime, str]:
    """Return when something opens and which address; a queue that says nothing leaves it to the extension."""
    at = queue.pop_on if queue is not None and queue.pop_on else extension.pop_on
    address = queue.pop_url if queue is not None and queue.pop_url else extension.pop_url
    return at, address
