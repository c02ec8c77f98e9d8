"""Coaching by chat (SUP-9): a supervisor writes to an agent, who reads it on the desk and answers in the same thread.

A thread is a supervisor and an agent. The supervisor begins it, within the queues they supervise; the agent answers who
wrote to them. The lines themselves are the record of it; they are kept for :data:`KEPT` and are no part of a call.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Final

import redis as redis_py
import structlog
from limits import RateLimitItemPerMinute
from sqlalchemy import case, delete, false, func, select, true, update

from core import bus
from core.clock import to_ms
from core.database import ALL_TENANTS, Database, utc_now
from core.errors import BadFieldError, NotFound, TemporaryFault
from core.i18n import lazy
from core.models import Account
from core.permissions import Principal
from core.redis import RedisError
from core.tenancy import TenantSession
from core.throttle import Throttle
from cti.desk.models import ChatLine
from cti.records.reach import limits_of

LONGEST: Final = 2000
"""Letters of one line."""
PAGE_LINES: Final = 30
MOST_THREADS: Final = 50
PACE: Final = RateLimitItemPerMinute(30)
"""Lines an account writes."""
KEPT: Final = datetime.timedelta(days=90)
_PRUNE_ROWS: Final = 1000

log = structlog.get_logger(__name__)


class ChatTooFastError(TemporaryFault):
    """An account wrote as much in a minute as it may."""

    id = "chat-too-fast"
    status = 429
    sentence = lazy("You write very fast. Wait a moment, then send it again.")
    retry_after_s = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thread:
    """A supervisor, an agent, and which of the two asks."""

    supervisor_id: int
    agent_id: int
    by_agent: bool

    @property
    def other_id(self) -> int:
        """The account that is written to."""
        return self.supervisor_id if self.by_agent else self.agent_id


def of_supervisor(session: TenantSession, me: Principal, agent_id: int) -> Thread:
    """Return the thread of a supervisor with an agent. Raises ``NotFound`` for one's own account, and for one that
    takes no calls of the queues the supervisor's rights reach.
    """
    query = select(Account.id).where(Account.id == agent_id, Account.deleted_at.is_(None))
    limits = limits_of(me)
    if limits is not None:
        query = query.where(Account.id.in_(limits.agents()))
    if agent_id == me.account_id or session.scalar(query) is None:
        raise NotFound(kind="agent", id=agent_id)
    return Thread(supervisor_id=me.account_id, agent_id=agent_id, by_agent=False)


def of_agent(session: TenantSession, me: Principal, supervisor_id: int) -> Thread:
    """Return the thread of an agent with a supervisor who wrote to them. Raises ``NotFound`` for anybody else."""
    begun = select(ChatLine.id).where(
        ChatLine.agent_id == me.account_id, ChatLine.supervisor_id == supervisor_id
    )
    if session.scalar(begun.limit(1)) is None:
        raise NotFound(kind="supervisor", id=supervisor_id)
    return Thread(supervisor_id=supervisor_id, agent_id=me.account_id, by_agent=True)


def write(
    session: TenantSession,
    redis: redis_py.Redis,
    throttle: Throttle,
    me: Principal,
    thread: Thread,
    text: str,
) -> dict[str, Any]:
    """Keep a line, tell both accounts' pages, and return it as they get it. Commits.

    Raises ``BadFieldError`` for no text or too much, :class:`ChatTooFastError`.
    """
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text or len(text) > LONGEST:
        raise BadFieldError(field="text")
    if not throttle.take(PACE, "chat", str(me.tenant_id), str(me.account_id)):
        raise ChatTooFastError()
    row = ChatLine(
        supervisor_id=thread.supervisor_id,
        agent_id=thread.agent_id,
        by_agent=thread.by_agent,
        text=text,
        sent_at=utc_now(),
    )
    session.add(row)
    session.commit()
    told = {**shown(row), "name": me.name}
    _tell(redis, me.tenant_id, thread, "chat.line", told)
    return told


def read_up_to(
    session: TenantSession, redis: redis_py.Redis, me: Principal, thread: Thread, last_id: int
) -> None:
    """Note that `me` saw the other one's lines up to `last_id`, and tell their other pages. Commits."""
    done: Any = session.execute(
        update(ChatLine)
        .where(
            ChatLine.supervisor_id == thread.supervisor_id,
            ChatLine.agent_id == thread.agent_id,
            ChatLine.by_agent != thread.by_agent,
            ChatLine.read_at.is_(None),
            ChatLine.id <= last_id,
        )
        .values(read_at=utc_now())
        .execution_options(synchronize_session=False)
    )
    session.commit()
    if done.rowcount:
        data = {
            "supervisor_id": thread.supervisor_id,
            "agent_id": thread.agent_id,
            "by_agent": thread.by_agent,
        }
        _tell(redis, me.tenant_id, thread, "chat.read", {**data, "up_to": last_id})


