"""Ends supervisors' watches whose right is gone (SUP-8): the right itself, the queue, the account, every session.

The controller knows watches but no rights, the database rights but no watches. So whoever is at a talk is looked at
here whenever accounts or sessions changed, and every few seconds besides, which also finds agents and calls that left
the supervisor's queues; the controller, which alone knows whose call it is at that moment, ends the leg.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import redis as redis_py
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from core import audit, bus, keys
from core.database import ALL_TENANTS, Database
from core.jobs.actor import principal_for
from core.jobs.errors import ActorGoneError
from core.models import Account, Tenant, WebSession
from core.permissions import Permission
from core.redis import RedisError
from core.sessions import Sessions

logger = structlog.get_logger(__name__)

BLOCK_MS = 1000
"""One wait for Redis, shorter than its replies may take."""
SWEEP_S = 3.0
"""How long a change nobody told of may go unseen."""
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)


class WatchReview:
    """One for all companies; several do no harm: the controller says which of them ended a watch."""

    def __init__(self, database: Database, redis: redis_py.Redis, sessions: Sessions) -> None:
        self._database = database
        self._redis = redis
        self._sessions = sessions
        self._heard = ""
        self._looked_at = -SWEEP_S

    def run(self, stop: threading.Event, turned: Callable[[], None] = lambda: None) -> None:
        """Look until `stop`; `turned` is told of each turn that ended well."""
        failures = 0
        while not stop.is_set():
            try:
                if self.changed() or time.monotonic() - self._looked_at >= SWEEP_S:
                    self._looked_at = time.monotonic()
                    self.step()
                turned()
                failures = 0
            except (SQLAlchemyError, RedisError, OSError) as error:
                pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                logger.warning("watches are not reviewed", why=str(error).splitlines()[0], pause_s=pause_s)
                failures += 1
                stop.wait(pause_s)

    def changed(self) -> bool:
        """Wait a second at most; return whether accounts or sessions changed. Raises ``RedisError``."""
        key = keys.sessions_changed()
        if not self._heard:
            newest: Any = self._redis.xrevrange(key, count=1)
            self._heard = newest[0][0].decode() if newest else "0-0"
            return True
        answer: Any = self._redis.xread({key: self._heard}, block=BLOCK_MS)
        if answer:
            self._heard = answer[0][1][-1][0].decode()
        return bool(answer)

    def step(self) -> int:
        """Look at all watches; return how many were ended. Raises ``SQLAlchemyError`` and ``RedisError``."""
        ended = 0
        for tenant_id, watch in list(self._watches()):
            try:
                ended += self._review(tenant_id, watch)
            except bus.ControllerSilentError:
                logger.warning("watch not reviewed", cell=watch["cell"], supervisor=watch["account_id"])
        return ended

    def _watches(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            tenants = list(session.scalars(select(Tenant.id)))
        with self._redis.pipeline(transaction=False) as pipe:
            for tenant_id in tenants:
                pipe.hvals(keys.watches(tenant_id))
            found = pipe.execute()
        for tenant_id, watches in zip(tenants, found, strict=True):
            for data in watches:
                yield tenant_id, msgspec.json.decode(data)

    def _review(self, tenant_id: int, watch: dict[str, Any]) -> int:
        may, queues = self._rights(tenant_id, int(watch["account_id"]))
        body = {
            "account_id": watch["account_id"],
            "leg_id": watch["leg_id"],
            "may": may,
            "queues": None if queues is None else sorted(queues),
        }
        result = bus.send_command(self._redis, watch["cell"], "supervise.review", tenant_id, 0, body)
        if not result.get("ended"):
            return 0
        self._log(tenant_id, watch)
        return 1

    def _rights(self, tenant_id: int, account_id: int) -> tuple[bool, frozenset[int] | None]:
        """Return whether the account may be at a talk at all, and of which queues (None: of all)."""
        with self._database.transaction(tenant_id, read_only=True) as session:
            try:
                principal = principal_for(session, account_id)
            except ActorGoneError:
                return False, None
            signed_in = select(WebSession.id).where(WebSession.account_id == account_id).limit(1)
            ever = session.scalar(signed_in) is not None
        # A watch a test or another program began, without any page, has no session that could have ended.
        here = not ever or bool(self._sessions.of_account(account_id, limit=1))
        return here and principal.may(Permission.SUPERVISE_ACT), principal.queues

    def _log(self, tenant_id: int, watch: dict[str, Any]) -> None:
        with self._database.transaction(tenant_id) as session:
            supervisor = session.get(Account, int(watch["account_id"]))
            changes = {
                "supervisor": ["", supervisor.name if supervisor else str(watch["account_id"])],
                "call": ["", watch["call_id"]],
            }
            agent = session.get(Account, int(watch["agent_id"]))
            audit.record(session, None, "supervise.watch-ended", agent, changes, tenant_id=tenant_id)
            session.commit()
        logger.info("watch ended: the right is gone", supervisor=watch["account_id"], call=watch["call_id"])