def page(session: TenantSession, thread: Thread, before: int = 0) -> dict[str, Any]:
    """Return the last lines of a thread, or those before the line `before`, oldest first; whether there are more."""
    query = (
        select(ChatLine)
        .where(ChatLine.agent_id == thread.agent_id, ChatLine.supervisor_id == thread.supervisor_id)
        .order_by(ChatLine.id.desc())
        .limit(PAGE_LINES + 1)
    )
    rows = list(session.scalars(query.where(ChatLine.id < before) if before else query))
    lines = [shown(row) for row in reversed(rows[:PAGE_LINES])]
    return {"lines": lines, "more": len(rows) > PAGE_LINES}


def threads_of_agent(session: TenantSession, agent_id: int) -> list[dict[str, Any]]:
    """Return who wrote to an agent, the last one first, with how many lines of theirs are unread."""
    unread = func.sum(case(((ChatLine.read_at.is_(None)) & (ChatLine.by_agent == false()), 1), else_=0))
    rows = session.execute(
        select(ChatLine.supervisor_id, func.max(ChatLine.id), unread)
        .where(ChatLine.agent_id == agent_id)
        .group_by(ChatLine.supervisor_id)
        .order_by(func.max(ChatLine.id).desc())
        .limit(MOST_THREADS)
    ).all()
    ids = [row[0] for row in rows]
    named = session.execute(select(Account.id, Account.name).where(Account.id.in_(ids))) if ids else ()
    names = {row[0]: row[1] for row in named}
    return [
        {
            "supervisor_id": row[0],
            "name": names.get(row[0], ""),
            "last_id": row[1],
            "unread": int(row[2] or 0),
        }
        for row in rows
    ]


def unread_of_supervisor(session: TenantSession, supervisor_id: int) -> dict[str, int]:
    """Return how many answers of which agent a supervisor has not read, by the agent's id as text."""
    rows = session.execute(
        select(ChatLine.agent_id, func.count())
        .where(
            ChatLine.supervisor_id == supervisor_id, ChatLine.by_agent == true(), ChatLine.read_at.is_(None)
        )
        .group_by(ChatLine.agent_id)
    )
    return {str(agent_id): count for agent_id, count in rows}


def shown(row: ChatLine) -> dict[str, Any]:
    """Return a line as pages get it."""
    return {
        "id": row.id,
        "supervisor_id": row.supervisor_id,
        "agent_id": row.agent_id,
        "by_agent": row.by_agent,
        "text": row.text,
        "at_ms": to_ms(row.sent_at),
    }


def prune(database: Database, now: datetime.datetime) -> int:
    """Remove lines older than :data:`KEPT`; return how many."""
    old = (
        select(ChatLine.id).where(ChatLine.sent_at < now - KEPT).order_by(ChatLine.sent_at).limit(_PRUNE_ROWS)
    )
    removed = 0
    while True:
        with database.transaction(ALL_TENANTS) as session:
            ids = list(session.scalars(old))
            if not ids:
                return removed
            gone = delete(ChatLine).where(ChatLine.id.in_(ids))
            session.execute(gone.execution_options(synchronize_session=False))
            session.commit()
        removed += len(ids)


def _tell(redis: redis_py.Redis, tenant_id: int, thread: Thread, kind: str, data: dict[str, Any]) -> None:
    """Without Redis the line is there all the same, and seen when the page is loaded."""
    audiences = [bus.chat_audience(each) for each in (thread.supervisor_id, thread.agent_id)]
    try:
        bus.publish_live(redis, tenant_id, audiences, kind, data)
    except RedisError as error:
        log.warning("chat_not_pushed", reason=str(error))
